//! Rows: classes that differ in rules about pods on one host only. A market packs rows, so that thousands of classes with labels and
//! rules of their own stay the few shapes they are; who of a row sits where is decided afterwards.

use super::axis::fits;
use super::host::Link;
use super::problem::{Problem, Row};
use super::slot::Slot;
use std::collections::BTreeMap;

/// Puts the classes into rows and gives them `slots`.
pub(super) fn arrange(problem: &mut Problem<'_>, slots: &[Slot]) {
    let taken: Vec<Vec<(usize, i64)>> = (0..problem.classes.len())
        .map(|class| {
            let links = problem.links(class);
            slots.iter().enumerate().map(|(slot, one)| (slot, one.takes(links))).filter(|(_, count)| *count > 0).collect()
        })
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    let mut known = BTreeMap::new();
    let mut row_of = Vec::with_capacity(problem.classes.len());
    for ((index, class), slots) in problem.classes.iter().enumerate().zip(taken) {
        let key = (class.signature, &class.need, class.shape.priority, slots);
        let row = *known.entry(key).or_insert_with_key(|(_, _, priority, slots)| {
            rows.push(Row {
                signature: class.signature,
                need: class.need.clone(),
                slots: slots.clone(),
                priority: *priority,
                buyable: false,
                together: u32::MAX,
                classes: Vec::new(),
            });
            rows.len() - 1
        });
        rows[row].classes.push(index);
        row_of.push(row);
    }
    drop(known);
    for row in &mut rows {
        row.together = together(problem, &row.classes);
        row.buyable = problem
            .candidates
            .iter()
            .any(|one| problem.grows(one) && problem.admits(one, row.signature, true) && fits(&row.need, problem.free(one)));
    }
    for (class, row) in problem.classes.iter_mut().zip(row_of) {
        class.row = row;
    }
    problem.rows = rows;
    problem.slots = slots.to_vec();
}

/// How many pods of `classes` can share a host at most: what a rule allows that all of them carry, or what the rules of each allow.
fn together(problem: &Problem<'_>, classes: &[usize]) -> u32 {
    let Some((first, rest)) = classes.split_first() else { return u32::MAX };
    let bounds = |class: usize| problem.links(class).iter().filter_map(|link| Some((link.rule, Link::most(*link)?)));
    let shared = |rule: u32| rest.iter().all(|class| bounds(*class).any(|(other, _)| other == rule));
    let by_one = bounds(*first).filter(|(rule, _)| shared(*rule)).map(|(_, most)| most).min();
    let mut by_manner: BTreeMap<usize, u32> = BTreeMap::new();
    for class in classes {
        let most = bounds(*class).map(|(_, most)| most).min().unwrap_or(u32::MAX);
        by_manner.insert(problem.classes[*class].manner, most);
    }
    by_manner.into_values().fold(0, u32::saturating_add).min(by_one.unwrap_or(u32::MAX))
}
