//! Selectors: from one map, in which a comma means "or", to a list of terms.

use super::Report;
use std::collections::BTreeMap;

/// A selector, taken apart: one entry per term that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) owner: Option<String>,
}

/// Most terms of a list.
const TERMS_MAX: usize = 30;

/// Every combination of the values that commas separate; `aws-ids` and, for images, `aws::name` and `aws::owners` are no tags.
pub(super) fn terms(selector: &BTreeMap<String, String>, field: &str, is_image: bool, report: &mut Report<'_>) -> Vec<Term> {
    let mut terms = vec![Term::default()];
    let (mut lists, mut patterns) = (Vec::new(), Vec::new());
    for (key, value) in selector {
        let values: Vec<&str> = value.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
        if values.is_empty() {
            let message = "an empty value selects nothing in the new objects";
            report.refuse(&format!("{field}[{key}]"), message, "write '*' for any value of a tag");
            return Vec::new();
        }
        if values.len() > 1 {
            lists.push(key.as_str());
        }
        let is_special = match key.as_str() {
            "aws-ids" | "aws::ids" => true,
            "aws::name" | "aws::owners" => is_image,
            _ => false,
        };
        if !is_special && values.iter().any(|value| *value != "*" && value.contains(['*', '?'])) {
            patterns.push(key.as_str());
        }
        if terms.len().saturating_mul(values.len()) > TERMS_MAX {
            let message = format!("needs more than {TERMS_MAX} selector terms, one for each combination of its values");
            report.refuse(field, message, "select by a tag that all of them share");
            return Vec::new();
        }
        terms = values.iter().flat_map(|value| terms.iter().map(|term| with(term, key, value, is_image))).collect();
    }
    if !lists.is_empty() {
        let message =
            format!("comma-separated values of {} became {} terms, of which any may match", lists.join(", "), terms.len());
        report.warn(field, message, "");
    }
    if !patterns.is_empty() {
        let message =
            format!("the wildcards in {} are handed to EC2 as they are; only '*' alone is documented", patterns.join(", "));
        report.warn(field, message, "prefer '*' or exact values");
    }
    terms
}

fn with(term: &Term, key: &str, value: &str, is_image: bool) -> Term {
    let mut term = term.clone();
    let value = value.to_owned();
    match key {
        "aws-ids" | "aws::ids" => term.id = Some(value),
        "aws::name" if is_image => term.name = Some(value),
        "aws::owners" if is_image => term.owner = Some(value),
        _ => {
            term.tags.insert(key.to_owned(), value);
        }
    }
    term
}
