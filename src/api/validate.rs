//! The API server's verdict on an object, without an API server.
//!
//! In its order: nulls are dropped and defaults filled in, then the structural schema is checked, then the CEL rules, and last what
//! Karpenter's controllers check at run time because neither can say it (cron expressions, duplicate taints, amounts that do not fit).
//! As in the API server, the later steps are skipped when a value has the wrong type or a required one is missing.

mod cel;
mod defaults;
mod runtime;
mod schema;
mod similar;
mod structural;

use super::crd;
use crate::diagnostic::Severity;
use schema::Schema;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

/// One finding about one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldError {
    /// The field, such as `spec.template.spec.requirements[0].values`; keys of maps in brackets. Empty for the object as a whole.
    pub path: String,
    /// Whether the API server or the controllers refuse the object, or it is only probably not what its author wants.
    pub severity: Severity,
    /// What kind of finding it is.
    pub reason: Reason,
    /// What is wrong, and what was expected.
    pub message: String,
}

/// What kind of finding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A required field is missing.
    Required,
    /// A value has another type than the schema says.
    Type,
    /// A text or a list is too long.
    Size,
    /// A value is outside of its enum, pattern or bounds.
    Value,
    /// An entry that must be unique is there twice.
    Duplicate,
    /// The schema does not know the field; the API server drops it.
    UnknownField,
    /// A CEL rule does not hold.
    Rule,
    /// Karpenter's controllers would refuse it at run time, or we do.
    Runtime,
}

impl FieldError {
    fn error(path: impl Into<String>, reason: Reason, message: impl Into<String>) -> Self {
        Self { path: path.into(), severity: Severity::Error, reason, message: message.into() }
    }

    fn warning(path: impl Into<String>, reason: Reason, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, reason, message) }
    }

    /// Whether the object is refused for it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Whether the API server checks nothing further after it.
    fn blocks(&self) -> bool {
        self.is_error() && matches!(self.reason, Reason::Required | Reason::Type | Reason::Size)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// An object as the API server would store it, and what it says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Admission {
    /// The object without nulls and with defaults. Reads as the typed object if no finding is an error.
    pub object: Value,
    /// Findings, by path.
    pub findings: Vec<FieldError>,
}

/// What the API server does with a new object; `None` if the kind is not one of ours.
pub fn admit(api_version: &str, kind: &str, object: &Value) -> Option<Admission> {
    Some(admit_after(compiled(api_version, kind)?, kind, object, None))
}

/// What the API server says to a new object; `None` if the kind is not one of ours.
pub fn validate(api_version: &str, kind: &str, object: &Value) -> Option<Vec<FieldError>> {
    admit(api_version, kind, object).map(|admission| admission.findings)
}

/// What the API server says to a change of an object; `None` if the kind is not one of ours.
pub fn validate_update(api_version: &str, kind: &str, object: &Value, old: &Value) -> Option<Vec<FieldError>> {
    Some(admit_after(compiled(api_version, kind)?, kind, object, Some(old)).findings)
}

/// What Karpenter's controllers check at run time, of an object that an API server has admitted already.
pub fn check_admitted(kind: &str, object: &Value) -> Vec<FieldError> {
    let mut findings = Vec::new();
    runtime::check(kind, object, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// A kind's schema in the two forms that are walked.
struct Compiled {
    schema: Schema,
    rules: cel::Rules,
}

/// Compiling takes far longer than validating an object, so it is done once.
fn compiled(api_version: &str, kind: &str) -> Option<&'static Compiled> {
    static ALL: OnceLock<BTreeMap<String, BTreeMap<String, Compiled>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let mut all: BTreeMap<String, BTreeMap<String, Compiled>> = BTreeMap::new();
        for definition in crd::definitions() {
            let compiled =
                Compiled { schema: Schema::root(definition.schema()), rules: cel::Rules::compile(definition.schema()) };
            all.entry(definition.api_version).or_default().insert(definition.kind, compiled);
        }
        all
    });
    all.get(api_version)?.get(kind)
}

fn admit_after(compiled: &Compiled, kind: &str, object: &Value, old: Option<&Value>) -> Admission {
    let mut object = object.clone();
    defaults::apply(&compiled.schema, &mut object);
    let mut findings = Vec::new();
    structural::check(&compiled.schema, &object, &mut findings);
    runtime::metadata(&object, &mut findings);
    if !findings.iter().any(FieldError::blocks) {
        let old = old.map(|old| {
            let mut old = old.clone();
            defaults::apply(&compiled.schema, &mut old);
            old
        });
        compiled.rules.check(&object, old.as_ref(), &mut findings);
        let mut at_run_time = Vec::new();
        runtime::check(kind, &object, &mut at_run_time);
        // What the schema has refused need not be refused twice.
        at_run_time.retain(|late| !findings.iter().any(|early| early.is_error() && early.path == late.path));
        findings.extend(at_run_time);
    }
    findings.sort();
    findings.dedup();
    Admission { object, findings }
}
