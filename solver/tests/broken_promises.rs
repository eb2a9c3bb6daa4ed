//! `check` finds broken rules about other pods and about pools: a plan that is valid without the rule is judged with it.

use crate::support::{AppExt, GI, HOST, PoolExt, ShapeExt, TYPE, ZONE, apart, app, pool, shape, solved, spread, world};
use windlass_solver::{NodePool, Plan, Pod, PodAffinityTerm, PodShape, Snapshot, SpreadConstraint, Topology, Violation, check};

fn small() -> PodShape {
    shape(100, GI / 8)
}

fn near(key: &str, value: &str) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: key.into(), ..apart(app(value)) }
}

fn of(pods: impl IntoIterator<Item = Pod>) -> Snapshot {
    world([pool("default")], [], [], pods)
}

/// The plan for so many `web` pods without rules, and the snapshot in which each has these rules.
fn ruled(count: usize, rules: Topology) -> (Snapshot, Plan) {
    let plan = solved(&of(small().pods("web", count).app("web")));
    assert_eq!(plan.nodes.len(), 1);
    (of(PodShape { topology: rules, ..small() }.pods("web", count).app("web")), plan)
}

/// What `check` says if EC2 can pick nothing but the offering that is bought.
fn found(count: usize, rules: Topology) -> Vec<Violation> {
    let (snapshot, mut plan) = ruled(count, rules);
    plan.nodes[0].alternatives.clear();
    check(&snapshot, &plan)
}

#[test]
fn a_spread_over_zones() {
    let rules =
        Topology { spread: vec![SpreadConstraint { topology_key: ZONE.into(), ..spread(1, app("web")) }], ..Topology::default() };
    let found = found(3, rules);
    assert!(matches!(found[..], [Violation::DomainSpreadBroken { count: 3, least: 0, max_skew: 1, .. }]), "{found:#?}");
    assert_eq!(
        found[0].to_string(),
        "pod default/web-0 is in topology.kubernetes.io/zone a with 3 pods with app In [web], but allows maxSkew 1 beyond the emptiest \
         domain, which has 0 (topologySpreadConstraints)"
    );
}

#[test]
fn anti_affinity_over_zones() {
    let found = found(2, Topology { anti_affinity: vec![near(ZONE, "web")], ..Topology::default() });
    assert!(matches!(found[..], [Violation::DomainApartBroken { .. }, Violation::DomainApartBroken { .. }]), "{found:#?}");
}

#[test]
fn affinity_to_nobody_in_the_zone() {
    let found = found(1, Topology { affinity: vec![near(ZONE, "db")], ..Topology::default() });
    assert!(matches!(found[..], [Violation::PodAffinityBroken { .. }]), "{found:#?}");
}

#[test]
fn affinity_to_nobody_on_the_host() {
    let found = found(1, Topology { affinity: vec![near(HOST, "db")], ..Topology::default() });
    assert!(matches!(found[..], [Violation::AffinityBroken { .. }]), "{found:#?}");
}

/// One pod keeps its rule in either zone, but which zone counts is for EC2 to pick.
#[test]
fn a_zone_that_is_left_open() {
    let (snapshot, plan) = ruled(1, Topology { anti_affinity: vec![near(ZONE, "web")], ..Topology::default() });
    assert!(plan.nodes[0].alternatives.iter().any(|one| one.zone != plan.nodes[0].offering.zone));
    let found = check(&snapshot, &plan);
    assert!(matches!(found[..], [Violation::DomainOpen { .. }]), "{found:#?}");
}

/// What `check` says of a plan for `before`, corrupted, if the pool is `after`.
fn with_pool(before: NodePool, after: NodePool, corrupt: impl Fn(&mut Plan)) -> Vec<Violation> {
    let of = |pool| world([pool], [], [], [small().pod("web")]);
    let mut plan = solved(&of(before));
    corrupt(&mut plan);
    check(&of(after), &plan)
}

#[test]
fn too_few_values() {
    let found = with_pool(pool("default"), pool("default").varied(TYPE, 2), |plan| plan.nodes[0].alternatives.clear());
    assert!(matches!(found[..], [Violation::MinValuesUnmet { asked: 2, found: 1, .. }]), "{found:#?}");
}

#[test]
fn too_few_instance_types_on_spot() {
    let snapshot = world([pool("default")], [], [], [shape(1000, GI).pod("pod")]).with_spot_min_types(3);
    let mut plan = solved(&snapshot);
    plan.nodes[0].alternatives.retain(|one| one.instance_type.as_str() != "large");
    let found = check(&snapshot, &plan);
    assert!(matches!(found[..], [Violation::SpotTypesTooFew { asked: 3, found: 2, .. }]), "{found:#?}");
    let enough = snapshot.with_spot_min_types(2);
    assert_eq!(check(&enough, &plan), []);
}

#[test]
fn a_note_on_values_that_is_not_true() {
    let relenting = || pool("default").varied(TYPE, 9).relenting();
    let found = with_pool(relenting(), relenting(), |plan| plan.nodes[0].relaxed[0].found += 1);
    assert!(matches!(found[..], [Violation::MinValuesMisstated { .. }]), "{found:#?}");
}

#[test]
fn more_nodes_than_a_static_pool_keeps() {
    let found = with_pool(pool("default").keeping(2), pool("default").keeping(1), |_| ());
    assert!(matches!(found[..], [Violation::ReplicasWrong { expected: 1, found: 2, .. }]), "{found:#?}");
}
