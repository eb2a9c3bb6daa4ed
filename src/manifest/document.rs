//! A file's text to its documents, without parsing them: YAML streams at `---` and `...` lines, concatenated JSON at its outer braces,
//! and Lists at their items. One broken document leaves the others whole, and memory holds one parsed document at a time.

use std::borrow::Cow;
use std::ops::Range;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    Json,
}

/// One document, unparsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document<'a> {
    pub text: Cow<'a, [u8]>,
    /// The line of the file on which the text starts, from 1.
    pub line: usize,
    pub syntax: Syntax,
}

impl<'a> Document<'a> {
    fn new(text: &'a [u8], line: usize, syntax: Syntax) -> Self {
        Self { text: Cow::Borrowed(text), line, syntax }
    }
}

/// Splits the contents of a file.
pub(super) fn split(bytes: &[u8]) -> Vec<Document<'_>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        && let Some(documents) = split_json(bytes)
    {
        return documents;
    }
    split_yaml(bytes)
}

/// Lines with their byte ranges, line break included.
fn lines(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= bytes.len() {
            return None;
        }
        let end = bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| start + at + 1);
        let line = start..end;
        start = end;
        Some(line)
    })
}

/// How many lines end in these bytes.
pub(super) fn line_breaks(bytes: &[u8]) -> usize {
    bytes.split(|byte| *byte == b'\n').count() - 1
}

fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
}

/// Neither content nor marker.
fn is_blank(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    text.is_empty() || text.starts_with(b"#")
}

/// At column zero `---` and `...` are markers even within block and quoted scalars (YAML 1.2, 9.1.2), so lines are enough.
fn split_yaml(bytes: &[u8]) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut has_content, mut has_marker) = (0, 1, false, false);
    for (number, range) in (1..).zip(lines(bytes)) {
        let line = &bytes[range.clone()];
        if is_marker(line, b"---") {
            if has_content {
                documents.push(Document::new(&bytes[start..range.start], first_line, Syntax::Yaml));
            }
            if has_content || has_marker {
                (start, first_line) = (range.start, number);
            }
            // Content may follow on the marker's line.
            (has_content, has_marker) = (!is_blank(&line[3..]), true);
        } else if is_marker(line, b"...") {
            if has_content {
                documents.push(Document::new(&bytes[start..range.start], first_line, Syntax::Yaml));
            }
            (start, first_line, has_content, has_marker) = (range.end, number + 1, false, false);
        } else {
            // Before the marker a `%` starts a directive of the document to come, after it a mistake in the document.
            let is_directive = line.starts_with(b"%") && !has_marker && !has_content;
            has_content |= !is_blank(line) && !is_directive;
        }
    }
    if has_content {
        documents.push(Document::new(&bytes[start..], first_line, Syntax::Yaml));
    }
    documents
}

/// Objects one after the other, perhaps with `---` lines between. `None` where anything else stands outside of braces: then it is YAML.
fn split_json(bytes: &[u8]) -> Option<Vec<Document<'_>>> {
    let mut documents = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                line += 1;
                at += 1;
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            b'-' if is_marker(&bytes[at..], b"---") => at += 3,
            b'{' => {
                let end = end_of_object(bytes, at);
                documents.push(Document::new(&bytes[at..end], line, Syntax::Json));
                line += line_breaks(&bytes[at..end]);
                at = end;
            }
            _ => return None,
        }
    }
    Some(documents)
}

/// Where the object that opens at `start` ends; where it never closes, the next `---` line or the end.
fn end_of_object(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut quoted, mut at) = (0_usize, false, start);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            b'\n' if is_marker(&bytes[at + 1..], b"---") => return at + 1,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// A List taken apart: its own fields without the items, and each item as a document.
pub(super) struct List<'a> {
    pub header: Vec<u8>,
    pub items: Vec<Document<'a>>,
}

/// Takes a List apart by its layout. `None` where it is no List, or not laid out as kubectl writes them; the items are then read from
/// the parsed document.
pub(super) fn list<'a>(document: &'a Document<'_>) -> Option<List<'a>> {
    match document.syntax {
        Syntax::Yaml => yaml_list(document),
        Syntax::Json => json_list(document),
    }
}

/// `items:` at column zero, and items that start with `- ` in one column.
fn yaml_list<'a>(document: &'a Document<'_>) -> Option<List<'a>> {
    let bytes: &[u8] = &document.text;
    // Anchors may reach from one item into another.
    if bytes.windows(2).any(|pair| pair[0].is_ascii_whitespace() && matches!(pair[1], b'&' | b'*')) {
        return None;
    }
    let mut header = Vec::new();
    let mut items: Vec<(Range<usize>, usize)> = Vec::new();
    let mut indent: Option<usize> = None;
    let mut inside = false;
    for (number, range) in (document.line..).zip(lines(bytes)) {
        let line = &bytes[range.clone()];
        let column = line.iter().take_while(|byte| **byte == b' ').count();
        let is_item = line[column..].starts_with(b"- ") || line[column..].trim_ascii() == b"-";
        if column == 0 && !is_item && !is_blank(line) {
            inside = line.trim_ascii_end() == b"items:";
            header.extend_from_slice(if inside { b"items: []\n" } else { line });
        } else if !inside {
            header.extend_from_slice(line);
        } else if is_item && indent.is_none_or(|known| known == column) {
            indent = Some(column);
            items.push((range, number));
        } else if let Some((item, _)) = items.last_mut() {
            // Items cannot be less indented than their first.
            if !is_blank(line) && indent.is_some_and(|known| column <= known) {
                return None;
            }
            item.end = range.end;
        } else if !is_blank(line) {
            return None;
        }
    }
    let column = indent?;
    let items = items
        .into_iter()
        .map(|(range, line)| {
            let mut text = bytes[range].to_vec();
            text[column] = b' ';
            Document { text: Cow::Owned(text), line, syntax: Syntax::Yaml }
        })
        .collect();
    Some(List { header, items })
}

/// The array under the outermost `"items"`.
fn json_list<'a>(document: &'a Document<'_>) -> Option<List<'a>> {
    let bytes: &[u8] = &document.text;
    let open = items_of(bytes)?;
    let mut header = bytes[..=open].to_vec();
    let mut items = Vec::new();
    let mut line = document.line + line_breaks(&bytes[..open]);
    let mut at = open + 1;
    loop {
        match bytes.get(at)? {
            b'\n' => {
                line += 1;
                at += 1;
            }
            b',' => at += 1,
            byte if byte.is_ascii_whitespace() => at += 1,
            b'{' => {
                let end = end_of_object(bytes, at);
                items.push(Document::new(&bytes[at..end], line, Syntax::Json));
                line += line_breaks(&bytes[at..end]);
                at = end;
            }
            b']' => break,
            _ => return None,
        }
    }
    header.extend_from_slice(&bytes[at..]);
    Some(List { header, items })
}

/// Where the array under the key `items` of the outermost object opens.
fn items_of(bytes: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = end_of_string(bytes, at)?;
                if depth == 1 && &bytes[at..end] == b"\"items\"" {
                    let rest = bytes[end..].trim_ascii_start();
                    if let Some(value) = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start) {
                        return value.starts_with(b"[").then(|| bytes.len() - value.len());
                    }
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests;
