//! Which domains there are, and what of them a group of pods can reach: labels of what can be bought and of what exists, as *cells*, one
//! per combination of values of the topology keys.

use super::super::axis::fits;
use super::super::compile::{Draft, Welcome, matching_pods, plain, welcome};
use super::super::existing::accepts;
use super::super::problem::Problem;
use super::super::variant::Variant;
use super::rules::Filter;
use crate::{Node, NodePolicy, Requirement, TaintEffect, label};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Prices are compared per share of a node, in millionths.
const SHARES: i64 = 1_000_000;

/// One domain per topology key: the number of the value, or that of values where nodes lack the label.
type Cell = Box<[u32]>;

/// Where pods of a group can go.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Cells where a new node can hold one, and what one costs there at least.
    new: Vec<(u32, i64)>,
    /// Existing nodes that can hold one, in their order.
    old: Vec<u32>,
}

/// Where pods can go in each domain of one key.
#[derive(Debug)]
pub(super) struct Doors {
    /// By domain: what one pod costs on a new node at least; `None` where none can be had.
    pub(super) new: Vec<Option<i64>>,
    /// By domain: existing nodes that can hold one.
    pub(super) old: Vec<Vec<u32>>,
}

impl Doors {
    /// Whether a domain can hold any.
    pub(super) fn opens(&self, domain: usize) -> bool {
        self.new[domain].is_some() || !self.old[domain].is_empty()
    }
}

/// All domains of a snapshot.
pub(super) struct Terrain<'s> {
    pub(super) problem: Problem<'s>,
    pub(super) keys: Vec<Arc<str>>,
    /// Values by key, sorted: a domain is an index here. One past the last are nodes without the label, which no rule counts.
    pub(super) values: Vec<Vec<Arc<str>>>,
    cells: Vec<Cell>,
    /// By variant and offer.
    offer_cells: Vec<Vec<u32>>,
    /// By existing node.
    node_cells: Vec<u32>,
    /// By group before dealing.
    reach: Vec<Rc<Reach>>,
}

impl<'s> Terrain<'s> {
    /// Surveys the domains of `keys`.
    pub(super) fn new(draft: &Draft<'s>, keys: Vec<Arc<str>>) -> Self {
        let problem = plain(draft, &draft.groups, &choices(draft, &keys));
        let values = keys.iter().map(|key| values(&problem, key)).collect();
        let mut terrain =
            Self { problem, keys, values, cells: Vec::new(), offer_cells: Vec::new(), node_cells: Vec::new(), reach: Vec::new() };
        let mut known: BTreeMap<Cell, u32> = BTreeMap::new();
        let mut number = |cell: Cell| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry(cell).or_insert(next)
        };
        terrain.offer_cells = (0..terrain.problem.variants.len())
            .map(|variant| {
                let offers = terrain.problem.offers[terrain.problem.variants[variant].offers].list.len();
                (0..offers).map(|offer| number(terrain.cell(|key| offer_label(&terrain.problem, variant, offer, key)))).collect()
            })
            .collect();
        let nodes = draft.snapshot.nodes().iter();
        terrain.node_cells = nodes.map(|node| number(terrain.cell(|key| node.labels.get(key).map(AsRef::as_ref)))).collect();
        let mut cells: Vec<(Cell, u32)> = known.into_iter().collect();
        cells.sort_by_key(|(_, number)| *number);
        terrain.cells = cells.into_iter().map(|(cell, _)| cell).collect();
        terrain.reach = terrain.reaches();
        terrain
    }

    fn cell<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> Cell {
        let value = |(key, values): (&Arc<str>, &Vec<Arc<str>>)| {
            let found = label(key).and_then(|wanted| values.binary_search_by(|known| known.as_ref().cmp(wanted)).ok());
            u32::try_from(found.unwrap_or(values.len())).unwrap_or(u32::MAX)
        };
        self.keys.iter().zip(&self.values).map(value).collect()
    }

    fn reaches(&self) -> Vec<Rc<Reach>> {
        let problem = &self.problem;
        let supported = |variant: usize| problem.snapshot.node_pools()[problem.variants[variant].pool].is_launched_from();
        let nodes = problem.snapshot.nodes();
        let rooms: Vec<_> =
            nodes.iter().map(|node| problem.axis.room(&node.allocatable, &node.requested, &node.host_ports)).collect();
        let mut known: BTreeMap<(usize, &[i64]), Rc<Reach>> = BTreeMap::new();
        let mut accepting: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut all = Vec::with_capacity(problem.classes.len());
        for (index, class) in problem.classes.iter().enumerate() {
            let reach = known.entry((class.signature, &class.need)).or_insert_with(|| {
                let mut cheapest: Vec<Option<i64>> = vec![None; self.cells.len()];
                for candidate in problem.candidates.iter().filter(|candidate| supported(candidate.variant)) {
                    let free = problem.free(candidate);
                    if !problem.allows(candidate, index, true) || !fits(&class.need, free) {
                        continue;
                    }
                    let share = share(&class.need, free);
                    let list = &problem.offers[problem.variants[candidate.variant].offers].list;
                    for offer in &problem.offer_indices[candidate.offers.clone()] {
                        let cell = self.offer_cells[candidate.variant][*offer as usize] as usize;
                        let price = list[*offer as usize].price.saturating_mul(share);
                        cheapest[cell] = Some(cheapest[cell].map_or(price, |known| known.min(price)));
                    }
                }
                let new = (0_u32..).zip(cheapest).filter_map(|(cell, price)| Some((cell, price?))).collect();
                let open = accepting.entry(class.signature).or_insert_with(|| {
                    let shape = &problem.signatures[class.signature];
                    (0_u32..).zip(nodes).filter(|(_, node)| accepts(node, shape, true)).map(|(node, _)| node).collect()
                });
                let old = open.iter().copied().filter(|node| fits(&class.need, &rooms[*node as usize])).collect();
                Rc::new(Reach { new, old })
            });
            all.push(reach.clone());
        }
        all
    }

    /// What nodes of a domain satisfy.
    pub(super) fn requirement(&self, key: usize, domain: usize) -> Requirement {
        match self.values[key].get(domain) {
            Some(value) => Requirement::equals(&self.keys[key], value),
            None => Requirement::absent(&self.keys[key]),
        }
    }

    /// Whether pods of a group (before dealing) have any place.
    pub(super) fn is_placeable(&self, root: usize) -> bool {
        !self.reach[root].new.is_empty() || !self.reach[root].old.is_empty()
    }

    /// What pods of a group can reach of the domains of a key, within the domains of other keys that were dealt to them.
    pub(super) fn doors(&self, root: usize, dealt: &[Option<u32>], key: usize) -> Doors {
        let reach = &self.reach[root];
        let within = |cell: &u32| {
            let cell = &self.cells[*cell as usize];
            dealt.iter().zip(cell).all(|(dealt, value)| dealt.is_none_or(|dealt| dealt == *value))
        };
        let count = self.values[key].len() + 1;
        let mut doors = Doors { new: vec![None; count], old: vec![Vec::new(); count] };
        for (cell, price) in reach.new.iter().filter(|(cell, _)| within(cell)) {
            let known = &mut doors.new[self.cells[*cell as usize][key] as usize];
            *known = Some(known.map_or(*price, |known| known.min(*price)));
        }
        for node in &reach.old {
            let cell = self.node_cells[*node as usize];
            if within(&cell) {
                doors.old[self.cells[cell as usize][key] as usize].push(*node);
            }
        }
        doors
    }

    /// The domain of an existing node; `None` where it lacks the label.
    pub(super) fn domain_of(&self, node: usize, key: usize) -> Option<usize> {
        self.domain(self.node_cells[node], key)
    }

    fn domain(&self, cell: u32, key: usize) -> Option<usize> {
        Some(self.cells[cell as usize][key] as usize).filter(|domain| *domain < self.values[key].len())
    }

    /// The domains of a key that nodes which count for `filter` have, or could have, ascending.
    pub(super) fn universe(&mut self, filter: &Filter, key: usize) -> Vec<usize> {
        let mut found = vec![false; self.values[key].len()];
        for variant in 0..self.problem.variants.len() {
            for offer in self.eligible_offers(filter, variant).ones() {
                if let Some(domain) = self.domain(self.offer_cells[variant][offer], key) {
                    found[domain] = true;
                }
            }
        }
        for (node, cell) in self.problem.snapshot.nodes().iter().zip(&self.node_cells) {
            if let Some(domain) = self.domain(*cell, key).filter(|_| eligible(filter, node)) {
                found[domain] = true;
            }
        }
        found.into_iter().enumerate().filter(|(_, found)| *found).map(|(domain, _)| domain).collect()
    }

    /// Whether pools can launch nodes that count for `filter` with values of the key that nobody named: there is always an empty domain.
    pub(super) fn is_endless(&mut self, filter: &Filter, key: usize) -> bool {
        let name = self.keys[key].clone();
        (0..self.problem.variants.len()).any(|variant| {
            let pool = &self.problem.snapshot.node_pools()[self.problem.variants[variant].pool];
            let endless = pool.requirements.get(&name).is_some_and(|one| one.finite_values().is_none());
            let open = endless && !label::is_well_known(&name) && !pool.labels.contains_key(&name);
            open && !self.eligible_offers(filter, variant).is_clear()
        })
    }

    fn eligible_offers(&mut self, filter: &Filter, variant: usize) -> FixedBitSet {
        let problem = &mut self.problem;
        let one = &problem.variants[variant];
        let pool = &problem.snapshot.node_pools()[one.pool];
        let kept_away = filter.taints == NodePolicy::Honor && welcome(&filter.shape, &pool.taints) == Welcome::None;
        let offers = &mut problem.offers[one.offers];
        if !pool.unsupported.is_empty() || kept_away {
            return offers.none();
        }
        let variant = Variant { labels: one.labels.clone(), offers: one.belongs.clone() };
        matching_pods(offers, &variant, &filter.shape)
    }

    /// Whether every node on which pods of a group can be, in whatever domain of the key, counts for `filter`.
    pub(super) fn all_eligible(&mut self, root: usize, filter: &Filter, key: usize) -> bool {
        let signature = self.problem.classes[root].signature;
        let shape = self.problem.signatures[signature].clone();
        for variant in 0..self.problem.variants.len() {
            let one = &self.problem.variants[variant];
            let pool = &self.problem.snapshot.node_pools()[one.pool];
            if !pool.unsupported.is_empty() || welcome(&shape, &pool.taints) == Welcome::None {
                continue;
            }
            let own = Variant { labels: one.labels.clone(), offers: one.belongs.clone() };
            let list = one.offers;
            let mut outside = matching_pods(&mut self.problem.offers[list], &own, &shape);
            outside.difference_with(&self.eligible_offers(filter, variant));
            let in_a_domain = |offer: usize| self.domain(self.offer_cells[variant][offer], key).is_some();
            if outside.ones().any(in_a_domain) {
                return false;
            }
        }
        let nodes = self.problem.snapshot.nodes().iter().zip(&self.node_cells);
        nodes
            .filter(|(_, cell)| self.domain(**cell, key).is_some())
            .all(|(node, _)| !accepts(node, &shape, true) || eligible(filter, node))
    }
}

/// Whether a spread constraint of pods with this filter counts pods on the node.
pub(super) fn eligible(filter: &Filter, node: &Node) -> bool {
    let holds = |one: &Requirement| one.allows(node.labels.get(one.key()).map(AsRef::as_ref));
    let shape = &filter.shape;
    let tolerated =
        |taint: &crate::Taint| taint.effect == TaintEffect::PreferNoSchedule || taint.tolerated_by(&shape.tolerations);
    (filter.taints == NodePolicy::Ignore || node.taints.iter().all(tolerated))
        && shape.node_selector.iter().all(holds)
        && (shape.node_affinity.is_empty() || shape.node_affinity.iter().any(|term| !term.is_empty() && term.iter().all(holds)))
}

/// The largest share of a resource that a pod takes, in millionths.
fn share(need: &[i64], free: &[i64]) -> i64 {
    let shares = need.iter().zip(free).filter(|(need, _)| **need > 0);
    shares.map(|(need, free)| need.saturating_mul(SHARES) / (*free).max(1)).fold(1, i64::max)
}

/// What makes pools launch a variant for every value that they list for one of the keys.
fn choices(draft: &Draft<'_>, keys: &[Arc<str>]) -> Vec<Requirement> {
    let custom = || keys.iter().filter(|key| !label::is_well_known(key));
    let listed = custom().flat_map(|key| {
        let pools = draft.snapshot.node_pools().iter().filter_map(|pool| pool.requirements.get(key));
        let values = pools.filter_map(Requirement::finite_values).flatten();
        values.map(|value| Requirement::equals(key, value)).collect::<Vec<_>>()
    });
    let mut all: Vec<Requirement> = listed.collect();
    all.sort();
    all.dedup();
    all
}

/// The label of a node that an offer of a variant becomes.
fn offer_label<'p>(problem: &'p Problem<'_>, variant: usize, offer: usize, key: &str) -> Option<&'p str> {
    let variant = &problem.variants[variant];
    let offers = &problem.offers[variant.offers];
    offers.value(offers.list[offer], key).or_else(|| variant.labels.get(key).map(AsRef::as_ref))
}

/// All values of a key, sorted.
fn values(problem: &Problem<'_>, key: &str) -> Vec<Arc<str>> {
    let nodes = problem.snapshot.nodes().iter();
    let mut all: BTreeSet<&str> = nodes.filter_map(|node| node.labels.get(key).map(AsRef::as_ref)).collect();
    for (index, variant) in problem.variants.iter().enumerate() {
        all.extend(variant.belongs.ones().filter_map(|offer| offer_label(problem, index, offer, key)));
    }
    all.into_iter().map(Arc::from).collect()
}
