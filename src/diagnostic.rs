//! What is wrong with an input, and where: one type for every room that reads what a user wrote.

use std::fmt;
use std::sync::Arc;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The object is left out of the plan; the API server would refuse it, or Windlass does.
    Error,
    /// The object is used, but probably not as its author thinks.
    Warning,
}

/// A place in an input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file as the user named it; `<stdin>` for standard input.
    pub file: Arc<str>,
    /// The document in the file, from 1; items of a List count as documents of their own.
    pub document: usize,
    /// The line in the file, from 1: of the field where it is known, else of the document's start.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} (document {})", self.file, self.line, self.document)
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands; `None` for findings about the input as a whole.
    pub place: Option<Place>,
    /// The object as `Kind/namespace/name` or `Kind/name`, if there is one.
    pub object: Option<String>,
    /// The field, such as `spec.template.spec.containers[0].resources.requests.cpu`.
    pub field: Option<String>,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error without place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: None, object: None, field: None, message: message.into(), hint: None }
    }

    /// A warning without place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Says which object.
    #[must_use]
    pub fn on(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Says which field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the object is left out.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// `web.yaml:12 (document 3): Deployment/default/web: spec.replicas: must not be negative`, without severity and hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        for part in [&self.object, &self.field].into_iter().flatten() {
            write!(f, "{part}: ")?;
        }
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Place};

    #[test]
    fn prints_place_object_field_and_message() {
        let place = Place { file: "web.yaml".into(), document: 3, line: 12 };
        let found = Diagnostic::error("must not be negative").at(place).on("Deployment/default/web").field("spec.replicas");
        assert_eq!(found.to_string(), "web.yaml:12 (document 3): Deployment/default/web: spec.replicas: must not be negative");
        assert!(found.is_error() && !Diagnostic::warning("x").is_error());
    }
}
