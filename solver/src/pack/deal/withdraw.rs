//! Pods that others left alone: where packing could not place all that was dealt, a domain may hold too few for the pods elsewhere. Those
//! are taken out again, until every rule holds for what stays.

use super::super::problem::Problem;
use super::super::state::{NewNode, State};
use super::Refusal;
use super::Table;
use super::board::Board;
use super::rules::Rules;
use crate::Reason;

/// Takes out what must go.
pub(super) fn withdraw(table: &Table<'_>, problem: &mut Problem<'_>, state: &mut State) {
    // Keys are dealt one after the other: each has its order of arrival, but together there may be none.
    let crossing = table.rules.iter().filter(|rules| !rules.withs.is_empty()).count() > 1;
    if !crossing && state.left.iter().all(|left| *left == 0) {
        return;
    }
    loop {
        let all = problem.classes.iter().zip(&state.left);
        let placed: Vec<u32> = all.map(|(class, left)| u32::try_from(class.pods.len()).unwrap_or(u32::MAX) - left).collect();
        let mut staying = placed.clone();
        while let Some((class, count, refusal)) = next(table, problem, &staying) {
            staying[class] -= count;
            problem.classes[class].refused = Some(refusal);
        }
        for class in 0..placed.len() {
            remove(problem, state, class, placed[class] - staying[class]);
        }
        // Others on the host may have needed them.
        if staying == placed || !leave_hosts(problem, state) {
            break;
        }
    }
}

/// Takes out pods whose required affinity nobody on their host satisfies any more. Whether there were any.
fn leave_hosts(problem: &mut Problem<'_>, state: &mut State) -> bool {
    let before = state.left.clone();
    loop {
        let mut gone: Option<usize> = None;
        for node in &mut state.nodes {
            let mut host = problem.models[problem.candidates[node.candidate].model].host.clone();
            for (class, count) in &node.load {
                host.add(problem.links(*class), *count);
            }
            let lonely = |class: usize| problem.links(class).iter().any(|link| !host.keeps(*link));
            if let Some(at) = node.load.iter().position(|(class, _)| lonely(*class)) {
                let (class, count) = node.load.remove(at);
                state.left[class] += count * node.copies;
                gone = Some(class);
                break;
            }
        }
        let mut hosts = problem.manners.hosts.clone();
        for (load, host) in state.existing.iter().zip(&problem.manners.host_of) {
            for (class, count) in load {
                hosts[*host].add(problem.links(*class), *count);
            }
        }
        for (load, host) in state.existing.iter_mut().zip(&problem.manners.host_of).filter(|_| gone.is_none()) {
            let lonely = |class: usize| problem.links(class).iter().any(|link| !hosts[*host].keeps(*link));
            if let Some(at) = load.iter().position(|(class, _)| lonely(*class)) {
                let (class, count) = load.remove(at);
                state.left[class] += count;
                gone = Some(class);
                break;
            }
        }
        let Some(class) = gone else { break };
        let why = "the pods that its podAffinity asks for on its host found no place".to_owned();
        problem.classes[class].refused.get_or_insert(Refusal { reason: Reason::PodAffinity, why, capped: true });
        state.proven = None;
    }
    state.left != before
}

/// Pods of a class that cannot stay, the least important first.
fn next(table: &Table<'_>, problem: &Problem<'_>, staying: &[u32]) -> Option<(usize, u32, Refusal)> {
    for (key, rules) in table.rules.iter().enumerate() {
        let mut board = Board::new(rules, &table.terrain.problem, &[], table.terrain.values[key].len());
        for (class, count, domain) in dealt(problem, staying, key) {
            board.count(&rules.roles[problem.classes[class].root], domain, count);
        }
        for (class, count, domain) in dealt(problem, staying, key).rev() {
            let role = &rules.roles[problem.classes[class].root];
            for rule in role.spreads.iter().copied() {
                let Some(excess) = u32::try_from(board.excess(rule, domain)).ok().filter(|excess| *excess > 0) else { continue };
                let helps = role.counted.iter().any(|(counted, _)| *counted == rule);
                let why = format!(
                    "its topologySpreadConstraints over {} allow maxSkew {} of {}, and other domains hold fewer because pods found no place there",
                    table.terrain.keys[key], rules.spreads[rule].constraint.max_skew, rules.spreads[rule].constraint.selector
                );
                let refusal = Refusal { reason: Reason::TopologySpread, why, capped: true };
                return Some((class, if helps { excess.min(count) } else { count }, refusal));
            }
        }
    }
    let alone = alone(table, problem, staying)?;
    let why = "the pods that its podAffinity asks for found no place where it could go".to_owned();
    Some((alone, staying[alone], Refusal { reason: Reason::PodAffinity, why, capped: true }))
}

/// Classes with pods that stay, and the domain of the key that was dealt to them.
fn dealt<'a>(
    problem: &'a Problem<'_>,
    staying: &'a [u32],
    key: usize,
) -> impl DoubleEndedIterator<Item = (usize, u32, usize)> + 'a {
    problem.classes.iter().zip(staying).enumerate().filter(|(_, (_, count))| **count > 0).filter_map(
        move |(index, (class, count))| {
            let domain = class.dealt.get(key).copied().flatten()?;
            Some((index, *count, domain as usize))
        },
    )
}

/// A class whose affinity nothing satisfies that came before it: pods without affinity come first, then those that find what they ask
/// for, and one domain of each rule may start by itself where nothing that it selects runs.
fn alone(table: &Table<'_>, problem: &Problem<'_>, staying: &[u32]) -> Option<usize> {
    let mut settled: Vec<bool> = vec![false; problem.classes.len()];
    let mut started: Vec<Vec<Option<usize>>> = table.rules.iter().map(|rules| vec![None; rules.withs.len()]).collect();
    let mut present: Vec<Vec<Vec<bool>>> = table
        .rules
        .iter()
        .map(|rules| rules.withs.iter().map(|with| with.running.iter().map(|count| *count > 0).collect()).collect())
        .collect();
    let domain =
        |class: usize, key: usize| problem.classes[class].dealt.get(key).copied().flatten().map(|domain| domain as usize);
    let role = |class: usize, rules: &'_ Rules| rules.roles[problem.classes[class].root].clone();
    loop {
        let mut moved = false;
        for may_start in [false, true] {
            for class in (0..settled.len()).filter(|class| staying[*class] > 0) {
                if settled[class] || (may_start && moved) {
                    continue;
                }
                let mut starts = Vec::new();
                let holds = table.rules.iter().enumerate().all(|(key, rules)| {
                    role(class, rules).withs.iter().all(|(rule, itself)| {
                        let Some(domain) = domain(class, key) else { return false };
                        let first = may_start
                            && *itself
                            && !rules.withs[*rule].met
                            && started[key][*rule].is_none_or(|known| known == domain);
                        starts.push((key, *rule, domain));
                        present[key][*rule].get(domain).is_some_and(|present| *present) || first
                    })
                });
                if !holds {
                    continue;
                }
                (settled[class], moved) = (true, true);
                for (key, rule, domain) in starts.into_iter().filter(|_| may_start) {
                    started[key][rule].get_or_insert(domain);
                }
                for (key, rules) in table.rules.iter().enumerate() {
                    let Some(domain) = domain(class, key) else { continue };
                    let role = role(class, rules);
                    let own = role.withs.iter().filter(|(_, itself)| *itself).map(|(rule, _)| *rule);
                    for rule in role.wanted.iter().copied().chain(own) {
                        if let Some(present) = present[key][rule].get_mut(domain) {
                            *present = true;
                        }
                    }
                }
            }
        }
        if !moved {
            break;
        }
    }
    (0..settled.len()).rev().find(|class| staying[*class] > 0 && !settled[*class])
}

/// Takes pods of a class from what is bought last, then from existing nodes.
fn remove(problem: &Problem<'_>, state: &mut State, class: usize, count: u32) {
    let mut left = count;
    state.left[class] += count;
    let mut split: Vec<NewNode> = Vec::new();
    for node in state.nodes.iter_mut().rev() {
        let Some(at) = node.load.iter().position(|(known, _)| *known == class).filter(|_| left > 0) else { continue };
        let each = node.load[at].1;
        let whole = (left / each).min(node.copies);
        let part = if whole < node.copies { left - whole * each } else { 0 };
        left -= whole * each + part;
        for (copies, removed) in [(u32::from(part > 0), part), (whole, each)].into_iter().filter(|(copies, _)| *copies > 0) {
            let mut load = node.load.clone();
            load[at].1 -= removed;
            load.retain(|(_, count)| *count > 0);
            let smaller = NewNode { candidate: node.candidate, load, copies };
            if copies == node.copies {
                *node = smaller;
            } else {
                node.copies -= copies;
                split.push(smaller);
            }
        }
    }
    state.nodes.extend(split);
    for load in state.existing.iter_mut().rev() {
        for (_, placed) in load.iter_mut().filter(|(known, _)| *known == class) {
            let taken = left.min(*placed);
            *placed -= taken;
            left -= taken;
        }
        load.retain(|(_, count)| *count > 0);
    }
    if count > 0 {
        state.proven = None;
    }
    debug_assert_eq!(left, 0, "{}", problem.classes[class].pods.len());
}
