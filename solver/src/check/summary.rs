//! Totals, the bound, and the order of lists.

use super::Violation;
use crate::{MicroUsd, Plan, Snapshot, Status};

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
    let bound = summary.lower_bound;
    if bound > cost || bound < MicroUsd::ZERO {
        violations.push(Violation::BoundWrong { bound, cost });
    } else if summary.status == Status::Optimal && bound != cost {
        violations.push(Violation::StatusWrong { bound, cost });
    }
    if let Some([_, later]) = plan.unschedulable.windows(2).find_map(|pair| match pair {
        [a, b] if a.pod > b.pod => Some([a, b]),
        _ => None,
    }) {
        violations.push(Violation::OrderWrong { list: "unschedulable", at: later.pod.to_string() });
    }
}
