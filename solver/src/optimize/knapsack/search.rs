//! Depth-first branch and bound for the best filling, with counted nodes.
//!
//! Values are integers, room is integers, and what is left can be worth no more than the room that is left, at the resource prices,
//! times the best value per priced size among the classes still to decide; nor more than that room plus the profit those classes make
//! at the prices. These are the only floating-point numbers in the proof; they are widened by far more than their rounding error, so
//! "nothing above" is a proof.

use super::super::instance::{Counts, Instance};
use super::super::sizes::{charge, take, times};

/// Widens a product of a dozen roundings of 2^-53 each.
const WIDER: f64 = 1.0 + 1e-12;

/// The unit of integer values: a fixed power of two per micro-dollar, so fine that rounding does not matter and so coarse that no sum
/// overflows.
#[derive(Debug, Clone, Copy)]
pub(in crate::optimize) struct Fine {
    pub(in crate::optimize) bits: u32,
}

impl Fine {
    /// Leaves room for a million times the dearest price.
    pub(in crate::optimize) fn of(instance: &Instance) -> Self {
        let dearest = instance.price.iter().copied().max().unwrap_or(0).max(1);
        Self { bits: (dearest.leading_zeros().saturating_sub(22)).min(30) }
    }

    /// Rounded down. No class is worth more than a bin of its own, so the upper end cuts nothing that is meant.
    pub(in crate::optimize) fn down(self, value: f64) -> i64 {
        (value * self.one()).floor().clamp(0.0, 1e18) as i64
    }

    /// One micro-dollar.
    pub(in crate::optimize) fn one(self) -> f64 {
        (1_u64 << self.bits) as f64
    }
}

/// What a search looks for.
#[derive(Debug, Clone, Copy)]
pub(in crate::optimize) struct Goal {
    /// A filling worth more than this.
    pub(in crate::optimize) above: i64,
    /// Where no more than this can be gained over the best so far, it does not look.
    pub(in crate::optimize) slack: i64,
    /// Most nodes to visit.
    pub(in crate::optimize) nodes: u64,
}

/// What a search found.
#[derive(Debug, Clone)]
pub(in crate::optimize) struct Found {
    /// A filling worth more than asked for, the best seen; empty if none was seen.
    pub(in crate::optimize) counts: Counts,
    /// Nothing is worth more than this and the slack together, if `complete`.
    pub(in crate::optimize) best: i64,
    /// Whether every filling was looked at or ruled out.
    pub(in crate::optimize) complete: bool,
    /// Nodes visited.
    pub(in crate::optimize) nodes: u64,
}

struct Item {
    class: u32,
    value: i64,
    most: u32,
    /// No choice among the later items, this one included, makes more profit than this at the prices.
    profit: f64,
    count: u32,
}

/// Looks for the most valuable filling of `bin`.
pub(in crate::optimize) fn best_filling(instance: &Instance, bin: usize, values: &[i64], prices: &[f64], goal: Goal) -> Found {
    let Goal { above, slack, nodes } = goal;
    let room = instance.capacity(bin);
    let scale = instance.cost(bin) * 1e-7;
    let prices: Vec<f64> = prices.iter().zip(room).map(|(price, room)| price + scale / (*room).max(1) as f64).collect();
    let mut items = order(instance, bin, values, &prices);
    let all: i128 = items.iter().map(|item| i128::from(item.value) * i128::from(item.most)).sum();
    if all > i128::from(i64::MAX / 2) {
        return Found { counts: Counts::new(), best: above, complete: false, nodes: 1 };
    }
    let one = Fine::of(instance).one();
    let views = views(instance, &items, prices);
    let mut walk = Walk { instance, views, one, slack, room: room.to_vec(), value: 0, nodes: 0, best: above, counts: Vec::new() };
    let complete = walk.run(&mut items, nodes);
    Found { counts: walk.counts, best: walk.best, complete, nodes: walk.nodes }
}

/// Items by value per priced size; of equals the larger first, so that the small ones fill the rest.
fn order(instance: &Instance, bin: usize, values: &[i64], prices: &[f64]) -> Vec<Item> {
    let charge = |class: usize| charge(instance.parts(class), prices);
    let mut scored: Vec<(f64, f64, u32)> = (0..instance.classes())
        .filter(|class| values[*class] > 0 && instance.most(bin)[*class] > 0)
        .map(|class| (values[class] as f64 / charge(class), charge(class), class as u32))
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    let item = |(_, _, class): (f64, f64, u32)| Item {
        class,
        value: values[class as usize],
        most: instance.most(bin)[class as usize],
        profit: 0.0,
        count: 0,
    };
    let mut items: Vec<Item> = scored.into_iter().map(item).collect();
    let one = Fine::of(instance).one();
    let mut sum = 0.0;
    for item in items.iter_mut().rev() {
        let value = item.value as f64;
        sum += ((value - charge(item.class as usize) * one).max(0.0) + value * (WIDER - 1.0)) * f64::from(item.most);
        item.profit = sum;
    }
    items
}

/// Prices at which what is left is weighed. Several of them, because room that is left over in one dimension is of no use without the
/// others.
struct View {
    /// The dimension that alone has a price, which is one.
    only: Option<usize>,
    prices: Vec<f64>,
    /// By depth: no item from here on is worth more per priced size.
    ratios: Vec<f64>,
}

/// The relaxation's prices, then each dimension alone that they price.
fn views(instance: &Instance, items: &[Item], prices: Vec<f64>) -> Vec<View> {
    let width = prices.len();
    let alone = |d: usize| (0..width).map(|other| if other == d { 1.0 } else { 0.0 }).collect();
    let all = std::iter::once((None, prices)).chain((0..width).map(|d| (Some(d), alone(d))));
    let view = |(only, prices): (Option<usize>, Vec<f64>)| {
        let mut best = 0.0_f64;
        let mut ratios = vec![0.0; items.len()];
        for (ratio, item) in ratios.iter_mut().zip(items).rev() {
            let size = charge(instance.parts(item.class as usize), &prices);
            best = best.max(item.value as f64 / size * WIDER);
            *ratio = best;
        }
        View { only, prices, ratios }
    };
    // A view in which every item but the last few is free says nothing.
    all.map(view).filter(|view| view.ratios.first().is_some_and(|ratio| ratio.is_finite())).collect()
}

struct Walk<'a> {
    instance: &'a Instance,
    /// The first is of the relaxation's prices.
    views: Vec<View>,
    /// Fine units of value per unit of the prices.
    one: f64,
    slack: i64,
    room: Vec<i64>,
    value: i64,
    nodes: u64,
    best: i64,
    counts: Counts,
}

impl Walk<'_> {
    /// Takes as much as fits of each item in turn; at the end or where nothing better can come, gives back one of the last taken.
    fn run(&mut self, items: &mut [Item], nodes: u64) -> bool {
        let mut depth = 0;
        loop {
            let mut pruned = false;
            while depth < items.len() {
                if !self.may_improve(depth, &items[depth]) {
                    pruned = true;
                    break;
                }
                let item = &mut items[depth];
                item.count = times(self.instance.parts(item.class as usize), &self.room, item.most);
                let (class, count, value) = (item.class, item.count, item.value);
                self.take(class, i64::from(count), value);
                depth += 1;
            }
            if !pruned && self.value > self.best {
                self.best = self.value;
                self.counts = items.iter().filter(|item| item.count > 0).map(|item| (item.class, item.count)).collect();
                self.counts.sort_unstable();
            }
            if self.nodes > nodes {
                return false;
            }
            loop {
                let Some(last) = depth.checked_sub(1) else { return true };
                depth = last;
                if items[depth].count > 0 {
                    items[depth].count -= 1;
                    let (class, value) = (items[depth].class, items[depth].value);
                    self.take(class, -1, value);
                    depth += 1;
                    break;
                }
            }
        }
    }

    fn take(&mut self, class: u32, count: i64, value: i64) {
        self.nodes += 1;
        if count != 0 {
            self.value += value * count;
            take(self.instance.parts(class as usize), &mut self.room, count);
        }
    }

    fn may_improve(&self, depth: usize, next: &Item) -> bool {
        let missing = (self.best - self.value).saturating_add(self.slack) as f64;
        self.views.iter().enumerate().all(|(number, view)| {
            let priced: f64 = match view.only {
                Some(dimension) => self.room[dimension] as f64,
                None => self.room.iter().zip(&view.prices).map(|(room, price)| *room as f64 * price).sum(),
            };
            let mut more = priced * view.ratios[depth];
            if number == 0 {
                more = more.min(priced * self.one + next.profit);
            }
            more * WIDER > missing
        })
    }
}
