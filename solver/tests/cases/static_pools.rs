//! Static pools: nodes that are kept whatever pods there are, and that take pods first.

use super::cases;
use crate::support::{ARCH, GI, PoolExt, ShapeExt, TYPE, kind, node, pool, shape, taint, world};
use windlass_solver::Operator::{In, NotIn};
use windlass_solver::{NodePool, Resources, TaintEffect};

fn dear(name: &str) -> NodePool {
    pool(name).types([kind("large", 8, 32)])
}

cases! {
    nodes_are_launched_without_pods: world([pool("fixed").keeping(2)], [], [], []) => ["fixed arm/a/spot: ", "fixed arm/a/spot: "];
    each_is_the_cheapest_that_the_pool_allows: world([pool("fixed").keeping(1).requires(ARCH, In, &["amd64"])], [], [], [])
        => ["fixed small/a/spot: "];
    their_room_is_filled_before_a_node_is_bought: world([dear("fixed").keeping(1), pool("default")], [], [],
        shape(1000, GI).pods("pod", 3)) => ["fixed large/a/spot: pod-0 pod-1 pod-2"];
    what_has_no_room_there_gets_a_node_of_another_pool: world([pool("fixed").keeping(1), pool("default")], [], [],
        shape(1500, GI).pods("pod", 2)) => ["default arm/a/spot: pod-1", "fixed arm/a/spot: pod-0"];
    pods_do_not_make_them_more: world([pool("fixed").keeping(1)], [], [], shape(1500, GI).pods("pod", 2))
        => ["fixed arm/a/spot: pod-0", "pod-1: NoNodePool"];
    existing_nodes_are_filled_before_them: world([pool("fixed").keeping(1)], [node("node-1")], [], [shape(1000, GI).pod("pod")])
        => ["node-1: pod", "fixed arm/a/spot: "];
    nodes_that_exist_count: world([NodePool { usage: Resources::new().with("nodes", 2), ..pool("fixed").keeping(3) }], [], [], [])
        => ["fixed arm/a/spot: "];
    more_than_enough_nodes_launch_nothing: world([NodePool { usage: Resources::new().with("nodes", 5), ..pool("fixed").keeping(3) }], [], [], [])
        => [];
    a_limit_on_nodes_caps_them: world([pool("fixed").keeping(5).limited("nodes", 2)], [], [], [])
        => ["fixed arm/a/spot: ", "fixed arm/a/spot: "];
    none_is_kept_with_zero_replicas: world([pool("fixed").keeping(0), pool("default")], [], [], [shape(1000, GI).pod("pod")])
        => ["default arm/a/spot: pod"];
    their_taints_keep_pods_away: world([
        pool("fixed").keeping(1).tainted(taint("team", "a", TaintEffect::NoSchedule)),
        pool("default"),
    ], [], [], [shape(1000, GI).pod("pod")]) => ["default arm/a/spot: pod", "fixed arm/a/spot: "];
    a_type_too_small_for_any_pod_is_launched_all_the_same: world([
        pool("fixed").keeping(1).types([kind("nano", 1, 1), kind("small", 2, 4)]),
        pool("default"),
    ], [], [], [shape(1500, 2 * GI).selecting(TYPE, "small").pod("pod")])
        => ["default small/a/spot: pod", "fixed nano/a/spot: "];
    daemonsets_take_their_share: world([pool("fixed").keeping(1), pool("default")], [],
        [shape(1000, GI).daemon("agent")], [shape(1500, GI).pod("pod")])
        => ["default large/a/spot: pod", "fixed arm/a/spot: "];
    min_values_hold_for_them: world([pool("fixed").keeping(1).varied(TYPE, 2).requires(TYPE, NotIn, &["large"])], [], [], [
        shape(1000, GI).pod("pod"),
    ]) => ["fixed arm/a/spot: pod"];
    /// Priority decides who gets the room.
    the_highest_priority_gets_their_room: world([pool("fixed").keeping(1)], [], [], [
        shape(1500, GI).pod("a-low"),
        shape(1500, GI).at_priority(10).pod("z-high"),
    ]) => ["fixed arm/a/spot: z-high", "a-low: NoNodePool"];
}
