//! Pods one after the other: existing nodes first, then open claims, then a new one.
//!
//! Karpenter puts a pod that found no place back and tries it again. Without rules between pods room only shrinks, so a second try
//! cannot succeed and there is none.

use super::super::axis::{fits, take};
use super::super::existing::accepts;
use super::super::problem::Problem;
use super::super::state::State;
use super::claim::{Claim, Guest};
use crate::{ResourceName, TaintEffect};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// CPU and memory, the largest first.
type Size = Reverse<(i64, i64)>;

/// Places pods in Karpenter's order: CPU, then memory, descending, then key. Returns the claims; `state` gets the rest.
pub(super) fn run(problem: &Problem<'_>, state: &mut State) -> Vec<Claim> {
    let mut order: Vec<(Size, u32, usize)> = Vec::new();
    for (index, class) in problem.classes.iter().enumerate().filter(|(index, _)| !state.refused[*index]) {
        let requests = &class.shape.requests;
        let size = Reverse((requests.get(ResourceName::CPU), requests.get(ResourceName::MEMORY)));
        order.extend(class.pods.iter().map(|pod| (size, *pod, index)));
    }
    order.sort_unstable();
    let soft = |effect: TaintEffect| effect == TaintEffect::PreferNoSchedule;
    let relaxable = problem.snapshot.node_pools().iter().flat_map(|pool| &pool.taints).any(|taint| soft(taint.effect));
    let mut floor = Floor::new(problem);
    let mut run = 0;
    for (at, (size, _, class)) in order.iter().enumerate() {
        run += usize::from(at > 0 && order[at - 1].0 != *size);
        let strict = Guest { class: *class, relaxed: false, run };
        let relaxes = relaxable && !floor.is_barred(strict, i32::MIN);
        if floor.place(state, strict) || (relaxes && floor.place(state, Guest { relaxed: true, ..strict })) {
            state.left[*class] -= 1;
        }
    }
    floor.claims
}

/// All places there are.
struct Floor<'p, 's> {
    problem: &'p Problem<'s>,
    /// Pools that may be launched from, in Karpenter's order: weight, then name, both descending.
    pools: Vec<usize>,
    /// Candidates by pool.
    candidates: Vec<Vec<u32>>,
    claims: Vec<Claim>,
    /// Claims by pods, those that grew last first among equals: what a stable sort by pods before every pod comes to.
    order: BTreeSet<(u32, i64, usize)>,
    clock: i64,
    /// For classes and whether relaxed: existing nodes from this one on may have room.
    next_node: BTreeMap<(usize, bool), usize>,
    /// For classes and whether relaxed: the highest weight of a pool that would take them and is not supported.
    barred: [Vec<Option<i32>>; 2],
}

impl<'p, 's> Floor<'p, 's> {
    fn new(problem: &'p Problem<'s>) -> Self {
        let all = problem.snapshot.node_pools();
        let mut pools: Vec<usize> = (0..all.len()).filter(|pool| all[*pool].unsupported.is_empty()).collect();
        pools.sort_by_key(|pool| (Reverse(all[*pool].weight), Reverse(*pool)));
        let mut candidates = vec![Vec::new(); all.len()];
        for variant in &problem.variants {
            candidates[variant.pool].extend(variant.candidates.clone().map(|index| u32::try_from(index).unwrap_or(u32::MAX)));
        }
        let barred = [false, true].map(|relaxed| barred(problem, &candidates, relaxed));
        Self {
            problem,
            pools,
            candidates,
            claims: Vec::new(),
            order: BTreeSet::new(),
            clock: 0,
            next_node: BTreeMap::new(),
            barred,
        }
    }

    fn place(&mut self, state: &mut State, guest: Guest) -> bool {
        self.on_existing(state, guest) || self.on_claim(guest) || self.on_new(state, guest)
    }

    fn on_existing(&mut self, state: &mut State, guest: Guest) -> bool {
        let nodes = self.problem.snapshot.nodes();
        let class = &self.problem.classes[guest.class];
        let next = self.next_node.entry((guest.class, guest.relaxed)).or_insert(0);
        let fitting = (*next..nodes.len()).find(|node| {
            fits(&class.need, &state.room[*node])
                && accepts(&nodes[*node], &self.problem.signatures[class.signature], guest.relaxed)
        });
        *next = fitting.unwrap_or(nodes.len());
        let Some(node) = fitting else { return false };
        take(&mut state.room[node], &class.need, 1);
        match state.existing[node].iter_mut().find(|(known, _)| *known == guest.class) {
            Some((_, count)) => *count += 1,
            None => state.existing[node].push((guest.class, 1)),
        }
        true
    }

    /// Whether an unsupported pool comes first for this pod, so that a pool of this weight must not take it.
    fn is_barred(&self, guest: Guest, weight: i32) -> bool {
        self.barred[usize::from(guest.relaxed)][guest.class].is_some_and(|least| weight <= least)
    }

    fn on_claim(&mut self, guest: Guest) -> bool {
        let order = std::mem::take(&mut self.order);
        let found = order.iter().copied().find(|(_, _, index)| {
            !self.is_barred(guest, self.claims[*index].weight) && self.claims[*index].admit(self.problem, guest)
        });
        self.order = order;
        let Some(entry) = found else { return false };
        self.order.remove(&entry);
        self.clock += 1;
        self.order.insert((self.claims[entry.2].pods, -self.clock, entry.2));
        true
    }

    fn on_new(&mut self, state: &mut State, guest: Guest) -> bool {
        let need = &self.problem.classes[guest.class].need;
        for pool in &self.pools {
            let weight = self.problem.snapshot.node_pools()[*pool].weight;
            if self.is_barred(guest, weight) {
                return false;
            }
            let holds = |index: &u32| {
                let candidate = &self.problem.candidates[*index as usize];
                fits(need, self.problem.free(candidate))
                    && self.problem.allows(candidate, guest.class, guest.relaxed)
                    && state.budget.affords(self.problem, candidate, 1) == 1
            };
            let left: Vec<u32> = self.candidates[*pool].iter().copied().filter(holds).collect();
            if left.is_empty() {
                continue;
            }
            self.reserve(state, *pool, &left);
            self.clock += 1;
            self.order.insert((1, self.clock, self.claims.len()));
            self.claims.push(Claim::open(self.problem, weight, left, guest));
            return true;
        }
        false
    }

    /// Takes from the pool's limits what the largest of `left` has: nobody knows yet which of them it will be.
    fn reserve(&self, state: &mut State, pool: usize, left: &[u32]) {
        let limits = &self.problem.snapshot.node_pools()[pool].limits;
        let capacity =
            |index: &u32, name: &ResourceName| self.problem.capacity(&self.problem.candidates[*index as usize], name.as_str());
        let most: Vec<i64> =
            limits.iter().map(|(name, _)| left.iter().map(|index| capacity(index, name)).max().unwrap_or(0)).collect();
        state.budget.stretch(pool, &most);
    }
}

/// By class, the highest weight of an unsupported pool that would take its pods.
fn barred(problem: &Problem<'_>, candidates: &[Vec<u32>], relaxed: bool) -> Vec<Option<i32>> {
    let mut barred = vec![None; problem.classes.len()];
    for (pool, candidates) in problem.snapshot.node_pools().iter().zip(candidates) {
        if pool.unsupported.is_empty() {
            continue;
        }
        for candidate in candidates.iter().map(|index| &problem.candidates[*index as usize]) {
            for (class, barred) in barred.iter_mut().enumerate() {
                if problem.allows(candidate, class, relaxed) && fits(&problem.classes[class].need, problem.free(candidate)) {
                    *barred = (*barred).max(Some(pool.weight));
                }
            }
        }
    }
    barred
}
