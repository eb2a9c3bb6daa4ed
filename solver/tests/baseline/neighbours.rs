//! Karpenter's algorithm and rules about other pods: where it puts them, and where kube-scheduler, which is right, sees it otherwise.

use super::{on_demand, packed, shown};
use crate::support::{
    AppExt, CAPACITY, GI, HOST, PoolExt, ShapeExt, TYPE, ZONE, apart, app, kind, node, pool, running, shape, solved, spread,
    world,
};
use windlass_solver::baseline::karpenter;
use windlass_solver::{
    Node, NodePool, Operator, Plan, Pod, PodAffinityTerm, PodSelector, PodShape, PreferencePolicy, Snapshot, SpreadConstraint,
    check,
};

fn small() -> PodShape {
    shape(1000, GI)
}

fn near(key: &str, selector: PodSelector) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: key.into(), ..apart(selector) }
}

fn with(mut shape: PodShape, key: &str, value: &str) -> PodShape {
    shape.topology.affinity.push(near(key, app(value)));
    shape
}

fn far(mut shape: PodShape, key: &str, value: &str) -> PodShape {
    shape.topology.anti_affinity.push(near(key, app(value)));
    shape
}

fn over(mut shape: PodShape, key: &str, value: &str) -> PodShape {
    shape.topology.spread.push(SpreadConstraint { topology_key: key.into(), ..spread(1, app(value)) });
    shape
}

fn smalls() -> NodePool {
    on_demand().types([kind("small", 2, 4)])
}

fn in_zone(name: &str, zone: &str, value: &str, count: u32) -> Node {
    let mut made = Node { running: vec![running(value, count)], ..node(name) };
    made.labels.insert(ZONE.into(), zone.into());
    made.requested = made.allocatable.clone();
    made
}

fn of(pods: impl IntoIterator<Item = Vec<Pod>>) -> Snapshot {
    world([smalls()], [], [], pods.into_iter().flatten())
}

/// `zone: pods` of each new node.
fn zones(plan: &Plan) -> Vec<String> {
    let names = |pods: &[windlass_solver::ObjectKey]| pods.iter().map(|pod| pod.name.to_string()).collect::<Vec<_>>().join(" ");
    plan.nodes.iter().map(|node| format!("{}: {}", node.offering.zone, names(&node.pods))).collect()
}

#[test]
fn a_spread_takes_the_emptiest_zone_and_pins_the_claim_to_it() {
    let plan = packed(&of([over(small(), ZONE, "web").pods("web", 4).app("web")]));
    assert_eq!(zones(&plan), ["a: web-0 web-1", "b: web-2 web-3"]);
}

#[test]
fn a_spread_counts_what_runs() {
    let pods = over(small(), ZONE, "web").pods("web", 2).app("web");
    let world = world([smalls()], [in_zone("node-1", "a", "web", 2)], [], pods);
    assert_eq!(zones(&packed(&world)), ["b: web-0 web-1"]);
}

#[test]
fn a_spread_over_hosts_counts_from_zero() {
    let plan = packed(&of([over(small(), HOST, "web").pods("web", 3).app("web")]));
    assert_eq!(shown(&plan), ["small: web-0", "small: web-1", "small: web-2"]);
}

#[test]
fn affinity_opens_the_first_zone_by_name_and_stays_there() {
    let plan = packed(&of([with(shape(2000, GI), ZONE, "web").pods("web", 3).app("web")]));
    assert_eq!(zones(&plan), ["a: web-0", "a: web-1", "a: web-2"]);
}

#[test]
fn affinity_goes_where_a_selected_pod_runs() {
    let pods = with(small(), ZONE, "db").pods("web", 2).app("web");
    let world = world([smalls()], [in_zone("node-1", "b", "db", 1)], [], pods);
    assert_eq!(zones(&packed(&world)), ["b: web-0 web-1"]);
}

/// The larger pod comes first in the queue, finds nobody to be with, and is tried again after the other.
#[test]
fn a_pod_that_must_wait_for_another_goes_back_to_the_queue() {
    let pods = [
        with(shape(2000, GI), ZONE, "db").pods("web", 1).app("web"),
        shape(1000, GI).selecting(ZONE, "b").pods("db", 1).app("db"),
    ];
    assert_eq!(zones(&packed(&of(pods))), ["b: db-0", "b: web-0"]);
}

/// Nobody knows yet whether the first claim will be in zone a or b, so both count as taken. kube-scheduler looks at nodes that exist.
#[test]
fn anti_affinity_takes_every_zone_that_its_claim_may_still_get() {
    let world = of([far(small(), ZONE, "web").pods("web", 2).app("web")]);
    let plan = packed(&world);
    assert_eq!((plan.nodes.len(), plan.unschedulable.len()), (1, 1));
    assert_eq!(solved(&world).unschedulable, []);
}

#[test]
fn anti_affinity_within_a_zone_that_is_known_takes_that_zone_only() {
    let pods = ["a", "b"].map(|zone| far(small(), ZONE, "web").selecting(ZONE, zone).pods(zone, 1).app("web"));
    assert_eq!(zones(&packed(&of(pods))), ["a: a-0", "b: b-0"]);
}

#[test]
fn anti_affinity_keeps_away_who_does_not_carry_it() {
    let pods = [far(shape(1500, GI), HOST, "web").pods("hermit", 1), small().pods("web", 1).app("web")];
    assert_eq!(shown(&packed(&of(pods))), ["small: hermit-0", "small: web-0"]);
}

/// Karpenter asks when a pod is placed: the larger pod is alone on its host then, and the smaller one carries no rule.
#[test]
fn a_later_pod_breaks_the_spread_of_an_earlier_one() {
    let pods = [over(shape(1000, GI), HOST, "web").pods("first", 1).app("web"), shape(500, GI).pods("later", 1).app("web")];
    let world = of(pods);
    let plan = karpenter(&world, &solved(&world), PreferencePolicy::Respect);
    assert_eq!(shown(&plan), ["small: first-0 later-0"]);
    assert_eq!(check(&world, &plan).len(), 1);
    assert_eq!(solved(&world).nodes.len(), 2);
}

#[test]
fn a_rule_over_capacity_types_or_instance_types_is_a_rule_like_any_other() {
    let pool = pool("default").types([kind("small", 2, 4), kind("twin", 2, 4)]);
    let by_capacity = world([pool.clone()], [], [], over(small(), CAPACITY, "web").pods("web", 2).app("web"));
    let kinds: Vec<String> = packed(&by_capacity).nodes.iter().map(|node| node.offering.capacity_type.to_string()).collect();
    assert_eq!(kinds, ["on-demand", "spot"]);
    let by_type = world([pool], [], [], with(shape(2000, GI), TYPE, "web").pods("web", 3).app("web"));
    assert!(packed(&by_type).nodes.iter().all(|node| node.offering.instance_type.as_str() == "small"));
}

#[test]
fn a_custom_label_that_the_pool_leaves_open_is_a_domain() {
    let racks = smalls().requires("rack", Operator::In, &["r1", "r2", "r3"]);
    let world = world([racks], [], [], over(shape(2000, GI), "rack", "web").pods("web", 3).app("web"));
    let plan = packed(&world);
    let racks: Vec<&str> = plan.nodes.iter().filter_map(|node| node.labels.get("rack").map(AsRef::as_ref)).collect();
    assert_eq!(racks.len(), 3);
    assert_eq!(std::collections::BTreeSet::from_iter(racks).len(), 3);
}

#[test]
fn few_domains_count_as_an_empty_one() {
    let mut shape = shape(2000, GI);
    shape.topology.spread.push(SpreadConstraint { topology_key: ZONE.into(), min_domains: Some(3), ..spread(1, app("web")) });
    let plan = packed(&of([shape.pods("web", 4).app("web")]));
    // Two zones of at least three: no more than one pod in each.
    assert_eq!((plan.nodes.len(), plan.unschedulable.len()), (2, 2));
}
