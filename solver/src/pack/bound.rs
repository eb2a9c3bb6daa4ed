//! The lower bounds of a plan: no way to put the same pods on new nodes, of whatever supported pool, costs less; neither by prices
//! alone nor with what is charged beyond them.

use super::axis::fits;
use super::market::{Market, Measure, Terms};
use super::problem::{Candidate, Problem, Row};
use super::reservation;
use super::standing::stands;
use super::state::State;
use super::tier::optimise;
use crate::{MicroUsd, NodePool, Options};
use std::collections::BTreeMap;

/// More comparisons than this to reuse the bounds of purchases cost more than proving a bound anew.
const MAX_COMPARISONS: usize = 20_000_000;

/// What was proven of a plan, or what a part of it costs.
pub(super) struct Bounds {
    /// Of the price.
    pub(super) price: MicroUsd,
    /// Of the price and what is charged beyond it.
    pub(super) charged: MicroUsd,
}

/// Proves bounds on what `state` buys. Takes steps where the purchases proved none. Where pods were dealt to domains, `undealt` is the
/// problem in which they may go anywhere: only what is proven there holds whatever is dealt.
pub(super) fn bounds(problem: &Problem<'_>, state: &mut State, undealt: Option<&Problem<'_>>, options: &Options<'_>) -> Bounds {
    let bought = state.bought_rows(problem);
    if bought.is_empty() {
        return Bounds { price: MicroUsd::ZERO, charged: MicroUsd::ZERO };
    }
    let pools: Vec<bool> = problem.snapshot.node_pools().iter().map(NodePool::is_launched_from).collect();
    // Where pods may go anywhere, so may those of a reservation that is done without.
    let free = undealt.unwrap_or(problem);
    let wanted = undealt.map_or_else(|| bought.clone(), |undealt| by_row(problem, state, &roots(undealt)));
    let less = |proven: i64, price: &dyn Fn(&Candidate) -> i64| {
        let saving =
            if reservation::any(free, &pools) { reservation::saving(free, &pools, &wanted, price) } else { Some(MicroUsd::ZERO) };
        saving.map_or(0, |saving| proven.saturating_sub(saving.0).max(0))
    };
    let charged = match state.proven {
        Some(proven) if undealt.is_none() && nowhere_else(problem, state, &bought) => proven,
        _ => anew(problem, state, undealt, Measure::Cost, options),
    };
    // Fewer nodes may be worth a higher price once nodes are charged for: what was minimised proves nothing of the price.
    let price = if options.charges.is_none() {
        charged
    } else {
        let method = state.proof.method;
        let marginal = state.proof.marginal.clone();
        let proven = anew(problem, state, undealt, Measure::Price, options);
        (state.proof.method, state.proof.marginal) = (method.max(state.proof.method), marginal);
        proven
    };
    Bounds { price: MicroUsd(less(price, &|one| one.least_price)), charged: MicroUsd(less(charged, &|one| one.cost)) }
}

/// Proves a bound by another search, which may use every pool.
fn anew(problem: &Problem<'_>, state: &mut State, undealt: Option<&Problem<'_>>, measure: Measure, options: &Options<'_>) -> i64 {
    let pools: Vec<bool> = problem.snapshot.node_pools().iter().map(NodePool::is_launched_from).collect();
    let free = undealt.unwrap_or(problem);
    let rows = roots(free);
    let bought = if undealt.is_some() { by_row(problem, state, &rows) } else { state.bought_rows(problem) };
    // Only the bound counts here: a share of the steps does.
    let terms = Terms { pools: &pools, relaxed: true, measure, any_values: true, reserved: false };
    let market = Market::new(free, &bought, terms, None);
    let solution = optimise(&market, options.given_steps() / 8, options);
    state.steps = state.steps.saturating_sub(solution.as_ref().map_or(0, |solution| solution.steps));
    state.proof.method = None;
    let Some(solution) = solution else { return 0 };
    if undealt.is_none() {
        state.proof.add(&market, &solution);
        return solution.lower_bound;
    }
    state.proof.method = Some(solution.bound);
    let prices: BTreeMap<usize, i64> = market.items.iter().map(|item| item.row).zip(solution.marginal.iter().copied()).collect();
    for class in &problem.classes {
        let price = rows.get(&class.root).and_then(|row| prices.get(row));
        state.proof.marginal[class.row] = price.copied().unwrap_or(0);
    }
    solution.lower_bound
}

/// The row of each class, by where the class comes from.
fn roots(problem: &Problem<'_>) -> BTreeMap<usize, usize> {
    problem.classes.iter().map(|class| (class.root, class.row)).collect()
}

/// What is bought, by the rows of the problem in which nothing is dealt.
fn by_row(problem: &Problem<'_>, state: &State, rows: &BTreeMap<usize, usize>) -> Vec<(usize, u32)> {
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for (class, count) in state.bought(problem) {
        if let Some(row) = rows.get(&problem.classes[class].root) {
            *counts.entry(*row).or_default() += count;
        }
    }
    counts.into_iter().collect()
}

/// Whether each class was bought for where alone it can go, so that bounds of single purchases are bounds of all plans.
fn nowhere_else(problem: &Problem<'_>, state: &State, bought: &[(usize, u32)]) -> bool {
    let pools = problem.snapshot.node_pools();
    let weight = |candidate: usize| pools[problem.pool(&problem.candidates[candidate])].weight;
    if pools.iter().all(|pool| pool.weight == pools[0].weight) && problem.candidates.iter().all(|c| c.strict == c.relaxed) {
        return true;
    }
    if problem.candidates.len().saturating_mul(bought.len()) > MAX_COMPARISONS {
        return false;
    }
    let mut weights: Vec<Option<i32>> = vec![None; problem.rows.len()];
    for node in state.nodes.iter().filter(|node| !stands(problem, node)) {
        for (class, _) in &node.load {
            weights[problem.classes[*class].row] = Some(weight(node.candidate));
        }
    }
    (0..problem.candidates.len()).filter(|index| pools[problem.pool(&problem.candidates[*index])].is_launched_from()).all(
        |index| {
            let candidate = &problem.candidates[index];
            bought.iter().all(|(row, _)| {
                let Row { signature, need, .. } = &problem.rows[*row];
                let home = weights[*row] == Some(weight(index)) && problem.admits(candidate, *signature, false);
                home || !problem.admits(candidate, *signature, true) || !fits(need, problem.free(candidate))
            })
        },
    )
}
