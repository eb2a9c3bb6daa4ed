//! The share of one spot pool: whatever EC2 picks, no instance type in one zone has more of the spot nodes than it may.

use super::{cases, lines};
use crate::support::{
    AppExt, CAPACITY, GI, HOST, PoolExt, ShapeExt, TYPE, ZONE, app, kind, labels, node, pool, shape, solved, world,
};
use windlass_solver::Operator::In;
use windlass_solver::plan::Disregarded;
use windlass_solver::{InstanceType, Node, NodePool, Pod, Reason, Subject, Zone, explain};

/// Types of four cores each, the first the cheapest.
fn alike(names: &[&str]) -> Vec<InstanceType> {
    let one = |(extra, name): (usize, &&str)| {
        let mut one = kind(name, 4, 8);
        for offering in &mut one.offerings {
            let extra = i64::try_from(extra).unwrap() * 1000;
            offering.price = offering.price.map(|price| windlass_solver::MicroUsd(price.0 + extra));
        }
        one
    };
    names.iter().enumerate().map(one).collect()
}

fn spot_only(names: &[&str]) -> NodePool {
    pool("default").types(alike(names)).requires(CAPACITY, In, &["spot"])
}

/// Pods that need a node each.
fn large(count: usize) -> Vec<Pod> {
    shape(3500, GI).pods("pod", count)
}

/// A full spot node.
fn running(name: &str, instance_type: &str, zone: &str) -> Node {
    let mut one = node(name);
    one.labels.extend(labels(&[(CAPACITY, "spot"), (TYPE, instance_type), (ZONE, zone)]));
    one.requested = one.allocatable.clone();
    one
}

cases! {
    /// One pool may have one of two nodes: the other zone costs the same.
    nodes_go_to_other_zones: world([spot_only(&["c"])], [], [], large(2)).with_spot_pool_share(50)
        => ["default c/a/spot: pod-0", "default c/b/spot: pod-1"];
    /// Two of four in each zone of the cheapest type.
    a_pool_takes_no_more_than_its_share: world([spot_only(&["c", "d"])], [], [], large(4)).with_spot_pool_share(50)
        => ["default c/a/spot: pod-0", "default c/a/spot: pod-1", "default c/b/spot: pod-2", "default c/b/spot: pod-3"];
    nodes_become_other_types_at_the_lowest_price: world([spot_only(&["c", "d", "e"])], [], [], large(4)).with_spot_pool_share(25) => [
        "default d/a/spot: pod-0", "default d/b/spot: pod-1", "default c/a/spot: pod-2", "default c/b/spot: pod-3",
    ];
    /// A quarter of five nodes is one and a bit.
    the_share_is_rounded_up: world([spot_only(&["c"])], [], [], large(4)).with_spot_pool_share(26)
        => ["default c/a/spot: pod-0", "default c/a/spot: pod-1", "default c/b/spot: pod-2", "default c/b/spot: pod-3"];
    one_node_is_always_allowed: world([spot_only(&["c"])], [], [], large(1)).with_spot_pool_share(1) => ["default c/a/spot: pod-0"];
    what_is_left_goes_on_demand: world([pool("default").types(alike(&["c"]))], [], [], large(3)).with_spot_pool_share(10)
        => ["default c/a/on-demand: pod-0", "default c/a/spot: pod-1", "default c/b/spot: pod-2"];
    what_is_left_has_no_place_where_only_spot_is_allowed: world([spot_only(&["c"])], [], [], large(3)).with_spot_pool_share(10)
        => ["default c/a/spot: pod-0", "default c/b/spot: pod-1", "pod-2: SpotPoolShare"];
    /// On demand in the heavier NodePool comes before spot in the lighter one, as without the share.
    a_lighter_pool_takes_what_is_left: world([
        spot_only(&["c"]).weighing(10),
        pool("other").types([kind("x", 4, 8)]).requires(CAPACITY, In, &["spot"]),
    ], [], [], large(4)).with_spot_pool_share(25)
        => ["default c/a/spot: pod-0", "default c/b/spot: pod-1", "other x/a/spot: pod-2", "other x/b/spot: pod-3"];
    /// Two of three in `c/a` already, and four nodes allow two.
    spot_nodes_that_exist_count: world([spot_only(&["c"])], [
        running("node-1", "c", "a"), running("node-2", "c", "a"), running("node-3", "d", "a"),
    ], [], large(1)).with_spot_pool_share(50) => ["default c/b/spot: pod-0"];
    a_pool_that_has_more_than_its_share_gets_no_more: world([spot_only(&["c"]).requires(ZONE, In, &["a"])], [
        running("node-1", "c", "a"), running("node-2", "c", "a"),
    ], [], large(1)).with_spot_pool_share(50) => ["pod-0: SpotPoolShare"];
    existing_nodes_beyond_the_share_are_used: world([spot_only(&["c"])], [running("full", "c", "a"), Node {
        requested: windlass_solver::Resources::new(), ..running("roomy", "c", "a")
    }], [], large(1)).with_spot_pool_share(10) => ["roomy: pod-0"];
    nodes_on_demand_are_not_counted: world([pool("default").types(alike(&["c"])).requires(CAPACITY, In, &["on-demand"])], [], [],
        large(3)).with_spot_pool_share(10)
        => ["default c/a/on-demand: pod-0", "default c/a/on-demand: pod-1", "default c/a/on-demand: pod-2"];
    /// A zone that a pod asks for is not left for another: its type is.
    selectors_hold_when_nodes_move: world([spot_only(&["c", "d"])], [], [], [
        shape(3500, GI).selecting(ZONE, "a").pod("one"),
        shape(3500, GI).selecting(ZONE, "a").pod("two"),
    ]).with_spot_pool_share(50) => ["default d/a/spot: one", "default c/a/spot: two"];
    limits_hold_when_nodes_move: world([
        pool("default").types([kind("c4", 4, 8), kind("c8", 8, 16)]).requires(CAPACITY, In, &["spot"]).requires(ZONE, In, &["a"])
            .limited("cpu", 8000),
    ], [], [], large(2)).with_spot_pool_share(50) => ["default c4/a/spot: pod-0", "pod-1: SpotPoolShare"];
    rules_about_hosts_hold_when_nodes_move: world([pool("default").types(alike(&["c"]))], [], [], [
        shape(500, GI).apart(app("web")).pod("pod-0").app("web"),
        shape(500, GI).apart(app("web")).pod("pod-1").app("web"),
        shape(500, GI).apart(app("web")).pod("pod-2").app("web"),
    ]).with_spot_pool_share(10)
        => ["default c/a/on-demand: pod-0", "default c/a/spot: pod-1", "default c/b/spot: pod-2"];
    static_pools_are_spread_over_spot_pools: world([spot_only(&["c", "d"]).keeping(3)], [], [], []).with_spot_pool_share(33)
        => ["default d/a/spot: ", "default c/a/spot: ", "default c/b/spot: "];
    a_static_pool_stays_short_where_nothing_has_room: world([spot_only(&["c"]).keeping(3)], [], [], []).with_spot_pool_share(20)
        => ["default c/a/spot: ", "default c/b/spot: "];
    /// Each of the two must list two types, of which each zone may be listed once.
    types_to_choose_from_are_shared_out: world([spot_only(&["c", "d"])], [], [], large(3)).with_spot_pool_share(20)
        .with_spot_min_types(2) => ["default c/a/spot: pod-0", "default c/b/spot: pod-1", "pod-2: SpotPoolShare"];
    min_values_hold_beside_the_share: world([pool("default").types(alike(&["c", "d"])).varied(TYPE, 2)], [], [], large(3))
        .with_spot_pool_share(20)
        => ["default c/a/on-demand: pod-0", "default c/a/spot: pod-1", "default c/b/spot: pod-2"];
    a_hundred_percent_asks_for_nothing: world([spot_only(&["c"])], [], [], large(3)).with_spot_pool_share(100)
        => ["default c/a/spot: pod-0", "default c/a/spot: pod-1", "default c/a/spot: pod-2"];
}

#[test]
fn alternatives_are_shared_out_so_that_the_share_holds_whatever_ec2_picks() {
    let plan = solved(&world([spot_only(&["c", "d", "e"])], [], [], large(4)).with_spot_pool_share(26));
    let named = |node: &windlass_solver::PlannedNode| -> Vec<String> {
        let all = std::iter::once(&node.offering).chain(&node.alternatives);
        all.map(|one| format!("{}/{}", one.instance_type, one.zone)).collect()
    };
    let mut all: Vec<String> = plan.nodes.iter().flat_map(named).collect();
    let counts: Vec<usize> = plan.nodes.iter().map(|node| node.alternatives.len()).collect();
    assert_eq!(counts, [2, 2, 2, 2], "{all:?}");
    all.sort();
    let (pools, twice): (Vec<_>, Vec<_>) = all.chunk_by(|a, b| a == b).map(|same| (&same[0], same.len())).unzip();
    assert_eq!((pools.len(), twice), (6, vec![2; 6]), "two of four nodes may be of one pool, and each may");
    assert!(plan.certificate.disregarded.contains(&Disregarded::SpotPoolShare));
    assert_eq!(plan.summary.lower_bound.0, 80_000, "the bound does without the share");
}

#[test]
fn a_node_that_is_not_launched_yet_counts_in_every_pool_that_it_may_become() {
    let claim = Node { requested: node("claim").allocatable, ..running("claim", "c", "a") };
    let built = |open: &[&str]| {
        let world = windlass_solver::Snapshot::builder().pods(large(1)).node(claim.clone()).node_pool(spot_only(&["c"]));
        let pools = open.iter().map(|zone| ("c".into(), Zone::from(*zone))).collect();
        world.undecided("claim".into(), pools).spot_pool_share(50).build().unwrap()
    };
    assert_eq!(lines(&solved(&built(&["a"]))), ["default c/b/spot: pod-0"]);
    assert_eq!(lines(&solved(&built(&["b"]))), ["default c/a/spot: pod-0"]);
    assert_eq!(lines(&solved(&built(&["a", "b"]))), ["pod-0: SpotPoolShare"]);
}

#[test]
fn the_share_is_explained() {
    let snapshot = world([spot_only(&["c"])], [], [], large(3)).with_spot_pool_share(10);
    let plan = solved(&snapshot);
    let entry = &plan.unschedulable[0];
    assert_eq!(entry.reason, Reason::SpotPoolShare);
    assert!(entry.message.contains("has its share of the spot nodes, 10 %"), "{}", entry.message);
    let last = entry.funnel.last().map(|step| (step.step.as_str(), step.remaining));
    assert_eq!(last, Some(("share of one spot pool", 0)));
    assert_eq!(entry.would_fit_if, None);

    let snapshot = world([pool("default").types(alike(&["c"]))], [], [], large(3)).with_spot_pool_share(10);
    let plan = solved(&snapshot);
    let Some(windlass_solver::Explanation::Node(told)) = explain(&snapshot, &plan, &Subject::Node(plan.nodes[0].name.clone()))
    else {
        panic!("no explanation")
    };
    let binding = told.binding.unwrap();
    assert!(binding.contains("other nodes have the share of the spot nodes that may be c in"), "{binding}");
    assert_eq!(told.funnel.last().map(|step| (step.step.as_str(), step.remaining)), Some(("share of one spot pool", 2)));
}

#[test]
fn a_rule_over_zones_holds_when_nodes_move() {
    let spread = |name: &str| {
        let mut one = shape(3500, GI).selecting(CAPACITY, "spot");
        one.topology.anti_affinity.push(windlass_solver::PodAffinityTerm {
            topology_key: ZONE.into(),
            selector: app("web"),
            weight: None,
        });
        one.pod(name).app("web")
    };
    let pods = [spread("pod-0"), spread("pod-1"), shape(3500, GI).selecting(ZONE, "a").pod("pod-2")];
    let plan = solved(&world([spot_only(&["c", "d"])], [], [], pods).with_spot_pool_share(34));
    assert!(plan.unschedulable.is_empty(), "{:?}", lines(&plan));
    assert!(plan.nodes.iter().all(|node| !node.labels.contains_key(HOST)));
}
