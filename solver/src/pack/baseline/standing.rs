//! Nodes of static pools. Karpenter launches them apart from pods and then fills them like any node on its way, so both plans have the
//! same.

use crate::plan::{ExistingPlacement, PlannedNode};
use crate::{Node, NodeName, ObjectKey, Plan, Pod, Resources, Snapshot, label};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nodes to launch that stand whatever pods there are.
pub(super) struct Standing<'p> {
    nodes: Vec<&'p PlannedNode>,
}

impl<'p> Standing<'p> {
    /// Those of `plan`.
    pub(super) fn of(snapshot: &Snapshot, plan: &'p Plan) -> Self {
        let is_static =
            |node: &&PlannedNode| snapshot.node_pools().iter().any(|pool| pool.name == node.node_pool && pool.replicas.is_some());
        Self { nodes: plan.nodes.iter().filter(is_static).collect() }
    }

    /// The snapshot once they are on their way; `None` where there is none or a node has such a name already.
    pub(super) fn launched(&self, snapshot: &Snapshot) -> Option<Snapshot> {
        if self.nodes.is_empty() {
            return None;
        }
        let builder = Snapshot::builder().pods(snapshot.pods().iter().cloned());
        let builder = snapshot.daemon_sets().iter().cloned().fold(builder, crate::SnapshotBuilder::daemon_set);
        let builder = snapshot.node_pools().iter().cloned().fold(builder, crate::SnapshotBuilder::node_pool);
        let builder = snapshot.nodes().iter().cloned().fold(builder, crate::SnapshotBuilder::node);
        self.nodes.iter().map(|node| on_its_way(snapshot, node)).fold(builder, crate::SnapshotBuilder::node).build().ok()
    }

    /// Takes them out of the nodes that exist again: the nodes to launch, with the pods that were placed on them.
    pub(super) fn returned(&self, snapshot: &Snapshot, existing: &mut Vec<ExistingPlacement>) -> Vec<PlannedNode> {
        let mut placed: BTreeMap<NodeName, Vec<ObjectKey>> = BTreeMap::new();
        existing.retain(|place| {
            let own = self.nodes.iter().any(|node| node.name == place.node);
            if own {
                placed.insert(place.node.clone(), place.pods.clone());
            }
            !own
        });
        let returned = self.nodes.iter().map(|node| {
            let pods = placed.remove(&node.name).unwrap_or_default();
            let mut requested = of_daemons(snapshot, node);
            requests(snapshot, &pods).for_each(|one| requested.add(one));
            // Without pods it may still be whatever it may be in ours.
            let alternatives = if pods.is_empty() { node.alternatives.clone() } else { Vec::new() };
            PlannedNode { alternatives, pods, requested, ..(*node).clone() }
        });
        returned.collect()
    }
}

fn find<'s>(snapshot: &'s Snapshot, key: &ObjectKey) -> Option<&'s Pod> {
    snapshot.pods().binary_search_by(|pod| pod.key.cmp(key)).ok().and_then(|at| snapshot.pods().get(at))
}

fn requests<'s>(snapshot: &'s Snapshot, pods: &'s [ObjectKey]) -> impl Iterator<Item = &'s Resources> {
    pods.iter().filter_map(|key| find(snapshot, key)).map(|pod| &pod.shape.requests)
}

fn of_daemons(snapshot: &Snapshot, node: &PlannedNode) -> Resources {
    let mut requested = node.requested.clone();
    requests(snapshot, &node.pods).for_each(|one| requested.subtract(one));
    requested
}

fn on_its_way(snapshot: &Snapshot, node: &PlannedNode) -> Node {
    let daemons = snapshot.daemon_sets().iter().filter(|daemon| node.daemon_set_pods.contains(&daemon.key));
    let pool = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool);
    let varied = pool.is_some_and(|pool| !pool.min_values.is_empty());
    let mut labels = node.labels.clone();
    labels.insert(label::HOSTNAME.into(), Arc::from(node.name.as_str()));
    Node {
        name: node.name.clone(),
        node_pool: Some(node.node_pool.clone()),
        labels,
        taints: node.taints.clone(),
        allocatable: node.allocatable.clone(),
        requested: of_daemons(snapshot, node),
        host_ports: daemons.flat_map(|daemon| daemon.shape.host_ports.iter().cloned()).collect(),
        // Which pods each of its alternatives holds is decided when it is launched: no pod is placed where that counts.
        schedulable: !varied,
        initialized: false,
        pods: Vec::new(),
        running: Vec::new(),
    }
}
