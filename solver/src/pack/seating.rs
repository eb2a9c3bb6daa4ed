//! Who sits where: a market says how many pods of each row a node holds, and rules about pods on one host decide which.
//!
//! ```text
//! patterns ─▶ tables with seats by row ─▶ dealing ─▶ swaps ─▶ machines of the size that is needed
//! ```
//!
//! Pods that no seat takes stay to be placed: the caller tries them on what is left of all nodes and buys for the rest.

use super::axis::{Amounts, fits, take};
use super::budget::Budget;
use super::host::Host;
use super::market::Market;
use super::problem::Problem;
use super::state::{NewNode, State};
use crate::optimize::Pattern;

mod dealing;
mod swaps;

/// A node to buy while pods are seated.
struct Table {
    /// Index into the market's machines.
    machine: usize,
    room: Amounts,
    host: Host,
    /// Classes and how many pods of each sit here, in the order in which they came.
    load: Vec<(usize, u32)>,
    /// Items and how many seats of each are open.
    seats: Vec<(usize, u32)>,
}

impl Table {
    fn new(problem: &Problem<'_>, market: &Market, pattern: &Pattern) -> Self {
        let candidate = &problem.candidates[market.machines[pattern.bin].candidate];
        Self {
            machine: pattern.bin,
            room: problem.free(candidate).into(),
            host: problem.models[candidate.model].host.clone(),
            load: Vec::new(),
            seats: pattern.counts.clone(),
        }
    }

    fn sit(&mut self, problem: &Problem<'_>, class: usize, count: u32) {
        take(&mut self.room, &problem.classes[class].need, count);
        self.host.add(problem.links(class), count);
        match self.load.iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += count,
            None => self.load.push((class, count)),
        }
    }

    fn rise(&mut self, problem: &Problem<'_>, class: usize) {
        for (room, need) in self.room.iter_mut().zip(&problem.classes[class].need) {
            *room += need;
        }
        self.host.remove(problem.links(class));
        if let Some(at) = self.load.iter().position(|(known, _)| *known == class) {
            self.load[at].1 -= 1;
            if self.load[at].1 == 0 {
                self.load.remove(at);
            }
        }
    }

    fn is_full(&self) -> bool {
        self.seats.iter().all(|(_, open)| *open == 0)
    }
}

/// Buys what `patterns` say for the pods of the market's items that are left. Whether every seat was taken.
pub(super) fn seat(problem: &Problem<'_>, state: &mut State, market: &Market, patterns: &[Pattern]) -> bool {
    let alone = |item: usize| {
        let classes = &problem.rows[market.items[item].row].classes;
        let mut open = classes.iter().filter(|class| state.is_open(**class));
        let only = open.next().filter(|class| problem.classes[**class].manner == 0)?;
        open.next().is_none().then_some(*only)
    };
    let only: Vec<Option<usize>> = (0..market.items.len()).map(alone).collect();
    let (simple, ruled): (Vec<&Pattern>, Vec<&Pattern>) =
        patterns.iter().partition(|pattern| pattern.counts.iter().all(|(item, _)| only[*item].is_some()));
    for pattern in simple {
        let class = |(item, count): &(usize, u32)| Some((only[*item]?, *count));
        let mut load: Vec<(usize, u32)> = pattern.counts.iter().filter_map(class).collect();
        load.sort_unstable();
        state.buy(problem, NewNode { candidate: market.machines[pattern.bin].candidate, load, copies: pattern.uses });
    }
    let tables = ruled.iter().flat_map(|pattern| (0..pattern.uses).map(|_| Table::new(problem, market, pattern)));
    let mut tables: Vec<Table> = tables.collect();
    if tables.is_empty() {
        return true;
    }
    let mut crowd = dealing::Crowd::new(problem, state, market);
    dealing::deal(problem, market, &mut crowd, &mut tables);
    let full = tables.iter().all(Table::is_full);
    if !full {
        swaps::repair(problem, market, &mut crowd, &mut tables);
    }
    buy(problem, state, market, tables);
    full
}

/// Buys the tables where somebody sits; equal ones together.
fn buy(problem: &Problem<'_>, state: &mut State, market: &Market, tables: Vec<Table>) {
    let mut loads: Vec<(usize, Vec<(usize, u32)>)> = Vec::with_capacity(tables.len());
    for mut table in tables.into_iter().filter(|table| !table.load.is_empty()) {
        table.load.sort_unstable();
        let machine = if table.is_full() { table.machine } else { smaller(problem, market, &table) };
        loads.push((market.machines[machine].candidate, table.load));
    }
    loads.sort_unstable();
    for same in loads.chunk_by(|a, b| a == b) {
        if let Some((candidate, load)) = same.first() {
            let copies = u32::try_from(same.len()).unwrap_or(u32::MAX);
            state.buy(problem, NewNode { candidate: *candidate, load: load.clone(), copies });
        }
    }
}

/// The cheapest machine that holds who sits at `table` and uses no more of any limit.
fn smaller(problem: &Problem<'_>, market: &Market, table: &Table) -> usize {
    let own = &problem.candidates[market.machines[table.machine].candidate];
    let used: Vec<i64> = problem.free(own).iter().zip(&table.room).map(|(free, room)| free - room).collect();
    let holds = |machine: &usize| {
        let candidate = &problem.candidates[market.machines[*machine].candidate];
        let allowed = |(class, _): &(usize, u32)| {
            let item = market.item_of(problem.classes[*class].row);
            item.is_some_and(|item| market.groups[market.machines[*machine].group].contains(item))
        };
        fits(&used, problem.free(candidate))
            && table.load.iter().all(allowed)
            && problem.host(candidate, &table.load).is_some()
            && Budget::no_tighter(problem, candidate, own)
    };
    (0..table.machine).find(holds).unwrap_or(table.machine)
}
