//! Zones, capacity types, availability and prices.

use super::cases;
use crate::support::{CAPACITY, GI, PoolExt, ShapeExt, ZONE, kind, pool, shape, world};
use windlass_solver::Operator::In;
use windlass_solver::{InstanceType, MicroUsd, Offering};

fn small(edit: impl Fn(&mut Offering)) -> InstanceType {
    let mut small = kind("small", 2, 4);
    small.offerings.iter_mut().for_each(edit);
    small
}

fn cheap_in_b(offering: &mut Offering) {
    if offering.zone.as_str() == "b" {
        offering.price = offering.price.map(|price| MicroUsd(price.0 - 1));
    }
}

cases! {
    a_pod_can_ask_for_a_zone: world([pool("default")], [], [], [shape(1000, GI).selecting(ZONE, "b").pod("pod")])
        => ["default arm/b/spot: pod"];
    a_pool_can_ask_for_a_zone: world([pool("default").requires(ZONE, In, &["b"])], [], [], [shape(1000, GI).pod("pod")])
        => ["default arm/b/spot: pod"];
    a_zone_that_nobody_sells_in_has_no_place: world([pool("default")], [], [], [shape(1000, GI).selecting(ZONE, "c").pod("pod")])
        => ["pod: NoMatchingInstanceType"];
    a_zone_id_is_a_label_of_the_offering: world([pool("default")], [], [], [
        shape(1000, GI).selecting("topology.k8s.aws/zone-id", "id-b").pod("pod"),
    ]) => ["default arm/b/spot: pod"];
    pods_of_two_zones_need_two_nodes: world([pool("default")], [], [], [
        shape(100, GI / 8).selecting(ZONE, "a").pod("a"),
        shape(100, GI / 8).selecting(ZONE, "b").pod("b"),
    ]) => ["default arm/a/spot: a", "default arm/b/spot: b"];
    a_pod_can_ask_for_on_demand: world([pool("default")], [], [], [shape(1000, GI).selecting(CAPACITY, "on-demand").pod("pod")])
        => ["default arm/a/on-demand: pod"];
    a_pool_can_ask_for_on_demand: world([pool("default").requires(CAPACITY, In, &["on-demand"])], [], [], [shape(1000, GI).pod("pod")])
        => ["default arm/a/on-demand: pod"];
    the_cheaper_zone_wins: world([pool("default").types([small(cheap_in_b)])], [], [], [shape(1000, GI).pod("pod")])
        => ["default small/b/spot: pod"];
    what_is_out_of_capacity_is_passed_over: world([
        pool("default").types([small(|offering| offering.available = offering.zone.as_str() == "b")]),
    ], [], [], [shape(1000, GI).pod("pod")]) => ["default small/b/spot: pod"];
    nothing_available_is_a_reason: world([pool("default").types([small(|offering| offering.available = false)])], [], [], [
        shape(1000, GI).pod("pod"),
    ]) => ["pod: NoOfferingAvailable"];
    what_has_no_price_is_never_bought: world([
        pool("default").types([small(|offering| offering.price = offering.price.filter(|price| price.0 > 10_000))]),
    ], [], [], [shape(1000, GI).pod("pod")]) => ["default small/a/on-demand: pod"];
    no_price_is_a_reason: world([pool("default").types([small(|offering| offering.price = None)])], [], [], [shape(1000, GI).pod("pod")])
        => ["pod: NoPrice"];
}
