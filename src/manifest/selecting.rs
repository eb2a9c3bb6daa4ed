//! Services and controllers of pods in a cluster: their pods are there, so that the selector alone decides anything.

use super::field::{Finding, any_error, decode};
use super::{admission, service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;

/// The kinds of the API.
pub(super) const KINDS: [&str; 4] = [service::KIND, "ReplicationController", "ReplicaSet", "StatefulSet"];

/// The pods that an object of these kinds selects; `None` if it selects none, or there is an error among the findings.
pub(super) fn selector(kind: &str, value: &Value, found: &mut Vec<Finding>) -> Option<LabelSelector> {
    if [service::KIND, "ReplicationController"].contains(&kind) {
        return service::selector(value, found);
    }
    let written = value.pointer("/spec/selector").filter(|written| !written.is_null())?;
    let before = found.len();
    let selector: LabelSelector = decode(written.clone(), "spec.selector", found)?;
    admission::label_selector(&selector, "spec.selector", found);
    (!any_error(&found[before..])).then_some(selector)
}
