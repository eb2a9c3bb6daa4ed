//! From a field such as `spec.containers[0].resources.requests.cpu` to its line, by reading the document once more. Only findings need
//! it, so nothing is kept while reading.

use super::yaml::Events;
use serde_saphyr::granit_parser::{Event, ScanError, Span};

/// The line, from 1 within the text, of the field or of the nearest field above it that is written out.
pub(super) fn of(text: &str, field: &str) -> usize {
    let mut search = Search { events: Events::new(text), best: (usize::MAX, 1) };
    // A text that does not parse any further has been searched as far as it goes.
    let _ = search.document(field);
    search.best.1
}

struct Search<'a> {
    events: Events<'a>,
    /// The shortest rest of the path that was left at a place, and the line of that place.
    best: (usize, usize),
}

impl<'a> Search<'a> {
    fn document(&mut self, field: &str) -> Result<(), ScanError> {
        while let Some((event, span)) = self.events.next()? {
            if event.is_node() {
                self.found(field, span);
                return self.node(&event, Some(field), 0);
            }
        }
        Ok(())
    }

    fn found(&mut self, rest: &str, span: Span) {
        if rest.len() < self.best.0 {
            self.best = (rest.len(), span.start.line());
        }
    }

    /// Walks a node; `rest` is what is left of the path, `None` where the path leads elsewhere.
    fn node(&mut self, event: &Event<'a>, rest: Option<&str>, depth: usize) -> Result<(), ScanError> {
        if depth > 300 {
            return Ok(());
        }
        match event {
            Event::SequenceStart(..) => {
                let mut index = 0_usize;
                while let Some((event, span)) = self.events.next()? {
                    if event == Event::SequenceEnd {
                        break;
                    }
                    let below = rest.and_then(|rest| rest.strip_prefix(format!("[{index}]").as_str()));
                    self.child(&event, below, span, depth)?;
                    index += 1;
                }
            }
            Event::MappingStart(..) => {
                while let Some((event, span)) = self.events.next()? {
                    if event == Event::MappingEnd {
                        break;
                    }
                    let below = event.scalar().and_then(|(key, _)| rest.and_then(|rest| after_key(rest, key)));
                    if event.scalar().is_none() {
                        self.node(&event, None, depth + 1)?;
                    }
                    if let Some((value, _)) = self.events.next()? {
                        self.child(&value, below, span, depth)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn child(&mut self, event: &Event<'a>, below: Option<&str>, span: Span, depth: usize) -> Result<(), ScanError> {
        if let Some(rest) = below {
            self.found(rest, span);
        }
        self.node(event, below, depth + 1)
    }
}

/// What is left of a path after a field of this name: `.name` or `[name]`.
fn after_key<'p>(rest: &'p str, key: &str) -> Option<&'p str> {
    if let Some(inner) = rest.strip_prefix('[') {
        return inner.strip_prefix(key)?.strip_prefix(']');
    }
    let after = rest.strip_prefix('.').unwrap_or(rest).strip_prefix(key)?;
    (after.is_empty() || after.starts_with(['.', '['])).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn finds_fields_and_falls_back_to_what_holds_them() {
        let text = "---\nkind: Pod\nspec:\n  nodeSelector:\n    a.b/c: x\n  containers:\n  - name: a\n    resources:\n      requests:\n        cpu: 1\n        nvidia.com/gpu: 1\n  - name: b\n";
        for (field, line) in [
            ("kind", 2),
            ("spec", 3),
            ("spec.nodeSelector[a.b/c]", 5),
            ("spec.nodeSelector.a.b/c", 5),
            ("spec.containers[0].name", 7),
            ("spec.containers[0].resources.requests.cpu", 10),
            ("spec.containers[0].resources.requests[nvidia.com/gpu]", 11),
            ("spec.containers[1]", 12),
            ("spec.containers[1].resources.limits", 12),
            ("spec.containers[7]", 6),
            ("metadata.name", 2),
            ("", 2),
        ] {
            assert_eq!(of(text, field), line, "{field}");
        }
        assert_eq!(of("{\n \"a\": {\n  \"b\": [1,\n 2]}}", "a.b[1]"), 4);
        assert_eq!(of("", "a"), 1);
        assert_eq!(of("a: [", "a[0]"), 1);
    }
}
