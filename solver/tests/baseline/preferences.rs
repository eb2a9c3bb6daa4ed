//! Preferences in Karpenter's algorithm: required at first, and given up one by one by the pod that finds no place.

use super::{on_demand, ours, shown};
use crate::support::wishes::WishExt;
use crate::support::{ARCH, AppExt, GI, HOST, PoolExt, ShapeExt, ZONE, app, kind, need, pool, shape, taint, world};
use windlass_solver::Operator::In;
use windlass_solver::baseline::karpenter;
use windlass_solver::{MicroUsd, Plan, Pod, PodShape, PreferencePolicy, Requirement, Snapshot, TaintEffect};

fn small() -> PodShape {
    shape(100, GI / 8)
}

fn of(pods: impl IntoIterator<Item = Pod>) -> Snapshot {
    world([on_demand().types([kind("small", 2, 4)])], [], [], pods)
}

fn on(key: &str, value: &str) -> Requirement {
    need(key, In, &[value])
}

fn respected(snapshot: &Snapshot) -> Plan {
    karpenter(snapshot, &ours(snapshot), PreferencePolicy::Respect)
}

/// `zone: pods` of each new node.
fn zones(plan: &Plan) -> Vec<String> {
    let names = |pods: &[windlass_solver::ObjectKey]| pods.iter().map(|pod| pod.name.to_string()).collect::<Vec<_>>().join(" ");
    plan.nodes.iter().map(|node| format!("{}: {}", node.offering.zone, names(&node.pods))).collect()
}

#[test]
fn the_heaviest_node_preference_is_asked_for_and_then_the_next() {
    let kept = of([small().rather(1, &[on(ZONE, "a")]).rather(2, &[on(ZONE, "b")]).pod("pod")]);
    assert_eq!(zones(&respected(&kept)), ["b: pod"]);
    let next = of([small().rather(1, &[on(ZONE, "b")]).rather(2, &[on(ZONE, "c")]).pod("pod")]);
    assert_eq!(zones(&respected(&next)), ["b: pod"]);
}

#[test]
fn a_preferred_zone_does_not_narrow_what_a_spread_counts() {
    let pods = small().must_spread(1, ZONE, app("web")).rather(1, &[on(ZONE, "b")]).pods("web", 3).app("web");
    assert_eq!(zones(&respected(&of(pods))), ["a: web-0", "b: web-1 web-2"]);
}

/// The first pod finds an empty zone; the others give that up and keep what they can, on the zone that they would rather be in.
#[test]
fn each_pod_gives_up_for_itself() {
    let wishing = || small().rather(1, &[on(ZONE, "a")]).rather_apart(10, ZONE, app("web")).rather_apart(1, HOST, app("web"));
    let plan = respected(&of(wishing().pods("web", 3).app("web")));
    assert_eq!(zones(&plan), ["a: web-0", "a: web-1", "a: web-2"]);
    assert_eq!(plan.summary.lower_bound, MicroUsd::ZERO);
}

#[test]
fn preferences_are_given_up_before_prefer_no_schedule_is_put_up_with() {
    let slow = pool("slow").tainted(taint("slow", "", TaintEffect::PreferNoSchedule));
    let world =
        world([slow, pool("dear").requires(ARCH, In, &["amd64"])], [], [], [small().rather(1, &[on(ARCH, "arm64")]).pod("pod")]);
    assert_eq!(shown(&respected(&world)), ["small: pod"]);
}

#[test]
fn ignored_preferences_are_nothing() {
    let snapshot = of(small().rather(1, &[on(ZONE, "b")]).rather_apart(1, HOST, app("web")).pods("web", 3).app("web"));
    let plan = karpenter(&snapshot, &ours(&snapshot), PreferencePolicy::Ignore);
    assert_eq!(zones(&plan), ["a: web-0 web-1 web-2"]);
}
