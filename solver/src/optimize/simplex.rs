//! A linear program that grows by columns: minimise the cost of columns that cover every row's demand.
//!
//! Dense primal revised simplex. It starts from one unit column per row, so every basis is feasible; new columns join the running
//! basis without a rebuild. Demands are nudged by a fixed sequence against stalling, the inverse is rebuilt now and then against
//! drift. Floating point: its answers are hints, which `bound` proves and `dive` rounds.

use super::meter::Meter;
use std::ops::Range;

const TINY: f64 = 1e-9;
/// Pivots between two rebuilds of the inverse.
const REBUILD_EVERY: u64 = 300;
/// Relative size of the nudge: far above rounding, so that pivots get on, and far below one pod.
const NUDGE: f64 = 1e-4;
/// Columns that promise most are looked at again before all are.
const SHORTLIST: usize = 24;

/// (number of a column, how much of it).
type Levels = Vec<(usize, f64)>;

struct Column {
    /// Where its entries are.
    entries: Range<usize>,
    cost: f64,
    basic: bool,
}

pub(super) struct Simplex {
    rows: usize,
    demand: Vec<f64>,
    nudged: Vec<f64>,
    /// Unit columns, then surplus columns, then what was added.
    columns: Vec<Column>,
    /// (row, amount), column by column.
    entries: Vec<(u32, f64)>,
    basis: Vec<usize>,
    inverse: Vec<f64>,
    level: Vec<f64>,
    dual: Vec<f64>,
    pivots: u64,
}

impl Simplex {
    /// Rows with these demands, each coverable by a unit column of `unit_cost`.
    pub(super) fn new(demand: &[f64], unit_cost: &[f64]) -> Self {
        let rows = demand.len();
        let unit = |number: usize, cost: f64, basic| Column { entries: number..number + 1, cost, basic };
        let mut columns: Vec<Column> = (0..rows).map(|row| unit(row, unit_cost[row], true)).collect();
        columns.extend((0..rows).map(|row| unit(rows + row, 0.0, false)));
        let entries = [1.0, -1.0].into_iter().flat_map(|sign| (0..rows as u32).map(move |row| (row, sign))).collect();
        let mut inverse = vec![0.0; rows * rows];
        for row in 0..rows {
            inverse[row * rows + row] = 1.0;
        }
        // The fractions of multiples of the golden ratio are spread evenly and repeat never.
        let nudge = |row: usize| NUDGE * (0.5 + (row as f64 * 0.618_033_988_75).fract());
        let nudged: Vec<f64> = demand.iter().enumerate().map(|(row, demand)| (demand + 1e-3) * (1.0 + nudge(row))).collect();
        let level = nudged.clone();
        let (demand, dual) = (demand.to_vec(), unit_cost.to_vec());
        Self { rows, demand, nudged, columns, entries, basis: (0..rows).collect(), inverse, level, dual, pivots: 0 }
    }

    /// Adds a column; returns its number among those added.
    pub(super) fn add(&mut self, entries: impl IntoIterator<Item = (u32, f64)>, cost: f64) -> usize {
        let start = self.entries.len();
        self.entries.extend(entries);
        self.columns.push(Column { entries: start..self.entries.len(), cost, basic: false });
        self.columns.len() - 1 - 2 * self.rows
    }

    /// The price of each row at the current basis.
    pub(super) fn dual(&self) -> &[f64] {
        &self.dual
    }

    /// The cost of the current basis for the demands as given.
    pub(super) fn value(&self) -> f64 {
        self.dual.iter().zip(&self.demand).map(|(price, demand)| price * demand).sum()
    }

    /// Unit columns (by row) and added columns (by number) in use, with how much.
    pub(super) fn levels(&self) -> (Levels, Levels) {
        let (mut units, mut added) = (Vec::new(), Vec::new());
        for (place, column) in self.basis.iter().enumerate() {
            let level = self.product(place, &self.demand);
            if level > 1e-6 {
                if *column < self.rows {
                    units.push((*column, level));
                } else if *column >= 2 * self.rows {
                    added.push((*column - 2 * self.rows, level));
                }
            }
        }
        (units, added)
    }

    fn product(&self, place: usize, demand: &[f64]) -> f64 {
        let row = &self.inverse[place * self.rows..(place + 1) * self.rows];
        row.iter().zip(demand).map(|(a, b)| a * b).sum()
    }

    /// Pivots until no column improves or the meter stops; says whether it is optimal.
    pub(super) fn solve(&mut self, meter: &mut Meter<'_>) -> bool {
        let most_pivots = 100 + 20 * (self.columns.len() as u64);
        let mut shortlist = Vec::new();
        for _ in 0..most_pivots {
            let mut work = (self.rows * self.rows) as u64 * 2 + (self.rows * SHORTLIST) as u64;
            let entering = self.entering(&shortlist).or_else(|| {
                work += (self.entries.len() - 2 * self.rows + self.columns.len()) as u64;
                shortlist = self.promising();
                self.entering(&shortlist)
            });
            let Some((entering, reduced)) = entering else { return true };
            let direction = self.direction(entering);
            let Some(place) = self.leaving(&direction) else { return true };
            self.pivot(entering, reduced, place, &direction);
            if !meter.spend(1 + work / 1_000) {
                return false;
            }
        }
        false
    }

    fn entries_of(&self, column: &Column) -> &[(u32, f64)] {
        &self.entries[column.entries.clone()]
    }

    /// What a column saves by its cost, below zero, and in all.
    fn score(&self, column: &Column) -> (f64, f64) {
        let sold: f64 = self.entries_of(column).iter().map(|(row, entry)| self.dual[*row as usize] * entry).sum();
        let reduced = column.cost - sold;
        (reduced / (1.0 + column.cost), reduced)
    }

    /// The columns that save most by their cost.
    fn promising(&self) -> Vec<usize> {
        let open = self.columns.iter().enumerate().filter(|(_, column)| !column.basic);
        let mut all: Vec<(f64, usize)> = open.map(|(number, column)| (self.score(column).0, number)).collect();
        all.retain(|(score, _)| *score < -TINY);
        let order = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        if all.len() > SHORTLIST {
            all.select_nth_unstable_by(SHORTLIST, order);
            all.truncate(SHORTLIST);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(_, number)| number).collect()
    }

    /// The one of `columns` that saves most by its cost, and what it saves; `None` where none does.
    fn entering(&self, columns: &[usize]) -> Option<(usize, f64)> {
        let mut best = (-TINY, None);
        for number in columns {
            let column = &self.columns[*number];
            let (score, reduced) = if column.basic { (0.0, 0.0) } else { self.score(column) };
            if score < best.0 {
                best = (score, Some((*number, reduced)));
            }
        }
        best.1
    }

    fn direction(&self, entering: usize) -> Vec<f64> {
        let mut direction = vec![0.0; self.rows];
        for (row, entry) in self.entries_of(&self.columns[entering]) {
            for (place, sum) in direction.iter_mut().enumerate() {
                *sum += self.inverse[place * self.rows + *row as usize] * entry;
            }
        }
        direction
    }

    /// The basis place that runs empty first; of near ties the one with the largest pivot, for stability.
    fn leaving(&self, direction: &[f64]) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for (place, slope) in direction.iter().enumerate().filter(|(_, slope)| **slope > TINY) {
            let ratio = self.level[place] / slope;
            let better =
                best.is_none_or(|(least, chosen)| ratio < least - 1e-12 || (ratio < least + 1e-12 && *slope > direction[chosen]));
            if better {
                best = Some((ratio, place));
            }
        }
        best.map(|(_, place)| place)
    }

    fn pivot(&mut self, entering: usize, reduced: f64, place: usize, direction: &[f64]) {
        let rows = self.rows;
        let pivot = direction[place];
        let step = self.level[place] / pivot;
        let mut scaled = self.inverse[place * rows..(place + 1) * rows].to_vec();
        for entry in &mut scaled {
            *entry /= pivot;
        }
        for (other, slope) in direction.iter().enumerate() {
            if other == place || *slope == 0.0 {
                continue;
            }
            self.level[other] = (self.level[other] - slope * step).max(0.0);
            for (entry, change) in self.inverse[other * rows..(other + 1) * rows].iter_mut().zip(&scaled) {
                *entry -= slope * change;
            }
        }
        for (price, change) in self.dual.iter_mut().zip(&scaled) {
            *price += reduced * change;
        }
        self.inverse[place * rows..(place + 1) * rows].copy_from_slice(&scaled);
        self.level[place] = step;
        self.columns[self.basis[place]].basic = false;
        self.columns[entering].basic = true;
        self.basis[place] = entering;
        self.pivots += 1;
        if self.pivots.is_multiple_of(REBUILD_EVERY) {
            self.rebuild();
        }
    }

    /// Inverts the basis anew by Gauss-Jordan elimination with row exchanges; keeps the old inverse where it is singular.
    fn rebuild(&mut self) {
        let rows = self.rows;
        let mut basis = vec![0.0; rows * rows];
        for (place, column) in self.basis.iter().enumerate() {
            for (row, entry) in self.entries_of(&self.columns[*column]) {
                basis[*row as usize * rows + place] = *entry;
            }
        }
        let mut inverse = vec![0.0; rows * rows];
        for row in 0..rows {
            inverse[row * rows + row] = 1.0;
        }
        for step in 0..rows {
            let height = |row: &usize| basis[row * rows + step].abs();
            let Some(top) = (step..rows).max_by(|a, b| height(a).total_cmp(&height(b)).then(b.cmp(a))) else { return };
            if height(&top) < 1e-11 {
                return;
            }
            for column in 0..rows {
                basis.swap(top * rows + column, step * rows + column);
                inverse.swap(top * rows + column, step * rows + column);
            }
            let pivot = basis[step * rows + step];
            for matrix in [&mut basis, &mut inverse] {
                matrix[step * rows..(step + 1) * rows].iter_mut().for_each(|entry| *entry /= pivot);
            }
            for row in (0..rows).filter(|row| *row != step) {
                let factor = basis[row * rows + step];
                if factor != 0.0 {
                    subtract_row(&mut basis, rows, row, step, factor);
                    subtract_row(&mut inverse, rows, row, step, factor);
                }
            }
        }
        self.inverse = inverse;
        self.level = (0..rows).map(|place| self.product(place, &self.nudged).max(0.0)).collect();
        self.dual = vec![0.0; rows];
        for (place, column) in self.basis.iter().enumerate() {
            let cost = self.columns[*column].cost;
            for (price, entry) in self.dual.iter_mut().zip(&self.inverse[place * rows..(place + 1) * rows]) {
                *price += cost * entry;
            }
        }
    }
}

/// `row -= factor * from`.
fn subtract_row(matrix: &mut [f64], rows: usize, row: usize, from: usize, factor: f64) {
    let (first, second) = matrix.split_at_mut(row.max(from) * rows);
    let (target, source) = if row < from {
        (&mut first[row * rows..(row + 1) * rows], &second[..rows])
    } else {
        (&mut second[..rows], &first[from * rows..(from + 1) * rows])
    };
    for (entry, change) in target.iter_mut().zip(source) {
        *entry -= factor * change;
    }
}

#[cfg(test)]
mod tests;
