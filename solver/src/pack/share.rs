//! The share of one spot pool: nodes that were chosen by price alone are dealt to spot pools that have room for them.
//!
//! What holds a node's pods is known, and so is how many nodes of each pool are allowed. Each node, the dearest first, keeps what was
//! chosen for it, or becomes the cheapest of the heaviest NodePools that holds its pods and has room, on spot or not. What it lists
//! for EC2 to pick from takes room, too, so that the cap holds whatever EC2 picks. A node without any such place is given up, and its pods
//! are placed again with spot closed to them.

use super::alternatives::{Hand, Stock, bought, chosen, holders_among, others};
use super::axis::fits;
use super::problem::{Candidate, Problem};
use super::standing::stands;
use super::state::{NewNode, State};
use super::variety::{SPOT_TYPES, asked_of, is_spot};
use crate::explain::Obstacle;
use crate::plan::OfferingRef;
use crate::{CapacityType, MinValuesPolicy, Options, Reason, Snapshot, SpotPool};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How many more nodes may be of each spot pool.
#[derive(Debug, Clone, Default)]
pub(super) struct SpotRoom {
    /// The most that one pool may have; `None` without a cap.
    most: Option<u32>,
    taken: BTreeMap<SpotPool, u32>,
}

impl SpotRoom {
    /// What nodes that exist leave of `most`.
    fn new(snapshot: &Snapshot, most: u32) -> Self {
        Self { most: Some(most), taken: snapshot.spot_in_use().pools }
    }

    /// Whether another node may be of this offering.
    pub(super) fn has(&self, offering: &OfferingRef) -> bool {
        let taken = || self.taken.get(&(offering.instance_type.clone(), offering.zone.clone())).copied().unwrap_or(0);
        self.most.is_none_or(|most| offering.capacity_type != CapacityType::Spot || taken() < most)
    }

    /// Another node may be of it.
    pub(super) fn take(&mut self, offering: &OfferingRef) {
        if self.most.is_some() && offering.capacity_type == CapacityType::Spot {
            *self.taken.entry((offering.instance_type.clone(), offering.zone.clone())).or_default() += 1;
        }
    }
}

/// What was dealt.
#[derive(Debug, Default)]
pub(super) struct Dealt {
    /// The most nodes that one spot pool may have.
    most: u32,
    /// By node: which alternatives it must list.
    pub(super) needed: Vec<Vec<usize>>,
}

impl Dealt {
    /// The room in spot pools before any of the nodes takes its own.
    pub(super) fn room(&self, snapshot: &Snapshot) -> SpotRoom {
        SpotRoom::new(snapshot, self.most)
    }
}

/// Deals the nodes to buy to spot pools. `None` where some had to be given up: their pods are left to place, and spot is closed.
pub(super) fn deal(problem: &Problem<'_>, state: &mut State, options: &Options<'_>) -> Option<Dealt> {
    let nodes = singles(problem, state);
    let snapshot = problem.snapshot;
    let known = snapshot.spot_in_use().nodes;
    let most = |sure: usize| {
        let nodes = known.saturating_add(u32::try_from(sure).unwrap_or(u32::MAX));
        snapshot.most_of_a_spot_pool(nodes).unwrap_or(u32::MAX)
    };
    let mut allowed = most(on_spot(problem, state));
    // Fewer nodes on spot may lower the cap again.
    let seats = loop {
        // Spot may be closed, to further nodes.
        let budget = state.budget.with_spot().unwrap_or_else(|| state.budget.clone());
        let stock = Stock { budget, spot: SpotRoom::new(snapshot, allowed) };
        let mut table = Table { problem, options, stock, sure: 0, places: BTreeMap::new() };
        let seats: Vec<Option<Seat>> = nodes.iter().map(|(node, reckoned)| table.seat(node, *reckoned)).collect();
        let fair = most(table.sure);
        if fair >= allowed {
            break seats;
        }
        allowed = fair;
    };
    let mut needed = Vec::new();
    let mut whole = true;
    state.nodes.clear();
    for ((node, reckoned), seat) in nodes.into_iter().zip(seats) {
        state.budget.spend(problem, &problem.candidates[reckoned], -1);
        if let Some(seat) = seat {
            state.budget.spend(problem, &problem.candidates[seat.candidate], 1);
            state.nodes.push(NewNode { candidate: seat.candidate, ..node });
            needed.push(seat.needed);
        } else {
            whole &= node.load.is_empty();
            node.load.iter().for_each(|(class, count)| state.left[*class] += count);
        }
    }
    if !whole {
        state.proven = None;
        state.budget.close_spot();
    }
    whole.then_some(Dealt { most: allowed, needed })
}

/// How many of the nodes to buy are on spot.
pub(super) fn on_spot(problem: &Problem<'_>, state: &State) -> usize {
    let spot = state.nodes.iter().filter(|node| is_spot(problem, &problem.candidates[bought(problem, node)]));
    spot.map(|node| node.copies as usize).sum()
}

/// The nodes to buy one by one, each as what it is bought as and beside that the candidate that limits were reckoned with: those that
/// stand whatever pods there are first, then the dearest.
fn singles(problem: &Problem<'_>, state: &State) -> Vec<(NewNode, usize)> {
    let mut nodes = Vec::new();
    for node in &state.nodes {
        let candidate = bought(problem, node);
        let single = NewNode { candidate, load: node.load.clone(), copies: 1 };
        nodes.extend((0..node.copies).map(|_| (single.clone(), node.candidate)));
    }
    nodes.sort_by_cached_key(|(node, reckoned)| {
        let cost = problem.candidates[node.candidate].cost;
        (!stands(problem, node), Reverse(cost), node.candidate, node.load.clone(), *reckoned)
    });
    nodes
}

/// What a node becomes.
struct Seat {
    candidate: usize,
    needed: Vec<usize>,
}

/// The load of a node, and its pool where that is static.
type Held = (Vec<(usize, u32)>, Option<usize>);

/// The nodes that were dealt so far.
struct Table<'p, 's> {
    problem: &'p Problem<'s>,
    options: &'p Options<'p>,
    stock: Stock,
    /// Nodes that will be on spot whatever EC2 picks.
    sure: usize,
    /// By load and static pool: what would hold it, the best first.
    places: BTreeMap<Held, Vec<usize>>,
}

impl Table<'_, '_> {
    /// A place for one more node: its own, or the best that has room.
    fn seat(&mut self, node: &NewNode, reckoned: usize) -> Option<Seat> {
        let own = &self.problem.candidates[node.candidate];
        self.stock.budget.spend(self.problem, &self.problem.candidates[reckoned], -1);
        if let Some(seat) = self.sit(node, node.candidate) {
            return Some(seat);
        }
        let pool = stands(self.problem, node).then(|| self.problem.pool(own));
        let key = (node.load.clone(), pool);
        let places = self.places.remove(&key).unwrap_or_else(|| places(self.problem, node, pool));
        let seat = places.iter().find_map(|place| self.sit(node, *place));
        self.places.insert(key, places);
        seat
    }

    /// Makes the node one of `candidate` if that has room, for what it must list, too.
    fn sit(&mut self, node: &NewNode, candidate: usize) -> Option<Seat> {
        let problem = self.problem;
        let one = &problem.candidates[candidate];
        let (instance_type, offering) = chosen(problem, one);
        let offering = OfferingRef::of(instance_type, offering);
        if !self.stock.spot.has(&offering) || self.stock.budget.affords(problem, one, 1) == 0 {
            return None;
        }
        let mut needed = Vec::new();
        let mut all_spot = offering.capacity_type == CapacityType::Spot;
        if asked_of(problem, one).is_empty() {
            self.stock.budget.spend(problem, one, 1);
            self.stock.spot.take(&offering);
        } else {
            let mut stock = self.stock.clone();
            stock.budget.spend(problem, one, 1);
            stock.spot.take(&offering);
            let node = NewNode { candidate, ..node.clone() };
            let others = others(problem, &node, candidate, self.options);
            let mut hand = Hand::new(problem, candidate, &others);
            needed = hand.take_needed(&others, &mut stock);
            let relents = problem.snapshot.node_pools()[problem.pool(one)].min_values_policy == MinValuesPolicy::BestEffort;
            if hand.short().any(|(asked, _)| !relents || &*asked.key == SPOT_TYPES) {
                return None;
            }
            all_spot &= hand.is_all(CapacityType::Spot);
            self.stock = stock;
        }
        self.sure += usize::from(all_spot);
        Some(Seat { candidate, needed })
    }
}

/// Everything that holds the node's pods: what is welcome to all of them first, then by weight of the NodePool, then the cheapest.
fn places(problem: &Problem<'_>, node: &NewNode, pool: Option<usize>) -> Vec<usize> {
    let pools = problem.snapshot.node_pools();
    let weight = |one: &Candidate| pools[problem.pool(one)].weight;
    let own = weight(&problem.candidates[node.candidate]);
    // A pool that is refused must not be passed over.
    let lighter = pools.iter().all(|pool| pool.unsupported.is_empty());
    let open = |index: &usize| {
        let one = &problem.candidates[*index];
        let alike = pool.map_or_else(
            || pools[problem.pool(one)].is_launched_from() && (lighter || weight(one) == own),
            |pool| problem.pool(one) == pool,
        );
        alike && one.reservation.is_none()
    };
    let all = problem.variants.iter().flat_map(|variant| variant.candidates.clone());
    let mut places: Vec<usize> = holders_among(problem, node, all.filter(open)).collect();
    places.sort_by_key(|index| {
        let one = &problem.candidates[*index];
        let reluctant = node.load.iter().any(|(class, _)| !problem.allows(one, *class, false));
        (reluctant, Reverse(weight(one)), one.cost, *index)
    });
    places
}

/// Why pods of a class have no place: all that would hold one is on spot, in pools that have their share.
pub(super) fn obstacle(problem: &Problem<'_>, state: &State, class: usize) -> Option<Obstacle> {
    let before = state.budget.with_spot()?;
    let row = &problem.rows[problem.classes[class].row];
    let holds = |one: &&Candidate| {
        let held = problem.admits(one, row.signature, true) && fits(&row.need, problem.free(one));
        held && problem.grows(one) && before.affords(problem, one, 1) == 1
    };
    let mut holders = problem.candidates.iter().filter(holds).peekable();
    holders.peek()?;
    holders.all(|one| is_spot(problem, one)).then(|| {
        let share = problem.snapshot.spot_pool_share().unwrap_or(100);
        Obstacle {
            reason: Reason::SpotPoolShare,
            step: "share of one spot pool".to_owned(),
            message: format!(
                "only spot instances would hold it, and each of their pools (instance type and zone) has its share of the spot nodes, \
                 {share} %: allow more instance types or zones, or on-demand, or raise the share"
            ),
        }
    })
}
