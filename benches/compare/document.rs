//! The tables within docs/benchmarks.md, each between a pair of comments that name it.

use super::table::Section;
use std::path::Path;

/// Replaces the tables that were measured.
pub(crate) fn write(sections: &[Section]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for section in sections {
        let Some(table) = section.markdown() else { continue };
        let (open, close) = (format!("<!-- {} -->\n", section.name()), format!("<!-- /{} -->", section.name()));
        let start = text.find(&open).unwrap() + open.len();
        let end = start + text[start..].find(&close).unwrap();
        text.replace_range(start..end, &table);
    }
    std::fs::write(&path, text).unwrap();
}
