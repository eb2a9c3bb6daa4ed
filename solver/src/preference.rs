//! What pods would rather have: preferred node affinity, preferred pod affinity and anti-affinity, and spread that need not hold
//! (`whenUnsatisfiable: ScheduleAnyway`).
//!
//! Karpenter treats a preference as required until the pod finds no place, and then gives up one after the other in a fixed order
//! (karpenter v1.14, `preferences.go`); so does the solver. A preference never keeps a pod without a place.

use crate::topology::{PodAffinityTerm, PodSelector, SpreadConstraint, WhenUnsatisfiable};
use crate::{PodShape, Requirement, Topology};
use std::cmp::Reverse;
use std::fmt;

/// What becomes of preferences: Karpenter's `--preference-policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PreferencePolicy {
    /// They are kept wherever their pods find a place with them.
    #[default]
    Respect,
    /// They are read and decide nothing.
    Ignore,
}

/// An entry of `preferredDuringSchedulingIgnoredDuringExecution` of `affinity.nodeAffinity`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodePreference {
    /// 1..=100.
    pub weight: i32,
    /// What a node should satisfy, all of it. Empty means nothing (Kubernetes API: such a term is a no-op).
    pub requirements: Vec<Requirement>,
}

/// One preference of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preference<'a> {
    /// Preferred pod affinity.
    Affinity(&'a PodAffinityTerm),
    /// Preferred pod anti-affinity.
    AntiAffinity(&'a PodAffinityTerm),
    /// Preferred node affinity.
    Node(&'a NodePreference),
    /// Spread with `ScheduleAnyway`.
    Spread(&'a SpreadConstraint),
}

impl fmt::Display for Preference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = |f: &mut fmt::Formatter<'_>, name: &str, one: &PodAffinityTerm| {
            let weight = one.weight.unwrap_or_default();
            write!(f, "preferred {name} over {} to {} (weight {weight})", one.topology_key, one.selector)
        };
        match self {
            Self::Affinity(one) => term(f, "podAffinity", one),
            Self::AntiAffinity(one) => term(f, "podAntiAffinity", one),
            Self::Node(one) => {
                let all = one.requirements.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "preferred nodeAffinity {all} (weight {})", one.weight)
            }
            Self::Spread(one) => {
                write!(f, "ScheduleAnyway spread of {} over {} (maxSkew {})", one.selector, one.topology_key, one.max_skew)
            }
        }
    }
}

impl PodShape {
    /// Its preferences in the order in which they are given up: pod affinity, pod anti-affinity, node affinity, each the heaviest first;
    /// then spread, as Karpenter finds it when the last constraint moves into the place of one that is removed. `PreferNoSchedule`
    /// taints, which are no part of the pod, are put up with after all of these.
    pub fn preferences(&self) -> Vec<Preference<'_>> {
        fn soft(terms: &[PodAffinityTerm]) -> Vec<&PodAffinityTerm> {
            let mut all: Vec<&PodAffinityTerm> = terms.iter().filter(|term| term.is_preferred()).collect();
            all.sort_by_key(|term| Reverse(term.weight));
            all
        }
        let mut nodes: Vec<&NodePreference> = self.node_preferences.iter().filter(|one| !one.requirements.is_empty()).collect();
        nodes.sort_by_key(|one| Reverse(one.weight));
        let mut order: Vec<Preference<'_>> = soft(&self.topology.affinity).into_iter().map(Preference::Affinity).collect();
        order.extend(soft(&self.topology.anti_affinity).into_iter().map(Preference::AntiAffinity));
        order.extend(nodes.into_iter().map(Preference::Node));
        let mut spread: Vec<&SpreadConstraint> = self.topology.spread.iter().collect();
        while let Some(at) = spread.iter().position(|one| one.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway) {
            order.push(Preference::Spread(spread.swap_remove(at)));
        }
        order
    }

    /// Whether it has any.
    pub fn has_preferences(&self) -> bool {
        let topology = &self.topology;
        self.node_preferences.iter().any(|one| !one.requirements.is_empty())
            || topology.affinity.iter().chain(&topology.anti_affinity).any(PodAffinityTerm::is_preferred)
            || topology.spread.iter().any(|one| one.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway)
    }

    /// The shape without preferences.
    pub(crate) fn unbiased(&self) -> Self {
        let mut shape = self.clone();
        shape.node_preferences.clear();
        let Topology { spread, affinity, anti_affinity, .. } = &mut shape.topology;
        spread.retain(|one| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
        affinity.retain(|term| !term.is_preferred());
        anti_affinity.retain(|term| !term.is_preferred());
        shape
    }

    /// The shape with these of its preferences required. Of preferred node affinity only the first counts, since Karpenter asks for the
    /// heaviest that is left and for no other; and it is kept apart from the pod's own node affinity, by which spread counts nodes. What
    /// `looking_past` names is asked of the labels of pods, too, for a rule to be about them.
    pub(crate) fn insisting(
        &self,
        kept: &[Preference<'_>],
        looking_past: &dyn Fn(Preference<'_>) -> Option<Requirement>,
    ) -> Self {
        let mut shape = self.unbiased();
        shape.insists = !kept.is_empty();
        let narrowed = |one: Preference<'_>, selector: &PodSelector| {
            let mut selector = selector.clone();
            if let Some(labels) = &mut selector.labels {
                labels.extend(looking_past(one));
            }
            selector
        };
        let required = |one: Preference<'_>, term: &PodAffinityTerm| {
            let (topology_key, selector) = (term.topology_key.clone(), narrowed(one, &term.selector));
            PodAffinityTerm { topology_key, selector, weight: None }
        };
        let topology = &mut shape.topology;
        for one in kept.iter().copied() {
            match one {
                Preference::Affinity(term) => topology.company.push(required(one, term)),
                Preference::AntiAffinity(term) => topology.anti_affinity.push(required(one, term)),
                Preference::Node(_) => {}
                Preference::Spread(spread) => {
                    let when_unsatisfiable = WhenUnsatisfiable::DoNotSchedule;
                    let selector = narrowed(one, &spread.selector);
                    topology.spread.push(SpreadConstraint { when_unsatisfiable, selector, ..spread.clone() });
                }
            }
        }
        let heaviest = kept.iter().find_map(|one| match one {
            Preference::Node(one) => Some(one.requirements.clone()),
            _ => None,
        });
        shape.volume_topology.extend(heaviest.map(|term| vec![term]));
        shape
    }
}
