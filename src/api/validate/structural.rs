//! The structural schema: types, required fields, enums, patterns, bounds, sizes, duplicates, unknown fields.

use super::schema::{Kind, Schema, Unique};
use super::similar;
use super::{FieldError, Reason};
use crate::api::period;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Longest value that a message repeats, in characters.
const SHOWN_MAX: usize = 80;

/// Checks an object whose defaults are filled in.
pub(super) fn check(schema: &Schema, object: &Value, findings: &mut Vec<FieldError>) {
    Walk { findings }.value(schema, object, "");
}

struct Walk<'a> {
    findings: &'a mut Vec<FieldError>,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Schema, value: &Value, path: &str) {
        match (schema.kind, value) {
            (Kind::Object, Value::Object(fields)) => self.object(schema, fields, path),
            (Kind::Array, Value::Array(items)) => self.array(schema, items, path),
            (Kind::String | Kind::IntOrString, Value::String(text)) => self.text(schema, text, path),
            (Kind::Integer | Kind::IntOrString, Value::Number(number)) if number.is_i64() => {
                self.integer(schema, number.as_i64().unwrap_or_default(), path);
            }
            (Kind::Boolean, Value::Bool(_)) | (Kind::Any, _) => {}
            (kind, found) => self.wrong_type(kind, found, path),
        }
    }

    fn error(&mut self, path: &str, reason: Reason, message: String) {
        self.findings.push(FieldError::error(path, reason, message));
    }

    fn wrong_type(&mut self, kind: Kind, found: &Value, path: &str) {
        let expected = match kind {
            Kind::Object => "an object",
            Kind::Array => "a list",
            Kind::String => "a string",
            Kind::Integer => "an integer",
            Kind::Boolean => "true or false",
            Kind::IntOrString => "a string or an integer",
            Kind::Any => "any value",
        };
        let (name, hint) = match found {
            Value::Null => ("null", ""),
            Value::Bool(_) => ("a boolean", " (put it in quotes?)"),
            Value::Number(number) if number.is_f64() => ("a number with a fraction", " (put it in quotes?)"),
            Value::Number(number) if number.is_u64() && !number.is_i64() => ("an integer beyond 64 bits", ""),
            Value::Number(_) => ("an integer", " (put it in quotes?)"),
            Value::String(_) => ("a string", ""),
            Value::Array(_) => ("a list", ""),
            Value::Object(_) => ("an object", ""),
        };
        let hint = if matches!(kind, Kind::String | Kind::IntOrString) { hint } else { "" };
        self.error(path, Reason::Type, format!("Invalid value: {}: must be {expected}, is {name}{hint}", shown(found)));
    }

    fn object(&mut self, schema: &Schema, fields: &Map<String, Value>, path: &str) {
        for name in schema.required.iter().filter(|name| !fields.contains_key(*name)) {
            self.error(&field(path, name), Reason::Required, "Required value".to_owned());
        }
        self.size(schema, fields.len(), path, "entries");
        for (name, inner) in fields {
            if let Some(known) = schema.properties.get(name) {
                self.value(known, inner, &field(path, name));
            } else if let Some(known) = &schema.additional {
                self.value(known, inner, &key(path, name));
            } else if !schema.is_open {
                self.unknown(schema, name, path);
            }
        }
    }

    fn unknown(&mut self, schema: &Schema, name: &str, path: &str) {
        let candidates = schema.properties.keys().map(String::as_str);
        let hint = similar::to(name, candidates).map(|close| format!(", did you mean {close:?}?")).unwrap_or_default();
        let message = format!("unknown field {}, it has no effect{hint}", shown(&Value::from(name)));
        self.findings.push(FieldError::warning(field(path, name), Reason::UnknownField, message));
    }

    fn array(&mut self, schema: &Schema, items: &[Value], path: &str) {
        self.size(schema, items.len(), path, "items");
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let at = format!("{path}[{index}]");
            if let Some(known) = &schema.items {
                self.value(known, item, &at);
            }
            let identity = match &schema.unique {
                Unique::Nothing => continue,
                Unique::Items => item.to_string(),
                Unique::Keys(keys) => keys.iter().map(|key| item.get(key).unwrap_or(&Value::Null).to_string() + "\n").collect(),
            };
            if !seen.insert(identity) {
                self.error(&at, Reason::Duplicate, format!("Duplicate value: {}", shown(item)));
            }
        }
    }

    fn size(&mut self, schema: &Schema, size: usize, path: &str, unit: &str) {
        if let Some(most) = schema.size.1.filter(|most| size > *most) {
            self.error(path, Reason::Size, format!("Too many: {size}: must have at most {most} {unit}"));
        }
        if let Some(least) = schema.size.0.filter(|least| size < *least) {
            self.error(path, Reason::Value, format!("Too few: {size}: must have at least {least} {unit}"));
        }
    }

    fn text(&mut self, schema: &Schema, text: &str, path: &str) {
        let value = shown(&Value::from(text));
        // Counts no further than needed: inputs may be large.
        if let Some(most) = schema.size.1.filter(|most| text.len() > *most && text.chars().nth(*most).is_some()) {
            return self.error(path, Reason::Size, format!("Too long: {value}: may not be longer than {most} characters"));
        }
        if let Some(least) = schema.size.0.filter(|least| text.chars().count() < *least) {
            self.error(path, Reason::Value, format!("Invalid value: {value}: must have at least {least} characters"));
        }
        if !schema.allowed.is_empty() && !schema.allowed.iter().any(|allowed| allowed == text) {
            let allowed: Vec<String> = schema.allowed.iter().map(Value::to_string).collect();
            let close = similar::to(text, schema.allowed.iter().filter_map(Value::as_str));
            let hint = close.map(|close| format!(" (did you mean {close:?}?)")).unwrap_or_default();
            return self.error(
                path,
                Reason::Value,
                format!("Unsupported value: {value}: supported values: {}{hint}", allowed.join(", ")),
            );
        }
        if let Some(pattern) = schema.pattern.as_ref().filter(|pattern| !pattern.is_match(text)) {
            let pattern = pattern.as_str();
            self.error(path, Reason::Value, format!("Invalid value: {value}: {}", expectation(pattern)));
        }
        if schema.is_time && text.parse::<jiff::Timestamp>().is_err() {
            self.error(path, Reason::Type, format!("Invalid value: {value}: must be a time such as 2024-01-31T12:00:00Z"));
        }
    }

    fn integer(&mut self, schema: &Schema, number: i64, path: &str) {
        if let Some(least) = schema.range.0.filter(|least| number < *least) {
            self.error(path, Reason::Value, format!("Invalid value: {number}: must be greater than or equal to {least}"));
        }
        if let Some(most) = schema.range.1.filter(|most| number > *most) {
            self.error(path, Reason::Value, format!("Invalid value: {number}: must be less than or equal to {most}"));
        }
    }
}

/// What a pattern wants, in words where it is one of those that people meet.
fn expectation(pattern: &str) -> String {
    let words = match pattern {
        period::DURATION => "must be a duration such as 30s, 5m or 1h30m",
        period::DURATION_OR_NEVER => "must be a duration such as 30s, 5m or 1h30m, or Never",
        period::BUDGET_DURATION => "must be a duration of hours and minutes such as 8h, 30m or 1h30m",
        crate::api::quantity_text::QUANTITY_PATTERN => "must be a quantity such as 500m, 2 or 10Gi",
        crate::api::requirement::LABEL_VALUE => {
            "must be a label value: letters, digits, '-', '_' or '.', beginning and ending with a letter or digit"
        }
        crate::api::taint::QUALIFIED_NAME => {
            "must be a qualified name: an optional DNS prefix and '/', then letters, digits, '-', '_' or '.'"
        }
        _ => return format!("should match '{pattern}'"),
    };
    words.to_owned()
}

/// The path of a field.
pub(super) fn field(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The path of an entry of a map.
pub(super) fn key(path: &str, name: &str) -> String {
    format!("{path}[{name}]")
}

/// A value as JSON, cut where it is long; control characters are escaped by JSON.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "{...}".to_owned(),
        Value::Array(_) => "[...]".to_owned(),
        Value::String(text) if text.chars().nth(SHOWN_MAX).is_some() => {
            format!("{}...", Value::from(text.chars().take(SHOWN_MAX).collect::<String>()))
        }
        other => other.to_string(),
    }
}
