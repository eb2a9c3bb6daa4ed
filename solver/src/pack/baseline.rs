//! Karpenter's packing algorithm: the yardstick that plans are compared with, on the same snapshot.
//!
//! ```text
//! pods by CPU, memory, key ─▶ existing nodes ─▶ open claims, fewest pods first ─▶ a new claim ─▶ … ─▶ each claim buys its cheapest
//! ```
//!
//! A claim stands for every instance type, zone and capacity type that still holds its pods; price has no say until the end. Source:
//! karpenter v1.14, `pkg/controllers/provisioning/scheduling` (`queue.go`, `scheduler.go`, `nodeclaim.go`, `preferences.go`).
//!
//! It works on what packing works on, so that the two differ in decisions alone: what a pod may run on, daemonset overhead per instance
//! type and host ports are the same, and pods that are refused here are refused there. Where the documented algorithm is less able, it
//! gets the better of it: all terms of a required node affinity count at once (Karpenter takes them one after the other), and spot
//! capacity is bought at the lowest price (EC2 also weighs how deep a pool is).

mod claim;
mod queue;

use super::alternatives::{offer, reference};
use super::compile::compile;
use super::problem::Problem;
use super::report::{self, Pods, describe};
use super::state::{NewNode, State};
use crate::plan::{Certificate, OfferingRef, PlannedNode};
use crate::{MicroUsd, NodeName, Plan, Snapshot, Status, Summary};
use claim::Claim;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What Karpenter's algorithm makes of `snapshot`. `ours` is a plan of [`crate::solve`] for it: its lower bound is taken over where it
/// holds here as well, which is where at least the same pods go on new nodes; elsewhere the bound is zero.
///
/// Nodes are listed without alternatives. Equal snapshots give equal plans.
pub fn karpenter(snapshot: &Snapshot, ours: &Plan) -> Plan {
    let problem = compile(snapshot);
    let mut state = State::new(&problem, 0);
    let claims = queue::run(&problem, &mut state);
    let purchases = purchases(&problem, claims);
    let hourly_cost: MicroUsd = purchases.iter().map(|purchase| purchase.offering.price).sum();
    state.nodes = purchases.iter().map(|purchase| purchase.node.clone()).collect();
    let lower_bound = bound(&problem, &state, ours).min(hourly_cost);
    let mut pods = Pods::new(&problem);
    let existing_nodes = report::existing(&problem, &state, &mut pods);
    let nodes = planned(&problem, &purchases, &mut pods);
    let unschedulable = report::unschedulable(&problem, &state, &mut pods);
    let summary = Summary {
        pods: snapshot.pods().len(),
        placed: snapshot.pods().len() - unschedulable.len(),
        hourly_cost,
        lower_bound,
        status: if hourly_cost == lower_bound { Status::Optimal } else { Status::Feasible },
        steps: 0,
    };
    Plan { summary, nodes, existing_nodes, unschedulable, certificate: Certificate::default() }
}

/// What a claim became.
struct Purchase {
    node: NewNode,
    /// Position in the problem's list of offers.
    offer: usize,
    offering: OfferingRef,
}

/// The offering of each claim: the first capacity type of reserved, spot and on-demand that is left to it, there the cheapest. Ordered
/// as plans are: by pool, dearest first.
fn purchases(problem: &Problem<'_>, claims: Vec<Claim>) -> Vec<Purchase> {
    let mut purchases: Vec<Purchase> = claims.into_iter().filter_map(|claim| purchase(problem, claim)).collect();
    purchases.sort_by(|a, b| {
        let pool = |one: &Purchase| problem.pool(&problem.candidates[one.node.candidate]);
        (pool(a), Reverse(a.offering.price), &a.offering, a.node.candidate, &a.node.load).cmp(&(
            pool(b),
            Reverse(b.offering.price),
            &b.offering,
            b.node.candidate,
            &b.node.load,
        ))
    });
    purchases
}

fn purchase(problem: &Problem<'_>, claim: Claim) -> Option<Purchase> {
    let offers = claim.candidates().iter().flat_map(|index| {
        let candidate = &problem.candidates[*index as usize];
        let positions = problem.offer_indices[candidate.offers.clone()].iter();
        positions.map(move |position| (*index as usize, *position as usize))
    });
    let (candidate, position, offering) = offers
        .map(|(candidate, position)| {
            let (instance_type, offering) = offer(problem, &problem.candidates[candidate], position);
            (candidate, position, instance_type, offering)
        })
        .min_by_key(|(candidate, _, instance_type, offering)| {
            (offering.capacity_type, offering.price, &instance_type.name, &offering.zone, *candidate)
        })
        .map(|(candidate, position, instance_type, offering)| (candidate, position, reference(instance_type, offering)))?;
    let node = NewNode { candidate, load: claim.into_load(), copies: 1 };
    Some(Purchase { node, offer: position, offering })
}

fn planned(problem: &Problem<'_>, purchases: &[Purchase], pods: &mut Pods<'_, '_>) -> Vec<PlannedNode> {
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    let mut planned = Vec::with_capacity(purchases.len());
    for Purchase { node, offer: position, .. } in purchases {
        let candidate = &problem.candidates[node.candidate];
        let template = describe(problem, candidate, offer(problem, candidate, *position), &node.load);
        let index = count.entry(problem.pool(candidate)).or_insert(0);
        planned.push(PlannedNode {
            name: NodeName::new(format!("{}-{index}", template.node_pool)),
            pods: pods.load(&node.load),
            ..template
        });
        *index += 1;
    }
    planned
}

/// The bound of `ours`, if `state` puts at least as many pods of each class on new nodes: more pods cannot cost less.
fn bound(problem: &Problem<'_>, state: &State, ours: &Plan) -> MicroUsd {
    let mut class_of: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, class) in problem.classes.iter().enumerate() {
        class_of.extend(class.pods.iter().map(|pod| (*pod, index)));
    }
    let mut bought = vec![0; problem.classes.len()];
    for (class, count) in state.bought() {
        bought[class] = count as usize;
    }
    let mut classes = ours.certificate.classes.iter();
    let covered = classes.all(|priced| {
        let class = priced.pods.first().and_then(|pod| class_of.get(pod));
        class.is_some_and(|class| bought[*class] >= priced.pods.len())
    });
    if covered { ours.summary.lower_bound } else { MicroUsd::ZERO }
}
