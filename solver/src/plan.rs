//! The whole output of a decision. "Does not fit" is data here, never an error.

use crate::{
    CapacityType, Charges, InstanceType, InstanceTypeName, Labels, MicroUsd, NodeName, NodePoolName, ObjectKey, Offering,
    Resources, Taint, Zone,
};
use std::fmt;

mod certificate;

pub use certificate::{Certificate, Disregarded, PricedClass};

/// What a plan's search proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// What was minimised equals its lower bound.
    Optimal,
    /// A valid plan; the gap says how far from the bound.
    Feasible,
    /// A valid plan, but the search was stopped before its steps were used up.
    Cut,
}

impl Status {
    /// The spelling in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Optimal => "optimal",
            Self::Feasible => "feasible",
            Self::Cut => "cut",
        }
    }
}

/// Totals of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Pods given.
    pub pods: usize,
    /// Pods placed, on existing or new nodes.
    pub placed: usize,
    /// Price of all new nodes.
    pub hourly_cost: MicroUsd,
    /// Proven: no plan that puts the same pods on new nodes, and keeps the preferences that this one insists on, costs less.
    pub lower_bound: MicroUsd,
    /// Where something is charged beyond prices: what that makes of cost and bound.
    pub charged: Option<Charged>,
    /// What was proven.
    pub status: Status,
    /// Search steps used.
    pub steps: u64,
}

/// Totals of a plan with what is charged beyond prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// What is charged.
    pub charges: Charges,
    /// Price and charges of all new nodes: what was minimised, unless it was their number.
    pub cost: MicroUsd,
    /// Proven: no plan that puts the same pods on new nodes has a lower `cost`.
    pub lower_bound: MicroUsd,
}

/// One instance type x zone x capacity type with its price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferingRef {
    /// The price, first so that offerings sort by it.
    pub price: MicroUsd,
    /// The instance type.
    pub instance_type: InstanceTypeName,
    /// The zone.
    pub zone: Zone,
    /// The capacity type.
    pub capacity_type: CapacityType,
}

impl OfferingRef {
    /// Names an offering of an instance type; one without a price counts as free.
    pub(crate) fn of(instance_type: &InstanceType, offering: &Offering) -> Self {
        Self {
            price: offering.price.unwrap_or_default(),
            instance_type: instance_type.name.clone(),
            zone: offering.zone.clone(),
            capacity_type: offering.capacity_type,
        }
    }
}

/// A node to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNode {
    /// `<pool>-<index>`, stable within the plan.
    pub name: NodeName,
    /// The pool it belongs to.
    pub node_pool: NodePoolName,
    /// What is bought: the cheapest offering that holds the pods.
    pub offering: OfferingRef,
    /// Offerings that hold the same pods in the same pool, cheapest first; the plan is valid for each of them.
    pub alternatives: Vec<OfferingRef>,
    /// Labels the node will carry.
    pub labels: Labels,
    /// Taints the node will keep.
    pub taints: Vec<Taint>,
    /// Pods placed here, sorted.
    pub pods: Vec<ObjectKey>,
    /// Daemonsets that will run a pod here, sorted.
    pub daemon_set_pods: Vec<ObjectKey>,
    /// Allocatable of the chosen instance type.
    pub allocatable: Resources,
    /// What pods and daemon pods request together.
    pub requested: Resources,
    /// Labels of which it has fewer values than its pool's `minValues` ask for; only where the pool's policy allows that.
    pub relaxed: Vec<RelaxedMinValues>,
}

/// A label of which a node can have fewer values than `minValues` ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelaxedMinValues {
    /// The label.
    pub key: std::sync::Arc<str>,
    /// Values asked for.
    pub asked: u32,
    /// Values that the offering and its alternatives have.
    pub found: u32,
}

/// Pods placed on a node that exists already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingPlacement {
    /// The node.
    pub node: NodeName,
    /// Pods placed here, sorted.
    pub pods: Vec<ObjectKey>,
}

/// Why a pod has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It asks for something this solver refuses.
    NotYetSupported,
    /// A volume of it cannot be used yet, wherever the pod runs: its claim is missing, being deleted, waits to be bound, ...
    VolumeNotReady,
    /// There is no NodePool at all.
    NoNodePool,
    /// No NodePool's taints are tolerated.
    TaintsNotTolerated,
    /// No NodePool has an instance type with the labels it needs.
    NoMatchingInstanceType,
    /// Types match, but none is big enough.
    NoInstanceTypeFits,
    /// Types fit, but daemonsets use its host ports on each of them.
    HostPortInUse,
    /// Types fit, but no offering is available in the zones and capacity types allowed.
    NoOfferingAvailable,
    /// Offerings fit, but none of them has a price.
    NoPrice,
    /// Offerings fit, but fewer different ones than the NodePool's `minValues` ask for.
    MinValuesNotMet,
    /// Only spot offerings fit, of fewer instance types than each spot node must have to choose from.
    SpotTypesTooFew,
    /// Only spot offerings are left to it, of spot pools that have their share of the spot nodes.
    SpotPoolShare,
    /// The limits of each pool that could hold it are used up.
    LimitExceeded,
    /// A topology spread constraint leaves it no place.
    TopologySpread,
    /// It must be near pods that are nowhere where it could be.
    PodAffinity,
    /// It must not be near pods that are everywhere where it could be.
    PodAntiAffinity,
}

impl Reason {
    /// The spelling in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYetSupported => "NotYetSupported",
            Self::VolumeNotReady => "VolumeNotReady",
            Self::NoNodePool => "NoNodePool",
            Self::TaintsNotTolerated => "TaintsNotTolerated",
            Self::NoMatchingInstanceType => "NoMatchingInstanceType",
            Self::NoInstanceTypeFits => "NoInstanceTypeFits",
            Self::HostPortInUse => "HostPortInUse",
            Self::NoOfferingAvailable => "NoOfferingAvailable",
            Self::NoPrice => "NoPrice",
            Self::MinValuesNotMet => "MinValuesNotMet",
            Self::SpotTypesTooFew => "SpotTypesTooFew",
            Self::SpotPoolShare => "SpotPoolShare",
            Self::LimitExceeded => "LimitExceeded",
            Self::TopologySpread => "TopologySpread",
            Self::PodAffinity => "PodAffinity",
            Self::PodAntiAffinity => "PodAntiAffinity",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One step of a funnel and what was left after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunnelStep {
    /// What was asked: `offerings of nodePool default` (all of them), `nodePool default: requirements`, `resources: memory 1433Mi`, ...
    pub step: String,
    /// Offerings that passed.
    pub remaining: usize,
}

/// A pod without a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unschedulable {
    /// The pod.
    pub pod: ObjectKey,
    /// Why, as a word.
    pub reason: Reason,
    /// Why, as a sentence for people.
    pub message: String,
    /// How the offerings ran out.
    pub funnel: Vec<FunnelStep>,
    /// The smallest change of the pod that would give it a place, if one single change does.
    pub would_fit_if: Option<String>,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Totals.
    pub summary: Summary,
    /// Nodes to launch, by pool and index.
    pub nodes: Vec<PlannedNode>,
    /// Pods that go on existing nodes, in the snapshot's order of nodes; nodes that get none are left out.
    pub existing_nodes: Vec<ExistingPlacement>,
    /// Pods without a place, by key.
    pub unschedulable: Vec<Unschedulable>,
    /// What stands behind [`Summary::lower_bound`].
    pub certificate: Certificate,
    /// Preferences that placed pods gave up, by first pod; pods that gave up the same are listed together. Nothing where preferences are
    /// ignored.
    pub dropped: Vec<DroppedPreferences>,
}

/// Preferences that could not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedPreferences {
    /// What was given up, in that order, as sentences for people.
    pub preferences: Vec<String>,
    /// By whom, by key.
    pub pods: Vec<ObjectKey>,
}
