//! Dealing seats: node by node, each seat to the pod that does the least harm there as compared with an average node.
//!
//! A pod that carries a rule keeps the pods away that the rule is about, and the other way round. Where the rule already holds it does no
//! further harm, so owners of one rule come together and most nodes stay free of it; on a small node it does little; and where it does
//! as much as anywhere, it is the pods with the most to lose that are seated first.

use super::super::host::{Host, Kind, Link};
use super::super::market::Market;
use super::super::problem::Problem;
use super::super::state::State;
use super::Table;

/// Pods of one row that rules about hosts do not tell apart.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    /// Which list of links they have.
    pub(super) manner: usize,
    /// How many are left.
    pub(super) left: u32,
    /// Classes and how many of each, those to be taken first last.
    classes: Vec<(usize, u32)>,
}

/// Everybody who wants a seat.
pub(super) struct Crowd {
    /// By item of the market.
    pub(super) stacks: Vec<Vec<Stack>>,
    /// By rule: pods left that it is about, and pods left that carry it.
    selected: Vec<f64>,
    owners: Vec<f64>,
    left: f64,
}

impl Crowd {
    pub(super) fn new(problem: &Problem<'_>, state: &State, market: &Market) -> Self {
        let rules = problem.manners.rules.len();
        let mut crowd = Self {
            stacks: Vec::with_capacity(market.items.len()),
            selected: vec![0.0; rules],
            owners: vec![0.0; rules],
            left: 0.0,
        };
        for item in &market.items {
            let mut stacks: Vec<Stack> = Vec::new();
            let mut number = vec![usize::MAX; problem.manners.lists.len()];
            for class in problem.rows[item.row].classes.iter().rev().filter(|class| state.is_open(**class)) {
                let (manner, left) = (problem.classes[*class].manner, state.left[*class]);
                if number[manner] == usize::MAX {
                    number[manner] = stacks.len();
                    stacks.push(Stack { manner, left: 0, classes: Vec::new() });
                }
                let stack = &mut stacks[number[manner]];
                stack.left += left;
                stack.classes.push((*class, left));
                crowd.count(problem.links(*class), f64::from(left));
            }
            stacks.reverse();
            crowd.stacks.push(stacks);
        }
        crowd
    }

    fn count(&mut self, links: &[Link], change: f64) {
        self.left += change;
        for link in links {
            self.selected[link.rule as usize] += if link.selected { change } else { 0.0 };
            self.owners[link.rule as usize] += if link.owner { change } else { 0.0 };
        }
    }

    /// One pod of a stack, as its class.
    pub(super) fn take(&mut self, problem: &Problem<'_>, item: usize, stack: usize) -> Option<usize> {
        let taken = &mut self.stacks[item][stack];
        let (class, count) = taken.classes.last_mut()?;
        let class = *class;
        *count -= 1;
        taken.left -= 1;
        if *count == 0 {
            taken.classes.pop();
        }
        self.count(problem.links(class), -1.0);
        Some(class)
    }

    /// Pods that share a seat's neighbourhood less than elsewhere: `mates` are the other open seats here, `usual` those of a node.
    fn gain(&self, links: &[Link], host: &Host, mates: f64, usual: f64) -> f64 {
        let mut gain = 0.0;
        for link in links {
            let tally = host.tally(link.rule);
            let rule = link.rule as usize;
            let share = |pods: f64| pods / self.left.max(1.0);
            let width = if let Kind::Spread(skew) = link.kind { f64::from(skew.max(1)) } else { 1.0 };
            if link.owner {
                let here = if tally.owners > 0 { 0.0 } else { mates };
                gain += share(self.selected[rule]) / width * (usual - here);
            }
            if link.selected {
                let here = if tally.selected > 0 { 0.0 } else { mates };
                gain += share(self.owners[rule]) / width * (usual - here);
            }
        }
        gain
    }

    /// How much a pod is in the way of others, wherever it sits.
    fn weight(&self, links: &[Link]) -> f64 {
        let one = |link: &Link| {
            let owned = if link.owner { self.selected[link.rule as usize] } else { 0.0 };
            owned + if link.selected { self.owners[link.rule as usize] } else { 0.0 }
        };
        links.iter().map(one).sum()
    }
}

/// Deals the seats of all tables.
pub(super) fn deal(problem: &Problem<'_>, market: &Market, crowd: &mut Crowd, tables: &mut [Table]) {
    let seats = |table: &Table| table.seats.iter().map(|(_, open)| *open).sum::<u32>();
    let all: u32 = tables.iter().map(seats).sum();
    #[allow(clippy::cast_precision_loss)]
    let usual = (f64::from(all) / tables.len().max(1) as f64 - 1.0).max(0.0);
    let mut order: Vec<usize> = (0..tables.len()).collect();
    order.sort_by_key(|index| seats(&tables[*index]));
    for index in order {
        let table = &mut tables[index];
        let mut open = seats(table);
        // Items with the fewest to choose from first.
        let mut items: Vec<usize> = (0..table.seats.len()).collect();
        items.sort_by_key(|at| (crowd.stacks[table.seats[*at].0].len(), *at));
        for at in items {
            let item = table.seats[at].0;
            while table.seats[at].1 > 0 {
                let Some(stack) = best(problem, crowd, table, item, (f64::from(open.saturating_sub(1)), usual)) else { break };
                let Some(class) = crowd.take(problem, item, stack) else { break };
                table.sit(problem, class, 1);
                table.seats[at].1 -= 1;
                open = open.saturating_sub(1);
            }
        }
        debug_assert!(table.room.iter().all(|room| *room >= 0), "{}", market.machines[table.machine].candidate);
    }
}

/// The stack whose next pod may sit at the table and does the least harm.
fn best(problem: &Problem<'_>, crowd: &Crowd, table: &Table, item: usize, mates: (f64, f64)) -> Option<usize> {
    let mut best: Option<(f64, f64, usize)> = None;
    for (index, stack) in crowd.stacks[item].iter().enumerate().filter(|(_, stack)| stack.left > 0) {
        let links = &problem.manners.lists[stack.manner];
        if table.host.room(links, 1) == 0 {
            continue;
        }
        let score = (crowd.gain(links, &table.host, mates.0, mates.1), crowd.weight(links));
        if best.is_none_or(|(gain, weight, _)| score.0 > gain || (score.0 >= gain && score.1 > weight)) {
            best = Some((score.0, score.1, index));
        }
    }
    best.map(|(_, _, index)| index)
}
