//! A plan in the making: what is placed where, and what is left to place.

use super::axis::Amounts;
use super::budget::Budget;
use super::market::Market;
use super::problem::Problem;
use crate::optimize::{Bound, Solution};
use crate::{MicroUsd, Node, PodShape};

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
#[derive(Debug)]
pub(super) struct State {
    /// Pods left to place, by class.
    pub(super) left: Vec<u32>,
    /// Classes that must not be placed: a pool that is not supported comes first for them, or they ask for too much themselves.
    pub(super) refused: Vec<bool>,
    /// Classes and counts placed on each existing node.
    pub(super) existing: Vec<Vec<(usize, u32)>>,
    /// Room on each existing node.
    pub(super) room: Vec<Amounts>,
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
}

/// What proves a bound.
#[derive(Debug)]
pub(super) struct Proof {
    /// The weakest method that was needed; `None` where nothing was bought.
    pub(super) method: Option<Bound>,
    /// By class, micro dollars per hour.
    pub(super) marginal: Vec<i64>,
}

impl Proof {
    /// Adds what the optimiser proved of a market.
    pub(super) fn add(&mut self, market: &Market, solution: &Solution) {
        self.method = self.method.max(Some(solution.bound));
        for (item, price) in market.items.iter().zip(&solution.marginal) {
            self.marginal[item.class] = *price;
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
            room: nodes.iter().zip(&problem.taken).map(|(node, taken)| room(problem, node, taken)).collect(),
            nodes: Vec::new(),
            budget: Budget::new(problem),
            steps,
            proven: Some(0),
            proof: Proof { method: None, marginal: vec![0; problem.classes.len()] },
            limits_bind: false,
        }
    }

    /// Classes with pods that still may be placed, and how many, highest priority first.
    pub(super) fn demand(&self) -> Vec<(usize, u32)> {
        let open = self.left.iter().zip(&self.refused).enumerate().filter(|(_, (left, refused))| **left > 0 && !**refused);
        open.map(|(class, (left, _))| (class, *left)).collect()
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
        let cost = |node: &NewNode| MicroUsd(problem.candidates[node.candidate].cost).times(i64::from(node.copies));
        self.nodes.iter().map(cost).sum()
    }

    /// Pods of each class on nodes to buy.
    pub(super) fn bought(&self) -> Vec<(usize, u32)> {
        let mut counts = vec![0_u32; self.left.len()];
        for node in &self.nodes {
            for (class, count) in &node.load {
                counts[*class] += count * node.copies;
            }
        }
        counts.into_iter().enumerate().filter(|(_, count)| *count > 0).collect()
    }
}

/// Whether no node may take such a pod.
fn refused(shape: &PodShape) -> bool {
    shape.not_ready.is_some() || !shape.refused().is_empty()
}

/// Room on an existing node before anything is placed there.
fn room(problem: &Problem<'_>, node: &Node, taken: &[(usize, i64)]) -> Amounts {
    let mut room = problem.axis.room(&node.allocatable, &node.requested, &node.host_ports);
    super::apart::occupy(&mut room, problem.axis.first_slot(), taken);
    room
}
