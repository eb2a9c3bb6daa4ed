//! Weights, limits and priorities.

use super::cases;
use crate::support::{ARCH, GI, PoolExt, ShapeExt, kind, pool, shape, world};
use windlass_solver::Operator::In;
use windlass_solver::{NodePool, Resources};

fn dear(name: &str) -> NodePool {
    pool(name).types([kind("large", 8, 32)])
}

cases! {
    no_pool_no_node: world([], [], [], [shape(1000, GI).pod("pod")]) => ["pod: NoNodePool"];
    weight_goes_before_price: world([dear("first").weighing(10), pool("second")], [], [], [shape(1000, GI).pod("pod")])
        => ["first large/a/spot: pod"];
    a_pool_of_less_weight_takes_who_fits_nowhere_else: world([
        pool("first").weighing(10).requires(ARCH, In, &["arm64"]),
        pool("second"),
    ], [], [], [shape(1000, GI).selecting(ARCH, "amd64").pod("amd"), shape(1000, GI).pod("any")])
        => ["first arm/a/spot: any", "second small/a/spot: amd"];
    pools_of_equal_weight_compete_on_price: world([dear("a-dear"), pool("z-cheap")], [], [], [shape(1000, GI).pod("pod")])
        => ["z-cheap arm/a/spot: pod"];

    a_limit_bounds_capacity: world([dear("default").limited("cpu", 8000)], [], [], [shape(7000, GI).pod("a"), shape(7000, GI).pod("b")])
        => ["default large/a/spot: a", "b: LimitExceeded"];
    a_limit_bounds_capacity_not_requests: world([dear("default").limited("cpu", 7000)], [], [], [shape(100, GI).pod("pod")])
        => ["pod: LimitExceeded"];
    a_limit_leaves_smaller_types: world([pool("default").limited("cpu", 2000)], [], [], [shape(1000, GI).pod("pod")])
        => ["default arm/a/spot: pod"];
    a_limit_on_nodes_counts_nodes: world([dear("default").limited("nodes", 1)], [], [], shape(7000, GI).pods("pod", 2))
        => ["default large/a/spot: pod-0", "pod-1: LimitExceeded"];
    what_exists_counts_against_the_limit: world([
        NodePool { usage: Resources::new().with("cpu", 1000), ..dear("default").limited("cpu", 8000) },
    ], [], [], [shape(100, GI).pod("pod")]) => ["pod: LimitExceeded"];
    a_limit_of_zero_closes_the_pool: world([pool("default").limited("cpu", 0)], [], [], [shape(100, GI).pod("pod")])
        => ["pod: LimitExceeded"];
    past_its_limit_the_next_pool_takes_over: world([pool("first").weighing(10).limited("nodes", 1), pool("second")], [], [],
        shape(1900, 3 * GI).pods("pod", 2).into_iter().map(|mut pod| {
            let mut shape = (*pod.shape).clone();
            shape.node_selector = vec![windlass_solver::Requirement::equals("node.kubernetes.io/instance-type", "small")];
            pod.shape = shape.into();
            pod
        })) => ["first small/a/spot: pod-0", "second small/a/spot: pod-1"];
    priority_goes_first_where_limits_are_scarce: world([dear("default").limited("nodes", 1)], [], [], [
        shape(7000, GI).pod("a-low"),
        shape(7000, GI).at_priority(100).pod("z-high"),
    ]) => ["default large/a/spot: z-high", "a-low: LimitExceeded"];
}
