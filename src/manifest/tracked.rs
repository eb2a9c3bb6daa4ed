//! A deserializer over a JSON value that remembers which fields the type did not know and where it failed.
//!
//! `serde_ignored` over `serde_path_to_error` does the same, but compiles the several hundred Kubernetes types once for each layer:
//! measured on a release build, that was most of the time of the whole build. One concrete deserializer compiles each type once.

use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Map, Value};
use std::cell::RefCell;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// What reading a value showed.
pub(super) struct Read<T> {
    /// The object, or what was wrong and where.
    pub object: Result<T, (Error, Vec<Step>)>,
    /// Fields that the type does not know, in order.
    pub unknown: Vec<Unknown>,
}

/// A field that the type does not know.
pub(super) struct Unknown {
    /// Where it stands.
    pub path: Vec<Step>,
    /// The names that the type does know there.
    pub known: &'static [&'static str],
}

/// Reads `value` as a `T`.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Read<T> {
    let record = RefCell::default();
    let object = T::deserialize(Tracked { value, at: None, siblings: &[], record: &record });
    let Record { unknown, failed } = record.into_inner();
    Read { object: object.map_err(|error| (error, failed.unwrap_or_default())), unknown }
}

#[derive(Default)]
struct Record {
    unknown: Vec<Unknown>,
    failed: Option<Vec<Step>>,
}

/// A place in the value, linked to the place around it.
#[derive(Clone, Copy)]
struct At<'a> {
    around: Option<&'a At<'a>>,
    step: StepRef<'a>,
}

#[derive(Clone, Copy)]
enum StepRef<'a> {
    Key(&'a str),
    Index(usize),
}

impl At<'_> {
    fn path(&self) -> Vec<Step> {
        let mut path = self.around.map(At::path).unwrap_or_default();
        path.push(match self.step {
            StepRef::Key(key) => Step::Key(key.to_owned()),
            StepRef::Index(index) => Step::Index(index),
        });
        path
    }
}

struct Tracked<'a> {
    value: Value,
    at: Option<&'a At<'a>>,
    /// The fields of the struct around it.
    siblings: &'static [&'static str],
    record: &'a RefCell<Record>,
}

impl Tracked<'_> {
    fn path(&self) -> Vec<Step> {
        self.at.map(At::path).unwrap_or_default()
    }
}

/// Reads the value at `step`, noting the place if it fails; the innermost place is noted first and stays.
fn descend<'de, S: DeserializeSeed<'de>>(
    seed: S,
    value: Value,
    (around, step, siblings): (Option<&At<'_>>, StepRef<'_>, &'static [&'static str]),
    record: &RefCell<Record>,
) -> Result<S::Value, Error> {
    let at = At { around, step };
    seed.deserialize(Tracked { value, at: Some(&at), siblings, record }).inspect_err(|_| {
        record.borrow_mut().failed.get_or_insert_with(|| at.path());
    })
}

impl<'de> Deserializer<'de> for Tracked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Array(items) => {
                visitor.visit_seq(Items { rest: items.into_iter().enumerate(), around: self.at, record: self.record })
            }
            Value::Object(map) => visitor.visit_map(Fields::new(map, &[], self.at, self.record)),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => visitor.visit_map(Fields::new(map, fields, self.at, self.record)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let unknown = Unknown { path: self.path(), known: self.siblings };
        self.record.borrow_mut().unknown.push(unknown);
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map identifier
    }
}

struct Items<'a> {
    rest: std::iter::Enumerate<std::vec::IntoIter<Value>>,
    around: Option<&'a At<'a>>,
    record: &'a RefCell<Record>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let Some((index, value)) = self.rest.next() else { return Ok(None) };
        descend(seed, value, (self.around, StepRef::Index(index), &[]), self.record).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Fields<'a> {
    rest: serde_json::map::IntoIter,
    next: Option<(String, Value)>,
    known: &'static [&'static str],
    around: Option<&'a At<'a>>,
    record: &'a RefCell<Record>,
}

impl<'a> Fields<'a> {
    fn new(
        map: Map<String, Value>,
        known: &'static [&'static str],
        around: Option<&'a At<'a>>,
        record: &'a RefCell<Record>,
    ) -> Self {
        Self { rest: map.into_iter(), next: None, known, around, record }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        self.next = self.rest.next();
        let Some((key, _)) = &self.next else { return Ok(None) };
        let key: StringDeserializer<Error> = key.clone().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (key, value) = self.next.take().unwrap_or_default();
        descend(seed, value, (self.around, StepRef::Key(&key), self.known), self.record)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}
