//! Places that sell the same at the same price, such as zones, taken as one and told apart afterwards.
//!
//! Pods that may be in any zone and pods of the same size that may be in one only are different classes, and each zone has bins of its
//! own: three zones make a problem of nine times the work. Without zones it is a relaxation, whose bound holds for the whole and whose
//! packing nearly does: each of its bins goes to a place where pods are waiting that may be nowhere else, and the others fill the seats
//! that are left. Who finds no seat so is packed by itself.

use super::bound::priced;
use super::greedy;
use super::instance::{Counts, Filling, Instance, Packing, fits};
use super::meter::Meter;
use super::packing::tidy;
use super::random::SplitMix64;
use std::collections::BTreeMap;

/// More places than this are not taken as one.
const MOST_PLACES: usize = 12;

/// More bins than this are not told apart.
const MOST_BINS: u32 = 20_000;

/// A bin may grow for a pod by this many times what the pod is worth.
const DEARER: f64 = 1.5;

/// Moves tried for each bin, and in all.
const MOVES_EACH: usize = 250;
const MOST_MOVES: usize = 300_000;

/// At first a move is taken that leaves this share of a usual pod's worth without a seat, more often than not.
const HEAT: f64 = 0.5;

/// An instance without places.
pub(super) struct Anywhere<'a> {
    whole: &'a Instance,
    pub(super) instance: Instance,
    /// By class: the classes of the whole that it stands for.
    members: Vec<Vec<u32>>,
    /// By bin: the same in each place.
    alike: Vec<Vec<Option<usize>>>,
    /// By class of the whole: the places that take it.
    open: Vec<Vec<bool>>,
}

/// `whole` without places; `None` where there is one place only or each sells something else.
pub(super) fn anywhere(whole: &Instance) -> Option<Anywhere<'_>> {
    let mut places: Vec<u32> = (0..whole.bins()).map(|bin| whole.place(bin)).collect();
    places.sort_unstable();
    places.dedup();
    if !(2..=MOST_PLACES).contains(&places.len()) {
        return None;
    }
    let mut open = vec![vec![false; places.len()]; whole.classes()];
    let mut alike: BTreeMap<(i64, &[i64]), Vec<Option<usize>>> = BTreeMap::new();
    for bin in 0..whole.bins() {
        let place = places.binary_search(&whole.place(bin)).ok()?;
        for (open, most) in open.iter_mut().zip(whole.most(bin)) {
            open[place] |= *most > 0;
        }
        let known = alike.entry((whole.price[bin], whole.capacity(bin))).or_insert_with(|| vec![None; places.len()]);
        known[place] = known[place].or(Some(bin));
    }
    // Nearly everything must be sold in several places.
    if alike.len() * 2 > whole.bins() {
        return None;
    }
    let mut members: BTreeMap<(&[i64], usize), Vec<u32>> = BTreeMap::new();
    for class in 0..whole.classes() {
        let own = if whole.is_free(class) { usize::MAX } else { class };
        members.entry((whole.size(class), own)).or_default().push(class as u32);
    }
    let members: Vec<Vec<u32>> = members.into_values().collect();
    let alike: Vec<Vec<Option<usize>>> = alike.into_values().collect();
    let demand = |members: &Vec<u32>| members.iter().map(|class| whole.demand[*class as usize]).fold(0, u32::saturating_add);
    let classes: Vec<(usize, u32)> = members.iter().map(|members| (members[0] as usize, demand(members))).collect();
    let first = |bins: &Vec<Option<usize>>| bins.iter().flatten().copied().next().unwrap_or(0);
    let bins: Vec<usize> = alike.iter().map(first).collect();
    let class_of: BTreeMap<usize, usize> = classes.iter().enumerate().map(|(at, (class, _))| (*class, at)).collect();
    let bin_of: BTreeMap<usize, usize> = bins.iter().enumerate().map(|(at, bin)| (*bin, at)).collect();
    let holds = |class: usize, bin: usize| {
        let bins = bin_of.get(&bin).map(|at| &alike[*at][..]).unwrap_or_default();
        let members = class_of.get(&class).map(|at| &members[*at][..]).unwrap_or_default();
        bins.iter().flatten().any(|bin| members.iter().any(|class| whole.most(*bin)[*class as usize] > 0))
    };
    let mut instance = whole.part(&bins, &classes, holds);
    instance.forget_places();
    let alike =
        (0..instance.bins()).map(|bin| bin_of.get(&instance.bin_origin(bin)).map(|at| alike[*at].clone()).unwrap_or_default());
    let alike = alike.collect();
    Some(Anywhere { whole, instance, members, alike, open })
}

/// One bin of a packing without places.
struct Node<'p> {
    filling: &'p Filling,
    place: usize,
}

/// Seats by class and place.
struct Books {
    /// Pods that may be nowhere else.
    bound: Vec<Vec<i64>>,
    seats: Vec<Vec<i64>>,
    /// What a pod of each class is worth.
    worth: Vec<f64>,
}

impl Books {
    /// What of the pods bound to a place finds no seat, by worth, if `counts` had `times` more there.
    fn missing(&self, counts: &[(u32, u32)], place: usize, times: i64) -> f64 {
        let one = |(class, count): &(u32, u32)| {
            let at = *class as usize;
            let short = (self.bound[at][place] - self.seats[at][place] - times * i64::from(*count)).max(0);
            short as f64 * self.worth[at]
        };
        counts.iter().map(one).sum()
    }

    fn enter(&mut self, counts: &[(u32, u32)], place: usize, times: i64) {
        for (class, count) in counts {
            self.seats[*class as usize][place] += times * i64::from(*count);
        }
    }

    /// What is missing less once `counts` move from one place to another.
    fn gain(&self, counts: &[(u32, u32)], from: usize, to: usize) -> f64 {
        self.missing(counts, from, 0) - self.missing(counts, from, -1) + self.missing(counts, to, 0) - self.missing(counts, to, 1)
    }
}

impl Anywhere<'_> {
    /// Prices per class as prices per class of the whole.
    pub(super) fn prices(&self, prices: &[i64]) -> Vec<i64> {
        let mut all = vec![0; self.whole.classes()];
        for (members, price) in self.members.iter().zip(prices) {
            for class in members {
                all[*class as usize] = *price;
            }
        }
        all
    }

    /// A packing as one of the whole; `None` where it has too many bins. `hint` are prices per unit.
    pub(super) fn back(&self, packing: &Packing, hint: &[f64], meter: &mut Meter<'_>) -> Option<Packing> {
        if packing.iter().map(|(_, uses)| *uses).fold(0, u32::saturating_add) > MOST_BINS {
            return None;
        }
        let nodes = self.place(packing, hint, meter);
        let mut left = self.whole.demand.clone();
        let mut all = Packing::new();
        for node in &nodes {
            let counts = self.seat(node, &mut left);
            if let Some(bin) = self.alike[node.filling.bin][node.place].filter(|_| !counts.is_empty()) {
                all.push((Filling { bin, counts }, 1));
            }
        }
        self.squeeze(&mut all, &mut left, hint, meter);
        if left.iter().any(|count| *count > 0) {
            let (rest, classes) = self.whole.residual(&left);
            let values = priced(&rest, hint);
            for (filling, uses) in greedy::pack(&rest, &values, hint, meter) {
                let counts = filling.counts.iter().map(|(class, count)| (classes[*class as usize], *count)).collect();
                all.push((Filling { bin: filling.bin, counts }, uses));
            }
        }
        Some(tidy(self.whole, all))
    }

    /// Puts who found no seat where seats stayed empty, or on bins for which one a little larger costs no more than they are worth.
    fn squeeze(&self, all: &mut Packing, left: &mut [u32], hint: &[f64], meter: &mut Meter<'_>) {
        let whole = self.whole;
        let worth = priced(whole, hint);
        let mut waiting: Vec<usize> = (0..whole.classes()).filter(|class| left[*class] > 0).collect();
        waiting.sort_by(|a, b| worth[*b].total_cmp(&worth[*a]).then(a.cmp(b)));
        let mut used: Vec<Vec<i64>> = all.iter().map(|(filling, _)| whole.usage(&filling.counts)).collect();
        for (filling, _) in all.iter_mut() {
            filling.bin = whole.cheapest(&filling.counts).unwrap_or(filling.bin);
        }
        for class in waiting {
            while left[class] > 0 {
                let mut best: Option<(f64, usize, usize)> = None;
                let mut looks = 0;
                for (at, (filling, _)) in all.iter().enumerate() {
                    if whole.most(filling.bin)[class] == 0 {
                        continue;
                    }
                    let most = best.map_or(worth[class] * DEARER, |(extra, _, _)| extra);
                    let full: Vec<i64> = used[at].iter().zip(whole.size(class)).map(|(used, size)| used + size).collect();
                    for bin in filling.bin..whole.bins() {
                        let extra = whole.cost(bin) - whole.cost(filling.bin);
                        if extra >= most {
                            break;
                        }
                        looks += 1;
                        let holds = |(class, count): &(u32, u32)| whole.most(bin)[*class as usize] >= *count;
                        let own =
                            filling.counts.iter().find(|(known, _)| *known as usize == class).map_or(0, |(_, count)| *count);
                        if whole.most(bin)[class] > own && fits(&full, whole.capacity(bin)) && filling.counts.iter().all(holds) {
                            best = Some((extra, at, bin));
                            break;
                        }
                    }
                }
                meter.spend((looks + all.len() as u64) / 16);
                let Some((_, at, bin)) = best else { break };
                let filling = &mut all[at].0;
                filling.bin = bin;
                match filling.counts.iter_mut().find(|(known, _)| *known as usize == class) {
                    Some((_, count)) => *count += 1,
                    None => filling.counts.push((class as u32, 1)),
                }
                filling.counts.sort_unstable();
                used[at].iter_mut().zip(whole.size(class)).for_each(|(used, size)| *used += size);
                left[class] -= 1;
            }
        }
    }

    /// Gives every bin a place, such that as few pods as may be find no seat in the only place that takes them.
    fn place<'p>(&self, packing: &'p Packing, hint: &[f64], meter: &mut Meter<'_>) -> Vec<Node<'p>> {
        let places = self.open.first().map_or(0, Vec::len);
        let bound = |members: &Vec<u32>, place: usize| -> i64 {
            let only = |class: &&u32| {
                let open = &self.open[**class as usize];
                open[place] && open.iter().filter(|open| **open).count() == 1
            };
            members.iter().filter(only).map(|class| i64::from(self.whole.demand[*class as usize])).sum()
        };
        let mut books = Books {
            bound: self.members.iter().map(|members| (0..places).map(|place| bound(members, place)).collect()).collect(),
            seats: vec![vec![0; places]; self.members.len()],
            worth: priced(&self.instance, hint),
        };
        let mut nodes = Vec::new();
        let mut load = vec![0.0_f64; places];
        for (filling, uses) in packing {
            let sold: Vec<usize> = (0..places).filter(|place| self.alike[filling.bin][*place].is_some()).collect();
            for _ in 0..*uses {
                let gain = |place: usize| books.missing(&filling.counts, place, 0) - books.missing(&filling.counts, place, 1);
                let best =
                    |a: &&usize, b: &&usize| gain(**a).total_cmp(&gain(**b)).then(load[**b].total_cmp(&load[**a])).then(b.cmp(a));
                let place = sold.iter().max_by(best).copied().unwrap_or(0);
                books.enter(&filling.counts, place, 1);
                load[place] += self.instance.cost(filling.bin);
                nodes.push(Node { filling, place });
            }
        }
        meter.spend((nodes.len() * places) as u64 / 8);
        self.mend(&mut nodes, &mut books, meter);
        nodes
    }

    /// Moves bins about, at first also to where they are missed less, and in the end only to where they seat more (simulated annealing).
    fn mend(&self, nodes: &mut [Node<'_>], books: &mut Books, meter: &mut Meter<'_>) {
        let places = self.open.first().map_or(0, Vec::len);
        let usual = books.worth.iter().sum::<f64>() / books.worth.len().max(1) as f64;
        let moves = if nodes.is_empty() { 0 } else { (nodes.len() * MOVES_EACH).min(MOST_MOVES) };
        let mut random = SplitMix64::new(0);
        for number in 0..moves {
            let at = random.below(nodes.len());
            let place = random.below(places);
            let chance = random.fraction();
            let node = &nodes[at];
            if place == node.place || self.alike[node.filling.bin][place].is_none() {
                continue;
            }
            let rest = 1.0 - number as f64 / moves as f64;
            let heat = usual * HEAT * rest * rest;
            let counts = &node.filling.counts;
            let gain = books.gain(counts, node.place, place);
            if gain >= 0.0 || chance < like_exp(gain / heat.max(1e-9)) {
                books.enter(counts, node.place, -1);
                books.enter(counts, place, 1);
                nodes[at].place = place;
            }
        }
        meter.spend(moves as u64 / 4);
    }

    /// Who sits on a node: those with the fewest places first.
    fn seat(&self, node: &Node<'_>, left: &mut [u32]) -> Counts {
        let mut counts = Counts::new();
        for (class, count) in &node.filling.counts {
            let places = |class: u32| self.open[class as usize].iter().filter(|open| **open).count();
            let mut members: Vec<u32> = self.members[*class as usize]
                .iter()
                .copied()
                .filter(|class| self.open[*class as usize][node.place] && left[*class as usize] > 0)
                .collect();
            members.sort_by_key(|class| (places(*class), *class));
            let mut wanted = *count;
            for class in members {
                let taken = wanted.min(left[class as usize]);
                if taken > 0 {
                    counts.push((class, taken));
                    left[class as usize] -= taken;
                    wanted -= taken;
                }
            }
        }
        counts.sort_unstable();
        counts
    }
}

/// About e to the power of `x`, which is below zero, by arithmetic alone: it is the same on every machine, `f64::exp` need not be.
fn like_exp(x: f64) -> f64 {
    let quarter = 1.0 - x / 4.0 + x * x / 32.0;
    1.0 / (quarter * quarter * quarter * quarter)
}
