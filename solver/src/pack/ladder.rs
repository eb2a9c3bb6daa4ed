//! How steps are spent where one search does not decide alone.
//!
//! A search that is longer may end on machines that a limit rules out, or leave less room for pods that are placed after it, and the
//! whole may cost more than with a shorter search. So the steps that are tried are rungs of one ladder, whatever the caller gives, and
//! the best plan of all rungs within reach counts: who gives more steps reaches the same rungs and more.

use super::joining;
use super::problem::Problem;
use super::state::State;
use super::tier;
use crate::{Objective, Options};
use std::cmp::Reverse;

/// The lowest rung above zero. With it the rungs add up to a little less than the default steps of a small snapshot.
const FIRST: u64 = 36;

/// With no more pods than this and rules about hosts, every rung counts.
const FEW_PODS: usize = 200;

/// So often those who are left out go first.
const ROUNDS: u32 = 12;

/// Each rung is this many times the one below: three quarters of all steps go to the highest.
const FACTOR: u64 = 4;

/// Places the pods. Where some of few are left without a place, half of the steps are for them going first.
pub(super) fn settle(problem: &Problem<'_>, options: &Options<'_>) -> State {
    let calm = vec![0; problem.classes.len()];
    let few = problem.snapshot.pods().len() <= FEW_PODS;
    let Some(urgency) = few.then(|| insist(problem, options)).flatten() else { return climb(problem, &calm, options) };
    let half = options.given_steps() / 2;
    let options = &Options { steps: Some(half), ..*options };
    let (calm, urgent) = (climb(problem, &calm, options), climb(problem, &urgency, options));
    let steps = calm.steps + urgent.steps;
    State { steps, ..better(problem, urgent, Some(calm), options.objective) }
}

/// One try with so many steps.
fn attempt(problem: &Problem<'_>, steps: u64, urgency: &[u32], options: &Options<'_>) -> State {
    let mut state = State::new(problem, steps);
    state.urgency = urgency.to_vec();
    super::place(problem, &mut state, options);
    state
}

/// Classes with pods that found no place, though some may have one.
fn stranded(problem: &Problem<'_>, state: &State) -> Vec<usize> {
    (0..problem.classes.len()).filter(|class| state.is_open(*class) && !joining::is_hopeless(problem, *class)).collect()
}

/// Lets those who found no place go first, again and again, and says what urgency left out the fewest, without search; `None` where it
/// is none. What the greedy choices of others took is so given to whom it means most (squeaky wheel optimisation; Joslin and Clements,
/// 1999).
fn insist(problem: &Problem<'_>, options: &Options<'_>) -> Option<Vec<u32>> {
    let mut urgency = vec![0; problem.classes.len()];
    let start = attempt(problem, 0, &urgency, options);
    let mut next = stranded(problem, &start);
    if next.is_empty() {
        return None;
    }
    let mut best = (merit(problem, &start, options.objective), None);
    for round in 1..=ROUNDS {
        for class in &next {
            urgency[*class] = round;
        }
        let state = attempt(problem, 0, &urgency, options);
        let merit = merit(problem, &state, options.objective);
        if merit.0 < best.0.0 {
            best = (merit, Some(urgency.clone()));
        }
        next = stranded(problem, &state);
        if next.is_empty() || options.cancelled.is_some_and(|cancelled| cancelled()) {
            break;
        }
    }
    best.1
}

/// The best of the rungs that the steps reach.
fn climb(problem: &Problem<'_>, urgency: &[u32], options: &Options<'_>) -> State {
    let attempt = |steps| attempt(problem, steps, urgency, options);
    // Pools of one weight and nothing to relax: all is bought at once.
    let at_once = tier::tiers(problem).len() <= 1 && problem.candidates.iter().all(|one| one.strict == one.relaxed);
    let unlimited = problem.snapshot.node_pools().iter().all(|pool| pool.limits.is_empty());
    // Where seats are few, a plan that missed some may by chance have mended to a better one.
    let ruled = |class: usize| !problem.links(class).is_empty() && !joining::is_hopeless(problem, class);
    let many = problem.snapshot.pods().len() > FEW_PODS || !(0..problem.classes.len()).any(ruled);
    if at_once && unlimited && many {
        return attempt(options.given_steps());
    }
    let mut best: Option<State> = None;
    let mut used = 0;
    for steps in rungs(options.given_steps()).into_iter().rev() {
        let next = attempt(steps);
        used += steps - next.steps;
        let lost = (0..problem.classes.len()).all(|class| !next.is_open(class) || joining::is_hopeless(problem, class));
        let closed = lost && next.proven == Some(next.cost(problem).0);
        let decided = at_once && !next.limits_bind && (many || (!next.short && closed));
        best = Some(better(problem, next, best, options.objective));
        // Lower rungs search for the same with less.
        let cut = options.cancelled.is_some_and(|cancelled| cancelled());
        if let Some(mut best) = best.take_if(|_| decided || cut) {
            best.steps = options.given_steps() - used;
            return best;
        }
    }
    let mut best = better(problem, attempt(0), best, options.objective);
    best.steps = options.given_steps() - used;
    best
}

/// The better of two plans; of equal ones that with more search behind it, since its bound is sharper.
fn better(problem: &Problem<'_>, lower: State, higher: Option<State>, objective: Objective) -> State {
    match higher {
        Some(higher) if merit(problem, &higher, objective) <= merit(problem, &lower, objective) => higher,
        _ => lower,
    }
}

/// The rungs that `steps` pay for together, lowest first.
fn rungs(steps: u64) -> Vec<u64> {
    let mut rungs = Vec::new();
    let (mut rung, mut left) = (FIRST, steps);
    while rung <= left {
        rungs.push(rung);
        left -= rung;
        rung = rung.saturating_mul(FACTOR);
    }
    rungs
}

/// Less is better: pods without a place by priority, highest first; then what the objective asks for.
fn merit(problem: &Problem<'_>, state: &State, objective: Objective) -> (Vec<(Reverse<i32>, u32)>, i64, i64) {
    let mut left: Vec<(Reverse<i32>, u32)> = Vec::new();
    for (class, count) in problem.classes.iter().zip(&state.left) {
        let priority = Reverse(class.shape.priority);
        match left.last_mut() {
            Some((known, sum)) if *known == priority => *sum += count,
            _ => left.push((priority, *count)),
        }
    }
    let nodes = state.nodes.iter().map(|node| i64::from(node.copies)).fold(0, i64::saturating_add);
    let cost = state.cost(problem).0;
    match objective {
        Objective::Cost => (left, cost, nodes),
        Objective::Nodes => (left, nodes, cost),
    }
}

#[cfg(test)]
mod tests {
    use super::rungs;
    use crate::Options;

    #[test]
    fn more_steps_reach_the_same_rungs_and_more() {
        assert_eq!(rungs(35), [0; 0]);
        assert_eq!(rungs(179), [36]);
        assert_eq!(rungs(180), [36, 144]);
        let default = rungs(Options::default_steps(200));
        assert!(default.iter().sum::<u64>() * 10 >= Options::default_steps(200) * 9, "{default:?}");
        assert!(rungs(u64::MAX).iter().fold(0_u64, |sum, rung| sum.checked_add(*rung).unwrap()) > u64::MAX / 8);
    }
}
