//! The numerical heart: how many bins of which kind hold given amounts of given shapes at the least cost, and how far from the least
//! the answer can be at most. It knows vectors of integers and nothing of Kubernetes.
//!
//! A *class* is a shape that occurs `demand` times; a *bin* is something that can be bought any number of times (an offering, or a
//! group of equal ones); a *pattern* is one filling of a bin. Rules such as "at most one of these per node" are further dimensions:
//! size 1 for the classes they bind, capacity 1 in every bin.
//!
//! ```text
//! components ─▶ exact, where tiny
//!            └▶ resource prices ─▶ greedy ─▶ column generation ─▶ dives ─▶ neighbourhoods ─▶ verified patterns
//!                     └────────────────────────────┴─▶ certified lower bound
//! ```
//!
//! Up to [`Effort::MAX_LP_CLASSES`] classes the cheapest mix of patterns comes from column generation (Gilmore and Gomory, 1961): a
//! linear program over patterns whose prices per class ask each bin for a better pattern, until none is left; then a dive to
//! integers. Beyond that, patterns are picked greedily by resource prices and polished by re-packing neighbourhoods.
//!
//! Floating point only ever proposes: patterns are checked and bounds proven in integers.

// Sizes and prices become f64 where the linear programs need them; f64 becomes integer only where the value is known to be in range
// or is clamped, and every result is verified in integers afterwards.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod bound;
mod column;
mod component;
mod dive;
mod dominance;
mod exact;
mod greedy;
mod instance;
mod knapsack;
mod merged;
mod meter;
mod neighbourhood;
mod packing;
mod places;
pub mod problem;
mod random;
mod search;
mod simplex;
mod sizes;

pub use problem::{Bin, Bound, Class, Effort, Pattern, Problem, ProblemError, Solution};

use meter::Meter;

/// Solves `problem`. The solution costs no more than `incumbent` (a complete solution, or nothing).
///
/// # Errors
/// Where the problem is malformed, a class fits no bin, or the incumbent breaks a rule.
pub fn minimise(problem: &Problem, incumbent: &[Pattern], effort: &Effort<'_>) -> Result<Solution, ProblemError> {
    problem.validate()?;
    let known = if incumbent.is_empty() { None } else { Some(problem.cost_of(incumbent)?) };
    let mut meter = Meter::new(effort);
    let mut solution = Solution {
        patterns: Vec::new(),
        cost: 0,
        lower_bound: 0,
        bound: Bound::Exhaustive,
        marginal: vec![0; problem.classes.len()],
        steps: 0,
        cut: false,
    };
    let parts = component::components(problem);
    let mut classes_left: usize = parts.iter().map(|(classes, _)| classes.len()).sum();
    for (classes, bins) in parts {
        let instance = instance::Instance::new(problem, &classes, &bins);
        // Each part gets steps by its share of the classes that are still to come.
        let mut own = meter.part(meter.left() / classes_left.max(1) as u64 * classes.len() as u64);
        classes_left -= classes.len();
        let found = search::run(&instance, effort.seed, &mut own);
        meter.merge(&own);
        solution.cut |= own.stopped();
        solution.lower_bound = solution.lower_bound.saturating_add(found.lower_bound);
        solution.bound = solution.bound.max(found.bound);
        for (class, price) in found.marginal.into_iter().enumerate() {
            solution.marginal[instance.class_origin(class)] = price;
        }
        solution.patterns.extend(found.packing.into_iter().map(|(filling, uses)| Pattern {
            bin: instance.bin_origin(filling.bin),
            counts: filling.counts.iter().map(|(class, count)| (instance.class_origin(*class as usize), *count)).collect(),
            uses,
        }));
    }
    solution.patterns.sort_unstable();
    solution.cost = problem.cost_of(&solution.patterns)?;
    if let Some(cost) = known.filter(|cost| *cost < solution.cost) {
        solution.patterns = incumbent.to_vec();
        solution.patterns.sort_unstable();
        solution.cost = cost;
    }
    solution.lower_bound = solution.lower_bound.min(solution.cost);
    solution.steps = meter.steps();
    Ok(solution)
}

/// How many bins are bought where they may be bought and filled by the fraction, rounded up; zero where `problem` is malformed.
pub fn fluid_bins(problem: &Problem) -> u64 {
    if problem.validate().is_err() {
        return 0;
    }
    let bins = |(classes, bins): (Vec<usize>, Vec<usize>)| bound::fluid_bins(&instance::Instance::new(problem, &classes, &bins));
    component::components(problem).into_iter().map(bins).sum()
}

#[cfg(test)]
mod tests;
