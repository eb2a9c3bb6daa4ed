//! Filling room that is there already: existing nodes, and later what is left on nodes that are to be bought anyway.

use super::axis::{Amounts, take, times};
use super::compile::{Welcome, welcome};
use super::host::Host;
use super::problem::{Class, Problem};
use super::state::{NewNode, State};
use crate::{Node, PodShape, Requirement};
use std::cmp::Reverse;

/// Who is to be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guests {
    /// Pods that need no others.
    Free,
    /// Pods that must join others.
    Joining,
}

/// Pods to place, by class.
fn demand(problem: &Problem<'_>, state: &State, guests: Guests) -> Vec<(usize, u32)> {
    let mut demand = state.demand();
    demand.retain(|(class, _)| problem.joins(*class) == (guests == Guests::Joining));
    demand
}

/// Places pods on existing nodes: classes in order (priority, those that no new node holds, then size), nodes in the snapshot's order, as many as fit. Whether
/// any was placed.
pub(super) fn fill_existing(problem: &Problem<'_>, state: &mut State, guests: Guests, relaxed: bool) -> bool {
    let nodes = problem.snapshot.nodes();
    if nodes.is_empty() {
        return false;
    }
    let mut placed = false;
    let mut verdicts: Vec<Option<Vec<usize>>> = vec![None; problem.signatures.len()];
    // By row: the nodes that may still have room. Room only shrinks.
    let mut roomy: Vec<Option<Vec<usize>>> = vec![None; problem.rows.len()];
    // Among equal priorities those first who have nowhere else to go.
    let mut demand = demand(problem, state, guests);
    demand.sort_by_key(|(class, _)| {
        let Class { shape, row, .. } = &problem.classes[*class];
        (Reverse(state.urgency[*class]), Reverse(shape.priority), problem.rows[*row].buyable)
    });
    for (class, wanted) in demand {
        let Class { signature, row, need, .. } = &problem.classes[class];
        let open = verdicts[*signature].get_or_insert_with(|| {
            let shape = &problem.signatures[*signature];
            (0..nodes.len()).filter(|node| accepts(&nodes[*node], shape, relaxed)).collect()
        });
        let roomy = roomy[*row].get_or_insert_with(|| open.clone());
        roomy.retain(|node| times(need, &state.room[*node], 1) == 1);
        let mut left = wanted;
        for node in roomy.iter().copied() {
            left -= state.settle(problem, node, class, left);
            if left == 0 {
                break;
            }
        }
        placed |= left < wanted;
        state.left[class] = left;
    }
    placed
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
    if fill_tables(problem, state, Guests::Free, relaxed) {
        // What is bought holds more than what was proven about.
        state.proven = None;
    }
}

/// The same for pods that the proof is about already. Whether any was placed.
pub(super) fn fill_tables(problem: &Problem<'_>, state: &mut State, guests: Guests, relaxed: bool) -> bool {
    let demand = demand(problem, state, guests);
    if demand.is_empty() {
        return false;
    }
    let mut rooms: Vec<(Amounts, Host)> = state.nodes.iter().map(|node| rest(problem, node)).collect();
    // By row: the nodes that may still have room. Room only shrinks, and nodes that are split off are looked at in any case.
    let mut lists: Vec<Option<(Vec<usize>, usize)>> = vec![None; problem.rows.len()];
    let mut placed = false;
    for (class, wanted) in demand {
        let Class { row, need, signature, .. } = &problem.classes[class];
        let (open, seen) = lists[*row].get_or_insert_with(|| (Vec::new(), 0));
        let fits = |index: &usize, state: &State| {
            state.nodes[*index].copies > 0
                && times(need, &rooms[*index].0, 1) == 1
                && problem.admits(&problem.candidates[state.nodes[*index].candidate], *signature, relaxed)
        };
        open.retain(|index| fits(index, state));
        open.extend((*seen..state.nodes.len()).filter(|index| fits(index, state)));
        *seen = state.nodes.len();
        let mut left = wanted;
        for index in open.clone() {
            let (room, host) = &rooms[index];
            let each = host.room(problem.links(class), times(need, room, left));
            let copies = state.nodes[index].copies;
            let full = left.checked_div(each).unwrap_or(0).min(copies);
            let last = if full < copies { (left - full * each).min(each) } else { 0 };
            for (count, copies) in [(each, full), (last, 1)] {
                if count == 0 || copies == 0 || state.nodes[index].copies < copies {
                    continue;
                }
                let grown = NewNode {
                    candidate: state.nodes[index].candidate,
                    load: with(&state.nodes[index].load, class, count),
                    copies,
                };
                left -= count * copies;
                placed = true;
                if state.nodes[index].copies == copies {
                    rooms[index] = rest(problem, &grown);
                    state.nodes[index] = grown;
                } else {
                    state.nodes[index].copies -= copies;
                    rooms.push(rest(problem, &grown));
                    state.nodes.push(grown);
                }
            }
            if left == 0 {
                break;
            }
        }
        state.left[class] = left;
    }
    placed
}

/// What a node to buy has left, and its host.
pub(super) fn rest(problem: &Problem<'_>, node: &NewNode) -> (Amounts, Host) {
    let candidate = &problem.candidates[node.candidate];
    let mut room: Amounts = problem.free(candidate).into();
    let mut host = problem.models[candidate.model].host.clone();
    for (class, count) in &node.load {
        take(&mut room, &problem.classes[*class].need, *count);
        host.add(problem.links(*class), *count);
    }
    (room, host)
}

pub(super) fn with(load: &[(usize, u32)], class: usize, count: u32) -> Vec<(usize, u32)> {
    let mut load = load.to_vec();
    match load.binary_search_by_key(&class, |(known, _)| *known) {
        Ok(at) => load[at].1 += count,
        Err(at) => load.insert(at, (class, count)),
    }
    load
}
