//! `minValues`: a node's offering and its alternatives differ as much as its pool asks for.

use super::Violation;
use crate::plan::PlannedNode;
use crate::predicate::Candidate;
use crate::{MinValuesPolicy, NodePool, Plan, Snapshot};
use std::collections::BTreeSet;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, violations: &mut Vec<Violation>) {
    for node in &plan.nodes {
        if let Some(pool) = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool) {
            check_node(pool, node, violations);
        }
    }
}

fn check_node(pool: &NodePool, node: &PlannedNode, violations: &mut Vec<Violation>) {
    for asked in &pool.min_values {
        let found = u32::try_from(values(pool, node, &asked.key).len()).unwrap_or(u32::MAX);
        let relaxed = node.relaxed.iter().find(|relaxed| relaxed.key == asked.key);
        let (node, key) = (node.name.clone(), asked.key.to_string());
        match relaxed {
            Some(told) if told.found != found || told.asked != asked.count || found >= asked.count => {
                violations.push(Violation::MinValuesMisstated { node, key, planned: told.found, found });
            }
            Some(_) if pool.min_values_policy == MinValuesPolicy::BestEffort => {}
            _ if found < asked.count => violations.push(Violation::MinValuesUnmet { node, key, asked: asked.count, found }),
            _ => {}
        }
    }
    for note in node.relaxed.iter().filter(|note| pool.min_values.iter().all(|asked| asked.key != note.key)) {
        let (node, key) = (node.name.clone(), note.key.to_string());
        violations.push(Violation::MinValuesMisstated { node, key, planned: note.found, found: 0 });
    }
}

/// The values of `key` that the node may turn out to have.
fn values<'a>(pool: &'a NodePool, node: &'a PlannedNode, key: &str) -> BTreeSet<&'a str> {
    let mut values = BTreeSet::new();
    for wanted in std::iter::once(&node.offering).chain(&node.alternatives) {
        let Some(instance_type) = pool.instance_types.iter().find(|kind| kind.name == wanted.instance_type) else { continue };
        let named = instance_type.offerings.iter().find(|o| o.zone == wanted.zone && o.capacity_type == wanted.capacity_type);
        let Some(offering) = named else { continue };
        let candidate = Candidate { pool, instance_type, offering, open: &node.labels };
        values.extend(if candidate.is_open(key) { candidate.label(key) } else { candidate.fixed_label(key) });
    }
    values
}
