//! Slots: further resources of a new node that stand for rules about pods on one host, so that the optimiser and its bound see them.
//!
//! | rule | slots of a node | its owners take | other pods that it selects take |
//! |---|---|---|---|
//! | anti-affinity, or spread of `maxSkew` 1, of pods that it selects themselves | one more than there are others | all | one |
//! | wider spread of pods that it selects themselves | `maxSkew` | one | - |
//!
//! Every valid node keeps them, so a bound with slots is a bound. Each makes the optimiser's work wider, so where rules are many only
//! those become slots that press: rules that alone need about as many nodes as are bought without them. The others are left to the
//! seating.

use super::host::{Kind, Link};
use super::market::{Market, Measure, Terms};
use super::problem::Problem;
use super::row::arrange;
use crate::{NodePool, optimize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// So few rules, and so few rows with them, are all made slots.
const FEW_RULES: usize = 6;
const FEW_ROWS: usize = 40;

/// The most slots otherwise.
const MOST: usize = 12;

/// A rule as a resource.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    rule: u32,
    kind: Kind,
    /// How many a node has.
    pub(super) count: i64,
    /// Hosts that the rule needs at least.
    hosts: u64,
}

impl Slot {
    /// Whether a node that keeps its slots keeps the rule that `link` is about.
    pub(super) fn covers(&self, link: Link) -> bool {
        self.rule == link.rule && link.selected && (link.owner || self.count > 1 && !matches!(self.kind, Kind::Spread(2..)))
    }

    /// How many a pod with these links takes.
    pub(super) fn takes(&self, links: &[Link]) -> i64 {
        let Ok(at) = links.binary_search_by_key(&self.rule, |link| link.rule) else { return 0 };
        match (links[at].selected, links[at].owner, self.kind) {
            (true, true, Kind::Spread(skew)) if skew > 1 => 1,
            (true, true, _) => self.count,
            (true, false, Kind::Apart | Kind::Spread(1)) => 1,
            _ => 0,
        }
    }
}

/// Gives the rows of `problem` the slots that are worth it.
pub(super) fn choose(problem: &mut Problem<'_>) {
    let demand = problem.to_buy_for();
    let mut slots = candidates(problem, &demand);
    if slots.is_empty() {
        return;
    }
    slots.sort_by_key(|slot| (Reverse(slot.hosts), slot.rule));
    if slots.len() <= FEW_RULES {
        arrange(problem, &slots);
        if problem.rows.len() <= FEW_ROWS {
            return;
        }
        arrange(problem, &[]);
    }
    let nodes = nodes_without(problem, &demand).max(slots[0].hosts);
    slots.retain(|slot| slot.hosts * 2 >= nodes);
    slots.truncate(MOST);
    arrange(problem, &slots);
}

/// Rules that bound pods of several rows, each as a slot.
fn candidates(problem: &Problem<'_>, demand: &[(usize, u32)]) -> Vec<Slot> {
    let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
    for (row, _) in demand {
        for class in &problem.rows[*row].classes {
            let pods = problem.classes[*class].pods.len() as u64;
            for link in problem.links(*class).iter().filter(|link| link.selected && link.kind != Kind::With) {
                let seen = seen.entry(link.rule).or_insert(Seen { kind: link.kind, owners: 0, others: 0, rows: 0, last: None });
                *(if link.owner { &mut seen.owners } else { &mut seen.others }) += pods;
                if link.owner && seen.last != Some(*row) {
                    seen.last = Some(*row);
                    seen.rows += 1;
                }
            }
        }
    }
    let slot = |(rule, seen): (u32, Seen)| {
        let each = if let Kind::Spread(skew) = seen.kind { u64::from(skew.max(1)) } else { 1 };
        let count = if each > 1 { each } else { seen.others + 1 };
        // What one row alone is bound by, the market knows without a slot.
        let binds = seen.owners > each && seen.rows > 1 || each == 1 && seen.owners > 0 && seen.others > 0;
        let count = i64::try_from(count).ok().filter(|_| binds)?;
        Some(Slot { rule, kind: seen.kind, count, hosts: seen.owners.div_ceil(each) })
    };
    seen.into_iter().filter_map(slot).collect()
}

/// Pods that a rule is about.
struct Seen {
    kind: Kind,
    owners: u64,
    others: u64,
    /// Rows with owners.
    rows: u32,
    last: Option<usize>,
}

/// How many nodes would do without slots, of the largest that are as cheap as any.
fn nodes_without(problem: &Problem<'_>, demand: &[(usize, u32)]) -> u64 {
    let pools: Vec<bool> = problem.snapshot.node_pools().iter().map(NodePool::is_launched_from).collect();
    let market = Market::new(
        problem,
        demand,
        Terms { pools: &pools, relaxed: true, measure: Measure::Cost, any_values: true, reserved: false },
        None,
    );
    optimize::fluid_bins(&market.to_problem())
}
