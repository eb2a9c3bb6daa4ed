//! Packing within limits: again and again the machine that holds the most value for what it costs, as long as its pool may grow.
//!
//! It gives the first plan, and the only one where limits are too tight for everything: then higher priorities go first, and several
//! tries that weigh money against scarce capacity differently compete on how many pods they place.

use super::axis::{take, times};
use super::budget::Budget;
use super::fill::{Load, Orders, fill};
use super::market::Market;
use super::problem::Problem;
use crate::optimize::Pattern;
use std::cmp::Reverse;

/// What a try weighs how.
#[derive(Debug, Clone, Copy)]
struct Taste {
    /// Share of scarce capacity, as against money, in what a machine costs: 0 to 1.
    thrift: f64,
    /// Whether every pod counts the same; otherwise by what it takes.
    heads: bool,
}

/// In the order in which they are tried; the first that is best wins.
const TASTES: [Taste; 5] = [
    Taste { thrift: 0.0, heads: false },
    Taste { thrift: 0.5, heads: false },
    Taste { thrift: 1.0, heads: false },
    Taste { thrift: 0.5, heads: true },
    Taste { thrift: 1.0, heads: true },
];

/// Nodes bought by a try.
#[derive(Debug, Clone)]
struct Try {
    /// Machine, room left, load.
    nodes: Vec<Bought>,
    /// What each item still lacks.
    left: Vec<u32>,
    budget: Budget,
}

#[derive(Debug, Clone)]
struct Bought {
    machine: usize,
    room: Vec<i64>,
    load: Vec<u32>,
}

/// A task: what to place, from what, within what.
pub(super) struct Task<'a> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) market: &'a Market,
    pub(super) budget: &'a Budget,
    /// What a pod of each item is worth; all zero where nobody knows yet.
    pub(super) values: Vec<f64>,
    /// Items of a higher urgency go first, whatever their priority.
    pub(super) urgency: Vec<u32>,
}

impl Task<'_> {
    /// The best of several tries: most pods placed by priority, then the least cost, then the fewest nodes.
    pub(super) fn pack(&self) -> Vec<Pattern> {
        let levels = self.levels();
        let mut tries: Vec<Try> = Vec::new();
        if levels.len() > 1 {
            // Priority decides nothing where everything finds a place.
            let together = [levels.concat()];
            tries.extend(
                TASTES.iter().map(|taste| self.attempt(*taste, &together)).filter(|one| one.left.iter().all(|left| *left == 0)),
            );
        }
        tries.extend(TASTES.iter().map(|taste| self.attempt(*taste, &levels)));
        let best = tries.into_iter().min_by_key(|one| self.merit(one));
        best.map_or_else(Vec::new, |best| patterns(&best))
    }

    fn merit(&self, one: &Try) -> (Vec<u32>, i64, usize) {
        let missing = self.levels().into_iter().map(|level| level.iter().map(|item| one.left[*item]).sum()).collect();
        let cost = one.nodes.iter().map(|node| self.market.machines[node.machine].cost).fold(0, i64::saturating_add);
        (missing, cost, one.nodes.len())
    }

    /// Items by urgency, then priority, highest first.
    fn levels(&self) -> Vec<Vec<usize>> {
        let level = |item: usize| (self.urgency[item], self.problem.rows[self.market.items[item].row].priority);
        let mut items: Vec<usize> = (0..self.market.items.len()).collect();
        items.sort_by_key(|item| (Reverse(level(*item)), *item));
        items.chunk_by(|a, b| level(*a) == level(*b)).map(<[usize]>::to_vec).collect()
    }

    fn attempt(&self, taste: Taste, levels: &[Vec<usize>]) -> Try {
        let mut one = Try { nodes: Vec::new(), left: self.market.demand(), budget: self.budget.clone() };
        for level in levels {
            let values = self.values(taste);
            self.top_up(&mut one, level);
            self.open(&mut one, level, &values, taste);
            // A smaller machine may do, and what it gives back may let one more pod in.
            while self.right_size(&mut one, taste) {
                self.top_up(&mut one, level);
                self.open(&mut one, level, &values, taste);
            }
        }
        one
    }

    fn values(&self, taste: Taste) -> Vec<f64> {
        let known = self.values.iter().any(|value| *value > 0.0);
        let size = |item: usize| (0..self.market.width).map(|d| self.market.share(item, d)).sum::<f64>();
        (0..self.market.items.len())
            .map(|item| match (taste.heads, known) {
                (true, _) => 1.0,
                (false, true) => self.values[item],
                (false, false) => size(item),
            })
            .collect()
    }

    /// Fills what is left on nodes bought before, first fit.
    fn top_up(&self, one: &mut Try, level: &[usize]) {
        for item in level.iter().copied() {
            for node in &mut one.nodes {
                if one.left[item] == 0 {
                    break;
                }
                let machine = &self.market.machines[node.machine];
                let together = self.market.items[item].together.saturating_sub(node.load[item]);
                let count = self.market.room_for(machine, item, &node.room, one.left[item].min(together));
                take(&mut node.room, &self.market.items[item].need, count);
                node.load[item] += count;
                one.left[item] -= count;
            }
        }
    }

    /// Buys machines for a level until nothing is left or nothing more may be bought.
    fn open(&self, one: &mut Try, level: &[usize], values: &[f64], taste: Taste) {
        let orders = Orders::new(self.market, values);
        let mut demand = vec![0; one.left.len()];
        for item in level {
            demand[*item] = one.left[*item];
        }
        let mut ranks: Vec<Rank> = self.market.machines.iter().map(|_| Rank::unknown()).collect();
        while demand.iter().any(|count| *count > 0) {
            let Some(machine) = self.best_machine(&mut ranks, &demand, one, (values, &orders), taste) else { break };
            let items = ranks[machine].load.items.clone();
            let wanted = items.iter().map(|(item, count)| demand[*item] / count).min().unwrap_or(0);
            let machine = self.smaller(machine, &items, &one.budget, taste);
            let bought = &self.market.machines[machine];
            let candidate = &self.problem.candidates[bought.candidate];
            let copies = one.budget.affords(self.problem, candidate, wanted);
            if copies == 0 {
                break;
            }
            one.budget.spend(self.problem, candidate, i64::from(copies));
            let mut node = Bought { machine, room: bought.free.clone(), load: vec![0; demand.len()] };
            for (item, count) in &items {
                take(&mut node.room, &self.market.items[*item].need, *count);
                node.load[*item] = *count;
                demand[*item] -= count * copies;
                one.left[*item] -= count * copies;
            }
            one.nodes.extend((0..copies).map(|_| node.clone()));
            for rank in &mut ranks {
                rank.fresh = false;
            }
        }
    }

    /// The machine with the most value per cost. Demand only shrinks, so an old ratio is taken as an upper estimate of the new one.
    fn best_machine(
        &self,
        ranks: &mut [Rank],
        demand: &[u32],
        one: &Try,
        guide: (&[f64], &Orders),
        taste: Taste,
    ) -> Option<usize> {
        let dearest = self.market.machines.last().map_or(1, |machine| machine.cost).max(1);
        loop {
            let top = (0..ranks.len()).max_by(|a, b| ranks[*a].ratio.total_cmp(&ranks[*b].ratio).then(b.cmp(a)))?;
            if ranks[top].fresh {
                return (!ranks[top].load.items.is_empty()).then_some(top);
            }
            let machine = &self.market.machines[top];
            let candidate = &self.problem.candidates[machine.candidate];
            let mut load = Load::default();
            if one.budget.affords(self.problem, candidate, 1) == 1 {
                load = fill(self.market, machine, demand, guide.0, guide.1);
            }
            #[allow(clippy::cast_precision_loss)]
            let money = machine.cost.max(1) as f64 / dearest as f64;
            let scarce = self.budget.share(self.problem, candidate);
            let cost = (1.0 - taste.thrift) * money + taste.thrift * scarce;
            let ratio = if load.items.is_empty() { -1.0 } else { load.value / cost.max(1e-12) };
            ranks[top] = Rank { ratio, load, fresh: true };
        }
    }

    /// The cheapest machine that holds what `machine` was to hold and that its pool may buy; where thrift counts, one that takes no
    /// larger share of the limits.
    fn smaller(&self, machine: usize, load: &[(usize, u32)], budget: &Budget, taste: Taste) -> usize {
        let candidate = |machine: usize| &self.problem.candidates[self.market.machines[machine].candidate];
        let share = |machine: usize| self.budget.share(self.problem, candidate(machine));
        let mut start = 0;
        while let Some(found) = self.market.cheapest(load, start).filter(|found| *found < machine) {
            let thrifty = taste.thrift <= 0.0 || share(found) <= share(machine);
            if thrifty && budget.affords(self.problem, candidate(found), 1) == 1 {
                return found;
            }
            start = found + 1;
        }
        machine
    }

    /// Exchanges machines for cheaper ones that hold the same. Whether any was.
    fn right_size(&self, one: &mut Try, taste: Taste) -> bool {
        let mut changed = false;
        for node in &mut one.nodes {
            let load: Vec<(usize, u32)> = node.load.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
            let old = &self.problem.candidates[self.market.machines[node.machine].candidate];
            one.budget.spend(self.problem, old, -1);
            let better = self.smaller(node.machine, &load, &one.budget, taste);
            let new = &self.market.machines[better];
            one.budget.spend(self.problem, &self.problem.candidates[new.candidate], 1);
            if better != node.machine {
                changed = true;
                node.machine = better;
                node.room.clone_from(&new.free);
                for (item, count) in load {
                    debug_assert!(times(&self.market.items[item].need, &node.room, count) == count);
                    take(&mut node.room, &self.market.items[item].need, count);
                }
            }
        }
        changed
    }
}

/// How well a machine does at the moment.
struct Rank {
    ratio: f64,
    load: Load,
    fresh: bool,
}

impl Rank {
    fn unknown() -> Self {
        Self { ratio: f64::INFINITY, load: Load::default(), fresh: false }
    }
}

fn patterns(one: &Try) -> Vec<Pattern> {
    let mut all: Vec<Pattern> = one
        .nodes
        .iter()
        .map(|node| {
            let counts = node.load.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
            Pattern { bin: node.machine, counts, uses: 1 }
        })
        .collect();
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let equal = next.bin == kept.bin && next.counts == kept.counts;
        if equal {
            kept.uses += next.uses;
        }
        equal
    });
    all
}
