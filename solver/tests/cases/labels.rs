//! Node selectors, node affinity and pool requirements on new nodes.

use super::cases;
use crate::support::{ARCH, GI, PoolExt, ShapeExt, TYPE, need, pool, shape, world};
use windlass_solver::Operator::{DoesNotExist, Exists, Gt, Gte, In, Lt, Lte, NotIn};
use windlass_solver::{NodePool, Operator, PodShape, Snapshot};

const CPUS: &str = "karpenter.k8s.aws/instance-cpu";
const GPU: &str = "karpenter.k8s.aws/instance-gpu-name";

fn small() -> PodShape {
    shape(1000, GI)
}

/// One pod whose node affinity has one term of one requirement.
fn asks(key: &str, operator: Operator, values: &[&str]) -> Snapshot {
    world([pool("default")], [], [], [small().term(&[need(key, operator, values)]).pod("pod")])
}

/// The pool, and one pod with this one-requirement affinity.
fn in_pool(pool: NodePool, key: &str, operator: Operator, values: &[&str]) -> Snapshot {
    world([pool], [], [], [small().term(&[need(key, operator, values)]).pod("pod")])
}

cases! {
    without_constraints_the_cheapest_wins: world([pool("default")], [], [], [small().pod("pod")]) => ["default arm/a/spot: pod"];

    in_takes_one_of_the_values: asks(ARCH, In, &["amd64", "riscv"]) => ["default small/a/spot: pod"];
    in_without_a_match_has_no_place: asks(ARCH, In, &["riscv"]) => ["pod: NoMatchingInstanceType"];
    in_needs_the_label: asks(GPU, In, &["t4"]) => ["pod: NoMatchingInstanceType"];
    not_in_excludes_the_values: asks(ARCH, NotIn, &["arm64"]) => ["default small/a/spot: pod"];
    not_in_allows_an_absent_label: asks(GPU, NotIn, &["t4"]) => ["default arm/a/spot: pod"];
    exists_needs_the_label: asks(GPU, Exists, &[]) => ["pod: NoMatchingInstanceType"];
    exists_takes_any_value: asks(CPUS, Exists, &[]) => ["default arm/a/spot: pod"];
    does_not_exist_needs_absence: asks(CPUS, DoesNotExist, &[]) => ["pod: NoMatchingInstanceType"];
    does_not_exist_holds_where_the_label_is_absent: asks(GPU, DoesNotExist, &[]) => ["default arm/a/spot: pod"];
    gt_is_strict: asks(CPUS, Gt, &["2"]) => ["default large/a/spot: pod"];
    lt_is_strict: asks(CPUS, Lt, &["2"]) => ["pod: NoMatchingInstanceType"];
    gte_includes_the_bound: asks(CPUS, Gte, &["8"]) => ["default large/a/spot: pod"];
    lte_includes_the_bound: asks(CPUS, Lte, &["2"]) => ["default arm/a/spot: pod"];
    gt_needs_an_integer: asks(ARCH, Gt, &["0"]) => ["pod: NoMatchingInstanceType"];

    terms_are_alternatives: world([pool("default")], [], [], [
        small().term(&[need(ARCH, In, &["riscv"])]).term(&[need(CPUS, Gt, &["4"])]).pod("pod"),
    ]) => ["default large/a/spot: pod"];
    requirements_of_a_term_hold_together: world([pool("default")], [], [], [
        small().term(&[need(ARCH, In, &["arm64"]), need(CPUS, Gt, &["4"])]).pod("pod"),
    ]) => ["pod: NoMatchingInstanceType"];
    a_term_without_requirements_matches_nothing: world([pool("default")], [], [], [
        small().term(&[]).pod("alone"),
        small().term(&[]).term(&[need(ARCH, In, &["amd64"])]).pod("beside-another"),
    ]) => ["default small/a/spot: beside-another", "alone: NoMatchingInstanceType"];
    selector_and_affinity_hold_together: world([pool("default")], [], [], [
        small().selecting(ARCH, "amd64").term(&[need(CPUS, Gt, &["4"])]).pod("pod"),
    ]) => ["default large/a/spot: pod"];
    contradictory_requirements_have_no_place: world([pool("default")], [], [], [
        small().term(&[need(ARCH, In, &["amd64"]), need(ARCH, NotIn, &["amd64"])]).pod("pod"),
    ]) => ["pod: NoMatchingInstanceType"];
    the_instance_type_is_a_label: asks(TYPE, In, &["large"]) => ["default large/a/spot: pod"];

    a_new_host_name_is_not_known_before: asks("kubernetes.io/hostname", In, &["default-0"]) => ["pod: NoMatchingInstanceType"];
    a_new_host_name_is_none_of_the_known: asks("kubernetes.io/hostname", NotIn, &["node-1"]) => ["default arm/a/spot: pod"];

    a_custom_label_must_come_from_the_pool: asks("team", In, &["x"]) => ["pod: NoMatchingInstanceType"];
    a_label_of_the_pool_is_on_its_nodes: in_pool(pool("default").labelled("team", "x"), "team", In, &["x"])
        => ["default arm/a/spot {team=x}: pod"];
    a_single_required_value_is_a_label: in_pool(pool("default").requires("team", In, &["x"]), "team", In, &["x"])
        => ["default arm/a/spot {team=x}: pod"];
    an_open_label_takes_the_pods_value: in_pool(pool("default").requires("team", In, &["x", "y"]), "team", In, &["y", "z"])
        => ["default arm/a/spot {team=y}: pod"];
    an_open_label_takes_only_what_the_pool_allows: in_pool(pool("default").requires("team", NotIn, &["x"]), "team", In, &["x"])
        => ["pod: NoMatchingInstanceType"];
    an_open_number_satisfies_bounds_of_pool_and_pod: in_pool(pool("default").requires("gen", Gt, &["5"]), "gen", Lt, &["7"])
        => ["default arm/a/spot {gen=6}: pod"];
    a_label_that_may_be_absent_is_left_off_for_who_asks:
        in_pool(pool("default").requires("team", NotIn, &["x"]), "team", DoesNotExist, &[]) => ["default arm/a/spot: pod"];
    pods_of_one_node_agree_on_an_open_label: world([pool("default").requires("team", Exists, &[])], [], [], [
        shape(100, GI / 8).selecting("team", "x").pod("x-0"),
        shape(100, GI / 8).selecting("team", "x").pod("x-1"),
        shape(100, GI / 8).selecting("team", "y").pod("y-0"),
    ]) => ["default arm/a/spot {team=x}: x-0 x-1", "default arm/a/spot {team=y}: y-0"];

    a_pools_requirement_filters_types: world([pool("default").requires(ARCH, In, &["amd64"])], [], [], [small().pod("pod")])
        => ["default small/a/spot: pod"];
    a_well_known_label_is_not_invented: world([pool("default").requires(GPU, Exists, &[])], [], [], [small().pod("pod")])
        => ["pod: NoMatchingInstanceType"];
    a_well_known_label_may_be_absent_for_not_in: world([pool("default").requires(GPU, NotIn, &["t4"])], [], [], [small().pod("pod")])
        => ["default arm/a/spot: pod"];
}
