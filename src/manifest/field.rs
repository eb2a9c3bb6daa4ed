//! From a JSON value to a typed object, with a finding for each field that has the wrong type or that the type does not know.

use super::tracked::{Step, Unknown};
use crate::diagnostic::Severity;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A finding on a field, before its line is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub severity: Severity,
    pub field: String,
    pub message: String,
    pub hint: Option<String>,
}

impl Finding {
    pub(super) fn error(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, field: field.into(), message: message.into(), hint: None }
    }

    pub(super) fn warning(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(field, message) }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Whether a finding keeps the object out.
pub(super) fn any_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

/// `path.key`, or `path[key]` where the key has dots or slashes of its own.
pub(super) fn join(path: &str, key: &str) -> String {
    if key.contains(['.', '/', '[']) {
        format!("{path}[{key}]")
    } else if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Reads the value that stands at `under`. `None` if a type is wrong; an unknown field is a warning.
pub(super) fn decode<T: DeserializeOwned>(value: Value, under: &str, findings: &mut Vec<Finding>) -> Option<T> {
    let read = super::tracked::read::<T>(value);
    findings.extend(read.unknown.iter().map(|unknown| unknown_field(unknown, under)));
    match read.object {
        Ok(object) => Some(object),
        Err((error, path)) => {
            findings.push(wrong_type(&error.to_string(), shown(&path, under)));
            None
        }
    }
}

fn shown(path: &[Step], under: &str) -> String {
    path.iter().fold(under.to_owned(), |path, step| match step {
        Step::Key(key) => join(&path, key),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

fn wrong_type(message: &str, field: String) -> Finding {
    let expects_text = message.contains("expected a string");
    let finding = Finding::error(field, message);
    if message.contains("invalid type: boolean") && expects_text {
        finding.hint("quote it: without quotes, y, yes, on, true, n, no, off and false are booleans in YAML as kubectl reads it")
    } else if expects_text && (message.contains("invalid type: integer") || message.contains("invalid type: floating point")) {
        finding.hint("quote it")
    } else {
        finding
    }
}

fn unknown_field(unknown: &Unknown, under: &str) -> Finding {
    let finding = Finding::warning(shown(&unknown.path, under), "unknown field, ignored");
    let Some(Step::Key(name)) = unknown.path.last() else { return finding };
    match closest(name, unknown.known.iter().copied()) {
        Some(known) => finding.hint(format!("did you mean {known}?")),
        None => finding,
    }
}

/// The known name that the text was probably meant to be: at most two letters inserted, removed, replaced or swapped.
pub(super) fn closest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = text.to_ascii_lowercase();
    let allowed = if wanted.len() < 5 { 1 } else { 2 };
    let by_distance = known.into_iter().map(|name| (distance(&wanted, &name.to_ascii_lowercase()), name));
    by_distance.filter(|(distance, _)| *distance <= allowed).min().map(|(_, name)| name)
}

/// The optimal string alignment distance. Long texts are never close.
fn distance(one: &str, other: &str) -> usize {
    const LONG: usize = 64;
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() > LONG || other.len() > LONG {
        return LONG;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let changed = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Finding, closest, decode, join};
    use k8s_openapi::api::core::v1::PodSpec;
    use serde_json::json;

    fn findings(value: serde_json::Value) -> (bool, Vec<Finding>) {
        let mut found = Vec::new();
        let decoded = decode::<PodSpec>(value, "spec", &mut found).is_some();
        (decoded, found)
    }

    #[test]
    fn unknown_fields_are_warnings_with_a_suggestion() {
        let (decoded, found) = findings(json!({
            "containers": [{"name": "a", "resources": {"request": {"cpu": 1}}, "foo": 1}],
            "nodeselector": {}, "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoreDuringExecution": {}}}
        }));
        assert!(decoded);
        let shown: Vec<(&str, Option<&str>)> = found.iter().map(|one| (one.field.as_str(), one.hint.as_deref())).collect();
        assert_eq!(
            shown,
            [
                (
                    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoreDuringExecution",
                    Some("did you mean requiredDuringSchedulingIgnoredDuringExecution?")
                ),
                ("spec.containers[0].foo", None),
                ("spec.containers[0].resources.request", Some("did you mean requests?")),
                ("spec.nodeselector", Some("did you mean nodeSelector?")),
            ]
        );
    }

    #[test]
    fn wrong_types_are_errors_with_their_field() {
        for (value, field, message, hinted) in [
            (json!({"containers": {}}), "spec.containers", "invalid type: map, expected a sequence", false),
            (
                json!({"nodeSelector": {"a.b/c": true}}),
                "spec.nodeSelector[a.b/c]",
                "invalid type: boolean `true`, expected a string",
                true,
            ),
            (json!({"schedulerName": 7}), "spec.schedulerName", "invalid type: integer `7`, expected a string", true),
            (json!({"priority": "x"}), "spec.priority", "invalid type: string \"x\", expected i32", false),
        ] {
            let (decoded, found) = findings(value);
            assert!(!decoded);
            assert_eq!((found[0].field.as_str(), found[0].message.as_str(), found[0].hint.is_some()), (field, message, hinted));
        }
    }

    #[test]
    fn suggests_only_what_is_close() {
        let known = ["requests", "limits", "claims", "cpu"];
        assert_eq!(closest("request", known), Some("requests"));
        assert_eq!(closest("Limits", known), Some("limits"));
        assert_eq!(closest("lmiits", known), Some("limits"));
        assert_eq!(closest("gpu", known), Some("cpu"));
        assert_eq!(closest("memory", known), None);
        assert_eq!(closest(&"x".repeat(10_000), known), None);
        assert_eq!(join("metadata.labels", "a/b"), "metadata.labels[a/b]");
    }
}
