//! A sharper ceiling on a bin's best filling: one dimension counted exactly, the others priced.
//!
//! With prices for all dimensions but one, what is left is a knapsack in that one dimension, whose integer optimum dynamic programming
//! finds. Where the dimension is coarse (devices, one-per-node rules, processors in few steps) this removes the fractions that make
//! the plain bound weak. Any prices give a valid ceiling; good ones are found by trying a few around a first guess.

use super::super::instance::Instance;
use super::super::knapsack::Fine;
use super::super::meter::Meter;
use super::{PRICE_BITS, at_prices, integers};

/// Above this many units a dimension is left to the search.
const UNITS_MAX: i64 = 10_000;
/// Above this many table entries for one ceiling, too.
const WORK_MAX: u64 = 3_000_000;
/// Factors tried on each price.
const FACTORS: [f64; 6] = [0.6, 0.85, 0.96, 1.04, 1.18, 1.7];

/// The lowest ceiling found over all coarse dimensions, in fine units; stops early at `enough`.
pub(super) fn ceiling(
    instance: &Instance,
    bin: usize,
    values: &[i64],
    prices: &[f64],
    fine: Fine,
    enough: i128,
    meter: &mut Meter<'_>,
) -> Option<i128> {
    let mut best = None;
    for exact in (0..instance.width).filter(|d| instance.capacity(bin)[*d] <= UNITS_MAX) {
        let mut prices = prices.to_vec();
        for (d, price) in prices.iter_mut().enumerate() {
            let room = instance.capacity(bin)[d].max(1) as f64;
            *price = if d == exact { 0.0 } else { price.max(0.01 * instance.cost(bin) / room) };
        }
        let Some(mut lowest) = one(instance, bin, values, &prices, exact, fine, meter) else { continue };
        for _ in 0..3 {
            let before = lowest;
            for d in (0..instance.width).filter(|d| *d != exact) {
                for factor in FACTORS {
                    let old = prices[d];
                    prices[d] = old * factor;
                    match one(instance, bin, values, &prices, exact, fine, meter) {
                        Some(worth) if worth < lowest => lowest = worth,
                        _ => prices[d] = old,
                    }
                    if meter.stopped() || lowest <= enough {
                        return Some(best.map_or(lowest, |best: i128| best.min(lowest)));
                    }
                }
            }
            if lowest >= before {
                break;
            }
        }
        best = Some(best.map_or(lowest, |best: i128| best.min(lowest)));
    }
    best
}

/// The ceiling with dimension `exact` counted and the others at `prices`. `None` where the table would be too large.
fn one(
    instance: &Instance,
    bin: usize,
    values: &[i64],
    prices: &[f64],
    exact: usize,
    fine: Fine,
    meter: &mut Meter<'_>,
) -> Option<i128> {
    let prices = integers(prices, fine);
    let room = usize::try_from(instance.capacity(bin)[exact]).ok()?;
    let mut ceiling = at_prices(instance.capacity(bin), &prices);
    let mut lots: Vec<(usize, i64)> = Vec::new();
    for (class, most) in instance.most(bin).iter().enumerate().filter(|(_, most)| **most > 0) {
        let profit = (i128::from(values[class]) << PRICE_BITS) - at_prices(instance.size(class), &prices);
        if profit <= 0 {
            continue;
        }
        let size = usize::try_from(instance.size(class)[exact]).ok()?;
        if size == 0 {
            ceiling = ceiling.saturating_add(profit.saturating_mul(i128::from(*most)));
            continue;
        }
        // Lots of 1, 2, 4, ... and the rest make up any count.
        let profit = i64::try_from((profit >> PRICE_BITS) + 1).ok()?;
        let (mut rest, mut lot) = (*most, 1);
        while rest > 0 {
            let count = rest.min(lot);
            lots.push((size * count as usize, profit.checked_mul(i64::from(count))?));
            rest -= count;
            lot = lot.saturating_mul(2);
        }
    }
    let work = lots.len() as u64 * (room as u64 + 1);
    if work > WORK_MAX {
        return None;
    }
    meter.spend(1 + (work + instance.classes() as u64 * 8) / 250);
    let mut table = vec![0_i64; room + 1];
    for (size, profit) in lots {
        for at in (size..=room).rev() {
            table[at] = table[at].max(table[at - size].saturating_add(profit));
        }
    }
    Some((ceiling >> PRICE_BITS) + 1 + i128::from(table[room]))
}
