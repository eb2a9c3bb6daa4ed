//! The text of the few objects that are judged again after reading, so that what is found then still names the line of its field.

use super::line;
use crate::diagnostic::{Diagnostic, Place};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Objects of Karpenter's kinds as they were written, by where they start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written(BTreeMap<Place, Document>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Document {
    text: Arc<str>,
    /// The line of the file on which the text starts, from 1.
    line: usize,
    /// Where the object stands in the text: empty, or the item of a List.
    within: Box<str>,
}

impl Written {
    pub(super) fn keep(&mut self, place: Place, text: &str, line: usize, within: &str) {
        self.0.insert(place, Document { text: text.into(), line, within: within.into() });
    }

    /// Moves a finding on an object to the line of its field, or of what is written around it, where the text is known.
    pub fn place(&self, finding: &mut Diagnostic) {
        if let (Some(place), Some(field)) = (&mut finding.place, &finding.field)
            && let Some(document) = self.0.get(place)
        {
            place.line = document.line + line::of(&document.text, &format!("{}.{field}", document.within)) - 1;
        }
    }
}
