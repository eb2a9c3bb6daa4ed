//! Capacity reservations: offers that are paid for already, and of which there are only so many.

use super::axis::fits;
use super::offers::{Offer, Offers};
use super::problem::{Candidate, Problem};
use crate::{CapacityType, MicroUsd, Snapshot, label};

/// Which reservation an offer uses, by position among the snapshot's; one past the last where the snapshot does not know it.
pub(super) fn of(snapshot: &Snapshot, offers: &Offers<'_>, offer: Offer) -> Option<usize> {
    let offering = &offers.types[offer.instance_type].offerings[offer.offering];
    (offering.capacity_type == CapacityType::Reserved).then(|| {
        let id = offering.labels.get(label::RESERVATION);
        let known = snapshot.reservations().keys().position(|known| Some(known) == id);
        known.unwrap_or(snapshot.reservations().len())
    })
}

/// Whether nodes of some reservation can be bought from `pools`.
pub(super) fn any(problem: &Problem<'_>, pools: &[bool]) -> bool {
    problem.candidates.iter().any(|candidate| candidate.reservation.is_some() && pools[problem.pool(candidate)])
}

/// What reservations may save at most, beside a plan that pays for every node: each of their nodes could be replaced by the cheapest
/// paid one that holds whatever it holds. `None` where one of them cannot be replaced.
pub(super) fn saving(
    problem: &Problem<'_>,
    pools: &[bool],
    bought: &[(usize, u32)],
    price: impl Fn(&Candidate) -> i64,
) -> Option<MicroUsd> {
    let pods = bought.iter().map(|(_, count)| u64::from(*count)).fold(0, u64::saturating_add);
    let slots = problem.snapshot.reservations().values();
    let mut sum = MicroUsd::ZERO;
    for (index, slots) in slots.enumerate().filter(|(_, slots)| **slots > 0) {
        let mut dearest = 0;
        for one in problem.candidates.iter().filter(|one| one.reservation == Some(index) && pools[problem.pool(one)]) {
            let of_use = |(row, _): &(usize, u32)| {
                problem.admits(one, problem.rows[*row].signature, true) && fits(&problem.rows[*row].need, problem.free(one))
            };
            if !bought.iter().any(of_use) {
                continue;
            }
            let replaces = |other: &&Candidate| {
                other.reservation.is_none()
                    && other.bundle.is_none()
                    && pools[problem.pool(other)]
                    && problem.free(one).iter().zip(problem.free(other)).all(|(one, other)| other >= one)
                    && problem.columns[one.relaxed].is_subset(&problem.columns[other.relaxed])
            };
            let least = problem.candidates.iter().filter(replaces).map(&price).min()?;
            dearest = dearest.max(least);
        }
        let nodes = u64::from(*slots).min(pods);
        sum = sum.plus(MicroUsd(dearest).times(i64::try_from(nodes).unwrap_or(i64::MAX)));
    }
    Some(sum)
}
