//! One YAML document to a JSON value, as kubectl converts it: anchors and merge keys expanded within bounds, duplicate keys refused.

use super::scalar;
use serde_json::{Map, Value};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Nodes that the aliases of one document may add: enough for any hand-written file, and a bound for hostile ones.
const ALIASED_NODES_MAX: usize = 200_000;
/// Levels of nesting, aliases included. The parser has the same bound for what is written out.
const DEPTH_MAX: usize = 255;

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub message: String,
    /// From 1, within the text.
    pub line: usize,
    /// From 1; `None` where the line is all that is known.
    pub column: Option<usize>,
}

impl Failure {
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), line: span.start.line(), column: Some(span.start.col() + 1) }
    }
}

impl From<ScanError> for Failure {
    fn from(error: ScanError) -> Self {
        Self { message: error.info(), line: error.marker().line(), column: Some(error.marker().col() + 1) }
    }
}

/// Parses a text that holds at most one document; `None` if it holds none.
pub(super) fn value(text: &str) -> Result<Option<Value>, Failure> {
    let mut builder = Builder { events: Events::new(text), anchors: BTreeMap::new(), aliased: 0 };
    let mut found = None;
    while let Some((event, span)) = builder.events.next()? {
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::DocumentStart(..) => {}
            _ if found.is_some() => return Err(Failure::at(span, "a second document without a `---` line before it")),
            _ => found = Some(builder.node(event, span, 0)?.value),
        }
    }
    // A document of nothing but comments reads as null.
    Ok(found.filter(|value| !value.is_null()))
}

/// The parser, without events that carry no data.
pub(super) struct Events<'a>(Parser<'a, StrInput<'a>>);

impl<'a> Events<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(Parser::new_from_str_with_options(text, granit_parser::options! { emit_comments: false }))
    }

    pub(super) fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ScanError> {
        self.0.next_event().transpose()
    }
}

struct Node {
    value: Value,
    /// Nodes in it, itself included.
    size: usize,
    /// Levels below it.
    height: usize,
}

struct Builder<'a> {
    events: Events<'a>,
    anchors: BTreeMap<usize, Node>,
    aliased: usize,
}

impl<'a> Builder<'a> {
    fn event(&mut self, from: Span) -> Result<(Event<'a>, Span), Failure> {
        self.events.next()?.ok_or_else(|| Failure::at(from, "the document ends within this"))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Failure> {
        if depth > DEPTH_MAX {
            return Err(Failure::at(span, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar_value(text, style, tag.as_deref()).map_err(|why| Failure::at(span, why))?;
                (Node { value, size: 1, height: 0 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(span, depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(span, depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            _ => return Err(Failure::at(span, "expected a value")),
        };
        if anchor != 0 {
            self.expand(node.size, span)?;
            self.anchors.insert(anchor, Node { value: node.value.clone(), ..node });
        }
        Ok(node)
    }

    fn expand(&mut self, nodes: usize, span: Span) -> Result<(), Failure> {
        self.aliased = self.aliased.saturating_add(nodes);
        if self.aliased > ALIASED_NODES_MAX {
            return Err(Failure::at(span, format!("aliases of this document stand for more than {ALIASED_NODES_MAX} values")));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, Failure> {
        let Some(&Node { size, height, .. }) = self.anchors.get(&anchor) else {
            return Err(Failure::at(span, "the alias stands within the value that it names"));
        };
        if depth + height > DEPTH_MAX {
            return Err(Failure::at(span, format!("nested more than {DEPTH_MAX} levels deep by aliases")));
        }
        self.expand(size, span)?;
        let value = self.anchors.get(&anchor).map(|known| known.value.clone()).unwrap_or_default();
        Ok(Node { value, size, height })
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Failure> {
        let (mut items, mut size, mut height) = (Vec::new(), 1, 0);
        loop {
            let (event, span) = self.event(start)?;
            if event == Event::SequenceEnd {
                return Ok(Node { value: Value::Array(items), size, height });
            }
            let item = self.node(event, span, depth + 1)?;
            size += item.size;
            height = height.max(item.height + 1);
            items.push(item.value);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Failure> {
        let (mut fields, mut size, mut height) = (Map::new(), 1, 0);
        let mut sources: Vec<(Value, Span)> = Vec::new();
        loop {
            let (event, span) = self.event(start)?;
            let (key, merges) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => (String::new(), true),
                Event::Scalar(text, style, anchor, tag) => {
                    let key = field_name(&text, style, tag.as_deref()).map_err(|why| Failure::at(span, why))?;
                    if anchor != 0 {
                        self.anchors.insert(anchor, Node { value: Value::String(key.clone()), size: 1, height: 0 });
                    }
                    (key, false)
                }
                Event::Alias(anchor) => match self.alias(anchor, span, depth)?.value {
                    Value::String(key) => (key, false),
                    _ => return Err(Failure::at(span, "a field name must be a string")),
                },
                _ => return Err(Failure::at(span, "a field name must be a string")),
            };
            if !merges && fields.contains_key(&key) {
                return Err(Failure::at(span, format!("the field {key:?} is given twice")));
            }
            let (event, value_span) = self.event(start)?;
            let node = self.node(event, value_span, depth + 1)?;
            size += node.size;
            height = height.max(node.height + 1);
            if merges {
                sources.push((node.value, value_span));
            } else {
                fields.insert(key, node.value);
            }
        }
        for (value, span) in sources {
            merge(&mut fields, value).map_err(|why| Failure::at(span, why))?;
        }
        Ok(Node { value: Value::Object(fields), size, height })
    }
}

/// `<<`: fields written out win over merged ones, earlier merged ones over later ones.
fn merge(fields: &mut Map<String, Value>, from: Value) -> Result<(), &'static str> {
    match from {
        Value::Object(others) => {
            for (key, value) in others {
                if !fields.contains_key(&key) {
                    fields.insert(key, value);
                }
            }
            Ok(())
        }
        Value::Array(sources) if sources.iter().all(Value::is_object) => {
            sources.into_iter().try_for_each(|one| merge(fields, one))
        }
        _ => Err("`<<` needs a mapping or a list of mappings"),
    }
}

fn scalar_value(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    match tag.map(|tag| tag.core_suffix().unwrap_or("")) {
        None if style == ScalarStyle::Plain => scalar::resolve(&text).map_err(str::to_owned),
        Some(kind @ ("int" | "float" | "bool" | "null")) => {
            let value = scalar::resolve(&text)?;
            let fits = match kind {
                "bool" => value.is_boolean(),
                "null" => value.is_null(),
                _ => value.is_number(),
            };
            if fits { Ok(value) } else { Err(format!("{text:?} is no !!{kind}")) }
        }
        _ => Ok(Value::String(text.into_owned())),
    }
}

fn field_name(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<String, &'static str> {
    if style == ScalarStyle::Plain && tag.is_none() { scalar::key(text) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests;
