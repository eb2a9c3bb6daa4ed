//! Integer fillings by rounding the relaxation down and filling up greedily in several orders.

use super::super::instance::{Counts, Instance, fits_times};
use super::{Relaxation, Valued, worth};

/// The best of several roundings.
pub(super) fn round(instance: &Instance, bin: usize, values: &[f64], relaxed: &Relaxation) -> Valued {
    let orders = orders(instance, bin, values, &relaxed.prices);
    let mut best = Valued::default();
    let mut offer = |counts: Counts| {
        let value = worth(&counts, values);
        if value > best.value {
            best = Valued { value, counts, ceiling: None };
        }
    };
    // The floor as it is, then with one of each of the largest amounts taken back, to make room for a better end.
    for dropped in 0..6 {
        let mut floor: Vec<(u32, u32)> = relaxed
            .amounts
            .iter()
            .map(|(class, amount)| (*class, (amount + 1e-7).floor() as u32))
            .filter(|(_, n)| *n > 0)
            .collect();
        if dropped > 0 {
            let Some(place) = floor.len().checked_sub(dropped) else { break };
            floor[place].1 -= 1;
        }
        for order in orders.iter().take(if dropped == 0 { orders.len() } else { 2 }) {
            offer(fill_in_order(instance, bin, instance.most(bin), &floor, order));
        }
    }
    for order in &orders {
        offer(fill_in_order(instance, bin, instance.most(bin), &[], order));
    }
    best
}

/// Orders in which to fill up: by value per priced size, by value, by priced size, and by value per size with each dimension in turn
/// made dearer.
fn orders(instance: &Instance, bin: usize, values: &[f64], prices: &[f64]) -> Vec<Vec<u32>> {
    let room = instance.capacity(bin);
    let even = |d: usize| if room[d] > 0 { instance.cost(bin) * 1e-3 / room[d] as f64 } else { 0.0 };
    let items: Vec<u32> = (0..instance.classes() as u32)
        .filter(|class| values[*class as usize] > 0.0 && instance.most(bin)[*class as usize] > 0)
        .collect();
    let charge = |class: u32, weights: &[f64]| -> f64 {
        instance.weight(class as usize).iter().zip(weights).map(|(size, weight)| size * weight).sum()
    };
    let base: Vec<f64> = (0..instance.width).map(|d| prices[d] + even(d)).collect();
    let mut all = vec![
        sorted(&items, |class| values[class as usize] / charge(class, &base)),
        sorted(&items, |class| values[class as usize]),
        sorted(&items, |class| charge(class, &base)),
    ];
    for d in (0..instance.width).filter(|d| prices[*d] > 0.0) {
        let mut tilted = base.clone();
        tilted[d] *= 1.5;
        all.push(sorted(&items, |class| values[class as usize] / charge(class, &tilted)));
    }
    all
}

/// Highest score first; ties by class.
fn sorted(items: &[u32], score: impl Fn(u32) -> f64) -> Vec<u32> {
    let mut scored: Vec<(f64, u32)> = items.iter().map(|class| (score(*class), *class)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, class)| class).collect()
}

/// `start`, and then of each class in `order` as many as still fit, `most` at most.
fn fill_in_order(instance: &Instance, bin: usize, most: &[u32], start: &[(u32, u32)], order: &[u32]) -> Counts {
    let mut room = instance.capacity(bin).to_vec();
    for (room, used) in room.iter_mut().zip(instance.usage(start)) {
        *room -= used;
    }
    let mut counts: Counts = start.iter().copied().filter(|(_, count)| *count > 0).collect();
    for class in order {
        let there = counts.iter().position(|(known, _)| known == class);
        let had = there.map_or(0, |place| counts[place].1);
        let more = fits_times(instance.size(*class as usize), &room, most[*class as usize].saturating_sub(had));
        if more == 0 {
            continue;
        }
        for (room, size) in room.iter_mut().zip(instance.size(*class as usize)) {
            *room -= size * i64::from(more);
        }
        match there {
            Some(place) => counts[place].1 += more,
            None => counts.push((*class, more)),
        }
    }
    counts.sort_unstable();
    counts
}
