//! The CEL rules of a schema (`x-kubernetes-validations`).

use super::{FieldError, Reason};
use kube_cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::Value;

/// A schema's rules, compiled.
pub(super) struct Rules(CompiledSchema);

impl Rules {
    pub(super) fn compile(schema: &Value) -> Self {
        Self(compile_schema(schema))
    }

    /// Checks an object whose types are right; rules about `oldSelf` only if there is an old object.
    pub(super) fn check(&self, object: &Value, old: Option<&Value>, findings: &mut Vec<FieldError>) {
        let Err(errors) = Validator::new().validate_compiled(&self.0, object, old) else { return };
        for error in errors {
            let message = match error.kind {
                ErrorKind::ValidationFailure => format!("Invalid value: {}", error.message),
                // As the API server: a rule that cannot be evaluated counts as broken.
                _ => format!("Invalid value: rule \"{}\" cannot be evaluated: {}", error.rule, error.message),
            };
            findings.push(FieldError::error(error.field_path, Reason::Rule, message));
        }
    }
}
