//! One connected component of a problem in the form the search works on: flat arrays, small numbers, no bin that another one beats.

use super::Problem;
use super::dominance;
use super::sizes::{Part, Sizes, times};
use std::collections::BTreeMap;

/// A filling of one bin: (class, count) by class.
pub(super) type Counts = Vec<(u32, u32)>;

/// Counts in a bin of an [`Instance`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Filling {
    pub(super) bin: usize,
    pub(super) counts: Counts,
}

/// A filling and how often it is used.
pub(super) type Packing = Vec<(Filling, u32)>;

/// Classes with demand and the bins worth buying for them, cheapest bin first.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) width: usize,
    pub(super) demand: Vec<u32>,
    pub(super) price: Vec<i64>,
    sizes: Sizes,
    capacities: Vec<i64>,
    most: Vec<u32>,
    together: Vec<u32>,
    /// Per bin: bins of one place are open to the same classes.
    place: Vec<u32>,
    class_origin: Vec<usize>,
    bin_origin: Vec<usize>,
}

impl Instance {
    /// The part of `problem` that `classes` and `bins` make up. Classes without demand are left out, and so are dimensions nobody
    /// asks for; sizes are divided by their common divisor, capacities rounded down to it and to what all classes together need.
    pub(super) fn new(problem: &Problem, classes: &[usize], bins: &[usize]) -> Self {
        let classes: Vec<usize> = classes.iter().copied().filter(|class| problem.classes[*class].demand > 0).collect();
        let mut bins = bins.to_vec();
        bins.sort_by_key(|bin| (problem.bins[*bin].price, *bin));
        let demand: Vec<u32> = classes.iter().map(|class| problem.classes[*class].demand).collect();
        let mut size_rows: Vec<Vec<i64>> = Vec::new();
        let mut room_rows: Vec<Vec<i64>> = Vec::new();
        for dimension in 0..problem.width {
            let column: Vec<i64> = classes.iter().map(|class| problem.classes[*class].size[dimension]).collect();
            let divisor = column.iter().fold(0, |divisor, size| greatest_common_divisor(divisor, *size));
            if divisor == 0 {
                continue;
            }
            let total =
                column.iter().zip(&demand).map(|(size, count)| i128::from(size / divisor) * i128::from(*count)).sum::<i128>();
            let total = i64::try_from(total).unwrap_or(i64::MAX);
            room_rows.push(bins.iter().map(|bin| (problem.bins[*bin].capacity[dimension] / divisor).min(total)).collect());
            size_rows.push(column.iter().map(|size| size / divisor).collect());
        }
        // A class without any size would have no price per unit: it gets a dimension of its own that never binds.
        let empty: Vec<i64> = (0..classes.len()).map(|class| i64::from(size_rows.iter().all(|row| row[class] == 0))).collect();
        if empty.contains(&1) {
            let total = empty.iter().zip(&demand).map(|(size, count)| size * i64::from(*count)).sum();
            room_rows.push(vec![total; bins.len()]);
            size_rows.push(empty);
        }
        let width = size_rows.len();
        let sizes = transpose(&size_rows, classes.len());
        let mut places = BTreeMap::new();
        let place = |bin: &usize| {
            let open: Vec<bool> = classes.iter().map(|class| problem.bins[*bin].allowed.contains(*class)).collect();
            let next = places.len() as u32;
            *places.entry(open).or_insert(next)
        };
        let place = bins.iter().map(place).collect();
        let mut instance = Self {
            width,
            place,
            price: bins.iter().map(|bin| problem.bins[*bin].price).collect(),
            sizes: Sizes::new(width, sizes),
            capacities: transpose(&room_rows, bins.len()),
            most: Vec::new(),
            together: classes.iter().map(|class| problem.classes[*class].together).collect(),
            demand,
            class_origin: classes,
            bin_origin: bins,
        };
        instance.count_most(|class, bin| problem.bins[bin].allowed.contains(class));
        let kept = dominance::undominated(&instance);
        instance.keep_bins(&kept);
        instance
    }

    fn count_most(&mut self, allowed: impl Fn(usize, usize) -> bool) {
        let mut most = Vec::with_capacity(self.bins() * self.classes());
        for bin in 0..self.bins() {
            for class in 0..self.classes() {
                let alone = times(self.parts(class), self.capacity(bin), self.demand[class].min(self.together[class]));
                most.push(if allowed(self.class_origin[class], self.bin_origin[bin]) { alone } else { 0 });
            }
        }
        self.most = most;
    }

    fn keep_bins(&mut self, kept: &[usize]) {
        let classes = self.classes();
        self.capacities = kept.iter().flat_map(|bin| self.capacity(*bin).to_vec()).collect();
        self.most = kept.iter().flat_map(|bin| self.most[bin * classes..(bin + 1) * classes].to_vec()).collect();
        self.price = kept.iter().map(|bin| self.price[*bin]).collect();
        self.bin_origin = kept.iter().map(|bin| self.bin_origin[*bin]).collect();
        self.place = kept.iter().map(|bin| self.place[*bin]).collect();
    }

    /// Some of the bins for so many of some classes; `holds` says which class may be in which bin. Their origins are positions here.
    pub(super) fn part(&self, bins: &[usize], classes: &[(usize, u32)], holds: impl Fn(usize, usize) -> bool) -> Self {
        let sizes: Vec<i64> = classes.iter().flat_map(|(class, _)| self.size(*class).to_vec()).collect();
        let mut total = vec![0_i64; self.width];
        for (class, count) in classes {
            for (sum, size) in total.iter_mut().zip(self.size(*class)) {
                *sum = sum.saturating_add(size.saturating_mul(i64::from(*count)));
            }
        }
        let room =
            |bin: &usize| self.capacity(*bin).iter().zip(&total).map(|(room, total)| *room.min(total)).collect::<Vec<i64>>();
        let mut part = Self {
            width: self.width,
            demand: classes.iter().map(|(_, count)| *count).collect(),
            price: bins.iter().map(|bin| self.price[*bin]).collect(),
            sizes: Sizes::new(self.width, sizes),
            capacities: bins.iter().flat_map(room).collect(),
            most: Vec::new(),
            together: classes.iter().map(|(class, _)| self.together[*class]).collect(),
            place: bins.iter().map(|bin| self.place[*bin]).collect(),
            class_origin: classes.iter().map(|(class, _)| *class).collect(),
            bin_origin: bins.to_vec(),
        };
        part.count_most(holds);
        let kept = dominance::undominated(&part);
        part.keep_bins(&kept);
        part
    }

    /// The same bins for what is `left` of each class, and the classes of `self` it has.
    pub(super) fn residual(&self, left: &[u32]) -> (Self, Vec<u32>) {
        let kept: Vec<usize> = (0..self.classes()).filter(|class| left[*class] > 0).collect();
        let sizes: Vec<i64> = kept.iter().flat_map(|class| self.size(*class).to_vec()).collect();
        let mut most = Vec::with_capacity(self.bins() * kept.len());
        for bin in 0..self.bins() {
            most.extend(kept.iter().map(|class| self.most(bin)[*class].min(left[*class])));
        }
        let part = Self {
            width: self.width,
            demand: kept.iter().map(|class| left[*class]).collect(),
            price: self.price.clone(),
            sizes: Sizes::new(self.width, sizes),
            capacities: self.capacities.clone(),
            most,
            together: kept.iter().map(|class| self.together[*class]).collect(),
            class_origin: kept.iter().map(|class| self.class_origin[*class]).collect(),
            bin_origin: self.bin_origin.clone(),
            place: self.place.clone(),
        };
        (part, kept.iter().map(|class| *class as u32).collect())
    }

    pub(super) fn classes(&self) -> usize {
        self.demand.len()
    }
    pub(super) fn bins(&self) -> usize {
        self.price.len()
    }
    pub(super) fn size(&self, class: usize) -> &[i64] {
        self.sizes.row(class)
    }
    /// What of `size` is above zero.
    pub(super) fn parts(&self, class: usize) -> &[Part] {
        self.sizes.parts(class)
    }
    pub(super) fn capacity(&self, bin: usize) -> &[i64] {
        &self.capacities[bin * self.width..(bin + 1) * self.width]
    }
    /// Per class, how many of it may be in `bin`: those that fit alone, demand at most; zero where not allowed.
    pub(super) fn most(&self, bin: usize) -> &[u32] {
        &self.most[bin * self.classes()..(bin + 1) * self.classes()]
    }
    /// The price as the search sees it: a free bin costs a micro-dollar, so that ratios exist.
    pub(super) fn cost(&self, bin: usize) -> f64 {
        self.price[bin].max(1) as f64
    }
    /// Takes all bins to be in one place.
    pub(super) fn forget_places(&mut self) {
        self.place.fill(0);
    }
    /// Bins of one place are open to the same classes.
    pub(super) fn place(&self, bin: usize) -> u32 {
        self.place[bin]
    }
    /// Whether only its size bounds how many of `class` share a bin.
    pub(super) fn is_free(&self, class: usize) -> bool {
        self.together[class] == u32::MAX
    }
    pub(super) fn class_origin(&self, class: usize) -> usize {
        self.class_origin[class]
    }
    pub(super) fn bin_origin(&self, bin: usize) -> usize {
        self.bin_origin[bin]
    }

    /// What `counts` take up.
    pub(super) fn usage(&self, counts: &[(u32, u32)]) -> Vec<i64> {
        let mut sum = vec![0_i64; self.width];
        for (class, count) in counts {
            for part in self.parts(*class as usize) {
                let sum = &mut sum[part.dimension];
                *sum = sum.saturating_add(part.size.saturating_mul(i64::from(*count)));
            }
        }
        sum
    }

    /// The first of the cheapest bins that hold `counts`.
    pub(super) fn cheapest(&self, counts: &[(u32, u32)]) -> Option<usize> {
        let usage = self.usage(counts);
        (0..self.bins()).find(|bin| {
            fits(&usage, self.capacity(*bin)) && counts.iter().all(|(class, count)| self.most(*bin)[*class as usize] >= *count)
        })
    }
}

/// Whether `usage` is nowhere above `room`.
pub(super) fn fits(usage: &[i64], room: &[i64]) -> bool {
    usage.iter().zip(room).all(|(need, room)| need <= room)
}

fn transpose(rows: &[Vec<i64>], columns: usize) -> Vec<i64> {
    (0..columns).flat_map(|column| rows.iter().map(move |row| row[column])).collect()
}

fn greatest_common_divisor(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
