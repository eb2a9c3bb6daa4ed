//! What stands behind a plan's lower bound: the method, what it does not look at, and what each kind of pod adds to the cost.

use crate::MicroUsd;
use crate::optimize::Bound;

/// Why the lower bound of a plan holds, and how far.
///
/// It is proven for the pods that the plan puts on new nodes. Of these it covers requests of every resource, pods per node, host ports,
/// node selectors, required node affinity, taints, daemonset overhead, requirements of NodePools, and which offerings are available and
/// priced. What it takes no notice of is in `disregarded`: a plan that need not respect it may cost less, never more, so the bound holds
/// all the same, but a part of the gap may be due to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// How the bound was proven; `None` where no node is bought and nothing is left to prove.
    pub method: Option<Bound>,
    /// Rules of this snapshot that the bound takes no notice of, in the order of the enum.
    pub disregarded: Vec<Disregarded>,
    /// Pods on new nodes by what they ask for: those that add most to the cost first, then by their first pod.
    pub classes: Vec<PricedClass>,
}

impl Certificate {
    /// What every bound covers, for people.
    pub const COVERED: [&'static str; 8] = [
        "requests of every resource",
        "pods per node",
        "host ports",
        "node selectors and required node affinity",
        "taints",
        "daemonset overhead",
        "requirements of NodePools",
        "availability and price of offerings",
    ];

    /// What one more pod like the one at `position` of the snapshot's list adds to the cost; `None` unless it is on a new node.
    pub fn marginal(&self, position: usize) -> Option<MicroUsd> {
        let position = u32::try_from(position).ok()?;
        self.classes.iter().find(|class| class.pods.binary_search(&position).is_ok()).map(|class| class.marginal)
    }
}

/// Pods on new nodes that ask for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedClass {
    /// Their positions in the snapshot's list of pods, ascending, at least one.
    pub pods: Box<[u32]>,
    /// What one more of them adds to the cost, per hour, by the relaxation that the bound rests on.
    pub marginal: MicroUsd,
}

impl PricedClass {
    /// What all of them add to the cost, per hour.
    pub fn total(&self) -> MicroUsd {
        self.marginal.times(i64::try_from(self.pods.len()).unwrap_or(i64::MAX))
    }
}

/// A rule of the snapshot that a lower bound takes no notice of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disregarded {
    /// Which pods go on existing nodes: the bound is for those that go on new ones in this plan.
    ExistingNodes,
    /// Which pods go on nodes of static pools: the bound is for the others, and what the static nodes cost.
    StaticPools,
    /// That pools of a higher weight come first.
    Weights,
    /// Limits of pools.
    Limits,
    /// `minValues` of pools.
    MinValues,
    /// How many instance types each spot node must have to choose from.
    SpotMinTypes,
    /// The share of one spot pool.
    SpotPoolShare,
    /// `PreferNoSchedule` taints.
    SoftTaints,
    /// Rules about pods on one host, but for those that bound pods of one size or that alone need about as many nodes as the others.
    HostRules,
    /// Topology spread, pod affinity and pod anti-affinity over domains other than hosts.
    Domains,
}

impl Disregarded {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExistingNodes => "which pods go on existing nodes",
            Self::StaticPools => "which pods go on nodes of static pools",
            Self::Weights => "weights of NodePools",
            Self::Limits => "limits of NodePools",
            Self::MinValues => "minValues of NodePools",
            Self::SpotMinTypes => "least instance types of spot nodes",
            Self::SpotPoolShare => "the share of one spot pool",
            Self::SoftTaints => "PreferNoSchedule taints",
            Self::HostRules => "some rules about pods on one host",
            Self::Domains => "rules about pods in domains other than hosts",
        }
    }
}
