//! What pools, claims and nodes have in common: labels, taints, requirements and amounts, from the API's strings to the solver's types.

use crate::api::{self, label};
use crate::diagnostic::{Diagnostic, Place};
use crate::quantity::{self, QuantityError};
use std::fmt::Display;
use std::sync::Arc;
use windlass_solver::{Labels, Operator, Requirement, RequirementError, ResourceName, Taint, TaintEffect};

/// Collects what is wrong with one object.
pub(super) struct Report<'a> {
    place: &'a Place,
    object: String,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Whether an error was reported: the object cannot be used.
    pub(super) refused: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(place: &'a Place, object: String, diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Self { place, object, diagnostics, refused: false }
    }

    /// The object is left out.
    pub(super) fn error(&mut self, field: &str, message: impl Display) {
        self.refused = true;
        self.push(Diagnostic::error(message.to_string()), field);
    }

    /// The object is used, but not as its author may think.
    pub(super) fn warning(&mut self, field: &str, message: impl Display) {
        self.push(Diagnostic::warning(message.to_string()), field);
    }

    fn push(&mut self, diagnostic: Diagnostic, field: &str) {
        let placed = diagnostic.at(self.place.clone()).on(self.object.as_str());
        self.diagnostics.push(if field.is_empty() { placed } else { placed.field(field) });
    }
}

/// Labels with deprecated keys under their stable names. Where an object carries both, the stable one counts.
pub(crate) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> Labels {
    let (stable, deprecated): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| label::normalize(key) == key.as_str());
    let mut all: Labels = Labels::new();
    for (key, value) in stable.into_iter().chain(deprecated) {
        all.entry(label::normalize(key).into()).or_insert_with(|| Arc::from(value.as_str()));
    }
    all
}

/// Taints of a template, in the solver's order, each once.
pub(crate) fn taints(written: &[api::Taint]) -> Vec<Taint> {
    let mut all: Vec<Taint> = written
        .iter()
        .map(|taint| Taint {
            key: taint.key.as_str().into(),
            value: taint.value.as_deref().unwrap_or_default().into(),
            effect: match taint.effect {
                api::TaintEffect::NoSchedule => TaintEffect::NoSchedule,
                api::TaintEffect::PreferNoSchedule => TaintEffect::PreferNoSchedule,
                api::TaintEffect::NoExecute => TaintEffect::NoExecute,
            },
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// A requirement on a node's labels, its key under the stable name.
pub(crate) fn requirement(written: &api::Requirement) -> Result<Requirement, RequirementError> {
    let operator = match written.operator {
        api::Operator::In => Operator::In,
        api::Operator::NotIn => Operator::NotIn,
        api::Operator::Exists => Operator::Exists,
        api::Operator::DoesNotExist => Operator::DoesNotExist,
        api::Operator::Gt => Operator::Gt,
        api::Operator::Lt => Operator::Lt,
        api::Operator::Gte => Operator::Gte,
        api::Operator::Lte => Operator::Lte,
    };
    Requirement::new(label::normalize(&written.key), operator, &written.values)
}

/// A resource list, read.
#[derive(Default)]
pub(crate) struct Amounts<'a> {
    /// In the solver's units, zero entries kept.
    pub(crate) read: Vec<(ResourceName, i64)>,
    /// Entries that are no amounts, with what is wrong.
    pub(crate) refused: Vec<(&'a str, QuantityError)>,
}

/// Reads a resource list entry by entry.
pub(crate) fn amounts<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> Amounts<'a> {
    let mut all = Amounts::default();
    for (name, text) in entries {
        match quantity::amount(name, text) {
            Ok(amount) => all.read.push((ResourceName::from(name), amount)),
            Err(error) => all.refused.push((name, error)),
        }
    }
    all
}
