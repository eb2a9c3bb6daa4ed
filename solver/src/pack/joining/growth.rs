//! Larger machines for nodes that are to be bought anyway.

use super::super::axis::{take, times};
use super::super::existing::{rest, with};
use super::super::problem::{Candidate, Problem};
use super::super::state::{NewNode, State};

/// An exchange: which node for which candidate, and for how many pods more.
struct Exchange {
    /// What each pod adds to the price, in thousandths of a micro dollar.
    each: i128,
    node: usize,
    candidate: usize,
    count: u32,
}

/// Makes the exchange that costs least for each pod of `class` that it gives a place to. Whether there is one.
pub(super) fn grow_for(problem: &Problem<'_>, state: &mut State, class: usize, pools: &[bool], relaxed: bool) -> bool {
    let exchanges = (0..state.nodes.len()).filter_map(|node| exchange(problem, state, (node, class), pools, relaxed));
    let Some(best) = exchanges.min_by_key(|one| (one.each, one.node, one.candidate)) else { return false };
    let old = &mut state.nodes[best.node];
    let load = with(&old.load, class, best.count);
    let candidate = &problem.candidates[old.candidate];
    old.copies -= 1;
    state.budget.spend(problem, candidate, -1);
    state.budget.spend(problem, &problem.candidates[best.candidate], 1);
    state.left[class] -= best.count;
    if state.nodes[best.node].copies == 0 {
        state.nodes.remove(best.node);
    }
    state.nodes.push(NewNode { candidate: best.candidate, load, copies: 1 });
    state.proven = None;
    true
}

fn exchange(
    problem: &Problem<'_>,
    state: &State,
    (index, class): (usize, usize),
    pools: &[bool],
    relaxed: bool,
) -> Option<Exchange> {
    let node = &state.nodes[index];
    let own = &problem.candidates[node.candidate];
    let need = &problem.classes[class].need;
    let links = problem.links(class);
    let (_, host) = rest(problem, node);
    if host.room(links, 1) == 0 {
        return None;
    }
    let mut budget = state.budget.clone();
    budget.spend(problem, own, -1);
    let holds = |candidate: &Candidate| -> u32 {
        let Some(host) = problem.host(candidate, &node.load) else { return 0 };
        let mut room: Vec<i64> = problem.free(candidate).to_vec();
        for (other, count) in &node.load {
            take(&mut room, &problem.classes[*other].need, *count);
        }
        if room.iter().any(|room| *room < 0) { 0 } else { host.room(links, times(need, &room, state.left[class])) }
    };
    let open = problem.variants.iter().filter(|variant| pools[variant.pool] && variant.pool == problem.pool(own));
    open.flat_map(|variant| variant.packed.clone())
        .filter_map(|candidate| {
            let larger = &problem.candidates[candidate];
            let allowed = problem.allows(larger, class, relaxed)
                && node.load.iter().all(|(other, _)| problem.allows(larger, *other, relaxed));
            let count = if allowed { holds(larger) } else { 0 };
            let each = i128::from(larger.cost - own.cost) * 1000 / i128::from(count.max(1));
            (count > 0 && budget.affords(problem, larger, 1) == 1).then_some(Exchange { each, node: index, candidate, count })
        })
        .min_by_key(|one| (one.each, one.candidate))
}
