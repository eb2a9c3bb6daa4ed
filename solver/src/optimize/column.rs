//! Column generation: the cheapest fractional mix of fillings.
//!
//! The master program covers demand with the fillings known so far; its prices per class go to the bins, each of which answers with
//! its most valuable filling; one worth more than its bin joins. To keep prices from swinging, bins are asked at prices between the
//! master's and the best ones so far (those with the best bound), and at the master's own only when that yields nothing. Bins are
//! visited by what they promise, a bound from their last resource prices times what came of their last promise: the relaxation of a
//! small bin promises more than whole pods keep, and must not stand before the bins that do pay.

use super::bound::branch::{Until, branch};
use super::instance::{Filling, Instance};
use super::knapsack::{self, Depth, Fine, Relaxation, Valued, relax, worth};
use super::meter::Meter;
use super::simplex::Simplex;
use std::collections::BTreeSet;

/// How long to generate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Rounds of asking the bins.
    pub(super) rounds: u32,
    /// How hard each filling asked for is searched.
    pub(super) depth: Depth,
    /// Stop once value and bound are this close, relative.
    pub(super) gap: f64,
    /// Bins asked per round once good fillings are known.
    pub(super) bins: usize,
}

/// The result.
#[derive(Debug, Clone)]
pub(super) struct Mix {
    /// Every filling generated.
    pub(super) pool: Vec<Filling>,
    /// Fillings in use and how much of each.
    pub(super) used: Vec<(Filling, f64)>,
    /// Price per class of the master.
    pub(super) dual: Vec<f64>,
    /// Price per class with the best bound seen.
    pub(super) center: Vec<f64>,
}

/// Where the relaxation promises this share of a bin's price more than the best filling found, a few large pods decide, and a search
/// that branches on them is worth its time.
const WORTH_BRANCHING: f64 = 0.02;

/// After so many rounds it is asked whether they were worth it: whether they gained this share of the search's slack.
const LOOK_BACK: u32 = 8;
const TAIL: f64 = 0.05;

/// Weight of the best prices so far when bins are asked.
const SMOOTHING: f64 = 0.6;

/// Generates fillings, starting from `seeds` and from prices per unit `hint`.
pub(super) fn generate(instance: &Instance, seeds: &[Filling], hint: &[f64], pace: Pace, meter: &mut Meter<'_>) -> Mix {
    let mut work = Generator::new(instance, seeds, hint);
    work.run(pace, meter);
    work.mix()
}

/// The master program with the fillings found so far; it can run again with more search nodes.
pub(super) struct Generator<'a> {
    instance: &'a Instance,
    master: Simplex,
    pool: Vec<Filling>,
    units: Vec<Filling>,
    known: BTreeSet<Filling>,
    /// Resource prices each bin answered with last.
    resource: Vec<Vec<f64>>,
    /// Per bin: its last answer's worth by what the relaxation promised.
    tightness: Vec<f64>,
    center: Vec<f64>,
    bound: f64,
}

impl<'a> Generator<'a> {
    pub(super) fn new(instance: &'a Instance, seeds: &[Filling], hint: &[f64]) -> Self {
        let units: Vec<Filling> = (0..instance.classes() as u32)
            .map(|class| Filling { bin: instance.cheapest(&[(class, 1)]).unwrap_or(0), counts: vec![(class, 1)] })
            .collect();
        let demand: Vec<f64> = instance.demand.iter().map(|count| f64::from(*count)).collect();
        let unit_cost: Vec<f64> = units.iter().map(|unit| instance.cost(unit.bin)).collect();
        let center = super::bound::priced(instance, hint);
        let mut work = Self {
            instance,
            master: Simplex::new(&demand, &unit_cost),
            pool: Vec::new(),
            units,
            known: BTreeSet::new(),
            resource: vec![hint.to_vec(); instance.bins()],
            tightness: vec![1.0; instance.bins()],
            center,
            bound: 0.0,
        };
        for class in 0..instance.classes() {
            let per_one = |bin: &usize| instance.cost(*bin) / f64::from(instance.most(*bin)[class]);
            let best = (0..instance.bins()).filter(|bin| instance.most(*bin)[class] > 0);
            if let Some(bin) = best.min_by(|a, b| per_one(a).total_cmp(&per_one(b)).then(a.cmp(b))) {
                work.admit(Filling { bin, counts: vec![(class as u32, instance.most(bin)[class])] });
            }
        }
        for seed in seeds {
            work.admit(seed.clone());
        }
        work
    }

    /// Asks the bins round by round until none has a filling that pays, the pace ends it, or the meter stops.
    pub(super) fn run(&mut self, pace: Pace, meter: &mut Meter<'_>) {
        let mut smoothing = SMOOTHING;
        let mut before = f64::INFINITY;
        for round in 1..=pace.rounds {
            if !self.master.solve(meter) && meter.stopped() {
                break;
            }
            let dual: Vec<f64> = self.master.dual().iter().map(|price| price.max(0.0)).collect();
            let mut added = 0;
            for weight in [smoothing, 0.0] {
                let asked: Vec<f64> =
                    self.center.iter().zip(&dual).map(|(best, now)| weight * best + (1.0 - weight) * now).collect();
                added = self.ask(&asked, &dual, pace, meter);
                if added > 0 || weight == 0.0 {
                    break;
                }
            }
            let value = self.master.value();
            if meter.stopped() || value - self.bound < pace.gap * value {
                break;
            }
            // The tail is long: what fillings of this depth still gain is less than a deeper search finds.
            if round.is_multiple_of(LOOK_BACK) {
                if before - value < pace.depth.slack * TAIL * value {
                    break;
                }
                before = value;
            }
            if added == 0 {
                if smoothing == 0.0 {
                    break;
                }
                smoothing = 0.0;
            }
        }
        self.master.solve(meter);
    }

    /// Adds a filling, in the cheapest bin that holds it; says whether it is new.
    fn admit(&mut self, mut filling: Filling) -> bool {
        for (class, count) in &mut filling.counts {
            *count = (*count).min(self.instance.demand[*class as usize]);
        }
        filling.bin = self.instance.cheapest(&filling.counts).unwrap_or(filling.bin);
        if filling.counts.is_empty() || !self.known.insert(filling.clone()) {
            return false;
        }
        let entries = filling.counts.iter().map(|(class, count)| (*class, f64::from(*count)));
        self.master.add(entries, self.instance.cost(filling.bin));
        self.pool.push(filling);
        true
    }

    /// Asks bins for fillings at the prices `asked`; admits those worth more than their bin at `dual`. Returns how many.
    ///
    /// The most promising bins come first. No bin is passed over that may answer with more for its price than the best answer so far,
    /// unless enough bins were asked and something pays.
    fn ask(&mut self, asked: &[f64], dual: &[f64], pace: Pace, meter: &mut Meter<'_>) -> usize {
        let instance = self.instance;
        let ratio_of = |bin: usize, prices: &[f64]| Relaxation::bound_of(instance, bin, asked, prices) / instance.cost(bin);
        let mut bins: Vec<(f64, f64, usize)> = (0..instance.bins())
            .map(|bin| {
                let ratio = ratio_of(bin, &self.resource[bin]);
                (ratio * self.tightness[bin], ratio, bin)
            })
            .collect();
        bins.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        meter.spend(1 + (instance.bins() * instance.classes()) as u64 / 100);
        let (mut ceiling, mut best) = (1e-12_f64, 0.0_f64);
        let (mut visited, mut added) = (0, 0);
        for (_, ratio, bin) in bins {
            if ratio <= best {
                continue;
            }
            if visited >= pace.bins && added > 0 {
                ceiling = ceiling.max(ratio);
                continue;
            }
            visited += 1;
            let cost = instance.cost(bin);
            let relaxed = relax(instance, bin, asked);
            let (mut valued, steps) = knapsack::fill(instance, bin, asked, &relaxed, pace.depth, best * cost);
            let missing = relaxed.bound - valued.value.max(best * cost);
            if valued.ceiling.is_none() && pace.depth.nodes > 1_000 && missing > WORTH_BRANCHING * cost {
                self.branch(bin, asked, &mut valued, best, pace.depth, meter);
            }
            let most = valued.ceiling.unwrap_or(f64::INFINITY).min(relaxed.bound).min(ratio * cost);
            self.tightness[bin] = (valued.value / relaxed.bound.max(1e-12)).clamp(0.1, 1.0);
            self.resource[bin].clone_from(&relaxed.prices);
            ceiling = ceiling.max(most / cost);
            best = best.max(valued.value / cost);
            if worth(&valued.counts, dual) > cost * (1.0 + 1e-7) {
                added += usize::from(self.admit(Filling { bin, counts: valued.counts }));
            }
            if !meter.spend(steps + instance.classes() as u64) {
                return 0;
            }
        }
        let demand: f64 = asked.iter().zip(&instance.demand).map(|(price, count)| price * f64::from(*count)).sum();
        if demand / ceiling > self.bound {
            self.bound = demand / ceiling;
            self.center = asked.iter().map(|price| price / ceiling).collect();
        }
        added
    }

    /// Looks closer where the search did not get through.
    fn branch(&self, bin: usize, asked: &[f64], valued: &mut Valued, best: f64, depth: Depth, meter: &mut Meter<'_>) {
        let instance = self.instance;
        let fine = Fine::of(instance);
        let prices: Vec<i64> = asked.iter().map(|value| fine.down(*value)).collect();
        let cost = instance.cost(bin) * fine.one();
        let until = Until {
            enough: (best * cost) as i128,
            slack: (depth.slack * cost) as i128,
            programs: (depth.nodes / 100).clamp(10, 400),
        };
        let Some(found) = branch(instance, bin, &prices, fine, until, meter) else { return };
        valued.ceiling = Some(found.ceiling as f64 / fine.one());
        if found.worth as f64 / fine.one() > valued.value {
            valued.value = worth(&found.counts, asked);
            valued.counts = found.counts;
        }
    }

    /// What the prices of the mix's center prove, up to rounding.
    pub(super) fn bound(&self) -> f64 {
        self.bound
    }

    /// The mix as it stands.
    pub(super) fn mix(&self) -> Mix {
        let (units, added) = self.master.levels();
        let mut used: Vec<(Filling, f64)> = units.into_iter().map(|(row, level)| (self.units[row].clone(), level)).collect();
        used.extend(added.into_iter().map(|(column, level)| (self.pool[column].clone(), level)));
        let dual = self.master.dual().iter().map(|price| price.max(0.0)).collect();
        Mix { used, dual, center: self.center.clone(), pool: self.pool.clone() }
    }
}
