//! One snapshot, solved by Windlass and by Karpenter's algorithm in this process.

use super::clock::timed;
use std::hint::black_box;
use std::time::Duration;
use windlass_solver::baseline::karpenter;
use windlass_solver::plan::Certificate;
use windlass_solver::{MicroUsd, Options, Plan, Snapshot, Status, Summary, check, solve};

/// Runs of which the median counts, unless they take longer than [`PATIENCE`] together.
const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(4);

/// What a plan costs, and what it cost to make.
pub(crate) struct Side {
    pub(crate) nodes: usize,
    pub(crate) cost: MicroUsd,
    pub(crate) unplaced: usize,
    pub(crate) time: Duration,
    /// Most bytes on the heap at once beyond the snapshot's.
    pub(crate) peak: u64,
    /// Allocations.
    pub(crate) allocations: u64,
}

/// Both on one workload.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) pods: usize,
    pub(crate) bound: MicroUsd,
    pub(crate) ours: Side,
    pub(crate) karpenter: Side,
}

impl Row {
    /// Whether both place the same number of pods, so that their bills compare.
    pub(crate) const fn compares(&self) -> bool {
        self.ours.unplaced == self.karpenter.unplaced
    }

    /// Our cost, in percent above the bound.
    pub(crate) fn gap(&self) -> f64 {
        percent_over(self.ours.cost, self.bound)
    }

    /// Our cost, in percent above Karpenter's; below zero where we save.
    pub(crate) fn difference(&self) -> f64 {
        percent_over(self.ours.cost, self.karpenter.cost)
    }
}

/// By how many percent `a` exceeds `b`.
pub(crate) fn percent_over(a: MicroUsd, b: MicroUsd) -> f64 {
    if b == MicroUsd::ZERO { 0.0 } else { 100.0 * (a.dollars() / b.dollars() - 1.0) }
}

/// A plan of nothing: the baseline takes a lower bound over from ours, and where none is needed this will do.
pub(crate) fn blank() -> Plan {
    let summary = Summary {
        pods: 0,
        placed: 0,
        hourly_cost: MicroUsd::ZERO,
        lower_bound: MicroUsd::ZERO,
        charged: None,
        status: Status::Feasible,
        steps: 0,
    };
    Plan {
        summary,
        nodes: Vec::new(),
        existing_nodes: Vec::new(),
        unschedulable: Vec::new(),
        certificate: Certificate::default(),
        dropped: Vec::new(),
    }
}

fn side(run: impl Fn() -> Plan) -> (Plan, Side) {
    let mut plan = None;
    let memory = allocation_counter::measure(|| plan = Some(run()));
    let plan = plan.unwrap();
    let mut times: Vec<Duration> = Vec::new();
    while times.len() < RUNS && times.iter().sum::<Duration>() < PATIENCE {
        times.push(timed(|| black_box(run())).1);
    }
    times.sort();
    let side = Side {
        nodes: plan.nodes.len(),
        cost: plan.summary.hourly_cost,
        unplaced: plan.unschedulable.len(),
        time: times[times.len() / 2],
        peak: memory.bytes_max,
        allocations: memory.count_total,
    };
    (plan, side)
}

/// Measures a workload. Our plan must be valid.
pub(crate) fn row(name: &str, snapshot: &Snapshot, options: &Options<'_>) -> Row {
    let (plan, ours) = side(|| solve(snapshot, options));
    let violations = check(snapshot, &plan);
    assert!(violations.is_empty(), "{name}: {violations:?}");
    let (_, karpenter) = side(|| karpenter(snapshot, &plan, options.preferences));
    Row { name: name.to_owned(), pods: snapshot.pods().len(), bound: plan.summary.lower_bound, ours, karpenter }
}
