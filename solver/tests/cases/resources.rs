//! What fits on a node: amounts, pods per node, daemonsets, overhead, host ports.

use super::cases;
use crate::support::{ARCH, GI, PoolExt, ShapeExt, ZONE, kind, kinds, pool, port, shape, taint, tolerates, world};
use windlass_solver::{HostPort, InstanceType, Overhead, Protocol, Resources, TaintEffect, TolerationOperator};

fn reserved() -> InstanceType {
    let kept = Resources::new().with("cpu", 100);
    InstanceType {
        overhead: Overhead { kube_reserved: kept.clone(), system_reserved: kept.clone(), eviction_threshold: kept },
        ..kind("reserved", 2, 4)
    }
}

fn gpu() -> InstanceType {
    let mut gpu = kind("gpu", 4, 16);
    gpu.capacity.set("nvidia.com/gpu", 2);
    gpu
}

/// Nothing but `small`, so that every further node is visible.
fn smalls() -> windlass_solver::NodePool {
    pool("default").types([kind("small", 2, 4)])
}

cases! {
    pods_that_fit_together_share_a_node: world([smalls()], [], [], shape(1000, GI).pods("pod", 2)) => ["default small/a/spot: pod-0 pod-1"];
    a_request_that_just_fits_fits: world([smalls()], [], [], [shape(2000, 4 * GI).pod("pod")]) => ["default small/a/spot: pod"];
    one_millicore_more_does_not: world([smalls()], [], [], [shape(2001, GI).pod("pod")]) => ["pod: NoInstanceTypeFits"];
    overhead_comes_off_capacity: world([pool("default").types([reserved()])], [], [], [shape(1700, GI).pod("fits"), shape(1701, GI).pod("not")])
        => ["default reserved/a/spot: fits", "not: NoInstanceTypeFits"];
    memory_decides_as_cpu_does: world([pool("default")], [], [], [shape(100, 5 * GI).pod("pod")]) => ["default large/a/spot: pod"];
    pods_per_node_bound_even_empty_pods: world([smalls()], [], [], shape(0, 0).pods("pod", 11))
        => ["default small/a/spot: pod-0", "default small/a/spot: pod-1 pod-10 pod-2 pod-3 pod-4 pod-5 pod-6 pod-7 pod-8 pod-9"];
    extended_resources_need_a_type_that_has_them: world([pool("default").types(kinds().into_iter().chain([gpu()]))], [], [], [
        shape(100, GI).asking("nvidia.com/gpu", 1).pod("gpu"),
    ]) => ["default gpu/a/spot: gpu"];
    extended_resources_run_out: world([pool("default").types([gpu()])], [], [], shape(100, GI).asking("nvidia.com/gpu", 1).pods("gpu", 3))
        => ["default gpu/a/spot: gpu-0", "default gpu/a/spot: gpu-1 gpu-2"];
    an_unknown_resource_fits_nowhere: world([pool("default")], [], [], [shape(100, GI).asking("example.com/fpga", 1).pod("pod")])
        => ["pod: NoInstanceTypeFits"];

    daemonsets_take_room_on_every_new_node: world([pool("default")], [], [shape(100, 0).daemon("agent")], [shape(1950, GI).pod("pod")])
        => ["default large/a/spot: pod"];
    daemonsets_count_against_pods_per_node: world([smalls()], [], [shape(0, 0).daemon("agent")], shape(0, 0).pods("pod", 10))
        => ["default small/a/spot: pod-0", "default small/a/spot: pod-1 pod-2 pod-3 pod-4 pod-5 pod-6 pod-7 pod-8 pod-9"];
    a_daemonset_that_selects_other_nodes_takes_nothing: world([smalls()], [], [shape(1000, 0).selecting(ARCH, "arm64").daemon("agent")], [
        shape(2000, GI).pod("pod"),
    ]) => ["default small/a/spot: pod"];
    a_daemonset_in_one_zone_makes_the_other_larger: world([smalls()], [], [shape(1000, 0).selecting(ZONE, "a").daemon("agent")], [
        shape(2000, GI).pod("pod"),
    ]) => ["default small/b/spot: pod"];
    a_daemonset_that_does_not_tolerate_takes_nothing: world([smalls().tainted(taint("db", "", TaintEffect::NoSchedule))], [], [
        shape(1000, 0).daemon("agent"),
    ], [shape(2000, GI).tolerating(tolerates("db", TolerationOperator::Exists, "", None)).pod("pod")]) => ["default small/a/spot: pod"];
    a_daemonset_goes_where_pods_are_only_preferred_not_to: world([smalls().tainted(taint("slow", "", TaintEffect::PreferNoSchedule))], [], [
        shape(1000, 0).daemon("agent"),
    ], [shape(2000, GI).pod("pod")]) => ["pod: NoInstanceTypeFits"];

    one_port_one_pod: world([smalls()], [], [], shape(100, GI / 8).on_port(port(80, "")).pods("pod", 2))
        => ["default small/a/spot: pod-0", "default small/a/spot: pod-1"];
    different_addresses_share_a_port: world([smalls()], [], [], [
        shape(100, GI / 8).on_port(port(80, "10.0.0.1")).pod("a"),
        shape(100, GI / 8).on_port(port(80, "10.0.0.2")).pod("b"),
    ]) => ["default small/a/spot: a b"];
    a_wildcard_takes_every_address: world([smalls()], [], [], [
        shape(100, GI / 8).on_port(port(80, "10.0.0.1")).pod("a"),
        shape(100, GI / 8).on_port(port(80, "0.0.0.0")).pod("b"),
    ]) => ["default small/a/spot: a", "default small/a/spot: b"];
    protocols_have_their_own_ports: world([smalls()], [], [], [
        shape(100, GI / 8).on_port(port(53, "")).pod("a"),
        shape(100, GI / 8).on_port(HostPort { protocol: Protocol::Udp, ..port(53, "") }).pod("b"),
    ]) => ["default small/a/spot: a b"];
    a_daemonsets_port_is_taken_on_every_node: world([smalls()], [], [shape(0, 0).on_port(port(9100, "")).daemon("agent")], [
        shape(100, GI / 8).on_port(port(9100, "10.0.0.1")).pod("pod"),
    ]) => ["pod: HostPortInUse"];
}
