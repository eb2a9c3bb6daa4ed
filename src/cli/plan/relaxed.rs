//! What a plan relaxed that a NodePool asks for, a sentence each.

use super::report::count;
use std::collections::BTreeMap;
use windlass_solver::Plan;

/// `2 nodes of NodePool spot can have only 3 of the 5 values of node.kubernetes.io/instance-type that its minValues ask for`
pub(super) fn notes(plan: &Plan) -> impl Iterator<Item = String> {
    let mut nodes: BTreeMap<_, usize> = BTreeMap::new();
    for node in &plan.nodes {
        for relaxed in &node.relaxed {
            *nodes.entry((node.node_pool.clone(), relaxed.clone())).or_default() += 1;
        }
    }
    nodes.into_iter().map(|((pool, relaxed), number)| {
        let (nodes, asked, found, key) = (count(number, "node"), relaxed.asked, relaxed.found, relaxed.key);
        format!("{nodes} of NodePool {pool} can have only {found} of the {asked} values of {key} that its minValues ask for")
    })
}
