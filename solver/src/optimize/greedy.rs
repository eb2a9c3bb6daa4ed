//! A packing by always buying the filling that is worth most for its price, at given values per class.

use super::instance::{Counts, Filling, Instance, Packing};
use super::meter::Meter;
use super::packing::take_whole;
use super::sizes::{charge, take, times};

/// Ways to weigh sizes when filling a bin.
pub(super) struct Orders {
    all: Vec<Vec<u32>>,
    /// The smallest positive size in each dimension that every class needs, zero elsewhere: below it a bin is full.
    least: Vec<i64>,
}

impl Orders {
    /// Orders of classes by value per size, for sizes weighed at `prices` and at several tilts of them; then by size alone.
    pub(super) fn new(instance: &Instance, values: &[f64], prices: &[f64]) -> Self {
        let mut total = vec![0.0; instance.width];
        for (class, count) in instance.demand.iter().enumerate() {
            for part in instance.parts(class) {
                total[part.dimension] += part.weight * f64::from(*count);
            }
        }
        let base: Vec<f64> = prices.iter().zip(&total).map(|(price, total)| price + 1e-3 / total.max(1.0)).collect();
        let mut weights = vec![base.clone()];
        for tilted in 0..instance.width {
            for factor in [0.25, 0.6, 1.6, 4.0] {
                let mut tilt = base.clone();
                tilt[tilted] *= factor;
                if prices[tilted] > 0.0 {
                    weights.push(tilt);
                }
            }
        }
        let score = |class: usize, weights: &[f64]| charge(instance.parts(class), weights);
        let mut all: Vec<Vec<u32>> =
            weights.iter().map(|weights| sorted(instance, |class| values[class] / score(class, weights))).collect();
        all.push(sorted(instance, |class| score(class, &base)));
        let least = (0..instance.width)
            .map(|d| (0..instance.classes()).map(|class| instance.size(class)[d]).min().unwrap_or(0))
            .collect();
        Self { all, least }
    }

    fn len(&self) -> usize {
        self.all.len()
    }

    /// Fills `bin` in the order numbered `order` with what is `left`, which goes to `into`; returns its worth, and classes looked at.
    fn fill(&self, (instance, bin): (&Instance, usize), order: usize, task: (&[u32], &[f64]), into: &mut Attempt) -> (f64, u64) {
        let (left, values) = task;
        let most = instance.most(bin);
        let Attempt { room, counts } = into;
        room.clear();
        room.extend_from_slice(instance.capacity(bin));
        counts.clear();
        let (mut worth, mut seen) = (0.0, 0);
        for class in &self.all[order] {
            let at = *class as usize;
            if left[at] == 0 {
                continue;
            }
            seen += 1;
            let parts = instance.parts(at);
            let count = times(parts, room, left[at].min(most[at]));
            if count == 0 {
                continue;
            }
            counts.push((*class, count));
            worth += values[at] * f64::from(count);
            take(parts, room, i64::from(count));
            if room.iter().zip(&self.least).any(|(room, least)| room < least) {
                break;
            }
        }
        (worth, seen)
    }
}

/// A filling in the making.
#[derive(Default)]
struct Attempt {
    room: Vec<i64>,
    counts: Counts,
}

/// Highest score first; ties by class.
fn sorted(instance: &Instance, score: impl Fn(usize) -> f64) -> Vec<u32> {
    let mut scored: Vec<(f64, u32)> = (0..instance.classes()).map(|class| (score(class), class as u32)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, class)| class).collect()
}

/// Packs all demand in shares of about `pods` each that look alike: pods are dealt out by size. A greedy choice over everything takes
/// the good fillings first and is left with what does not go together; within a share there is little to be left with.
pub(super) fn pack_in_shares(instance: &Instance, values: &[f64], prices: &[f64], pods: u64, meter: &mut Meter<'_>) -> Packing {
    let all: u64 = instance.demand.iter().map(|count| u64::from(*count)).sum();
    let shares = (all / pods.max(1)).max(1) as usize;
    let charge = super::bound::priced(instance, prices);
    let mut order: Vec<usize> = (0..instance.classes()).collect();
    order.sort_by(|a, b| charge[*b].total_cmp(&charge[*a]).then(a.cmp(b)));
    let mut dealt = vec![vec![0_u32; instance.classes()]; shares];
    let mut next = 0;
    for class in order {
        let (each, rest) = (instance.demand[class] / shares as u32, instance.demand[class] as usize % shares);
        for share in &mut dealt {
            share[class] = each;
        }
        for _ in 0..rest {
            dealt[next][class] += 1;
            next = (next + 1) % shares;
        }
    }
    let mut packing = Packing::new();
    for share in &dealt {
        let (part, classes) = instance.residual(share);
        let worth: Vec<f64> = classes.iter().map(|class| values[*class as usize]).collect();
        for (filling, uses) in pack(&part, &worth, prices, meter) {
            let counts = filling.counts.iter().map(|(class, count)| (classes[*class as usize], *count)).collect();
            packing.push((Filling { bin: filling.bin, counts }, uses));
        }
    }
    packing
}

/// A bin that keeps this share of the most that any promises is as good as any.
const AS_GOOD: f64 = 0.998;

/// What a bin was found to hold, or a ceiling on what that is worth for its price.
struct Rank {
    bin: usize,
    ratio: f64,
    counts: Counts,
}

/// Packs all demand; a filling is repeated as often as it fits whole. Always finishes: the meter is charged, not asked.
///
/// Demand only shrinks, so what a bin was worth before is taken as the most that it is worth now: only bins that come out on top are
/// filled anew.
pub(super) fn pack(instance: &Instance, values: &[f64], prices: &[f64], meter: &mut Meter<'_>) -> Packing {
    let orders = Orders::new(instance, values, prices);
    let mut left = instance.demand.clone();
    let mut ranks = ceilings(instance, values, prices);
    let mut packing = Packing::new();
    while left.iter().any(|count| *count > 0) {
        let top = (0..ranks.len()).max_by(|a, b| ranks[*a].ratio.total_cmp(&ranks[*b].ratio).then(b.cmp(a)));
        let Some(rank) = top.map(|top| &mut ranks[top]) else { break };
        let whole = !rank.counts.is_empty() && rank.counts.iter().all(|(class, count)| left[*class as usize] >= *count);
        if !whole {
            let most = rank.ratio;
            if most < 0.0 {
                break;
            }
            meter.spend(1 + fill_best(instance, &orders, rank, &left, values) / 16);
            if rank.ratio < most * AS_GOOD {
                continue;
            }
        }
        let bin = instance.cheapest(&rank.counts).unwrap_or(rank.bin);
        let filling = Filling { bin, counts: rank.counts.clone() };
        let uses = take_whole(&mut left, &filling, u32::MAX);
        meter.spend(1);
        packing.push((filling, uses));
    }
    packing
}

/// No filling is worth more than the bin's capacity at `prices` times the best value per priced size.
fn ceilings(instance: &Instance, values: &[f64], prices: &[f64]) -> Vec<Rank> {
    let charge = super::bound::priced(instance, prices);
    let ratio = (0..instance.classes()).map(|class| values[class] / charge[class].max(1e-12)).fold(0.0, f64::max);
    let ceiling = |bin: usize| {
        let room: f64 = instance.capacity(bin).iter().zip(prices).map(|(room, price)| *room as f64 * price).sum();
        room * ratio / instance.cost(bin)
    };
    (0..instance.bins()).map(|bin| Rank { bin, ratio: ceiling(bin), counts: Counts::new() }).collect()
}

/// Fills the bin of `rank` with what is left, in every order; returns the classes looked at.
fn fill_best(instance: &Instance, orders: &Orders, rank: &mut Rank, left: &[u32], values: &[f64]) -> u64 {
    let cost = instance.cost(rank.bin);
    let mut looked = 0;
    rank.ratio = -1.0;
    rank.counts.clear();
    let mut attempt = Attempt::default();
    for order in 0..orders.len() {
        let (worth, seen) = orders.fill((instance, rank.bin), order, (left, values), &mut attempt);
        looked += seen;
        if worth / cost > rank.ratio && !attempt.counts.is_empty() {
            rank.ratio = worth / cost;
            std::mem::swap(&mut rank.counts, &mut attempt.counts);
        }
    }
    rank.counts.sort_unstable();
    looked
}
