//! One packing task: items to place and machines to buy, without names, labels or pools.

use super::axis::{fits, times};
use super::budget::Budget;
use super::problem::{Problem, Row};
use crate::{Objective, optimize};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};

/// Pods of one row that need a place.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Index into the problem's rows.
    pub(super) row: usize,
    /// What each takes.
    pub(super) need: Vec<i64>,
    /// How many.
    pub(super) count: u32,
    /// No more of them can share a node.
    pub(super) together: u32,
}

/// Something to buy.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// Index into the problem's candidates.
    pub(super) candidate: usize,
    /// Room for pods.
    pub(super) free: Vec<i64>,
    /// What the measure counts: the price, with what is charged beyond it, or for fewest nodes with a charge that outweighs both.
    pub(super) cost: i64,
    /// Index into [`Market::groups`].
    pub(super) group: usize,
}

/// Items, and the machines worth buying for them.
#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) items: Vec<Item>,
    /// Cheapest first.
    pub(super) machines: Vec<Machine>,
    /// Which items may run on a machine: sets of positions in `items`.
    pub(super) groups: Vec<FixedBitSet>,
    /// Positions of a vector.
    pub(super) width: usize,
    /// The most of each resource that a machine has for pods, at least one.
    widest: Vec<i64>,
    /// By row: its item.
    number: Vec<Option<usize>>,
}

/// Which machines a market offers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    /// Pools to buy from, by index in the snapshot.
    pub(super) pools: &'a [bool],
    /// Whether `PreferNoSchedule` is disregarded.
    pub(super) relaxed: bool,
    /// What to minimise.
    pub(super) measure: Measure,
    /// Whether `minValues` are disregarded, for a bound.
    pub(super) any_values: bool,
    /// Whether capacity reservations are used, and nothing else; otherwise nodes are paid for.
    pub(super) reserved: bool,
}

/// What a search minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Prices alone.
    Price,
    /// Prices and what is charged beyond them.
    Cost,
    /// The number of nodes, then their cost.
    Nodes,
}

impl From<Objective> for Measure {
    fn from(objective: Objective) -> Self {
        match objective {
            Objective::Cost => Self::Cost,
            Objective::Nodes => Self::Nodes,
        }
    }
}

impl Market {
    /// The market for `demand` (row, count). Rows that no machine holds are left out, and machines that `budget` rules out.
    pub(super) fn new(problem: &Problem<'_>, demand: &[(usize, u32)], terms: Terms<'_>, budget: Option<&Budget>) -> Self {
        let positions = used_positions(problem, demand);
        let slots = used_slots(problem, demand);
        let squeeze = |amounts: &[i64]| positions.iter().map(|position| amounts[*position]).collect::<Vec<i64>>();
        let item = |(row, count): &(usize, u32)| {
            let Row { need, slots: taken, together, .. } = &problem.rows[*row];
            let mut need = squeeze(need);
            let taken = |slot: &usize| taken.iter().find(|(own, _)| own == slot).map_or(0, |(_, count)| *count);
            need.extend(slots.iter().map(taken));
            Item { row: *row, need, count: *count, together: *together }
        };
        let mut items: Vec<Item> = demand.iter().map(item).collect();
        let mut groups = Groups::default();
        let mut machines = Vec::new();
        for variant in problem.variants.iter().filter(|variant| terms.pools[variant.pool]) {
            let offered = if terms.any_values { &variant.candidates } else { &variant.packed };
            for index in offered.clone() {
                let candidate = &problem.candidates[index];
                if candidate.reservation.is_some() != terms.reserved {
                    continue;
                }
                if budget.is_some_and(|budget| budget.affords(problem, candidate, 1) == 0) {
                    continue;
                }
                let column = if terms.relaxed { candidate.relaxed } else { candidate.strict };
                let group = groups.of(problem, column, &items);
                let mut free = squeeze(problem.free(candidate));
                free.extend(slots.iter().map(|slot| problem.slots[*slot].count));
                if groups.sets[group].ones().any(|item| fits(&items[item].need, &free)) {
                    let cost = if terms.measure == Measure::Price { candidate.least_price } else { candidate.cost };
                    machines.push(Machine { candidate: index, free, cost, group });
                }
            }
        }
        let width = positions.len() + slots.len();
        let widest = (0..width).map(|d| machines.iter().map(|machine| machine.free[d]).fold(1, i64::max)).collect();
        let mut market = Self { width, machines, groups: groups.sets, items: Vec::new(), widest, number: Vec::new() };
        market.machines = undominated(problem, &market, &items);
        market.charge(&items, terms.measure);
        let placeable: Vec<bool> =
            (0..items.len()).map(|item| market.machines.iter().any(|m| market.holds(m, item, &items))).collect();
        if placeable.contains(&false) {
            market.keep(&placeable);
            let mut kept = placeable.iter();
            items.retain(|_| kept.next() == Some(&true));
        }
        market.number = vec![None; problem.rows.len()];
        for (index, item) in items.iter().enumerate() {
            market.number[item.row] = Some(index);
        }
        market.items = items;
        market
    }

    fn holds(&self, machine: &Machine, item: usize, items: &[Item]) -> bool {
        self.groups[machine.group].contains(item) && fits(&items[item].need, &machine.free)
    }

    /// Renumbers the groups to the items kept.
    fn keep(&mut self, kept: &[bool]) {
        for group in &mut self.groups {
            let mut smaller = FixedBitSet::with_capacity(kept.len());
            for (new, (old, _)) in kept.iter().enumerate().filter(|(_, kept)| **kept).enumerate() {
                smaller.set(new, group.contains(old));
            }
            *group = smaller;
        }
    }

    /// Sets what the objective charges.
    fn charge(&mut self, items: &[Item], measure: Measure) {
        if measure == Measure::Nodes {
            let dearest = self.machines.iter().map(|machine| machine.cost).max().unwrap_or(0);
            let pods: i64 = items.iter().map(|item| i64::from(item.count)).sum();
            // More than all costs together, so that one node less always wins; bounded so that sums stay exact.
            let fixed = dearest.saturating_mul(pods.max(1)).saturating_add(1).min(1 << 46);
            for machine in &mut self.machines {
                machine.cost = machine.cost.saturating_add(fixed);
            }
        }
    }

    /// The item of a row.
    pub(super) fn item_of(&self, row: usize) -> Option<usize> {
        self.number[row]
    }

    /// The demand as one number per item.
    pub(super) fn demand(&self) -> Vec<u32> {
        self.items.iter().map(|item| item.count).collect()
    }

    /// How many of `item` go into `room` of a machine of this kind.
    pub(super) fn room_for(&self, machine: &Machine, item: usize, room: &[i64], wanted: u32) -> u32 {
        if self.groups[machine.group].contains(item) { times(&self.items[item].need, room, wanted) } else { 0 }
    }

    /// What a load takes.
    pub(super) fn usage(&self, load: &[(usize, u32)]) -> Vec<i64> {
        let mut usage = vec![0_i64; self.width];
        for (item, count) in load {
            for (usage, need) in usage.iter_mut().zip(&self.items[*item].need) {
                *usage = usage.saturating_add(need.saturating_mul(i64::from(*count)));
            }
        }
        usage
    }

    /// The cheapest machine from `start` on that holds `load`.
    pub(super) fn cheapest(&self, load: &[(usize, u32)], start: usize) -> Option<usize> {
        let usage = self.usage(load);
        (start..self.machines.len()).find(|index| {
            let machine = &self.machines[*index];
            fits(&usage, &machine.free) && load.iter().all(|(item, _)| self.groups[machine.group].contains(*item))
        })
    }

    /// The share that one of `item` takes of the roomiest machine's `d`.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn share(&self, item: usize, d: usize) -> f64 {
        self.items[item].need[d] as f64 / self.widest[d] as f64
    }

    /// The market as the optimiser takes it; classes and bins keep their positions.
    pub(super) fn to_problem(&self) -> optimize::Problem {
        let class = |item: &Item| optimize::Class { size: item.need.clone(), demand: item.count, together: item.together };
        let bin = |machine: &Machine| optimize::Bin {
            capacity: machine.free.clone(),
            price: machine.cost,
            allowed: self.groups[machine.group].clone(),
        };
        optimize::Problem {
            width: self.width,
            classes: self.items.iter().map(class).collect(),
            bins: self.machines.iter().map(bin).collect(),
        }
    }
}

/// Positions that some row of the demand takes something of.
fn used_positions(problem: &Problem<'_>, demand: &[(usize, u32)]) -> Vec<usize> {
    let used = |position: &usize| demand.iter().any(|(row, _)| problem.rows[*row].need[*position] > 0);
    (0..problem.axis.width()).filter(used).collect()
}

/// Slots that some row of the demand takes.
fn used_slots(problem: &Problem<'_>, demand: &[(usize, u32)]) -> Vec<usize> {
    let used: BTreeSet<usize> = demand.iter().flat_map(|(row, _)| &problem.rows[*row].slots).map(|(slot, _)| *slot).collect();
    used.into_iter().collect()
}

/// Sets of items, one per distinct column.
#[derive(Default)]
struct Groups {
    by_column: BTreeMap<usize, usize>,
    by_set: BTreeMap<FixedBitSet, usize>,
    sets: Vec<FixedBitSet>,
}

impl Groups {
    fn of(&mut self, problem: &Problem<'_>, column: usize, items: &[Item]) -> usize {
        if let Some(known) = self.by_column.get(&column) {
            return *known;
        }
        let mut set = FixedBitSet::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            set.set(index, problem.columns[column].contains(problem.rows[item.row].signature));
        }
        let sets = &mut self.sets;
        let group = *self.by_set.entry(set).or_insert_with_key(|set| {
            sets.push(set.clone());
            sets.len() - 1
        });
        self.by_column.insert(column, group);
        group
    }
}

/// Machines without those that another one replaces in any plan: at most the cost, at least the room, all the items, and nothing
/// that a limit counts more of. The result is cheapest first, then roomiest, then in the candidates' order.
fn undominated(problem: &Problem<'_>, market: &Market, items: &[Item]) -> Vec<Machine> {
    #[allow(clippy::cast_precision_loss)]
    let roominess =
        |machine: &Machine| machine.free.iter().zip(&market.widest).map(|(free, most)| *free as f64 / *most as f64).sum::<f64>();
    let mut order: Vec<(f64, &Machine)> = market.machines.iter().map(|machine| (roominess(machine), machine)).collect();
    order.sort_by(|(a_room, a), (b_room, b)| {
        a.cost.cmp(&b.cost).then_with(|| b_room.total_cmp(a_room)).then_with(|| a.candidate.cmp(&b.candidate))
    });
    // Room beyond what all items together take is of no use.
    let total: Vec<i64> = (0..market.width)
        .map(|d| items.iter().map(|item| item.need[d].saturating_mul(i64::from(item.count))).fold(0, i64::saturating_add))
        .collect();
    // Only machines that take all the same items, or more, can replace one: look among those alone.
    let larger = supersets(&market.groups);
    let candidate = |machine: &Machine| &problem.candidates[machine.candidate];
    let mut kept: Vec<Machine> = Vec::new();
    let mut by_group: Vec<Vec<usize>> = vec![Vec::new(); market.groups.len()];
    for (_, machine) in order {
        let replaced = larger[machine.group].iter().flat_map(|group| &by_group[*group]).map(|index| &kept[*index]).any(|other| {
            let room =
                other.free.iter().zip(&machine.free).zip(&total).all(|((other, one), total)| other >= one || other >= total);
            room && Budget::no_tighter(problem, candidate(other), candidate(machine))
        });
        if !replaced {
            by_group[machine.group].push(kept.len());
            kept.push(machine.clone());
        }
    }
    kept
}

/// For each group those that contain it, itself included.
fn supersets(groups: &[FixedBitSet]) -> Vec<Vec<usize>> {
    let containing = |group: &FixedBitSet| (0..groups.len()).filter(|other| group.is_subset(&groups[*other])).collect();
    groups.iter().map(containing).collect()
}
