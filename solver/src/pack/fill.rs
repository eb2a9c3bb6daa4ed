//! Filling one machine with the most value.

use super::axis::take;
use super::market::{Machine, Market};

/// Above this many items the order that looks at what is left in each resource is too slow.
const MAX_ADAPTIVE: usize = 160;

/// Orders in which items are tried on a machine.
#[derive(Debug)]
pub(super) struct Orders {
    lists: Vec<Vec<usize>>,
}

impl Orders {
    /// By value, by size, by value for size, and for each resource those first that take most of it for their value.
    pub(super) fn new(market: &Market, values: &[f64]) -> Self {
        let total = |item: usize| (0..market.width).map(|d| market.share(item, d)).sum::<f64>();
        let sorted = |score: &dyn Fn(usize) -> f64| {
            let scores: Vec<f64> = (0..market.items.len()).map(score).collect();
            let mut list: Vec<usize> = (0..market.items.len()).collect();
            list.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
            list
        };
        let mut lists = vec![sorted(&|item| values[item]), sorted(&total), sorted(&|item| values[item] / total(item).max(1e-12))];
        for d in 0..market.width {
            lists.push(sorted(&|item| market.share(item, d) / total(item).max(1e-12)));
        }
        lists.sort();
        lists.dedup();
        Self { lists }
    }
}

/// A load and the value it holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    pub(super) value: f64,
    /// Items and how many of each, by item.
    pub(super) items: Vec<(usize, u32)>,
}

/// The most valuable load found for one machine.
pub(super) fn fill(market: &Market, machine: &Machine, demand: &[u32], values: &[f64], orders: &Orders) -> Load {
    let together = demand.iter().zip(&market.items).map(|(count, item)| item.together.min(*count));
    let demand: &[u32] = &together.collect::<Vec<u32>>();
    let mut best = Load { value: -1.0, items: Vec::new() };
    for order in &orders.lists {
        let load = fill_in_order(market, machine, demand, values, order);
        if load.value > best.value {
            best = load;
        }
    }
    if market.items.len() <= MAX_ADAPTIVE && market.width > 1 {
        let load = fill_adaptively(market, machine, demand, values);
        if load.value > best.value {
            best = load;
        }
    }
    best.items.sort_unstable();
    best
}

fn fill_in_order(market: &Market, machine: &Machine, demand: &[u32], values: &[f64], order: &[usize]) -> Load {
    let mut room = machine.free.clone();
    let mut load = Load::default();
    for item in order.iter().copied().filter(|item| demand[*item] > 0) {
        let count = market.room_for(machine, item, &room, demand[item]);
        if count > 0 {
            take(&mut room, &market.items[item].need, count);
            load.value += values[item] * f64::from(count);
            load.items.push((item, count));
        }
    }
    load
}

/// Takes next what is worth most for its share of what is left, so that no resource runs out before the others.
#[allow(clippy::cast_precision_loss)]
fn fill_adaptively(market: &Market, machine: &Machine, demand: &[u32], values: &[f64]) -> Load {
    let mut room = machine.free.clone();
    let mut left: Vec<u32> = demand.to_vec();
    let mut value = 0.0;
    let mut open: Vec<usize> = (0..demand.len()).filter(|item| demand[*item] > 0).collect();
    loop {
        open.retain(|item| market.room_for(machine, *item, &room, left[*item]) > 0);
        let score = |item: usize| {
            let share: f64 =
                market.items[item].need.iter().zip(&room).map(|(need, room)| *need as f64 / (*room).max(1) as f64).sum();
            values[item] / share.max(1e-12)
        };
        let best = open.iter().copied().map(|item| (score(item), item)).max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((_, item)) = best else { break };
        let count = (market.room_for(machine, item, &room, left[item]) / 4).max(1);
        take(&mut room, &market.items[item].need, count);
        left[item] -= count;
        value += values[item] * f64::from(count);
    }
    let used = demand.iter().zip(&left).enumerate().filter(|(_, (all, left))| all > left);
    Load { value, items: used.map(|(item, (all, left))| (item, all - left)).collect() }
}
