//! Cost, bound and completeness against exhaustive search.

use crate::properties::cases;
use crate::support::oracle::{is_varied, optimum, places};
use crate::support::random::{Size, snapshots};
use crate::support::solved;
use proptest::prelude::*;
use windlass_solver::{Plan, Pod, Reason, Snapshot, Status, label};

/// Pods on new nodes with the weight of their pool.
pub(crate) fn on_new_nodes<'a>(snapshot: &'a Snapshot, plan: &Plan) -> Vec<(&'a Pod, i32)> {
    let weight = |name| snapshot.node_pools().iter().find(|pool| pool.name == name).unwrap().weight;
    let pod = |key| snapshot.pods().iter().find(|pod| pod.key == key).unwrap();
    let of = |node: &windlass_solver::PlannedNode| {
        let weight = weight(node.node_pool.clone());
        node.pods.iter().map(|key| (pod(key.clone()), weight)).collect::<Vec<_>>()
    };
    plan.nodes.iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(cases(1500))]

    /// The bound is proven: no way to place the same pods, on pools of the same weights, costs less. The plan is one such way, so the
    /// exhaustive search must find one, too.
    #[test]
    fn the_bound_never_exceeds_the_optimum(snapshot in snapshots(Size::TINY)) {
        let plan = solved(&snapshot);
        let best = optimum(&snapshot, &on_new_nodes(&snapshot, &plan));
        prop_assert!(best.is_some(), "exhaustive search refuses what is planned: {plan:#?}");
        let best = best.unwrap();
        prop_assert!(plan.summary.lower_bound <= best, "bound {} > optimum {best}: {plan:#?}", plan.summary.lower_bound);
        prop_assert!(best <= plan.summary.hourly_cost, "cost {} < optimum {best}: {plan:#?}", plan.summary.hourly_cost);
        prop_assert!(plan.summary.status != Status::Optimal || best == plan.summary.hourly_cost);
    }

    /// Without limits and existing nodes, a pod is placed exactly where some offering holds it alone.
    #[test]
    fn without_limits_a_pod_is_placed_where_any_node_holds_it(snapshot in snapshots(Size::TINY.unlimited())) {
        let plan = solved(&snapshot);
        let places = places(&snapshot);
        for pod in snapshot.pods() {
            let possible = places.iter().any(|place| place.takes(&[pod]) && is_varied(&places, place, &[pod]));
            match plan.unschedulable.iter().find(|entry| entry.pod == pod.key) {
                // Beside others, a pod has places that it has not alone.
                None if !pod.shape.topology.affinity.is_empty() => {}
                None => prop_assert!(possible, "{} is placed where nothing holds it", pod.key),
                // Refused for a feature of its own or of a pool that comes first: the cases show which.
                Some(entry) if entry.reason == Reason::NotYetSupported => {}
                // Others have every domain: how many can be placed is asked in `exact`.
                Some(entry) if matches!(entry.reason, Reason::TopologySpread | Reason::PodAntiAffinity) && by_domain(&snapshot) => {}
                // Whom a pod must join may have no place, or no room.
                Some(entry) if entry.reason == Reason::PodAffinity => {}
                Some(entry) => prop_assert!(!possible, "{} has a place, but got {entry:#?}", pod.key),
            }
        }
    }
}

/// Whether pods have rules over domains that are not single hosts.
fn by_domain(snapshot: &Snapshot) -> bool {
    snapshot.pods().iter().any(|pod| {
        let rules = &pod.shape.topology;
        let spread = rules.spread.iter().map(|one| &one.topology_key);
        spread.chain(rules.anti_affinity.iter().map(|term| &term.topology_key)).any(|key| &**key != label::HOSTNAME)
    })
}
