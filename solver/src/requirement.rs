//! The requirement algebra of node labels: `In NotIn Exists DoesNotExist Gt Lt Gte Lte`, their intersection, and whether a label set
//! satisfies them. Semantics are kube-scheduler's; `Gte` and `Lte` are Karpenter's additions.

use crate::Labels;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// The operator of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// The label's value is one of the values.
    In,
    /// The label is absent, or its value is none of the values.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// The label is an integer greater than the one value.
    Gt,
    /// The label is an integer less than the one value.
    Lt,
    /// The label is an integer of at least the one value.
    Gte,
    /// The label is an integer of at most the one value.
    Lte,
}

impl Operator {
    /// The API's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
            Self::Gt => "Gt",
            Self::Lt => "Lt",
            Self::Gte => "Gte",
            Self::Lte => "Lte",
        }
    }

    /// Reads the API's spelling, exactly.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::In, Self::NotIn, Self::Exists, Self::DoesNotExist, Self::Gt, Self::Lt, Self::Gte, Self::Lte]
            .into_iter()
            .find(|operator| operator.as_str() == text)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a requirement's operator and values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// `In` or `NotIn` without values.
    #[error("requirement on {key:?}: operator {operator} needs at least one value")]
    NoValues {
        /// The label key.
        key: String,
        /// The operator.
        operator: Operator,
    },
    /// `Exists` or `DoesNotExist` with values.
    #[error("requirement on {key:?}: operator {operator} takes no values")]
    ExtraValues {
        /// The label key.
        key: String,
        /// The operator.
        operator: Operator,
    },
    /// A numeric operator without exactly one integer.
    #[error("requirement on {key:?}: operator {operator} needs exactly one integer, got {values:?}")]
    NotAnInteger {
        /// The label key.
        key: String,
        /// The operator.
        operator: Operator,
        /// The values given.
        values: Vec<String>,
    },
}

/// The set of values one label may take, plus whether it may be absent. A complement with bounds: finite sets are `complement: false`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    key: Arc<str>,
    /// `true`: every value but `values`; `false`: exactly `values`.
    complement: bool,
    values: BTreeSet<Arc<str>>,
    /// Inclusive bounds for integer values; a value that is no integer fails a bound.
    at_least: Option<i64>,
    at_most: Option<i64>,
    /// Whether a node without the label satisfies it (`NotIn`, `DoesNotExist`).
    absent_allowed: bool,
}

impl Requirement {
    /// Builds a requirement from the API's parts. Deprecated label aliases are the edge's business, not ours.
    pub fn new(key: &str, operator: Operator, values: &[impl AsRef<str>]) -> Result<Self, RequirementError> {
        let texts: BTreeSet<Arc<str>> = values.iter().map(|v| Arc::from(v.as_ref())).collect();
        let mut made = Self {
            key: key.into(),
            complement: !matches!(operator, Operator::In | Operator::DoesNotExist),
            values: BTreeSet::new(),
            at_least: None,
            at_most: None,
            absent_allowed: matches!(operator, Operator::NotIn | Operator::DoesNotExist),
        };
        match operator {
            Operator::In | Operator::NotIn if texts.is_empty() => Err(RequirementError::NoValues { key: key.into(), operator }),
            Operator::In | Operator::NotIn => {
                made.values = texts;
                Ok(made)
            }
            Operator::Exists | Operator::DoesNotExist if !texts.is_empty() => {
                Err(RequirementError::ExtraValues { key: key.into(), operator })
            }
            Operator::Exists | Operator::DoesNotExist => Ok(made),
            Operator::Gt | Operator::Lt | Operator::Gte | Operator::Lte => {
                let refused = || RequirementError::NotAnInteger {
                    key: key.into(),
                    operator,
                    values: values.iter().map(|v| v.as_ref().to_owned()).collect(),
                };
                let [one] = values else { return Err(refused()) };
                let bound: i64 = one.as_ref().parse().map_err(|_| refused())?;
                match operator {
                    // A bound at the end of i64 leaves no integer beyond it: keep it as the empty range.
                    Operator::Gt => (made.at_least, made.at_most) = after(bound),
                    Operator::Lt => (made.at_least, made.at_most) = before(bound),
                    Operator::Gte => made.at_least = Some(bound),
                    _ => made.at_most = Some(bound),
                }
                Ok(made)
            }
        }
    }

    /// `key In [value]`.
    pub fn equals(key: &str, value: &str) -> Self {
        Self {
            key: key.into(),
            complement: false,
            values: BTreeSet::from([value.into()]),
            at_least: None,
            at_most: None,
            absent_allowed: false,
        }
    }

    /// That the label is absent.
    pub(crate) fn absent(key: &str) -> Self {
        Self { absent_allowed: true, complement: false, ..Self::exists(&Arc::from(key)) }
    }

    /// The label key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether a node whose label has this value (`None`: no such label) satisfies the requirement.
    pub fn allows(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return self.absent_allowed };
        self.complement != self.values.contains(value) && self.within_bounds(value)
    }

    fn within_bounds(&self, value: &str) -> bool {
        if self.at_least.is_none() && self.at_most.is_none() {
            return true;
        }
        value
            .parse::<i64>()
            .is_ok_and(|number| self.at_least.is_none_or(|low| number >= low) && self.at_most.is_none_or(|high| number <= high))
    }

    /// The values both allow. Both must be about the same key.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        debug_assert_eq!(self.key, other.key);
        let at_least = self.at_least.max(other.at_least);
        let at_most = match (self.at_most, other.at_most) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let values = match (self.complement, other.complement) {
            (true, true) => self.values.union(&other.values).cloned().collect(),
            (false, false) => self.values.intersection(&other.values).cloned().collect(),
            (false, true) => self.values.difference(&other.values).cloned().collect(),
            (true, false) => other.values.difference(&self.values).cloned().collect(),
        };
        let mut both = Self {
            key: self.key.clone(),
            complement: self.complement && other.complement,
            values,
            at_least,
            at_most,
            absent_allowed: self.absent_allowed && other.absent_allowed,
        };
        if !both.complement {
            let (low, high) = (both.at_least.take(), both.at_most.take());
            let bounds = Self { at_least: low, at_most: high, ..Self::exists(&both.key) };
            both.values.retain(|value| bounds.within_bounds(value));
        }
        both
    }

    fn exists(key: &Arc<str>) -> Self {
        Self { key: key.clone(), complement: true, values: BTreeSet::new(), at_least: None, at_most: None, absent_allowed: false }
    }

    /// Whether nothing satisfies it, not even absence.
    pub fn is_empty(&self) -> bool {
        if self.absent_allowed {
            return false;
        }
        if !self.complement {
            return self.values.is_empty();
        }
        match (self.at_least, self.at_most) {
            (Some(low), Some(high)) => {
                let room = i128::from(high) - i128::from(low) + 1;
                let taken = self.values.iter().filter(|v| self.within_bounds(v) && is_canonical(v)).count();
                room <= taken as i128
            }
            _ => false,
        }
    }

    /// The values, where they are a finite list: `In`, and intersections with it.
    pub fn finite_values(&self) -> Option<&BTreeSet<Arc<str>>> {
        (!self.complement).then_some(&self.values)
    }

    /// The values named, whether allowed or excluded.
    pub fn named_values(&self) -> &BTreeSet<Arc<str>> {
        &self.values
    }

    /// Whether a node without the label satisfies it.
    pub const fn allows_absent(&self) -> bool {
        self.absent_allowed
    }

    /// Inclusive numeric bounds.
    pub const fn bounds(&self) -> (Option<i64>, Option<i64>) {
        (self.at_least, self.at_most)
    }
}

const fn after(bound: i64) -> (Option<i64>, Option<i64>) {
    match bound.checked_add(1) {
        Some(low) => (Some(low), None),
        None => (Some(i64::MAX), Some(i64::MIN)),
    }
}

const fn before(bound: i64) -> (Option<i64>, Option<i64>) {
    match bound.checked_sub(1) {
        Some(high) => (None, Some(high)),
        None => (Some(i64::MAX), Some(i64::MIN)),
    }
}

/// Whether the text is how the integer prints: `07` and `7` are two label values.
fn is_canonical(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

impl fmt::Display for Requirement {
    /// Close to the API: `key In [a b]`, `key NotIn [c]`, `key Exists`, `key DoesNotExist`, `key in 3..=8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.values.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ");
        let key = &self.key;
        match (self.complement, self.values.is_empty(), self.absent_allowed) {
            (false, true, true) => write!(f, "{key} DoesNotExist"),
            (false, _, _) => write!(f, "{key} In [{list}]"),
            (true, false, _) => write!(f, "{key} NotIn [{list}]"),
            (true, true, _) if self.at_least.is_none() && self.at_most.is_none() => write!(f, "{key} Exists"),
            (true, true, _) => write!(f, "{key}"),
        }?;
        match (self.at_least, self.at_most) {
            (None, None) => Ok(()),
            (Some(low), None) => write!(f, " >= {low}"),
            (None, Some(high)) => write!(f, " <= {high}"),
            (Some(low), Some(high)) => write!(f, " in {low}..={high}"),
        }
    }
}

/// Requirements by key: all must hold. Adding a second one on a key intersects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Requirements(BTreeMap<Arc<str>, Requirement>);

impl Requirements {
    /// No constraint.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds one, intersecting with what is there for its key.
    pub fn add(&mut self, requirement: Requirement) {
        let merged = self.0.get(requirement.key()).map(|known| known.intersect(&requirement));
        self.0.insert(requirement.key.clone(), merged.unwrap_or(requirement));
    }

    /// The requirement on `key`.
    pub fn get(&self, key: &str) -> Option<&Requirement> {
        self.0.get(key)
    }

    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = &Requirement> {
        self.0.values()
    }

    /// Whether a node with exactly these labels satisfies all.
    pub fn allow(&self, labels: &Labels) -> bool {
        self.iter().all(|requirement| requirement.allows(labels.get(requirement.key()).map(AsRef::as_ref)))
    }

    /// The first requirement that nothing satisfies.
    pub fn contradiction(&self) -> Option<&Requirement> {
        self.iter().find(|requirement| requirement.is_empty())
    }

    /// Whether there is no constraint.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Requirement> for Requirements {
    fn from_iter<I: IntoIterator<Item = Requirement>>(iter: I) -> Self {
        let mut all = Self::new();
        for requirement in iter {
            all.add(requirement);
        }
        all
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests;
