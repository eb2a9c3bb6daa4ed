//! Large-neighbourhood search: take a few bins apart, pack their contents anew at shaken values, keep what is not dearer.

use super::bound::priced;
use super::instance::{Counts, Filling, Instance, Packing};
use super::meter::Meter;
use super::packing::tidy;
use super::random::SplitMix64;
use super::sizes::{charge, take, times};

/// Most bins taken apart at once.
const BINS_MAX: usize = 8;

/// After so many tries, and so many for each bin, at least this share of the cost must have been gained.
const PATIENCE: usize = 1_000;
const EACH: usize = 4;
const GAIN: f64 = 2e-4;

/// Improves `packing` until the meter stops or its cost is at most `enough`.
pub(super) fn improve(
    instance: &Instance,
    packing: &Packing,
    prices: &[f64],
    enough: f64,
    seed: u64,
    meter: &mut Meter<'_>,
) -> Packing {
    let nodes: Vec<Filling> =
        packing.iter().flat_map(|(filling, uses)| std::iter::repeat_n(filling, *uses as usize)).cloned().collect();
    let total = nodes.iter().map(|node| instance.cost(node.bin)).sum();
    let mut search = Search {
        instance,
        values: priced(instance, prices),
        prices: prices.to_vec(),
        left: vec![0; instance.classes()],
        random: SplitMix64::new(seed),
        nodes,
        total,
        attempt: Counts::new(),
        room: Vec::new(),
    };
    let (mut tries, mut before) = (0, f64::INFINITY);
    while search.nodes.len() >= 2 && search.total > enough {
        if tries == PATIENCE + search.nodes.len() * EACH {
            if search.total > before * (1.0 - GAIN) {
                break;
            }
            (tries, before) = (0, search.total);
        }
        tries += 1;
        let steps = search.step();
        if !meter.spend(steps) {
            break;
        }
    }
    tidy(instance, search.nodes.into_iter().map(|node| (node, 1)).collect())
}

struct Search<'a> {
    instance: &'a Instance,
    values: Vec<f64>,
    prices: Vec<f64>,
    left: Vec<u32>,
    random: SplitMix64,
    nodes: Vec<Filling>,
    total: f64,
    /// A filling in the making, and the room it leaves.
    attempt: Counts,
    room: Vec<i64>,
}

impl Search<'_> {
    fn step(&mut self) -> u64 {
        let picked = self.pick();
        let budget: f64 = picked.iter().map(|node| self.instance.cost(self.nodes[*node].bin)).sum();
        let mut classes: Vec<u32> = Vec::new();
        for (class, count) in picked.iter().flat_map(|node| &self.nodes[*node].counts) {
            if self.left[*class as usize] == 0 {
                classes.push(*class);
            }
            self.left[*class as usize] += count;
        }
        let mut steps = 1;
        let anew = self.repack(&classes, budget, &mut steps);
        for class in &classes {
            self.left[*class as usize] = 0;
        }
        if let Some(anew) = anew {
            let cost: f64 = anew.iter().map(|node| self.instance.cost(node.bin)).sum();
            if cost < budget || (cost <= budget && self.random.fraction() < 0.3) {
                for node in picked.iter().rev() {
                    self.nodes.swap_remove(*node);
                }
                self.nodes.extend(anew);
                self.total += cost - budget;
            }
        }
        steps
    }

    /// Some bins, mostly such as waste much; ascending.
    fn pick(&mut self) -> Vec<usize> {
        let most = BINS_MAX.min(self.nodes.len());
        let wanted = 2 + self.random.below(most - 1);
        let mut picked: Vec<usize> = Vec::with_capacity(wanted);
        for _ in 0..4 * wanted {
            let mut node = self.random.below(self.nodes.len());
            if self.random.fraction() < 0.7 {
                for _ in 0..3 {
                    let rival = self.random.below(self.nodes.len());
                    if self.waste(rival) > self.waste(node) {
                        node = rival;
                    }
                }
            }
            if !picked.contains(&node) {
                picked.push(node);
            }
            if picked.len() == wanted {
                break;
            }
        }
        picked.sort_unstable();
        picked
    }

    fn waste(&self, node: usize) -> f64 {
        let node = &self.nodes[node];
        let worth: f64 = node.counts.iter().map(|(class, count)| self.values[*class as usize] * f64::from(*count)).sum();
        self.instance.cost(node.bin) - worth
    }

    /// Packs what is left of `classes` within `budget`.
    fn repack(&mut self, classes: &[u32], budget: f64, steps: &mut u64) -> Option<Vec<Filling>> {
        let instance = self.instance;
        let shaken: Vec<f64> =
            classes.iter().map(|class| self.values[*class as usize] * (0.8 + 0.4 * self.random.fraction())).collect();
        let orders = [self.order(classes, &shaken), self.order(classes, &shaken)];
        let mut anew = Vec::new();
        let mut spent = 0.0;
        loop {
            let rest: Counts =
                classes.iter().map(|class| (*class, self.left[*class as usize])).filter(|(_, count)| *count > 0).collect();
            if rest.is_empty() {
                return Some(anew);
            }
            let worth: f64 = rest.iter().map(|(class, count)| self.values[*class as usize] * f64::from(*count)).sum();
            if let Some(bin) = instance.cheapest(&rest).filter(|bin| instance.cost(*bin) <= worth * 1.02) {
                if spent + instance.cost(bin) > budget {
                    return None;
                }
                let mut counts = rest;
                counts.sort_unstable();
                anew.push(Filling { bin, counts });
                return Some(anew);
            }
            let (mut most, mut counts) = (0.0, Counts::new());
            for bin in 0..instance.bins() {
                if spent + instance.cost(bin) > budget {
                    break;
                }
                for order in &orders {
                    let worth = self.fill(bin, order);
                    *steps += 1 + self.attempt.len() as u64 / 8;
                    if worth / instance.cost(bin) > most {
                        most = worth / instance.cost(bin);
                        std::mem::swap(&mut counts, &mut self.attempt);
                    }
                }
            }
            counts.sort_unstable();
            let bin = instance.cheapest(&counts).filter(|_| !counts.is_empty())?;
            for (class, count) in &counts {
                self.left[*class as usize] -= count;
            }
            spent += instance.cost(bin);
            anew.push(Filling { bin, counts });
        }
    }

    /// (class, shaken value) by value per size at shaken prices, best first.
    fn order(&mut self, classes: &[u32], shaken: &[f64]) -> Vec<(u32, f64)> {
        let prices: Vec<f64> = self.prices.iter().map(|price| price * (0.3 + 1.4 * self.random.fraction())).collect();
        let charge = |class: u32| charge(self.instance.parts(class as usize), &prices).max(1e-12);
        let mut scored: Vec<(f64, u32, f64)> =
            classes.iter().zip(shaken).map(|(class, value)| (value / charge(*class), *class, *value)).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        scored.into_iter().map(|(_, class, value)| (class, value)).collect()
    }

    /// Fills `bin` in this order, as an attempt; returns its worth.
    fn fill(&mut self, bin: usize, order: &[(u32, f64)]) -> f64 {
        let most = self.instance.most(bin);
        self.room.clear();
        self.room.extend_from_slice(self.instance.capacity(bin));
        self.attempt.clear();
        let mut worth = 0.0;
        for (class, value) in order {
            let at = *class as usize;
            let parts = self.instance.parts(at);
            let count = times(parts, &self.room, self.left[at].min(most[at]));
            if count > 0 {
                self.attempt.push((*class, count));
                worth += value * f64::from(count);
                take(parts, &mut self.room, i64::from(count));
            }
        }
        worth
    }
}
