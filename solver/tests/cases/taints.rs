//! Taints by effect, tolerations by operator.

use super::cases;
use crate::support::{GI, PoolExt, ShapeExt, kind, pool, shape, taint, tolerates, world};
use windlass_solver::TaintEffect::{NoExecute, NoSchedule, PreferNoSchedule};
use windlass_solver::TolerationOperator::{Equal, Exists};
use windlass_solver::{NodePool, Snapshot, Taint, Toleration};

/// One pool with this taint, one pod with this toleration.
fn meet(taint: Taint, toleration: Option<Toleration>) -> Snapshot {
    let mut pod = shape(1000, GI);
    pod.tolerations.extend(toleration);
    world([pool("tainted").tainted(taint)], [], [], [pod.pod("pod")])
}

fn db(effect: windlass_solver::TaintEffect) -> Taint {
    taint("dedicated", "db", effect)
}

/// The taint makes this one cheaper pool unattractive.
fn slow_and_dear() -> [NodePool; 2] {
    let slow = pool("slow").tainted(taint("slow", "", PreferNoSchedule));
    [slow, pool("dear").types([kind("large", 8, 32)])]
}

cases! {
    no_schedule_keeps_pods_away: meet(db(NoSchedule), None) => ["pod: TaintsNotTolerated"];
    no_execute_keeps_pods_away: meet(db(NoExecute), None) => ["pod: TaintsNotTolerated"];
    equal_compares_the_value: meet(db(NoSchedule), Some(tolerates("dedicated", Equal, "db", None))) => ["tainted arm/a/spot: pod"];
    equal_with_another_value_does_not_tolerate: meet(db(NoSchedule), Some(tolerates("dedicated", Equal, "web", None)))
        => ["pod: TaintsNotTolerated"];
    exists_ignores_the_value: meet(db(NoSchedule), Some(tolerates("dedicated", Exists, "", None))) => ["tainted arm/a/spot: pod"];
    exists_compares_the_key: meet(db(NoSchedule), Some(tolerates("other", Exists, "", None))) => ["pod: TaintsNotTolerated"];
    exists_without_a_key_tolerates_everything: meet(db(NoExecute), Some(tolerates("", Exists, "", None))) => ["tainted arm/a/spot: pod"];
    a_toleration_of_another_effect_does_not_count: meet(db(NoExecute), Some(tolerates("dedicated", Exists, "", Some(NoSchedule))))
        => ["pod: TaintsNotTolerated"];
    each_taint_needs_a_toleration: world([pool("tainted").tainted(db(NoSchedule)).tainted(taint("gpu", "", NoSchedule))], [], [], [
        shape(1000, GI).tolerating(tolerates("dedicated", Exists, "", None)).pod("pod"),
    ]) => ["pod: TaintsNotTolerated"];
    startup_taints_are_ignored: world([
        NodePool { startup_taints: vec![taint("cni", "", NoExecute)], ..pool("default") },
    ], [], [], [shape(1000, GI).pod("pod")]) => ["default arm/a/spot: pod"];
    prefer_no_schedule_is_avoided_at_any_price: world(slow_and_dear(), [], [], [shape(1000, GI).pod("pod")]) => ["dear large/a/spot: pod"];
    prefer_no_schedule_is_used_where_nothing_else_is: meet(taint("slow", "", PreferNoSchedule), None) => ["tainted arm/a/spot: pod"];
    prefer_no_schedule_is_nothing_to_who_tolerates_it: world(slow_and_dear(), [], [], [
        shape(1000, GI).tolerating(tolerates("slow", Exists, "", None)).pod("pod"),
    ]) => ["slow arm/a/spot: pod"];
}
