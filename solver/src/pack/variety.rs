//! `minValues`, and least instance types of spot nodes: nodes that must be able to become enough different things.
//!
//! A pool that asks for five instance types launches no node that only four of them hold. So its nodes are not packed type by type but
//! by bundles: offers with enough different values between them, and the room that each of them has. Whatever is packed into that room,
//! all of them hold; what is bought is the cheapest that holds it.

use super::alternatives::chosen;
use super::axis::{Amounts, fits};
use super::budget::Budget;
use super::offers::Offer;
use super::problem::{Candidate, Problem};
use crate::{CapacityType, MinValues, MinValuesPolicy, NodePool, ResourceName, Snapshot};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};

/// For a class that fits in no bundle, so many of the cheapest offers that hold it are built upon.
const STARTS_PER_CLASS: usize = 4;

/// Stands beside the labels of `minValues` for the instance types that can be bought on spot.
pub(super) const SPOT_TYPES: &str = "instance types on spot";

/// What nodes of a pool must be able to become; what concerns spot nodes alone comes last.
pub(super) fn asked(snapshot: &Snapshot, pool: &NodePool) -> Vec<MinValues> {
    let spot = (snapshot.spot_min_types() > 1).then(|| MinValues { key: SPOT_TYPES.into(), count: snapshot.spot_min_types() });
    pool.min_values.iter().cloned().chain(spot).collect()
}

/// What a node that buys `candidate` must be able to become.
pub(super) fn asked_of<'p>(problem: &'p Problem<'_>, candidate: &Candidate) -> &'p [MinValues] {
    let asked = &problem.variants[candidate.variant].asked[..];
    if is_spot(problem, candidate) { asked } else { &asked[..pool_of(problem, candidate.variant).min_values.len()] }
}

/// Whether a candidate is bought on spot. Where that makes a difference, all of its offers are or none is.
pub(super) fn is_spot(problem: &Problem<'_>, candidate: &Candidate) -> bool {
    chosen(problem, candidate).1.capacity_type == CapacityType::Spot
}

/// Whether a node that buys `candidate` may be a spot instance.
pub(super) fn may_be_spot(problem: &Problem<'_>, candidate: &Candidate) -> bool {
    candidate.bundle.as_ref().map_or_else(|| is_spot(problem, candidate), |bundle| bundle.with_spot)
}

fn pool_of<'p>(problem: &'p Problem<'_>, variant: usize) -> &'p NodePool {
    &problem.snapshot.node_pools()[problem.variants[variant].pool]
}

/// Offers that hold the same pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bundle {
    /// Room for pods on each of them.
    pub(super) free: Amounts,
    /// The most that one of them has of each resource that its pool limits.
    pub(super) largest: Vec<(ResourceName, i64)>,
    /// Whether what is bought may be a spot instance.
    pub(super) with_spot: bool,
}

impl Bundle {
    /// The most that one of the offers has of a limited resource.
    pub(super) fn largest(&self, resource: &str) -> i64 {
        self.largest.iter().find(|(name, _)| name.as_str() == resource).map_or(0, |(_, most)| *most)
    }
}

/// Which values of the pool's keys are at hand.
pub(super) struct Seen<'p> {
    asked: &'p [MinValues],
    values: Vec<BTreeSet<&'p str>>,
}

impl<'p> Seen<'p> {
    /// None yet.
    pub(super) fn new(asked: &'p [MinValues]) -> Self {
        Self { asked, values: vec![BTreeSet::new(); asked.len()] }
    }

    /// Adds one offer's values.
    pub(super) fn add(&mut self, values: &[Option<&'p str>]) {
        for (seen, value) in self.values.iter_mut().zip(values) {
            seen.extend(*value);
        }
    }

    /// Whether nothing more is needed.
    pub(super) fn is_enough(&self) -> bool {
        self.short().next().is_none()
    }

    /// Whether an offer with these values would help.
    pub(super) fn lacks(&self, values: &[Option<&'p str>]) -> bool {
        self.asked
            .iter()
            .zip(&self.values)
            .zip(values)
            .any(|((asked, seen), value)| seen.len() < asked.count as usize && value.is_some_and(|value| !seen.contains(value)))
    }

    /// Keys with fewer values than asked for, and how many there are.
    pub(super) fn short(&self) -> impl Iterator<Item = (&'p MinValues, usize)> {
        let all = self.asked.iter().zip(&self.values).map(|(asked, seen)| (asked, seen.len()));
        all.filter(|(asked, found)| *found < asked.count as usize)
    }
}

/// The values of what is asked for on nodes of a candidate; all its offers have the same.
pub(super) fn values<'p>(problem: &'p Problem<'_>, candidate: &Candidate) -> Vec<Option<&'p str>> {
    let variant = &problem.variants[candidate.variant];
    let offers = &problem.offers[variant.offers];
    let first = problem.offer_indices.get(candidate.offers.start).and_then(|index| offers.list.get(*index as usize));
    let value = |key: &str| {
        if key == SPOT_TYPES {
            let name = |offer: &Offer| offers.types[offer.instance_type].name.as_str();
            return first.filter(|_| is_spot(problem, candidate)).map(name);
        }
        let own = first.and_then(|offer| offers.value(*offer, key));
        own.or_else(|| variant.labels.get(key).map(AsRef::as_ref))
    };
    variant.asked.iter().map(|asked| value(&asked.key)).collect()
}

/// Which offers bundles are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    OfAll,
    OfSpot,
    WithoutSpot,
}

/// Bundles that are made alike.
#[derive(Debug, Clone, Copy)]
struct Family {
    made: Made,
    /// So many of what the variant is asked for count.
    asked: usize,
    /// Whether single offers do where no bundle holds a class.
    relents: bool,
}

/// The families of a variant; none where each offer will do by itself.
fn families(problem: &Problem<'_>, variant: usize) -> Vec<Family> {
    let pool = pool_of(problem, variant);
    let relents = pool.min_values_policy == MinValuesPolicy::BestEffort;
    let (own, all) = (pool.min_values.len(), problem.variants[variant].asked.len());
    let strict = |made| Family { made, asked: all, relents: false };
    let relenting = |made| Family { made, asked: own, relents };
    let capped = problem.snapshot.spot_pool_share().is_some();
    match (own, all > own) {
        (0, false) => Vec::new(),
        (_, false) if capped => vec![relenting(Made::OfAll), relenting(Made::WithoutSpot)],
        (_, false) => vec![relenting(Made::OfAll)],
        (0, true) => vec![strict(Made::OfSpot)],
        (_, true) => vec![strict(Made::OfAll), relenting(Made::WithoutSpot)],
    }
}

/// Has variants packed by bundles where their nodes must be able to become several things.
pub(super) fn bundle(problem: &mut Problem<'_>) {
    for variant in 0..problem.variants.len() {
        let families = families(problem, variant);
        if families.is_empty() {
            continue;
        }
        let start = problem.candidates.len();
        for family in &families {
            for sketch in Binder::new(problem, variant, *family).bundles() {
                add(problem, sketch);
            }
        }
        if pool_of(problem, variant).min_values.is_empty() {
            // What is not spot will do by itself.
            let singles = problem.candidates[problem.variants[variant].candidates.clone()].iter();
            let singles: Vec<Candidate> = singles.filter(|one| !is_spot(problem, one)).cloned().collect();
            problem.candidates.extend(singles);
        }
        problem.variants[variant].packed = start..problem.candidates.len();
    }
}

/// Adds a bundle to what can be bought.
fn add(problem: &mut Problem<'_>, sketch: Sketch) {
    let [strict, relaxed] = [sketch.strict, sketch.relaxed].map(|column| intern(&mut problem.columns, column));
    let (reservation, bundle) = (None, Some(Box::new(sketch.bundle)));
    let like = problem.candidates[sketch.cheapest].clone();
    problem.candidates.push(Candidate { strict, relaxed, reservation, bundle, ..like });
}

fn intern(columns: &mut Vec<FixedBitSet>, column: FixedBitSet) -> usize {
    columns.iter().position(|known| *known == column).unwrap_or_else(|| {
        columns.push(column);
        columns.len() - 1
    })
}

/// A bundle in the making.
struct Sketch {
    bundle: Bundle,
    strict: FixedBitSet,
    relaxed: FixedBitSet,
    /// Index of the cheapest candidate that holds what the bundle holds and is no larger by the pool's limits.
    cheapest: usize,
}

/// A candidate that bundles may contain.
struct Member<'a> {
    index: usize,
    price: i64,
    free: &'a [i64],
    strict: &'a FixedBitSet,
    relaxed: &'a FixedBitSet,
    values: Vec<Option<&'a str>>,
    capacity: Vec<i64>,
}

/// Makes the bundles of one variant.
struct Binder<'a, 's> {
    problem: &'a Problem<'s>,
    pool: &'a NodePool,
    family: Family,
    asked: &'a [MinValues],
    /// What takes least of the pool's limits first, then the cheapest.
    members: Vec<Member<'a>>,
    /// Positions that some class which a member holds takes something of: others do not count as room lost.
    counts: Vec<bool>,
}

impl<'a, 's> Binder<'a, 's> {
    fn new(problem: &'a Problem<'s>, variant: usize, family: Family) -> Self {
        let pool = pool_of(problem, variant);
        let asked = &problem.variants[variant].asked[..family.asked];
        let budget = Budget::new(problem);
        let mut members = Vec::new();
        for index in problem.variants[variant].candidates.clone() {
            let candidate = &problem.candidates[index];
            let spot = is_spot(problem, candidate);
            let other = (spot && family.made == Made::WithoutSpot) || (!spot && family.made == Made::OfSpot);
            if other || candidate.reservation.is_some() || budget.affords(problem, candidate, 1) == 0 {
                continue;
            }
            members.push(Member {
                index,
                price: candidate.price,
                free: problem.free(candidate),
                strict: &problem.columns[candidate.strict],
                relaxed: &problem.columns[candidate.relaxed],
                values: values(problem, candidate),
                capacity: pool.limits.iter().map(|(name, _)| problem.capacity(candidate, name.as_str())).collect(),
            });
        }
        let share = |member: &Member<'_>| budget.share(problem, &problem.candidates[member.index]);
        members.sort_by(|a, b| share(a).total_cmp(&share(b)).then((a.price, a.index).cmp(&(b.price, b.index))));
        let mut binder = Self { problem, pool, family, asked, members, counts: Vec::new() };
        binder.counts = vec![false; problem.axis.width()];
        for class in (0..problem.classes.len()).filter(|class| binder.holders(*class).next().is_some()).collect::<Vec<_>>() {
            for (counts, need) in binder.counts.iter_mut().zip(&problem.classes[class].need) {
                *counts |= *need > 0;
            }
        }
        binder
    }

    /// Members that hold one pod of a class, by position.
    fn holders(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        let class = &self.problem.classes[class];
        let holds = move |member: &Member<'_>| member.relaxed.contains(class.signature) && fits(&class.need, member.free);
        (0..self.members.len()).filter(move |member| holds(&self.members[*member]))
    }

    fn bundles(&self) -> Vec<Sketch> {
        let mut made: BTreeMap<(Bundle, FixedBitSet), Sketch> = BTreeMap::new();
        let mut keep = |sketch: Option<Sketch>| {
            if let Some(sketch) = sketch {
                made.entry((sketch.bundle.clone(), sketch.relaxed.clone())).or_insert(sketch);
            }
        };
        for start in self.undominated() {
            keep(self.grow(start, &|_| true));
        }
        let mut singles = BTreeSet::new();
        let mut more = Vec::new();
        for class in 0..self.problem.classes.len() {
            let (signature, need) = (self.problem.classes[class].signature, &self.problem.classes[class].need);
            let holds = |sketch: &Sketch| sketch.relaxed.contains(signature) && fits(need, &sketch.bundle.free);
            let holders: Vec<usize> = self.holders(class).collect();
            if !self.pool.limits.is_empty() {
                more.extend(self.lean(&holders));
            }
            if holders.is_empty() || made.values().chain(&more).any(holds) {
                continue;
            }
            let mut cheapest = holders.clone();
            cheapest.sort_by_key(|member| (self.members[*member].price, *member));
            let holds = |member: usize| holders.binary_search(&member).is_ok();
            let grown: Vec<Sketch> =
                cheapest.iter().take(STARTS_PER_CLASS).filter_map(|start| self.grow(*start, &holds)).collect();
            if grown.is_empty() && self.family.relents {
                singles.extend(holders);
            }
            more.extend(grown);
        }
        more.extend(singles.into_iter().map(|single| self.sketch(&[single])));
        made.into_values().chain(more).collect()
    }

    /// Members that no other replaces: at most the price and what limits count, at least the room and the pods.
    fn undominated(&self) -> Vec<usize> {
        let replaces = |other: &Member<'_>, one: &Member<'_>| {
            other.price <= one.price
                && other.free.iter().zip(one.free).all(|(other, one)| other >= one)
                && one.relaxed.is_subset(other.relaxed)
                && one.strict.is_subset(other.strict)
                && other.capacity.iter().zip(&one.capacity).all(|(other, one)| other <= one)
        };
        let equal =
            |a: usize, b: usize| replaces(&self.members[a], &self.members[b]) && replaces(&self.members[b], &self.members[a]);
        (0..self.members.len())
            .filter(|one| {
                let rival =
                    |other: &usize| replaces(&self.members[*other], &self.members[*one]) && (other < one || !equal(*other, *one));
                !(0..self.members.len()).filter(|other| other != one).any(|other| rival(&other))
            })
            .collect()
    }

    /// Adds to `start`, of the members that are `open`, again and again the one that takes the least room away and brings a value that
    /// is missing; `None` where there are not enough.
    fn grow(&self, start: usize, open: &dyn Fn(usize) -> bool) -> Option<Sketch> {
        let mut seen = Seen::new(self.asked);
        seen.add(&self.members[start].values);
        let mut chosen = vec![start];
        let (mut free, mut column) = (self.members[start].free.to_vec(), self.members[start].relaxed.clone());
        let absorb = |member: &Member<'_>, free: &mut Vec<i64>, column: &mut FixedBitSet| {
            for (free, other) in free.iter_mut().zip(member.free) {
                *free = (*free).min(*other);
            }
            column.intersect_with(member.relaxed);
        };
        for (index, member) in self.members.iter().enumerate() {
            if seen.is_enough() {
                break;
            }
            if open(index) && seen.lacks(&member.values) && self.loss(member, &free, &column) <= 0.0 {
                seen.add(&member.values);
                chosen.push(index);
                absorb(member, &mut free, &mut column);
            }
        }
        while !seen.is_enough() {
            let useful = self.members.iter().enumerate().filter(|(index, member)| open(*index) && seen.lacks(&member.values));
            let rated = useful.map(|(index, member)| (self.loss(member, &free, &column), index));
            let (_, next) = rated.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
            seen.add(&self.members[next].values);
            chosen.push(next);
            absorb(&self.members[next], &mut free, &mut column);
        }
        Some(self.sketch(&chosen))
    }

    /// Of these members the first that have enough values: they take the least of the pool's limits.
    fn lean(&self, open: &[usize]) -> Option<Sketch> {
        let mut seen = Seen::new(self.asked);
        let mut chosen = Vec::new();
        for member in open {
            if seen.lacks(&self.members[*member].values) {
                seen.add(&self.members[*member].values);
                chosen.push(*member);
            }
        }
        (seen.is_enough() && !chosen.is_empty()).then(|| self.sketch(&chosen))
    }

    /// How much of the room and of the pods a bundle would lose by one more member: the sum of the shares.
    #[allow(clippy::cast_precision_loss)]
    fn loss(&self, member: &Member<'_>, free: &[i64], column: &FixedBitSet) -> f64 {
        let room = free.iter().zip(member.free).zip(&self.counts).filter(|((free, other), counts)| **counts && other < free);
        let room: f64 = room.map(|((free, other), _)| (free - other) as f64 / (*free).max(1) as f64).sum();
        let pods = column.count_ones(..);
        room + (pods - column.intersection_count(member.relaxed)) as f64 / pods.max(1) as f64
    }

    fn sketch(&self, chosen: &[usize]) -> Sketch {
        let first = &self.members[chosen[0]];
        let mut free: Amounts = first.free.into();
        let (mut strict, mut relaxed) = (first.strict.clone(), first.relaxed.clone());
        let mut most = first.capacity.clone();
        for member in chosen.iter().skip(1).map(|index| &self.members[*index]) {
            for (free, other) in free.iter_mut().zip(member.free) {
                *free = (*free).min(*other);
            }
            for (most, other) in most.iter_mut().zip(&member.capacity) {
                *most = (*most).max(*other);
            }
            strict.intersect_with(member.strict);
            relaxed.intersect_with(member.relaxed);
        }
        let holds = |member: &&Member<'_>| {
            free.iter().zip(member.free).all(|(free, other)| other >= free)
                && relaxed.is_subset(member.relaxed)
                && member.capacity.iter().zip(&most).all(|(own, most)| own <= most)
        };
        let cheapest = self.members.iter().filter(holds).min_by_key(|member| (member.price, member.index));
        let cheapest = cheapest.map_or(first.index, |member| member.index);
        let largest = self.pool.limits.iter().zip(most).map(|((name, _), most)| (name.clone(), most)).collect();
        let with_spot = self.family.made != Made::WithoutSpot;
        Sketch { bundle: Bundle { free, largest, with_spot }, strict, relaxed, cheapest }
    }
}
