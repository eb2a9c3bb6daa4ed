//! Proven lower bounds. Floating point proposes prices; integers prove what they imply.
//!
//! Let every class have a price. If no filling of any bin is worth more than `ratio` times what the bin costs, then no solution costs
//! less than the worth of all demand divided by `ratio` (Farley, 1990). What a bin's best filling is worth at most comes from
//! resource prices (the capacity at these prices plus each class's profit, a Lagrangian bound in 128-bit integers), sharpened where it
//! matters by counting one coarse dimension exactly, and by a complete search.

use super::instance::Instance;
use super::knapsack::{Fine, Goal, best_filling, relax};
use super::meter::Meter;
use super::simplex::Simplex;
use super::sizes::{Part, charge};

pub(super) mod branch;
mod lattice;

/// Extra binary digits of resource prices: they are small, being per unit.
const PRICE_BITS: u32 = 24;
/// The share of its price at which a bin's capacity counts as cheap.
const AS_CHEAP: f64 = 0.99;
/// Up to so many units, such as devices, counting costs less than a search.
const FEW_UNITS: i64 = 64;

/// Prices per unit of each dimension at which demand is worth most while no bin sells below its cost: the dual of buying capacity by
/// the fraction.
pub(super) fn resource_prices(instance: &Instance, meter: &mut Meter<'_>) -> Vec<f64> {
    let total = total(instance);
    let program = fluid(instance, &total, meter);
    program.dual().iter().zip(&total).map(|(price, total)| price.max(0.0) / total).collect()
}

/// How many of the largest bins that are as cheap as any by these prices would do, rounded up.
pub(super) fn fluid_bins(instance: &Instance) -> u64 {
    let prices = resource_prices(instance, &mut Meter::unlimited());
    let worth = |amounts: &[f64]| amounts.iter().zip(&prices).map(|(amount, price)| amount * price).sum::<f64>();
    let cheap = |bin: &usize| {
        let room: Vec<f64> = instance.capacity(*bin).iter().map(|room| *room as f64).collect();
        worth(&room) >= instance.cost(*bin) * AS_CHEAP
    };
    let largest = (0..instance.bins()).filter(cheap).map(|bin| instance.cost(bin)).fold(1.0, f64::max);
    (worth(&total(instance)) / largest).ceil() as u64
}

/// What all demand takes up.
fn total(instance: &Instance) -> Vec<f64> {
    let mut total = vec![0.0; instance.width];
    for (class, count) in instance.demand.iter().enumerate() {
        for part in instance.parts(class) {
            total[part.dimension] += part.weight * f64::from(*count);
        }
    }
    total
}

/// Buying capacity by the fraction, solved.
fn fluid(instance: &Instance, total: &[f64], meter: &mut Meter<'_>) -> Simplex {
    let dear =
        (0..instance.bins()).map(|bin| instance.cost(bin)).sum::<f64>() * f64::from(instance.demand.iter().sum::<u32>().max(1));
    let mut program = Simplex::new(&vec![1.0; instance.width], &vec![dear; instance.width]);
    for bin in 0..instance.bins() {
        let share = instance.capacity(bin).iter().zip(total).enumerate();
        let entries = share.filter(|(_, (room, _))| **room > 0).map(|(d, (room, total))| (d as u32, *room as f64 / total));
        program.add(entries, instance.cost(bin));
    }
    let mut own = Meter::unlimited();
    program.solve(&mut own);
    meter.merge(&own);
    program
}

/// What each class costs at `prices` per unit.
pub(super) fn priced(instance: &Instance, prices: &[f64]) -> Vec<f64> {
    (0..instance.classes()).map(|class| charge(instance.parts(class), prices)).collect()
}

/// The lower bound that `values` prove, in micro-USD, rounded up. `hint` are resource prices worth trying on every bin; `nodes` bounds
/// one search.
pub(super) fn certify(instance: &Instance, values: &[f64], hint: &[f64], nodes: u64, meter: &mut Meter<'_>) -> i64 {
    let fine = Fine::of(instance);
    let values: Vec<i64> = values.iter().map(|value| fine.down(*value)).collect();
    let rounded: Vec<f64> = values.iter().map(|value| *value as f64 / fine.one()).collect();
    let mut bins: Vec<Ceiling> = Vec::with_capacity(instance.bins());
    for bin in 0..instance.bins() {
        let relaxed = relax(instance, bin, &rounded);
        let whole = (instance.capacity(bin), instance.most(bin));
        let worth =
            lagrangian(instance, whole, &values, &relaxed.prices, fine).min(lagrangian(instance, whole, &values, hint, fine));
        bins.push(Ceiling { bin, price: instance.price[bin], worth, prices: relaxed.prices, look: Look::Priced });
    }
    meter.spend((instance.bins() * instance.classes()) as u64 / 20);
    sharpen(instance, &values, fine, &mut bins, nodes, meter);
    let demand: i128 = values.iter().zip(&instance.demand).map(|(value, count)| i128::from(*value) * i128::from(*count)).sum();
    let implied = |ceiling: &Ceiling| match ceiling.worth {
        0 => i128::MAX,
        worth => (demand.saturating_mul(i128::from(ceiling.price)).saturating_add(worth - 1)) / worth,
    };
    match bins.iter().map(implied).min() {
        None | Some(i128::MAX) => 0,
        Some(least) => i64::try_from(least).unwrap_or(i64::MAX),
    }
}

/// What is known of the best filling of a bin.
struct Ceiling {
    bin: usize,
    price: i64,
    /// No filling is worth more, in fine units.
    worth: i128,
    prices: Vec<f64>,
    look: Look,
}

impl Ceiling {
    /// Looks for the lowest ceiling that a search of `nodes` can prove: `floor` times the price, or by one of `shares` above it.
    fn search(&mut self, instance: &Instance, values: &[i64], floor: f64, shares: &[f64], nodes: u64, meter: &mut Meter<'_>) {
        let (top, price) = (self.ratio(), instance.cost(self.bin));
        for share in shares {
            let above = ((floor + share * (top - floor)) * price).min(4e18) as i64;
            let found = best_filling(instance, self.bin, values, &self.prices, Goal { above, slack: 0, nodes });
            meter.spend(found.nodes / 8);
            if found.complete {
                self.worth = self.worth.min(i128::from(found.best.max(above)));
                return;
            }
        }
    }

    fn ratio(&self) -> f64 {
        self.worth as f64 / (self.price.max(0) as f64).max(1e-9)
    }
}

/// How closely a bin has been looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Priced,
    Tried,
    Counted,
    Searched,
    Branched,
}

/// Lowers the ceilings of the bins that decide the bound, the highest first, until one cannot be lowered.
fn sharpen(instance: &Instance, values: &[i64], fine: Fine, bins: &mut [Ceiling], nodes: u64, meter: &mut Meter<'_>) {
    // At optimal prices some filling is worth its bin; below that no bin decides.
    let mut floor = fine.one();
    loop {
        let Some(worst) = bins.iter_mut().max_by(|a, b| a.ratio().total_cmp(&b.ratio()).then(b.bin.cmp(&a.bin))) else { return };
        if worst.ratio() <= floor || meter.stopped() {
            return;
        }
        let price = instance.cost(worst.bin);
        match worst.look {
            // Most bins need a short search only, and that is much cheaper than counting, unless there is little to count.
            Look::Priced if nodes > 0 && lattice::coarse(instance, worst.bin, &worst.prices, FEW_UNITS).next().is_none() => {
                worst.look = Look::Tried;
                worst.search(instance, values, floor, &[0.0], nodes, meter);
            }
            Look::Priced | Look::Tried => {
                worst.look = Look::Counted;
                let enough = (floor * price) as i128;
                let worth = lattice::ceiling(instance, worst.bin, values, &worst.prices, fine, enough, meter);
                worst.worth = worth.map_or(worst.worth, |worth| worst.worth.min(worth));
            }
            Look::Counted if nodes > 0 => {
                worst.look = Look::Searched;
                worst.search(instance, values, floor, &[0.15, 0.4, 0.7], nodes, meter);
            }
            Look::Searched if nodes > 0 => {
                worst.look = Look::Branched;
                let until = branch::Until { enough: (floor * price) as i128, slack: 0, programs: (nodes / 40).clamp(40, 4_000) };
                let found = branch::branch(instance, worst.bin, values, fine, until, meter);
                worst.worth = found.map_or(worst.worth, |found| worst.worth.min(found.ceiling));
                floor = floor.max(worst.ratio());
            }
            Look::Counted | Look::Searched | Look::Branched => return,
        }
    }
}

/// The value of room at `prices` plus the profit of every class, of which there are `most`, in exact integers, rounded up to a fine unit.
/// Valid for any prices of zero or more; never above what fits in an i128.
fn lagrangian(instance: &Instance, (room, most): (&[i64], &[u32]), values: &[i64], prices: &[f64], fine: Fine) -> i128 {
    let prices = integers(prices, fine);
    let mut worth = at_prices(room, &prices);
    for (class, most) in most.iter().enumerate().filter(|(_, most)| **most > 0) {
        let profit = (i128::from(values[class]) << PRICE_BITS) - taken_at_prices(instance.parts(class), &prices);
        worth = worth.saturating_add(profit.max(0).saturating_mul(i128::from(*most)));
    }
    (worth >> PRICE_BITS) + 1
}

/// Prices in fine units with [`PRICE_BITS`] more binary digits, rounded down.
fn integers(prices: &[f64], fine: Fine) -> Vec<i128> {
    let one = fine.one() * (1_u64 << PRICE_BITS) as f64;
    prices.iter().map(|price| (price * one).clamp(0.0, 1e30) as i128).collect()
}

/// What one of a class takes, at `prices`.
fn taken_at_prices(parts: &[Part], prices: &[i128]) -> i128 {
    let parts = parts.iter().map(|part| i128::from(part.size).saturating_mul(prices[part.dimension]));
    parts.fold(0, i128::saturating_add)
}

fn at_prices(amounts: &[i64], prices: &[i128]) -> i128 {
    let parts = amounts.iter().zip(prices).map(|(amount, price)| i128::from(*amount).saturating_mul(*price));
    parts.fold(0, i128::saturating_add)
}
