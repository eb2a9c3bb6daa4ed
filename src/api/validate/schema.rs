//! A structural schema, read from the CustomResourceDefinition into a form that is quick to walk.

use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a value must be.
#[derive(Debug, Clone, Default)]
pub(super) struct Schema {
    pub(super) kind: Kind,
    pub(super) properties: BTreeMap<String, Schema>,
    pub(super) required: Vec<String>,
    pub(super) additional: Option<Box<Schema>>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) allowed: Vec<Value>,
    pub(super) pattern: Option<Regex>,
    /// Least and most characters, items or entries, whichever fits the kind.
    pub(super) size: (Option<usize>, Option<usize>),
    pub(super) range: (Option<i64>, Option<i64>),
    pub(super) default: Option<Value>,
    pub(super) unique: Unique,
    pub(super) is_time: bool,
    /// Fields that are not in the schema are kept as they are.
    pub(super) is_open: bool,
}

/// The type of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    Integer,
    Boolean,
    IntOrString,
    #[default]
    Any,
}

/// What may not be in a list twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Unique {
    #[default]
    Nothing,
    Items,
    Keys(Vec<String>),
}

impl Schema {
    /// The schema of a whole object; the fields that every object has are added.
    pub(super) fn root(schema: &Value) -> Self {
        let mut root = Self::read(schema);
        let text = || Self { kind: Kind::String, ..Self::default() };
        root.properties.insert("apiVersion".into(), text());
        root.properties.insert("kind".into(), text());
        // Checked on its own: its fields are those of every object.
        root.properties.insert("metadata".into(), Self { kind: Kind::Object, is_open: true, ..Self::default() });
        root
    }

    fn read(schema: &Value) -> Self {
        let empty = Map::new();
        let fields = schema.as_object().unwrap_or(&empty);
        let flag = |key: &str| fields.get(key) == Some(&Value::Bool(true));
        let text = |key: &str| fields.get(key).and_then(Value::as_str);
        let strings = |key: &str| -> Vec<String> {
            let list = fields.get(key).and_then(Value::as_array);
            list.map(|list| list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()).unwrap_or_default()
        };
        let number = |key: &str| fields.get(key).and_then(Value::as_i64);
        let kind = Self::kind(text("type"), flag("x-kubernetes-int-or-string"));
        let size = |suffix: &str| {
            let key = |prefix: &str| number(&format!("{prefix}{suffix}")).and_then(|size| usize::try_from(size).ok());
            (key("min"), key("max"))
        };
        let children = fields.get("properties").and_then(Value::as_object);
        Self {
            kind,
            properties: children
                .map(|all| all.iter().map(|(name, inner)| (name.clone(), Self::read(inner))).collect())
                .unwrap_or_default(),
            required: strings("required"),
            additional: fields
                .get("additionalProperties")
                .filter(|inner| inner.is_object())
                .map(|inner| Box::new(Self::read(inner))),
            items: fields.get("items").map(|inner| Box::new(Self::read(inner))),
            allowed: fields.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            // Patterns are ours; a test compiles each of them.
            pattern: text("pattern").and_then(|pattern| Regex::new(pattern).ok()),
            size: match kind {
                Kind::Array => size("Items"),
                Kind::Object => size("Properties"),
                _ => size("Length"),
            },
            range: (number("minimum"), number("maximum")),
            default: fields.get("default").cloned(),
            unique: match text("x-kubernetes-list-type") {
                Some("set") => Unique::Items,
                Some("map") => Unique::Keys(strings("x-kubernetes-list-map-keys")),
                _ => Unique::Nothing,
            },
            is_time: text("format") == Some("date-time"),
            is_open: flag("x-kubernetes-preserve-unknown-fields"),
        }
    }

    fn kind(name: Option<&str>, int_or_string: bool) -> Kind {
        match name {
            _ if int_or_string => Kind::IntOrString,
            Some("object") => Kind::Object,
            Some("array") => Kind::Array,
            Some("string") => Kind::String,
            Some("integer") => Kind::Integer,
            Some("boolean") => Kind::Boolean,
            _ => Kind::Any,
        }
    }
}
