//! Filling room that is there already: existing nodes, and later what is left on nodes that are to be bought anyway.

use super::axis::{Amounts, take, times};
use super::compile::{Welcome, welcome};
use super::problem::Problem;
use super::state::{NewNode, State};
use crate::{Node, PodShape, Requirement};

/// Places pods on existing nodes: classes in order (priority, then size), nodes in the snapshot's order, as many as fit.
pub(super) fn fill_existing(problem: &Problem<'_>, state: &mut State, relaxed: bool) {
    let nodes = problem.snapshot.nodes();
    if nodes.is_empty() {
        return;
    }
    let mut verdicts: Vec<Option<Vec<usize>>> = vec![None; problem.signatures.len()];
    for (class, wanted) in state.demand() {
        let signature = problem.classes[class].signature;
        let open = verdicts[signature].get_or_insert_with(|| {
            let shape = &problem.signatures[signature];
            (0..nodes.len()).filter(|node| accepts(&nodes[*node], shape, relaxed)).collect()
        });
        let need = &problem.classes[class].need;
        let mut left = wanted;
        for node in open.iter().copied() {
            let count = times(need, &state.room[node], left);
            if count > 0 {
                take(&mut state.room[node], need, count);
                state.existing[node].push((class, count));
                left -= count;
            }
            if left == 0 {
                break;
            }
        }
        state.left[class] = left;
    }
}

/// Whether labels and taints let a pod on an existing node.
pub(super) fn accepts(node: &Node, shape: &PodShape, relaxed: bool) -> bool {
    let holds = |requirement: &Requirement| requirement.allows(node.labels.get(requirement.key()).map(AsRef::as_ref));
    let any = |terms: &Vec<Vec<Requirement>>| terms.iter().any(|term| !term.is_empty() && term.iter().all(holds));
    node.schedulable
        && match welcome(shape, &node.taints) {
            Welcome::Full => true,
            Welcome::Reluctant => relaxed,
            Welcome::None => false,
        }
        && shape.node_selector.iter().all(holds)
        && (shape.node_affinity.is_empty() || any(&shape.node_affinity))
        && shape.volume_topology.iter().all(any)
}

/// Places pods on what is left of nodes that are to be bought. Nodes that take some are no longer copies of one another.
pub(super) fn fill_bought(problem: &Problem<'_>, state: &mut State, relaxed: bool) {
    for (class, wanted) in state.demand() {
        let need = &problem.classes[class].need;
        let mut left = wanted;
        let mut grown: Vec<NewNode> = Vec::new();
        for node in &mut state.nodes {
            let candidate = &problem.candidates[node.candidate];
            if left == 0 || !problem.allows(candidate, class, relaxed) {
                continue;
            }
            let each = times(need, &rest(problem, node), left);
            let full = left.checked_div(each).unwrap_or(0).min(node.copies);
            let last = if full < node.copies { (left - full * each).min(each) } else { 0 };
            for (count, copies) in [(each, full), (last, 1)] {
                if count > 0 && copies > 0 && node.copies >= copies {
                    node.copies -= copies;
                    left -= count * copies;
                    grown.push(NewNode { candidate: node.candidate, load: with(&node.load, class, count), copies });
                }
            }
        }
        if !grown.is_empty() {
            state.nodes.retain(|node| node.copies > 0);
            state.nodes.extend(grown);
            state.left[class] = left;
            // What is bought holds more than what was proven about.
            state.proven = None;
        }
    }
}

fn rest(problem: &Problem<'_>, node: &NewNode) -> Amounts {
    let mut room: Amounts = problem.free(&problem.candidates[node.candidate]).into();
    for (class, count) in &node.load {
        take(&mut room, &problem.classes[*class].need, *count);
    }
    room
}

fn with(load: &[(usize, u32)], class: usize, count: u32) -> Vec<(usize, u32)> {
    let mut load = load.to_vec();
    match load.binary_search_by_key(&class, |(known, _)| *known) {
        Ok(at) => load[at].1 += count,
        Err(at) => load.insert(at, (class, count)),
    }
    load
}
