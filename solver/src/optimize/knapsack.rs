//! The most valuable filling of one bin: a bounded knapsack with several dimensions.
//!
//! `relaxation` gives resource prices at which the bin's capacity is worth least (the optimum of the linear relaxation), `fill`
//! rounds it in several ways, `search` looks for more by counted branch and bound and says when there is none.

mod fill;
mod relaxation;
mod search;

pub(super) use relaxation::{Relaxation, relax, relax_within, worth};
pub(super) use search::{Fine, Goal, best_filling};

use super::instance::{Counts, Instance};

/// A filling and what it is worth.
#[derive(Debug, Clone, Default)]
pub(super) struct Valued {
    pub(super) value: f64,
    pub(super) counts: Counts,
    /// What a search has shown that nothing is worth more than; `None` where it did not get that far.
    pub(super) ceiling: Option<f64>,
}

/// How hard a search for a filling tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Depth {
    /// Search nodes.
    pub(super) nodes: u64,
    /// Gains below this share of the bin's price are not looked for: the many ways to use the last bit of room cost most of a search.
    pub(super) slack: f64,
}

/// The best filling of `bin` at `values` that rounding and a search find, and the relaxation it came from. `at_least` is what a filling
/// must be worth for the search to be of any use.
pub(super) fn fill(
    instance: &Instance,
    bin: usize,
    values: &[f64],
    relaxed: &Relaxation,
    depth: Depth,
    at_least: f64,
) -> (Valued, u64) {
    let mut best = fill::round(instance, bin, values, relaxed);
    if depth.nodes == 0 || best.value >= relaxed.bound * (1.0 - 1e-4) || relaxed.bound <= at_least {
        return (best, 1);
    }
    let fine = search::Fine::of(instance);
    let prices: Vec<i64> = values.iter().map(|value| fine.down(*value)).collect();
    let slack = fine.down(depth.slack * instance.cost(bin));
    let goal = Goal { above: fine.down(best.value.max(at_least)), slack, nodes: depth.nodes };
    let found = best_filling(instance, bin, &prices, &relaxed.prices, goal);
    if !found.counts.is_empty() {
        best = Valued { value: worth(&found.counts, values), counts: found.counts, ceiling: None };
    }
    best.ceiling = found.complete.then(|| best.value.max(at_least) + depth.slack * instance.cost(bin));
    (best, 1 + found.nodes / 8)
}

#[cfg(test)]
mod tests;
