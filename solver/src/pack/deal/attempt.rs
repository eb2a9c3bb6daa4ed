//! The order in which groups are dealt. Where some find no domain, they go earlier and all is dealt again; the best deal counts.

use super::super::group::Group;
use super::Refusal;
use super::blame::blame;
use super::board::{Block, Board, Item};
use super::rules::Rules;
use super::terrain::Terrain;
use std::cmp::Reverse;

/// More deals of one key are not tried.
const ATTEMPTS: u32 = 12;

/// Pods that a further attempt may move, in all: bounds the work on large snapshots.
const MOVES: usize = 60_000;

/// Pods without a domain by priority, the highest first.
type Stuck = Vec<(Reverse<i32>, u64)>;

/// What a group got.
pub(super) struct Hand {
    /// Position among the groups.
    pub(super) at: usize,
    /// Domains with their pods.
    pub(super) given: Vec<(usize, u32)>,
    /// Why pods are left over.
    pub(super) why: Option<Refusal>,
}

/// Deals the groups that rules about a key touch; in their order.
pub(super) fn best(
    terrain: &Terrain<'_>,
    key: usize,
    rules: &Rules,
    groups: &[Group],
    caps: &dyn Fn(usize) -> Vec<Option<u32>>,
) -> Vec<Hand> {
    let touched = groups.iter().enumerate().filter(|(_, group)| group.refused.is_none() && !rules.roles[group.root].is_empty());
    let mut items: Vec<Item<'_>> = touched
        .map(|(at, group)| Item {
            at,
            root: group.root,
            priority: group.shape.priority,
            role: &rules.roles[group.root],
            doors: terrain.doors(group.root, &group.dealt, key),
            count: u32::try_from(group.pods.len()).unwrap_or(u32::MAX),
            caps: caps(group.root),
            block: None,
        })
        .collect();
    let domains = terrain.values[key].len();
    let blocks = blocks(rules, &mut items, domains);
    let fresh = Board::new(rules, &terrain.problem, &items, domains);
    let mut urgency = vec![0_u32; items.len()];
    let mut best: Option<(Stuck, Board<'_>)> = None;
    let pods: usize = items.iter().map(|item| item.count as usize).sum();
    let attempts = (MOVES / pods.max(1)).clamp(1, ATTEMPTS as usize);
    for _ in 0..attempts {
        let mut board = fresh.clone();
        run(&mut board, rules, &items, &blocks, &urgency);
        let stuck = stuck(&board, &items);
        for (index, left) in board.left.iter().enumerate() {
            urgency[index] += u32::from(*left > 0);
        }
        let done = stuck.iter().all(|(_, count)| *count == 0);
        if best.as_ref().is_none_or(|(known, _)| stuck < *known) {
            best = Some((stuck, board));
        }
        if done {
            break;
        }
    }
    let Some((_, mut board)) = best else { return Vec::new() };
    let hand = |index: usize| {
        let given = board.given[index].iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
        let why = (board.left[index] > 0).then(|| blame(&mut board, terrain, key, rules, &items, index));
        Hand { at: items[index].at, given, why }
    };
    (0..items.len()).map(hand).collect()
}

/// Deals everything once, and what found no domain again as long as something moves.
fn run(board: &mut Board<'_>, rules: &Rules, items: &[Item<'_>], blocks: &[Block], urgency: &[u32]) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_cached_key(|index| {
        let item = &items[*index];
        let open = (0..item.doors.new.len()).filter(|domain| item.doors.opens(*domain)).count();
        let slack = item.role.spreads.iter().map(|rule| rules.spreads[*rule].constraint.max_skew).min();
        let rank = (Reverse(urgency[*index]), rank(item, open), Reverse(item.priority));
        (rank, open, Reverse(slack), Reverse(item.count), *index)
    });
    let mut waiting = order;
    loop {
        let before = waiting.len();
        let mut moved = false;
        waiting.retain(|index| {
            moved |= board.deal(items, blocks, *index);
            board.left[*index] > 0
        });
        if waiting.is_empty() || (!moved && waiting.len() == before) {
            break;
        }
    }
}

/// Who has no choice goes first, then who is tied to others, then who needs a domain for itself, then who is only counted, and last
/// who evens out.
fn rank(item: &Item<'_>, open: usize) -> u8 {
    match item.role {
        role if !role.has_rule() && open <= 1 => 0,
        role if !role.has_rule() && !role.wanted.is_empty() => 1,
        role if !role.withs.is_empty() => 2,
        role if !role.aparts.is_empty() => 3,
        role if !role.has_rule() => 4,
        _ => 5,
    }
}

/// Pods without a domain by priority, the highest first; every priority is listed.
fn stuck(board: &Board<'_>, items: &[Item<'_>]) -> Stuck {
    let all = items.iter().zip(&board.left).map(|(item, left)| (Reverse(item.priority), u64::from(*left)));
    let mut all: Stuck = all.collect();
    all.sort_unstable();
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0 };
        same
    });
    all
}

/// Ties items together that need each other because nothing that their affinity selects runs yet.
fn blocks(rules: &Rules, items: &mut [Item<'_>], domains: usize) -> Vec<Block> {
    let mut parent: Vec<usize> = (0..items.len()).collect();
    let mut first: Vec<Option<usize>> = vec![None; rules.withs.len()];
    for (index, item) in items.iter().enumerate() {
        let role = item.role;
        for rule in role.withs.iter().map(|(rule, _)| *rule).chain(role.wanted.iter().copied()) {
            if rules.withs[rule].met {
                continue;
            }
            let other = *first[rule].get_or_insert(index);
            let (a, b) = (root(&mut parent, index), root(&mut parent, other));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut numbers: Vec<Option<usize>> = vec![None; items.len()];
    let mut blocks: Vec<Block> = Vec::new();
    for index in 0..items.len() {
        if items[index].role.withs.is_empty() && items[index].role.wanted.is_empty() {
            continue;
        }
        let number = *numbers[root(&mut parent, index)].get_or_insert_with(|| {
            blocks.push(Block { pods: vec![0; domains], price: vec![0; domains] });
            blocks.len() - 1
        });
        items[index].block = Some(number);
        let item = &items[index];
        for domain in (0..domains).filter(|domain| item.doors.opens(*domain)) {
            blocks[number].pods[domain] += u64::from(item.count);
            let price = item.doors.new[domain].unwrap_or(0).saturating_mul(i64::from(item.count));
            blocks[number].price[domain] = blocks[number].price[domain].saturating_add(price);
        }
    }
    blocks
}

fn root(parent: &mut [usize], mut index: usize) -> usize {
    while parent[index] != index {
        parent[index] = parent[parent[index]];
        index = parent[index];
    }
    index
}
