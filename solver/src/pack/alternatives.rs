//! Other offerings that hold a node's pods: EC2 Fleet picks among them, so the plan must be valid for each.

use super::axis::{fits, take};
use super::budget::Budget;
use super::problem::{Candidate, Problem};
use super::state::NewNode;
use crate::plan::OfferingRef;
use crate::{InstanceType, Offering, Options};

/// An offering that would do.
#[derive(Debug, Clone)]
pub(super) struct Alternative {
    /// Index into the problem's candidates.
    candidate: usize,
    pub(super) offering: OfferingRef,
}

/// The instance type and the offering that a candidate buys first.
pub(super) fn chosen<'p>(problem: &'p Problem<'_>, candidate: &Candidate) -> (&'p InstanceType, &'p Offering) {
    offer(problem, candidate, problem.offer_indices[candidate.offers.start] as usize)
}

/// The instance type and the offering at `index` of the candidate's list of offers.
pub(super) fn offer<'p>(problem: &'p Problem<'_>, candidate: &Candidate, index: usize) -> (&'p InstanceType, &'p Offering) {
    let offers = &problem.offers[problem.variants[candidate.variant].offers];
    let offer = offers.list[index];
    let instance_type = &offers.types[offer.instance_type];
    (instance_type, &instance_type.offerings[offer.offering])
}

/// Names an offering.
pub(super) fn reference(instance_type: &InstanceType, offering: &Offering) -> OfferingRef {
    OfferingRef {
        price: offering.price.unwrap_or_default(),
        instance_type: instance_type.name.clone(),
        zone: offering.zone.clone(),
        capacity_type: offering.capacity_type,
    }
}

/// All offerings of the node's variant and capacity type that hold its pods at a price within tolerance, cheapest first.
pub(super) fn alternatives(problem: &Problem<'_>, node: &NewNode, options: &Options<'_>) -> Vec<Alternative> {
    let own = &problem.candidates[node.candidate];
    let (instance_type, offering) = chosen(problem, own);
    let bought = reference(instance_type, offering);
    let most = i128::from(own.price) * (100 + i128::from(options.price_tolerance_percent)) / 100;
    let mut usage = vec![0_i64; problem.axis.width()];
    for (class, count) in &node.load {
        take(&mut usage, &problem.classes[*class].need, *count);
    }
    let usage: Vec<i64> = usage.into_iter().map(|amount| -amount).collect();
    let mut found = Vec::new();
    for index in problem.variants[own.variant].candidates.clone() {
        let candidate = &problem.candidates[index];
        let holds = i128::from(candidate.price) <= most
            && fits(&usage, problem.free(candidate))
            && node.load.iter().all(|(class, _)| problem.allows(candidate, *class, true))
            && (candidate.model == own.model || problem.host(candidate, &node.load).is_some());
        if !holds {
            continue;
        }
        for position in &problem.offer_indices[candidate.offers.clone()] {
            let (instance_type, offering) = offer(problem, candidate, *position as usize);
            let price = offering.price.unwrap_or_default();
            let similar = offering.capacity_type == bought.capacity_type && price >= bought.price && i128::from(price.0) <= most;
            let other = offering.zone != bought.zone || instance_type.name != bought.instance_type;
            if similar && other {
                found.push(Alternative { candidate: index, offering: reference(instance_type, offering) });
            }
        }
    }
    found.sort_by(|a, b| a.offering.cmp(&b.offering));
    found
}

/// The first alternatives that the pool's limits allow even if EC2 picks the largest of each node's.
pub(super) fn within_limits(
    problem: &Problem<'_>,
    node: &NewNode,
    all: &[Alternative],
    budget: &mut Budget,
    most: usize,
) -> Vec<OfferingRef> {
    let own = &problem.candidates[node.candidate];
    let limits = &problem.snapshot.node_pools()[problem.pool(own)].limits;
    if limits.is_empty() {
        return all.iter().take(most).map(|alternative| alternative.offering.clone()).collect();
    }
    let capacity = |candidate: usize| -> Vec<i64> {
        limits.iter().map(|(name, _)| problem.capacity(&problem.candidates[candidate], name.as_str())).collect()
    };
    let mut largest = capacity(node.candidate);
    let mut kept = Vec::new();
    for alternative in all {
        if kept.len() == most {
            break;
        }
        let larger: Vec<i64> =
            capacity(alternative.candidate).iter().zip(&largest).map(|(new, old)| (new - old).max(0)).collect();
        if budget.stretch(problem.pool(own), &larger) {
            for (largest, more) in largest.iter_mut().zip(&larger) {
                *largest += more;
            }
            kept.push(alternative.offering.clone());
        }
    }
    kept
}
