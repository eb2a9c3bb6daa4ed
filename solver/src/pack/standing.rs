//! Static pools: nodes that are kept whatever pods there are.

use super::alternatives::bought;
use super::bound::Bounds;
use super::existing::fill_bought;
use super::problem::Problem;
use super::state::{NewNode, State};
use crate::{MicroUsd, NodePool};

/// How many nodes the pool lacks; none for a pool whose nodes follow pods.
fn missing(pool: &NodePool) -> u32 {
    let Some(replicas) = pool.replicas else { return 0 };
    let nodes = |amount: i64| u32::try_from(amount.max(0)).unwrap_or(u32::MAX);
    let limit = pool.limits.iter().find(|(name, _)| name.as_str() == crate::ResourceName::NODES).map(|(_, limit)| nodes(*limit));
    replicas.min(limit.unwrap_or(replicas)).saturating_sub(nodes(pool.usage.get(crate::ResourceName::NODES)))
}

/// Launches what static pools lack, each the cheapest node that the pool allows: before pods are placed, so that they find the room.
pub(super) fn launch(problem: &Problem<'_>, state: &mut State) {
    for (index, pool) in problem.snapshot.node_pools().iter().enumerate().filter(|(_, pool)| pool.unsupported.is_empty()) {
        let variants = problem.variants.iter().filter(|variant| variant.pool == index);
        let candidates = variants.flat_map(|variant| variant.packed.clone());
        let mut candidates: Vec<usize> = candidates.collect();
        candidates.sort_by_key(|candidate| (problem.candidates[*candidate].cost, *candidate));
        let mut left = missing(pool);
        for candidate in candidates {
            let copies = state.budget.affords(problem, &problem.candidates[candidate], left);
            if copies > 0 {
                state.buy(problem, NewNode { candidate, load: Vec::new(), copies });
                left -= copies;
            }
        }
    }
}

/// Places pods on them. What was proven of purchases is not about these pods.
pub(super) fn fill(problem: &Problem<'_>, state: &mut State, relaxed: bool) {
    let (standing, others) = std::mem::take(&mut state.nodes).into_iter().partition(|node| stands(problem, node));
    let proven = state.proven;
    state.nodes = standing;
    fill_bought(problem, state, relaxed);
    state.proven = proven;
    state.nodes.extend::<Vec<NewNode>>(others);
}

/// What they cost.
pub(super) fn bill(problem: &Problem<'_>, state: &State) -> Bounds {
    let mut sum = Bounds { price: MicroUsd::ZERO, charged: MicroUsd::ZERO };
    for node in state.nodes.iter().filter(|node| stands(problem, node)) {
        let candidate = &problem.candidates[bought(problem, node)];
        sum.price = sum.price.plus(MicroUsd(candidate.price).times(i64::from(node.copies)));
        sum.charged = sum.charged.plus(MicroUsd(candidate.cost).times(i64::from(node.copies)));
    }
    sum
}

/// Whether a node stands whatever pods there are.
pub(super) fn stands(problem: &Problem<'_>, node: &NewNode) -> bool {
    problem.snapshot.node_pools()[problem.pool(&problem.candidates[node.candidate])].replicas.is_some()
}
