//! The limits of pools, counted at the worst: what a claim may become counts, not what one hopes for.
//!
//! How limits hold although views are old and two leaders may act at once: a claim exists before its instance, and before it is
//! launched, all claims of its pool are listed afresh. Of two claims that are launched, one was created later; the list that admitted
//! it held the other. A list with too many claims admits none; the surplus is deleted first.

use crate::cluster::Claim;
use std::collections::BTreeSet;
use windlass_solver::{InstanceType, NodePoolName, ResourceName, Resources};

use super::market;

/// The most that the claim may use of its pool's limits, `nodes` included: what it reports, else the most of what it may become.
pub fn worst(claim: &Claim, types: &[InstanceType]) -> Resources {
    let mut most = if claim.provider_id().is_some() { claim.capacity.clone() } else { Resources::new() };
    if most.is_empty() {
        for kind in types.iter().filter(|kind| market::may_be(&claim.requirements, kind)) {
            most.raise_to(&kind.capacity);
        }
    }
    most.with(ResourceName::NODES, 1)
}

/// The first limit that `usage` exceeds.
pub fn exceeded<'a>(limits: &'a [(ResourceName, i64)], usage: &Resources) -> Option<&'a ResourceName> {
    limits.iter().find(|(name, limit)| usage.get(name.as_str()) > *limit).map(|(name, _)| name)
}

/// What becomes of claims that wait to be launched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// They may be launched.
    pub admitted: BTreeSet<String>,
    /// They must be deleted, because the pool's limits do not hold them. As long as there are any, nobody is admitted.
    pub surplus: BTreeSet<String>,
}

/// Judges the waiting claims of a pool by a list of all claims that was asked for after the waiting ones existed. `None` for limits
/// that cannot be read: nobody is admitted and nobody deleted.
pub fn admit(
    pool: &NodePoolName,
    limits: Option<&[(ResourceName, i64)]>,
    listed: &[Claim],
    types: &[InstanceType],
    waiting: &BTreeSet<String>,
) -> Verdict {
    let Some(limits) = limits else { return Verdict::default() };
    let mut usage = Resources::new();
    for claim in listed.iter().filter(|claim| claim.pool == *pool) {
        usage.add(&worst(claim, types));
    }
    let mut verdict = Verdict::default();
    let present = |claim: &&Claim| claim.pool == *pool && waiting.contains(&claim.name) && claim.deleting.is_none();
    let mut candidates: Vec<&Claim> = listed.iter().filter(present).collect();
    candidates.sort_by(|a, b| a.name.cmp(&b.name));
    while let Some(last) = candidates.last().filter(|_| exceeded(limits, &usage).is_some()) {
        usage.subtract(&worst(last, types));
        verdict.surplus.insert(last.name.clone());
        candidates.pop();
    }
    if verdict.surplus.is_empty() && exceeded(limits, &usage).is_none() {
        verdict.admitted = candidates.into_iter().map(|claim| claim.name.clone()).collect();
    }
    verdict
}

#[cfg(test)]
mod tests;
