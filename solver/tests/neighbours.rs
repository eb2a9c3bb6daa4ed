//! `check` finds broken rules about pods that share a host or a zone: pods of two nodes of a valid plan are brought together.

use crate::support::oracle::resummed;
use crate::support::{AppExt, GI, HOST, ShapeExt, ZONE, apart, app, node, pool, running, shape, solved, world};
use windlass_solver::plan::ExistingPlacement;
use windlass_solver::{Node, Plan, Pod, PodAffinityTerm, PodShape, RunningPod, Snapshot, Violation, check, solve};

fn small() -> PodShape {
    shape(100, GI / 8)
}

/// What `check` says once all pods of the second planned node are on the first.
fn joined(snapshot: &Snapshot) -> Vec<Violation> {
    let mut plan = solved(snapshot);
    let second = plan.nodes.remove(1);
    plan.nodes[0].requested.add(&second.requested);
    plan.nodes[0].pods.extend(second.pods);
    plan.nodes[0].pods.sort();
    check(snapshot, &resummed(plan))
}

/// What `check` says once the one pod is on `node-1`, where `running` runs.
fn moved(running: RunningPod, pod: Pod) -> Vec<Violation> {
    let key = pod.key.clone();
    let snapshot = world([pool("default")], [Node { running: vec![running], ..node("node-1") }], [], [pod]);
    let mut plan: Plan = solve(&snapshot, &windlass_solver::Options::default());
    assert_eq!((plan.nodes.len(), check(&snapshot, &plan)), (1, Vec::new()));
    plan.nodes.clear();
    plan.existing_nodes = vec![ExistingPlacement { node: "node-1".into(), pods: vec![key] }];
    check(&snapshot, &resummed(plan))
}

fn broken_anti_affinity(found: &[Violation]) -> bool {
    !found.is_empty() && found.iter().all(|one| matches!(one, Violation::AntiAffinityBroken { .. }))
}

fn broken_spread(found: &[Violation], expected: u64) -> bool {
    !found.is_empty() && found.iter().all(|one| matches!(one, Violation::SpreadBroken { count, .. } if *count == expected))
}

#[test]
fn anti_affinity_within_a_workload() {
    let found = joined(&world([pool("default")], [], [], small().apart(app("web")).pods("web", 2).app("web")));
    assert!(broken_anti_affinity(&found), "{found:#?}");
    assert_eq!(
        found[0].to_string(),
        "node default-0: default/web-0 must not be near pods with app In [web] (podAntiAffinity), but default/web-1 is"
    );
}

#[test]
fn anti_affinity_of_one_of_two_workloads() {
    let pods = [small().apart(app("web")).pod("a").app("web"), small().pod("b").app("web")];
    assert!(broken_anti_affinity(&joined(&world([pool("default")], [], [], pods))));
}

#[test]
fn a_spread_over_hosts() {
    let snapshot = world([pool("default")], [], [], small().spread(2, app("web")).pods("web", 4).app("web"));
    assert!(broken_spread(&joined(&snapshot), 4));
}

#[test]
fn anti_affinity_to_a_pod_that_runs() {
    assert!(broken_anti_affinity(&moved(running("web", 1), small().apart(app("web")).pod("web").app("web"))));
}

#[test]
fn a_spread_with_pods_that_run() {
    assert!(broken_spread(&moved(running("web", 2), small().spread(2, app("web")).pod("web").app("web")), 3));
}

#[test]
fn anti_affinity_of_a_pod_that_runs_on_the_host() {
    let guard = RunningPod { anti_affinity: vec![apart(app("web"))], ..running("db", 1) };
    assert!(broken_anti_affinity(&moved(guard, small().pod("web").app("web"))));
    assert_eq!(apart(app("web")).topology_key.as_ref(), HOST);
}

/// A new node must stay out of the zone whichever of its offerings EC2 picks.
#[test]
fn anti_affinity_of_a_pod_that_runs_in_the_zone_of_an_alternative() {
    let term = PodAffinityTerm { topology_key: ZONE.into(), ..apart(app("web")) };
    let guard = RunningPod { anti_affinity: vec![term], ..running("db", 1) };
    let node = Node { running: vec![guard], ..node("node-1") };
    let snapshot = world([pool("default")], [node], [], [small().pod("web").app("web")]);
    let mut plan = solved(&snapshot);
    assert!(plan.nodes[0].alternatives.iter().all(|offering| offering.zone.as_str() == "b"));
    let mut elsewhere = plan.nodes[0].offering.clone();
    elsewhere.zone = "a".into();
    plan.nodes[0].alternatives.insert(0, elsewhere);
    assert!(broken_anti_affinity(&check(&snapshot, &plan)));
}
