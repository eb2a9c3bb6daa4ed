//! The single changes that could give a pod a place, and which of them is the smallest.

use super::amount;
use crate::{Feature, NodePoolName, ResourceName, Taint};
use std::cmp::Ordering;
use std::fmt;

/// One change. The variants stand in the order of preference: the pod asks for less, tolerates more, is less choosy, and only then
/// the cluster's bounds move. Within a variant the smaller change wins, then the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Relaxation {
    /// The request for a resource is at most `to` instead of `from`. The larger the share that is kept, the smaller the change.
    Lower { resource: ResourceName, from: i64, to: i64 },
    /// The pod tolerates the taint.
    Tolerate(Taint),
    /// The pod does without the entry of its node selector, given by its index and text.
    DropSelector(usize, String),
    /// The pod does without required node affinity.
    DropAffinity,
    /// The pod does without host ports.
    DropHostPorts,
    /// A pool's limit is at least `to` instead of `from`.
    RaiseLimit { pool: NodePoolName, resource: ResourceName, from: i64, to: i64 },
    /// The pod does without the one unsupported feature it asks for.
    DropFeature(Feature),
}

impl Relaxation {
    const fn rank(&self) -> u8 {
        match self {
            Self::Lower { .. } => 0,
            Self::Tolerate(_) => 1,
            Self::DropSelector(..) => 2,
            Self::DropAffinity => 3,
            Self::DropHostPorts => 4,
            Self::RaiseLimit { .. } => 5,
            Self::DropFeature(_) => 6,
        }
    }

    /// `Less` where `self` changes less than `other`.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let product = |a: i64, b: i64| i128::from(a) * i128::from(b);
        match (self, other) {
            (Self::Lower { resource: a, from, to }, Self::Lower { resource: b, from: other_from, to: other_to }) => {
                product(*other_to, *from).cmp(&product(*to, *other_from)).then_with(|| a.cmp(b))
            }
            (Self::Tolerate(a), Self::Tolerate(b)) => a.cmp(b),
            (Self::DropSelector(a, _), Self::DropSelector(b, _)) => a.cmp(b),
            (
                Self::RaiseLimit { pool: a, resource: r, from, to },
                Self::RaiseLimit { pool: b, resource: s, from: other_from, to: other_to },
            ) => a.cmp(b).then_with(|| r.cmp(s)).then_with(|| (to - from).cmp(&(other_to - other_from))),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl fmt::Display for Relaxation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lower { resource, to: 0, .. } => write!(f, "no {resource} request"),
            Self::Lower { resource, to, .. } => write!(f, "{resource} request <= {}", amount::at_most(resource.as_str(), *to)),
            Self::Tolerate(taint) => write!(f, "toleration for {}", Shown(taint)),
            Self::DropSelector(_, text) => write!(f, "without nodeSelector {text}"),
            Self::DropAffinity => f.write_str("without required node affinity"),
            Self::DropHostPorts => f.write_str("without host ports"),
            Self::RaiseLimit { pool, resource, to, .. } => {
                write!(f, "limit {resource} of nodePool {pool} >= {}", amount::exact(resource.as_str(), *to))
            }
            Self::DropFeature(feature) => write!(f, "without {feature}"),
        }
    }
}

/// A taint as kubectl writes it: `key=value:Effect`, `key:Effect`.
pub(super) struct Shown<'a>(pub(super) &'a Taint);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Taint { key, value, effect } = self.0;
        let equals = if value.is_empty() { "" } else { "=" };
        write!(f, "{key}{equals}{value}:{}", effect.as_str())
    }
}
