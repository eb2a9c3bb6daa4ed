//! Static pools (`spec.replicas`): how many nodes they lack, and which of their new claims are too many.

use super::limits::Verdict;
use crate::cluster::{Claim, Pool};
use std::collections::BTreeSet;
use windlass_solver::{NodePoolName, ResourceName};

/// How many claims the pool is to be given, `claims` being all that it has. One that is being deleted is replaced at once, but takes up
/// the limit on nodes until it is gone (Karpenter).
pub fn lacking<'a>(pool: &Pool, claims: impl Iterator<Item = &'a Claim>) -> usize {
    let Some(replicas) = pool.replicas.filter(|_| !pool.deleting) else { return 0 };
    let (mut all, mut live) = (0_usize, 0_usize);
    for claim in claims {
        all += 1;
        live += usize::from(claim.deleting.is_none());
    }
    replicas.saturating_sub(live).min(most(pool).saturating_sub(all))
}

/// The most nodes that the pool may have; none if its limits cannot be read.
fn most(pool: &Pool) -> usize {
    let Some(limits) = &pool.limits else { return 0 };
    let nodes = limits.iter().filter(|(name, _)| name.as_str() == ResourceName::NODES);
    nodes.map(|(_, limit)| usize::try_from(*limit).unwrap_or(0)).min().unwrap_or(usize::MAX)
}

/// Judges the waiting claims of a static pool by a list of all claims that was asked for after the waiting ones existed. Claims in
/// `leaving` will be deleted: they make nobody else go, but as long as they exist nobody is admitted in their place.
pub fn admit(
    pool: &NodePoolName,
    replicas: usize,
    listed: &[Claim],
    waiting: &BTreeSet<String>,
    leaving: &BTreeSet<String>,
) -> Verdict {
    let live: BTreeSet<&String> =
        listed.iter().filter(|claim| claim.pool == *pool && claim.deleting.is_none()).map(|claim| &claim.name).collect();
    let staying: Vec<&String> = live.iter().copied().filter(|name| !leaving.contains(*name)).collect();
    let mut candidates: Vec<String> = staying.iter().copied().filter(|name| waiting.contains(*name)).cloned().collect();
    let surplus = staying.len().saturating_sub(replicas).min(candidates.len());
    let surplus = candidates.split_off(candidates.len() - surplus).into_iter().collect();
    let admitted = if live.len() <= replicas { candidates.into_iter().collect() } else { BTreeSet::new() };
    Verdict { admitted, surplus }
}

#[cfg(test)]
mod tests {
    use super::{admit, lacking};
    use crate::cluster::{Claim, Pool};
    use crate::fixture::{claim, pool};
    use crate::time::Time;
    use std::collections::BTreeSet;
    use windlass_solver::{NodePoolName, ResourceName};

    fn asking(replicas: usize) -> Pool {
        Pool { replicas: Some(replicas), ..pool("default") }
    }

    fn claims(live: usize, deleting: usize) -> Vec<Claim> {
        let mut all: Vec<Claim> = (0..live + deleting).map(|index| claim(&format!("c{index}"))).collect();
        for claim in all.iter_mut().skip(live) {
            claim.deleting = Some(Time::from_millis(0));
        }
        all
    }

    fn names(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_pool_lacks_what_its_live_claims_leave() {
        for (replicas, live, deleting, expected) in
            [(3, 0, 0, 3), (3, 2, 0, 1), (3, 2, 5, 1), (3, 3, 0, 0), (1, 4, 0, 0), (0, 0, 0, 0)]
        {
            assert_eq!(lacking(&asking(replicas), claims(live, deleting).iter()), expected, "{replicas} {live} {deleting}");
        }
        assert_eq!(lacking(&pool("default"), claims(0, 0).iter()), 0, "its nodes follow pods");
        assert_eq!(lacking(&Pool { deleting: true, ..asking(3) }, claims(0, 0).iter()), 0);
    }

    #[test]
    fn what_is_being_deleted_takes_up_the_limit() {
        let limited = Pool { limits: Some(vec![(ResourceName::new(ResourceName::NODES), 3)]), ..asking(3) };
        assert_eq!(lacking(&limited, claims(1, 1).iter()), 1);
        assert_eq!(lacking(&limited, claims(2, 1).iter()), 0);
        assert_eq!(lacking(&Pool { limits: None, ..asking(3) }, claims(0, 0).iter()), 0, "limits that cannot be read");
    }

    #[test]
    fn nobody_is_admitted_while_there_are_too_many() {
        let pool = NodePoolName::from("default");
        let listed = claims(3, 1);
        let fits = admit(&pool, 3, &listed, &names(&["c1", "c2", "c3"]), &names(&[]));
        assert_eq!((fits.admitted, fits.surplus), (names(&["c1", "c2"]), names(&[])));
        let over = admit(&pool, 2, &listed, &names(&["c1", "c2"]), &names(&[]));
        assert_eq!((over.admitted, over.surplus), (names(&[]), names(&["c2"])));
        let launched = admit(&pool, 1, &listed, &names(&["c2"]), &names(&[]));
        assert_eq!((launched.admitted, launched.surplus), (names(&[]), names(&["c2"])), "the others have nodes already");
    }

    #[test]
    fn who_leaves_makes_nobody_else_go() {
        let pool = NodePoolName::from("default");
        let verdict = admit(&pool, 2, &claims(3, 0), &names(&["c1", "c2"]), &names(&["c0"]));
        assert_eq!((verdict.admitted, verdict.surplus), (names(&[]), names(&[])));
    }
}
