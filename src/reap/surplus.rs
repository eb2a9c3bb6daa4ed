//! Which nodes a static pool gives up when it is asked for fewer.

use super::empty;
use crate::cluster::{Claim, Node, Pod};
use crate::time::Time;
use std::cmp::Reverse;

/// How much the end of a claim would disturb; the least goes first. Karpenter's order: claims without instance, then empty nodes, then
/// nodes where nothing asks not to be disrupted; among those by `karpenter.sh/deprovisioning-priority`. Then the fewest pods count, and of
/// equals the oldest goes, which expires first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disturbance {
    launched: bool,
    used: bool,
    protected: bool,
    priority: Reverse<i64>,
    pods: usize,
    created: Time,
    name: String,
}

impl Disturbance {
    /// That of this claim: `pods` are those on its node, and so many more are expected there.
    pub fn of(claim: &Claim, node: Option<&Node>, pods: &[&Pod], expected: usize, now: Time) -> Self {
        let kept = pods.iter().filter(|pod| empty::keeps(pod)).count() + expected;
        let protected = node.is_some_and(|node| node.protected) || pods.iter().any(|pod| pod.is_protected(now));
        Self {
            launched: claim.provider_id().is_some(),
            used: kept > 0 || protected,
            protected,
            priority: Reverse(claim.deprovisioning_priority),
            pods: kept,
            created: claim.created,
            name: claim.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Disturbance;
    use crate::cluster::{Claim, Owner, Pod, Protection};
    use crate::fixture::{claim, pod};
    use crate::time::Time;

    fn launched(name: &str) -> Claim {
        let mut claim = claim(name);
        claim.status.provider_id = format!("aws:///zone/{name}");
        claim
    }

    fn on(claim: &Claim, pods: &[Pod], expected: usize) -> Disturbance {
        let pods: Vec<&Pod> = pods.iter().collect();
        Disturbance::of(claim, None, &pods, expected, Time::from_millis(0))
    }

    #[test]
    fn the_least_disturbing_goes_first() {
        let protected = Pod { protection: Protection::Always, ..pod("p") };
        let daemon = Pod { owner: Owner::DaemonSet, ..pod("d") };
        let first = Claim { deprovisioning_priority: 5, ..launched("f") };
        let early = Claim { created: Time::from_millis(0), ..launched("z") };
        let order = [
            on(&claim("new"), &[], 1),
            on(&early, std::slice::from_ref(&daemon), 0),
            on(&launched("b"), &[daemon], 0),
            on(&first, &[pod("a"), pod("b"), pod("c")], 0),
            on(&launched("c"), &[pod("a")], 0),
            on(&launched("a"), &[pod("a")], 1),
            on(&launched("d"), &[protected], 0),
        ];
        assert!(order.is_sorted(), "{order:#?}");
    }
}
