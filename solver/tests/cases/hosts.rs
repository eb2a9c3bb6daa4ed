//! Rules about pods on one host whose selectors and owners differ, rules of and about daemon pods, and pod affinity on the host.
//!
//! Sources: kube-scheduler's InterPodAffinity (a pod may be the first that its own affinity asks for; anti-affinity binds both ways) and
//! PodTopologySpread.

use super::cases;
use crate::support::{
    AppExt, GI, HOST, PoolExt, ShapeExt, ZONE, app, kind, labels, need, node, pods_with, pool, running, shape, world,
};
use std::sync::Arc;
use windlass_solver::Operator::{Exists, In};
use windlass_solver::{
    DaemonSet, Node, ObjectKey, Pod, PodAffinityTerm, PodSelector, PodShape, Reason, RunningPod, Snapshot, solve,
};

fn small() -> PodShape {
    shape(100, GI / 8)
}

fn new(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [], [], pods.into_iter().flatten())
}

fn beside(running: Vec<RunningPod>, pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [Node { running, ..node("node-1") }], [], pods.into_iter().flatten())
}

fn agent(shape: PodShape) -> DaemonSet {
    DaemonSet { key: ObjectKey::new("default", "agent"), labels: Arc::new(labels(&[("app", "agent")])), shape: Arc::new(shape) }
}

fn with_agent(agent_shape: PodShape, pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [], [agent(agent_shape)], pods.into_iter().flatten())
}

trait Beside: Sized {
    /// Required affinity on the host.
    fn with(self, selector: PodSelector) -> Self;
}

impl Beside for PodShape {
    fn with(mut self, selector: PodSelector) -> Self {
        self.topology.affinity.push(PodAffinityTerm { topology_key: HOST.into(), selector, weight: None });
        self
    }
}

fn one(pod: Pod) -> Vec<Pod> {
    vec![pod]
}

cases! {
    anti_affinity_to_others_keeps_both_apart: new([
        small().apart(app("db")).pods("web", 2).app("web"), small().pods("db", 2).app("db"),
    ]) => ["default arm/a/spot: db-0 db-1", "default arm/a/spot: web-0 web-1"];
    anti_affinity_to_others_lets_third_parties_in: new([
        one(small().apart(app("db")).pod("web").app("web")), one(small().pod("db").app("db")), one(small().pod("job")),
    ]) => ["default arm/a/spot: db job", "default arm/a/spot: web"];
    two_workloads_that_avoid_each_other_never_meet: new([
        small().apart(app("b")).pods("a", 2).app("a"), small().apart(app("a")).pods("b", 2).app("b"),
    ]) => ["default arm/a/spot: a-0 a-1", "default arm/a/spot: b-0 b-1"];
    anti_affinity_in_a_ring_needs_three_hosts: new([
        one(small().apart(app("b")).pod("a").app("a")), one(small().apart(app("c")).pod("b").app("b")),
        one(small().apart(app("a")).pod("c").app("c")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b", "default arm/a/spot: c"];
    a_wide_spread_counts_pods_without_it: new([
        one(small().spread(2, app("web")).pod("a").app("web")), small().pods("b", 3).app("web"),
    ]) => ["default arm/a/spot: a b-0", "default arm/a/spot: b-1 b-2"];
    a_spread_of_others_bounds_those_beside_its_owner: new([
        one(small().spread(1, app("db")).pod("web").app("web")), small().pods("db", 3).app("db"),
    ]) => ["default arm/a/spot: db-0 web", "default arm/a/spot: db-1 db-2"];
    a_spread_of_others_does_not_bound_its_owners: new([small().spread(1, app("db")).pods("web", 4).app("web")])
        => ["default arm/a/spot: web-0 web-1 web-2 web-3"];
    two_spreads_of_one_pod_both_hold: new([
        one(small().spread(1, app("a")).spread(2, app("b")).pod("web").app("web")), small().pods("a", 2).app("a"),
    ]) => ["default arm/a/spot: a-0", "default arm/a/spot: a-1 web"];
    rules_of_workloads_of_one_size_differ: new([
        small().apart(app("a")).pods("a", 2).app("a"), small().spread(2, app("b")).pods("b", 4).app("b"), small().pods("c", 2).app("c"),
    ]) => ["default arm/a/spot: a-0 b-0 b-1", "default arm/a/spot: a-1 b-2 b-3 c-0 c-1"];

    existing_nodes_take_pods_that_avoid_others_apart: world(
        [pool("default")], [node("node-1"), node("node-2")], [],
        [small().apart(app("db")).pods("web", 2).app("web"), small().pods("db", 2).app("db")].concat(),
    ) => ["node-1: db-0 db-1", "node-2: web-0 web-1"];
    a_rule_about_others_looks_at_pods_that_run: beside(vec![running("db", 2)], [
        one(small().spread(1, app("db")).pod("web").app("web")), one(small().pod("job").app("job")),
    ]) => ["node-1: job", "default arm/a/spot: web"];
    a_spread_of_others_counts_pods_that_run_and_pods_to_place: beside(vec![running("db", 1)], [
        one(small().spread(1, app("db")).pod("web").app("web")), one(small().pod("db").app("db")),
    ]) => ["node-1: db", "default arm/a/spot: web"];

    anti_affinity_to_a_daemonset_leaves_no_node: with_agent(small(), [
        one(small().apart(app("agent")).pod("web").app("web")), one(small().pod("job")),
    ]) => ["default arm/a/spot: job", "web: PodAntiAffinity"];
    anti_affinity_to_a_daemonset_allows_nodes_without_it: with_agent(small().selecting("kubernetes.io/arch", "arm64"), [
        one(small().apart(app("agent")).pod("web").app("web")),
    ]) => ["default small/a/spot: web"];
    anti_affinity_of_a_daemonset_binds_pods: with_agent(small().apart(app("web")), [one(small().pod("web").app("web"))])
        => ["web: PodAntiAffinity"];
    a_spread_counts_daemon_pods: with_agent(small(), [
        small().spread(2, pods_with(&[need("app", Exists, &[])])).pods("web", 2).app("web"),
    ]) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1"];
    a_spread_that_daemon_pods_fill_leaves_no_node: with_agent(small(), [
        one(small().spread(1, pods_with(&[need("app", Exists, &[])])).pod("web").app("web")),
    ]) => ["web: TopologySpread"];
    a_spread_of_daemon_pods_alone_does_not_bind: with_agent(small(), [small().spread(1, app("agent")).pods("web", 2).app("web")])
        => ["default arm/a/spot: web-0 web-1"];

    affinity_joins_a_pod_that_runs: beside(vec![running("db", 1)], [one(small().with(app("db")).pod("web").app("web"))])
        => ["node-1: web"];
    affinity_joins_a_pod_that_is_being_deleted: beside(vec![RunningPod { terminating: true, ..running("db", 1) }], [
        one(small().with(app("db")).pod("web").app("web")),
    ]) => ["node-1: web"];
    affinity_brings_pods_to_be_placed_together: world([pool("default")], [], [], [
        one(small().with(app("db")).pod("web").app("web")), one(small().pod("db").app("db")), one(shape(1950, GI).pod("job")),
    ].concat()) => ["default arm/a/spot: db web", "default arm/a/spot: job"];
    affinity_to_nobody_leaves_no_place: new([one(small().with(app("db")).pod("web").app("web")), one(small().pod("job"))])
        => ["default arm/a/spot: job", "web: PodAffinity"];
    affinity_of_pods_to_themselves_needs_one_host: new([small().with(app("web")).pods("web", 3).app("web")])
        => ["default arm/a/spot: web-0 web-1 web-2"];
    pods_that_join_themselves_get_a_host_for_all: new([shape(1000, GI).with(app("web")).pods("web", 4).app("web")])
        => ["default large/a/spot: web-0 web-1 web-2 web-3"];
    what_does_not_fit_on_the_host_of_a_group_waits: new([shape(3000, GI).with(app("web")).pods("web", 3).app("web")])
        => ["default large/a/spot: web-0 web-1", "web-2: PodAffinity"];
    a_group_with_members_that_run_does_not_begin_anew: world(
        [pool("default")], [Node { running: vec![running("web", 1)], ..node("node-1") }], [],
        shape(3000, GI).with(app("web")).pods("web", 3).app("web"),
    ) => ["node-1: web-0", "web-1: PodAffinity", "web-2: PodAffinity"];
    affinity_of_two_workloads_to_each_other_cannot_begin: new([
        one(small().with(app("b")).pod("a").app("a")), one(small().with(app("a")).pod("b").app("b")),
    ]) => ["a: PodAffinity", "b: PodAffinity"];
    affinity_in_a_chain_follows_its_end: new([
        one(small().with(app("b")).pod("a").app("a")), one(small().with(app("c")).pod("b").app("b")), one(small().pod("c").app("c")),
    ]) => ["default arm/a/spot: a b c"];
    a_node_grows_for_pods_that_must_join_it: new([
        small().with(app("db")).pods("web", 1).app("web"), shape(1800, GI).with(app("db")).pods("api", 2).app("api"),
        one(small().pod("db").app("db")),
    ]) => ["default large/a/spot: api-0 api-1 db web-0"];
    every_term_of_an_affinity_must_match_one_pod: beside(vec![running("a", 1), running("b", 1)], [
        one(small().with(app("a")).with(pods_with(&[need("app", In, &["b"])])).pod("web").app("web")),
    ]) => ["web: PodAffinity"];
    affinity_and_anti_affinity_hold_together: world(
        [pool("default")],
        [Node { running: vec![running("db", 1), running("bad", 1)], ..node("node-1") }, Node { running: vec![running("db", 1)], ..node("node-2") }],
        [], one(small().with(app("db")).apart(app("bad")).pod("web").app("web")),
    ) => ["node-2: web"];
    a_daemonset_that_runs_nowhere_is_nobodys_company: with_agent(small().selecting("team", "nobody"), [
        small().with(app("agent")).pods("web", 2).app("agent"),
    ]) => ["default arm/a/spot: web-0 web-1"];
    affinity_to_a_daemonset_goes_where_it_runs: with_agent(small().selecting("kubernetes.io/arch", "amd64"), [
        one(small().with(app("agent")).pod("web").app("web")),
    ]) => ["default small/a/spot: web"];
    a_group_keeps_to_the_zone_that_one_of_its_pods_asks_for: new([
        one(small().with(app("web")).selecting(ZONE, "b").pod("x").app("web")), one(small().with(app("web")).pod("y").app("web")),
    ]) => ["default arm/b/spot: x y"];
}

/// The reason and the message for the one pod without a place.
fn told(snapshot: &Snapshot) -> String {
    let plan = solve(snapshot, &windlass_solver::Options::default());
    assert_eq!(plan.unschedulable.len(), 1, "{plan:#?}");
    plan.unschedulable[0].message.clone()
}

#[test]
fn a_daemonset_in_the_way_is_named() {
    assert_eq!(
        told(&with_agent(small(), [one(small().apart(app("agent")).pod("web").app("web"))])),
        "it must not be near pods with app In [agent] (podAntiAffinity), and so not near daemonset default/agent, which runs on every \
         node that would hold it: exclude its nodes from one of them"
    );
    assert_eq!(
        told(&with_agent(small().apart(app("web")), [one(small().pod("web").app("web"))])),
        "daemonset default/agent must not be near pods with app In [web] (podAntiAffinity), which runs on every node that would hold it: \
         exclude its nodes from one of them"
    );
}

#[test]
fn whom_a_pod_must_join_is_named() {
    assert_eq!(
        told(&new([one(small().with(app("db")).pod("web").app("web"))])),
        "it must share a host with pods with app In [db] (podAffinity): no host that has them, or could be bought for them, has room"
    );
    assert_eq!(
        told(&new([shape(3000, GI).with(app("web")).pods("web", 3).app("web")])),
        "it must share a host with pods with app In [web] (podAffinity): they go to one host, and what does not fit there waits"
    );
}

#[test]
fn a_limit_places_the_higher_priority_whatever_the_rules() {
    let first = small().at_priority(10).apart(app("b")).pods("a", 2).app("a");
    let rest = small().apart(app("a")).pods("b", 2).app("b");
    let pool = pool("default").types([kind("small", 2, 4)]);
    let limited = windlass_solver::NodePool { limits: vec![("nodes".into(), 1)], ..pool };
    let plan = solve(&world([limited], [], [], [first, rest].concat()), &windlass_solver::Options::default());
    let names: Vec<_> = plan.nodes[0].pods.iter().map(|pod| pod.name.to_string()).collect();
    assert_eq!(names, ["a-0", "a-1"]);
    assert!(plan.unschedulable.iter().all(|entry| entry.reason == Reason::LimitExceeded));
}

/// Where several plans cost the same, the one is kept that is made without the pod.
#[test]
fn a_pod_that_asks_for_nobody_changes_nothing_for_others() {
    let good = || [shape(1500, GI).pods("api", 3).app("api"), shape(500, GI).pods("web", 5).app("web")].concat();
    let limited = || windlass_solver::NodePool { limits: vec![("cpu".into(), 100_000)], ..pool("default") };
    let plan = |pods: Vec<Pod>| solve(&world([limited()], [node("node-1")], [], pods), &windlass_solver::Options::default());
    let with = plan([good(), one(small().with(app("nobody")).pod("bad"))].concat());
    let without = plan(good());
    assert_eq!((with.nodes, with.existing_nodes), (without.nodes, without.existing_nodes));
    assert_eq!(with.unschedulable.len(), 1);
}
