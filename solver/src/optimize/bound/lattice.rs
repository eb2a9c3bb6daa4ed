//! A sharper ceiling on a bin's best filling: one dimension counted exactly, the others priced.
//!
//! With prices for all dimensions but one, what is left is a knapsack in that one dimension, whose integer optimum dynamic programming
//! finds. Where the dimension is coarse (devices, one-per-node rules, processors in few steps) this removes the fractions that make
//! the plain bound weak. Any prices give a valid ceiling; good ones are found by trying a few around a first guess.

use super::super::instance::Instance;
use super::super::knapsack::Fine;
use super::super::meter::Meter;
use super::{PRICE_BITS, at_prices, integers, taken_at_prices};

/// Above this many units a dimension is left to the search.
const UNITS_MAX: i64 = 10_000;
/// Above this many table entries for one ceiling, too.
const WORK_MAX: u64 = 3_000_000;
/// How far prices are moved at first, and at least, as a share of each.
const REACH: (f64, f64) = (0.3, 4e-4);
/// Table entries for all ceilings of a bin, in one dimension.
const EFFORT: u64 = 12_000_000;

/// Dimensions of `bin` worth counting: coarse, and scarce at `prices`.
pub(super) fn coarse<'a>(instance: &'a Instance, bin: usize, prices: &'a [f64], units: i64) -> impl Iterator<Item = usize> + 'a {
    let room = instance.capacity(bin);
    (0..instance.width).filter(move |d| room[*d] > 0 && room[*d] <= units && prices[*d] > 0.0)
}

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
    let mut best: Option<i128> = None;
    for exact in coarse(instance, bin, prices, UNITS_MAX) {
        let mut start = prices.to_vec();
        for (d, price) in start.iter_mut().enumerate() {
            let room = instance.capacity(bin)[d].max(1) as f64;
            *price = if d == exact { 0.0 } else { price.max(1e-3 * instance.cost(bin) / room) };
        }
        let Some(found) = lowest(instance, bin, values, start, exact, fine, enough, meter) else { continue };
        best = Some(best.map_or(found, |best| best.min(found)));
        if meter.stopped() || best <= Some(enough) {
            break;
        }
    }
    best
}

/// Moves the prices of the other dimensions, one or two at a time, as long as that lowers the ceiling, in ever shorter steps.
#[allow(clippy::too_many_arguments)]
fn lowest(
    instance: &Instance,
    bin: usize,
    values: &[i64],
    mut prices: Vec<f64>,
    exact: usize,
    fine: Fine,
    enough: i128,
    meter: &mut Meter<'_>,
) -> Option<i128> {
    let others: Vec<usize> = (0..instance.width).filter(|d| *d != exact).collect();
    let mut lowest = one(instance, bin, values, &prices, exact, fine, meter)?;
    let each = instance.classes() as u64 * 4 * (instance.capacity(bin)[exact] as u64 + 8);
    let mut tries = (EFFORT / each).clamp(30, 400);
    let mut reach = REACH.0;
    while reach > REACH.1 {
        let mut moved = false;
        for (first, second, tilt) in moves(&others, reach) {
            let old = (prices[first], prices[second]);
            prices[first] *= 1.0 + tilt.0;
            if first != second {
                prices[second] *= 1.0 + tilt.1;
            }
            tries -= 1;
            match one(instance, bin, values, &prices, exact, fine, meter) {
                Some(worth) if worth < lowest => {
                    lowest = worth;
                    moved = true;
                }
                _ => (prices[second], prices[first]) = (old.1, old.0),
            }
            if tries == 0 || meter.stopped() || lowest <= enough {
                return Some(lowest);
            }
        }
        if !moved {
            reach *= 0.45;
        }
    }
    Some(lowest)
}

/// Each price up and down alone, and every pair of them in opposite directions.
fn moves(others: &[usize], reach: f64) -> Vec<(usize, usize, (f64, f64))> {
    let mut all = Vec::new();
    for (place, first) in others.iter().enumerate() {
        all.extend([(*first, *first, (reach, 0.0)), (*first, *first, (-reach, 0.0))]);
        for second in &others[place + 1..] {
            all.extend([(*first, *second, (reach, -reach)), (*first, *second, (-reach, reach))]);
        }
    }
    all
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
        let profit = (i128::from(values[class]) << PRICE_BITS) - taken_at_prices(instance.parts(class), &prices);
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
