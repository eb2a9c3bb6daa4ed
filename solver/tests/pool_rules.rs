//! What pools ask for beside labels, on random snapshots: `minValues` and static pools. Rules about other pods have properties of their
//! own, so pods and daemonsets here have none.

use crate::properties::cases;
use crate::support::oracle::{is_varied, optimum, places};
use crate::support::random::{Size, snapshots};
use crate::support::{CAPACITY, PoolExt, TYPE, ZONE, solved_with, world};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::sync::Arc;
use windlass_solver::baseline::karpenter;
use windlass_solver::{DaemonSet, NodePool, Options, Pod, PodShape, PreferencePolicy, Reason, Snapshot, Topology, check, solve};

/// What becomes of a pool.
#[derive(Debug, Clone)]
struct Rule {
    unlike: Vec<(&'static str, u32)>,
    relents: bool,
    replicas: Option<u32>,
}

fn rule(replicas: bool) -> impl Strategy<Value = Rule> {
    let unlike = vec![(TYPE, 2), (TYPE, 3), (ZONE, 2), (CAPACITY, 2), ("karpenter.k8s.aws/instance-cpu", 2), ("team", 1)];
    let unlike = prop_oneof![1 => Just(Vec::new()), 2 => subsequence(unlike, 1..=2)];
    let replicas = prop_oneof![2 => Just(None), 1 => (0..=2_u32).prop_map(move |count| Some(count).filter(|_| replicas))];
    (unlike, any::<bool>(), replicas).prop_map(|(unlike, relents, replicas)| Rule { unlike, relents, replicas })
}

fn changed(mut pool: NodePool, rule: Rule) -> NodePool {
    for (key, count) in rule.unlike {
        pool.min_values.retain(|asked| &*asked.key != key);
        pool = pool.varied(key, count);
    }
    pool.min_values.sort();
    if rule.relents {
        pool = pool.relenting();
    }
    if let Some(replicas) = rule.replicas {
        pool.weight = 0;
        pool.limits.retain(|(name, _)| name.as_str() == "nodes");
        pool = pool.keeping(replicas);
    }
    pool
}

fn alone(shape: &PodShape) -> Arc<PodShape> {
    Arc::new(PodShape { topology: Topology::default(), ..shape.clone() })
}

fn ruled(size: Size, replicas: bool) -> impl Strategy<Value = Snapshot> {
    (snapshots(size), vec(rule(replicas), size.pools)).prop_map(|(snapshot, rules)| {
        let pools = snapshot.node_pools().iter().cloned().zip(rules).map(|(pool, rule)| changed(pool, rule));
        let nodes = snapshot.nodes().iter().cloned().map(|node| windlass_solver::Node { running: Vec::new(), ..node });
        let daemons = snapshot.daemon_sets().iter().map(|one| DaemonSet { shape: alone(&one.shape), ..one.clone() });
        let pods = snapshot.pods().iter().map(|pod| Pod { shape: alone(&pod.shape), ..pod.clone() });
        world(pools, nodes, daemons, pods)
    })
}

fn short() -> Options<'static> {
    Options { steps: Some(200), ..Options::default() }
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn every_plan_is_valid(snapshot in ruled(Size::SMALL, true)) {
        let plan = solved_with(&snapshot, &short());
        for entry in &plan.unschedulable {
            prop_assert!(!entry.message.is_empty());
            prop_assert!(entry.funnel.is_sorted_by(|a, b| a.remaining >= b.remaining), "{entry:#?}");
        }
        prop_assert_eq!(&plan, &solve(&snapshot, &short()));
    }

    #[test]
    fn every_plan_of_karpenters_is_valid(snapshot in ruled(Size::SMALL, true)) {
        let theirs = karpenter(&snapshot, &solve(&snapshot, &short()), PreferencePolicy::Respect);
        let texts: Vec<String> = check(&snapshot, &theirs).iter().map(ToString::to_string).collect();
        prop_assert!(texts.is_empty(), "{texts:#?}\n{theirs:#?}");
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn the_bound_never_exceeds_the_optimum(snapshot in ruled(Size::TINY, false)) {
        let plan = solved_with(&snapshot, &short());
        let weight = |name| snapshot.node_pools().iter().find(|pool| pool.name == name).unwrap().weight;
        let pod = |key| snapshot.pods().iter().find(|pod| pod.key == key).unwrap();
        let placed = plan.nodes.iter().flat_map(|node| node.pods.iter().map(|key| (pod(key.clone()), weight(node.node_pool.clone()))));
        let best = optimum(&snapshot, &placed.collect::<Vec<_>>());
        prop_assert!(best.is_some(), "exhaustive search refuses what is planned: {plan:#?}");
        let best = best.unwrap();
        prop_assert!(plan.summary.lower_bound <= best, "bound {} > optimum {best}: {plan:#?}", plan.summary.lower_bound);
        prop_assert!(best <= plan.summary.hourly_cost, "cost {} < optimum {best}: {plan:#?}", plan.summary.hourly_cost);
    }

    #[test]
    fn without_limits_a_pod_is_placed_where_enough_nodes_hold_it(snapshot in ruled(Size::TINY.unlimited(), false)) {
        let plan = solved_with(&snapshot, &short());
        let places = places(&snapshot);
        for pod in snapshot.pods() {
            let possible = places.iter().any(|place| place.takes(&[pod]) && is_varied(&places, place, &[pod]));
            match plan.unschedulable.iter().find(|entry| entry.pod == pod.key) {
                None => prop_assert!(possible, "{} is placed where nothing may hold it", pod.key),
                Some(entry) if entry.reason == Reason::NotYetSupported => {}
                Some(entry) => prop_assert!(!possible, "{} has a place, but got {entry:#?}", pod.key),
            }
        }
    }
}
