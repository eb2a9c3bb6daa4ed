//! `minValues`: every new node can become enough different things.

use super::{cases, lines};
use crate::support::{ARCH, CAPACITY, GI, PoolExt, ShapeExt, TYPE, ZONE, kind, kinds, pool, shape, solved, world};
use windlass_solver::Operator::In;
use windlass_solver::{InstanceType, Reason, Snapshot};

/// Five sizes: `c1` (1 core, 2 Gi) to `c16` (16 cores, 32 Gi).
fn sizes() -> Vec<InstanceType> {
    let mut all: Vec<InstanceType> = [1, 2, 4, 8, 16].into_iter().map(|cpu| kind(&format!("c{cpu}"), cpu, 2 * cpu)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// The values that the first new node may have.
fn choices(snapshot: &Snapshot) -> (usize, usize, usize) {
    let plan = solved(snapshot);
    let all = || plan.nodes[0].alternatives.iter().chain([&plan.nodes[0].offering]);
    let count = |values: Vec<String>| values.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    (
        count(all().map(|one| one.instance_type.to_string()).collect()),
        count(all().map(|one| one.zone.to_string()).collect()),
        count(all().map(|one| one.capacity_type.to_string()).collect()),
    )
}

cases! {
    a_node_that_too_few_types_hold_is_not_launched: world([pool("default").types(sizes()).varied(TYPE, 3)], [], [], [
        shape(3500, GI).pod("fits-three"),
        shape(7000, GI).pod("fits-two"),
    ]) => ["default c4/a/spot: fits-three", "fits-two: MinValuesNotMet"];
    /// One `c16` would hold all four for the same money, but nothing else could replace it; four cores are what three types have.
    pods_are_packed_so_that_enough_types_hold_them: world([pool("default").types(sizes()).varied(TYPE, 3)], [], [],
        shape(3500, GI).pods("pod", 4))
        => ["default c4/a/spot: pod-0", "default c4/a/spot: pod-1", "default c4/a/spot: pod-2", "default c4/a/spot: pod-3"];
    best_effort_launches_what_there_is: world([pool("default").types(sizes()).varied(TYPE, 3).relenting()], [], [], [
        shape(7000, GI).pod("pod"),
    ]) => ["default c8/a/spot: pod"];
    one_value_asks_for_nothing_more: world([pool("default").types([kind("only", 4, 8)]).varied(TYPE, 1)], [], [], [shape(100, GI).pod("pod")])
        => ["default only/a/spot: pod"];
    /// No GPU type, no value of its label.
    a_label_that_nothing_has_gives_no_value: world([pool("default").varied("karpenter.k8s.aws/instance-gpu-name", 1)], [], [], [
        shape(100, GI).pod("pod"),
    ]) => ["pod: MinValuesNotMet"];
    zones_count: world([pool("default").varied(ZONE, 2)], [], [], [
        shape(1000, GI).pod("anywhere"),
        shape(1000, GI).selecting(ZONE, "a").pod("here"),
    ]) => ["default arm/a/spot: anywhere", "here: MinValuesNotMet"];
    a_lighter_pool_takes_who_is_too_large_for_enough_types: world([
        pool("varied").types(sizes()).varied(TYPE, 3).weighing(10),
        pool("any").types(sizes()),
    ], [], [], [shape(7000, GI).pod("pod")]) => ["any c8/a/spot: pod"];
    existing_nodes_need_no_alternatives: world([pool("default").types(sizes()).varied(TYPE, 50)], [crate::support::node("node-1")], [], [
        shape(1000, GI).pod("pod"),
    ]) => ["node-1: pod"];
    /// Types that the pod cannot use do not count.
    only_types_that_hold_the_pod_count: world([pool("default").varied(TYPE, 3)], [], [], [
        shape(1000, GI).pod("any"),
        shape(1000, GI).selecting(ARCH, "amd64").pod("amd"),
    ]) => ["default arm/a/spot: any", "amd: MinValuesNotMet"];
    /// A type that the limit rules out is none that the node can become.
    types_beyond_the_limit_do_not_count: world([pool("default").types(sizes()).varied(TYPE, 3).limited("cpu", 8000)], [], [], [
        shape(3500, GI).pod("two-left"),
        shape(1500, GI).pod("three-left"),
    ]) => ["default c2/a/spot: three-left", "two-left: LimitExceeded"];
    /// Either node may become a `c4`: both together would break the limit.
    limits_count_the_largest_that_is_needed: world([pool("default").types(sizes()).varied(TYPE, 3).limited("cpu", 7000)], [], [], [
        shape(900, GI).selecting("team", "x").pod("pod"),
        shape(900, GI).pod("a"),
    ].map(|mut pod| { if &*pod.key.name == "pod" { pod.shape = shape(1000, 2 * GI).into(); } pod }))
        => ["default c1/a/spot: pod", "a: LimitExceeded"];
}

#[test]
fn alternatives_are_taken_beyond_the_price_tolerance() {
    let strict = |count| world([pool("default").types(sizes()).varied(TYPE, count)], [], [], [shape(900, GI).pod("pod")]);
    assert_eq!(choices(&strict(1)).0, 1);
    assert_eq!(choices(&strict(4)).0, 4, "the four cheapest");
    let plan = solved(&strict(4));
    let others: Vec<&str> = plan.nodes[0].alternatives.iter().map(|one| one.instance_type.as_str()).collect();
    assert_eq!(others, ["c1", "c2", "c4", "c8"]);
}

#[test]
fn several_keys_hold_together() {
    let both = world([pool("default").types(sizes()).varied(TYPE, 3).varied(ZONE, 2)], [], [], [shape(900, GI).pod("pod")]);
    let (types, zones, _) = choices(&both);
    assert!(types >= 3 && zones == 2);
    let kinds_of = world([pool("default").varied(CAPACITY, 2)], [], [], [shape(900, GI).pod("pod")]);
    assert_eq!(choices(&kinds_of).2, 2, "spot and on-demand");
}

#[test]
fn what_is_missing_is_said() {
    let plan = solved(&world([pool("default").types(sizes()).varied(TYPE, 3)], [], [], [shape(7000, GI).pod("pod")]));
    let entry = &plan.unschedulable[0];
    assert_eq!(entry.reason, Reason::MinValuesNotMet);
    assert!(
        entry.message.contains("minValues of NodePool default ask for 3 values of node.kubernetes.io/instance-type"),
        "{}",
        entry.message
    );
    assert!(entry.message.contains("what would hold it has 2"), "{}", entry.message);
    assert_eq!(entry.funnel.last().map(|step| (step.step.as_str(), step.remaining)), Some(("minValues", 0)));
}

#[test]
fn what_was_relaxed_is_in_the_plan() {
    let plan = solved(&world([pool("default").types(sizes()).varied(TYPE, 3).relenting()], [], [], [shape(7000, GI).pod("pod")]));
    let relaxed = &plan.nodes[0].relaxed;
    assert_eq!((relaxed.len(), &*relaxed[0].key, relaxed[0].asked, relaxed[0].found), (1, TYPE, 3, 2));
    assert_eq!(plan.nodes[0].alternatives.last().unwrap().instance_type.as_str(), "c16");
}

/// A pool may do with one capacity type and still count the types of another.
#[test]
fn types_of_another_capacity_type_count_after_those_of_the_same() {
    let mut types = sizes();
    for kind in types.iter_mut().filter(|kind| kind.name.as_str() != "c1") {
        kind.offerings.retain(|offering| offering.capacity_type.as_str() == "on-demand");
    }
    let snapshot = world([pool("default").types(types).varied(TYPE, 2)], [], [], [shape(900, GI).pod("pod")]);
    assert_eq!(lines(&solved(&snapshot)), ["default c1/a/spot: pod"]);
    assert_eq!(choices(&snapshot), (2, 2, 2));
    let dear = world(
        [pool("default").types(kinds()).requires(CAPACITY, In, &["on-demand"]).varied(TYPE, 2)],
        [],
        [],
        [shape(900, GI).pod("pod")],
    );
    assert_eq!(choices(&dear).2, 1);
}
