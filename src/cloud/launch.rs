//! A launch: one CreateFleet call of type `instant`, and its answer.

use super::Instance;
use crate::api::NodeClassRef;
use std::collections::BTreeMap;
use windlass_solver::{CapacityType, InstanceTypeName, Labels, NodePoolName, Taint, Zone};

/// Most overrides that one CreateFleet call may list, as Karpenter sends them.
pub const OVERRIDES_MAX: usize = 60;

/// What to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Client token: EC2 carries out one launch per token, however often it is asked.
    pub token: String,
    /// How many instances.
    pub count: usize,
    /// The pool.
    pub pool: NodePoolName,
    /// The EC2NodeClass with image, network and user data.
    pub node_class: NodeClassRef,
    /// How to buy.
    pub capacity_type: CapacityType,
    /// What to buy any of, cheapest first; at most [`OVERRIDES_MAX`].
    pub offerings: Vec<(InstanceTypeName, Zone)>,
    /// Labels that the kubelet registers the node with.
    pub labels: Labels,
    /// Taints that the kubelet registers the node with.
    pub taints: Vec<Taint>,
    /// Tags of the instances, from the start.
    pub tags: BTreeMap<String, String>,
}

/// What became of a launch: some, all or none of the instances, and which offerings had no capacity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fulfilment {
    /// The instances, as many as could be launched.
    pub instances: Vec<Instance>,
    /// Offerings that were tried in vain.
    pub shortages: Vec<Shortage>,
}

/// An offering without capacity. Codes: InsufficientInstanceCapacity, MaxSpotInstanceCountExceeded, VcpuLimitExceeded,
/// UnfulfillableCapacity, Unsupported, InsufficientFreeAddressesInSubnet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortage {
    /// Type.
    pub instance_type: InstanceTypeName,
    /// Zone.
    pub zone: Zone,
    /// How it was to be bought.
    pub capacity_type: CapacityType,
}
