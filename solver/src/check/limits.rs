//! Limits of pools are hard, whatever EC2 picks among a node's offerings.

use super::Violation;
use crate::plan::PlannedNode;
use crate::{NodePool, Plan, ResourceName, Snapshot};
use std::collections::BTreeMap;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    for pool in snapshot.node_pools().iter().filter(|pool| !pool.limits.is_empty()) {
        let nodes: Vec<&PlannedNode> = plan.nodes.iter().filter(|node| node.node_pool == pool.name).collect();
        if nodes.is_empty() {
            // A pool may be over its limit already; that is not this plan's doing.
            continue;
        }
        let worst = Worst::new(pool);
        for (resource, limit) in &pool.limits {
            let planned = nodes.iter().map(|node| worst.of(node, resource)).fold(0, i64::saturating_add);
            let used = pool.usage.get(resource.as_str()).saturating_add(planned);
            if used > *limit {
                let (pool, resource) = (pool.name.clone(), resource.clone());
                violations.push(Violation::LimitExceeded { pool, resource, used, limit: *limit });
            }
        }
    }
}

/// Capacity by instance type and limited resource.
struct Worst<'a>(BTreeMap<(&'a str, &'a str), i64>);

impl<'a> Worst<'a> {
    fn new(pool: &'a NodePool) -> Self {
        let limited =
            |name: &'a str| pool.instance_types.iter().map(move |kind| ((kind.name.as_str(), name), kind.capacity.get(name)));
        Self(pool.limits.iter().flat_map(|(name, _)| limited(name.as_str())).collect())
    }

    /// The most of `resource` that the node may turn out to have.
    fn of(&self, node: &PlannedNode, resource: &ResourceName) -> i64 {
        if resource.as_str() == ResourceName::NODES {
            return 1;
        }
        let capacity = |kind: &str| self.0.get(&(kind, resource.as_str())).copied().unwrap_or(0);
        let offerings = node.alternatives.iter().chain([&node.offering]);
        offerings.map(|offering| capacity(offering.instance_type.as_str())).max().unwrap_or(0)
    }
}
