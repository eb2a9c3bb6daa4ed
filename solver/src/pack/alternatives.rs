//! Other offerings that hold a node's pods: EC2 Fleet picks among them, so the plan must be valid for each.

use super::axis::{fits, take};
use super::budget::Budget;
use super::problem::{Candidate, Problem};
use super::state::NewNode;
use super::variety::{Seen, asked_of, is_spot, values};
use crate::plan::{OfferingRef, RelaxedMinValues};
use crate::{InstanceType, MinValues, Offering, Options};

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
    let usage = usage(problem, node);
    let own = &problem.candidates[node.candidate];
    problem.variants[own.variant].candidates.clone().filter(move |index| {
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

/// The alternatives that a node must have, whatever they cost, and then the first similar ones, `most` together where that is enough;
/// all of them within what the pool's limits allow even if EC2 picks the largest of each node's. With them the keys that stay short.
pub(super) fn within_limits(
    problem: &Problem<'_>,
    node: &NewNode,
    others: &Others<'_>,
    budget: &mut Budget,
    most: usize,
) -> (Vec<OfferingRef>, Vec<RelaxedMinValues>) {
    let mut reserve = Reserve::new(problem, node, budget);
    let mut kept: Vec<OfferingRef> = Vec::new();
    let mut seen = Seen::new(others.asked);
    seen.add(&others.own);
    for (alternative, values) in &others.any {
        if seen.is_enough() {
            break;
        }
        if seen.lacks(values) && reserve.allows(alternative.candidate) {
            seen.add(values);
            kept.push(alternative.offering.clone());
        }
    }
    for alternative in &others.similar {
        if kept.len() >= most {
            break;
        }
        if !kept.contains(&alternative.offering) && reserve.allows(alternative.candidate) {
            kept.push(alternative.offering.clone());
        }
    }
    kept.sort();
    let short = seen.short().map(|(asked, found)| RelaxedMinValues {
        key: asked.key.clone(),
        asked: asked.count,
        found: u32::try_from(found).unwrap_or(u32::MAX),
    });
    (kept, short.collect())
}

/// What a node may use of its pool's limits.
struct Reserve<'a, 's> {
    problem: &'a Problem<'s>,
    pool: usize,
    budget: &'a mut Budget,
    largest: Vec<i64>,
}

impl<'a, 's> Reserve<'a, 's> {
    fn new(problem: &'a Problem<'s>, node: &NewNode, budget: &'a mut Budget) -> Self {
        let pool = problem.pool(&problem.candidates[node.candidate]);
        let mut reserve = Self { problem, pool, budget, largest: Vec::new() };
        reserve.largest = reserve.capacity(node.candidate);
        reserve
    }

    fn capacity(&self, candidate: usize) -> Vec<i64> {
        let limits = &self.problem.snapshot.node_pools()[self.pool].limits;
        limits.iter().map(|(name, _)| self.problem.capacity(&self.problem.candidates[candidate], name.as_str())).collect()
    }

    /// Whether the node may become this one, too.
    fn allows(&mut self, candidate: usize) -> bool {
        let capacity = self.capacity(candidate);
        let larger: Vec<i64> = capacity.iter().zip(&self.largest).map(|(new, old)| (new - old).max(0)).collect();
        let allowed = self.budget.stretch(self.pool, &larger);
        if allowed {
            for (largest, more) in self.largest.iter_mut().zip(&larger) {
                *largest += more;
            }
        }
        allowed
    }
}
