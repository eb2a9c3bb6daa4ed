//! Rules about where a pod may run relative to other pods: topology spread, pod affinity and pod anti-affinity.
//!
//! A *domain* is a set of nodes that share the value of a label, such as one host or one zone. Selectors are resolved when the snapshot
//! is taken: namespaces are names, and `matchLabelKeys` and `mismatchLabelKeys` are requirements like any other.

use crate::{Labels, Requirement, label};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Namespaces in which a rule looks for pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespaces {
    /// Every namespace, those to come included.
    All,
    /// These.
    Only(BTreeSet<Arc<str>>),
}

/// Which pods a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodSelector {
    /// Where they live.
    pub namespaces: Namespaces,
    /// What their labels satisfy: all of these, so that an empty list selects every pod; `None` (no `labelSelector`) selects none.
    pub labels: Option<Vec<Requirement>>,
}

impl PodSelector {
    /// Whether a pod of `namespace` with these labels is selected.
    pub fn matches(&self, namespace: &str, labels: &Labels) -> bool {
        let here = match &self.namespaces {
            Namespaces::All => true,
            Namespaces::Only(names) => names.contains(namespace),
        };
        let holds = |one: &Requirement| one.allows(labels.get(one.key()).map(AsRef::as_ref));
        here && self.labels.as_ref().is_some_and(|all| all.iter().all(holds))
    }
}

impl fmt::Display for PodSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.labels.as_deref() {
            None => f.write_str("no pods"),
            Some([]) => f.write_str("all pods"),
            Some(all) => {
                f.write_str("pods with ")?;
                f.write_str(&all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// What happens where a spread constraint cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhenUnsatisfiable {
    /// The pod waits.
    DoNotSchedule,
    /// The pod is placed all the same: a preference.
    ScheduleAnyway,
}

/// Whether nodes that the pod could not run on count as domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodePolicy {
    /// They do not count.
    Honor,
    /// They count.
    Ignore,
}

/// An entry of `topologySpreadConstraints`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpreadConstraint {
    /// The label whose values are the domains.
    pub topology_key: Arc<str>,
    /// By how many selected pods a domain may exceed the emptiest one; one or more.
    pub max_skew: u32,
    /// What happens otherwise.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// With fewer domains than this the emptiest counts as empty.
    pub min_domains: Option<u32>,
    /// Whether nodes that the pod's selector and affinity exclude count; the API's default is `Honor`.
    pub node_affinity_policy: NodePolicy,
    /// Whether nodes with taints that the pod does not tolerate count; the API's default is `Ignore`.
    pub node_taints_policy: NodePolicy,
    /// The pods that are counted: those of the pod's own namespace that the constraint selects.
    pub selector: PodSelector,
}

/// A term of `podAffinity` or `podAntiAffinity`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodAffinityTerm {
    /// The label whose values are the domains.
    pub topology_key: Arc<str>,
    /// The pods to be with, or apart from.
    pub selector: PodSelector,
    /// `None` where it is required; else its weight among preferences, 1..=100.
    pub weight: Option<i32>,
}

impl PodAffinityTerm {
    /// Whether it is a preference.
    pub const fn is_preferred(&self) -> bool {
        self.weight.is_some()
    }
}

/// The rules of one pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Topology {
    /// `topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
    /// `affinity.podAffinity`.
    pub affinity: Vec<PodAffinityTerm>,
    /// `affinity.podAntiAffinity`. Required terms bind both ways: pods that a term selects stay away from its owner, too.
    pub anti_affinity: Vec<PodAffinityTerm>,
    /// Pods with which it shares its zone, whichever that is; it is among them itself. Not Kubernetes': `windlass.dev/same-zone-as`.
    pub same_zone: Vec<PodSelector>,
    /// Required affinity of which each term holds for itself; those of `affinity` must hold for one and the same pod. Not Kubernetes': what
    /// the solver makes of preferred affinity while it insists on it.
    pub company: Vec<PodAffinityTerm>,
}

impl Topology {
    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        let Self { spread, affinity, anti_affinity, same_zone, company } = self;
        spread.is_empty() && affinity.is_empty() && anti_affinity.is_empty() && same_zone.is_empty() && company.is_empty()
    }
}

/// Whether the domains of a rule are hosts.
pub(crate) fn on_host(topology_key: &str) -> bool {
    topology_key == label::HOSTNAME
}
