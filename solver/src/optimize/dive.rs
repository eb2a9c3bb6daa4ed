//! From a fractional mix to whole bins: fix what is whole, round the best fractions up, solve again for what is left.

use super::column::{Mix, Pace, generate};
use super::exact;
use super::greedy;
use super::instance::{Filling, Instance, Packing};
use super::meter::Meter;
use super::packing::{cost, take_part, take_whole, tidy};

/// How to round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Fractions from here on are rounded up.
    pub(super) round_up: f64,
    /// One of so many of the fractional fillings is rounded up in any case, the highest first.
    pub(super) one_in: usize,
}

/// Packs all demand, starting from `mix`; `hint` are prices per unit. `None` once the meter stops.
pub(super) fn dive(
    instance: &Instance,
    mix: &Mix,
    hint: &[f64],
    pace: Pace,
    manner: Manner,
    meter: &mut Meter<'_>,
) -> Option<Packing> {
    let mut left = instance.demand.clone();
    let mut packing = Packing::new();
    let mut pool = mix.pool.clone();
    let mut used = mix.used.clone();
    for round in 0.. {
        used.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let fixed = fix_whole(&mut left, &used, &mut packing);
        if fixed == 0 || round > 0 {
            round_up(instance, &mut left, &used, manner, &mut packing);
        }
        if left.iter().all(|count| *count == 0) {
            break;
        }
        let (rest, classes) = instance.residual(&left);
        let back = |filling: &Filling| Filling {
            bin: filling.bin,
            counts: filling.counts.iter().map(|(class, count)| (classes[*class as usize], *count)).collect(),
        };
        if let Some(end) = exact::pack(&rest, meter) {
            packing.extend(end.iter().map(|(filling, uses)| (back(filling), *uses)));
            break;
        }
        let seeds = restrict(&pool, &classes, instance.classes());
        let next = generate(&rest, &seeds, hint, pace, meter);
        if meter.stopped() {
            return None;
        }
        used = next.used.iter().map(|(filling, level)| (back(filling), *level)).collect();
        if round < 6 {
            pool = next.pool.iter().map(back).collect();
        }
        if used.is_empty() {
            let end = greedy::pack(&rest, &next.dual, hint, meter);
            packing.extend(end.iter().map(|(filling, uses)| (back(filling), *uses)));
            break;
        }
    }
    Some(tidy(instance, packing))
}

fn fix_whole(left: &mut [u32], used: &[(Filling, f64)], packing: &mut Packing) -> u32 {
    let mut fixed = 0;
    for (filling, level) in used {
        let whole = (level + 1e-6).floor() as u32;
        let times = if whole > 0 { take_whole(left, filling, whole) } else { 0 };
        if times > 0 {
            packing.push((filling.clone(), times));
            fixed += times;
        }
    }
    fixed
}

/// Rounds the highest fractions up, each only if all of its counts are still left; the very first in any case.
fn round_up(instance: &Instance, left: &mut [u32], used: &[(Filling, f64)], manner: Manner, packing: &mut Packing) {
    let fraction = |level: f64| level - (level + 1e-6).floor();
    let mut open: Vec<(f64, &Filling)> =
        used.iter().map(|(filling, level)| (fraction(*level), filling)).filter(|(part, _)| *part > 1e-4).collect();
    open.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let in_any_case = (open.len() / manner.one_in).max(1);
    let mut rounded = 0;
    for (part, filling) in open {
        if rounded >= in_any_case && part < manner.round_up {
            break;
        }
        let whole = filling.counts.iter().all(|(class, count)| left[*class as usize] >= *count);
        if !whole && rounded > 0 {
            continue;
        }
        if let Some(taken) = take_part(instance, left, filling) {
            packing.push((taken, 1));
            rounded += 1;
        }
    }
}

/// The part of each filling that concerns `classes`, renumbered.
fn restrict(pool: &[Filling], classes: &[u32], all: usize) -> Vec<Filling> {
    let mut number = vec![u32::MAX; all];
    for (new, old) in (0_u32..).zip(classes) {
        number[*old as usize] = new;
    }
    let part = |filling: &Filling| Filling {
        bin: filling.bin,
        counts: filling
            .counts
            .iter()
            .map(|(class, count)| (number[*class as usize], *count))
            .filter(|(class, _)| *class != u32::MAX)
            .collect(),
    };
    pool.iter().map(part).filter(|filling| !filling.counts.is_empty()).collect()
}

/// The cheaper of two packings; the first where they cost the same.
pub(super) fn cheaper(instance: &Instance, best: Packing, other: Option<Packing>) -> Packing {
    match other {
        Some(other) if cost(instance, &other) < cost(instance, &best) => other,
        _ => best,
    }
}
