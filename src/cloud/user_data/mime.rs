//! MIME multipart documents as cloud-init and nodeadm read them. Parts that were written by others are kept letter by letter.

use super::UserDataError;
use std::fmt::Write as _;

/// One part: its headers and its body, as they are to appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part(String);

impl Part {
    /// A part of this type.
    pub(super) fn new(content_type: &str, body: &str) -> Self {
        Self(format!("Content-Type: {content_type}\n\n{}\n", body.trim_end_matches(['\r', '\n'])))
    }
}

/// Whether the text is such a document, going by its first line.
pub(super) fn is_multipart(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default().to_ascii_lowercase();
    first.starts_with("mime-version:") || first.starts_with("content-type: multipart/")
}

/// The parts of a document.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, UserDataError> {
    let wrong = |what: &str| UserDataError::Format(format!("the MIME document {what}"));
    let text = text.trim_start();
    let boundary = boundary(text).ok_or_else(|| wrong("has no Content-Type: multipart/mixed with a boundary"))?;
    let (opening, closing) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut found: Vec<Part> = Vec::new();
    let mut is_closed = false;
    for line in text.lines() {
        match line.trim_end() {
            marker if marker == opening && !is_closed => found.push(Part(String::new())),
            marker if marker == closing => is_closed = true,
            _ if is_closed => {}
            _ => {
                if let Some(Part(part)) = found.last_mut() {
                    part.push_str(line);
                    part.push('\n');
                }
            }
        }
    }
    if found.is_empty() { Err(wrong("has no parts")) } else { Ok(found) }
}

/// The boundary that the headers of the document name.
fn boundary(text: &str) -> Option<String> {
    let headers: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).collect();
    let headers = headers.join("\n");
    let at = headers.to_ascii_lowercase().find("boundary=")?;
    let value = headers.get(at + "boundary=".len()..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([';', ' ', '\t', '\n']).next()?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// A document with these parts.
pub(super) fn document(parts: &[Part]) -> String {
    let is_taken = |boundary: &str| parts.iter().any(|Part(part)| part.contains(boundary));
    let mut boundary = "WINDLASS".to_owned();
    while is_taken(&boundary) {
        boundary.push('0');
    }
    let mut text = format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n\n");
    for Part(part) in parts {
        let _ = write!(text, "--{boundary}\n{part}");
    }
    let _ = writeln!(text, "--{boundary}--");
    text
}
