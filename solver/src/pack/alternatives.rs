//! Other offerings that hold a node's pods: EC2 Fleet picks among them, so the plan must be valid for each.

use super::axis::{fits, take};
use super::budget::Budget;
use super::problem::{Candidate, Problem};
use super::share::SpotRoom;
use super::state::NewNode;
use super::variety::{Seen, asked_of, is_spot, values};
use crate::plan::{OfferingRef, RelaxedMinValues};
use crate::{CapacityType, InstanceType, MinValues, Offering, Options};

/// An offering that would do.
#[derive(Debug, Clone)]
pub(super) struct Alternative {
    /// Index into the problem's candidates.
    candidate: usize,
    pub(super) offering: OfferingRef,
}

/// The instance type and the offering that a candidate buys first.
pub(super) fn chosen<'p>(problem: &'p Problem<'_>, candidate: &Candidate) -> (&'p InstanceType, &'p Offering) {
    offer(problem, candidate, problem.offer_indices[candidate.offers.start] as usize)
}

/// The instance type and the offering at `index` of the candidate's list of offers.
pub(super) fn offer<'p>(problem: &'p Problem<'_>, candidate: &Candidate, index: usize) -> (&'p InstanceType, &'p Offering) {
    let offers = &problem.offers[problem.variants[candidate.variant].offers];
    let offer = offers.list[index];
    let instance_type = &offers.types[offer.instance_type];
    (instance_type, &instance_type.offerings[offer.offering])
}

/// What a node holds, as one vector.
fn usage(problem: &Problem<'_>, node: &NewNode) -> Vec<i64> {
    let mut room = vec![0_i64; problem.axis.width()];
    for (class, count) in &node.load {
        take(&mut room, &problem.classes[*class].need, *count);
    }
    room.into_iter().map(|amount| -amount).collect()
}

/// Candidates of the node's variant that hold its pods.
fn holders<'p>(problem: &'p Problem<'_>, node: &'p NewNode) -> impl Iterator<Item = usize> + 'p {
    let own = &problem.candidates[node.candidate];
    holders_among(problem, node, problem.variants[own.variant].candidates.clone())
}

/// Those of `candidates` that hold the node's pods.
pub(super) fn holders_among<'p>(
    problem: &'p Problem<'_>,
    node: &'p NewNode,
    candidates: impl Iterator<Item = usize> + 'p,
) -> impl Iterator<Item = usize> + 'p {
    let usage = usage(problem, node);
    let own = &problem.candidates[node.candidate];
    candidates.filter(move |index| {
        let candidate = &problem.candidates[*index];
        fits(&usage, problem.free(candidate))
            && node.load.iter().all(|(class, _)| problem.allows(candidate, *class, true))
            && (candidate.model == own.model || problem.host(candidate, &node.load).is_some())
    })
}

/// The candidate that is bought: of a bundle the cheapest that holds the pods and is no larger by the pool's limits than was reckoned.
pub(super) fn bought(problem: &Problem<'_>, node: &NewNode) -> usize {
    let own = &problem.candidates[node.candidate];
    let Some(bundle) = &own.bundle else { return node.candidate };
    let within = |index: &usize| {
        let candidate = &problem.candidates[*index];
        candidate.reservation.is_none()
            && (bundle.with_spot || !is_spot(problem, candidate))
            && bundle.largest.iter().all(|(name, most)| problem.capacity(candidate, name.as_str()) <= *most)
    };
    let cheapest = holders(problem, node).filter(within).min_by_key(|index| (problem.candidates[*index].price, *index));
    cheapest.unwrap_or(node.candidate)
}

/// What else would hold a node's pods.
pub(super) struct Others<'p> {
    /// What it must be able to become.
    asked: &'p [MinValues],
    /// The values that the offering bought has.
    own: Vec<Option<&'p str>>,
    /// Of the same capacity type and within the price tolerance, cheapest first.
    similar: Vec<Alternative>,
    /// Where it must be able to become more than one thing: everything that costs as much or more, the same capacity type first, then the
    /// cheapest, with its values.
    any: Vec<(Alternative, Vec<Option<&'p str>>)>,
}

/// All offerings of the node's variant that hold its pods beside what is `bought`, its candidate.
pub(super) fn others<'p>(problem: &'p Problem<'_>, node: &NewNode, own: usize, options: &Options<'_>) -> Others<'p> {
    let own = &problem.candidates[own];
    let (instance_type, offering) = chosen(problem, own);
    let bought = OfferingRef::of(instance_type, offering);
    let most = i128::from(own.price) * (100 + i128::from(options.price_tolerance_percent)) / 100;
    let asked = asked_of(problem, own);
    let mut others = Others { asked, own: values(problem, own), similar: Vec::new(), any: Vec::new() };
    let mut seen = Seen::new(asked);
    seen.add(&others.own);
    let varied = !seen.is_enough();
    for index in holders(problem, node) {
        let candidate = &problem.candidates[index];
        // A slot that another node may need is no alternative.
        if candidate.reservation.is_some() || (!varied && i128::from(candidate.price) > most) {
            continue;
        }
        for position in &problem.offer_indices[candidate.offers.clone()] {
            let (instance_type, offering) = offer(problem, candidate, *position as usize);
            let other = OfferingRef::of(instance_type, offering);
            if other == bought || other.price < bought.price {
                continue;
            }
            let alternative = Alternative { candidate: index, offering: other };
            if varied {
                others.any.push((alternative.clone(), values(problem, candidate)));
            }
            let similar = alternative.offering.capacity_type == bought.capacity_type;
            if similar && i128::from(alternative.offering.price.0) <= most {
                others.similar.push(alternative);
            }
        }
    }
    others.similar.sort_by(|a, b| a.offering.cmp(&b.offering));
    others.any.sort_by(|(a, _), (b, _)| {
        let foreign = |one: &Alternative| one.offering.capacity_type != bought.capacity_type;
        (foreign(a), &a.offering).cmp(&(foreign(b), &b.offering))
    });
    others
}

/// What alternatives use up: what pools' limits leave even if EC2 picks the largest of each node's, and the room in spot pools.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    pub(super) budget: Budget,
    pub(super) spot: SpotRoom,
}

/// A node's alternatives in the making.
pub(super) struct Hand<'p, 's> {
    problem: &'p Problem<'s>,
    pool: usize,
    /// The most of each limited resource that the node may use.
    largest: Vec<i64>,
    seen: Seen<'p>,
    kept: Vec<OfferingRef>,
    /// Of the similar ones, those before this were looked at.
    next: usize,
}

impl<'p, 's> Hand<'p, 's> {
    /// Nothing but what is bought; limits were reckoned with the candidate `reckoned`.
    pub(super) fn new(problem: &'p Problem<'s>, reckoned: usize, others: &Others<'p>) -> Self {
        let pool = problem.pool(&problem.candidates[reckoned]);
        let mut seen = Seen::new(others.asked);
        seen.add(&others.own);
        let mut hand = Self { problem, pool, largest: Vec::new(), seen, kept: Vec::new(), next: 0 };
        hand.largest = hand.capacity(reckoned);
        hand
    }

    /// Takes the alternatives that the node must have, whatever they cost. Returns which of [`Others::any`] they are.
    pub(super) fn take_needed(&mut self, others: &Others<'p>, stock: &mut Stock) -> Vec<usize> {
        let mut taken = Vec::new();
        for (position, (alternative, values)) in others.any.iter().enumerate() {
            if self.seen.is_enough() {
                break;
            }
            if self.seen.lacks(values) && self.take(alternative, stock) {
                self.seen.add(values);
                taken.push(position);
            }
        }
        taken
    }

    /// Takes the alternatives that were chosen for it.
    pub(super) fn take_chosen(&mut self, others: &Others<'p>, chosen: &[usize], stock: &mut Stock) {
        for (alternative, values) in chosen.iter().filter_map(|position| others.any.get(*position)) {
            if self.take(alternative, stock) {
                self.seen.add(values);
            }
        }
    }

    /// Takes the next similar ones, until there are `most` alternatives together.
    pub(super) fn take_similar(&mut self, others: &Others<'_>, stock: &mut Stock, most: usize) {
        while self.kept.len() < most
            && let Some(alternative) = others.similar.get(self.next)
        {
            self.next += 1;
            if !self.kept.contains(&alternative.offering) {
                self.take(alternative, stock);
            }
        }
    }

    /// Of what the node must be able to become, the keys that stay short.
    pub(super) fn short(&self) -> impl Iterator<Item = (&'p MinValues, usize)> {
        self.seen.short()
    }

    /// Whether nothing that it took is of another capacity type than `own`.
    pub(super) fn is_all(&self, own: CapacityType) -> bool {
        self.kept.iter().all(|one| one.capacity_type == own)
    }

    /// The alternatives, and the keys that stay short.
    pub(super) fn finish(mut self) -> (Vec<OfferingRef>, Vec<RelaxedMinValues>) {
        self.kept.sort();
        let short = self.seen.short().map(|(asked, found)| RelaxedMinValues {
            key: asked.key.clone(),
            asked: asked.count,
            found: u32::try_from(found).unwrap_or(u32::MAX),
        });
        let short = short.collect();
        (self.kept, short)
    }

    fn capacity(&self, candidate: usize) -> Vec<i64> {
        let limits = &self.problem.snapshot.node_pools()[self.pool].limits;
        limits.iter().map(|(name, _)| self.problem.capacity(&self.problem.candidates[candidate], name.as_str())).collect()
    }

    /// Takes an alternative if the node may become it, too. Whether it may.
    fn take(&mut self, alternative: &Alternative, stock: &mut Stock) -> bool {
        if !stock.spot.has(&alternative.offering) {
            return false;
        }
        let capacity = self.capacity(alternative.candidate);
        let larger: Vec<i64> = capacity.iter().zip(&self.largest).map(|(new, old)| (new - old).max(0)).collect();
        let allowed = stock.budget.stretch(self.pool, &larger);
        if allowed {
            for (largest, more) in self.largest.iter_mut().zip(&larger) {
                *largest += more;
            }
            stock.spot.take(&alternative.offering);
            self.kept.push(alternative.offering.clone());
        }
        allowed
    }
}
