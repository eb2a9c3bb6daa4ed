//! Rules about domains of any topology key but the host's: topology spread, pod affinity and pod anti-affinity over zones, capacity
//! types, instance types or labels of one's own.
//!
//! Which domain a pod goes to is decided before packing: the pods of each group that such rules touch are dealt to domains, and a group's
//! share of a domain becomes a group of its own that asks for that domain. Packing then needs to know nothing of these rules.
//!
//! ```text
//! groups ─▶ first key ─▶ … ─▶ last key ─▶ groups, each in its domains ─▶ packing
//!              ▲                                                            │ pods without a place
//!              └────────────── what a domain takes at most ◀───────────────┘
//! ```
//!
//! Rules are kept in the strict sense that [`mod@crate::check`] asks of the final plan, so they hold in whatever order pods are bound.

mod attempt;
mod blame;
mod board;
mod rules;
mod terrain;
mod withdraw;

use super::compile::{Draft, compile};
use super::group::Group;
use super::problem::Problem;
use super::slot;
use super::state::State;
use crate::topology::on_host;
use crate::{Charges, Reason, Snapshot};
use rules::{Collector, Rules};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrain::Terrain;

/// How often packing may tell that a domain cannot take its share before pods are left out.
const ROUNDS: u32 = 6;

/// Why pods are not placed: a rule about pods that no domain satisfies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What it comes to.
    pub(super) reason: Reason,
    /// Which rule, and why.
    pub(super) why: String,
    /// Whether the cause may be that domains are full, and not the rule alone.
    pub(super) capped: bool,
}

/// Deals pods of one snapshot, again and again.
pub(super) struct Dealer<'s> {
    draft: Draft<'s>,
    /// Nothing where no rule is about domains other than hosts.
    table: Option<Table<'s>>,
    /// Most pods of a group (before dealing) in a domain, by key.
    caps: BTreeMap<(usize, usize, u32), u32>,
    rounds: u32,
}

struct Table<'s> {
    terrain: Terrain<'s>,
    /// By key.
    rules: Vec<Rules>,
}

impl<'s> Table<'s> {
    fn new(draft: &Draft<'s>, keys: Vec<Arc<str>>) -> Self {
        let count = keys.len();
        let mut terrain = Terrain::new(draft, keys);
        let is_live = |(index, group): (usize, &Group)| {
            let ready = group.shape.unsupported.is_empty() && group.shape.not_ready.is_none() && group.refused.is_none();
            ready && terrain.is_placeable(index)
        };
        let live: Vec<bool> = draft.groups.iter().enumerate().map(is_live).collect();
        let rules = (0..count).map(|key| Collector { draft, terrain: &mut terrain, live: &live, key }.collect()).collect();
        Self { terrain, rules }
    }
}

impl<'s> Dealer<'s> {
    /// Reads `snapshot`.
    pub(super) fn new(snapshot: &'s Snapshot, charges: Charges) -> Self {
        let mut draft = Draft::new(snapshot, charges);
        let keys = rules::keys(&draft.groups);
        let table = (!keys.is_empty()).then(|| {
            refuse_daemons(&mut draft);
            Table::new(&draft, keys)
        });
        Self { draft, table, caps: BTreeMap::new(), rounds: 0 }
    }

    /// The problem with all pods dealt.
    pub(super) fn problem(&self) -> Problem<'s> {
        let Some(table) = &self.table else { return self.compiled(&self.draft.groups) };
        let mut groups = self.draft.groups.clone();
        for (key, rules) in table.rules.iter().enumerate() {
            groups = self.deal(table, key, rules, groups);
        }
        self.compiled(&groups)
    }

    fn compiled(&self, groups: &[Group]) -> Problem<'s> {
        let mut problem = compile(&self.draft, groups);
        slot::choose(&mut problem);
        problem
    }

    /// Whether there are rules about domains.
    pub(super) fn deals(&self) -> bool {
        self.table.is_some()
    }

    /// The problem without rules about domains, for bounds; `None` where there are none.
    pub(super) fn undealt(&self) -> Option<Problem<'s>> {
        self.table.as_ref().map(|_| self.compiled(&self.draft.groups))
    }

    /// Learns from a plan in the making which domains take less than their share. Whether another deal is worth its while.
    pub(super) fn learn(&mut self, problem: &Problem<'_>, state: &State) -> bool {
        if self.table.is_none() || self.rounds >= ROUNDS {
            return false;
        }
        let mut short: BTreeMap<(usize, usize, u32), (u32, u32)> = BTreeMap::new();
        for (class, left) in problem.classes.iter().zip(&state.left) {
            let placed = u32::try_from(class.pods.len()).unwrap_or(u32::MAX) - left;
            for (key, domain) in class.dealt.iter().enumerate().filter_map(|(key, domain)| Some((key, (*domain)?))) {
                let (all, without) = short.entry((class.root, key, domain)).or_default();
                *all += placed;
                *without += left;
            }
        }
        short.retain(|_, (_, without)| *without > 0);
        self.rounds += u32::from(!short.is_empty());
        let news = !short.is_empty();
        self.caps.extend(short.into_iter().map(|(place, (placed, _))| (place, placed)));
        news
    }

    /// Takes pods out of a plan in the making whose rules do not hold, because other pods found no place; says why of each class.
    pub(super) fn withdraw(&self, problem: &mut Problem<'_>, state: &mut State) {
        if let Some(table) = &self.table {
            withdraw::withdraw(table, problem, state);
        }
    }

    fn deal(&self, table: &Table<'s>, key: usize, rules: &Rules, groups: Vec<Group>) -> Vec<Group> {
        let caps = |root: usize| {
            let domains = 0..=table.terrain.values[key].len();
            let cap = |domain: usize| self.caps.get(&(root, key, u32::try_from(domain).ok()?)).copied();
            let all: Vec<Option<u32>> = domains.map(cap).collect();
            if all.iter().all(Option::is_none) { Vec::new() } else { all }
        };
        let mut hands = attempt::best(&table.terrain, key, rules, &groups, &caps).into_iter();
        let mut dealt = Vec::with_capacity(groups.len());
        let mut hand = hands.next();
        for (at, mut group) in groups.into_iter().enumerate() {
            group.dealt.resize(table.rules.len(), None);
            let Some(attempt::Hand { given, why, .. }) = hand.take_if(|hand| hand.at == at) else {
                dealt.push(group);
                continue;
            };
            hand = hands.next();
            let mut rest = &group.pods[..];
            for (domain, count) in given {
                let (pods, others) = rest.split_at(count as usize);
                rest = others;
                let mut part = group.part(pods);
                part.dealt[key] = u32::try_from(domain).ok();
                part.asks.push(table.terrain.requirement(key, domain));
                dealt.push(part);
            }
            if !rest.is_empty() {
                let mut part = group.part(rest);
                part.refused = why;
                dealt.push(part);
            }
        }
        dealt
    }
}

/// Daemon pods come with each node and are not placed by us: rules about domains between them and pods to place are refused.
fn refuse_daemons(draft: &mut Draft<'_>) {
    for daemon in draft.snapshot.daemon_sets() {
        let selected_by = draft.selectors.matching(&daemon.key.namespace, &daemon.labels);
        let guards =
            daemon.shape.topology.anti_affinity.iter().filter(|term| !term.is_preferred() && !on_host(&term.topology_key));
        let guards: Vec<u32> = guards.map(|term| draft.selectors.index(&term.selector)).collect();
        for group in draft.groups.iter_mut().filter(|group| group.refused.is_none()) {
            let topology = &group.shape.topology;
            let against = |selector| selected_by.binary_search(&draft.selectors.index(selector)).is_ok();
            let mut aparts = topology.anti_affinity.iter().filter(|term| !term.is_preferred() && !on_host(&term.topology_key));
            let mut spreads = topology.spread.iter().filter(|one| rules::is_required(one) && !on_host(&one.topology_key));
            let name = &daemon.key;
            let why = if let Some(term) = aparts.find(|term| against(&term.selector)) {
                format!("its anti-affinity over {} to {} is to pods of daemonset {name}, too", term.topology_key, term.selector)
            } else if let Some(one) = spreads.find(|one| against(&one.selector)) {
                format!("its spread of {} over {} counts pods of daemonset {name}, too", one.selector, one.topology_key)
            } else if guards.iter().any(|guard| group.selected_by(*guard)) {
                format!("the anti-affinity of daemonset {name} is to this pod, too")
            } else {
                continue;
            };
            let why = format!("{why}: this kind of rule is not planned yet and never ignored");
            group.refused = Some(Refusal { reason: Reason::NotYetSupported, why, capped: false });
        }
    }
}
