//! Least instance types of spot nodes: enough different ones can be bought on spot for each.

use super::Violation;
use crate::plan::PlannedNode;
use crate::{CapacityType, Plan, Snapshot};
use std::collections::BTreeSet;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    let asked = snapshot.spot_min_types();
    let is_spot = |node: &&PlannedNode| node.offering.capacity_type == CapacityType::Spot;
    for node in plan.nodes.iter().filter(is_spot) {
        let all = std::iter::once(&node.offering).chain(&node.alternatives);
        let spot = all.filter(|one| one.capacity_type == CapacityType::Spot);
        let types: BTreeSet<&str> = spot.map(|one| one.instance_type.as_str()).collect();
        let found = u32::try_from(types.len()).unwrap_or(u32::MAX);
        if found < asked {
            violations.push(Violation::SpotTypesTooFew { node: node.name.clone(), asked, found });
        }
    }
}
