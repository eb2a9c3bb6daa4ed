//! One batch as the solver sees it: the cluster as it is, plus what was decided and is not visible yet, so that no pod is bought for
//! twice.

use super::scarcity::OfferingKey;
use crate::snapshot::runs_on;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{
    DaemonSet, InstanceType, Labels, Node, NodeName, NodePool, NodePoolName, ObjectKey, Options, Plan, Pod, ResourceName,
    Resources, RunningPod, Snapshot, SnapshotError, SpotPool, Taint, Violation,
};

/// A batch to place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// The pods to place; every other pod of the cluster has a place already, or a reason for none.
    pub pods: BTreeSet<ObjectKey>,
    /// Nodes that were asked for and have not joined.
    pub in_flight: Vec<InFlight>,
    /// Pods that are not bound yet, by the node that is meant for them.
    pub placed: BTreeMap<ObjectKey, NodeName>,
    /// What each pool uses of its limits, claims that are not visible yet included.
    pub usage: BTreeMap<NodePoolName, Resources>,
    /// How many nodes static pools lack.
    pub lacking: BTreeMap<NodePoolName, usize>,
    /// Offerings that EC2 lately had no capacity for.
    pub scarce: BTreeSet<OfferingKey>,
}

/// A node that was asked for and has not joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The name of its claim.
    pub name: NodeName,
    /// The pool.
    pub node_pool: NodePoolName,
    /// Labels it will have; of those that differ between the types it may become, the cheapest type's.
    pub labels: Labels,
    /// Taints it will keep.
    pub taints: Vec<Taint>,
    /// What it will offer, whichever type it becomes.
    pub allocatable: Resources,
    /// What it may become on spot, while nothing is launched.
    pub spot_pools: BTreeSet<SpotPool>,
}

/// Why a batch has no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The objects make no snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The plan breaks a rule: a mistake in the solver. Nothing of it is carried out.
    #[error("the plan breaks {} rules, the first: {}", .0.len(), .0.first().map_or(String::new(), ToString::to_string))]
    Refused(Vec<Violation>),
}

/// A claim may cost at most so much more than what was planned, in percent, before its pods are planned anew.
const SPARE_PERCENT: u32 = 100;

impl Order {
    /// Solves the batch on top of the cluster's snapshot and checks the plan. Its nodes have more alternatives than one launch asks for:
    /// what is left when those are out of capacity.
    pub fn plan(&self, base: &Snapshot, options: &Options<'_>) -> Result<Plan, OrderError> {
        let snapshot = self.snapshot(base)?;
        let options = Options { price_tolerance_percent: SPARE_PERCENT.max(options.price_tolerance_percent), ..*options };
        let plan = windlass_solver::solve(&snapshot, &options);
        let violations = windlass_solver::check(&snapshot, &plan);
        if violations.is_empty() { Ok(plan) } else { Err(OrderError::Refused(violations)) }
    }

    /// The snapshot that this batch is placed on.
    pub fn snapshot(&self, base: &Snapshot) -> Result<Snapshot, SnapshotError> {
        let pods = base.pods().iter().filter(|pod| self.pods.contains(&pod.key)).cloned();
        let mut nodes: Vec<Node> = base.nodes().to_vec();
        let mut undecided = Vec::new();
        for coming in &self.in_flight {
            if nodes.iter().all(|node| node.name != coming.name) {
                nodes.push(coming.node(base.daemon_sets()));
                undecided.extend((!coming.spot_pools.is_empty()).then_some(coming));
            }
        }
        let waiting: BTreeMap<&ObjectKey, &Pod> = base.pods().iter().map(|pod| (&pod.key, pod)).collect();
        for (key, name) in &self.placed {
            let node = nodes.iter_mut().find(|node| node.name == *name);
            if let (Some(node), Some(pod)) = (node, waiting.get(key)) {
                occupy(node, pod);
            }
        }
        let mut shelves = Shelves { scarce: &self.scarce, known: Vec::new() };
        let pools = base.node_pools().iter().map(|pool| {
            let usage = self.usage.get(&pool.name).cloned().unwrap_or_default();
            NodePool {
                replicas: pool.replicas.map(|_| self.replicas(&pool.name, &usage)),
                usage,
                instance_types: shelves.without_scarce(&pool.instance_types),
                ..pool.clone()
            }
        });
        let mut builder = base.rebuild().pods(pods);
        for node in nodes {
            builder = builder.node(node);
        }
        for coming in undecided {
            builder = builder.undecided(coming.name.clone(), coming.spot_pools.clone());
        }
        for pool in pools {
            builder = builder.node_pool(pool);
        }
        builder.build()
    }

    /// How many nodes a static pool must have so that the solver launches what it lacks. Nodes that are about to go are used, and replaced.
    fn replicas(&self, pool: &NodePoolName, usage: &Resources) -> u32 {
        let used = u32::try_from(usage.get(ResourceName::NODES)).unwrap_or(0);
        let lacking = self.lacking.get(pool).map_or(0, |count| u32::try_from(*count).unwrap_or(u32::MAX));
        used.saturating_add(lacking)
    }
}

impl InFlight {
    fn node(&self, daemon_sets: &[DaemonSet]) -> Node {
        let mut node = Node {
            name: self.name.clone(),
            node_pool: Some(self.node_pool.clone()),
            labels: self.labels.clone(),
            taints: self.taints.clone(),
            allocatable: self.allocatable.clone(),
            requested: Resources::new(),
            host_ports: Vec::new(),
            schedulable: true,
            initialized: false,
            pods: Vec::new(),
            running: Vec::new(),
        };
        for daemon_set in daemon_sets.iter().filter(|daemon_set| runs_on(&daemon_set.shape, &self.labels, &self.taints)) {
            node.requested.add(&daemon_set.shape.requests);
            node.host_ports.extend(daemon_set.shape.host_ports.iter().cloned());
        }
        node
    }
}

/// Puts a pod that is expected on a node there.
fn occupy(node: &mut Node, pod: &Pod) {
    node.requested.add(&pod.shape.requests);
    node.host_ports.extend(pod.shape.host_ports.iter().cloned());
    node.pods.push(pod.key.clone());
    let required = pod.shape.topology.anti_affinity.iter().filter(|term| !term.is_preferred());
    node.running.push(RunningPod {
        namespace: pod.key.namespace.clone(),
        labels: pod.labels.clone(),
        anti_affinity: required.cloned().collect(),
        count: 1,
        terminating: false,
    });
}

type Types = Arc<[InstanceType]>;

/// Lists of instance types without scarce offerings; pools that share a list go on sharing it.
struct Shelves<'a> {
    scarce: &'a BTreeSet<OfferingKey>,
    known: Vec<(Types, Types)>,
}

impl Shelves<'_> {
    fn without_scarce(&mut self, types: &Arc<[InstanceType]>) -> Arc<[InstanceType]> {
        if self.scarce.is_empty() {
            return Arc::clone(types);
        }
        if let Some((_, made)) = self.known.iter().find(|(source, _)| Arc::ptr_eq(source, types)) {
            return Arc::clone(made);
        }
        let made: Arc<[InstanceType]> = types
            .iter()
            .map(|kind| {
                let mut kind = kind.clone();
                for offering in &mut kind.offerings {
                    let key = (kind.name.clone(), offering.zone.clone(), offering.capacity_type);
                    offering.available &= !self.scarce.contains(&key);
                }
                kind
            })
            .collect();
        self.known.push((Arc::clone(types), Arc::clone(&made)));
        made
    }
}

#[cfg(test)]
mod tests;
