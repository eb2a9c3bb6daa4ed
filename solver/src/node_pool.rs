//! A NodePool: the template and the bounds of the nodes that may be launched.

use crate::{Feature, InstanceType, Labels, NodePoolName, Requirements, Resources, Taint};
use std::sync::Arc;

/// `minValues` of a pool's requirement: each new node must be able to become at least so many different things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinValues {
    /// The label, such as `node.kubernetes.io/instance-type`.
    pub key: Arc<str>,
    /// Different values of the label that a node's offering and its alternatives must have together, at least. 1..=50 (Karpenter's API).
    pub count: u32,
}

/// What happens where no node has as many values as [`MinValues`] ask for (Karpenter's `--min-values-policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum MinValuesPolicy {
    /// The pool launches no such node.
    #[default]
    Strict,
    /// The node has as many as there are, and the plan says so.
    BestEffort,
}

/// A NodePool as the solver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePool {
    /// The name.
    pub name: NodePoolName,
    /// Pools of a higher weight are used first, whatever they cost (Karpenter: 1..=100, 0 if unset).
    pub weight: i32,
    /// For a static pool: so many nodes, whatever pods there are. It launches none for pods, and its weight is zero.
    pub replicas: Option<u32>,
    /// Labels of the template; each of its nodes carries them. They are part of `requirements` too.
    pub labels: Labels,
    /// Requirements of the template, the template's labels included as `In` of one value.
    pub requirements: Requirements,
    /// What `minValues` ask for, by key, each key once.
    pub min_values: Vec<MinValues>,
    /// What happens where that cannot be had.
    pub min_values_policy: MinValuesPolicy,
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

impl NodePool {
    /// Whether nodes are launched from it for pods.
    pub fn is_launched_from(&self) -> bool {
        self.unsupported.is_empty() && self.replicas.is_none()
    }

    /// A pool of these instance types, sorted by name, without any bound.
    pub fn new(name: impl Into<NodePoolName>, instance_types: Arc<[InstanceType]>) -> Self {
        Self {
            name: name.into(),
            weight: 0,
            replicas: None,
            labels: Labels::new(),
            requirements: Requirements::new(),
            min_values: Vec::new(),
            min_values_policy: MinValuesPolicy::Strict,
            taints: Vec::new(),
            startup_taints: Vec::new(),
            limits: Vec::new(),
            usage: Resources::new(),
            instance_types,
            unsupported: Vec::new(),
        }
    }
}
