//! Integer fillings by rounding the relaxation down and filling up greedily in several orders.

use super::super::instance::{Counts, Instance};
use super::super::sizes::{charge, take, times};
use super::{Relaxation, Valued};

/// The best of several roundings.
pub(super) fn round(instance: &Instance, bin: usize, values: &[f64], relaxed: &Relaxation) -> Valued {
    let mut desk = Desk::new(instance, bin, values);
    let orders = desk.orders(values, &relaxed.prices);
    let mut floor: Counts =
        relaxed.amounts.iter().map(|(class, amount)| (*class, (amount + 1e-7).floor() as u32)).filter(|(_, n)| *n > 0).collect();
    // The floor as it is, then with one of each of the largest amounts taken back, to make room for a better end.
    for dropped in 0..6 {
        let mut place = None;
        if dropped > 0 {
            place = floor.len().checked_sub(dropped);
            let Some(place) = place else { break };
            floor[place].1 -= 1;
        }
        for order in orders.iter().take(if dropped == 0 { orders.len() } else { 2 }) {
            desk.offer(values, &floor, order);
        }
        if let Some(place) = place {
            floor[place].1 += 1;
        }
    }
    for order in &orders {
        desk.offer(values, &[], order);
    }
    let counts = desk.items.iter().map(|class| (*class, desk.best[*class as usize])).filter(|(_, count)| *count > 0).collect();
    Valued { value: desk.value, counts, ceiling: None }
}

/// Where fillings of one bin are tried, one over the other.
struct Desk<'a> {
    instance: &'a Instance,
    bin: usize,
    /// Classes that the bin takes and that are worth something.
    items: Vec<u32>,
    /// Below so much room in any dimension nothing more fits.
    least: Vec<i64>,
    room: Vec<i64>,
    /// By class: in the filling that is tried, and in the best so far.
    counts: Vec<u32>,
    best: Vec<u32>,
    value: f64,
}

impl<'a> Desk<'a> {
    fn new(instance: &'a Instance, bin: usize, values: &[f64]) -> Self {
        let most = instance.most(bin);
        let taken = |class: &u32| values[*class as usize] > 0.0 && most[*class as usize] > 0;
        let items: Vec<u32> = (0..instance.classes() as u32).filter(taken).collect();
        let mut least = vec![i64::MAX; instance.width];
        for class in &items {
            for (least, size) in least.iter_mut().zip(instance.size(*class as usize)) {
                *least = (*least).min(*size);
            }
        }
        let (counts, best) = (vec![0; instance.classes()], vec![0; instance.classes()]);
        Self { instance, bin, items, least, room: Vec::with_capacity(instance.width), counts, best, value: 0.0 }
    }

    /// Orders in which to fill up: by value per priced size, by value, by priced size, and by value per size with each dimension in
    /// turn made dearer.
    fn orders(&self, values: &[f64], prices: &[f64]) -> Vec<Vec<u32>> {
        let (instance, room) = (self.instance, self.instance.capacity(self.bin));
        let even = |d: usize| if room[d] > 0 { instance.cost(self.bin) * 1e-3 / room[d] as f64 } else { 0.0 };
        let mut base: Vec<f64> = (0..instance.width).map(|d| prices[d] + even(d)).collect();
        let charges = |prices: &[f64]| self.items.iter().map(|class| charge(instance.parts(*class as usize), prices)).collect();
        let plain: Vec<f64> = charges(&base);
        let worth: Vec<f64> = self.items.iter().map(|class| values[*class as usize]).collect();
        let ratios = |charges: &[f64]| worth.iter().zip(charges).map(|(worth, charge)| worth / charge).collect::<Vec<f64>>();
        let mut all = vec![self.sorted(&ratios(&plain)), self.sorted(&worth), self.sorted(&plain)];
        for d in (0..instance.width).filter(|d| prices[*d] > 0.0) {
            let usual = base[d];
            base[d] *= 1.5;
            all.push(self.sorted(&ratios(&charges(&base))));
            base[d] = usual;
        }
        all
    }

    /// Highest score first; ties by class.
    fn sorted(&self, scores: &[f64]) -> Vec<u32> {
        let mut order: Vec<(f64, u32)> = scores.iter().copied().zip(self.items.iter().copied()).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.into_iter().map(|(_, class)| class).collect()
    }

    /// Tries `start`, and then of each class in `order` as many as still fit.
    fn offer(&mut self, values: &[f64], start: &[(u32, u32)], order: &[u32]) {
        let Self { instance, bin, items, least, room, counts, best, value } = self;
        let most = instance.most(*bin);
        room.clear();
        room.extend_from_slice(instance.capacity(*bin));
        counts.fill(0);
        for (class, count) in start {
            counts[*class as usize] = *count;
            take(instance.parts(*class as usize), room, i64::from(*count));
        }
        for class in order {
            let at = *class as usize;
            let parts = instance.parts(at);
            let more = times(parts, room, most[at].saturating_sub(counts[at]));
            if more > 0 {
                counts[at] += more;
                take(parts, room, i64::from(more));
                if room.iter().zip(&*least).any(|(room, least)| room < least) {
                    break;
                }
            }
        }
        let worth: f64 = items.iter().map(|class| values[*class as usize] * f64::from(counts[*class as usize])).sum();
        if worth > *value {
            *value = worth;
            std::mem::swap(counts, best);
        }
    }
}
