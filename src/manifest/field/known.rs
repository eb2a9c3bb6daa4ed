//! Which fields a type knows at a path: the type is asked to read itself from an input that follows the path and notes the field names
//! that the type expects at its end.

use super::Step;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::fmt;

/// The names of the fields of `T` below `path`; empty where they are not fixed.
pub(super) fn fields<T: DeserializeOwned>(path: &[Step]) -> &'static [&'static str] {
    let found = Cell::new(&[][..]);
    // The read always ends in an error: only the question matters.
    let _ = T::deserialize(Question { path, found: &found });
    found.get()
}

struct Question<'a> {
    path: &'a [Step],
    found: &'a Cell<&'static [&'static str]>,
}

/// What ends the read.
#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked for field names")
    }
}

impl std::error::Error for Asked {}

impl Error for Asked {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Question<'_> {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        match self.path.first() {
            Some(Step::Key(_)) => visitor.visit_map(self),
            Some(Step::Index(_)) => visitor.visit_seq(self),
            None => Err(Asked),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        if self.path.is_empty() {
            self.found.set(fields);
            return Err(Asked);
        }
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Question<'_> {
    type Error = Asked;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Asked> {
        match self.path.first() {
            Some(Step::Key(key)) => seed.deserialize(StrDeserializer::new(key)).map(Some),
            _ => Err(Asked),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Asked> {
        let below = self.path.get(1..).ok_or(Asked)?;
        // The names are known once this returns; nothing else needs to be read.
        seed.deserialize(Question { path: below, found: self.found }).and(Err(Asked))
    }
}

impl<'de> SeqAccess<'de> for Question<'_> {
    type Error = Asked;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Asked> {
        let below = self.path.get(1..).ok_or(Asked)?;
        seed.deserialize(Question { path: below, found: self.found }).and(Err(Asked))
    }
}
