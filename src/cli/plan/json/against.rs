//! The object `against` of a plan's JSON.

use super::{Tenths, Usd};
use crate::cli::plan::against::{Against, Bill, Bills};
use serde::Serialize;
use windlass_solver::Plan;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comparison {
    algorithm: &'static str,
    placed: usize,
    unschedulable: usize,
    new_nodes: usize,
    hourly_cost_usd: Usd,
    capacity_types: Vec<Pair>,
    saving: Option<Saving>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    capacity_type: &'static str,
    windlass: Side,
    peer: Side,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    new_nodes: usize,
    hourly_cost_usd: Usd,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Saving {
    hourly_usd: Usd,
    percent: Tenths,
}

pub(super) fn comparison(ours: &Plan, against: &Against) -> Comparison {
    let bills = Bills::of(ours, &against.plan);
    let side = |bill: &Bill| Side { new_nodes: bill.nodes, hourly_cost_usd: Usd(bill.cost) };
    let capacity_types = bills.by_capacity.iter().map(|(capacity_type, [windlass, peer])| Pair {
        capacity_type: capacity_type.as_str(),
        windlass: side(windlass),
        peer: side(peer),
    });
    Comparison {
        algorithm: against.peer.as_str(),
        placed: against.plan.summary.placed,
        unschedulable: against.plan.unschedulable.len(),
        new_nodes: against.plan.nodes.len(),
        hourly_cost_usd: Usd(against.plan.summary.hourly_cost),
        capacity_types: capacity_types.collect(),
        saving: bills.same_pods.then(|| Saving { hourly_usd: Usd(bills.saving()), percent: Tenths(bills.saving_permille()) }),
    }
}
