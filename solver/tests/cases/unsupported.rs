//! What the solver refuses, by name, rather than ignores.

use super::cases;
use crate::support::{GI, PoolExt, ShapeExt, node, pool, shape, world};
use windlass_solver::Feature;

cases! {
    a_pod_with_an_unsupported_feature_is_refused: world([pool("default")], [node("node-1")], [], [
        shape(1000, GI).using(Feature::TopologySpread).pod("pod"),
    ]) => ["pod: NotYetSupported"];
    its_neighbours_are_planned_as_if_it_were_absent: world([pool("default")], [], [], [
        shape(1000, GI).pod("plain"),
        shape(1000, GI).using(Feature::PodAntiAffinity).pod("spread"),
    ]) => ["default arm/a/spot: plain", "spread: NotYetSupported"];
    a_daemonset_with_an_unsupported_feature_still_takes_room: world([pool("default")], [], [
        shape(100, 0).using(Feature::InTreeVolume).daemon("agent"),
    ], [shape(1950, GI).pod("pod")]) => ["default large/a/spot: pod"];
    a_pool_with_an_unsupported_feature_takes_nobody: world([pool("default").refusing(Feature::CapacityReservation)], [], [], [
        shape(1000, GI).pod("pod"),
    ]) => ["pod: NotYetSupported"];
    a_refused_pool_of_more_weight_is_not_passed_over: world([
        pool("first").weighing(10).refusing(Feature::CapacityReservation),
        pool("second"),
    ], [], [], [shape(1000, GI).pod("pod")]) => ["pod: NotYetSupported"];
    a_refused_pool_of_less_weight_does_not_matter: world([
        pool("first").weighing(10),
        pool("second").refusing(Feature::CapacityReservation),
    ], [], [], [shape(1000, GI).pod("pod")]) => ["first arm/a/spot: pod"];
    a_refused_pool_that_could_not_take_the_pod_does_not_matter: world([
        pool("first").weighing(10).refusing(Feature::CapacityReservation).types([crate::support::kind("tiny", 1, 1)]),
        pool("second"),
    ], [], [], [shape(1500, GI).pod("pod")]) => ["second arm/a/spot: pod"];
    an_existing_node_takes_pods_whatever_pools_are_refused: world([pool("default").refusing(Feature::CapacityReservation)], [node("node-1")], [], [
        shape(1000, GI).pod("pod"),
    ]) => ["node-1: pod"];
}
