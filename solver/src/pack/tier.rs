//! Buying nodes from the pools of one weight.

use super::greedy::Task;
use super::market::{Market, Terms};
use super::problem::Problem;
use super::state::{NewNode, State};
use crate::optimize::{Effort, Pattern, Solution, minimise};
use crate::{Objective, Options};

/// Distinct weights of supported pools, highest first, each with its pools.
pub(super) fn tiers(problem: &Problem<'_>) -> Vec<(i32, Vec<bool>)> {
    let pools = problem.snapshot.node_pools();
    let mut weights: Vec<i32> = pools.iter().filter(|pool| pool.unsupported.is_empty()).map(|pool| pool.weight).collect();
    weights.dedup();
    weights
        .into_iter()
        .map(|weight| (weight, pools.iter().map(|p| p.weight == weight && p.unsupported.is_empty()).collect()))
        .collect()
}

/// Refuses classes that a pool of at least this weight could take whose features are not supported: to place them further down would
/// ignore what that pool asks for.
pub(super) fn refuse(problem: &Problem<'_>, state: &mut State, weight: i32, relaxed: bool) {
    let pools = problem.snapshot.node_pools();
    let unsupported = problem.variants.iter().filter(|variant| {
        let pool = &pools[variant.pool];
        !pool.unsupported.is_empty() && pool.weight >= weight
    });
    let demand = state.demand();
    for candidate in unsupported.flat_map(|variant| &problem.candidates[variant.candidates.clone()]) {
        for class in demand.iter().map(|(class, _)| *class).filter(|class| !state.refused[*class]).collect::<Vec<_>>() {
            if problem.allows(candidate, class, relaxed)
                && super::axis::fits(&problem.classes[class].need, problem.free(candidate))
            {
                state.refused[class] = true;
            }
        }
    }
}

/// Buys for what is left and fits, from `pools`.
pub(super) fn buy(problem: &Problem<'_>, state: &mut State, pools: &[bool], relaxed: bool, options: &Options<'_>) {
    let demand = state.demand();
    if demand.is_empty() {
        return;
    }
    let terms = Terms { pools, relaxed, measure: options.objective.into() };
    let market = Market::new(problem, &demand, terms, Some(&state.budget));
    if market.items.is_empty() {
        return;
    }
    if let Some(solution) = optimise(&market, state.steps, options) {
        state.steps = state.steps.saturating_sub(solution.steps);
        if within_limits(problem, state, &market, &solution.patterns) {
            // Machines that a limit rules out are not in the market, so the bound holds only where nothing is limited.
            let bounds_the_bill = options.objective == Objective::Cost && !limited(problem, pools);
            state.proven = state.proven.filter(|_| bounds_the_bill).map(|sum| sum.saturating_add(solution.lower_bound));
            state.proof.add(&market, &solution);
            commit(problem, state, &market, &solution.patterns);
            return;
        }
    }
    state.limits_bind = true;
    // The limits bind. What guides from here on is what no steps give, so that more steps do not lead elsewhere.
    let first = optimise(&market, 0, options);
    let mut values = vec![0.0; market.items.len()];
    #[allow(clippy::cast_precision_loss)]
    for (value, marginal) in values.iter_mut().zip(first.iter().flat_map(|solution| &solution.marginal)) {
        *value = *marginal as f64;
    }
    let patterns = Task { problem, market: &market, budget: &state.budget, values }.pack();
    state.proven = None;
    let whole = first.filter(|first| within_limits(problem, state, &market, &first.patterns));
    let cost = |patterns: &[Pattern]| {
        patterns.iter().map(|p| market.machines[p.bin].cost.saturating_mul(i64::from(p.uses))).sum::<i64>()
    };
    let placed =
        |patterns: &[Pattern]| patterns.iter().flat_map(|p| p.counts.iter().map(|(_, n)| u64::from(*n * p.uses))).sum::<u64>();
    match whole {
        Some(whole) if placed(&whole.patterns) > placed(&patterns) || whole.cost < cost(&patterns) => {
            commit(problem, state, &market, &whole.patterns);
        }
        _ => commit(problem, state, &market, &patterns),
    }
}

/// Whether any of `pools` has a limit.
fn limited(problem: &Problem<'_>, pools: &[bool]) -> bool {
    problem.snapshot.node_pools().iter().zip(pools).any(|(pool, open)| *open && !pool.limits.is_empty())
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

fn commit(problem: &Problem<'_>, state: &mut State, market: &Market, patterns: &[Pattern]) {
    for pattern in patterns {
        let mut load: Vec<(usize, u32)> =
            pattern.counts.iter().map(|(item, count)| (market.items[*item].class, *count)).collect();
        load.sort_unstable();
        let candidate = market.machines[pattern.bin].candidate;
        state.buy(problem, NewNode { candidate, load, copies: pattern.uses });
    }
}
