//! Rules about pods that share a host: required anti-affinity and spread over `kubernetes.io/hostname`.
//!
//! Sources: kubernetes.io "Assigning Pods to Nodes" and "Pod Topology Spread Constraints"; kube-scheduler's InterPodAffinity and
//! PodTopologySpread; that a new host is always empty is Karpenter's reading.

use super::cases;
use crate::support::{
    AppExt, GI, HOST, PoolExt, ShapeExt, ZONE, apart, app, labels, need, node, pods_with, pool, running, shape, world,
};
use windlass_solver::Operator::{DoesNotExist, Exists, In, NotIn};
use windlass_solver::{Namespaces, Node, Pod, PodAffinityTerm, PodSelector, PodShape, RunningPod, Snapshot};

fn small() -> PodShape {
    shape(100, GI / 8)
}

/// These pods with one pool and no node.
fn new(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [], [], pods.into_iter().flatten())
}

/// These pods with one pool and `node-1`, on which `running` run.
fn beside(running: Vec<RunningPod>, pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [Node { running, ..node("node-1") }], [], pods.into_iter().flatten())
}

fn anywhere(selector: PodSelector) -> PodSelector {
    PodSelector { namespaces: Namespaces::All, ..selector }
}

fn guarding(value: &str, topology_key: &str, selector: PodSelector) -> RunningPod {
    let term = PodAffinityTerm { topology_key: topology_key.into(), ..apart(selector) };
    RunningPod { anti_affinity: vec![term], ..running(value, 1) }
}

fn one(pod: Pod) -> Vec<Pod> {
    vec![pod]
}

cases! {
    pods_with_anti_affinity_to_themselves_get_a_node_each: new([small().apart(app("web")).pods("web", 3).app("web")])
        => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "default arm/a/spot: web-2"];
    pods_without_the_rule_fill_the_same_nodes: new([
        small().apart(app("web")).pods("web", 2).app("web"), small().pods("job", 2),
    ]) => ["default arm/a/spot: job-0 job-1 web-0", "default arm/a/spot: web-1"];
    anti_affinity_binds_pods_that_do_not_carry_it: new([
        one(small().apart(app("web")).pod("alone").app("web")), small().pods("web", 2).app("web"),
    ]) => ["default arm/a/spot: alone", "default arm/a/spot: web-0 web-1"];
    two_workloads_apart_from_themselves_share_nodes: new([
        small().apart(app("a")).pods("a", 2).app("a"), small().apart(app("b")).pods("b", 2).app("b"),
    ]) => ["default arm/a/spot: a-0 b-0", "default arm/a/spot: a-1 b-1"];
    one_rule_over_two_workloads_keeps_all_apart: new([
        one(small().apart(pods_with(&[need("app", Exists, &[])])).pod("a").app("a")),
        one(small().apart(pods_with(&[need("app", Exists, &[])])).pod("b").app("b")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b"];
    a_selector_without_requirements_selects_every_pod: new([
        one(small().apart(pods_with(&[])).pod("hermit")), one(small().pod("other")),
    ]) => ["default arm/a/spot: hermit", "default arm/a/spot: other"];
    no_selector_selects_no_pod: new([
        small().apart(PodSelector { labels: None, ..app("web") }).pods("web", 2).app("web"),
    ]) => ["default arm/a/spot: web-0 web-1"];
    a_rule_is_about_its_own_namespace: new([
        one(small().apart(app("web")).pod("web").app("web")), one(small().pod("web").app("web").in_namespace("other")),
    ]) => ["default arm/a/spot: web web"];
    a_rule_may_be_about_every_namespace: new([
        one(small().apart(anywhere(app("web"))).pod("a").app("web")), one(small().pod("b").app("web").in_namespace("other")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b"];
    not_in_selects_pods_without_the_label: new([
        one(small().apart(pods_with(&[need("app", NotIn, &["db"])])).pod("a")), one(small().pod("b")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b"];
    not_in_does_not_select_its_values: new([
        one(small().apart(pods_with(&[need("app", NotIn, &["db"])])).pod("a")), one(small().pod("b").app("db")),
    ]) => ["default arm/a/spot: a b"];
    does_not_exist_selects_pods_without_the_label: new([
        one(small().apart(pods_with(&[need("app", DoesNotExist, &[])])).pod("a")), one(small().pod("b").app("web")),
    ]) => ["default arm/a/spot: a b"];
    in_selects_any_of_its_values: new([
        one(small().apart(pods_with(&[need("app", In, &["a", "b"])])).pod("a").app("a")), one(small().pod("b").app("b")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b"];
    all_requirements_of_a_selector_must_hold: new([
        one(small().apart(pods_with(&[need("app", In, &["a"]), need("tier", Exists, &[])])).pod("a").app("a")), one(small().pod("b").app("a")),
    ]) => ["default arm/a/spot: a b"];

    a_spread_over_hosts_bounds_pods_per_node: new([small().spread(1, app("web")).pods("web", 2).app("web")])
        => ["default arm/a/spot: web-0", "default arm/a/spot: web-1"];
    max_skew_is_how_many_share_a_host: new([small().spread(2, app("web")).pods("web", 4).app("web")])
        => ["default arm/a/spot: web-0 web-1", "default arm/a/spot: web-2 web-3"];
    a_spread_counts_pods_that_do_not_carry_it: new([
        one(small().spread(1, app("web")).pod("a").app("web")), one(small().pod("b").app("web")),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b"];
    a_spread_does_not_bind_pods_that_do_not_carry_it: new([
        one(small().spread(1, app("web")).pod("a").app("web")), small().pods("b", 3).app("web"),
    ]) => ["default arm/a/spot: a", "default arm/a/spot: b-0 b-1 b-2"];
    a_spread_of_nobody_binds_nobody: new([small().spread(1, app("other")).pods("web", 3).app("web")])
        => ["default arm/a/spot: web-0 web-1 web-2"];
    a_spread_counts_its_own_namespace_only: new([
        one(small().spread(1, app("web")).pod("a").app("web")), one(small().pod("b").app("web").in_namespace("other")),
    ]) => ["default arm/a/spot: a b"];
    the_strictest_of_several_rules_holds: new([small().spread(2, app("web")).apart(app("web")).pods("web", 2).app("web")])
        => ["default arm/a/spot: web-0", "default arm/a/spot: web-1"];

    anti_affinity_keeps_off_nodes_where_a_selected_pod_runs: beside(vec![running("web", 1)], [
        one(small().apart(app("web")).pod("new").app("web")), one(small().pod("job")),
    ]) => ["node-1: job", "default arm/a/spot: new"];
    anti_affinity_to_others_only_needs_nodes_without_them: beside(vec![running("db", 1)], [small().apart(app("db")).pods("web", 2).app("web")])
        => ["default arm/a/spot: web-0 web-1"];
    anti_affinity_of_pods_that_run_keeps_others_off: beside(vec![guarding("db", HOST, app("web"))], [
        one(small().pod("web").app("web")), one(small().pod("job")),
    ]) => ["node-1: job", "default arm/a/spot: web"];
    anti_affinity_of_pods_that_run_reaches_through_their_zone: beside(vec![guarding("db", ZONE, app("web"))], [
        one(small().pod("web").app("web")),
    ]) => ["default arm/b/spot: web"];
    anti_affinity_of_pods_that_run_on_an_unlabelled_node_reaches_nobody: beside(vec![guarding("db", "rack", app("web"))], [
        one(small().pod("web").app("web")),
    ]) => ["node-1: web"];
    anti_affinity_counts_pods_that_are_being_deleted: beside(vec![RunningPod { terminating: true, ..running("web", 1) }], [
        one(small().apart(app("web")).pod("web").app("web")),
    ]) => ["default arm/a/spot: web"];
    a_spread_counts_pods_that_run: beside(vec![running("web", 1)], [small().spread(2, app("web")).pods("web", 2).app("web")])
        => ["node-1: web-0", "default arm/a/spot: web-1"];
    a_spread_does_not_count_pods_that_are_being_deleted: beside(vec![RunningPod { terminating: true, ..running("web", 1) }], [
        small().spread(1, app("web")).pods("web", 1).app("web"),
    ]) => ["node-1: web-0"];
    a_spread_is_kept_on_an_overfull_node_by_staying_away: beside(vec![running("web", 5)], [
        small().spread(2, app("web")).pods("web", 1).app("web"),
    ]) => ["default arm/a/spot: web-0"];
    a_spread_of_others_looks_at_how_many_run: beside(vec![running("db", 2)], [small().spread(1, app("db")).pods("web", 1).app("web")])
        => ["default arm/a/spot: web-0"];
    a_node_without_a_host_name_takes_no_pod_with_a_spread: world([pool("default")], [Node { labels: labels(&[]), ..node("node-1") }], [], [
        small().spread(1, app("web")).pod("web").app("web"), small().pod("job"),
    ]) => ["node-1: job", "default arm/a/spot: web"];

    a_refused_pod_binds_nobody: new([
        one(small().apart(app("web")).using(windlass_solver::Feature::ResourceClaim).pod("a").app("web")), small().pods("web", 1).app("web"),
    ]) => ["default arm/a/spot: web-0", "a: NotYetSupported"];
    limits_leave_out_who_has_no_host_left: world([pool("default").limited("nodes", 2)], [], [],
        small().apart(app("web")).pods("web", 3).app("web"),
    ) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "web-2: LimitExceeded"];
}

/// Why the one pod that is left out is, its funnel's last step, and the change that would help.
fn told(snapshot: &Snapshot) -> (String, Option<String>, Option<String>) {
    let plan = crate::support::solved(snapshot);
    let [entry] = &plan.unschedulable[..] else { panic!("{plan:#?}") };
    (entry.message.clone(), entry.funnel.last().map(|step| step.step.clone()), entry.would_fit_if.clone())
}

#[test]
fn anti_affinity_of_pods_that_run_is_named_where_it_leaves_no_zone() {
    let node = Node { running: vec![guarding("db", ZONE, app("web"))], ..node("node-1") };
    let pool = pool("default").requires(ZONE, In, &["a"]);
    let (message, step, change) = told(&world([pool], [node], [], one(small().pod("web").app("web"))));
    assert_eq!(
        message,
        "the required podAntiAffinity of pods that run keeps it away: no offering that is left has topology.kubernetes.io/zone NotIn [a]; \
         move those pods, or let a NodePool launch elsewhere"
    );
    assert_eq!(step.as_deref(), Some("podAntiAffinity of pods that run: topology.kubernetes.io/zone NotIn [a]"));
    assert_eq!(change, None);
}

#[test]
fn a_rule_about_hosts_is_named_where_no_node_may_be_added() {
    let web = || small().apart(app("web")).pods("web", 2).app("web");
    let (message, ..) = told(&world([], [node("node-1")], [], web()));
    assert!(message.ends_with("; on hosts in use, it must not meet pods with app In [web] (podAntiAffinity)"), "{message}");
    let web = small().spread(1, app("web")).pods("web", 2).app("web");
    let (message, ..) = told(&world([], [node("node-1")], [], web));
    assert!(
        message.ends_with("; on hosts in use, it allows 1 of pods with app In [web] (topologySpreadConstraints)"),
        "{message}"
    );
}
