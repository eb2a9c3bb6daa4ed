//! Buying nodes from the pools of one weight.

use super::existing::{Guests, fill_tables};
use super::greedy::Task;
use super::market::{Market, Terms};
use super::problem::{Problem, Row};
use super::reservation;
use super::seating::seat;
use super::state::State;
use crate::optimize::{Effort, Pattern, Solution, minimise};
use crate::{NodePool, Objective, Options};

/// Distinct weights of supported pools, highest first, each with its pools.
pub(super) fn tiers(problem: &Problem<'_>) -> Vec<(i32, Vec<bool>)> {
    let pools = problem.snapshot.node_pools();
    let mut weights: Vec<i32> = pools.iter().filter(|pool| pool.is_launched_from()).map(|pool| pool.weight).collect();
    weights.dedup();
    weights
        .into_iter()
        .map(|weight| (weight, pools.iter().map(|p| p.weight == weight && p.is_launched_from()).collect()))
        .collect()
}

/// Refuses classes that a pool of at least this weight could take whose features are not supported: to place them further down would
/// ignore what that pool asks for.
pub(super) fn refuse(problem: &Problem<'_>, state: &mut State, weight: i32, relaxed: bool) {
    let pools = problem.snapshot.node_pools();
    let unsupported = problem.variants.iter().filter(|variant| {
        let pool = &pools[variant.pool];
        !pool.unsupported.is_empty() && pool.replicas.is_none() && pool.weight >= weight
    });
    let open = |row: &usize| problem.rows[*row].classes.iter().any(|class| state.is_open(*class));
    let mut rows: Vec<usize> = (0..problem.rows.len()).filter(open).collect();
    for candidate in unsupported.flat_map(|variant| &problem.candidates[variant.candidates.clone()]) {
        rows.retain(|row| {
            let Row { signature, need, classes, .. } = &problem.rows[*row];
            let takes = problem.admits(candidate, *signature, relaxed) && super::axis::fits(need, problem.free(candidate));
            if takes {
                for class in classes {
                    state.refused[*class] = true;
                }
            }
            !takes
        });
    }
}

/// Buys for what is left and fits, from `pools`, until nothing more is placed: rules about hosts may keep pods from the seats that were
/// bought for their shapes, and those are bought for again.
pub(super) fn buy(problem: &Problem<'_>, state: &mut State, pools: &[bool], relaxed: bool, options: &Options<'_>) {
    let terms = Terms { pools, relaxed, measure: options.objective.into(), any_values: false, reserved: false };
    if reservation::any(problem, pools) {
        // What is paid for already comes first, and what was proven of payments is not about who goes there.
        buy_for(problem, state, Terms { reserved: true, ..terms }, None, options);
        state.proven = None;
    }
    let start = state.clone();
    buy_for(problem, state, terms, None, options);
    if !state.limits_bind || !state.short {
        return;
    }
    // Who was kept from a seat may have lost it to a lower priority: scarce limits go to one priority after the other.
    let mut priorities: Vec<i32> = start.rows(problem).iter().map(|(row, _)| problem.rows[*row].priority).collect();
    priorities.dedup();
    let passed_over = |state: &State| {
        let left = state.rows(problem).first().map(|(row, _)| problem.rows[*row].priority);
        left.is_some_and(|left| priorities.last().is_some_and(|lowest| *lowest < left))
    };
    if passed_over(state) {
        let steps = state.steps;
        *state = State { steps, limits_bind: true, short: true, proven: None, ..start };
        for priority in priorities {
            buy_for(problem, state, terms, Some(priority), options);
        }
    }
}

/// Buys for one priority, or for all.
fn buy_for(problem: &Problem<'_>, state: &mut State, terms: Terms<'_>, only: Option<i32>, options: &Options<'_>) {
    let mut first = true;
    loop {
        let mut demand = state.rows(problem);
        demand.retain(|(row, _)| only.is_none_or(|priority| problem.rows[*row].priority == priority));
        if demand.is_empty() {
            return;
        }
        let market = Market::new(problem, &demand, terms, Some(&state.budget));
        if market.items.is_empty() {
            return;
        }
        let before = state.waiting();
        let patterns = choose(problem, state, &market, terms, (first, options));
        let full = seat(problem, state, &market, &patterns);
        if full {
            return;
        }
        state.short = true;
        fill_tables(problem, state, Guests::Free, terms.relaxed);
        if state.waiting() == before {
            return;
        }
        first = false;
    }
}

/// Share of the steps left that goes to pods who were bought for before.
const AGAIN: u64 = 8;

/// What to buy of a market, within the limits.
fn choose(
    problem: &Problem<'_>,
    state: &mut State,
    market: &Market,
    terms: Terms<'_>,
    (first, options): (bool, &Options<'_>),
) -> Vec<Pattern> {
    if let Some(solution) = optimise(market, if first { state.steps } else { state.steps / AGAIN }, options) {
        state.steps = state.steps.saturating_sub(solution.steps);
        if within_limits(problem, state, market, &solution.patterns) {
            if first {
                // Machines that a limit rules out are not in the market, and not every bundle is: the bound holds only without.
                let bounds_the_bill = options.objective == Objective::Cost && !bounded(problem, terms.pools);
                state.proven = state.proven.filter(|_| bounds_the_bill).map(|sum| sum.saturating_add(solution.lower_bound));
                state.proof.add(market, &solution);
            }
            return solution.patterns;
        }
    }
    state.limits_bind = true;
    state.proven = None;
    // The limits bind. What guides from here on is what no steps give, so that more steps do not lead elsewhere.
    let quick = optimise(market, 0, options);
    let mut values = vec![0.0; market.items.len()];
    #[allow(clippy::cast_precision_loss)]
    for (value, marginal) in values.iter_mut().zip(quick.iter().flat_map(|solution| &solution.marginal)) {
        *value = *marginal as f64;
    }
    let urgency = market.items.iter().map(|item| state.row_urgency(problem, item.row)).collect();
    let patterns = Task { problem, market, budget: &state.budget, values, urgency }.pack();
    let whole = quick.filter(|quick| within_limits(problem, state, market, &quick.patterns));
    let cost = |patterns: &[Pattern]| {
        patterns.iter().map(|p| market.machines[p.bin].cost.saturating_mul(i64::from(p.uses))).sum::<i64>()
    };
    let placed =
        |patterns: &[Pattern]| patterns.iter().flat_map(|p| p.counts.iter().map(|(_, n)| u64::from(*n * p.uses))).sum::<u64>();
    match whole {
        Some(whole) if placed(&whole.patterns) > placed(&patterns) || whole.cost < cost(&patterns) => whole.patterns,
        _ => patterns,
    }
}

/// Whether any of `pools` has a limit, or launches only what could become several things.
fn bounded(problem: &Problem<'_>, pools: &[bool]) -> bool {
    let varied = problem.snapshot.spot_min_types() > 1;
    let bounded = |pool: &NodePool| varied || !pool.limits.is_empty() || !pool.min_values.is_empty();
    problem.snapshot.node_pools().iter().zip(pools).any(|(pool, open)| *open && bounded(pool))
}

/// What the optimiser makes of a market; `None` where it refuses it.
pub(super) fn optimise(market: &Market, steps: u64, options: &Options<'_>) -> Option<Solution> {
    let effort = Effort { steps, seed: options.seed, cancelled: options.cancelled };
    minimise(&market.to_problem(), &[], &effort).ok()
}

fn within_limits(problem: &Problem<'_>, state: &State, market: &Market, patterns: &[Pattern]) -> bool {
    let mut budget = state.budget.clone();
    patterns.iter().all(|pattern| {
        let candidate = &problem.candidates[market.machines[pattern.bin].candidate];
        let affordable = budget.affords(problem, candidate, pattern.uses) == pattern.uses;
        budget.spend(problem, candidate, i64::from(pattern.uses));
        affordable
    })
}
