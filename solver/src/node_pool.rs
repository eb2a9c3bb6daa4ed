//! A NodePool: the template and the bounds of the nodes that may be launched.

use crate::{Feature, InstanceType, Labels, NodePoolName, Requirements, Resources, Taint};
use std::sync::Arc;

/// A NodePool as the solver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePool {
    /// The name.
    pub name: NodePoolName,
    /// Pools of a higher weight are used first, whatever they cost (Karpenter: 1..=100, 0 if unset).
    pub weight: i32,
    /// Labels of the template; each of its nodes carries them. They are part of `requirements` too.
    pub labels: Labels,
    /// Requirements of the template, the template's labels included as `In` of one value.
    pub requirements: Requirements,
    /// Taints that stay.
    pub taints: Vec<Taint>,
    /// Taints that something removes after start; scheduling ignores them.
    pub startup_taints: Vec<Taint>,
    /// Hard upper bounds on the sum of capacities of the pool's nodes; `nodes` counts nodes. Absent resources are unbounded. A limit
    /// of zero is kept as an entry here, unlike in [`Resources`].
    pub limits: Vec<(crate::ResourceName, i64)>,
    /// What the pool's existing nodes use of `limits` (their capacity, and `nodes`).
    pub usage: Resources,
    /// Every instance type, with capacity and overhead by the pool's EC2NodeClass. Sorted by name.
    pub instance_types: Arc<[InstanceType]>,
    /// Features the pool asks for that decide where pods go and that the solver refuses: pods this pool could take are refused too.
    pub unsupported: Vec<Feature>,
}
