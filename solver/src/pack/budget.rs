//! What is left of the pools' limits and of capacity reservations. Limits bound capacity, not allocatable, and both hold at every moment
//! of packing.

use super::problem::{Candidate, Problem};
use super::variety;

/// Remaining limits by pool, in the order in which the pool lists them. Below zero where existing nodes use more than allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Budget {
    left: Vec<Vec<i64>>,
    /// Room in each of the snapshot's reservations.
    slots: Vec<i64>,
    /// Whether nothing more is bought that may be a spot instance.
    spot_closed: bool,
}

impl Budget {
    /// What existing nodes leave.
    pub(super) fn new(problem: &Problem<'_>) -> Self {
        let left =
            problem.snapshot.node_pools().iter().map(|pool| {
                pool.limits.iter().map(|(name, limit)| limit.saturating_sub(pool.usage.get(name.as_str()))).collect()
            });
        let slots = problem.snapshot.reservations().values().map(|slots| i64::from(*slots));
        Self { left: left.collect(), slots: slots.collect(), spot_closed: false }
    }

    /// What is left of the limits of a pool, by index.
    pub(super) fn of(&self, pool: usize) -> &[i64] {
        &self.left[pool]
    }

    /// Has nothing more bought that may be a spot instance.
    pub(super) const fn close_spot(&mut self) {
        self.spot_closed = true;
    }

    /// The same as if spot were not closed; `None` where it is not.
    pub(super) fn with_spot(&self) -> Option<Self> {
        self.spot_closed.then(|| Self { spot_closed: false, ..self.clone() })
    }

    /// How many nodes of `candidate` the limits of its pool still allow, at most `wanted`.
    pub(super) fn affords(&self, problem: &Problem<'_>, candidate: &Candidate, wanted: u32) -> u32 {
        if self.spot_closed && variety::may_be_spot(problem, candidate) {
            return 0;
        }
        let pool = problem.pool(candidate);
        let limits = &problem.snapshot.node_pools()[pool].limits;
        let slots = candidate.reservation.map(|index| self.slots.get(index).copied().unwrap_or(0).max(0));
        let wanted = slots.map_or(wanted, |slots| wanted.min(u32::try_from(slots).unwrap_or(u32::MAX)));
        limits.iter().zip(&self.left[pool]).fold(wanted, |least, ((name, _), left)| {
            let capacity = problem.capacity(candidate, name.as_str());
            match (*left < 0, capacity > 0) {
                (true, _) => 0,
                (false, false) => least,
                (false, true) => least.min(u32::try_from(left / capacity).unwrap_or(u32::MAX)),
            }
        })
    }

    /// Whether `other` in the place of `candidate` uses no more of any limit.
    pub(super) fn no_tighter(problem: &Problem<'_>, other: &Candidate, candidate: &Candidate) -> bool {
        let limits = &problem.snapshot.node_pools()[problem.pool(other)].limits;
        let alike = |name: &str| problem.capacity(other, name) <= problem.capacity(candidate, name);
        let reserved = other.reservation.is_some() && other.reservation != candidate.reservation;
        let within = || problem.pool(other) == problem.pool(candidate) && limits.iter().all(|(name, _)| alike(name.as_str()));
        !reserved && (limits.is_empty() || within())
    }

    /// Takes what nodes of `candidate` use; a negative count gives it back.
    pub(super) fn spend(&mut self, problem: &Problem<'_>, candidate: &Candidate, count: i64) {
        if let Some(slots) = candidate.reservation.and_then(|index| self.slots.get_mut(index)) {
            *slots = slots.saturating_sub(count);
        }
        let pool = problem.pool(candidate);
        for ((name, _), left) in problem.snapshot.node_pools()[pool].limits.iter().zip(&mut self.left[pool]) {
            *left = left.saturating_sub(problem.capacity(candidate, name.as_str()).saturating_mul(count));
        }
    }

    /// The largest share of what is left that one node of `candidate` takes; zero where nothing is limited.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn share(&self, problem: &Problem<'_>, candidate: &Candidate) -> f64 {
        let pool = problem.pool(candidate);
        let limits = problem.snapshot.node_pools()[pool].limits.iter().zip(&self.left[pool]);
        limits
            .map(|((name, _), left)| problem.capacity(candidate, name.as_str()) as f64 / (*left).max(1) as f64)
            .fold(0.0, f64::max)
    }

    /// Takes `more` of a pool's limits if all of it is left; otherwise nothing. Whether it did.
    pub(super) fn stretch(&mut self, pool: usize, more: &[i64]) -> bool {
        let left = &mut self.left[pool];
        let enough = left.iter().zip(more).all(|(left, more)| more <= left);
        if enough {
            for (left, more) in left.iter_mut().zip(more) {
                *left -= more;
            }
        }
        enough
    }
}
