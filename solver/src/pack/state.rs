//! A plan in the making: what is placed where, and what is left to place.

use super::alternatives::bought;
use super::axis::{Amounts, take, times};
use super::budget::Budget;
use super::host::Host;
use super::market::Market;
use super::problem::{Problem, Row};
use super::standing::stands;
use crate::optimize::{Bound, Solution};
use crate::{MicroUsd, PodShape};
use std::cmp::Reverse;

/// A node to buy, so and so many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewNode {
    /// Index into the problem's candidates.
    pub(super) candidate: usize,
    /// Classes and how many pods of each, by class.
    pub(super) load: Vec<(usize, u32)>,
    /// How many such nodes.
    pub(super) copies: u32,
}

/// The plan so far.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Pods left to place, by class.
    pub(super) left: Vec<u32>,
    /// Classes that must not be placed: a pool that is not supported comes first for them, or they ask for too much themselves.
    pub(super) refused: Vec<bool>,
    /// Classes and counts placed on each existing node.
    pub(super) existing: Vec<Vec<(usize, u32)>>,
    /// Room on each existing node.
    pub(super) room: Vec<Amounts>,
    /// Each host that exists, as rules about hosts see it.
    pub(super) hosts: Vec<Host>,
    /// Nodes to buy.
    pub(super) nodes: Vec<NewNode>,
    /// What is left of the limits.
    pub(super) budget: Budget,
    /// Search steps left.
    pub(super) steps: u64,
    /// Sum of the bounds proven for what was bought, as long as they cover all of it.
    pub(super) proven: Option<i64>,
    /// How these bounds were proven, and at which price for one pod of each class.
    pub(super) proof: Proof,
    /// Whether limits ruled out what the optimiser chose.
    pub(super) limits_bind: bool,
    /// Whether rules about hosts kept pods from the seats that the optimiser gave their shapes.
    pub(super) short: bool,
    /// By class: the higher, the earlier it is placed, whatever its priority. All zero unless an earlier try left some out.
    pub(super) urgency: Vec<u32>,
}

/// What proves a bound.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    /// The weakest method that was needed; `None` where nothing was bought.
    pub(super) method: Option<Bound>,
    /// By row, micro dollars per hour.
    pub(super) marginal: Vec<i64>,
}

impl Proof {
    /// Adds what the optimiser proved of a market.
    pub(super) fn add(&mut self, market: &Market, solution: &Solution) {
        self.method = self.method.max(Some(solution.bound));
        for (item, price) in market.items.iter().zip(&solution.marginal) {
            self.marginal[item.row] = *price;
        }
    }
}

impl State {
    /// Nothing placed yet.
    pub(super) fn new(problem: &Problem<'_>, steps: u64) -> Self {
        let nodes = problem.snapshot.nodes();
        Self {
            left: problem.classes.iter().map(|class| u32::try_from(class.pods.len()).unwrap_or(u32::MAX)).collect(),
            refused: problem.classes.iter().map(|class| class.refused.is_some() || refused(&class.shape)).collect(),
            existing: vec![Vec::new(); nodes.len()],
            room: nodes.iter().map(|node| problem.axis.room(&node.allocatable, &node.requested, &node.host_ports)).collect(),
            hosts: problem.manners.hosts.clone(),
            nodes: Vec::new(),
            budget: Budget::new(problem),
            steps,
            proven: Some(0),
            proof: Proof { method: None, marginal: vec![0; problem.rows.len()] },
            limits_bind: false,
            short: false,
            urgency: vec![0; problem.classes.len()],
        }
    }

    /// Classes with pods that still may be placed, and how many, the most urgent first, then the highest priority.
    pub(super) fn demand(&self) -> Vec<(usize, u32)> {
        let open = self.left.iter().zip(&self.refused).enumerate().filter(|(_, (left, refused))| **left > 0 && !**refused);
        let mut demand: Vec<(usize, u32)> = open.map(|(class, (left, _))| (class, *left)).collect();
        demand.sort_by_key(|(class, _)| Reverse(self.urgency[*class]));
        demand
    }

    /// How urgent the most urgent class of a row is.
    pub(super) fn row_urgency(&self, problem: &Problem<'_>, row: usize) -> u32 {
        problem.rows[row].classes.iter().map(|class| self.urgency[*class]).max().unwrap_or(0)
    }

    /// Whether pods of a class are left that may be placed.
    pub(super) fn is_open(&self, class: usize) -> bool {
        self.left[class] > 0 && !self.refused[class]
    }

    /// Pods that may be placed and have no place.
    pub(super) fn waiting(&self) -> u64 {
        let open = self.left.iter().zip(&self.refused).filter(|(_, refused)| !**refused);
        open.map(|(left, _)| u64::from(*left)).sum()
    }

    /// The same by row, without pods that must join others.
    pub(super) fn rows(&self, problem: &Problem<'_>) -> Vec<(usize, u32)> {
        let open = |class: &&usize| self.is_open(**class) && !problem.joins(**class);
        let count = |row: &Row| row.classes.iter().filter(open).map(|class| self.left[*class]).fold(0, u32::saturating_add);
        problem.rows.iter().map(count).enumerate().filter(|(_, count)| *count > 0).collect()
    }

    /// Places pods of a class on an existing node, as many as may come, `wanted` at most. Returns how many.
    pub(super) fn settle(&mut self, problem: &Problem<'_>, node: usize, class: usize, wanted: u32) -> u32 {
        let (need, links) = (&problem.classes[class].need, problem.links(class));
        let host = &mut self.hosts[problem.manners.host_of[node]];
        let count = host.room(links, times(need, &self.room[node], wanted));
        if count > 0 {
            host.add(links, count);
            take(&mut self.room[node], need, count);
            self.seat(node, class, count);
        }
        count
    }

    /// Lists pods on an existing node.
    pub(super) fn seat(&mut self, node: usize, class: usize, count: u32) {
        match self.existing[node].iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += count,
            None => self.existing[node].push((class, count)),
        }
    }

    /// Buys nodes.
    pub(super) fn buy(&mut self, problem: &Problem<'_>, node: NewNode) {
        for (class, count) in &node.load {
            self.left[*class] -= count * node.copies;
        }
        self.budget.spend(problem, &problem.candidates[node.candidate], i64::from(node.copies));
        self.nodes.push(node);
    }

    /// What the nodes to buy cost, with what is charged beyond prices.
    pub(super) fn cost(&self, problem: &Problem<'_>) -> MicroUsd {
        let cost = |node: &NewNode| MicroUsd(problem.candidates[bought(problem, node)].cost).times(i64::from(node.copies));
        self.nodes.iter().map(cost).sum()
    }

    /// Pods of each row on nodes to buy.
    pub(super) fn bought_rows(&self, problem: &Problem<'_>) -> Vec<(usize, u32)> {
        let mut counts = vec![0_u32; problem.rows.len()];
        for (class, count) in self.bought(problem) {
            counts[problem.classes[class].row] += count;
        }
        counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }

    /// Pods of each class on nodes that are bought for pods.
    pub(super) fn bought(&self, problem: &Problem<'_>) -> Vec<(usize, u32)> {
        let mut counts = vec![0_u32; self.left.len()];
        for node in self.nodes.iter().filter(|node| !stands(problem, node)) {
            for (class, count) in &node.load {
                counts[*class] += count * node.copies;
            }
        }
        counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }
}

/// Whether no node may take such a pod.
pub(super) fn refused(shape: &PodShape) -> bool {
    shape.not_ready.is_some() || !shape.unsupported.is_empty()
}
