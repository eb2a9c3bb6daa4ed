//! The sharpest look at a bin's best filling: branch and bound over linear relaxations, the most promising part first.
//!
//! Where a few large pods decide, the relaxation takes nine tenths of one and no prices make up for that. So the fraction is forbidden:
//! one part of the fillings has more of that class, the other fewer, and each gets prices of its own. The ceiling is that of the part
//! that promises most, so the work can end at any time; and every relaxation, rounded, is a filling that may be the best.

use super::super::instance::{Counts, Instance};
use super::super::knapsack::{Fine, Relaxation, relax_within};
use super::super::meter::Meter;
use super::super::sizes::{charge, take, times};
use super::lagrangian;
use std::collections::BinaryHeap;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(in crate::optimize) struct Until {
    /// A ceiling that is low enough, in fine units.
    pub(in crate::optimize) enough: i128,
    /// So close to the best filling, too.
    pub(in crate::optimize) slack: i128,
    /// So many relaxations.
    pub(in crate::optimize) programs: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(in crate::optimize) struct Branched {
    /// No filling is worth more, in fine units.
    pub(in crate::optimize) ceiling: i128,
    /// The best filling seen.
    pub(in crate::optimize) counts: Counts,
    /// What it is worth, in fine units.
    pub(in crate::optimize) worth: i128,
}

/// Some of the fillings of a bin.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    /// None of them is worth more, in fine units.
    ceiling: i128,
    /// A class of which the relaxation takes a fraction more than so many beyond those in `taken`.
    split: Option<(u32, u32)>,
    /// How many of each class all of them have at least.
    taken: Vec<(u32, u32)>,
    /// How many of each class none of them has more than.
    most: Vec<u32>,
}

/// Looks for the best filling of `bin` at `values`, in fine units.
pub(in crate::optimize) fn branch(
    instance: &Instance,
    bin: usize,
    values: &[i64],
    fine: Fine,
    until: Until,
    meter: &mut Meter<'_>,
) -> Option<Branched> {
    let rounded = values.iter().map(|value| *value as f64 / fine.one()).collect();
    let mut worker = Worker { instance, bin, values, rounded, fine, best: (0, Counts::new()) };
    let mut open = BinaryHeap::from([worker.part(Vec::new(), instance.most(bin).to_vec())?]);
    let mut solved = 1;
    let mut ceiling = open.peek()?.ceiling;
    while let Some(part) = open.pop() {
        ceiling = part.ceiling;
        let closed = ceiling <= until.enough || ceiling <= worker.best.0.saturating_add(until.slack);
        let Some((class, count)) = part.split.filter(|_| !closed && solved < until.programs) else { break };
        if !meter.spend(3 * instance.classes() as u64) {
            break;
        }
        let Part { taken, most, .. } = part;
        let had = taken.iter().find(|(known, _)| *known == class).map_or(0, |(_, count)| *count);
        let mut fewer = most.clone();
        fewer[class as usize] = had + count;
        let mut more: Vec<(u32, u32)> = taken.iter().copied().filter(|(known, _)| *known != class).collect();
        more.push((class, had + count + 1));
        for (taken, most) in [(taken, fewer), (more, most)] {
            if let Some(mut part) = worker.part(taken, most) {
                part.ceiling = part.ceiling.min(ceiling);
                open.push(part);
            }
            solved += 1;
        }
    }
    let (worth, mut counts) = worker.best;
    counts.sort_unstable();
    Some(Branched { ceiling: ceiling.max(worth), counts, worth })
}

struct Worker<'a> {
    instance: &'a Instance,
    bin: usize,
    values: &'a [i64],
    rounded: Vec<f64>,
    fine: Fine,
    /// The most valuable filling seen.
    best: (i128, Counts),
}

impl Worker<'_> {
    /// The part of these bounds; `None` where they leave nothing.
    fn part(&mut self, taken: Vec<(u32, u32)>, most: Vec<u32>) -> Option<Part> {
        let instance = self.instance;
        let mut room = instance.capacity(self.bin).to_vec();
        let mut sure = 0_i128;
        let mut rest = most.clone();
        for (class, count) in &taken {
            let at = *class as usize;
            rest[at] = most[at].checked_sub(*count)?;
            sure += i128::from(self.values[at]) * i128::from(*count);
            for (room, size) in room.iter_mut().zip(instance.size(at)) {
                *room = room.checked_sub(size.checked_mul(i64::from(*count))?)?;
            }
        }
        if room.iter().any(|room| *room < 0) {
            return None;
        }
        for (class, rest) in rest.iter_mut().enumerate() {
            *rest = times(instance.parts(class), &room, *rest);
        }
        let relaxed = relax_within(instance, (&room, &rest), &self.rounded);
        let ceiling = sure.saturating_add(lagrangian(instance, (&room, &rest), self.values, &relaxed.prices, self.fine));
        self.round(&taken, &rest, &room, sure, &relaxed);
        // The largest fraction by value: it is what the relaxation gains most by.
        let fractions = relaxed.amounts.iter().filter(|(_, amount)| (amount - amount.round()).abs() > 1e-6);
        let split =
            fractions.max_by(|a, b| self.rounded[a.0 as usize].total_cmp(&self.rounded[b.0 as usize]).then(b.0.cmp(&a.0)));
        Some(Part { ceiling, split: split.map(|(class, amount)| (*class, amount.floor() as u32)), taken, most })
    }

    /// The relaxation rounded down and filled up by value per priced size.
    fn round(&mut self, taken: &[(u32, u32)], rest: &[u32], room: &[i64], sure: i128, relaxed: &Relaxation) {
        let instance = self.instance;
        let (mut room, mut worth) = (room.to_vec(), sure);
        let mut counts: Vec<u32> = vec![0; instance.classes()];
        let mut add = |class: usize, wanted: u32, counts: &mut Vec<u32>, room: &mut Vec<i64>| {
            let count = times(instance.parts(class), room, wanted);
            counts[class] += count;
            worth += i128::from(self.values[class]) * i128::from(count);
            take(instance.parts(class), room, i64::from(count));
        };
        for (class, amount) in &relaxed.amounts {
            add(*class as usize, (amount + 1e-9).floor() as u32, &mut counts, &mut room);
        }
        let even = instance.cost(self.bin) * 1e-3;
        let whole = instance.capacity(self.bin);
        let dearer: Vec<f64> =
            relaxed.prices.iter().zip(whole).map(|(price, whole)| price + even / (*whole).max(1) as f64).collect();
        let mut order: Vec<(f64, usize)> = (0..instance.classes())
            .filter(|class| rest[*class] > counts[*class] && self.values[*class] > 0)
            .map(|class| (self.rounded[class] / charge(instance.parts(class), &dearer).max(1e-12), class))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, class) in order {
            let wanted = rest[class] - counts[class];
            add(class, wanted, &mut counts, &mut room);
        }
        if worth > self.best.0 {
            for (class, count) in taken {
                counts[*class as usize] += count;
            }
            self.best = (worth, (0_u32..).zip(counts).filter(|(_, count)| *count > 0).collect());
        }
    }
}
