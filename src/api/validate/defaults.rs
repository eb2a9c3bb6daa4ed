//! What the API server does to an object before it looks at it: nulls go, defaults come.

use super::schema::{Kind, Schema};
use serde_json::{Number, Value};

/// Drops nulls of fields and of map entries, fills in defaults, and writes whole floats of integer fields (`3.0`) as integers.
pub(super) fn apply(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, inner| !inner.is_null() || (schema.is_open && !schema.properties.contains_key(name)));
            for (name, inner) in &schema.properties {
                if let Some(default) = inner.default.as_ref().filter(|_| !fields.contains_key(name)) {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, inner) in fields {
                if let Some(known) = schema.properties.get(name).or(schema.additional.as_deref()) {
                    apply(known, inner);
                }
            }
        }
        Value::Array(items) => {
            if let Some(item) = &schema.items {
                for value in items {
                    apply(item, value);
                }
            }
        }
        Value::Number(number) if matches!(schema.kind, Kind::Integer | Kind::IntOrString) => {
            if let Some(whole) = whole(number) {
                *number = whole;
            }
        }
        _ => {}
    }
}

/// The integer that a float without fraction stands for.
fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15)?;
    // Below 2^53 every integer is an exact float.
    #[allow(clippy::cast_possible_truncation)]
    Some(Number::from(float as i64))
}
