//! What `wouldFitIf` says is true: the change, applied to the pod or the pool, places the pod.

use crate::properties::cases;
use crate::support::random::{Size, snapshots};
use crate::support::{solved, tolerates, world};
use proptest::prelude::*;
use windlass_solver::{Feature, NodePool, Pod, PodShape, ResourceName, Snapshot, TaintEffect, TolerationOperator};

const ALONE: Size = Size::new([4, 2, 0, 2, 1, 1]);

/// Millicores, bytes or units, as the message prints them.
fn amount(resource: &str, text: &str) -> i64 {
    let cut = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..cut].parse().unwrap();
    number
        * match (&text[cut..], resource) {
            ("", "cpu") => 1000,
            ("" | "m", _) => 1,
            ("Ki", _) => 1 << 10,
            ("Mi", _) => 1 << 20,
            ("Gi", _) => 1 << 30,
            ("Ti", _) => 1 << 40,
            (unit, _) => panic!("unit {unit}"),
        }
}

/// Does what the text says.
fn apply(change: &str, pod: &mut PodShape, pools: &mut [NodePool]) {
    if let Some((resource, most)) = change.split_once(" request <= ") {
        pod.requests.set(resource, amount(resource, most));
    } else if let Some(resource) = change.strip_prefix("no ").and_then(|rest| rest.strip_suffix(" request")) {
        pod.requests.set(resource, 0);
    } else if let Some(taint) = change.strip_prefix("toleration for ") {
        let (name, effect) = taint.rsplit_once(':').unwrap();
        let (key, value) = name.split_once('=').unwrap_or((name, ""));
        pod.tolerations.push(tolerates(key, TolerationOperator::Equal, value, TaintEffect::parse(effect)));
    } else if let Some(selector) = change.strip_prefix("without nodeSelector ") {
        pod.node_selector.retain(|requirement| requirement.to_string() != selector);
    } else if change == "without required node affinity" {
        pod.node_affinity.clear();
    } else if change == "without host ports" {
        pod.host_ports.clear();
    } else if let Some(limit) = change.strip_prefix("limit ") {
        let (resource, rest) = limit.split_once(" of nodePool ").unwrap();
        let (pool, least) = rest.split_once(" >= ").unwrap();
        let pool = pools.iter_mut().find(|known| known.name.as_str() == pool).unwrap();
        pool.limits.retain(|(known, _)| known.as_str() != resource);
        pool.limits.push((ResourceName::from(resource), amount(resource, least)));
    } else if change == format!("without {}", Feature::ResourceClaim) {
        pod.unsupported.clear();
        pod.topology.spread.clear();
    } else if change == format!("without {}", Feature::PodAntiAffinity) {
        pod.topology.anti_affinity.clear();
    } else {
        panic!("what is {change:?}?");
    }
}

fn changed(snapshot: &Snapshot, change: &str) -> Snapshot {
    let mut pools = snapshot.node_pools().to_vec();
    let pod = &snapshot.pods()[0];
    let mut shape = (*pod.shape).clone();
    apply(change, &mut shape, &mut pools);
    world(pools, [], snapshot.daemon_sets().to_vec(), [Pod { shape: shape.into(), ..pod.clone() }])
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn what_would_fit_fits(snapshot in snapshots(ALONE)) {
        // A pool that is refused makes a pod wait, whatever the pod changes.
        prop_assume!(snapshot.node_pools().iter().all(|pool| pool.unsupported.is_empty()));
        let plan = solved(&snapshot);
        if let Some(change) = plan.unschedulable.first().and_then(|entry| entry.would_fit_if.as_ref()) {
            let after = solved(&changed(&snapshot, change));
            prop_assert_eq!(after.summary.placed, 1, "{} does not help: {:#?}", change, after);
        }
    }
}
