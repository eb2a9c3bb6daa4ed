//! From documents to the inventory: which kind a document is, and what happens to it.

use super::buffer::{self, Buffer};
use super::document::{self, Document, Syntax};
use super::field::{Finding, any_error, decode, join};
use super::generate::{Generated, is_unnamed};
use super::inventory::{DaemonSet, Inventory, PodSet, Sourced};
use super::pod::{self, CheckedSpec, SpecCache};
use super::reduce::Interner;
use super::service::{self, Service};
use super::workload::{self, Workload};
use super::{Options, admission, json, kind, limit_range, line, owner, same_zone, selecting, syntax, twice, yaml};
use crate::api;
use crate::diagnostic::{Diagnostic, Place};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use windlass_solver::ObjectKey;

/// Reads documents one after the other.
pub(super) struct Reader<'o> {
    options: &'o Options,
    pub(super) inventory: Inventory,
    interner: Interner,
    specs: SpecCache,
    workloads: Vec<Workload>,
    buffers: Vec<Sourced<Buffer>>,
    services: Vec<Sourced<Service>>,
    generated: Generated,
    /// Objects come from an API server, which has validated them and filled in defaults.
    admitted: bool,
}

/// Where an object comes from.
#[derive(Clone, Copy)]
struct Origin<'a> {
    file: &'a Arc<str>,
    /// The number of the document.
    number: usize,
    /// The text of the document, and the line on which it starts.
    text: &'a str,
    line: usize,
    /// Where the object stands in the document: empty, or the item of a List.
    within: &'a str,
}

impl Origin<'_> {
    /// The line of the first thing in the document.
    fn place(&self) -> Place {
        let blank = |line: &&str| {
            let text = line.trim();
            text.is_empty() || text == "---" || text.starts_with('#')
        };
        let skipped = if self.within.is_empty() {
            self.text.lines().take_while(blank).count()
        } else {
            line::of(self.text, self.within) - 1
        };
        Place { file: self.file.clone(), document: self.number, line: self.line + skipped }
    }

    fn diagnostic(&self, object: &str, finding: Finding) -> Diagnostic {
        let line = self.line + line::of(self.text, &format!("{}.{}", self.within, finding.field)) - 1;
        Diagnostic {
            severity: finding.severity,
            place: Some(Place { line, ..self.place() }),
            object: (!object.is_empty()).then(|| object.to_owned()),
            field: (!finding.field.is_empty()).then_some(finding.field),
            message: finding.message,
            hint: finding.hint,
        }
    }
}

/// An object whose kind is known.
struct Object<'a> {
    kind: &'static str,
    key: ObjectKey,
    /// `Kind/namespace/name` or `Kind/name`.
    shown: String,
    metadata: ObjectMeta,
    origin: Origin<'a>,
}

impl<'o> Reader<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self {
            options,
            inventory: Inventory::default(),
            interner: Interner::default(),
            specs: SpecCache::default(),
            workloads: Vec::new(),
            buffers: Vec::new(),
            services: Vec::new(),
            generated: Generated::default(),
            admitted: false,
        }
    }

    /// Reads a file.
    pub(super) fn file(&mut self, name: &str, bytes: &[u8]) {
        let file: Arc<str> = name.into();
        let mut number = 0;
        for document in document::split(bytes) {
            self.document(&file, &mut number, &document);
        }
    }

    fn document(&mut self, file: &Arc<str>, number: &mut usize, document: &Document<'_>) {
        if let Some(list) = document::list(document)
            && let Ok(header) = std::str::from_utf8(&list.header)
            && let Ok(Some(header)) = parse(header, document.syntax)
            && is_list(&header)
        {
            for item in list.items {
                self.single(file, number, &item, list_kind(&header));
            }
            return;
        }
        self.single(file, number, document, None);
    }

    /// Reads one document that is not taken apart; `implied` is the kind that its List implies.
    fn single(&mut self, file: &Arc<str>, number: &mut usize, document: &Document<'_>, implied: Option<(String, String)>) {
        *number += 1;
        let text = match std::str::from_utf8(&document.text) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) => {
                let lines = document::line_breaks(&document.text[..error.valid_up_to()]);
                let place = Place { file: file.clone(), document: *number, line: document.line + lines };
                self.inventory.diagnostics.push(Diagnostic::error("the document is not UTF-8 text").at(place));
                return;
            }
        };
        let origin = Origin { file, number: *number, text: &text, line: document.line, within: "" };
        if document.syntax == Syntax::Yaml && self.pod_by_fields(origin) {
            return;
        }
        match parse(&text, document.syntax) {
            Ok(None) => *number -= 1,
            Ok(Some(value)) if is_list(&value) => self.items(value, origin, number),
            Ok(Some(value)) => self.object(value, origin, implied),
            Err(failure) => {
                let place = Place { line: document.line + failure.line - 1, ..origin.place() };
                let kind = if document.syntax == Syntax::Json { "JSON" } else { "YAML" };
                let column = failure.column.map(|column| format!(", column {column}")).unwrap_or_default();
                let message = format!("the document is not {kind}{column}: {}", failure.message);
                self.inventory.diagnostics.push(Diagnostic::error(message).at(place));
            }
        }
    }

    /// The items of a List that could not be taken apart as text.
    fn items(&mut self, mut value: Value, origin: Origin<'_>, number: &mut usize) {
        let implied = list_kind(&value);
        *number -= 1;
        let items = value.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default();
        for (index, item) in items.into_iter().enumerate() {
            *number += 1;
            let within = format!("{}.items[{index}]", origin.within);
            self.object(item, Origin { number: *number, within: &within, ..origin }, implied.clone());
        }
    }

    /// The fast way for a Pod in block style: its spec is looked up by text. `false` where that is not possible.
    fn pod_by_fields(&mut self, origin: Origin<'_>) -> bool {
        let Some(fields) = pod::fields(origin.text) else { return false };
        let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, text)| *text);
        let is = |name: &str, value: &str| {
            field(name).is_some_and(|text| text.trim().split_once(':').is_some_and(|(_, rest)| rest.trim() == value))
        };
        let known = |key: &str| matches!(key, "apiVersion" | "kind" | "metadata" | "spec" | "status");
        if !is("apiVersion", "v1") || !is("kind", "Pod") || !fields.iter().all(|(key, _)| known(key)) {
            return false;
        }
        let part = |name: &str| {
            field(name).map(|text| yaml::value(text).map(|value| value.and_then(|mut all| all.get_mut(name).map(Value::take))))
        };
        let (Ok(metadata), Ok(status)) = (part("metadata").transpose(), part("status").transpose()) else { return false };
        // What a name is made from is the object as a whole.
        let metadata = metadata.flatten();
        if is_unnamed(metadata.as_ref()) {
            return false;
        }
        let Some(text) = field("spec") else { return false };
        let checked = if let Some(known) = self.specs.get(text) {
            known.clone()
        } else {
            let Some(Ok(Some(value))) = part("spec") else { return false };
            let checked = pod::check_spec(value, &mut self.interner);
            self.specs.put(text, &checked);
            checked
        };
        self.pod(metadata, &checked, status.flatten(), origin);
        true
    }

    fn object(&mut self, mut value: Value, origin: Origin<'_>, implied: Option<(String, String)>) {
        let (api_version, kind) = match (text_of(&value, "apiVersion"), text_of(&value, "kind"), implied) {
            (Ok(api_version), Ok(kind), _) => (api_version, kind),
            (_, _, Some(implied)) => implied,
            (Err(why), ..) | (_, Err(why), _) => {
                self.inventory.diagnostics.push(origin.diagnostic("", why));
                return;
            }
        };
        match kind::find(&api_version, &kind) {
            kind::Found::Known(kind) if kind != service::KIND || self.options.services => {
                self.generated.complete(&mut value);
                self.known(kind, &api_version, value, origin);
            }
            kind::Found::Known(_) | kind::Found::Unknown => {
                *self.inventory.skipped.entry(format!("{api_version} {kind}")).or_default() += 1;
            }
            kind::Found::OtherVersion(wanted) => {
                let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                let finding = Finding::error("apiVersion", format!("{api_version} {kind} is not served any more"))
                    .hint(format!("use apiVersion: {wanted}"));
                self.inventory.diagnostics.push(origin.diagnostic(&format!("{kind}/{name}"), finding));
            }
        }
    }

    fn known(&mut self, kind: &'static str, api_version: &str, mut value: Value, origin: Origin<'_>) {
        if kind == "Pod" {
            let mut found = Vec::new();
            for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
                if !matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "spec" | "status") {
                    found.push(Finding::warning(join("", key), "unknown field, ignored"));
                }
            }
            let mut take = |name: &str| value.get_mut(name).map(Value::take).filter(|value| !value.is_null());
            let (metadata, spec, status) = (take("metadata"), take("spec"), take("status"));
            let mut checked = pod::check_spec(spec.unwrap_or_else(|| Value::Object(serde_json::Map::new())), &mut self.interner);
            checked.findings.extend(found);
            self.pod(metadata, &checked, status, origin);
            return;
        }
        let metadata = value.get("metadata").cloned();
        if let Some(fields) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            fields.remove("managedFields");
        }
        // In kinds of Kubernetes, unknown fields of the metadata are found with the rest of the object.
        let Some(object) = self.begin(kind, metadata, origin, kind::is_ours(kind)) else { return };
        if self.admitted && selecting::KINDS.contains(&kind) {
            self.selecting(&object, &value);
        } else if kind::is_ours(kind) {
            self.ours(&object, api_version, &value);
        } else if workload::KINDS.iter().any(|(_, known)| *known == kind) {
            self.workload(object, value);
        } else if kind == buffer::KIND {
            self.buffer(object, value);
        } else if kind == service::KIND {
            self.service(object, &value);
        } else {
            self.plain(&object, value);
        }
    }

    /// Reads the metadata. `None`, with findings, where they name no object.
    fn begin<'a>(
        &mut self,
        kind: &'static str,
        metadata: Option<Value>,
        origin: Origin<'a>,
        report_unknown: bool,
    ) -> Option<Object<'a>> {
        let mut found = Vec::new();
        let mut value = metadata.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        if let Some(fields) = value.as_object_mut() {
            fields.remove("managedFields");
        }
        let shown = self.shown(kind, &value);
        let Some(mut metadata) = decode::<ObjectMeta>(value, "metadata", &mut found) else {
            self.report(origin, &shown, found);
            return None;
        };
        if !report_unknown {
            found.clear();
        }
        let name = Self::name(&metadata, &mut found);
        let namespace = if kind::is_namespaced(kind) {
            let given = metadata.namespace.get_or_insert_with(|| self.options.namespace.to_string());
            if let Err(why) = syntax::label_name(given) {
                found.push(Finding::error("metadata.namespace", format!("{given:?} {why}")));
            }
            self.interner.name(given)
        } else {
            metadata.namespace = None;
            Arc::from("")
        };
        let key = ObjectKey::new(namespace, name);
        let shown = if key.namespace.is_empty() { format!("{kind}/{}", key.name) } else { format!("{kind}/{key}") };
        admission::labels(metadata.labels.as_ref(), "metadata.labels", &mut found);
        let refused = any_error(&found);
        self.report(origin, &shown, found);
        if refused {
            return None;
        }
        Some(Object { kind, key, shown, metadata, origin })
    }

    /// How an object is called in findings, before its metadata are known to be right.
    fn shown(&self, kind: &str, metadata: &Value) -> String {
        let text = |field: &str| metadata.get(field).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        if kind::is_namespaced(kind) {
            format!("{kind}/{}/{name}", text("namespace").unwrap_or(&self.options.namespace))
        } else {
            format!("{kind}/{name}")
        }
    }

    /// The name, checked.
    fn name(metadata: &ObjectMeta, found: &mut Vec<Finding>) -> Arc<str> {
        let name = metadata.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            found.push(Finding::error("metadata.name", "is missing"));
        } else if let Err(why) = syntax::subdomain(name) {
            let shown: String = name.chars().take(80).collect();
            found.push(Finding::error("metadata.name", format!("{shown:?} {why}")));
        }
        name.into()
    }

    fn report(&mut self, origin: Origin<'_>, object: &str, found: Vec<Finding>) {
        self.inventory.diagnostics.extend(found.into_iter().map(|finding| origin.diagnostic(object, finding)));
    }

    fn pod(&mut self, metadata: Option<Value>, checked: &CheckedSpec, status: Option<Value>, origin: Origin<'_>) {
        let Some(object) = self.begin("Pod", metadata, origin, true) else { return };
        let mut found = checked.findings.clone();
        let state = pod::state(&object.metadata, checked, status, &mut self.interner, &mut found);
        let ObjectMeta { labels, annotations, .. } = &object.metadata;
        let before = found.len();
        let same_zone_as = same_zone::read(annotations.as_ref(), labels.as_ref(), "metadata", &mut found).map(Arc::from);
        let state = state.filter(|_| found.len() == before);
        self.report(origin, &object.shown, found);
        if let Some((spec, state)) = state {
            let labels = self.interner.labels(object.metadata.labels.as_ref());
            let (owner, claim_templates) = (object.shown.as_str().into(), Arc::default());
            let value = PodSet { owner, keys: vec![object.key], labels, same_zone_as, spec, claim_templates, state };
            self.inventory.pods.push(Sourced { value, place: origin.place() });
        }
    }

    fn workload(&mut self, object: Object<'_>, value: Value) {
        let mut found = Vec::new();
        let asked = workload::read(object.kind, value, &mut found);
        self.report(object.origin, &object.shown, found);
        let Some(asked) = asked else { return };
        let (labels, spec) = (self.interner.labels(Some(&asked.labels)), self.interner.spec(asked.spec));
        let place = object.origin.place();
        if object.kind == "DaemonSet" {
            self.inventory.daemon_sets.push(Sourced { value: DaemonSet { key: object.key, labels, spec }, place });
            return;
        }
        self.workloads.push(Workload {
            kind: object.kind,
            key: object.key,
            uid: asked.metadata.uid.as_deref().map(Arc::from),
            controller: pod::controller(&asked.metadata, &mut self.interner),
            count: asked.count,
            first: asked.first,
            labels,
            same_zone_as: asked.same_zone_as.map(Arc::from),
            spec,
            claim_templates: asked.claim_templates.into(),
            selector: asked.selector,
            place,
        });
    }

    fn selecting(&mut self, object: &Object<'_>, value: &Value) {
        let mut found = Vec::new();
        let selector = selecting::selector(object.kind, value, &mut found);
        self.report(object.origin, &object.shown, found);
        self.inventory.selectors.extend(selector.map(|selector| (object.shown.as_str().into(), selector)));
    }

    fn service(&mut self, object: Object<'_>, value: &Value) {
        let mut found = Vec::new();
        let selector = service::selector(value, &mut found);
        self.report(object.origin, &object.shown, found);
        let place = object.origin.place();
        self.services.extend(selector.map(|selector| Sourced { value: Service { key: object.key, selector }, place }));
    }

    fn buffer(&mut self, object: Object<'_>, value: Value) {
        let mut found = Vec::new();
        let read = buffer::read(object.key, value, &mut found);
        self.report(object.origin, &object.shown, found);
        let place = object.origin.place();
        self.buffers.extend(read.map(|value| Sourced { value, place }));
    }

    /// Karpenter's kinds, with the API server's verdict and defaults.
    fn ours(&mut self, object: &Object<'_>, api_version: &str, value: &Value) {
        let admission = if self.admitted {
            api::Admission { object: value.clone(), findings: api::check_admitted(object.kind, value) }
        } else {
            let Some(admission) = api::admit(api_version, object.kind, value) else { return };
            admission
        };
        let mut found: Vec<Finding> = Vec::new();
        for finding in admission.findings {
            found.push(Finding { severity: finding.severity, field: finding.path, message: finding.message, hint: None });
        }
        let refused = any_error(&found);
        self.report(object.origin, &object.shown, found);
        if refused {
            return;
        }
        let value = admission.object;
        match object.kind {
            "NodePool" => self.keep_ours(object, value, |all| &mut all.node_pools, |pool| &mut pool.metadata),
            "NodeClaim" => self.keep_ours(object, value, |all| &mut all.node_claims, |claim| &mut claim.metadata),
            "NodeOverlay" => self.keep_ours(object, value, |all| &mut all.node_overlays, |overlay| &mut overlay.metadata),
            "EC2NodeClass" => self.keep_ours(object, value, |all| &mut all.node_classes, |class| &mut class.metadata),
            "Provisioner" => self.keep_ours(object, value, |all| &mut all.provisioners, |provisioner| &mut provisioner.metadata),
            _ => self.keep_ours(object, value, |all| &mut all.aws_node_templates, |template| &mut template.metadata),
        }
    }

    fn keep_ours<T: DeserializeOwned>(
        &mut self,
        object: &Object<'_>,
        value: Value,
        list: impl Fn(&mut Inventory) -> &mut Vec<Sourced<T>>,
        metadata: impl Fn(&mut T) -> &mut ObjectMeta,
    ) {
        match super::tracked::read::<T>(value).object {
            Ok(mut value) => {
                metadata(&mut value).clone_from(&object.metadata);
                let Origin { text, line, within, .. } = object.origin;
                self.inventory.written.keep(object.origin.place(), text, line, within);
                list(&mut self.inventory).push(Sourced { value, place: object.origin.place() });
            }
            Err((error, _)) => self.report(object.origin, &object.shown, vec![Finding::error("", error.to_string())]),
        }
    }

    /// Kinds that are kept as they are.
    fn plain(&mut self, object: &Object<'_>, value: Value) {
        match object.kind {
            "Namespace" => self.keep(object, value, |all| &mut all.namespaces),
            "Node" => self.keep(object, value, |all| &mut all.nodes),
            "PriorityClass" => self.keep(object, value, |all| &mut all.priority_classes),
            "RuntimeClass" => self.keep(object, value, |all| &mut all.runtime_classes),
            "LimitRange" => self.keep(object, value, |all| &mut all.limit_ranges),
            "PodDisruptionBudget" => self.keep(object, value, |all| &mut all.pod_disruption_budgets),
            "PersistentVolumeClaim" => self.keep(object, value, |all| &mut all.volume_claims),
            "PersistentVolume" => self.keep(object, value, |all| &mut all.volumes),
            "CSINode" => self.keep(object, value, |all| &mut all.csi_nodes),
            _ => self.keep(object, value, |all| &mut all.storage_classes),
        }
    }

    fn keep<T: kind::Checked>(
        &mut self,
        object: &Object<'_>,
        value: Value,
        list: impl Fn(&mut Inventory) -> &mut Vec<Sourced<T>>,
    ) {
        let mut found = Vec::new();
        let decoded = decode::<T>(value, "", &mut found);
        if let Some(decoded) = &decoded {
            decoded.check(&mut found);
        }
        let refused = any_error(&found);
        self.report(object.origin, &object.shown, found);
        if let Some(mut value) = decoded.filter(|_| !refused) {
            *value.metadata_mut() = object.metadata.clone();
            list(&mut self.inventory).push(Sourced { value, place: object.origin.place() });
        }
    }

    /// Settles what needs the whole input.
    pub(super) fn finish(mut self) -> Inventory {
        let mut found = Vec::new();
        let selecting = (&mut self.workloads, &mut self.services);
        twice::settle(&mut self.inventory, selecting, &mut self.buffers, &mut found);
        let of_workloads = self.workloads.iter().filter_map(|one| Some((one.owner(), one.selector.clone()?)));
        let of_services = self.services.into_iter().map(|one| (one.value.owner(), one.value.selector));
        self.inventory.selectors = of_workloads.chain(of_services).collect();
        buffer::resolve(&self.buffers, &mut self.workloads, &mut found);
        let expanded = owner::expand(&self.workloads, &self.inventory.pods, &mut found);
        self.inventory.pods.extend(expanded);
        let pods = std::mem::take(&mut self.inventory.pods);
        self.inventory.pods = limit_range::apply(&self.inventory.limit_ranges, pods, &mut found);
        self.inventory.diagnostics.append(&mut found);
        self.inventory
    }
}

/// Reads one object that stands in no file.
pub(super) fn single(options: &Options, interner: &mut Interner, file: &Arc<str>, object: Value) -> Inventory {
    let mut reader = Reader { interner: std::mem::take(interner), admitted: true, ..Reader::new(options) };
    reader.object(object, Origin { file, number: 1, text: "", line: 1, within: "" }, None);
    *interner = reader.interner;
    reader.inventory
}

fn parse(text: &str, syntax: Syntax) -> Result<Option<Value>, yaml::Failure> {
    match syntax {
        Syntax::Yaml => yaml::value(text),
        // YAML flow style also starts with a brace; what neither reads is reported as JSON.
        Syntax::Json => json::value(text).map(Some).or_else(|failure| yaml::value(text).map_err(|_| failure)),
    }
}

fn text_of(value: &Value, field: &str) -> Result<String, Finding> {
    match value.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        None | Some(Value::Null | Value::String(_)) if value.is_object() => {
            Err(Finding::error(field, "is missing").hint("every Kubernetes object has an apiVersion and a kind"))
        }
        Some(_) => Err(Finding::error(field, "must be a string")),
        None => Err(Finding::error("", "expected an object with apiVersion and kind")),
    }
}

/// A `v1 List` or a typed one such as `PodList`.
fn is_list(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && value.get("items").is_some_and(Value::is_array)
}

/// What the items of a typed List are, where they do not say it themselves.
fn list_kind(header: &Value) -> Option<(String, String)> {
    let kind = header.get("kind")?.as_str()?.strip_suffix("List").filter(|kind| !kind.is_empty())?;
    Some((header.get("apiVersion")?.as_str()?.to_owned(), kind.to_owned()))
}
