//! The lower bound of a plan: no way to put the same pods on new nodes, of whatever supported pool, costs less.

use super::axis::fits;
use super::market::{Market, Terms};
use super::problem::Problem;
use super::state::State;
use super::tier::optimise;
use crate::{MicroUsd, Objective, Options};

/// More comparisons than this to reuse the bounds of purchases cost more than proving a bound anew.
const MAX_COMPARISONS: usize = 20_000_000;

/// Proves a bound on what `state` buys, whose bill is `cost`. Takes steps where the purchases proved none.
pub(super) fn lower_bound(problem: &Problem<'_>, state: &mut State, cost: MicroUsd, options: &Options<'_>) -> MicroUsd {
    let bought = state.bought();
    if bought.is_empty() {
        return MicroUsd::ZERO;
    }
    let proven = match state.proven {
        Some(proven) if nowhere_else(problem, state, &bought) => proven,
        _ => {
            let pools: Vec<bool> = problem.snapshot.node_pools().iter().map(|pool| pool.unsupported.is_empty()).collect();
            let terms = Terms { pools: &pools, relaxed: true, objective: Objective::Cost };
            // Only the bound counts here: a share of the steps does.
            let market = Market::new(problem, &bought, terms, None);
            let solution = optimise(&market, options.steps / 4, options);
            state.steps = state.steps.saturating_sub(solution.as_ref().map_or(0, |solution| solution.steps));
            state.proof.method = None;
            solution.map_or(0, |solution| {
                state.proof.add(&market, &solution);
                solution.lower_bound
            })
        }
    };
    MicroUsd(proven).min(cost)
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
    let mut weights: Vec<Option<i32>> = vec![None; problem.classes.len()];
    for node in &state.nodes {
        for (class, _) in &node.load {
            weights[*class] = Some(weight(node.candidate));
        }
    }
    (0..problem.candidates.len()).filter(|index| pools[problem.pool(&problem.candidates[*index])].unsupported.is_empty()).all(
        |index| {
            let candidate = &problem.candidates[index];
            bought.iter().all(|(class, _)| {
                let home = weights[*class] == Some(weight(index)) && problem.allows(candidate, *class, false);
                home || !problem.allows(candidate, *class, true) || !fits(&problem.classes[*class].need, problem.free(candidate))
            })
        },
    )
}
