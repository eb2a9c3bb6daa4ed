//! Karpenter's algorithm: each of its rules in a case, every plan of it valid, and the whole against a plain retelling.

mod neighbours;
mod preferences;

use crate::properties::cases;
use crate::support::random::{Size, snapshots};
use crate::support::{
    CAPACITY, GI, PoolExt, ShapeExt, TYPE, ZONE, kind, kinds, labels, node, pool, port, shape, solved, taint, tolerates, world,
};
use proptest::prelude::*;
use std::cmp::Reverse;
use std::sync::Arc;
use windlass_solver::baseline::karpenter;
use windlass_solver::{
    CapacityType, DaemonSet, Feature, InstanceType, MicroUsd, NodePool, ObjectKey, Operator, Options, Plan, Pod, PodShape,
    PreferencePolicy, Reason, Snapshot, TaintEffect, TolerationOperator, Topology, check, solve,
};

/// Our plan, searched for shortly.
fn ours(snapshot: &Snapshot) -> Plan {
    solve(snapshot, &Options { steps: Some(200), ..Options::default() })
}

/// The baseline's plan, which must be valid but for rules about other pods: Karpenter does not look back when a later pod breaks one.
fn packed(snapshot: &Snapshot) -> Plan {
    let plan = karpenter(snapshot, &ours(snapshot), PreferencePolicy::Respect);
    let faults = check(snapshot, &plan).into_iter().filter(|found| !found.is_about_other_pods());
    let texts: Vec<String> = faults.map(|fault| fault.to_string()).collect();
    assert!(texts.is_empty(), "{texts:#?}\n{plan:#?}");
    plan
}

/// The pods without their rules about other pods.
fn strangers(pods: &[Pod]) -> Vec<Pod> {
    let alone = |pod: &Pod| PodShape { topology: Topology::default(), ..PodShape::clone(&pod.shape) };
    pods.iter().map(|pod| Pod { shape: Arc::new(alone(pod)), ..pod.clone() }).collect()
}

/// `type: pods` of each node.
fn shown(plan: &Plan) -> Vec<String> {
    let pods = |keys: &[windlass_solver::ObjectKey]| keys.iter().map(|key| key.name.to_string()).collect::<Vec<_>>().join(" ");
    let existing = plan.existing_nodes.iter().map(|place| format!("{}: {}", place.node, pods(&place.pods)));
    existing.chain(plan.nodes.iter().map(|node| format!("{}: {}", node.offering.instance_type, pods(&node.pods)))).collect()
}

fn on_demand() -> NodePool {
    pool("default").requires(CAPACITY, Operator::In, &["on-demand"])
}

#[test]
fn a_claim_grows_until_no_type_holds_more_whatever_that_costs() {
    let mut dear = kind("dear", 8, 32);
    for offering in &mut dear.offerings {
        offering.price = offering.price.map(|price| MicroUsd(price.0 * 10));
    }
    let world = world([on_demand().types([dear, kind("cheap", 2, 4)])], [], [], shape(1000, GI).pods("p", 4));
    assert_eq!(shown(&packed(&world)), ["dear: p-0 p-1 p-2 p-3"]);
    assert_eq!(solved(&world).summary.hourly_cost, MicroUsd(40_000));
}

#[test]
fn pods_go_by_cpu_then_memory_to_the_claim_with_the_fewest_pods() {
    let big = shape(5000, GI).pods("big", 2);
    let pods = [big, shape(1500, GI).pods("mid", 1), shape(1000, 9 * GI).pods("fat", 1), shape(1000, GI).pods("slim", 1)];
    let world = world([on_demand()], [], [], pods.concat());
    // Each `big` opens a claim; `mid` joins the first, `fat` the other; `slim` finds two pods on each and takes the one that grew last.
    assert_eq!(shown(&packed(&world)), ["large: big-0 fat-0 slim-0", "large: big-1 mid-0"]);
}

#[test]
fn spot_comes_first_even_where_on_demand_is_cheaper() {
    let mut odd = kind("odd", 2, 4);
    for offering in odd.offerings.iter_mut().filter(|offering| offering.capacity_type == CapacityType::Spot) {
        offering.price = Some(MicroUsd(90_000));
    }
    let world = world([pool("default").types([odd])], [], [], shape(1000, GI).pods("p", 1));
    let plan = packed(&world);
    assert_eq!(plan.nodes[0].offering.capacity_type, CapacityType::Spot);
    assert_eq!((plan.summary.hourly_cost, plan.summary.lower_bound), (MicroUsd(90_000), MicroUsd(20_000)));
}

#[test]
fn pools_go_by_weight_then_by_name_descending() {
    let heavy = on_demand().weighing(10).types([kind("large", 8, 32)]);
    let world_of = |pools: Vec<NodePool>| world(pools, [], [], shape(1000, GI).pods("p", 1));
    let named = |name: &str| NodePool { name: name.into(), ..on_demand() };
    assert_eq!(packed(&world_of(vec![named("a"), heavy])).nodes[0].node_pool, "default".into());
    assert_eq!(packed(&world_of(vec![named("a"), named("b")])).nodes[0].node_pool, "b".into());
}

#[test]
fn limits_count_the_largest_type_that_a_claim_may_become() {
    let types = [kind("large", 8, 32), kind("small", 2, 4)];
    let pods = shape(1500, GI).on_port(port(80, "")).pods("p", 2);
    let world = world([on_demand().types(types).limited("cpu", 9_000)], [], [], pods);
    let plan = packed(&world);
    // The first claim buys 2 cores but is charged with 8, so that 2 more are over the limit of 9.
    assert_eq!(shown(&plan), ["small: p-0"]);
    assert_eq!((plan.unschedulable.len(), plan.unschedulable[0].reason), (1, Reason::LimitExceeded));
    assert_eq!(solved(&world).unschedulable, []);
    // Fewer pods on new nodes than in the plan that the bound is for.
    assert_eq!(plan.summary.lower_bound, MicroUsd::ZERO);
}

#[test]
fn existing_nodes_are_filled_first_in_their_order() {
    let mut second = node("b");
    second.initialized = false;
    let world = world([on_demand()], [node("c"), second], [], shape(3000, GI).pods("p", 3));
    assert_eq!(shown(&packed(&world)), ["c: p-0", "b: p-1", "large: p-2"]);
}

#[test]
fn selectors_taints_daemonsets_and_ports_narrow_a_claim() {
    let daemon = shape(500, GI).daemon("agent");
    let pods = [
        shape(1200, GI).selecting(ZONE, "b").pods("zonal", 1),
        shape(1200, GI).selecting(ZONE, "a").pods("other", 1),
        shape(100, GI).on_port(port(80, "")).pods("port", 2),
    ];
    let world = world([on_demand()], [], [daemon], pods.concat());
    let plan = packed(&world);
    // The two zones cannot share a claim, nor can two users of a port; the daemonset leaves 1500m on small types.
    assert_eq!(shown(&plan), ["arm: other-0 port-0", "arm: port-1 zonal-0"]);
    assert_eq!((plan.nodes[0].offering.zone.as_str(), plan.nodes[1].offering.zone.as_str()), ("a", "b"));
    assert!(plan.nodes.iter().all(|node| node.requested.get("cpu") == 1800));
}

#[test]
fn a_soft_taint_is_tolerated_only_after_everything_else() {
    let soft = taint("slow", "", TaintEffect::PreferNoSchedule);
    let hard = taint("team", "x", TaintEffect::NoSchedule);
    let pools = |limit: i64| {
        let free = NodePool { name: "free".into(), ..on_demand() }.limited("nodes", limit);
        [on_demand().weighing(9).tainted(soft.clone()), free, on_demand_named("walled").weighing(99).tainted(hard.clone())]
    };
    let pods = || shape(1000, GI).pods("p", 1);
    let pool_of = |plan: &Plan| plan.nodes[0].node_pool.to_string();
    assert_eq!(pool_of(&packed(&world(pools(1), [], [], pods()))), "free");
    assert_eq!(pool_of(&packed(&world(pools(0), [], [], pods()))), "default");
    let tolerant = shape(1000, GI).tolerating(tolerates("team", TolerationOperator::Exists, "", None)).pods("p", 1);
    assert_eq!(pool_of(&packed(&world(pools(1), [], [], tolerant))), "walled");
}

fn on_demand_named(name: &str) -> NodePool {
    NodePool { name: name.into(), ..on_demand() }
}

#[test]
fn what_is_refused_for_us_is_refused_for_karpenter() {
    let refusing = on_demand_named("first").weighing(5).refusing(Feature::CapacityReservation).types([kind("small", 2, 4)]);
    let pods =
        [shape(1000, GI).pods("p", 1), shape(4000, GI).pods("q", 1), shape(100, GI).using(Feature::InTreeVolume).pods("v", 1)]
            .concat();
    let world = world([refusing, on_demand()], [], [], pods);
    let plan = packed(&world);
    assert_eq!(shown(&plan), ["large: q-0"]);
    assert!(plan.unschedulable.iter().all(|entry| entry.reason == Reason::NotYetSupported), "{:#?}", plan.unschedulable);
    assert_eq!(plan.unschedulable, solved(&world).unschedulable);
}

#[test]
fn a_label_that_a_pool_leaves_open_gets_one_value_for_all_pods_of_a_claim() {
    let open = on_demand().requires("team", Operator::In, &["a", "b"]);
    let team = |name: &str| shape(100, GI).selecting("team", name).pods(name, 1);
    let plan = packed(&world([open], [], [], [team("a"), team("b"), shape(50, GI).pods("any", 1)].concat()));
    assert_eq!(plan.nodes.len(), 2);
    let label = |index: usize| plan.nodes[index].labels.get("team").map(AsRef::as_ref).unwrap().to_owned();
    assert_eq!((label(0), label(1)), ("a".to_owned(), "b".to_owned()));
}

/// The algorithm in its plainest form, for one pool and pods that differ in CPU and memory alone: cost and number of nodes.
fn retold(types: &[InstanceType], pods: &[Pod]) -> (MicroUsd, usize) {
    let ask = |pod: &Pod| (pod.shape.requests.get("cpu"), pod.shape.requests.get("memory"));
    let mut queue: Vec<&Pod> = pods.iter().collect();
    queue.sort_by_key(|pod| (Reverse(ask(pod)), pod.key.clone()));
    let mut open: Vec<(usize, i64, i64)> = Vec::new();
    let holds = |(count, cpu, memory): (usize, i64, i64), kind: &InstanceType| {
        let room = kind.allocatable();
        cpu <= room.get("cpu") && memory <= room.get("memory") && i64::try_from(count).unwrap() <= room.get("pods")
    };
    for (cpu, memory) in queue.into_iter().map(ask) {
        open.sort_by_key(|(count, _, _)| *count);
        let fitting = open.iter_mut().find_map(|claim| {
            let grown = (claim.0 + 1, claim.1 + cpu, claim.2 + memory);
            types.iter().any(|kind| holds(grown, kind)).then_some((claim, grown))
        });
        match fitting {
            Some((claim, grown)) => *claim = grown,
            None => open.push((1, cpu, memory)),
        }
    }
    let price = |kind: &InstanceType| kind.offerings.iter().filter_map(|offering| offering.price).min().unwrap();
    let cheapest = |claim: &(usize, i64, i64)| types.iter().filter(|kind| holds(*claim, kind)).map(price).min().unwrap();
    (open.iter().map(cheapest).sum(), open.len())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn it_packs_as_its_retelling(shapes in prop::collection::vec((1..40_i64, 1..40_i64, 1..30_usize), 1..12)) {
        let types = [kinds(), vec![kind("huge", 24, 48), kind("vast", 16, 128)]].concat();
        let pods: Vec<Pod> = shapes.iter().enumerate().flat_map(|(index, (cpu, memory, count))| {
            shape(cpu * 100, memory * GI / 4).pods(&format!("p{index}"), *count)
        }).collect();
        let world = world([pool("default").types(types.clone())], [], [], pods.clone());
        let plan = karpenter(&world, &ours(&world), PreferencePolicy::Respect);
        prop_assert_eq!((plan.summary.hourly_cost, plan.nodes.len()), retold(&types, &pods));
    }
}

/// Karpenter does not see daemon pods as rules about other pods would: daemonsets without labels and rules.
fn quiet(daemon_sets: &[DaemonSet]) -> Vec<DaemonSet> {
    let quiet = |daemon: &DaemonSet| {
        let mut shape = PodShape::clone(&daemon.shape);
        shape.topology = Topology::default();
        DaemonSet { key: ObjectKey::new("kube-system", daemon.key.name.clone()), labels: Arc::default(), shape: Arc::new(shape) }
    };
    daemon_sets.iter().map(quiet).collect()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_plan_of_it_is_valid(snapshot in snapshots(Size::SMALL)) {
        let daemons = quiet(snapshot.daemon_sets());
        packed(&world(snapshot.node_pools().to_vec(), snapshot.nodes().to_vec(), daemons, snapshot.pods().to_vec()));
    }

    #[test]
    fn without_limits_and_nodes_it_places_what_we_place(snapshot in snapshots(Size::SMALL.unlimited())) {
        let snapshot = world(snapshot.node_pools().to_vec(), [], quiet(snapshot.daemon_sets()), strangers(snapshot.pods()));
        let ours = ours(&snapshot);
        let plan = karpenter(&snapshot, &ours, PreferencePolicy::Respect);
        let refused = |plan: &Plan| plan.unschedulable.iter().map(|entry| entry.pod.clone()).collect::<Vec<_>>();
        prop_assert_eq!(refused(&plan), refused(&ours));
        prop_assert!(ours.summary.lower_bound <= plan.summary.hourly_cost);
        prop_assert_eq!(plan.summary.lower_bound, ours.summary.lower_bound);
    }
}

#[test]
fn the_labels_of_a_node_are_those_of_what_it_buys() {
    let plan = packed(&world([pool("default").labelled("team", "x")], [], [], shape(100, GI).pods("p", 1)));
    let node = &plan.nodes[0];
    let expected = labels(&[("team", "x"), (TYPE, "arm"), (CAPACITY, "spot"), (ZONE, "a")]);
    assert!(expected.iter().all(|(key, value)| node.labels.get(key) == Some(value)), "{:?}", node.labels);
    assert_eq!((node.name.as_str(), node.alternatives.len()), ("default-0", 0));
}

#[test]
fn a_pool_that_is_not_supported_keeps_its_pods_from_being_relaxed() {
    let soft = pool("soft").weighing(10).tainted(taint("slow", "", TaintEffect::PreferNoSchedule));
    let refusing = pool("refusing").refusing(Feature::CapacityReservation);
    let plan = packed(&world([soft, refusing], [], [], shape(100, GI).pods("p", 1)));
    assert_eq!(plan.unschedulable.iter().map(|entry| entry.reason).collect::<Vec<_>>(), [Reason::NotYetSupported]);
}
