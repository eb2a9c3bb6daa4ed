//! Capacity reservations: no slot is counted on twice.

use super::Violation;
use crate::plan::PlannedNode;
use crate::{CapacityType, Plan, Snapshot, label};
use std::collections::BTreeMap;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    let mut used: BTreeMap<String, u32> = BTreeMap::new();
    for node in &plan.nodes {
        for id in reservations(snapshot, node) {
            *used.entry(id).or_default() += 1;
        }
    }
    for (reservation, used) in used {
        let slots = snapshot.reservations().get(reservation.as_str()).copied().unwrap_or(0);
        if used > slots {
            violations.push(Violation::ReservationExceeded { reservation, used, slots });
        }
    }
}

/// The reservations that a node may use, each once.
fn reservations(snapshot: &Snapshot, node: &PlannedNode) -> Vec<String> {
    let pool = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool);
    let offerings = pool.into_iter().flat_map(|pool| {
        std::iter::once(&node.offering).chain(&node.alternatives).filter_map(|wanted| {
            let kind = pool.instance_types.iter().find(|kind| kind.name == wanted.instance_type)?;
            let same = |o: &&crate::Offering| o.zone == wanted.zone && o.capacity_type == wanted.capacity_type;
            kind.offerings.iter().find(same).filter(|offering| offering.capacity_type == CapacityType::Reserved)
        })
    });
    let mut all: Vec<String> =
        offerings.map(|offering| offering.labels.get(label::RESERVATION).map_or_else(String::new, ToString::to_string)).collect();
    all.sort();
    all.dedup();
    all
}
