//! What a plan relaxed that a NodePool asks for or pods prefer, a sentence each.

use super::report::count;
use std::collections::BTreeMap;
use windlass_solver::Plan;
use windlass_solver::plan::DroppedPreferences;

/// So many kinds of preferences given up are told in notes; JSON and `--explain` have all.
const TOLD: usize = 5;

/// What nodes cannot have, and what pods gave up.
pub(super) fn notes(plan: &Plan) -> impl Iterator<Item = String> {
    min_values(plan).chain(preferences(plan))
}

/// `2 pods (default/web-3 and 1 more) gave up preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [web] (weight 1)`
fn preferences(plan: &Plan) -> impl Iterator<Item = String> {
    let told = plan.dropped.iter().take(TOLD).map(|DroppedPreferences { preferences, pods }| {
        let first = pods.first().map(ToString::to_string).unwrap_or_default();
        let who = match pods.len() {
            0 | 1 => format!("pod {first}"),
            number => format!("{} ({first} and {} more)", count(number, "pod"), number - 1),
        };
        format!("{who} gave up {}", preferences.join(", then "))
    });
    let rest: usize = plan.dropped.iter().skip(TOLD).map(|one| one.pods.len()).sum();
    told.chain((rest > 0).then(|| format!("{} more gave up preferences; -o json lists them", count(rest, "pod"))))
}

/// `2 nodes of NodePool spot can have only 3 of the 5 values of node.kubernetes.io/instance-type that its minValues ask for`
fn min_values(plan: &Plan) -> impl Iterator<Item = String> {
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
