//! Workloads: how many pods each kind asks for, and from which template.

use super::admission;
use super::field::{Finding, any_error, decode};
use super::inventory::Controller;
use super::same_zone;
use crate::diagnostic::Place;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PodSpec, PodTemplate, PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{Labels, ObjectKey};

/// Pods of one workload that are read. Kubernetes supports 150,000 in a whole cluster (kubernetes.io, "Considerations for large
/// clusters"); a larger number is a slip.
pub(super) const PODS_MAX: i32 = 150_000;

/// Kinds with a pod template, with their API version.
pub(super) const KINDS: [(&str, &str); 8] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "PodTemplate"),
    ("apps/v1", "DaemonSet"),
];

/// A workload of the input, checked.
#[derive(Debug)]
pub(super) struct Workload {
    pub kind: &'static str,
    pub key: ObjectKey,
    pub uid: Option<Arc<str>>,
    pub controller: Option<Controller>,
    /// Pods that it asks for.
    pub count: u32,
    /// The index of the first pod.
    pub first: u32,
    pub labels: Arc<Labels>,
    pub same_zone_as: Option<Arc<str>>,
    pub spec: Arc<PodSpec>,
    pub claim_templates: Arc<[PersistentVolumeClaim]>,
    /// The pods that it counts as its own, where its kind says so.
    pub selector: Option<LabelSelector>,
    pub place: Place,
}

impl Workload {
    /// `Deployment/default/web`
    pub(super) fn owner(&self) -> Arc<str> {
        format!("{}/{}", self.kind, self.key).into()
    }

    /// Whether both are the same but for their place.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let Self { kind, key, uid, controller, count, first, labels, same_zone_as, spec, claim_templates, selector, place: _ } =
            self;
        (kind, key, uid, controller) == (&other.kind, &other.key, &other.uid, &other.controller)
            && (count, first, labels, spec) == (&other.count, &other.first, &other.labels, &other.spec)
            && (claim_templates, same_zone_as, selector) == (&other.claim_templates, &other.same_zone_as, &other.selector)
    }
}

/// Where the spec of the pods stands in an object of a kind.
pub(crate) fn spec_path(kind: &str) -> &'static str {
    match kind {
        "Pod" | super::buffer::KIND => "spec",
        "PodTemplate" => "template.spec",
        "CronJob" => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    }
}

/// What a manifest asks for.
pub(super) struct Asked {
    pub metadata: ObjectMeta,
    pub count: u32,
    pub first: u32,
    pub labels: BTreeMap<String, String>,
    pub same_zone_as: Option<String>,
    pub spec: PodSpec,
    pub claim_templates: Vec<PersistentVolumeClaim>,
    /// The pods that it counts as its own, where its kind says so.
    pub selector: Option<LabelSelector>,
}

/// What is common to all kinds, before the checks.
struct Draft {
    metadata: ObjectMeta,
    /// Numbers that must not be negative, with their fields.
    numbers: Vec<(&'static str, Option<i32>)>,
    count: i32,
    first: i32,
    /// `None` where the kind needs none.
    selector: Option<LabelSelector>,
    template: PodTemplateSpec,
    claim_templates: Vec<PersistentVolumeClaim>,
}

/// Reads a workload of one of [`KINDS`]. `None` if there is an error among the findings.
pub(super) fn read(kind: &str, mut value: Value, found: &mut Vec<Finding>) -> Option<Asked> {
    // What a controller wrote decides nothing, except how far a Job has got.
    if kind != "Job"
        && let Some(fields) = value.as_object_mut()
    {
        fields.remove("status");
    }
    let draft = draft(kind, value, found)?;
    for (field, number) in &draft.numbers {
        if let Some(number) = number.filter(|number| *number < 0) {
            found.push(Finding::error(*field, format!("{number} is negative")));
        }
    }
    if draft.count > PODS_MAX {
        let field = draft.numbers.first().map_or("spec", |(field, _)| *field);
        let message = format!("{} pods are more than one workload can have; at most {PODS_MAX} are planned", draft.count);
        found.push(Finding::error(field, message));
    }
    let path = spec_path(kind);
    let template_path = path.strip_suffix(".spec").unwrap_or(path);
    let ObjectMeta { labels, annotations, .. } = draft.template.metadata.unwrap_or_default();
    let labels = labels.unwrap_or_default();
    admission::labels(Some(&labels), &format!("{template_path}.metadata.labels"), found);
    let same_zone_as = same_zone::read(annotations.as_ref(), Some(&labels), &format!("{template_path}.metadata"), found);
    let spec = draft.template.spec.unwrap_or_default();
    admission::pod_spec(&spec, path, found);
    if let Some(selector) = &draft.selector {
        check_selector(selector, &labels, template_path, found);
    }
    for (index, claim) in draft.claim_templates.iter().enumerate() {
        if claim.metadata.name.as_deref().unwrap_or_default().is_empty() {
            found.push(Finding::error(format!("spec.volumeClaimTemplates[{index}].metadata.name"), "is missing"));
        }
    }
    if any_error(found) {
        return None;
    }
    let (count, first) = (u32::try_from(draft.count).ok()?, u32::try_from(draft.first).ok()?);
    // Without a selector, a ReplicationController selects the labels of its template.
    let of_template = (kind == "ReplicationController" && !labels.is_empty())
        .then(|| LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() });
    let selector = draft.selector.or(of_template);
    let (metadata, claim_templates) = (draft.metadata, draft.claim_templates);
    Some(Asked { metadata, count, first, labels, same_zone_as, spec, claim_templates, selector })
}

fn check_selector(selector: &LabelSelector, labels: &BTreeMap<String, String>, template_path: &str, found: &mut Vec<Finding>) {
    let is_empty = selector.match_labels.as_ref().is_none_or(BTreeMap::is_empty)
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
    if is_empty {
        found.push(Finding::error("spec.selector", "is missing or empty; it must select the pods of the template"));
        return;
    }
    let before = found.len();
    admission::label_selector(selector, "spec.selector", found);
    if found.len() == before && !admission::selects(selector, Some(labels)) {
        found.push(Finding::error(format!("{template_path}.metadata.labels"), "spec.selector does not select these labels"));
    }
}

fn draft(kind: &str, value: Value, found: &mut Vec<Finding>) -> Option<Draft> {
    let replicated = |metadata, replicas: Option<i32>, selector, template| Draft {
        metadata,
        numbers: vec![("spec.replicas", replicas)],
        count: replicas.unwrap_or(1),
        first: 0,
        selector: Some(selector),
        template,
        claim_templates: Vec::new(),
    };
    let single = |metadata, selector, template| Draft {
        metadata,
        numbers: Vec::new(),
        count: 1,
        first: 0,
        selector,
        template,
        claim_templates: Vec::new(),
    };
    Some(match kind {
        "Deployment" => {
            let Deployment { metadata, spec, .. } = decode(value, "", found)?;
            replicated(metadata, spec.replicas, spec.selector, spec.template)
        }
        "StatefulSet" => stateful_set(decode(value, "", found)?),
        "ReplicaSet" => {
            let ReplicaSet { metadata, spec, .. } = decode(value, "", found)?;
            replicated(metadata, spec.replicas, spec.selector, spec.template.unwrap_or_default())
        }
        "ReplicationController" => {
            let ReplicationController { metadata, spec, .. } = decode(value, "", found)?;
            let spec = spec.unwrap_or_default();
            let template = spec.template.unwrap_or_default();
            // The one kind whose selector defaults to the labels of its template.
            let labels = spec.selector.filter(|labels| !labels.is_empty());
            let selector = labels.map(|labels| LabelSelector { match_labels: Some(labels), ..LabelSelector::default() });
            Draft { selector, ..replicated(metadata, spec.replicas, LabelSelector::default(), template) }
        }
        "Job" => {
            let Job { metadata, spec, status } = decode(value, "", found)?;
            let status = status.unwrap_or_default();
            let over = status
                .conditions
                .iter()
                .flatten()
                .any(|one| matches!(one.type_.as_str(), "Complete" | "Failed") && one.status == "True");
            let done = if over || status.completion_time.is_some() { i32::MAX } else { status.succeeded.unwrap_or(0) };
            job(metadata, spec.unwrap_or_default(), done, ["spec.parallelism", "spec.completions"])
        }
        "CronJob" => {
            let CronJob { metadata, spec, .. } = decode(value, "", found)?;
            let done = if spec.suspend == Some(true) { i32::MAX } else { 0 };
            let fields = ["spec.jobTemplate.spec.parallelism", "spec.jobTemplate.spec.completions"];
            job(metadata, spec.job_template.spec.unwrap_or_default(), done, fields)
        }
        "PodTemplate" => {
            let PodTemplate { metadata, template } = decode(value, "", found)?;
            single(metadata, None, template.unwrap_or_default())
        }
        _ => {
            let DaemonSet { metadata, spec, .. } = decode(value, "", found)?;
            single(metadata, Some(spec.selector), spec.template)
        }
    })
}

/// The pods of a Job that run at one time, less those that are done.
fn job(metadata: ObjectMeta, spec: JobSpec, done: i32, [parallelism, completions]: [&'static str; 2]) -> Draft {
    let at_once = spec.parallelism.unwrap_or(1);
    let left = spec.completions.map_or(i32::MAX, |all| all.saturating_sub(done).max(0));
    let stopped = spec.suspend == Some(true) || done == i32::MAX;
    Draft {
        metadata,
        numbers: vec![(parallelism, spec.parallelism), (completions, spec.completions)],
        count: if stopped { 0 } else { at_once.min(left) },
        first: 0,
        selector: None,
        template: spec.template,
        claim_templates: Vec::new(),
    }
}

/// The claims of each pod stand beside its template: their names follow from the pod's.
fn stateful_set(set: StatefulSet) -> Draft {
    let spec = set.spec;
    let mut template = spec.template;
    let claim_templates = spec.volume_claim_templates.unwrap_or_default();
    // The controller replaces a volume of the template that has the name of a claim.
    if let Some(volumes) = template.spec.as_mut().and_then(|pod| pod.volumes.as_mut()) {
        volumes.retain(|volume| claim_templates.iter().all(|claim| claim.metadata.name.as_deref() != Some(volume.name.as_str())));
    }
    let first = spec.ordinals.and_then(|ordinals| ordinals.start);
    Draft {
        metadata: set.metadata,
        numbers: vec![("spec.replicas", spec.replicas), ("spec.ordinals.start", first)],
        count: spec.replicas.unwrap_or(1),
        first: first.unwrap_or(0),
        selector: Some(spec.selector),
        template,
        claim_templates,
    }
}

#[cfg(test)]
mod tests;
