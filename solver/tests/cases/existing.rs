//! Nodes that exist are used first, and for free.

use super::cases;
use crate::support::{ARCH, GI, ShapeExt, ZONE, need, node, pool, port, shape, taint, tolerates, world};
use windlass_solver::Operator::{DoesNotExist, Exists, Gt, In, Lt, NotIn};
use windlass_solver::{Node, Operator, PodShape, Resources, Snapshot, TaintEffect, TolerationOperator};

fn small() -> PodShape {
    shape(1000, GI)
}

/// No pool; one node that is generation 5; a pod that asks this of labels.
fn asks(key: &str, operator: Operator, values: &[&str]) -> Snapshot {
    let mut node = node("node-1");
    node.labels.insert("generation".into(), "5".into());
    world([], [node], [], [small().term(&[need(key, operator, values)]).pod("pod")])
}

fn with(edit: impl Fn(&mut Node)) -> Node {
    let mut node = node("node-1");
    edit(&mut node);
    node
}

cases! {
    an_existing_node_goes_before_a_new_one: world([pool("default")], [node("node-1")], [], [small().pod("pod")]) => ["node-1: pod"];
    what_does_not_fit_there_gets_a_new_node: world([pool("default")], [node("node-1")], [], shape(1900, GI).pods("pod", 3))
        => ["node-1: pod-0 pod-1", "default arm/a/spot: pod-2"];
    initialized_nodes_are_filled_first: world([], [with(|node| node.initialized = false), node("node-2")], [], [small().pod("pod")])
        => ["node-2: pod"];
    a_cordoned_node_takes_nobody: world([pool("default")], [with(|node| node.schedulable = false)], [], [small().pod("pod")])
        => ["default arm/a/spot: pod"];
    running_pods_take_their_part: world([pool("default")], [
        with(|node| node.requested = Resources::new().with("cpu", 3500)),
    ], [], [small().pod("pod")]) => ["default arm/a/spot: pod"];
    pods_per_node_count_what_runs: world([pool("default")], [
        with(|node| node.requested = Resources::new().with("pods", 9)),
    ], [], shape(10, 0).pods("pod", 2)) => ["node-1: pod-0", "default arm/a/spot: pod-1"];
    ports_of_running_pods_are_taken: world([pool("default")], [with(|node| node.host_ports = vec![port(80, "")])], [], [
        small().on_port(port(80, "10.0.0.1")).pod("pod"),
    ]) => ["default arm/a/spot: pod"];
    a_taint_keeps_pods_off_an_existing_node: world([pool("default")], [
        with(|node| node.taints = vec![taint("db", "", TaintEffect::NoSchedule)]),
    ], [], [
        small().pod("plain"),
        small().tolerating(tolerates("db", TolerationOperator::Exists, "", None)).pod("tolerant"),
    ]) => ["node-1: tolerant", "default arm/a/spot: plain"];

    a_host_name_is_known_on_an_existing_node: asks("kubernetes.io/hostname", In, &["node-1"]) => ["node-1: pod"];
    in_on_an_existing_node: asks(ZONE, In, &["b"]) => ["pod: NoNodePool"];
    not_in_on_an_existing_node: asks(ARCH, NotIn, &["arm64"]) => ["node-1: pod"];
    exists_on_an_existing_node: asks("generation", Exists, &[]) => ["node-1: pod"];
    does_not_exist_on_an_existing_node: asks("generation", DoesNotExist, &[]) => ["pod: NoNodePool"];
    gt_on_an_existing_node: asks("generation", Gt, &["4"]) => ["node-1: pod"];
    lt_on_an_existing_node: asks("generation", Lt, &["5"]) => ["pod: NoNodePool"];
}
