//! Pods that are in the input themselves, running or not.

use super::admission;
use super::field::{Finding, any_error, decode};
use super::inventory::{Controller, PodState};
use super::reduce::Interner;
use crate::api::label;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Marks the API's copy of a static pod, which the kubelet runs from a file (kubernetes.io/docs/reference/labels-annotations-taints).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod's spec, checked and reduced.
#[derive(Debug, Clone)]
pub(super) struct CheckedSpec {
    /// `None` if there is an error among the findings.
    pub spec: Option<Arc<PodSpec>>,
    pub node: Option<Arc<str>>,
    pub findings: Vec<Finding>,
}

/// Checks a spec that stands at `spec` of a Pod.
pub(super) fn check_spec(value: Value, interner: &mut Interner) -> CheckedSpec {
    let mut findings = Vec::new();
    let Some(spec) = decode::<PodSpec>(value, "spec", &mut findings) else {
        return CheckedSpec { spec: None, node: None, findings };
    };
    admission::pod_spec(&spec, "spec", &mut findings);
    let node = spec.node_name.as_deref().filter(|name| !name.is_empty()).map(|name| interner.name(name));
    let spec = (!any_error(&findings)).then(|| interner.spec(spec));
    CheckedSpec { spec, node, findings }
}

/// Checked specs by their text, so that the many pods of one shape are parsed and checked once.
#[derive(Debug, Default)]
pub(super) struct SpecCache {
    known: HashMap<Box<str>, CheckedSpec>,
}

impl SpecCache {
    /// Specs that are kept. Real input has few shapes or, in dumps of running pods, as many as pods: then keeping more does not help.
    const ENTRIES_MAX: usize = 1024;

    pub(super) fn get(&self, text: &str) -> Option<&CheckedSpec> {
        self.known.get(text)
    }

    pub(super) fn put(&mut self, text: &str, spec: &CheckedSpec) {
        if self.known.len() < Self::ENTRIES_MAX {
            self.known.insert(text.into(), spec.clone());
        }
    }
}

/// What of a status decides. It is the cluster's, so that unknown fields are no findings.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Option<String>,
    nominated_node_name: Option<String>,
    conditions: Option<Vec<Condition>>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    allocated_resources: Option<BTreeMap<String, Text>>,
}

/// What the cluster has decided, and the spec with what it has allocated.
pub(super) fn state(
    metadata: &ObjectMeta,
    checked: &CheckedSpec,
    status: Option<Value>,
    interner: &mut Interner,
    found: &mut Vec<Finding>,
) -> Option<(Arc<PodSpec>, PodState)> {
    let spec = checked.spec.clone()?;
    let status: Status = match status.map(serde_json::from_value).transpose() {
        Ok(status) => status.unwrap_or_default(),
        Err(error) => {
            found.push(Finding::warning("status", format!("not readable, taken as absent: {error}")));
            Status::default()
        }
    };
    let controller = controller(metadata, interner);
    let annotation = |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key));
    let state = PodState {
        node: checked.node.clone(),
        terminal: matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")),
        terminating: metadata.deletion_timestamp.is_some(),
        stays: annotation(label::DO_NOT_DISRUPT).is_some_and(|value| value == "true"),
        unready: status.conditions.iter().flatten().any(|one| one.kind == "Ready" && one.status == "False"),
        mirror: annotation(MIRROR).is_some() || controller.as_ref().is_some_and(|owner| owner.kind.as_ref() == "Node"),
        controller,
    };
    if let Some(node) = status.nominated_node_name.filter(|name| !name.is_empty() && state.node.is_none()) {
        let message =
            format!("the pod is expected on {node}, where others may have to make room for it; it is planned as if it were not");
        found.push(Finding::warning("status.nominatedNodeName", message));
    }
    let statuses: Vec<_> = [status.container_statuses, status.init_container_statuses].into_iter().flatten().flatten().collect();
    let spec =
        if statuses.iter().any(|one| one.allocated_resources.is_some()) { allocate(&spec, &statuses, interner) } else { spec };
    Some((spec, state))
}

/// The owner that manages an object.
pub(super) fn controller(metadata: &ObjectMeta, interner: &mut Interner) -> Option<Controller> {
    let owner = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    Some(Controller {
        kind: interner.name(&owner.kind),
        name: interner.name(&owner.name),
        uid: (!owner.uid.is_empty()).then(|| owner.uid.as_str().into()),
    })
}

/// While a pod is resized in place, it counts with the larger of what it asks for and what it holds (KEP-1287).
fn allocate(spec: &PodSpec, statuses: &[ContainerStatus], interner: &mut Interner) -> Arc<PodSpec> {
    let mut spec = spec.clone();
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        let held =
            statuses.iter().find(|status| status.name == container.name).and_then(|status| status.allocated_resources.as_ref());
        for (resource, held) in held.into_iter().flatten() {
            let requests = container.resources.get_or_insert_default().requests.get_or_insert_default();
            let larger = match (requests.get(resource).map(|text| Quantity::parse(&text.0)), Quantity::parse(&held.0)) {
                (Some(Ok(asked)), Ok(held)) => held > asked,
                (None, Ok(_)) => true,
                _ => false,
            };
            if larger && crate::quantity::amount(resource, &held.0).is_ok() {
                requests.insert(resource.clone(), held.clone());
            }
        }
    }
    interner.spec(spec)
}

/// The top-level fields of a document that is written in block style, each with its text, so that the `spec` of equal pods can be
/// recognised before it is parsed. `None` where a line does not fit, or an anchor could reach from one field into another.
pub(super) fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut fields: Vec<(&str, usize)> = Vec::new();
    let mut column = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        let trimmed = content.trim_end();
        if trimmed.is_empty() || trimmed.starts_with('#') || (fields.is_empty() && trimmed == "---") {
            continue;
        }
        let bytes = line.as_bytes();
        if bytes.windows(2).any(|pair| matches!(pair[1], b'&' | b'*') && matches!(pair[0], b' ' | b'[' | b'{' | b',' | b'\t')) {
            return None;
        }
        if indent == *column.get_or_insert(indent) {
            let (key, rest) = content.split_once(':')?;
            let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
            if !plain
                || !(rest.is_empty() || rest.starts_with([' ', '\n', '\r']))
                || fields.iter().any(|(known, _)| *known == key)
            {
                return None;
            }
            fields.push((key, start));
        } else if column.is_some_and(|column| indent < column) {
            return None;
        }
    }
    let ends = fields.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    let parts: Vec<(&str, &str)> =
        fields.iter().zip(ends).filter_map(|((key, start), end)| Some((*key, text.get(*start..end)?))).collect();
    (parts.len() == fields.len()).then_some(parts)
}

#[cfg(test)]
mod tests;
