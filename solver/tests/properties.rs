//! What holds for every plan, whatever the snapshot.

use crate::support::oracle::{places, resummed};
use crate::support::random::{Size, snapshots};
use crate::support::{ShapeExt, need, shape, solved, solved_with, world_with};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use windlass_solver::{Operator, Options, Plan, Pod, Reason, Snapshot, SnapshotBuilder, check, solve};

/// Equal seeds give equal cases, so a red build is red again. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look elsewhere and further.
pub(crate) fn cases(count: u32) -> Config {
    let chosen = Config::default();
    let seeded = std::env::var_os("PROPTEST_RNG_SEED").is_some();
    let counted = std::env::var_os("PROPTEST_CASES").is_some();
    Config {
        cases: if counted { chosen.cases } else { count },
        rng_seed: if seeded { chosen.rng_seed } else { RngSeed::Fixed(20) },
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..chosen
    }
}

/// Enough for every search to start, little enough for thousands of cases.
fn short() -> Options<'static> {
    Options { steps: Some(200), ..Options::default() }
}

pub(crate) fn rebuilt(snapshot: &Snapshot, pods: impl IntoIterator<Item = Pod>, backwards: bool) -> Snapshot {
    let mut pools = snapshot.node_pools().to_vec();
    let mut nodes = snapshot.nodes().to_vec();
    let mut daemon_sets = snapshot.daemon_sets().to_vec();
    let mut pods: Vec<Pod> = pods.into_iter().collect();
    if backwards {
        pools.reverse();
        nodes.reverse();
        daemon_sets.reverse();
        pods.reverse();
    }
    let reservations = snapshot.reservations().iter().map(|(id, slots)| (id.clone(), *slots));
    world_with(pools, nodes, daemon_sets, pods, reservations)
}

/// A pod that no node can hold, in one of four ways.
pub(crate) fn impossible(kind: usize) -> Pod {
    let asks = match kind {
        0 => shape(i64::MAX, i64::MAX),
        1 => shape(100, 1).selecting("no.such/label", "v"),
        2 => shape(100, 1).term(&[]),
        _ => shape(100, 1).term(&[need("team", Operator::In, &["q"]), need("team", Operator::NotIn, &["q"])]),
    };
    asks.pod("impossible")
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn every_plan_of_a_small_snapshot_is_valid(snapshot in snapshots(Size::SMALL)) {
        solved_with(&snapshot, &short());
    }

    #[test]
    fn every_plan_with_rules_about_domains_is_valid(snapshot in snapshots(Size::SMALL.with_domains())) {
        solved_with(&snapshot, &short());
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn every_plan_with_least_types_on_spot_is_valid(snapshot in snapshots(Size::SMALL), count in 2..5_u32) {
        let plan = solved_with(&snapshot.with_spot_min_types(count), &short());
        prop_assert!(plan.summary.lower_bound <= plan.summary.hourly_cost);
    }

    #[test]
    fn every_plan_with_shares_of_spot_pools_is_valid(snapshot in snapshots(Size::SMALL.with_domains()), percent in 1..100_u32, types in 0..3_u32) {
        let snapshot = snapshot.with_spot_min_types(types);
        let (free, capped) = (solve(&snapshot, &short()), snapshot.with_spot_pool_share(percent));
        let plan = solved_with(&capped, &short());
        prop_assert!(plan.summary.lower_bound <= plan.summary.hourly_cost);
        prop_assert_eq!(&plan, &solve(&capped, &short()));
        // What keeps the share without it being asked for is not worse.
        if check(&capped, &free).is_empty() {
            prop_assert!(plan.summary.placed >= free.summary.placed, "{plan:#?}\n{free:#?}");
        }
        for entry in &plan.unschedulable {
            prop_assert!(entry.funnel.is_sorted_by(|a, b| a.remaining >= b.remaining), "{entry:#?}");
        }
    }

    /// Where nothing is scarce, the share costs nobody a place whom a node on demand would hold.
    #[test]
    fn shares_of_spot_pools_cost_no_place_on_demand(snapshot in snapshots(Size::SMALL.unlimited()), percent in 1..100_u32) {
        let (free, capped) = (solve(&snapshot, &short()), snapshot.clone().with_spot_pool_share(percent));
        let plan = solved_with(&capped, &short());
        let places = places(&snapshot);
        for entry in plan.unschedulable.iter().filter(|entry| free.unschedulable.iter().all(|other| other.pod != entry.pod)) {
            let pod = snapshot.pods().iter().find(|pod| pod.key == entry.pod).unwrap();
            let on_demand = |place: &&crate::support::oracle::Place<'_>| place.label(crate::support::CAPACITY) == Some("on-demand");
            prop_assert!(!places.iter().filter(on_demand).any(|place| place.takes(&[pod])), "{entry:#?}");
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn every_plan_of_a_medium_snapshot_is_valid(snapshot in snapshots(Size::MEDIUM)) {
        solved_with(&snapshot, &short());
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn equal_snapshots_give_equal_plans(snapshot in snapshots(Size::SMALL)) {
        let first = format!("{:?}", solve(&snapshot, &short()));
        prop_assert_eq!(&first, &format!("{:?}", solve(&snapshot, &short())));
        let shuffled = rebuilt(&snapshot, snapshot.pods().to_vec(), true);
        prop_assert_eq!(first, format!("{:?}", solve(&shuffled, &short())));
    }

    /// A pod that nothing can hold is refused, and everything else is as if it were not there.
    #[test]
    fn an_impossible_pod_changes_nothing_for_others(snapshot in snapshots(Size::SMALL), kind in 0..4_usize) {
        let with = rebuilt(&snapshot, snapshot.pods().iter().cloned().chain([impossible(kind)]), false);
        let (without, mut with) = (solve(&snapshot, &short()), solve(&with, &short()));
        prop_assert!(with.unschedulable.iter().any(|entry| &*entry.pod.name == "impossible"));
        with.unschedulable.retain(|entry| &*entry.pod.name != "impossible");
        prop_assert_eq!(with.nodes, without.nodes);
        prop_assert_eq!(with.existing_nodes, without.existing_nodes);
        prop_assert_eq!(with.unschedulable, without.unschedulable);
    }

    #[test]
    fn more_steps_never_cost_more(snapshot in snapshots(Size::SMALL)) {
        let mut last: Option<Plan> = None;
        for steps in [0, 20, 500, 5000] {
            let plan = solved_with(&snapshot, &Options { steps: Some(steps), ..Options::default() });
            if let Some(last) = &last {
                prop_assert!(plan.summary.placed >= last.summary.placed);
                prop_assert!(plan.summary.placed > last.summary.placed || plan.summary.hourly_cost <= last.summary.hourly_cost);
            }
            last = Some(plan);
        }
    }

    /// Whatever EC2 picks among a node's offerings, each volume of its pods can be used there. A volume of one machine ties its pod to it.
    #[test]
    fn no_pod_is_moved_away_from_its_volumes(snapshot in snapshots(Size::SMALL)) {
        let plan = solve(&snapshot, &short());
        let shape = |key: &windlass_solver::ObjectKey| &snapshot.pods().iter().find(|pod| pod.key == *key).unwrap().shape;
        let holds = |terms: &Vec<Vec<windlass_solver::Requirement>>, label: &dyn Fn(&str) -> Option<String>| {
            terms.iter().any(|term| !term.is_empty() && term.iter().all(|one| one.allows(label(one.key()).as_deref())))
        };
        for node in &plan.nodes {
            for (pod, offering) in node.pods.iter().flat_map(|pod| node.alternatives.iter().chain([&node.offering]).map(move |o| (pod, o))) {
                let label = |key: &str| (key == crate::support::ZONE).then(|| offering.zone.to_string());
                prop_assert!(shape(pod).volume_topology.iter().all(|terms| holds(terms, &label)), "{pod} on {offering:?}");
            }
        }
        for place in &plan.existing_nodes {
            let node = snapshot.nodes().iter().find(|node| node.name == place.node).unwrap();
            let label = |key: &str| node.labels.get(key).map(ToString::to_string);
            for pod in &place.pods {
                prop_assert!(shape(pod).volume_topology.iter().all(|terms| holds(terms, &label)), "{pod} on {}", node.name);
            }
        }
    }

    #[test]
    fn whoever_has_no_place_is_told_why(snapshot in snapshots(Size::SMALL)) {
        for entry in solve(&snapshot, &short()).unschedulable {
            prop_assert!(!entry.message.is_empty());
            let exhausted = entry.funnel.last().is_none_or(|step| step.remaining == 0);
            prop_assert!(exhausted || matches!(entry.reason, Reason::NotYetSupported | Reason::VolumeNotReady), "{entry:#?}");
            prop_assert!(entry.funnel.is_sorted_by(|a, b| a.remaining >= b.remaining), "{entry:#?}");
            prop_assert!(!entry.funnel.is_empty() || matches!(entry.reason, Reason::NotYetSupported | Reason::VolumeNotReady | Reason::NoNodePool));
        }
    }

    /// A plan is maximal: no pod that was left out fits on an existing node, on a planned one, or on one more node, not even if every
    /// alternative were given up. (It need not place the largest possible number of pods under scarce limits; that is a knapsack.)
    #[test]
    fn nobody_is_left_out_who_has_a_place(snapshot in snapshots(Size::SMALL)) {
        let mut plan = solved_with(&snapshot, &short());
        plan.nodes.iter_mut().for_each(|node| node.alternatives.clear());
        for entry in &plan.unschedulable.clone() {
            if matches!(entry.reason, Reason::NotYetSupported | Reason::VolumeNotReady) {
                continue;
            }
            let pod = snapshot.pods().iter().find(|pod| pod.key == entry.pod).unwrap();
            let added = ways_to_add(&snapshot, &plan, pod).into_iter().find(|plan| check(&snapshot, plan).is_empty());
            prop_assert!(added.is_none(), "{} has a place: {added:#?}\nbut got {entry:#?}", pod.key);
        }
    }
}

/// All plans that differ from `plan` by one more pod placed.
fn ways_to_add(snapshot: &Snapshot, plan: &Plan, pod: &Pod) -> Vec<Plan> {
    let mut base = plan.clone();
    base.unschedulable.retain(|entry| entry.pod != pod.key);
    let mut ways = Vec::new();
    for place in places(snapshot) {
        let mut way = base.clone();
        let last = way.nodes.iter().rposition(|node| node.node_pool == place.pool.name);
        let before =
            |node: &windlass_solver::PlannedNode| snapshot.node_pools().iter().position(|pool| pool.name == node.node_pool);
        let own = snapshot.node_pools().iter().position(|pool| pool.name == place.pool.name);
        let at = last.map_or_else(|| way.nodes.iter().take_while(|node| before(node) < own).count(), |last| last + 1);
        way.nodes.insert(at, place.node(&format!("{}-9999", place.pool.name), &[pod]));
        ways.push(resummed(way));
    }
    for index in 0..base.nodes.len() {
        let mut way = base.clone();
        way.nodes[index].pods.push(pod.key.clone());
        way.nodes[index].pods.sort();
        way.nodes[index].requested.add(&pod.shape.requests);
        ways.push(resummed(way));
    }
    for node in snapshot.nodes() {
        let mut way = base.clone();
        let position = |name| snapshot.nodes().iter().position(|node| node.name == name);
        let at = way.existing_nodes.iter().position(|place| position(place.node.clone()) >= position(node.name.clone()));
        let at = at.unwrap_or(way.existing_nodes.len());
        if way.existing_nodes.get(at).is_none_or(|place| place.node != node.name) {
            way.existing_nodes.insert(at, windlass_solver::plan::ExistingPlacement { node: node.name.clone(), pods: Vec::new() });
        }
        way.existing_nodes[at].pods.push(pod.key.clone());
        way.existing_nodes[at].pods.sort();
        ways.push(resummed(way));
    }
    ways
}

/// Nothing given, nothing done.
#[test]
fn an_empty_snapshot_gives_an_empty_plan() {
    let plan = solved(&SnapshotBuilder::default().build().unwrap());
    assert_eq!((plan.summary.pods, plan.nodes.len(), plan.unschedulable.len()), (0, 0, 0));
    assert_eq!(plan.summary.hourly_cost, plan.summary.lower_bound);
}
