//! Capacity reservations: paid for already, and only so many.

use super::{cases, lines};
use crate::support::{CAPACITY, GI, PoolExt, ShapeExt, kind, labels, pool, shape, solved};
use windlass_solver::Operator::In;
use windlass_solver::{CapacityType, InstanceType, MicroUsd, NodePool, Offering, Pod, Snapshot, SnapshotBuilder};

/// `large`, also reserved in zone `b` as `cr-1`.
fn reserved() -> InstanceType {
    let mut large = kind("large", 8, 32);
    let id = labels(&[("karpenter.k8s.aws/capacity-reservation-id", "cr-1")]);
    let like = large.offerings[2].clone();
    large.offerings.push(Offering { capacity_type: CapacityType::Reserved, price: Some(MicroUsd(1)), labels: id, ..like });
    large
}

fn reserving(name: &str) -> NodePool {
    pool(name).types([reserved(), kind("small", 2, 4)])
}

fn with(slots: u32, pools: impl IntoIterator<Item = NodePool>, pods: impl IntoIterator<Item = Pod>) -> Snapshot {
    let builder = Snapshot::builder().reservation("cr-1", slots).pods(pods);
    pools.into_iter().fold(builder, SnapshotBuilder::node_pool).build().unwrap()
}

cases! {
    what_is_paid_for_already_goes_first: with(1, [reserving("default")], [shape(1000, GI).pod("pod")])
        => ["default large/b/reserved: pod"];
    two_nodes_never_take_the_last_slot: with(1, [reserving("default")], shape(7000, GI).pods("pod", 2))
        => ["default large/a/spot: pod-0", "default large/b/reserved: pod-1"];
    two_slots_are_two_nodes: with(2, [reserving("default")], shape(7000, GI).pods("pod", 2))
        => ["default large/b/reserved: pod-0", "default large/b/reserved: pod-1"];
    a_full_reservation_is_no_offering: with(0, [reserving("default")], [shape(7000, GI).pod("pod")])
        => ["default large/a/spot: pod"];
    the_pool_must_allow_reserved_capacity: with(1, [reserving("default").requires(CAPACITY, In, &["spot", "on-demand"])], [shape(7000, GI).pod("pod")])
        => ["default large/a/spot: pod"];
    a_pod_can_ask_for_reserved_capacity: with(1, [reserving("default")], shape(7000, GI).selecting(CAPACITY, "reserved").pods("pod", 2))
        => ["default large/b/reserved: pod-0", "pod-1: NoOfferingAvailable"];
    a_reservation_that_nobody_knows_has_no_room: Snapshot::builder()
        .node_pool(reserving("default"))
        .pod(shape(7000, GI).selecting(CAPACITY, "reserved").pod("pod"))
        .build()
        .unwrap() => ["pod: NoOfferingAvailable"];
    pools_share_a_reservation: with(1, [
        reserving("a").labelled("team", "a"),
        reserving("b").labelled("team", "b"),
    ], [shape(7000, GI).selecting("team", "a").pod("a"), shape(7000, GI).selecting("team", "b").pod("b")])
        => ["a large/b/reserved {team=a}: a", "b large/a/spot {team=b}: b"];
    /// What it saves most is worth most: the large pod, not the small one.
    the_slot_goes_to_the_pods_that_would_cost_most: with(1, [reserving("default")], [
        shape(1500, GI).pod("a-small"),
        shape(7900, GI).pod("b-large"),
    ]) => ["default small/a/spot: a-small", "default large/b/reserved: b-large"];
    static_pools_use_it_too: with(1, [reserving("fixed").keeping(2)], []) => ["fixed small/a/spot: ", "fixed large/b/reserved: "];
}

#[test]
fn a_reserved_node_has_no_alternatives_that_another_may_need() {
    let plan = solved(&with(3, [reserving("default")], [shape(7000, GI).pod("pod")]));
    assert_eq!(lines(&plan), ["default large/b/reserved: pod"]);
    assert!(plan.nodes[0].alternatives.iter().all(|other| other.capacity_type != CapacityType::Reserved));
    assert!(plan.summary.lower_bound <= plan.summary.hourly_cost);
    assert_eq!(plan.nodes[0].labels.get("karpenter.k8s.aws/capacity-reservation-id").map(AsRef::as_ref), Some("cr-1"));
}
