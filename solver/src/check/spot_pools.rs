//! The share of one spot pool: whatever EC2 picks, no pool gets more new nodes than it may have.

use super::Violation;
use crate::{CapacityType, Plan, Snapshot, SpotPool};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    let Some(share) = snapshot.spot_pool_share() else { return };
    let known = snapshot.spot_in_use();
    let mut nodes = known.nodes;
    let mut coming: BTreeMap<SpotPool, u32> = BTreeMap::new();
    for node in &plan.nodes {
        let all = || std::iter::once(&node.offering).chain(&node.alternatives);
        nodes += u32::from(all().all(|one| one.capacity_type == CapacityType::Spot));
        let spot = all().filter(|one| one.capacity_type == CapacityType::Spot);
        let pools: BTreeSet<SpotPool> = spot.map(|one| (one.instance_type.clone(), one.zone.clone())).collect();
        for pool in pools {
            *coming.entry(pool).or_default() += 1;
        }
    }
    let most = nodes.saturating_mul(share).div_ceil(100).max(1);
    for (pool, new) in coming {
        let found = known.pools.get(&pool).copied().unwrap_or(0) + new;
        if found > most {
            let (instance_type, zone) = pool;
            violations.push(Violation::SpotPoolExceeded { instance_type, zone, found, most, nodes });
        }
    }
}
