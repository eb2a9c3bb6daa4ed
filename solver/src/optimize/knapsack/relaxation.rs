//! The linear relaxation of filling one bin, by a bounded-variable primal simplex with one row per dimension.

use super::super::instance::Instance;
use super::super::sizes::charge;

const TINY: f64 = 1e-11;

/// An optimum of the relaxation.
#[derive(Debug, Clone)]
pub(in crate::optimize) struct Relaxation {
    /// Price per unit of each dimension, zero or more.
    pub(in crate::optimize) prices: Vec<f64>,
    /// (class, amount) above zero, by class; amounts may be fractions.
    pub(in crate::optimize) amounts: Vec<(u32, f64)>,
    /// What `prices` prove: no filling is worth more (up to rounding).
    pub(in crate::optimize) bound: f64,
}

/// What `counts` are worth at `values`.
pub(in crate::optimize) fn worth(counts: &[(u32, u32)], values: &[f64]) -> f64 {
    counts.iter().map(|(class, count)| values[*class as usize] * f64::from(*count)).sum()
}

impl Relaxation {
    /// The bound that `prices` prove for `bin` at `values`: the capacity at these prices, plus for every class the profit it makes.
    pub(in crate::optimize) fn bound_of(instance: &Instance, bin: usize, values: &[f64], prices: &[f64]) -> f64 {
        Self::bound_within(instance, (instance.capacity(bin), instance.most(bin)), values, prices)
    }

    /// The same for what is left of a bin: room, and how many of each class may still come.
    fn bound_within(instance: &Instance, (room, most): (&[i64], &[u32]), values: &[f64], prices: &[f64]) -> f64 {
        let room: f64 = room.iter().zip(prices).map(|(room, price)| *room as f64 * price).sum();
        let profit = |class: usize, most: u32| (values[class] - charge(instance.parts(class), prices)).max(0.0) * f64::from(most);
        let most = most.iter().enumerate().filter(|(_, most)| **most > 0);
        room + most.map(|(class, most)| profit(class, *most)).sum::<f64>()
    }
}

/// Solves the relaxation for `bin` at `values` (zero or more each).
pub(in crate::optimize) fn relax(instance: &Instance, bin: usize, values: &[f64]) -> Relaxation {
    relax_within(instance, (instance.capacity(bin), instance.most(bin)), values)
}

/// Solves the relaxation for what is left of a bin: room, and how many of each class may still come, none of which is too large for it.
pub(in crate::optimize) fn relax_within(instance: &Instance, left: (&[i64], &[u32]), values: &[f64]) -> Relaxation {
    let (room, most) = left;
    let items: Vec<u32> =
        (0..instance.classes() as u32).filter(|class| values[*class as usize] > 0.0 && most[*class as usize] > 0).collect();
    let mut tableau = Tableau::new(instance, left, values, &items);
    tableau.run();
    tableau.price();
    let mut prices = vec![0.0; instance.width];
    for (price, dimension) in tableau.prices.iter().zip(&tableau.dimensions) {
        prices[*dimension] = price.max(0.0) / room[*dimension] as f64;
    }
    let bound = Relaxation::bound_within(instance, left, values, &prices);
    Relaxation { prices, amounts: tableau.amounts(), bound }
}

/// Rows are dimensions, scaled to a capacity of one; columns are items, then slacks.
struct Tableau<'a> {
    items: &'a [u32],
    dimensions: Vec<usize>,
    /// (row, entry) that are not zero, item by item, and where those of each item end.
    entries: Vec<(usize, f64)>,
    ends: Vec<usize>,
    values: Vec<f64>,
    upper: Vec<f64>,
    full: Vec<bool>,
    basic: Vec<bool>,
    basis: Vec<usize>,
    inverse: Vec<f64>,
    level: Vec<f64>,
    /// Per row, at the current basis.
    prices: Vec<f64>,
    /// How the levels fall as the entering column comes in.
    direction: Vec<f64>,
    /// The row of the inverse that is exchanged.
    exchanged: Vec<f64>,
}

impl<'a> Tableau<'a> {
    fn new(instance: &Instance, (room, most): (&[i64], &[u32]), values: &[f64], items: &'a [u32]) -> Self {
        let mut row_of = vec![usize::MAX; instance.width];
        for part in items.iter().flat_map(|class| instance.parts(*class as usize)) {
            row_of[part.dimension] = 0;
        }
        let dimensions: Vec<usize> = (0..instance.width).filter(|d| row_of[*d] == 0).collect();
        for (row, dimension) in dimensions.iter().enumerate() {
            row_of[*dimension] = row;
        }
        let rows = dimensions.len();
        let (mut entries, mut ends) = (Vec::with_capacity(4 * items.len()), Vec::with_capacity(items.len()));
        for class in items {
            let parts = instance.parts(*class as usize).iter();
            entries.extend(parts.map(|part| (row_of[part.dimension], part.weight / room[part.dimension] as f64)));
            ends.push(entries.len());
        }
        let mut basic = vec![false; items.len() + rows];
        let mut inverse = vec![0.0; rows * rows];
        for row in 0..rows {
            basic[items.len() + row] = true;
            inverse[row * rows + row] = 1.0;
        }
        Self {
            items,
            entries,
            ends,
            values: items.iter().map(|class| values[*class as usize]).collect(),
            upper: items.iter().map(|class| f64::from(most[*class as usize])).collect(),
            full: vec![false; items.len()],
            basic,
            basis: (items.len()..items.len() + rows).collect(),
            inverse,
            level: vec![1.0; rows],
            prices: vec![0.0; rows],
            direction: vec![0.0; rows],
            exchanged: vec![0.0; rows],
            dimensions,
        }
    }

    fn rows(&self) -> usize {
        self.dimensions.len()
    }

    fn value(&self, column: usize) -> f64 {
        self.values.get(column).copied().unwrap_or(0.0)
    }

    fn upper(&self, column: usize) -> f64 {
        self.upper.get(column).copied().unwrap_or(f64::INFINITY)
    }

    /// What an item takes of each row.
    fn entries(&self, item: usize) -> &[(usize, f64)] {
        let start = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.entries[start..self.ends[item]]
    }

    /// Sets the prices.
    fn price(&mut self) {
        let rows = self.rows();
        self.prices.fill(0.0);
        for (place, column) in self.basis.iter().enumerate() {
            let Some(value) = self.values.get(*column) else { continue };
            for (price, entry) in self.prices.iter_mut().zip(&self.inverse[place * rows..(place + 1) * rows]) {
                *price += value * entry;
            }
        }
    }

    fn run(&mut self) {
        let rows = self.rows();
        // Far more than such programs take; a cut run still gives valid prices.
        for _ in 0..40 * rows + 3 * self.items.len() {
            self.price();
            let Some(entering) = self.entering() else { return };
            let sign = if self.full.get(entering).copied().unwrap_or(false) { -1.0 } else { 1.0 };
            for place in 0..rows {
                self.direction[place] = sign * self.applied(place, entering);
            }
            let (step, leaving) = self.leaving(self.upper(entering));
            if step.is_infinite() {
                return;
            }
            for (level, slope) in self.level.iter_mut().zip(&self.direction) {
                *level -= step * slope;
            }
            match leaving {
                None => self.full[entering] = !self.full[entering],
                Some((place, to_upper)) => self.exchange(entering, place, to_upper, sign, step),
            }
        }
    }

    /// The inverse's row `place` times the column.
    fn applied(&self, place: usize, column: usize) -> f64 {
        let rows = self.rows();
        let row = &self.inverse[place * rows..(place + 1) * rows];
        if column >= self.items.len() {
            return row[column - self.items.len()];
        }
        self.entries(column).iter().map(|(other, entry)| row[*other] * entry).sum()
    }

    fn entering(&self) -> Option<usize> {
        let mut best = (0.0, None);
        for column in (0..self.basic.len()).filter(|column| !self.basic[*column]) {
            let (gain, weight) = if column < self.items.len() {
                let paid: f64 = self.entries(column).iter().map(|(row, entry)| self.prices[*row] * entry).sum();
                let profit = self.values[column] - paid;
                (if self.full[column] { -profit } else { profit }, self.upper[column])
            } else {
                (-self.prices[column - self.items.len()], 1.0)
            };
            if gain > TINY * (1.0 + self.value(column)) && gain * weight > best.0 {
                best = (gain * weight, Some(column));
            }
        }
        best.1
    }

    /// How far the entering column can go, and which place it pushes to a bound (the upper one, if so said).
    fn leaving(&self, own_upper: f64) -> (f64, Option<(usize, bool)>) {
        let mut step = own_upper;
        let mut leaving = None;
        for (place, slope) in self.direction.iter().enumerate() {
            let (reach, to_upper) = if *slope > TINY {
                (self.level[place].max(0.0) / slope, false)
            } else if *slope < -TINY {
                ((self.upper(self.basis[place]) - self.level[place]).max(0.0) / -slope, true)
            } else {
                continue;
            };
            if reach < step {
                step = reach;
                leaving = Some((place, to_upper));
            }
        }
        (step, leaving)
    }

    fn exchange(&mut self, entering: usize, place: usize, to_upper: bool, sign: f64, step: f64) {
        let rows = self.rows();
        let left = self.basis[place];
        self.basic[left] = false;
        if let Some(full) = self.full.get_mut(left) {
            *full = to_upper;
        }
        let pivot = self.direction[place] * sign;
        let row = place * rows..(place + 1) * rows;
        self.inverse[row.clone()].iter_mut().for_each(|entry| *entry /= pivot);
        self.exchanged.copy_from_slice(&self.inverse[row]);
        for other in (0..rows).filter(|other| *other != place) {
            let factor = self.direction[other] * sign;
            if factor == 0.0 {
                continue;
            }
            for (entry, change) in self.inverse[other * rows..(other + 1) * rows].iter_mut().zip(&self.exchanged) {
                *entry -= factor * change;
            }
        }
        self.level[place] = if sign > 0.0 { step } else { self.upper(entering) - step };
        self.basis[place] = entering;
        self.basic[entering] = true;
        if let Some(full) = self.full.get_mut(entering) {
            *full = false;
        }
    }

    fn amounts(&self) -> Vec<(u32, f64)> {
        let full = (0..self.items.len()).filter(|item| self.full[*item]).map(|item| (self.items[item], self.upper[item]));
        let basic = self.basis.iter().zip(&self.level).filter(|(column, level)| **column < self.items.len() && **level > 1e-9);
        let mut all: Vec<(u32, f64)> = full.chain(basic.map(|(column, level)| (self.items[*column], *level))).collect();
        all.sort_by_key(|(class, _)| *class);
        all
    }
}
