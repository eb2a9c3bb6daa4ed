//! Preferences: kept where that leaves nobody without a place, given up one by one where it does not. After the plan's lines comes one
//! for each list of preferences given up.
//!
//! Sources: kubernetes.io "Assigning Pods to Nodes" and "Pod Topology Spread Constraints"; what is given up, and in which order, is
//! Karpenter's (karpenter v1.14, `preferences.go`; karpenter.sh "Scheduling", Preferences). kube-scheduler scores nodes by preferences and
//! never waits for them.

use super::lines;
use crate::support::wishes::WishExt;
use crate::support::{
    ARCH, AppExt, CAPACITY, GI, HOST, PoolExt, ShapeExt, TYPE, ZONE, app, kind, need, node, pool, running, shape, solved_with,
    taint, world,
};
use windlass_solver::Operator::{DoesNotExist, In, NotIn};
use windlass_solver::{
    Node, Options, Pod, PodAffinityTerm, PodShape, PreferencePolicy, Requirement, RunningPod, Snapshot, TaintEffect,
};

fn small() -> PodShape {
    shape(100, GI / 8)
}

fn on(key: &str, value: &str) -> Requirement {
    need(key, In, &[value])
}

/// These pods with one pool and no node.
fn new(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [], [], pods.into_iter().flatten())
}

/// These pods with one pool and `node-1` in zone `a`, on which `running` run.
fn beside(running: Vec<RunningPod>, pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default")], [Node { running, ..node("node-1") }], [], pods.into_iter().flatten())
}

/// These pods with a pool of two nodes at most.
fn on_two(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([pool("default").limited("nodes", 2)], [], [], pods.into_iter().flatten())
}

fn one(pod: Pod) -> Vec<Pod> {
    vec![pod]
}

/// Insists on this plan, and on what was given up.
fn plans(snapshot: &Snapshot, preferences: PreferencePolicy, expected: &[&str]) {
    let plan = solved_with(snapshot, &Options { preferences, ..Options::default() });
    let dropped = plan.dropped.iter().map(|one| {
        let names = one.pods.iter().map(|pod| &*pod.name).collect::<Vec<_>>().join(" ");
        format!("{names} gave up {}", one.preferences.join(", then "))
    });
    let all: Vec<String> = lines(&plan).into_iter().chain(dropped).collect();
    assert_eq!(all, expected);
}

macro_rules! wishes {
    ($policy:ident; $($(#[doc = $doc:literal])* $rule:ident: $snapshot:expr => [$($line:literal),* $(,)?];)*) => {
        $($(#[doc = $doc])* #[test] fn $rule() {
            plans(&$snapshot, PreferencePolicy::$policy, &[$($line),*]);
        })*
    };
}

wishes! { Respect;
    preferred_node_affinity_is_kept_at_a_price: new([one(small().rather(1, &[on(ARCH, "amd64")]).pod("pod"))])
        => ["default small/a/spot: pod"];
    preferred_node_affinity_that_nothing_satisfies_is_given_up: new([one(small().rather(100, &[on(ARCH, "riscv")]).pod("pod"))])
        => [
        "default arm/a/spot: pod",
        "pod gave up preferred nodeAffinity kubernetes.io/arch In [riscv] (weight 100)",
    ];
    of_node_preferences_the_heaviest_is_asked_for: new([
        one(small().rather(10, &[on(ZONE, "a")]).rather(20, &[on(ZONE, "b")]).pod("pod")),
    ]) => ["default arm/b/spot: pod"];
    then_the_next_heaviest: new([
        one(small().rather(10, &[on(ZONE, "b")]).rather(20, &[on(ZONE, "c")]).rather(30, &[on(ZONE, "d")]).pod("pod")),
    ]) => [
        "default arm/b/spot: pod",
        "pod gave up preferred nodeAffinity topology.kubernetes.io/zone In [d] (weight 30), then preferred nodeAffinity topology.kubernetes.io/zone In [c] (weight 20)",
    ];
    lighter_node_preferences_do_not_count_beside_it: new([
        one(small().rather(10, &[on(ARCH, "amd64")]).rather(20, &[on(ZONE, "b")]).pod("pod")),
    ]) => ["default arm/b/spot: pod"];
    all_requirements_of_a_node_preference_hold_together: new([
        one(small().rather(1, &[on(ARCH, "amd64"), on(ZONE, "b"), on(CAPACITY, "on-demand")]).pod("pod")),
    ]) => ["default small/b/on-demand: pod"];
    a_node_preference_without_requirements_is_none: new([one(small().rather(1, &[]).pod("pod"))])
        => ["default arm/a/spot: pod"];
    a_node_preference_may_be_about_a_label_that_the_pool_leaves_open: world([
        pool("default").requires("team", In, &["blue", "red"]),
    ], [], [], [small().rather(1, &[on("team", "red")]).pod("pod")]) => ["default arm/a/spot {team=red}: pod"];
    a_node_preference_may_ask_for_the_absence_of_a_label: world([
        pool("plain").weighing(1), pool("gpu").labelled("gpu", "yes").weighing(2),
    ], [], [], [small().rather(1, &[need("gpu", DoesNotExist, &[])]).pod("pod")]) => ["plain arm/a/spot: pod"];
    a_node_preference_beats_the_weight_of_pools: world([
        pool("first").weighing(10).requires(ARCH, In, &["arm64"]), pool("second").requires(ARCH, In, &["amd64"]),
    ], [], [], [small().rather(1, &[on(ARCH, "amd64")]).pod("pod")]) => ["second small/a/spot: pod"];
    a_node_preference_passes_by_an_existing_node: beside(vec![], [one(small().rather(1, &[on(ZONE, "b")]).pod("pod"))])
        => ["default arm/b/spot: pod"];
    a_preference_given_up_lets_the_pod_on_an_existing_node: beside(vec![], [one(small().rather(1, &[on(ZONE, "z")]).pod("pod"))])
        => [
        "node-1: pod",
        "pod gave up preferred nodeAffinity topology.kubernetes.io/zone In [z] (weight 1)",
    ];
    /// kube-scheduler: required terms are alternatives, all of them all the time; preferences come on top.
    required_terms_stay_alternatives_beside_preferences: new([
        one(small().term(&[on(ZONE, "z")]).term(&[on(ZONE, "b")]).rather(1, &[on(ARCH, "amd64")]).pod("pod")),
    ]) => ["default small/b/spot: pod"];
    /// Spread counts domains by required affinity alone, so that a preferred zone cannot hide the others.
    a_preferred_zone_does_not_narrow_a_required_spread: new([
        small().must_spread(1, ZONE, app("web")).rather(1, &[on(ZONE, "b")]).pods("web", 3).app("web"),
    ]) => [
        "default arm/a/spot: web-1 web-2",
        "default arm/b/spot: web-0",
        "web-1 web-2 gave up preferred nodeAffinity topology.kubernetes.io/zone In [b] (weight 1)",
    ];
}

wishes! { Respect;
    preferred_anti_affinity_keeps_apart_at_a_price: new([small().rather_apart(1, HOST, app("web")).pods("web", 3).app("web")])
        => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "default arm/a/spot: web-2"];
    preferred_anti_affinity_is_kept_as_far_as_nodes_go: on_two([small().rather_apart(1, HOST, app("web")).pods("web", 4).app("web")])
        => [
        "default arm/a/spot: web-0",
        "default arm/a/spot: web-1 web-2 web-3",
        "web-2 web-3 gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)",
    ];
    preferred_anti_affinity_over_zones_fills_each_zone_once: new([
        small().rather_apart(1, ZONE, app("web")).pods("web", 3).app("web"),
    ]) => [
        "default arm/a/spot: web-0",
        "default arm/b/spot: web-1 web-2",
        "web-2 gave up preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [web] (weight 1)",
    ];
    preferred_anti_affinity_to_others_keeps_them_apart: new([
        one(small().rather_apart(1, HOST, app("noisy")).pod("quiet").app("quiet")), one(small().pod("noisy").app("noisy")),
    ]) => ["default arm/a/spot: noisy", "default arm/a/spot: quiet"];
    preferred_anti_affinity_never_costs_others_their_place: world([pool("default").limited("nodes", 1)], [], [], [
        small().at_priority(10).rather_apart(1, HOST, app("noisy")).pod("quiet").app("quiet"), small().pod("noisy").app("noisy"),
    ]) => [
        "default arm/a/spot: noisy quiet",
        "quiet gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [noisy] (weight 1)",
    ];
    preferred_anti_affinity_looks_at_pods_that_run: beside(vec![running("web", 1)], [
        one(small().rather_apart(1, HOST, app("web")).pod("web").app("web")),
    ]) => ["default arm/a/spot: web"];
    preferred_anti_affinity_gives_in_to_pods_that_run: world([pool("default").limited("nodes", 0)],
        [Node { running: vec![running("web", 1)], ..node("node-1") }], [], [
        small().rather_apart(1, HOST, app("web")).pod("web").app("web"),
    ]) => [
        "node-1: web",
        "web gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)",
    ];
    /// kube-scheduler scores by it, and Karpenter does not track it: what pods that run prefer keeps nobody away.
    preferred_anti_affinity_of_pods_that_run_is_nothing: beside(vec![
        RunningPod { anti_affinity: vec![PodAffinityTerm { topology_key: HOST.into(), selector: app("web"), weight: Some(100) }],
            ..running("web", 1) },
    ], [one(small().pod("web").app("web"))]) => ["node-1: web"];
    required_anti_affinity_holds_where_the_preferred_one_is_given_up: on_two([
        small().rather_apart(1, HOST, app("web")).must_apart(HOST, app("db")).pods("web", 3).app("web"),
        one(small().pod("db").app("db")),
    ]) => [
        "default arm/a/spot: db",
        "default arm/a/spot: web-0 web-1 web-2",
        "web-1 web-2 gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)",
    ];
    preferred_affinity_brings_pods_together: new([
        one(small().rather_with(1, ZONE, app("db")).pod("web").app("web")), one(small().selecting(ZONE, "b").pod("db").app("db")),
    ]) => ["default arm/b/spot: db web"];
    preferred_affinity_finds_pods_that_run: world([pool("default")],
        [Node { running: vec![running("db", 1)], ..node("node-1") }], [], [
        small().selecting(CAPACITY, "spot").rather_with(1, ZONE, app("db")).pod("web").app("web"),
    ]) => ["default arm/a/spot: web"];
    preferred_affinity_to_nobody_is_given_up: new([one(small().rather_with(1, ZONE, app("db")).pod("web").app("web"))])
        => [
        "default arm/a/spot: web",
        "web gave up preferred podAffinity over topology.kubernetes.io/zone to pods with app In [db] (weight 1)",
    ];
    preferred_affinity_to_oneself_shares_a_zone: new([
        small().rather_with(1, ZONE, app("web")).pods("web", 2).app("web"),
        small().selecting(ZONE, "b").pods("b", 1),
    ]) => ["default arm/a/spot: web-0 web-1", "default arm/b/spot: b-0"];
    preferred_affinity_on_the_host_ends_where_the_host_is_full: world([pool("default").types([kind("tiny", 1, 4)])], [], [], [
        shape(400, GI).rather_with(1, HOST, app("web")).pods("web", 3),
    ].map(|pods| pods.app("web")).into_iter().flatten()) => [
        "default tiny/a/spot: web-0 web-1",
        "default tiny/a/spot: web-2",
        "web-2 gave up preferred podAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)",
    ];
    /// Karpenter asks for each preferred term by itself; kube-scheduler adds up their scores.
    preferred_affinity_to_two_kinds_of_pods_finds_both: new([
        one(small().rather_with(1, ZONE, app("db")).rather_with(2, ZONE, app("cache")).pod("web").app("web")),
        one(small().selecting(ZONE, "b").pod("db").app("db")), one(small().selecting(ZONE, "b").pod("cache").app("cache")),
    ]) => ["default arm/b/spot: cache db web"];
    preferred_affinity_beside_a_required_one_is_a_rule_of_its_own: new([
        one(small().must_with(ZONE, app("db")).rather_with(1, ZONE, app("cache")).pod("web").app("web")),
        one(small().selecting(ZONE, "b").pod("db").app("db")), one(small().selecting(ZONE, "b").pod("cache").app("cache")),
    ]) => ["default arm/b/spot: cache db web"];
}

wishes! { Respect;
    schedule_anyway_spreads_over_zones: new([small().rather_spread(1, ZONE, app("web")).pods("web", 4).app("web")])
        => ["default arm/a/spot: web-0 web-1", "default arm/b/spot: web-2 web-3"];
    schedule_anyway_spreads_over_hosts: new([small().rather_spread(2, HOST, app("web")).pods("web", 4).app("web")])
        => ["default arm/a/spot: web-0 web-1", "default arm/a/spot: web-2 web-3"];
    schedule_anyway_goes_on_where_a_zone_is_closed: world([pool("default").requires(ZONE, In, &["a"])],
        [Node { labels: crate::support::labels(&[(ZONE, "b"), (HOST, "node-b")]), schedulable: false, ..node("node-b") }], [],
        small().rather_spread(1, ZONE, app("web")).pods("web", 3).app("web"),
    ) => [
        "default arm/a/spot: web-0 web-1 web-2",
        "web-1 web-2 gave up ScheduleAnyway spread of pods with app In [web] over topology.kubernetes.io/zone (maxSkew 1)",
    ];
    schedule_anyway_counts_pods_that_run: beside(vec![running("web", 2)], [
        one(small().rather_spread(1, ZONE, app("web")).pod("web").app("web")),
    ]) => ["default arm/b/spot: web"];
    schedule_anyway_beside_do_not_schedule: new([
        small().must_spread(1, ZONE, app("web")).rather_spread(1, HOST, app("web")).pods("web", 4).app("web"),
    ]) => [
        "default arm/a/spot: web-0",
        "default arm/a/spot: web-1",
        "default arm/b/spot: web-2",
        "default arm/b/spot: web-3",
    ];
    schedule_anyway_never_costs_others_their_place: world([pool("default").limited("nodes", 1)], [], [], [
        small().rather_spread(1, HOST, app("web")).pods("web", 2).app("web"), small().pods("job", 2),
    ].into_iter().flatten()) => [
        "default arm/a/spot: job-0 job-1 web-0 web-1",
        "web-1 gave up ScheduleAnyway spread of pods with app In [web] over kubernetes.io/hostname (maxSkew 1)",
    ];
}

wishes! { Respect;
    pod_affinity_is_given_up_before_anti_affinity: new([
        one(small().rather_with(1, ZONE, app("db")).rather_apart(100, ZONE, app("noisy")).pod("web").app("web")),
        one(small().selecting(ZONE, "a").pod("noisy").app("noisy")),
    ]) => [
        "default arm/a/spot: noisy",
        "default arm/b/spot: web",
        "web gave up preferred podAffinity over topology.kubernetes.io/zone to pods with app In [db] (weight 1)",
    ];
    pod_anti_affinity_is_given_up_before_node_affinity: new([
        one(small().rather(1, &[on(ZONE, "a")]).rather_apart(100, ZONE, app("noisy")).pod("web").app("web")),
        one(small().selecting(ZONE, "a").pod("noisy").app("noisy")),
    ]) => [
        "default arm/a/spot: noisy web",
        "web gave up preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [noisy] (weight 100)",
    ];
    node_affinity_is_given_up_before_spread: new([
        small().rather(100, &[on(ZONE, "a")]).rather_spread(1, ZONE, app("web")).pods("web", 2).app("web"),
    ]) => [
        "default arm/a/spot: web-0",
        "default arm/b/spot: web-1",
        "web-1 gave up preferred nodeAffinity topology.kubernetes.io/zone In [a] (weight 100)",
    ];
    of_equal_kinds_the_heaviest_is_given_up_first: beside(vec![running("x", 1)], [
        one(small().selecting(ZONE, "a").rather_apart(50, ZONE, app("x")).rather_apart(100, HOST, app("x")).pod("web").app("web")),
    ]) => [
        "node-1: web",
        "web gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [x] (weight 100), then preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [x] (weight 50)",
    ];
    preferences_are_given_up_before_prefer_no_schedule_is_put_up_with: world([
        pool("slow").tainted(taint("slow", "", TaintEffect::PreferNoSchedule)), pool("dear").requires(ARCH, In, &["amd64"]),
    ], [], [], [small().rather(1, &[on(ARCH, "arm64")]).pod("pod")]) => [
        "dear small/a/spot: pod",
        "pod gave up preferred nodeAffinity kubernetes.io/arch In [arm64] (weight 1)",
    ];
    prefer_no_schedule_is_put_up_with_at_last: world([
        pool("slow").tainted(taint("slow", "", TaintEffect::PreferNoSchedule)),
    ], [], [], [small().rather(1, &[on(ARCH, "amd64")]).pod("pod")]) => [
        "slow arm/a/spot: pod",
        "pod gave up preferred nodeAffinity kubernetes.io/arch In [amd64] (weight 1)",
    ];
    pods_give_up_one_by_one: on_two([
        small().rather_apart(10, ZONE, app("web")).rather_apart(1, HOST, app("web")).pods("web", 3).app("web"),
    ]) => [
        "default arm/a/spot: web-0",
        "default arm/a/spot: web-1 web-2",
        "web-1 gave up preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [web] (weight 10)",
        "web-2 gave up preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [web] (weight 10), then preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)",
    ];
    pods_that_share_a_zone_give_up_no_more_than_they_must: world([pool("default").requires(ZONE, In, &["a"])], [], [], [
        small().rather(1, &[on(ZONE, "a")]).rather_apart(10, ZONE, app("web")).rather_apart(1, HOST, app("web")),
    ].into_iter().flat_map(|shape| shape.pods("web", 3).app("web"))) => [
        "default arm/a/spot: web-0",
        "default arm/a/spot: web-1",
        "default arm/a/spot: web-2",
        "web-1 web-2 gave up preferred podAntiAffinity over topology.kubernetes.io/zone to pods with app In [web] (weight 10)",
    ];
    pods_without_hope_give_up_nothing_of_others: world([pool("default")], [], [], [
        small().rather_apart(1, HOST, app("web")).pods("web", 2).app("web"), one(shape(100_000, GI).pod("giant").app("web")),
    ].into_iter().flatten()) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1", "giant: NoInstanceTypeFits"];
    who_has_no_preference_is_first_served_by_capacity: world([pool("default").limited("nodes", 2)], [], [], [
        small().rather(1, &[on(ZONE, "b")]).rather_apart(1, HOST, app("web")).pods("web", 2).app("web"),
        small().selecting(TYPE, "small").pods("plain", 1),
    ].into_iter().flatten()) => ["default small/b/spot: plain-0 web-0", "default arm/b/spot: web-1"];
    a_higher_priority_keeps_its_place_and_not_its_preference: world([pool("default").limited("nodes", 1)], [], [], [
        small().at_priority(5).rather(1, &[on(ZONE, "b")]).pod("high"), small().selecting(ZONE, "a").pod("low"),
    ]) => [
        "default arm/a/spot: high low",
        "high gave up preferred nodeAffinity topology.kubernetes.io/zone In [b] (weight 1)",
    ];
    daemonsets_have_no_say_in_preferences: world([pool("default")], [], [
        small().rather(1, &[need(ARCH, NotIn, &["arm64"])]).daemon("agent"),
    ], [small().pod("pod")]) => ["default arm/a/spot: pod"];
}

wishes! { Ignore;
    ignored_node_affinity_is_nothing: new([one(small().rather(100, &[on(ARCH, "amd64")]).pod("pod"))]) => ["default arm/a/spot: pod"];
    ignored_anti_affinity_is_nothing: new([small().rather_apart(100, HOST, app("web")).pods("web", 3).app("web")]) => ["default arm/a/spot: web-0 web-1 web-2"];
    ignored_affinity_is_nothing: new([
        one(small().rather_with(1, ZONE, app("db")).pod("web").app("web")), one(small().selecting(ZONE, "b").pod("db").app("db")),
    ]) => ["default arm/b/spot: db web"];
    ignored_spread_is_nothing: new([small().rather_spread(1, ZONE, app("web")).pods("web", 4).app("web")]) => ["default arm/a/spot: web-0 web-1 web-2 web-3"];
    what_is_required_is_not_ignored: new([
        small().must_apart(HOST, app("web")).rather_spread(1, ZONE, app("web")).pods("web", 2).app("web"),
    ]) => ["default arm/a/spot: web-0", "default arm/a/spot: web-1"];
    ignored_preferences_let_pods_on_existing_nodes: beside(vec![], [one(small().rather(1, &[on(ZONE, "b")]).pod("pod"))]) => ["node-1: pod"];
}
