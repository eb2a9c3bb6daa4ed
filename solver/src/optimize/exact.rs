//! The true optimum of tiny instances, by dynamic programming over what is left.
//!
//! A state is a vector of remaining counts. The first class that is left must be in some bin, so from each state every part that
//! contains one of it, and that some bin holds, leads to a smaller state.

use super::instance::{Counts, Filling, Instance, Packing};
use super::meter::Meter;

/// Pairs of state and part that are still looked at.
const PAIRS_MAX: u64 = 400_000;

/// The optimum, or `None` where the instance is too large.
pub(super) fn pack(instance: &Instance, meter: &mut Meter<'_>) -> Option<Packing> {
    let pairs = instance.demand.iter().try_fold(1_u64, |pairs, demand| {
        let demand = u64::from(*demand);
        pairs.checked_mul((demand + 1).checked_mul(demand + 2)? / 2).filter(|pairs| *pairs <= PAIRS_MAX)
    })?;
    if !meter.spend(1 + pairs / 20) {
        return None;
    }
    let places: Vec<usize> = instance
        .demand
        .iter()
        .scan(1, |place, demand| {
            let here = *place;
            *place *= *demand as usize + 1;
            Some(here)
        })
        .collect();
    let states: usize = instance.demand.iter().map(|demand| *demand as usize + 1).product();
    let digits = |state: usize| -> Vec<u32> {
        places.iter().zip(&instance.demand).map(|(place, demand)| (state / place % (*demand as usize + 1)) as u32).collect()
    };
    let bin_of: Vec<Option<usize>> = (0..states).map(|state| instance.cheapest(&counts_of(&digits(state)))).collect();
    let mut best: Vec<(i64, usize)> = vec![(0, 0); states];
    for state in 1..states {
        let left = digits(state);
        let first = left.iter().position(|count| *count > 0).unwrap_or(0);
        let mut cheapest = (i64::MAX, 0);
        let mut part = vec![0_u32; left.len()];
        part[first] = 1;
        let mut index = places[first];
        loop {
            if let Some(bin) = bin_of[index] {
                let cost = instance.price[bin].saturating_add(best[state - index].0);
                if cost < cheapest.0 {
                    cheapest = (cost, index);
                }
            }
            if !advance(&mut part, &left, &places, first, &mut index) {
                break;
            }
        }
        best[state] = cheapest;
    }
    let mut packing = Packing::new();
    let mut state = states - 1;
    while state > 0 {
        let part = best[state].1;
        packing.push((Filling { bin: bin_of[part]?, counts: counts_of(&digits(part)) }, 1));
        state -= part;
    }
    Some(packing)
}

fn counts_of(digits: &[u32]) -> Counts {
    (0_u32..).zip(digits).filter(|(_, count)| **count > 0).map(|(class, count)| (class, *count)).collect()
}

/// The next part of `left` with at least one of class `first`; keeps `index` in step.
fn advance(part: &mut [u32], left: &[u32], places: &[usize], first: usize, index: &mut usize) -> bool {
    for class in first..part.len() {
        if part[class] < left[class] {
            part[class] += 1;
            *index += places[class];
            return true;
        }
        let least = u32::from(class == first);
        *index -= (part[class] - least) as usize * places[class];
        part[class] = least;
    }
    false
}
