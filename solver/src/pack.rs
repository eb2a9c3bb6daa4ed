//! From snapshot to plan.
//!
//! ```text
//! Snapshot ─wishes─▶ preferences insisted on ─deal─▶ pods have their domains ─compile─▶ Problem
//!                          ▲ given up                    ▲ dealt again                    │
//!                          └─ pods without a place ◀─────┴──── domains without room ◀─────┤
//!                                                                                         ▼
//!          reservations, then market (optimiser, or greedy where limits are scarce) ◀─ existing nodes, pools by weight
//!                          └─▶ seating: who sits where under rules about hosts ─▶ State ─report─▶ Plan
//! ```
//!
//! Identical pods are one class, offers that no pod can tell apart are one candidate, and requirements are bitsets: work grows with
//! shapes and instance types and not with pods. What is soft is first heeded by everyone: preferences are then given up one by one, and
//! `PreferNoSchedule` last, by pods that found no place.

mod alternatives;
mod axis;
pub mod baseline;
mod bound;
mod budget;
mod certificate;
mod compile;
mod deal;
mod existing;
mod fill;
mod greedy;
mod group;
mod host;
mod joining;
mod ladder;
mod manners;
mod market;
mod obstacle;
mod offers;
mod problem;
mod report;
mod reservation;
mod row;
mod seating;
mod settled;
mod share;
mod slot;
mod standing;
mod state;
mod tier;
mod variant;
mod variety;
mod wishes;

use crate::plan::Charged;
use crate::{MicroUsd, Options, Plan, Snapshot, Status, Summary};
use deal::Dealer;
use existing::Guests;
use problem::Problem;
use report::Pods;
use state::State;
use wishes::Lost;

/// Places the pods of `snapshot`. Never fails: what cannot be placed is in the plan with its reason.
///
/// Pods go on existing nodes first, then on nodes of the pools of the highest weight that can take them. Limits hold for every
/// offering a node may become. Preferences are kept where that leaves no pod without a place, see [`mod@crate::preference`]. Equal
/// snapshots and options give equal plans.
pub fn solve(snapshot: &Snapshot, options: &Options<'_>) -> Plan {
    if snapshot.pods().iter().any(|pod| pod.shape.has_preferences()) {
        return wishes::solve(snapshot, options);
    }
    decide(snapshot, options).0
}

/// A plan for a snapshot whose preferences count for nothing, and the pods that it leaves without a place.
fn decide(snapshot: &Snapshot, options: &Options<'_>) -> (Plan, Vec<Lost>) {
    let dealer = Dealer::new(snapshot, options.charges);
    let first = dealer.problem();
    // Pods that no new node holds must not change what others get.
    let pods = || first.to_buy_for().iter().map(|(_, pods)| *pods as usize).sum();
    let options = &Options { steps: options.steps.or_else(|| Some(Options::default_steps(pods()))), ..*options };
    let (dealer, mut problem, mut state) = settle(dealer, first, options);
    dealer.withdraw(&mut problem, &mut state);
    state.nodes.retain(|node| !node.load.is_empty() || standing::stands(&problem, node));
    let dealt = spot_pools(&dealer, &mut problem, &mut state, options);
    let lost = wishes::lost(&problem, &state);
    let mut pods = Pods::new(&problem);
    let existing_nodes = report::existing(&problem, &state, &mut pods);
    let nodes = report::nodes(&problem, &state, &mut pods, dealt.as_ref(), options);
    let unschedulable = report::unschedulable(&problem, &state, &mut pods);
    let hourly_cost: MicroUsd = nodes.iter().map(|node| node.offering.price).sum();
    let charged_cost = state.cost(&problem);
    let bounds = bound::bounds(&problem, &mut state, dealer.undealt().as_ref(), options);
    let standing = standing::bill(&problem, &state);
    let charged_bound = bounds.charged.plus(standing.charged).min(charged_cost);
    let charged = Charged { charges: options.charges, cost: charged_cost, lower_bound: charged_bound };
    let cancelled = options.cancelled.is_some_and(|cancelled| cancelled());
    let status = match (cancelled, charged_cost == charged_bound) {
        (true, _) => Status::Cut,
        (false, true) => Status::Optimal,
        (false, false) => Status::Feasible,
    };
    let summary = Summary {
        pods: snapshot.pods().len(),
        placed: snapshot.pods().len() - unschedulable.len(),
        hourly_cost,
        lower_bound: bounds.price.plus(standing.price).min(hourly_cost),
        charged: Some(charged).filter(|charged| !charged.charges.is_none()),
        status,
        steps: options.given_steps() - state.steps,
    };
    let certificate = certificate::certificate(&problem, &state, dealer.deals());
    (Plan { summary, nodes, existing_nodes, unschedulable, certificate, dropped: Vec::new() }, lost)
}

/// Deals and packs; where a domain cannot take its share, deals again with what it takes.
fn settle<'s>(mut dealer: Dealer<'s>, mut problem: Problem<'s>, options: &Options<'_>) -> (Dealer<'s>, Problem<'s>, State) {
    let mut state = ladder::settle(&problem, options);
    if dealer.learn(&problem, &state) {
        let quick = Options { steps: Some(0), ..*options };
        loop {
            problem = dealer.problem();
            state = ladder::settle(&problem, &quick);
            if !dealer.learn(&problem, &state) {
                break;
            }
        }
        state = ladder::settle(&problem, options);
    }
    (dealer, problem, state)
}

/// Deals the nodes to spot pools where each may have a share of them only. What finds no room is placed again without spot, as often as
/// that takes nodes off spot; each time there are fewer.
fn spot_pools<'s>(
    dealer: &Dealer<'s>,
    problem: &mut Problem<'s>,
    state: &mut State,
    options: &Options<'_>,
) -> Option<share::Dealt> {
    problem.snapshot.spot_pool_share()?;
    loop {
        let before = share::on_spot(problem, state);
        if let Some(dealt) = share::deal(problem, state, options) {
            return Some(dealt);
        }
        if share::on_spot(problem, state) < before {
            rounds(problem, state, options);
        }
        dealer.withdraw(problem, state);
        state.nodes.retain(|node| !node.load.is_empty() || standing::stands(problem, node));
    }
}

/// Launches what stands anyway, then places pods.
fn place(problem: &Problem<'_>, state: &mut State, options: &Options<'_>) {
    standing::launch(problem, state);
    rounds(problem, state, options);
}

/// Both rounds: with `PreferNoSchedule` heeded, then without.
fn rounds(problem: &Problem<'_>, state: &mut State, options: &Options<'_>) {
    for relaxed in [false, true] {
        if state.demand().is_empty() {
            break;
        }
        round(problem, state, relaxed, options);
    }
}

/// One round: existing nodes, then pools by weight, then what is left on the nodes bought.
fn round(problem: &Problem<'_>, state: &mut State, relaxed: bool, options: &Options<'_>) {
    existing::fill_existing(problem, state, Guests::Free, relaxed);
    standing::fill(problem, state, relaxed);
    existing::fill_bought(problem, state, relaxed);
    joining::join(problem, state, relaxed);
    joining::begin(problem, state, None, relaxed, false);
    for (weight, pools) in tier::tiers(problem) {
        tier::refuse(problem, state, weight, relaxed);
        joining::begin(problem, state, Some(&pools), relaxed, false);
        existing::fill_bought(problem, state, relaxed);
        tier::buy(problem, state, &pools, relaxed, options);
        joining::join(problem, state, relaxed);
        joining::grow(problem, state, &pools, relaxed);
    }
    tier::refuse(problem, state, i32::MIN, relaxed);
    for (_, pools) in tier::tiers(problem) {
        joining::begin(problem, state, Some(&pools), relaxed, relaxed);
    }
    existing::fill_bought(problem, state, relaxed);
    joining::join(problem, state, relaxed);
}

#[cfg(test)]
mod tests;
