//! One deal in the making: how many pods of each group are in each domain of a key, and where one more may go.
//!
//! Whatever the order, this holds after every step: where a pod with a spread constraint is, the domain exceeds the emptiest one by
//! `maxSkew` at most; a pod with anti-affinity is alone with those it excludes; a pod with affinity came where a selected pod was, or was
//! the first of all.

use super::super::axis::{Amounts, fits, take};
use super::super::problem::Problem;
use super::rules::{Role, Rules};
use super::terrain::Doors;

/// Pods of one group, or of a part of one that was dealt by another key.
pub(super) struct Item<'a> {
    /// Position among the groups to deal.
    pub(super) at: usize,
    pub(super) root: usize,
    pub(super) priority: i32,
    pub(super) role: &'a Role,
    pub(super) doors: Doors,
    /// Pods to deal.
    pub(super) count: u32,
    /// Most pods by domain, where that is known from packing.
    pub(super) caps: Vec<Option<u32>>,
    /// Which items are tied to each other by affinity.
    pub(super) block: Option<usize>,
}

/// Items that belong together because of required affinity.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// By domain: pods that could go there, and what they would cost.
    pub(super) pods: Vec<u64>,
    pub(super) price: Vec<i64>,
}

/// Why a pod may not go to a domain; with the number of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Obstacle {
    /// A spread constraint of its own.
    Spread(usize),
    /// Anti-affinity of its own.
    Apart(usize),
    /// Affinity of its own.
    With(usize),
    /// A spread constraint of pods that are there.
    SpreadOfOthers(usize),
    /// Anti-affinity of pods that are there.
    ApartOfOthers(usize),
    /// Limits, or room on existing nodes.
    Full,
    /// No node there holds it.
    Closed,
}

/// So many pods have nothing to gain from sharing nodes with more.
const CROWD: u64 = 64;

/// What speaks against a domain; the least is taken.
type Merit = (u64, i64, bool, i64, u64);

/// The deal so far.
#[derive(Clone)]
pub(super) struct Board<'a> {
    rules: &'a Rules,
    problem: &'a Problem<'a>,
    /// The number of nodes without the label.
    nowhere: usize,
    /// Pods by item and domain.
    pub(super) given: Vec<Vec<u32>>,
    /// Pods left by item.
    pub(super) left: Vec<u32>,
    /// By spread constraint and domain: pods that count at most, at least, and pods that have the constraint.
    high: Vec<Vec<i64>>,
    low: Vec<Vec<i64>>,
    spreading: Vec<Vec<u32>>,
    /// By spread constraint: the emptiest domain's count.
    least: Vec<i64>,
    /// By anti-affinity and domain: pods that have it, and pods that it selects.
    apart: Vec<Vec<u32>>,
    repelled: Vec<Vec<u32>>,
    /// By affinity and domain: pods that it selects; and whether there is any.
    present: Vec<Vec<i64>>,
    anywhere: Vec<bool>,
    /// What the deal leaves of existing nodes.
    rooms: Vec<Amounts>,
    /// By item and domain: the first existing node that may have room.
    next: Vec<Vec<u32>>,
    /// By domain: pods that are there or are tied to one that is.
    filled: Vec<u64>,
}

impl<'a> Board<'a> {
    pub(super) fn new(rules: &'a Rules, problem: &'a Problem<'a>, items: &[Item<'_>], domains: usize) -> Self {
        let nodes = problem.snapshot.nodes().iter();
        // One more: nodes without the label.
        let zeros = |count: usize| vec![vec![0; domains + 1]; count];
        let padded = |running: &[i64]| running.iter().copied().chain([0]).collect::<Vec<i64>>();
        let running: Vec<Vec<i64>> = rules.spreads.iter().map(|one| padded(&one.running)).collect();
        let mut board = Self {
            rules,
            problem,
            nowhere: domains,
            given: zeros(items.len()),
            left: items.iter().map(|item| item.count).collect(),
            high: running.clone(),
            low: running,
            spreading: zeros(rules.spreads.len()),
            least: vec![0; rules.spreads.len()],
            apart: zeros(rules.aparts.len()),
            repelled: zeros(rules.aparts.len()),
            present: rules.withs.iter().map(|with| padded(&with.running)).collect(),
            anywhere: rules.withs.iter().map(|with| with.met).collect(),
            rooms: nodes.map(|node| problem.axis.room(&node.allocatable, &node.requested, &node.host_ports)).collect(),
            next: zeros(items.len()),
            filled: vec![0; domains + 1],
        };
        for rule in 0..rules.spreads.len() {
            board.refresh(rule);
        }
        board
    }

    fn refresh(&mut self, rule: usize) {
        let one = &self.rules.spreads[rule];
        let enough = !one.endless && one.constraint.min_domains.is_none_or(|count| one.universe.len() >= count as usize);
        let least = one.universe.iter().map(|domain| self.low[rule][*domain]).min().filter(|_| enough);
        self.least[rule] = least.unwrap_or(0);
    }

    /// How uneven the rules that count the item would become, were one more in the domain.
    fn imbalance(&self, item: &Item<'_>, domain: usize) -> i64 {
        item.role.counted.iter().map(|(rule, _)| self.high[*rule][domain]).sum()
    }

    /// What keeps one more of an item from a domain.
    pub(super) fn obstacle(&mut self, items: &[Item<'_>], index: usize, domain: usize) -> Option<Obstacle> {
        let item = &items[index];
        if !item.doors.opens(domain) {
            return Some(Obstacle::Closed);
        }
        let role = item.role;
        if domain == self.nowhere {
            // Without the label there is no domain: nothing is counted, and what asks for a domain cannot be there.
            let asks = role.spreads.first().map(|rule| Obstacle::Spread(*rule));
            let asks = asks.or_else(|| role.withs.first().map(|(rule, _)| Obstacle::With(*rule)));
            return asks.or_else(|| self.full(items, index, domain));
        }
        for rule in role.spreads.iter().copied() {
            let itself = i64::from(role.counted.iter().any(|(counted, _)| *counted == rule));
            let skew = self.high[rule][domain] + itself - self.least[rule];
            let one = &self.rules.spreads[rule];
            if skew > i64::from(one.constraint.max_skew) || one.universe.binary_search(&domain).is_err() {
                return Some(Obstacle::Spread(rule));
            }
        }
        for rule in role.aparts.iter().copied() {
            // Its like, and others that the rule selects.
            if self.repelled[rule][domain] > 0 {
                return Some(Obstacle::Apart(rule));
            }
        }
        for (rule, itself) in role.withs.iter().copied() {
            if self.present[rule][domain] == 0 && (self.anywhere[rule] || !itself) {
                return Some(Obstacle::With(rule));
            }
        }
        for (rule, _) in role.counted.iter().copied() {
            let skew = self.high[rule][domain] + 1 - self.least[rule];
            if self.spreading[rule][domain] > 0 && skew > i64::from(self.rules.spreads[rule].constraint.max_skew) {
                return Some(Obstacle::SpreadOfOthers(rule));
            }
        }
        for rule in role.repelled.iter().copied() {
            if self.apart[rule][domain] > 0 {
                return Some(Obstacle::ApartOfOthers(rule));
            }
        }
        self.full(items, index, domain)
    }

    fn full(&mut self, items: &[Item<'_>], index: usize, domain: usize) -> Option<Obstacle> {
        let item = &items[index];
        let capped = item.caps.get(domain).copied().flatten().is_some_and(|cap| self.given_of(items, item.root, domain) >= cap);
        let full = item.doors.new[domain].is_none() && self.existing(items, index, domain).is_none();
        (capped || full).then_some(Obstacle::Full)
    }

    /// Pods of a group, in all its parts, in a domain.
    fn given_of(&self, items: &[Item<'_>], root: usize, domain: usize) -> u32 {
        items.iter().zip(&self.given).filter(|(item, _)| item.root == root).map(|(_, given)| given[domain]).sum()
    }

    /// The existing node of a domain that takes the next pod of an item.
    fn existing(&mut self, items: &[Item<'_>], index: usize, domain: usize) -> Option<usize> {
        let item = &items[index];
        let need = &self.problem.classes[item.root].need;
        let nodes = &item.doors.old[domain];
        let next = &mut self.next[index][domain];
        while let Some(node) = nodes.get(*next as usize) {
            if fits(need, &self.rooms[*node as usize]) {
                return Some(*node as usize);
            }
            *next += 1;
        }
        None
    }

    /// Deals the pods of an item as far as rules allow. Whether any moved.
    pub(super) fn deal(&mut self, items: &[Item<'_>], blocks: &[Block], index: usize) -> bool {
        let before = self.left[index];
        while self.left[index] > 0 {
            let block = self.starts(items, blocks, index);
            let Some(domain) = self.choose(items, block, index) else { break };
            self.filled[domain] += match (block, items[index].block) {
                (Some(block), _) => block.pods.get(domain).copied().unwrap_or(0),
                (None, Some(_)) => 0,
                (None, None) => 1,
            };
            self.put(items, index, domain);
        }
        self.left[index] < before
    }

    /// The block of which the next pod of an item would be the first.
    fn starts<'b>(&self, items: &[Item<'_>], blocks: &'b [Block], index: usize) -> Option<&'b Block> {
        let item = &items[index];
        let mut tied = item.role.withs.iter().map(|(rule, _)| *rule).chain(item.role.wanted.iter().copied());
        let starts = tied.any(|rule| !self.anywhere[rule]);
        item.block.filter(|_| starts).map(|block| &blocks[block])
    }

    /// Where to put the next pod: for the first of a block where most of the block can go, then where it evens out, then where an
    /// existing node has room, then where it is cheapest, and the first of a block at last where fewer crowds are.
    fn choose(&mut self, items: &[Item<'_>], block: Option<&Block>, index: usize) -> Option<usize> {
        let item = &items[index];
        let mut best: Option<(Merit, usize)> = None;
        for domain in 0..self.given[index].len() {
            if !item.doors.opens(domain) || self.obstacle(items, index, domain).is_some() {
                continue;
            }
            let missing = block.map_or(0, |block| u64::MAX - block.pods.get(domain).copied().unwrap_or(0));
            let buys = self.existing(items, index, domain).is_none();
            let price =
                block.map_or_else(|| item.doors.new[domain].unwrap_or(0), |block| block.price.get(domain).copied().unwrap_or(0));
            let filled = block.map_or(0, |_| self.filled[domain] / CROWD);
            let merit = (missing, self.imbalance(item, domain), buys, price, filled);
            if best.is_none_or(|(known, _)| merit < known) {
                best = Some((merit, domain));
            }
        }
        best.map(|(_, domain)| domain)
    }

    fn put(&mut self, items: &[Item<'_>], index: usize, domain: usize) {
        if let Some(node) = self.existing(items, index, domain) {
            take(&mut self.rooms[node], &self.problem.classes[items[index].root].need, 1);
        }
        self.given[index][domain] += 1;
        self.left[index] -= 1;
        self.count(items[index].role, domain, 1);
    }

    /// Enters pods into the books.
    pub(super) fn count(&mut self, role: &Role, domain: usize, pods: u32) {
        if domain == self.nowhere {
            return;
        }
        for rule in &role.spreads {
            self.spreading[*rule][domain] += pods;
        }
        for (rule, surely) in &role.counted {
            self.high[*rule][domain] += i64::from(pods);
            if *surely {
                let low = self.low[*rule][domain];
                self.low[*rule][domain] += i64::from(pods);
                if low == self.least[*rule] {
                    self.refresh(*rule);
                }
            }
        }
        for rule in &role.aparts {
            self.apart[*rule][domain] += pods;
        }
        for rule in &role.repelled {
            self.repelled[*rule][domain] += pods;
        }
        // Affinity selects pods whether they are tied to it or not.
        for rule in role.wanted.iter().copied().chain(role.withs.iter().filter(|(_, itself)| *itself).map(|(rule, _)| *rule)) {
            self.present[rule][domain] += i64::from(pods);
            self.anywhere[rule] = true;
        }
    }

    /// By how many pods a domain exceeds what a spread constraint allows there.
    pub(super) fn excess(&self, rule: usize, domain: usize) -> i64 {
        if self.spreading[rule][domain] == 0 {
            return 0;
        }
        self.high[rule][domain] - self.least[rule] - i64::from(self.rules.spreads[rule].constraint.max_skew)
    }

    /// Pods that a spread constraint counts in a domain, at most.
    pub(super) fn counted(&self, rule: usize, domain: usize) -> i64 {
        self.high[rule][domain]
    }
}
