//! Priority: who goes first where not everyone can. Preemption is not planned: `preemptionPolicy` decides nothing here.

use super::cases;
use crate::support::{GI, PoolExt, ShapeExt, kind, node, pool, shape, world};
use windlass_solver::{Node, NodePool, Resources};

fn one_large() -> NodePool {
    pool("default").types([kind("large", 8, 32)]).limited("nodes", 1)
}

cases! {
    the_scarce_node_goes_to_the_highest_priority: world([one_large()], [], [], [
        shape(7000, GI).pod("a-none"),
        shape(7000, GI).at_priority(-5).pod("b-below-none"),
        shape(7000, GI).at_priority(1000).pod("c-high"),
        shape(7000, GI).at_priority(10).pod("d-middle"),
    ]) => ["default large/a/spot: c-high", "a-none: LimitExceeded", "b-below-none: LimitExceeded", "d-middle: LimitExceeded"];
    /// However many would fit in its place.
    one_pod_of_high_priority_outweighs_many_of_low: world([one_large()], [], [],
        shape(1000, GI).pods("low", 8).into_iter().chain([shape(7500, GI).at_priority(1).pod("high")]))
        => ["default large/a/spot: high", "low-0: LimitExceeded", "low-1: LimitExceeded", "low-2: LimitExceeded",
            "low-3: LimitExceeded", "low-4: LimitExceeded", "low-5: LimitExceeded", "low-6: LimitExceeded", "low-7: LimitExceeded"];
    low_priority_gets_what_is_left: world([one_large()], [], [], [
        shape(5000, GI).at_priority(1).pod("high"),
        shape(4000, GI).pod("too-large"),
        shape(3000, GI).pod("fits"),
    ]) => ["default large/a/spot: fits high", "too-large: LimitExceeded"];
    a_pod_that_fits_nowhere_costs_nobody_a_place: world([one_large()], [], [], [
        shape(9000, GI).at_priority(1000).pod("huge"),
        shape(7000, GI).pod("low"),
    ]) => ["default large/a/spot: low", "huge: NoInstanceTypeFits"];
    priority_decides_nothing_where_all_have_a_place: world([pool("default").types([kind("large", 8, 32)])], [], [], [
        shape(4000, GI).pod("low"),
        shape(4000, GI).at_priority(1000).pod("high"),
    ]) => ["default large/a/spot: high low"];
    room_on_an_existing_node_goes_to_the_highest_priority: world([], [node("node-1")], [], [
        shape(3000, GI).pod("a-low"),
        shape(3000, GI).at_priority(1).pod("z-high"),
    ]) => ["node-1: z-high", "a-low: NoNodePool"];
    /// Whoever runs there keeps the place, of whatever priority: kube-scheduler may preempt, a plan does not count on it.
    pods_that_run_are_not_preempted: world([], [Node { requested: Resources::new().with("cpu", 3500), ..node("node-1") }], [], [
        shape(3000, GI).at_priority(1_000_000).pod("high"),
    ]) => ["high: NoNodePool"];
    each_pool_of_its_own: world([
        one_large().weighing(10),
        NodePool { name: "second".into(), ..one_large() },
    ], [], [], [
        shape(7000, GI).pod("a-low"),
        shape(7000, GI).at_priority(2).pod("b-high"),
        shape(7000, GI).at_priority(1).pod("c-middle"),
    ]) => ["default large/a/spot: b-high", "second large/a/spot: c-middle", "a-low: LimitExceeded"];
    /// Size would give node-1 to the larger pod; who was left out by that goes first.
    who_has_one_place_only_is_not_left_out: world([], [node("node-1"), node("node-2")], [], [
        shape(3000, GI).pod("a-anywhere"),
        shape(2000, GI).selecting("kubernetes.io/hostname", "node-1").pod("b-there"),
    ]) => ["node-1: b-there", "node-2: a-anywhere"];
    /// Going first takes nothing from a higher priority.
    who_was_left_out_does_not_displace_a_higher_priority: world([], [node("node-1")], [], [
        shape(3000, GI).at_priority(1).pod("a-high"),
        shape(2000, GI).selecting("kubernetes.io/hostname", "node-1").pod("b-low"),
    ]) => ["node-1: a-high", "b-low: NoNodePool"];
}
