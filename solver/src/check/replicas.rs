//! Static pools have as many nodes as they ask for, no more and no fewer.

use super::Violation;
use crate::{NodePool, Plan, ResourceName, Snapshot};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    for pool in snapshot.node_pools().iter().filter(|pool| pool.unsupported.is_empty()) {
        let Some(expected) = expected(pool) else { continue };
        let found = i64::try_from(plan.nodes.iter().filter(|node| node.node_pool == pool.name).count()).unwrap_or(i64::MAX);
        // A pool that nothing can be bought for stays short; that is not for this rule to judge. No more may one whose spot pools are full.
        let may_lack = found == 0 || snapshot.spot_pool_share().is_some();
        if found > expected || (found < expected && !may_lack) {
            violations.push(Violation::ReplicasWrong { pool: pool.name.clone(), expected, found });
        }
    }
}

/// Nodes to launch; `None` for a pool whose nodes follow pods.
fn expected(pool: &NodePool) -> Option<i64> {
    let replicas = i64::from(pool.replicas?);
    let limit = pool.limits.iter().find(|(name, _)| name.as_str() == ResourceName::NODES).map_or(replicas, |(_, limit)| *limit);
    Some((replicas.min(limit) - pool.usage.get(ResourceName::NODES)).max(0))
}
