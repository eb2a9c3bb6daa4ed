//! The linear relaxation of filling one bin, by a bounded-variable primal simplex with one row per dimension.

use super::super::instance::Instance;

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
        let profit = |class: usize, most: u32| {
            let paid: f64 = instance.weight(class).iter().zip(prices).map(|(size, price)| size * price).sum();
            (values[class] - paid).max(0.0) * f64::from(most)
        };
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
    let mut prices = vec![0.0; instance.width];
    for (row, dimension) in tableau.dimensions.iter().enumerate() {
        prices[*dimension] = tableau.prices()[row].max(0.0) / room[*dimension] as f64;
    }
    let bound = Relaxation::bound_within(instance, left, values, &prices);
    Relaxation { prices, amounts: tableau.amounts(), bound }
}

/// Rows are dimensions, scaled to a capacity of one; columns are items, then slacks.
struct Tableau<'a> {
    items: &'a [u32],
    dimensions: Vec<usize>,
    /// Item-major.
    entries: Vec<f64>,
    values: Vec<f64>,
    upper: Vec<f64>,
    full: Vec<bool>,
    basic: Vec<bool>,
    basis: Vec<usize>,
    inverse: Vec<f64>,
    level: Vec<f64>,
}

impl<'a> Tableau<'a> {
    fn new(instance: &Instance, (room, most): (&[i64], &[u32]), values: &[f64], items: &'a [u32]) -> Self {
        let dimensions: Vec<usize> =
            (0..instance.width).filter(|d| items.iter().any(|class| instance.size(*class as usize)[*d] > 0)).collect();
        let rows = dimensions.len();
        let entries = items
            .iter()
            .flat_map(|class| dimensions.iter().map(|d| instance.weight(*class as usize)[*d] / room[*d] as f64))
            .collect();
        let mut basic = vec![false; items.len() + rows];
        let mut inverse = vec![0.0; rows * rows];
        for row in 0..rows {
            basic[items.len() + row] = true;
            inverse[row * rows + row] = 1.0;
        }
        Self {
            items,
            entries,
            values: items.iter().map(|class| values[*class as usize]).collect(),
            upper: items.iter().map(|class| f64::from(most[*class as usize])).collect(),
            full: vec![false; items.len()],
            basic,
            basis: (items.len()..items.len() + rows).collect(),
            inverse,
            level: vec![1.0; rows],
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

    fn prices(&self) -> Vec<f64> {
        let rows = self.rows();
        let mut prices = vec![0.0; rows];
        for (place, column) in self.basis.iter().enumerate() {
            let value = self.value(*column);
            for (price, entry) in prices.iter_mut().zip(&self.inverse[place * rows..(place + 1) * rows]) {
                *price += value * entry;
            }
        }
        prices
    }

    fn run(&mut self) {
        let rows = self.rows();
        // Far more than such programs take; a cut run still gives valid prices.
        for _ in 0..40 * rows + 3 * self.items.len() {
            let prices = self.prices();
            let Some(entering) = self.entering(&prices) else { return };
            let sign = if self.full.get(entering).copied().unwrap_or(false) { -1.0 } else { 1.0 };
            let direction: Vec<f64> = (0..rows).map(|place| sign * self.applied(place, entering)).collect();
            let (step, leaving) = self.leaving(&direction, self.upper(entering));
            if step.is_infinite() {
                return;
            }
            for (level, slope) in self.level.iter_mut().zip(&direction) {
                *level -= step * slope;
            }
            match leaving {
                None => self.full[entering] = !self.full[entering],
                Some((place, to_upper)) => self.exchange(entering, place, to_upper, sign, step, &direction),
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
        row.iter().zip(&self.entries[column * rows..(column + 1) * rows]).map(|(a, b)| a * b).sum()
    }

    fn entering(&self, prices: &[f64]) -> Option<usize> {
        let rows = self.rows();
        let mut best = (0.0, None);
        for column in (0..self.items.len() + rows).filter(|column| !self.basic[*column]) {
            let (gain, weight) = if column < self.items.len() {
                let paid: f64 = prices.iter().zip(&self.entries[column * rows..(column + 1) * rows]).map(|(a, b)| a * b).sum();
                let profit = self.values[column] - paid;
                (if self.full[column] { -profit } else { profit }, self.upper[column])
            } else {
                (-prices[column - self.items.len()], 1.0)
            };
            if gain > TINY * (1.0 + self.value(column)) && gain * weight > best.0 {
                best = (gain * weight, Some(column));
            }
        }
        best.1
    }

    /// How far the entering column can go, and which place it pushes to a bound (the upper one, if so said).
    fn leaving(&self, direction: &[f64], own_upper: f64) -> (f64, Option<(usize, bool)>) {
        let mut step = own_upper;
        let mut leaving = None;
        for (place, slope) in direction.iter().enumerate() {
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

    fn exchange(&mut self, entering: usize, place: usize, to_upper: bool, sign: f64, step: f64, direction: &[f64]) {
        let rows = self.rows();
        let left = self.basis[place];
        self.basic[left] = false;
        if let Some(full) = self.full.get_mut(left) {
            *full = to_upper;
        }
        let pivot = direction[place] * sign;
        let scaled: Vec<f64> = self.inverse[place * rows..(place + 1) * rows].iter().map(|entry| entry / pivot).collect();
        for other in (0..rows).filter(|other| *other != place) {
            let factor = direction[other] * sign;
            for (entry, change) in self.inverse[other * rows..(other + 1) * rows].iter_mut().zip(&scaled) {
                *entry -= factor * change;
            }
        }
        self.inverse[place * rows..(place + 1) * rows].copy_from_slice(&scaled);
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
