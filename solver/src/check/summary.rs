//! Totals, the bound, and the order of lists.

use super::Violation;
use crate::plan::PlannedNode;
use crate::{Charges, MicroUsd, Offering, Plan, Snapshot, Status};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    let summary = &plan.summary;
    let placed = plan
        .nodes
        .iter()
        .map(|node| node.pods.len())
        .chain(plan.existing_nodes.iter().map(|place| place.pods.len()))
        .sum::<usize>();
    let cost: MicroUsd = plan.nodes.iter().map(|node| node.offering.price).sum();
    let totals = [
        ("pods", snapshot.pods().len().to_string(), summary.pods.to_string()),
        ("placed", placed.to_string(), summary.placed.to_string()),
        ("hourlyCostUsd", cost.to_string(), summary.hourly_cost.to_string()),
    ];
    for (field, expected, found) in totals {
        if expected != found {
            violations.push(Violation::SummaryWrong { field, expected, found });
        }
    }
    let mut minimised = (summary.lower_bound, cost);
    if let Some(charged) = &summary.charged {
        let cost = cost.plus(charged_beyond(snapshot, plan, charged.charges));
        if cost != charged.cost {
            let (expected, found) = (cost.to_string(), charged.cost.to_string());
            violations.push(Violation::SummaryWrong { field: "objectiveUsd", expected, found });
        }
        minimised = (charged.lower_bound, cost);
    }
    let refuted = |(bound, cost): &(MicroUsd, MicroUsd)| bound > cost || *bound < MicroUsd::ZERO;
    if let Some((bound, cost)) = [(summary.lower_bound, cost), minimised].into_iter().find(refuted) {
        violations.push(Violation::BoundWrong { bound, cost });
    } else if summary.status == Status::Optimal && minimised.0 != minimised.1 {
        violations.push(Violation::StatusWrong { bound: minimised.0, cost: minimised.1 });
    }
    if let Some([_, later]) = plan.unschedulable.windows(2).find_map(|pair| match pair {
        [a, b] if a.pod > b.pod => Some([a, b]),
        _ => None,
    }) {
        violations.push(Violation::OrderWrong { list: "unschedulable", at: later.pod.to_string() });
    }
}

/// What is charged beyond the nodes' prices. An offering that the pool does not have is another rule's matter.
fn charged_beyond(snapshot: &Snapshot, plan: &Plan, charges: Charges) -> MicroUsd {
    let of = |node: &PlannedNode| {
        let pool = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool)?;
        let kind = pool.instance_types.iter().find(|kind| kind.name == node.offering.instance_type)?;
        let same = |one: &&Offering| one.zone == node.offering.zone && one.capacity_type == node.offering.capacity_type;
        kind.offerings.iter().find(same).map(|offering| charges.of(offering))
    };
    plan.nodes.iter().filter_map(of).sum()
}
