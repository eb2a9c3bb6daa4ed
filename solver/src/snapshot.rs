//! The whole input of a decision, validated and in canonical order: two snapshots built from the same objects in any order are equal.

use crate::{CapacityType, DaemonSet, InstanceTypeName, Node, NodeName, NodePool, Pod, Zone, label};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The input of [`crate::solve`]. Immutable; made by [`SnapshotBuilder`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pods: Vec<Pod>,
    daemon_sets: Vec<DaemonSet>,
    nodes: Vec<Node>,
    node_pools: Vec<NodePool>,
    reservations: BTreeMap<Arc<str>, u32>,
    spot_min_types: u32,
    spot_pool_share: u32,
    undecided: BTreeMap<NodeName, BTreeSet<SpotPool>>,
}

/// What EC2 takes back together: the spot instances of one type in one zone.
pub type SpotPool = (InstanceTypeName, Zone);

/// Spot nodes that exist or are on their way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpotInUse {
    /// How many are on spot for sure.
    pub nodes: u32,
    /// How many are, or may become, of each pool.
    pub pools: BTreeMap<SpotPool, u32>,
}

impl Snapshot {
    /// Starts an empty one.
    pub fn builder() -> SnapshotBuilder {
        SnapshotBuilder::default()
    }
    /// Starts one with the same daemonsets, reservations and rules, and without pods, nodes and pools.
    pub fn rebuild(&self) -> SnapshotBuilder {
        let (pods, nodes, node_pools) = (Vec::new(), Vec::new(), Vec::new());
        SnapshotBuilder { snapshot: Self { pods, nodes, node_pools, ..self.clone() } }
    }
    /// The same with other pods, of the same names in the same order.
    pub(crate) fn with_pods(&self, pods: Vec<Pod>) -> Self {
        debug_assert!(pods.iter().map(|pod| &pod.key).eq(self.pods.iter().map(|pod| &pod.key)), "other pods");
        let Self { pods: _, daemon_sets, nodes, node_pools, reservations, spot_min_types, spot_pool_share, undecided } = self;
        let (daemon_sets, nodes, node_pools) = (daemon_sets.clone(), nodes.clone(), node_pools.clone());
        let (reservations, undecided) = (reservations.clone(), undecided.clone());
        let (spot_min_types, spot_pool_share) = (*spot_min_types, *spot_pool_share);
        Self { pods, daemon_sets, nodes, node_pools, reservations, spot_min_types, spot_pool_share, undecided }
    }
    /// Pods to place, by key.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }
    /// Daemonsets, by key.
    pub fn daemon_sets(&self) -> &[DaemonSet] {
        &self.daemon_sets
    }
    /// Existing nodes: initialized first, then by name (the order in which Karpenter fills them).
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Pools: highest weight first, then by name.
    pub fn node_pools(&self) -> &[NodePool] {
        &self.node_pools
    }
    /// Capacity reservations by id, and how many instances can still be launched in each. A reserved offering whose label
    /// `karpenter.k8s.aws/capacity-reservation-id` names none of these is never bought.
    pub const fn reservations(&self) -> &BTreeMap<Arc<str>, u32> {
        &self.reservations
    }
    /// A spot node is launched only if so many instance types, its own included, hold its pods on spot. One or less asks for nothing.
    pub const fn spot_min_types(&self) -> u32 {
        self.spot_min_types
    }
    /// The same with another such number.
    #[must_use]
    pub const fn with_spot_min_types(mut self, count: u32) -> Self {
        self.spot_min_types = count;
        self
    }
    /// At most this share of the spot nodes, in percent, may be of one [`SpotPool`]; nothing is asked for by 0, and by 100 or more.
    ///
    /// It counts nodes, because EC2 takes back nodes: so one node is always allowed, however large it is, and every share can be kept. A
    /// share of their cores could not, where one pod needs the largest node.
    pub const fn spot_pool_share(&self) -> Option<u32> {
        if matches!(self.spot_pool_share, 1..=99) { Some(self.spot_pool_share) } else { None }
    }
    /// The same with another such share.
    #[must_use]
    pub const fn with_spot_pool_share(mut self, percent: u32) -> Self {
        self.spot_pool_share = percent;
        self
    }
    /// How many of `nodes` spot nodes may be of one pool: the share, rounded up, at least one. `None` where there is no such rule.
    pub(crate) fn most_of_a_spot_pool(&self, nodes: u32) -> Option<u32> {
        let share = u64::from(self.spot_pool_share()?);
        let most = (u64::from(nodes) * share).div_ceil(100).max(1);
        Some(u32::try_from(most).unwrap_or(u32::MAX))
    }
    /// The spot nodes that exist, by their labels, those included that are on their way and may yet become one thing or another.
    pub fn spot_in_use(&self) -> SpotInUse {
        let mut found = SpotInUse::default();
        for node in &self.nodes {
            let label = |key: &str| node.labels.get(key).map(AsRef::as_ref);
            let spot = label(label::CAPACITY_TYPE) == Some(CapacityType::Spot.as_str());
            found.nodes += u32::from(spot);
            let open = self.undecided.get(&node.name);
            let own = || Some((InstanceTypeName::from(label(label::INSTANCE_TYPE)?), Zone::from(label(label::ZONE)?)));
            let decided = if open.is_none() && spot { own() } else { None };
            for pool in open.into_iter().flatten().cloned().chain(decided) {
                *found.pools.entry(pool).or_default() += 1;
            }
        }
        found
    }
}

/// Why objects make no snapshot. The edge removes duplicates before; this is the last guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Two objects of one kind and name.
    #[error("snapshot: two {kind}s are named {name}; remove one")]
    Duplicate {
        /// `pod`, `daemonset`, `node` or `nodepool`.
        kind: &'static str,
        /// The name, with namespace where it has one.
        name: String,
    },
    /// An amount below zero where none can be.
    #[error("snapshot: {kind} {name}: {resource} is negative")]
    Negative {
        /// The kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The resource.
        resource: String,
    },
}

/// Collects objects in any order.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    snapshot: Snapshot,
}

impl SnapshotBuilder {
    /// Adds a pod to place.
    #[must_use]
    pub fn pod(mut self, pod: Pod) -> Self {
        self.snapshot.pods.push(pod);
        self
    }
    /// Adds pods to place.
    #[must_use]
    pub fn pods(mut self, pods: impl IntoIterator<Item = Pod>) -> Self {
        self.snapshot.pods.extend(pods);
        self
    }
    /// Adds a daemonset.
    #[must_use]
    pub fn daemon_set(mut self, daemon_set: DaemonSet) -> Self {
        self.snapshot.daemon_sets.push(daemon_set);
        self
    }
    /// Adds an existing node.
    #[must_use]
    pub fn node(mut self, node: Node) -> Self {
        self.snapshot.nodes.push(node);
        self
    }
    /// Adds a capacity reservation with room for so many instances; of two with one id the smaller counts.
    #[must_use]
    pub fn reservation(mut self, id: impl Into<Arc<str>>, slots: u32) -> Self {
        self.snapshot.reservations.entry(id.into()).and_modify(|known| *known = slots.min(*known)).or_insert(slots);
        self
    }
    /// Asks for so many instance types for each spot node.
    #[must_use]
    pub const fn spot_min_types(mut self, count: u32) -> Self {
        self.snapshot.spot_min_types = count;
        self
    }
    /// Allows one spot pool so much of the spot nodes, in percent.
    #[must_use]
    pub const fn spot_pool_share(mut self, percent: u32) -> Self {
        self.snapshot.spot_pool_share = percent;
        self
    }
    /// Says which spot pools a node may still become that has not been launched: its labels do not tell.
    #[must_use]
    pub fn undecided(mut self, node: NodeName, pools: BTreeSet<SpotPool>) -> Self {
        self.snapshot.undecided.insert(node, pools);
        self
    }
    /// Adds a pool.
    #[must_use]
    pub fn node_pool(mut self, node_pool: NodePool) -> Self {
        self.snapshot.node_pools.push(node_pool);
        self
    }

    /// Sorts, validates and returns the snapshot.
    pub fn build(self) -> Result<Snapshot, SnapshotError> {
        let mut snapshot = self.snapshot;
        snapshot.pods.sort_by(|a, b| a.key.cmp(&b.key));
        snapshot.daemon_sets.sort_by(|a, b| a.key.cmp(&b.key));
        snapshot.nodes.sort_by(|a, b| b.initialized.cmp(&a.initialized).then_with(|| a.name.cmp(&b.name)));
        snapshot.node_pools.sort_by(|a, b| b.weight.cmp(&a.weight).then_with(|| a.name.cmp(&b.name)));
        refuse_duplicates("pod", snapshot.pods.iter().map(|p| p.key.to_string()))?;
        refuse_duplicates("daemonset", snapshot.daemon_sets.iter().map(|d| d.key.to_string()))?;
        refuse_duplicates("node", snapshot.nodes.iter().map(|n| n.name.to_string()))?;
        refuse_duplicates("nodepool", snapshot.node_pools.iter().map(|p| p.name.to_string()))?;
        for pod in &snapshot.pods {
            if let Some((resource, _)) = pod.shape.requests.iter().find(|(_, amount)| *amount < 0) {
                return Err(SnapshotError::Negative { kind: "pod", name: pod.key.to_string(), resource: resource.to_string() });
            }
        }
        Ok(snapshot)
    }
}

fn refuse_duplicates(kind: &'static str, names: impl Iterator<Item = String>) -> Result<(), SnapshotError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if seen.contains(&name) {
            return Err(SnapshotError::Duplicate { kind, name });
        }
        seen.insert(name);
    }
    Ok(())
}
