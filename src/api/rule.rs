//! One CEL rule of a schema, as `x-kubernetes-validations` wants it.

use serde_json::{Value, json};

/// A rule that holds for the value at its own place.
pub(super) fn rule(rule: impl Into<String>, message: &str) -> Value {
    json!({ "rule": rule.into(), "message": message })
}

/// A rule that is reported on a field below its own place, such as `.values`.
pub(super) fn rule_at(field: &str, rule: impl Into<String>, message: &str) -> Value {
    json!({ "rule": rule.into(), "message": message, "fieldPath": field })
}
