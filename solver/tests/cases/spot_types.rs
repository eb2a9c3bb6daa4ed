//! Least instance types of spot nodes: each has enough to choose from.

use super::{cases, lines};
use crate::support::{ARCH, CAPACITY, GI, PoolExt, ShapeExt, TYPE, ZONE, kind, pool, shape, solved, world};
use windlass_solver::Operator::In;
use windlass_solver::plan::Disregarded;
use windlass_solver::{CapacityType, InstanceType, NodePool, Reason};

/// Five sizes: `c1` (1 core, 2 Gi) to `c16` (16 cores, 32 Gi).
fn sizes() -> Vec<InstanceType> {
    let mut all: Vec<InstanceType> = [1, 2, 4, 8, 16].into_iter().map(|cpu| kind(&format!("c{cpu}"), cpu, 2 * cpu)).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn spot_only() -> NodePool {
    pool("default").types(sizes()).requires(CAPACITY, In, &["spot"])
}

cases! {
    /// `c8` and `c16` hold it: two are too few, and on demand one is enough.
    a_pod_that_too_few_types_hold_on_spot_goes_on_demand: world([pool("default").types(sizes())], [], [], [
        shape(3500, GI).pod("fits-three"),
        shape(7000, GI).pod("fits-two"),
    ]).with_spot_min_types(3) => ["default c8/a/on-demand: fits-two", "default c4/a/spot: fits-three"];
    a_pod_that_too_few_types_hold_has_no_place_where_only_spot_is_allowed: world([spot_only()], [], [], [
        shape(3500, GI).pod("fits-three"),
        shape(7000, GI).pod("fits-two"),
    ]).with_spot_min_types(3) => ["default c4/a/spot: fits-three", "fits-two: SpotTypesTooFew"];
    /// One `c16` would hold all four for the same money, but nothing else could replace it.
    pods_are_packed_so_that_enough_types_hold_them_on_spot: world([spot_only()], [], [], shape(3500, GI).pods("pod", 4))
        .with_spot_min_types(3)
        => ["default c4/a/spot: pod-0", "default c4/a/spot: pod-1", "default c4/a/spot: pod-2", "default c4/a/spot: pod-3"];
    one_type_asks_for_nothing_more: world([pool("default").types([kind("only", 4, 8)])], [], [], [shape(100, GI).pod("pod")])
        .with_spot_min_types(1) => ["default only/a/spot: pod"];
    /// Types that the pod cannot use do not count.
    only_types_that_hold_the_pod_count_on_spot: world([pool("default")], [], [], [
        shape(1000, GI).pod("any"),
        shape(1000, GI).selecting(ARCH, "amd64").pod("amd"),
    ]).with_spot_min_types(3) => ["default small/a/on-demand: amd any"];
    /// Two zones of one type are one type.
    zones_are_no_types: world([pool("default").types([kind("only", 4, 8)])], [], [], [shape(100, GI).pod("pod")])
        .with_spot_min_types(2) => ["default only/a/on-demand: pod"];
    existing_spot_nodes_need_no_choice: world([spot_only()], [crate::support::node("node-1")], [], [shape(3000, GI).pod("pod")])
        .with_spot_min_types(50) => ["node-1: pod"];
    a_pool_that_asks_for_min_values_too_gets_both: world([pool("default").types(sizes()).varied(ZONE, 2)], [], [], [
        shape(3500, GI).pod("fits-three"),
        shape(7000, GI).pod("fits-two"),
    ]).with_spot_min_types(3) => ["default c8/a/on-demand: fits-two", "default c4/a/spot: fits-three"];
    a_lighter_pool_takes_who_has_too_little_choice: world([
        spot_only().weighing(10),
        pool("other").types([kind("x8", 8, 16), kind("y8", 8, 16), kind("z8", 8, 16)]),
    ], [], [], [shape(7000, GI).pod("pod")]).with_spot_min_types(3) => ["other x8/a/spot: pod"];
    /// Either type may come: both together are within the limit with the larger.
    limits_hold_for_the_largest_type_that_may_come: world([spot_only().limited("cpu", 4000)], [], [], [
        shape(900, GI).pod("pod-0"),
        shape(900, GI).pod("pod-1"),
    ]).with_spot_min_types(3) => ["default c1/a/spot: pod-0", "pod-1: LimitExceeded"];
    a_static_spot_pool_has_choice_too: world([spot_only().keeping(1)], [], [], []).with_spot_min_types(3) => ["default c1/a/spot: "];
}

#[test]
fn alternatives_of_other_types_are_listed_whatever_they_cost() {
    let plan = solved(&world([spot_only()], [], [], [shape(900, GI).pod("pod")]).with_spot_min_types(4));
    let others: Vec<&str> = plan.nodes[0].alternatives.iter().map(|one| one.instance_type.as_str()).collect();
    assert_eq!(others, ["c1", "c2", "c4", "c8"], "the cheapest of each that is needed, and the other zone of its own");
    assert!(plan.nodes[0].alternatives.iter().all(|one| one.capacity_type == CapacityType::Spot));
    assert!(plan.certificate.disregarded.contains(&Disregarded::SpotMinTypes));
}

#[test]
fn too_little_choice_is_explained() {
    let plan = solved(&world([spot_only()], [], [], [shape(7000, GI).pod("pod")]).with_spot_min_types(3));
    let entry = &plan.unschedulable[0];
    assert_eq!(entry.reason, Reason::SpotTypesTooFew);
    assert!(entry.message.contains("at most 2 instance types of a NodePool would hold it"), "{}", entry.message);
    assert!(entry.message.contains("must have 3 to choose from"), "{}", entry.message);
    let last = entry.funnel.last().map(|step| (step.step.as_str(), step.remaining));
    assert_eq!(last, Some(("least instance types of spot nodes", 0)));
    assert_eq!(entry.would_fit_if, None);
}

#[test]
fn min_values_that_are_relaxed_leave_the_choice_of_spot_nodes() {
    let relaxed = pool("default").types(sizes()).varied(TYPE, 4).relenting();
    let plan = solved(&world([relaxed], [], [], [shape(7000, GI).pod("pod")]).with_spot_min_types(3));
    assert_eq!(lines(&plan), ["default c8/a/on-demand: pod"]);
    assert_eq!(plan.nodes[0].relaxed.len(), 1);
}
