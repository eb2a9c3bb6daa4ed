//! The rules that a plan can break, one variant each.

use crate::plan::OfferingRef;
use crate::{Feature, HostPort, InstanceTypeName, MicroUsd, NodeName, NodePoolName, ObjectKey, ResourceName, Taint, Zone};
use std::fmt;

/// A rule that a plan breaks, with the objects that break it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum Violation {
    /// A pod that the snapshot does not have.
    #[error("plan places pod {pod} on {place}, but the snapshot has no such pod")]
    PodUnknown { pod: ObjectKey, place: String },
    /// A pod of the snapshot that the plan forgets.
    #[error("plan says nothing about pod {pod}")]
    PodMissing { pod: ObjectKey },
    /// A pod in two places, or twice in one.
    #[error("plan names pod {pod} twice: {first} and {second}")]
    PodRepeated { pod: ObjectKey, first: String, second: String },
    /// A pod with a feature that the solver refuses, placed all the same.
    #[error("pod {pod} is placed on {place} although it asks for {feature}, which is not supported")]
    PodUnsupported { pod: ObjectKey, place: String, feature: Feature },

    /// A pod that no node may take yet, placed all the same.
    #[error("pod {pod} is placed on {place} although it cannot run yet: {why}")]
    PodNotReady { pod: ObjectKey, place: String, why: String },

    /// An existing node that the snapshot does not have.
    #[error("plan uses existing node {node}, but the snapshot has no such node")]
    ExistingNodeUnknown { node: NodeName },
    /// An existing node that takes no pods.
    #[error("plan places pods on existing node {node}, which takes none (cordoned or on its way out)")]
    ExistingNodeUnschedulable { node: NodeName },

    /// Two nodes of the plan with one name.
    #[error("plan names two nodes {node}")]
    NodeRepeated { node: NodeName },
    /// A node listed without pods.
    #[error("plan lists node {node} without pods")]
    NodeEmpty { node: NodeName },
    /// A node of a pool that the snapshot does not have.
    #[error("node {node} belongs to NodePool {pool}, but the snapshot has no such pool")]
    NodePoolUnknown { node: NodeName, pool: NodePoolName },
    /// A node of a pool that the solver refuses.
    #[error("node {node} belongs to NodePool {pool}, which asks for {feature}, which is not supported")]
    NodePoolUnsupported { node: NodeName, pool: NodePoolName, feature: Feature },

    /// An offering that the pool's instance types do not have.
    #[error("node {node}: NodePool has no offering {}", Shown(.offering))]
    OfferingUnknown { node: NodeName, offering: OfferingRef },
    /// An offering that the pool's requirements exclude, with the labels of the node.
    #[error("node {node}: {} breaks requirement {requirement} of its NodePool", Shown(.offering))]
    OfferingNotAllowed { node: NodeName, offering: OfferingRef, requirement: String },
    /// An offering that EC2 is believed to be out of.
    #[error("node {node}: {} is not available", Shown(.offering))]
    OfferingUnavailable { node: NodeName, offering: OfferingRef },
    /// An offering that has no price.
    #[error("node {node}: {} has no price", Shown(.offering))]
    OfferingUnpriced { node: NodeName, offering: OfferingRef },
    /// A price that is not the offering's.
    #[error("node {node}: {} is planned at ${}/h, but costs ${price}/h", Shown(.offering), .offering.price)]
    PriceWrong { node: NodeName, offering: OfferingRef, price: MicroUsd },
    /// The chosen offering among its own alternatives, or one of them twice.
    #[error("node {node}: {} is listed twice", Shown(.offering))]
    OfferingRepeated { node: NodeName, offering: OfferingRef },
    /// An alternative that costs less than the choice.
    #[error("node {node}: alternative {} is cheaper than the choice", Shown(.offering))]
    AlternativeCheaper { node: NodeName, offering: OfferingRef },

    /// A label that the node will not carry, or not with this value; `-` stands for none.
    #[error("node {node}: label {key} is planned as {found}, but will be {expected}")]
    LabelWrong { node: NodeName, key: String, expected: String, found: String },
    /// Taints that are not the pool's.
    #[error("node {node}: its taints are not those of its NodePool")]
    TaintsWrong { node: NodeName },
    /// A list of daemonsets that is not the one that will run.
    #[error("node {node}: daemonsets planned [{found}], but [{expected}] will run")]
    DaemonSetsWrong { node: NodeName, expected: String, found: String },
    /// Allocatable that is not the chosen type's.
    #[error("node {node}: allocatable {resource} is planned as {found}, but will be {expected}")]
    AllocatableWrong { node: NodeName, resource: ResourceName, expected: i64, found: i64 },
    /// Requests that are not the sum of pods and daemonsets.
    #[error("node {node}: requested {resource} is planned as {found}, but sums up to {expected}")]
    RequestedWrong { node: NodeName, resource: ResourceName, expected: i64, found: i64 },

    /// A taint that the pod does not tolerate.
    #[error("pod {pod} is placed on node {node} but does not tolerate {}:{}", .taint.key, .taint.effect.as_str())]
    TaintNotTolerated { pod: ObjectKey, node: NodeName, taint: Taint },
    /// An entry of the node selector that the node does not satisfy.
    #[error("pod {pod} is placed on node {node} ({place}) against its nodeSelector {requirement}")]
    SelectorUnmet { pod: ObjectKey, node: NodeName, place: String, requirement: String },
    /// No term of the required node affinity holds.
    #[error("pod {pod} is placed on node {node} ({place}) against its required node affinity")]
    AffinityUnmet { pod: ObjectKey, node: NodeName, place: String },
    /// A volume that cannot be used from the node.
    #[error("pod {pod} is placed on node {node} ({place}), from where one of its volumes cannot be used")]
    VolumeUnreachable { pod: ObjectKey, node: NodeName, place: String },
    /// More requested than there is.
    #[error("node {node} ({place}): {asked} of {resource} is requested, but there is room for {room}")]
    ResourceExceeded { node: NodeName, place: String, resource: ResourceName, asked: i64, room: i64 },
    /// Two users of one host port.
    #[error("node {node} ({place}): {first} and {second} both use host port {} ({:?})", .port.port, .port.protocol)]
    HostPortConflict { node: NodeName, place: String, first: String, second: String, port: HostPort },

    /// A pod near one that its required anti-affinity selects.
    #[error("node {node}: {pod} must not be near {rule} (podAntiAffinity), but {other} is")]
    AntiAffinityBroken { node: NodeName, pod: String, other: String, rule: String },
    /// A pod that came to no pod that its required affinity selects.
    #[error("node {node}: {pod} must share the host with {rule} (podAffinity), but no such pod is there before it")]
    AffinityBroken { node: NodeName, pod: String, rule: String },
    /// More selected pods on a host than a spread constraint allows, or a node that is no host.
    #[error("node {node}: {count} {rule} are on one host, but {pod} allows maxSkew {max_skew} (topologySpreadConstraints)")]
    SpreadBroken { node: NodeName, pod: String, rule: String, count: u64, max_skew: u32 },

    /// Fewer different offerings than the pool's `minValues` ask for.
    #[error("node {node}: its offerings have {found} values of {key}, and its NodePool asks for {asked}")]
    MinValuesUnmet { node: NodeName, key: String, asked: u32, found: u32 },
    /// A spot node with fewer instance types to choose from than are asked for.
    #[error("node {node}: {found} instance types on spot hold its pods, and {asked} are asked for")]
    SpotTypesTooFew { node: NodeName, asked: u32, found: u32 },
    /// More nodes that may be of one spot pool than its share of the spot nodes.
    #[error("spot pool {instance_type} in {zone}: {found} nodes may be of it, and {most} of {nodes} spot nodes are allowed")]
    SpotPoolExceeded { instance_type: InstanceTypeName, zone: Zone, found: u32, most: u32, nodes: u32 },
    /// A note on relaxed `minValues` that is not true, or in a pool that does not relax them.
    #[error("node {node}: the values of {key} that its offerings have are planned as {planned}, but there are {found}")]
    MinValuesMisstated { node: NodeName, key: String, planned: u32, found: u32 },

    /// A static pool with another number of nodes than it asks for.
    #[error("static NodePool {pool}: {found} nodes are launched, and it lacks {expected}")]
    ReplicasWrong { pool: NodePoolName, expected: i64, found: i64 },
    /// A node that may end up in several domains, with pods that a rule about domains is about.
    #[error("node {node}: whether its {key} will be {first} or {second} is open, but a rule about pods like {pod} depends on it")]
    DomainOpen { node: NodeName, key: String, first: String, second: String, pod: String },
    /// A domain with more selected pods than a spread constraint allows beside the emptiest domain.
    #[error(
        "pod {pod} is in {key} {domain} with {count} {rule}, but allows maxSkew {max_skew} beyond the emptiest domain, which has {least} \
         (topologySpreadConstraints)"
    )]
    DomainSpreadBroken { pod: String, key: String, domain: String, rule: String, count: u64, least: u64, max_skew: u32 },
    /// A pod in a domain with one that its required anti-affinity selects.
    #[error("pod {pod} must not be in one {key} with {rule} (podAntiAffinity), but {other} is in {domain}, too")]
    DomainApartBroken { pod: String, key: String, domain: String, rule: String, other: String },
    /// A pod without the pods that its required affinity asks for.
    #[error("pod {pod} asks for {rule} in its {key} (podAffinity), but {domain} has none that came before it")]
    PodAffinityBroken { pod: String, key: String, domain: String, rule: String },

    /// More nodes in a capacity reservation than it has room for.
    #[error("capacity reservation {reservation}: {used} nodes may use it, and it has room for {slots}")]
    ReservationExceeded { reservation: String, used: u32, slots: u32 },

    /// More capacity than a pool's limit allows, in the worst case of what EC2 may pick.
    #[error("NodePool {pool}: nodes may use {used} of {resource}, beyond its limit of {limit}")]
    LimitExceeded { pool: NodePoolName, resource: ResourceName, used: i64, limit: i64 },

    /// A total that is not the sum of its parts.
    #[error("summary: {field} is {found}, but the plan has {expected}")]
    SummaryWrong { field: &'static str, expected: String, found: String },
    /// A bound that the plan's own cost refutes, or one below zero. With charges, `cost` and `bound` contain them.
    #[error("summary: lower bound ${bound}/h does not hold for a plan that costs ${cost}/h")]
    BoundWrong { bound: MicroUsd, cost: MicroUsd },
    /// A plan called optimal that leaves a gap.
    #[error("summary: called optimal, but it costs ${cost}/h and only ${bound}/h is proven")]
    StatusWrong { bound: MicroUsd, cost: MicroUsd },
    /// A list out of its canonical order.
    #[error("plan: {list} is out of order at {at}")]
    OrderWrong { list: &'static str, at: String },
}

/// An offering for people: `c6g.xlarge in us-west-2b (spot)`.
pub(super) struct Shown<'a>(pub(super) &'a OfferingRef);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({})", self.0.instance_type, self.0.zone, self.0.capacity_type)
    }
}

impl Violation {
    /// Whether it is about where other pods are. Karpenter's algorithm asks such rules when it places a pod and not again, so that a
    /// later pod may break them.
    pub const fn is_about_other_pods(&self) -> bool {
        matches!(
            self,
            Self::AntiAffinityBroken { .. }
                | Self::AffinityBroken { .. }
                | Self::SpreadBroken { .. }
                | Self::DomainSpreadBroken { .. }
                | Self::DomainApartBroken { .. }
                | Self::PodAffinityBroken { .. }
        )
    }
}
