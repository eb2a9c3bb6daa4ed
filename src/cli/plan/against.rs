//! `--against`: our bill beside that of another algorithm on the same input.

use super::report::{Report, hourly, mark, monthly};
use crate::cli::grid::Align::{Left, Right};
use crate::cli::grid::Grid;
use std::collections::BTreeMap;
use windlass_solver::{CapacityType, MicroUsd, Plan, PreferencePolicy, Snapshot, Violation, baseline, check};

/// An algorithm that plans are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// The algorithm that Karpenter documents: first fit on a set of instance types, the cheapest of which is bought at the end
    Karpenter,
}

impl Peer {
    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Karpenter => "Karpenter",
        }
    }

    /// In JSON, and on the command line.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Karpenter => "karpenter",
        }
    }
}

/// The other plan.
#[derive(Debug)]
pub(crate) struct Against {
    /// Whose it is.
    pub peer: Peer,
    /// What it is.
    pub plan: Plan,
    /// Rules about other pods that it breaks once all pods are there: the algorithm does not look back.
    pub broken: usize,
    /// What else is wrong with it, which is a fault of ours.
    pub faults: Vec<Violation>,
}

impl Against {
    /// What `peer` makes of the snapshot that `plan` is for.
    pub(crate) fn of(peer: Peer, snapshot: &Snapshot, plan: &Plan, preferences: PreferencePolicy) -> Self {
        let plan = match peer {
            Peer::Karpenter => baseline::karpenter(snapshot, plan, preferences),
        };
        // It knows nothing of these rules.
        let judged = snapshot.clone().with_spot_min_types(1).with_spot_pool_share(100);
        let (broken, faults): (Vec<_>, Vec<_>) = check(&judged, &plan).into_iter().partition(Violation::is_about_other_pods);
        Self { peer, plan, broken: broken.len(), faults }
    }
}

/// Nodes and their price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bill {
    pub nodes: usize,
    pub cost: MicroUsd,
}

/// The bills of two plans.
#[derive(Debug)]
pub(crate) struct Bills {
    /// Ours and the other by capacity type.
    pub by_capacity: BTreeMap<CapacityType, [Bill; 2]>,
    /// Ours and the other in total.
    pub total: [Bill; 2],
    /// Whether both have a place for the same pods.
    pub same_pods: bool,
}

impl Bills {
    /// Adds them up.
    pub(crate) fn of(ours: &Plan, other: &Plan) -> Self {
        let mut by_capacity: BTreeMap<CapacityType, [Bill; 2]> = BTreeMap::new();
        let mut total = [Bill::default(); 2];
        for (side, plan) in [ours, other].into_iter().enumerate() {
            for node in &plan.nodes {
                for bill in [&mut by_capacity.entry(node.offering.capacity_type).or_default()[side], &mut total[side]] {
                    bill.nodes += 1;
                    bill.cost = bill.cost.plus(node.offering.price);
                }
            }
        }
        let refused = |plan: &Plan| plan.unschedulable.iter().map(|entry| entry.pod.clone()).collect::<Vec<_>>();
        Self { by_capacity, total, same_pods: refused(ours) == refused(other) }
    }

    /// What we save, per hour; below zero where we cost more.
    pub(crate) const fn saving(&self) -> MicroUsd {
        MicroUsd(self.total[1].cost.0 - self.total[0].cost.0)
    }

    /// What we save, in tenths of a percent of the other bill, rounded down: a saving is never shown larger than it is.
    pub(crate) fn saving_permille(&self) -> i64 {
        let other = i128::from(self.total[1].cost.0);
        if other <= 0 { 0 } else { i64::try_from((i128::from(self.saving().0) * 1000).div_euclid(other)).unwrap_or(i64::MIN) }
    }
}

/// A row for each capacity type and one for the total.
pub(super) fn grid(report: &Report<'_>, against: &Against) -> Grid {
    let bills = Bills::of(report.plan, &against.plan);
    let name = against.peer.name();
    let theirs = [format!("{name} nodes"), format!("{name} $/h"), format!("{name} $/month")];
    let columns = [("Capacity", Left), ("Nodes", Right), ("$/h", Right), ("$/month", Right)];
    let mut grid = Grid::new(columns.into_iter().chain(theirs.iter().map(|header| (header.as_str(), Right))));
    let mut row = |name: &str, both: [Bill; 2], estimated: bool| {
        let cells =
            both.map(|bill| [bill.nodes.to_string(), mark(hourly(bill.cost), estimated), mark(monthly(bill.cost), estimated)]);
        grid.row([name.to_owned()].into_iter().chain(cells.into_iter().flatten()));
    };
    let mut any = false;
    for (capacity_type, both) in &bills.by_capacity {
        let estimated = report.estimated(*capacity_type);
        any |= estimated;
        row(capacity_type.as_str(), *both, estimated);
    }
    row("all", bills.total, any);
    grid
}

/// Who pays less, or why that cannot be said.
pub(super) fn verdict(report: &Report<'_>, against: &Against) -> String {
    let (name, bills) = (against.peer.name(), Bills::of(report.plan, &against.plan));
    let (ours, theirs) = (report.plan.summary.placed, against.plan.summary.placed);
    if !bills.same_pods {
        return format!(
            "Windlass has a place for {ours} pods and {name} for {theirs}, not all the same: the bills do not compare."
        );
    }
    let (saving, permille) = (bills.saving(), bills.saving_permille());
    let size = MicroUsd(saving.0.abs());
    let amount = format!("{}.{}%, ${}/h, ${}/month", permille.abs() / 10, permille.abs() % 10, hourly(size), monthly(size));
    let bill = match saving.0.signum() {
        0 => format!("Windlass and {name} cost the same."),
        1 => format!("Windlass saves {amount}."),
        _ => format!("Windlass costs more: {amount}."),
    };
    let rules = if against.broken == 1 { "rule" } else { "rules" };
    match against.broken {
        0 => bill,
        broken => format!("{bill} {name}'s plan breaks {broken} {rules} about other pods, because it asks them only once."),
    }
}
