//! One component from start to end: which method runs when, and what it may spend.

use super::bound::{certify, priced, resource_prices};
use super::column::{Generator, Mix, Pace};
use super::dive::{Manner, cheaper, dive};
use super::instance::{Instance, Packing};
use super::knapsack::Depth;
use super::meter::Meter;
use super::packing::{cost, tidy};
use super::places::Anywhere;
use super::{Bound, Effort, exact, greedy, merged, neighbourhood, places};

/// The result for one component.
pub(super) struct Found {
    pub(super) packing: Packing,
    pub(super) lower_bound: i64,
    pub(super) bound: Bound,
    pub(super) marginal: Vec<i64>,
}

/// Relative gap that counts as none.
const CLOSED: f64 = 1e-6;

/// Work for each class in each bin that makes it worth to look at all places together, after they were taken as one.
const TOGETHER: u64 = 6;

/// How dives differ: the first suits most, the others round more carefully or more boldly.
const MANNERS: [Manner; 3] =
    [Manner { round_up: 0.75, one_in: 6 }, Manner { round_up: 0.9, one_in: 12 }, Manner { round_up: 0.6, one_in: 4 }];

/// Pods in a share that is packed greedily, where shapes are many.
const SHARES: [u64; 4] = [300, 150, 600, 1_200];

/// How hard fillings are searched, one depth after the other.
const DEPTHS: [Depth; 4] = [
    Depth { nodes: 200, slack: 2e-3 },
    Depth { nodes: 2_000, slack: 1e-3 },
    Depth { nodes: 20_000, slack: 4e-4 },
    Depth { nodes: 150_000, slack: 1e-4 },
];

/// Packs all of `instance`.
pub(super) fn run(instance: &Instance, seed: u64, meter: &mut Meter<'_>) -> Found {
    let Some(merged) = merged::merged(instance) else { return distinct(instance, seed, meter) };
    let Found { packing, lower_bound, bound, marginal } = distinct(&merged.instance, seed, meter);
    let marginal = merged.prices(&marginal, instance.classes());
    Found { packing: tidy(instance, merged.back(&packing)), lower_bound, bound, marginal }
}

/// The same where no two classes are alike.
fn distinct(instance: &Instance, seed: u64, meter: &mut Meter<'_>) -> Found {
    let hint = resource_prices(instance, meter);
    let values = priced(instance, &hint);
    if let Some(packing) = exact::pack(instance, meter) {
        let packing = tidy(instance, packing);
        let lower_bound = exact_cost(instance, &packing);
        return Found { packing, lower_bound, bound: Bound::Exhaustive, marginal: whole(&values) };
    }
    let linear = instance.classes() <= Effort::MAX_LP_CLASSES;
    // All places are looked at together only where the steps see it through.
    let enough = meter.left() / TOGETHER >= (instance.classes() * instance.bins()) as u64;
    let share = if enough { meter.left() / 2 } else { meter.left() / 8 * 7 };
    let relaxed = places::anywhere(instance).and_then(|anywhere| by_relaxation(&anywhere, &hint, (seed, share), meter));
    let together = relaxed.is_none() || enough;
    let mut found = relaxed.unwrap_or_else(|| Found {
        packing: first(instance, &values, &hint, meter),
        lower_bound: certify(instance, &values, &hint, 0, meter),
        bound: Bound::ResourcePrices,
        marginal: whole(&values),
    });
    if linear && together {
        by_columns(instance, &hint, &mut found, meter);
    }
    if !closed(instance, &found) {
        let enough = found.lower_bound as f64 * (1.0 + CLOSED);
        found.packing = neighbourhood::improve(instance, &found.packing, &hint, enough, seed, meter);
    }
    found
}

/// What comes of the task without places.
fn by_relaxation(anywhere: &Anywhere<'_>, hint: &[f64], (seed, share): (u64, u64), meter: &mut Meter<'_>) -> Option<Found> {
    let mut part = meter.part(share);
    let Found { packing, lower_bound, bound, marginal } = distinct(&anywhere.instance, seed, &mut part);
    meter.merge(&part);
    let packing = anywhere.back(&packing, hint, meter)?;
    // What is cheapest anywhere need not be had where it is needed.
    let bound = if bound == Bound::Exhaustive { Bound::ClassPrices } else { bound };
    Some(Found { packing, lower_bound, bound, marginal: anywhere.prices(&marginal) })
}

/// The best of a few greedy packings.
fn first(instance: &Instance, values: &[f64], hint: &[f64], meter: &mut Meter<'_>) -> Packing {
    if instance.classes() <= Effort::MAX_LP_CLASSES {
        return tidy(instance, greedy::pack(instance, values, hint, meter));
    }
    let mut best = Packing::new();
    for pods in SHARES {
        let packing = tidy(instance, greedy::pack_in_shares(instance, values, hint, pods, meter));
        best = if best.is_empty() { packing } else { cheaper(instance, best, Some(packing)) };
        if meter.stopped() {
            break;
        }
    }
    best
}

/// Alternates column generation, dives and certificate, each time with a deeper search for fillings: a plan comes early, and a larger
/// budget makes it better.
fn by_columns(instance: &Instance, hint: &[f64], found: &mut Found, meter: &mut Meter<'_>) {
    if meter.stopped() {
        return;
    }
    let seeds: Vec<_> = found.packing.iter().map(|(filling, _)| filling.clone()).collect();
    let mut generator = Generator::new(instance, &seeds, hint);
    for (round, depth) in DEPTHS.into_iter().enumerate() {
        let pace = Pace { rounds: 400, depth, gap: 2e-5, bins: 40 };
        let mut part = meter.part(meter.left() / 2);
        generator.run(pace, &mut part);
        meter.merge(&part);
        let mix = generator.mix();
        found.marginal = whole(&mix.dual);
        let manner = MANNERS[round % MANNERS.len()];
        let packing = dive(instance, &mix, hint, Pace { rounds: 4, gap: 1e-4, bins: 20, ..pace }, manner, meter);
        found.packing = cheaper(instance, std::mem::take(&mut found.packing), packing);
        prove(instance, hint, &generator, (&mix, depth), found, meter);
        if closed(instance, found) || meter.stopped() {
            return;
        }
    }
}

/// Tries what the prices of the mix prove.
fn prove(
    instance: &Instance,
    hint: &[f64],
    generator: &Generator<'_>,
    (mix, depth): (&Mix, Depth),
    found: &mut Found,
    meter: &mut Meter<'_>,
) {
    for (values, hopeful) in [(&mix.dual, true), (&mix.center, generator.bound() > found.lower_bound as f64)] {
        if !hopeful || closed(instance, found) {
            continue;
        }
        // Proving ends where it costs more than it may tell.
        let mut part = meter.part(meter.left() / 4);
        let proven = certify(instance, values, hint, depth.nodes * 4, &mut part);
        meter.merge(&part);
        if proven > found.lower_bound {
            found.lower_bound = proven;
            found.bound = Bound::ClassPrices;
        }
    }
}

fn closed(instance: &Instance, found: &Found) -> bool {
    cost(instance, &found.packing) <= found.lower_bound as f64 * (1.0 + CLOSED)
}

fn exact_cost(instance: &Instance, packing: &Packing) -> i64 {
    packing
        .iter()
        .map(|(filling, uses)| instance.price[filling.bin].saturating_mul(i64::from(*uses)))
        .fold(0, i64::saturating_add)
}

fn whole(values: &[f64]) -> Vec<i64> {
    values.iter().map(|value| value.round() as i64).collect()
}
