//! Pods that must share a host with others (required pod affinity on the host name).
//!
//! They come after the pods they ask for: first onto hosts that have those, then onto larger machines bought in the place of such
//! hosts. Where nobody whom they ask for is anywhere, nor will be, and they match their own affinity, they begin: the whole block of
//! pods that ask for one another goes to one host, as kube-scheduler would send it there pod by pod. What does not fit there has no
//! place.

use super::axis::{Amounts, fits, take, times};
use super::existing::{Guests, accepts, fill_existing, fill_tables};
use super::host::{Host, Kind, Link};
use super::problem::Problem;
use super::state::{NewNode, State};
use crate::Node;

mod growth;

/// Puts pods beside those they ask for, as long as that brings more pods to where others ask for them.
pub(super) fn join(problem: &Problem<'_>, state: &mut State, relaxed: bool) {
    if !problem.manners.rules.iter().any(|rule| rule.kind == Kind::With) {
        return;
    }
    while fill_existing(problem, state, Guests::Joining, relaxed) | fill_tables(problem, state, Guests::Joining, relaxed) {
        state.proven = None;
    }
}

/// Where a block of pods goes.
enum Place {
    Existing(usize),
    /// A node of this candidate.
    New(usize),
}

/// Pods that go to one place.
struct Block {
    place: Place,
    load: Vec<(usize, u32)>,
    pods: u64,
    price: i64,
}

/// Begins groups on nodes of `pools`, or without pools on existing nodes that hold a whole block. `last` says that nobody who has no
/// place yet will get one.
pub(super) fn begin(problem: &Problem<'_>, state: &mut State, pools: Option<&[bool]>, relaxed: bool, last: bool) {
    for class in 0..problem.classes.len() {
        while state.is_open(class)
            && let Some(link) = affinity(problem.links(class))
        {
            let alone =
                link.selected && !is_anywhere(problem, state, link.rule) && (last || !is_coming(problem, state, link.rule));
            let members = if alone { block(problem, state, class) } else { vec![class] };
            let wanted: u64 = members.iter().map(|member| u64::from(state.left[*member])).sum();
            let Some(found) = best(problem, state, &members, pools, (relaxed, alone)) else { break };
            if pools.is_none() && found.pods < wanted {
                break;
            }
            settle(problem, state, found);
            join(problem, state, relaxed);
        }
    }
}

/// The affinity of a pod, if it has one.
fn affinity(links: &[Link]) -> Option<Link> {
    links.iter().copied().find(|link| link.owner && link.kind == Kind::With)
}

fn selects(problem: &Problem<'_>, rule: u32, class: usize) -> bool {
    problem.links(class).iter().any(|link| link.rule == rule && link.selected)
}

/// Whether some host has a pod that the rule is about, or will as soon as it runs.
fn is_anywhere(problem: &Problem<'_>, state: &State, rule: u32) -> bool {
    state.hosts.iter().any(|host| host.tally(rule).selected > 0)
        || runs_with_nodes(problem, rule)
        || state.nodes.iter().flat_map(|node| &node.load).any(|(class, _)| selects(problem, rule, *class))
}

/// Whether some new node would have a daemon pod that the rule is about. Daemonsets that run nowhere are nobody's company.
fn runs_with_nodes(problem: &Problem<'_>, rule: u32) -> bool {
    problem.models.iter().any(|model| model.host.tally(rule).selected > 0)
}

/// Whether a pod that the rule is about, and that joins nobody itself, still has to be placed.
fn is_coming(problem: &Problem<'_>, state: &State, rule: u32) -> bool {
    let mut open = (0..problem.classes.len()).filter(|class| state.is_open(*class) && !problem.joins(*class));
    open.any(|class| selects(problem, rule, class) && is_possible(problem, class))
}

/// Whether no plan has a place for pods of the class: no node would hold one, or whom they ask for does not exist.
pub(super) fn is_hopeless(problem: &Problem<'_>, class: usize) -> bool {
    let exists = |rule: u32| {
        (0..problem.classes.len()).any(|other| selects(problem, rule, other))
            || problem.manners.hosts.iter().any(|host| host.tally(rule).selected > 0)
            || runs_with_nodes(problem, rule)
    };
    !is_possible(problem, class) || affinity(problem.links(class)).is_some_and(|link| !exists(link.rule))
}

/// Whether some node, new or not, would hold a pod of the class.
fn is_possible(problem: &Problem<'_>, class: usize) -> bool {
    let (need, shape) = (&problem.classes[class].need, &problem.signatures[problem.classes[class].signature]);
    let existing = |node: &Node| {
        let room = problem.axis.room(&node.allocatable, &node.requested, &node.host_ports);
        accepts(node, shape, true) && fits(need, &room)
    };
    problem.rows[problem.classes[class].row].buyable || problem.snapshot.nodes().iter().any(existing)
}

/// The classes that ask for pods of `class`, or for pods that ask for those, and so on, and have nobody elsewhere.
fn block(problem: &Problem<'_>, state: &State, class: usize) -> Vec<usize> {
    let mut members = vec![class];
    let mut open: Vec<(usize, u32)> = (0..problem.classes.len())
        .filter(|other| *other != class && state.is_open(*other))
        .filter_map(|other| Some((other, affinity(problem.links(other))?.rule)))
        .filter(|(_, rule)| !is_anywhere(problem, state, *rule))
        .collect();
    let mut next = 0;
    while let Some(member) = members.get(next).copied() {
        open.retain(|(other, rule)| {
            let ask = selects(problem, *rule, member);
            if ask {
                members.push(*other);
            }
            !ask
        });
        next += 1;
    }
    members
}

/// The place that holds most of the pods of `members`, there the one that costs least. The first of them may begin if it is `alone`.
fn best(
    problem: &Problem<'_>,
    state: &State,
    members: &[usize],
    pools: Option<&[bool]>,
    (relaxed, alone): (bool, bool),
) -> Option<Block> {
    let mut best: Option<Block> = None;
    let mut offer = |place: Place, price: i64, load: Vec<(usize, u32)>| {
        let pods = load.iter().map(|(_, count)| u64::from(*count)).sum();
        let better = |best: &Block| pods > best.pods || (pods == best.pods && price < best.price);
        if pods > 0 && best.as_ref().is_none_or(better) {
            best = Some(Block { place, load, pods, price });
        }
    };
    for (index, node) in problem.snapshot.nodes().iter().enumerate() {
        let allowed = |class: usize| accepts(node, &problem.signatures[problem.classes[class].signature], relaxed);
        let host = state.hosts[problem.manners.host_of[index]].clone();
        offer(Place::Existing(index), 0, together(problem, state, members, (state.room[index].clone(), host, alone), allowed));
    }
    for variant in problem.variants.iter().filter(|variant| pools.is_some_and(|pools| pools[variant.pool])) {
        for index in variant.packed.clone() {
            let candidate = &problem.candidates[index];
            let allowed = |class: usize| problem.allows(candidate, class, relaxed);
            if allowed(members[0])
                && fits(&problem.classes[members[0]].need, problem.free(candidate))
                && state.budget.affords(problem, candidate, 1) == 1
            {
                let room = (problem.free(candidate).into(), problem.models[candidate.model].host.clone(), alone);
                offer(Place::New(index), candidate.cost, together(problem, state, members, room, allowed));
            }
        }
    }
    best
}

/// How many pods of `members` go to a host with this room, the first of them first.
fn together(
    problem: &Problem<'_>,
    state: &State,
    members: &[usize],
    (mut room, mut host, alone): (Amounts, Host, bool),
    allowed: impl Fn(usize) -> bool,
) -> Vec<(usize, u32)> {
    let mut load: Vec<(usize, u32)> = Vec::new();
    let mut left: Vec<u32> = members.iter().map(|member| if allowed(*member) { state.left[*member] } else { 0 }).collect();
    loop {
        let mut came = 0;
        for (member, left) in members.iter().zip(&mut left) {
            let (need, links) = (&problem.classes[*member].need, problem.links(*member));
            let begins = alone && load.is_empty();
            let wanted = times(need, &room, if begins { (*left).min(1) } else { *left });
            let count = if begins { host.room_to_begin(links, wanted) } else { host.room(links, wanted) };
            if begins && count == 0 {
                return load;
            }
            take(&mut room, need, count);
            host.add(links, count);
            *left -= count;
            came += count;
            match load.iter_mut().find(|(known, _)| known == member) {
                Some((_, sum)) => *sum += count,
                None if count > 0 => load.push((*member, count)),
                None => {}
            }
        }
        if came == 0 {
            load.sort_unstable();
            return load;
        }
    }
}

fn settle(problem: &Problem<'_>, state: &mut State, block: Block) {
    state.proven = None;
    match block.place {
        Place::New(candidate) => state.buy(problem, NewNode { candidate, load: block.load, copies: 1 }),
        Place::Existing(node) => {
            for (class, count) in block.load {
                let links = problem.links(class);
                take(&mut state.room[node], &problem.classes[class].need, count);
                state.hosts[problem.manners.host_of[node]].add(links, count);
                state.seat(node, class, count);
                state.left[class] -= count;
            }
        }
    }
}

/// Exchanges nodes to buy for larger ones where pods have no room beside those they ask for.
pub(super) fn grow(problem: &Problem<'_>, state: &mut State, pools: &[bool], relaxed: bool) {
    for class in 0..problem.classes.len() {
        while state.is_open(class) && problem.joins(class) && growth::grow_for(problem, state, class, pools, relaxed) {
            join(problem, state, relaxed);
        }
    }
}
