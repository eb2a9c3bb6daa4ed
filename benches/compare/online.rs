//! Pods that come in batches: each batch goes on what earlier ones left free, then on new nodes. Nothing leaves and nothing is
//! consolidated.

use super::clock::timed;
use super::measure::blank;
use super::workload::snapshot;
use super::workload::types::Market;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_solver::baseline::karpenter;
use windlass_solver::{
    MicroUsd, Node, ObjectKey, Options, Plan, PlannedNode, Pod, PreferencePolicy, RunningPod, Snapshot, check, solve,
};

/// What a stream of pods came to.
pub(crate) struct Arrivals {
    pub(crate) name: String,
    pub(crate) pods: usize,
    /// Of all pods at once: nobody who does not know the future gets there.
    pub(crate) bound: MicroUsd,
    pub(crate) ours: Stream,
    pub(crate) karpenter: Stream,
}

/// One algorithm's stream.
pub(crate) struct Stream {
    pub(crate) nodes: usize,
    pub(crate) cost: MicroUsd,
    pub(crate) unplaced: usize,
    /// The longest that a batch waited for its plan.
    pub(crate) worst: Duration,
    /// Rules that its plans break, looked at once they are whole.
    pub(crate) violations: usize,
}

fn running(pod: &Pod) -> RunningPod {
    RunningPod {
        namespace: pod.key.namespace.clone(),
        labels: pod.labels.clone(),
        anti_affinity: pod.shape.topology.anti_affinity.clone(),
        count: 1,
        terminating: false,
    }
}

/// The node that a planned one becomes. Numbers in its name keep nodes in the order of their launch.
fn launched(planned: &PlannedNode, number: usize, by_key: &BTreeMap<&ObjectKey, &Pod>) -> Node {
    let name = format!("node-{number:05}");
    let mut labels = planned.labels.clone();
    labels.insert("kubernetes.io/hostname".into(), name.as_str().into());
    Node {
        name: name.as_str().into(),
        node_pool: Some(planned.node_pool.clone()),
        labels,
        taints: planned.taints.clone(),
        allocatable: planned.allocatable.clone(),
        requested: planned.requested.clone(),
        host_ports: Vec::new(),
        schedulable: true,
        initialized: true,
        pods: planned.pods.clone(),
        running: planned.pods.iter().map(|key| running(by_key[key])).collect(),
    }
}

fn stream(market: &Market, pods: &[Pod], batch: usize, plan: impl Fn(&Snapshot) -> Plan) -> Stream {
    let by_key: BTreeMap<&ObjectKey, &Pod> = pods.iter().map(|pod| (&pod.key, pod)).collect();
    let mut nodes: Vec<Node> = Vec::new();
    let mut end = Stream { nodes: 0, cost: MicroUsd::ZERO, unplaced: 0, worst: Duration::ZERO, violations: 0 };
    for batch in pods.chunks(batch) {
        let world = snapshot(market, &nodes, batch);
        let (plan, took) = timed(|| plan(&world));
        end.worst = end.worst.max(took);
        end.violations += check(&world, &plan).len();
        end.cost = end.cost.plus(plan.summary.hourly_cost);
        end.unplaced += plan.unschedulable.len();
        let position: BTreeMap<_, usize> = nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), at)).collect();
        for place in &plan.existing_nodes {
            let node = &mut nodes[position[&place.node]];
            for key in &place.pods {
                node.requested.add(&by_key[key].shape.requests);
                node.running.push(running(by_key[key]));
            }
        }
        for planned in &plan.nodes {
            nodes.push(launched(planned, nodes.len(), &by_key));
        }
    }
    end.nodes = nodes.len();
    end
}

/// Both algorithms on one stream.
pub(crate) fn arrive(name: &str, market: &Market, pods: &[Pod], (batch, options): (usize, &Options<'_>)) -> Arrivals {
    let at_once = solve(&snapshot(market, &[], pods), &Options::default());
    let ours = stream(market, pods, batch, |world| solve(world, options));
    assert_eq!(ours.violations, 0, "{name}");
    let nothing = blank();
    let karpenter = stream(market, pods, batch, |world| karpenter(world, &nothing, PreferencePolicy::Respect));
    Arrivals { name: name.to_owned(), pods: pods.len(), bound: at_once.summary.lower_bound, ours, karpenter }
}
