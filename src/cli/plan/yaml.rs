//! The plan as YAML: the document of [`super::json`] in the other notation.

use super::{json, report::Report};
use crate::cli::Failure;

/// One YAML document.
pub(crate) fn render(report: &Report<'_>) -> Result<String, Failure> {
    Ok(serde_saphyr::to_string(&json::document(report))?)
}
