//! Services, of which the selector alone decides anything: the default spread of their pods.

use super::admission;
use super::field::{Finding, any_error};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::ObjectKey;

/// The kind of the API.
pub(super) const KIND: &str = "Service";

/// A Service that selects pods.
#[derive(Debug, PartialEq)]
pub(super) struct Service {
    pub key: ObjectKey,
    pub selector: LabelSelector,
}

impl Service {
    /// `Service/default/web`
    pub(super) fn owner(&self) -> Arc<str> {
        format!("{KIND}/{}", self.key).into()
    }
}

/// The pods that a Service selects; `None` if it selects none by labels, or there is an error among the findings.
pub(super) fn selector(value: &Value, found: &mut Vec<Finding>) -> Option<LabelSelector> {
    let written = value.pointer("/spec/selector").filter(|written| !written.is_null())?;
    let labels: BTreeMap<String, String> = match serde_json::from_value(written.clone()) {
        Ok(labels) => labels,
        Err(error) => {
            found.push(Finding::error("spec.selector", error.to_string()));
            return None;
        }
    };
    let before = found.len();
    admission::labels(Some(&labels), "spec.selector", found);
    (!any_error(&found[before..])).then(|| LabelSelector { match_labels: Some(labels), ..LabelSelector::default() })
}
