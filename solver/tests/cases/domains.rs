//! Rules about pods in one domain of any label but the host's: topology spread, pod affinity, pod anti-affinity, groups that share a
//! zone.
//!
//! Sources: kubernetes.io "Pod Topology Spread Constraints" and "Assigning Pods to Nodes"; kube-scheduler's PodTopologySpread and
//! InterPodAffinity, which are right where Karpenter differs; that domains of every offering count is Karpenter's reading.

use super::cases;
use crate::support::{
    AppExt, CAPACITY, GI, PoolExt, ShapeExt, TYPE, ZONE, apart, app, labels, need, node, pods_with, pool, running, shape, spread,
    taint, tolerates, world,
};
use windlass_solver::Operator::{Exists, In, NotIn};
use windlass_solver::{
    Namespaces, Node, NodePolicy, Pod, PodAffinityTerm, PodSelector, PodShape, RunningPod, Snapshot, SpreadConstraint,
    TaintEffect, TolerationOperator,
};

fn small() -> PodShape {
    shape(100, GI / 8)
}

fn one(pod: Pod) -> Vec<Pod> {
    vec![pod]
}

/// These pods with one pool of spot nodes and no node.
fn new(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([spot()], [], [], pods.into_iter().flatten())
}

fn spot() -> windlass_solver::NodePool {
    pool("default").requires(CAPACITY, In, &["spot"])
}

/// These pods with the pool, and full nodes in zones `a` and `b` on which these run.
fn beside(in_a: Vec<RunningPod>, in_b: Vec<RunningPod>, pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([spot()], [full("node-a", "a", in_a), full("node-b", "b", in_b)], [], pods.into_iter().flatten())
}

fn full(name: &str, zone: &str, running: Vec<RunningPod>) -> Node {
    let mut made = Node { running, ..node(name) };
    made.labels.insert(ZONE.into(), zone.into());
    made.requested = made.allocatable.clone();
    made
}

fn over(key: &str, max_skew: u32, selector: PodSelector) -> SpreadConstraint {
    SpreadConstraint { topology_key: key.into(), ..spread(max_skew, selector) }
}

fn near(key: &str, selector: PodSelector) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: key.into(), ..apart(selector) }
}

trait Ruled {
    fn evenly(self, one: SpreadConstraint) -> Self;
    fn with(self, term: PodAffinityTerm) -> Self;
    fn far(self, term: PodAffinityTerm) -> Self;
    fn same_zone(self, selector: PodSelector) -> Self;
}

impl Ruled for PodShape {
    fn evenly(mut self, one: SpreadConstraint) -> Self {
        self.topology.spread.push(one);
        self
    }
    fn with(mut self, term: PodAffinityTerm) -> Self {
        self.topology.affinity.push(term);
        self
    }
    fn far(mut self, term: PodAffinityTerm) -> Self {
        self.topology.anti_affinity.push(term);
        self
    }
    fn same_zone(mut self, selector: PodSelector) -> Self {
        self.topology.same_zone.push(selector);
        self
    }
}

fn in_zone(zone: &str) -> PodShape {
    small().selecting(ZONE, zone)
}

cases! {
    a_spread_over_zones_evens_out: new([small().evenly(over(ZONE, 1, app("web"))).pods("web", 4).app("web")])
        => ["default arm/a/spot: web-0 web-1", "default arm/b/spot: web-2 web-3"];
    an_odd_pod_goes_to_the_first_zone: new([small().evenly(over(ZONE, 1, app("web"))).pods("web", 3).app("web")]) => ["default arm/a/spot: web-0 web-1", "default arm/b/spot: web-2"];
    a_spread_over_zones_counts_pods_that_run: beside(vec![running("web", 2)], vec![], [
        small().evenly(over(ZONE, 1, app("web"))).pods("web", 2).app("web"),
    ]) => ["default arm/b/spot: web-0 web-1"];
    a_spread_over_zones_does_not_count_pods_that_are_being_deleted: beside(
        vec![RunningPod { terminating: true, ..running("web", 2) }], vec![],
        [small().evenly(over(ZONE, 1, app("web"))).pods("web", 1).app("web")],
    ) => ["default arm/a/spot: web-0"];
    max_skew_allows_more_in_one_zone_where_the_other_is_closed: world(
        [spot()], [], [], small().evenly(over(ZONE, 2, app("web"))).selecting(ZONE, "a").pods("web", 3).app("web"),
    ) => ["default arm/a/spot: web-0 web-1 web-2"];
    a_closed_zone_counts_where_node_affinity_is_ignored: world([spot()], [], [],
        small().evenly(SpreadConstraint { node_affinity_policy: NodePolicy::Ignore, ..over(ZONE, 2, app("web")) })
            .selecting(ZONE, "a").pods("web", 3).app("web"),
    ) => ["default arm/a/spot: web-0 web-1", "web-2: TopologySpread"];
    a_zone_of_existing_nodes_alone_counts: world([spot().requires(ZONE, In, &["a"])], [full("node-b", "b", vec![])], [],
        small().evenly(over(ZONE, 1, app("web"))).pods("web", 2).app("web"),
    ) => ["default arm/a/spot: web-0", "web-1: TopologySpread"];
    a_zone_of_existing_nodes_alone_takes_what_they_hold: world([spot().requires(ZONE, In, &["a"])], [
        Node { labels: labels(&[(ZONE, "b"), ("kubernetes.io/hostname", "node-b")]), ..node("node-b") },
    ], [], small().evenly(over(ZONE, 1, app("web"))).pods("web", 4).app("web")) => ["node-b: web-2 web-3", "default arm/a/spot: web-0 web-1"];
    a_tainted_zone_counts_by_default: world([spot().requires(ZONE, In, &["a"]), spot_of("b").tainted(taint("gpu", "", TaintEffect::NoSchedule))], [], [],
        small().evenly(over(ZONE, 1, app("web"))).pods("web", 2).app("web"),
    ) => ["default arm/a/spot: web-0", "web-1: TopologySpread"];
    a_tainted_zone_does_not_count_where_taints_are_honoured: world(
        [spot().requires(ZONE, In, &["a"]), spot_of("b").tainted(taint("gpu", "", TaintEffect::NoSchedule))], [], [],
        small().evenly(SpreadConstraint { node_taints_policy: NodePolicy::Honor, ..over(ZONE, 1, app("web")) }).pods("web", 2).app("web"),
    ) => ["default arm/a/spot: web-0 web-1"];
    a_tolerated_taint_leaves_its_zone_in: world(
        [spot().requires(ZONE, In, &["a"]), spot_of("b").tainted(taint("gpu", "", TaintEffect::NoSchedule))], [], [],
        small().evenly(SpreadConstraint { node_taints_policy: NodePolicy::Honor, ..over(ZONE, 1, app("web")) })
            .tolerating(tolerates("gpu", TolerationOperator::Exists, "", None)).pods("web", 2).app("web"),
    ) => ["b arm/b/spot: web-1", "default arm/a/spot: web-0"];
    with_fewer_domains_than_min_domains_the_emptiest_counts_as_empty: new([
        small().evenly(SpreadConstraint { min_domains: Some(3), ..over(ZONE, 1, app("web")) }).pods("web", 3).app("web"),
    ]) => ["default arm/a/spot: web-0", "default arm/b/spot: web-1", "web-2: TopologySpread"];
    with_enough_domains_min_domains_changes_nothing: new([
        small().evenly(SpreadConstraint { min_domains: Some(2), ..over(ZONE, 1, app("web")) }).pods("web", 4).app("web"),
    ]) => ["default arm/a/spot: web-0 web-1", "default arm/b/spot: web-2 web-3"];
    a_spread_counts_pods_of_its_own_namespace_only: new([
        one(small().evenly(over(ZONE, 1, app("web"))).pod("a").app("web")),
        in_zone("a").pods("b", 3).app("web").in_namespace("other"),
    ]) => ["default arm/a/spot: a b-0 b-1 b-2"];
    pods_without_the_rule_count_and_even_out_too: new([
        one(small().evenly(over(ZONE, 1, app("web"))).pod("a").app("web")), small().pods("b", 3).app("web"),
    ]) => ["default arm/a/spot: b-0 b-1", "default arm/b/spot: a b-2"];
    a_pod_goes_where_pods_bound_to_a_zone_are_not: new([
        one(small().evenly(over(ZONE, 1, app("web"))).pod("a").app("web")), in_zone("a").pods("b", 3).app("web"),
    ]) => ["default arm/a/spot: b-0 b-1 b-2", "default arm/b/spot: a"];
    a_spread_that_does_not_select_its_pod_looks_at_others: beside(vec![running("db", 2)], vec![running("db", 1)], [
        small().evenly(over(ZONE, 1, app("db"))).pods("web", 3).app("web"),
    ]) => ["default arm/a/spot: web-0 web-1 web-2"];
    a_spread_that_does_not_select_its_pod_keeps_off_the_fuller_zone: beside(vec![running("db", 2)], vec![], [
        small().evenly(over(ZONE, 1, app("db"))).pods("web", 2).app("web"),
    ]) => ["default arm/b/spot: web-0 web-1"];
    two_workloads_even_out_by_themselves: new([
        small().evenly(over(ZONE, 1, app("a"))).pods("a", 2).app("a"), small().evenly(over(ZONE, 1, app("b"))).pods("b", 2).app("b"),
    ]) => ["default arm/a/spot: a-0 b-0", "default arm/b/spot: a-1 b-1"];
    a_spread_over_capacity_types: world([pool("default")], [], [],
        small().evenly(over(CAPACITY, 1, app("web"))).pods("web", 2).app("web"),
    ) => ["default arm/a/on-demand: web-0", "default arm/a/spot: web-1"];
    a_spread_over_zones_and_capacity_types: world([pool("default")], [], [],
        small().evenly(over(ZONE, 1, app("web"))).evenly(over(CAPACITY, 1, app("web"))).pods("web", 4).app("web"),
    ) => ["default arm/a/on-demand: web-0", "default arm/b/on-demand: web-2", "default arm/a/spot: web-1", "default arm/b/spot: web-3"];
    a_spread_over_zones_and_hosts: new([
        small().evenly(over(ZONE, 1, app("web"))).spread(1, app("web")).pods("web", 4).app("web"),
    ]) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "default arm/b/spot: web-2", "default arm/b/spot: web-3"];
    a_spread_over_a_label_of_the_pool: world([spot().requires("team", In, &["x", "y"])], [], [],
        small().evenly(over("team", 1, app("web"))).pods("web", 4).app("web"),
    ) => ["default arm/a/spot {team=x}: web-0 web-1", "default arm/a/spot {team=y}: web-2 web-3"];
    a_spread_over_a_label_that_no_node_has: new([small().evenly(over("rack", 1, app("web"))).pods("web", 1).app("web")]) => ["web-0: TopologySpread"];
    a_node_without_the_label_is_no_domain: world([spot()], [Node { labels: labels(&[]), ..node("node-1") }], [], [
        small().evenly(over(ZONE, 1, app("web"))).pod("web").app("web"), small().pod("job"),
    ]) => ["node-1: job", "default arm/a/spot: web"];
    limits_stop_a_spread_in_every_zone: world([spot().limited("nodes", 1)], [], [],
        small().evenly(over(ZONE, 1, app("web"))).pods("web", 4).app("web"),
    ) => ["default arm/a/spot: web-0", "web-1: LimitExceeded", "web-2: LimitExceeded", "web-3: LimitExceeded"];
    existing_room_is_used_where_the_spread_allows: world([spot()], [node("node-1")], [],
        small().evenly(over(ZONE, 1, app("web"))).pods("web", 3).app("web"),
    ) => ["node-1: web-0 web-1", "default arm/b/spot: web-2"];

    affinity_goes_to_the_zone_of_a_pod_that_runs: beside(vec![], vec![running("db", 1)], [
        small().with(near(ZONE, app("db"))).pods("web", 2).app("web"),
    ]) => ["default arm/b/spot: web-0 web-1"];
    affinity_to_nobody_leaves_a_pod_out: new([small().with(near(ZONE, app("db"))).pods("web", 2).app("web")]) => ["web-0: PodAffinity", "web-1: PodAffinity"];
    affinity_to_itself_starts_one_zone: new([shape(1500, GI).with(near(ZONE, app("web"))).pods("web", 3).app("web")]) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "default arm/a/spot: web-2"];
    affinity_to_itself_joins_pods_that_run: beside(vec![], vec![running("web", 1)], [
        shape(1500, GI).with(near(ZONE, app("web"))).pods("web", 2).app("web"),
    ]) => ["default arm/b/spot: web-0", "default arm/b/spot: web-1"];
    affinity_to_a_pod_to_place_follows_it: new([
        small().with(near(ZONE, app("db"))).pods("web", 2).app("web"), one(in_zone("b").pod("db").app("db")),
    ]) => ["default arm/b/spot: db web-0 web-1"];
    a_pod_to_place_comes_where_others_need_it: new([
        in_zone("b").with(near(ZONE, app("db"))).pods("web", 2).app("web"), one(small().pod("db").app("db")),
    ]) => ["default arm/b/spot: db web-0 web-1"];
    a_chain_of_affinity_ends_in_one_zone: new([
        one(small().with(near(ZONE, app("b"))).pod("a").app("a")), one(small().with(near(ZONE, app("c"))).pod("b").app("b")),
        one(in_zone("b").pod("c").app("c")),
    ]) => ["default arm/b/spot: a b c"];
    two_pods_that_wait_for_each_other_wait_forever: new([
        one(small().with(near(ZONE, app("b"))).pod("a").app("a")), one(small().with(near(ZONE, app("a"))).pod("b").app("b")),
    ]) => ["a: PodAffinity", "b: PodAffinity"];
    /// kube-scheduler counts pods that all terms select at once; Karpenter looks at each term by itself.
    all_terms_must_be_met_by_the_same_pod: beside(vec![running("db", 1)], vec![running("cache", 1)], [
        small().with(near(ZONE, app("db"))).with(near(ZONE, app("cache"))).pods("web", 1).app("web"),
    ]) => ["web-0: PodAffinity"];
    affinity_looks_in_its_own_namespace: beside(
        vec![RunningPod { namespace: "other".into(), ..running("db", 1) }], vec![running("db", 1)],
        [small().with(near(ZONE, app("db"))).pods("web", 1).app("web")],
    ) => ["default arm/b/spot: web-0"];
    affinity_may_look_in_every_namespace: beside(vec![RunningPod { namespace: "other".into(), ..running("db", 1) }], vec![], [
        small().with(near(ZONE, PodSelector { namespaces: Namespaces::All, ..app("db") })).pods("web", 1).app("web"),
    ]) => ["default arm/a/spot: web-0"];
    affinity_over_the_instance_type: new([shape(1500, GI).with(near(TYPE, app("web"))).pods("web", 2).app("web")]) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1"];
    affinity_needs_the_label: world([], [Node { labels: labels(&[]), ..node("node-1") }], [],
        small().with(near(ZONE, app("web"))).pods("web", 1).app("web"),
    ) => ["web-0: PodAffinity"];
    the_first_of_its_kind_must_select_itself_by_all_terms: new([
        one(small().with(near(ZONE, app("web"))).with(near(ZONE, pods_with(&[need("tier", Exists, &[])]))).pod("web").app("web")),
    ]) => ["web: PodAffinity"];

    anti_affinity_over_zones_is_one_per_zone: new([small().far(near(ZONE, app("web"))).pods("web", 3).app("web")]) => ["default arm/a/spot: web-0", "default arm/b/spot: web-1", "web-2: PodAntiAffinity"];
    anti_affinity_over_zones_counts_pods_that_run: beside(vec![running("web", 1)], vec![], [
        small().far(near(ZONE, app("web"))).pods("web", 2).app("web"),
    ]) => ["default arm/b/spot: web-0", "web-1: PodAntiAffinity"];
    anti_affinity_over_zones_keeps_others_away: new([
        one(in_zone("a").far(near(ZONE, app("job"))).pod("web").app("web")), small().pods("job", 2).app("job"),
    ]) => ["default arm/a/spot: web", "default arm/b/spot: job-0 job-1"];
    who_must_be_alone_leaves_a_zone_to_who_has_no_choice: new([
        one(small().far(near(ZONE, app("job"))).pod("web").app("web")), in_zone("a").pods("job", 2).app("job"),
    ]) => ["default arm/a/spot: job-0 job-1", "default arm/b/spot: web"];
    the_more_important_pod_gets_the_zone: new([
        one(small().far(near(ZONE, app("web"))).pod("a").app("web")), one(small().far(near(ZONE, app("web"))).pod("b").app("web")),
        one(small().far(near(ZONE, app("web"))).at_priority(100).pod("c").app("web")),
    ]) => ["default arm/a/spot: c", "default arm/b/spot: a", "b: PodAntiAffinity"];
    anti_affinity_by_not_in_selects_pods_without_the_label: new([
        one(in_zone("a").far(near(ZONE, pods_with(&[need("app", NotIn, &["web"])]))).pod("web").app("web")), one(small().pod("job")),
    ]) => ["default arm/a/spot: web", "default arm/b/spot: job"];
    anti_affinity_over_a_missing_label_keeps_nobody_away: new([small().far(near("rack", app("web"))).pods("web", 2).app("web")]) => ["default arm/a/spot: web-0 web-1"];

    a_group_that_shares_a_zone_gets_one: new([shape(1500, GI).same_zone(app("spark")).pods("exec", 3).app("spark")]) => ["default arm/a/spot: exec-0", "default arm/a/spot: exec-1", "default arm/a/spot: exec-2"];
    a_group_that_shares_a_zone_joins_its_pods_that_run: beside(vec![], vec![running("spark", 1)], [
        shape(1500, GI).same_zone(app("spark")).pods("exec", 2).app("spark"),
    ]) => ["default arm/b/spot: exec-0", "default arm/b/spot: exec-1"];
    a_group_goes_where_all_of_it_can: new([
        one(in_zone("b").same_zone(app("spark")).pod("driver").app("spark")),
        shape(1500, GI).same_zone(app("spark")).pods("exec", 2).app("spark"),
    ]) => ["default arm/b/spot: driver exec-0", "default arm/b/spot: exec-1"];
}

fn spot_of(zone: &str) -> windlass_solver::NodePool {
    windlass_solver::NodePool { name: zone.into(), ..spot() }.requires(ZONE, In, &[zone])
}
