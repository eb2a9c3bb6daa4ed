//! Rules about pods in one domain of any topology key but the host's, and required affinity over every key: counted from the rules as
//! they are written.
//!
//! They are asked of the final plan: spread constraints and anti-affinity hold whatever the order in which pods are bound; for affinity
//! there is an order in which each pod finds what it asks for. For a spread constraint the domains are those of existing nodes, of the
//! nodes to launch and of every offering of the pools (kube-scheduler knows the first two, Karpenter the last).

mod affinity;
mod universe;

use super::Violation;
use super::ground::Grounds;
use super::placement::Placements;
use crate::plan::PlannedNode;
use crate::predicate::Candidate;
use crate::topology::on_host;
use crate::{
    Labels, Node, NodePool, Plan, Pod, PodAffinityTerm, PodSelector, PodShape, Snapshot, SpreadConstraint, WhenUnsatisfiable,
    label,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Placed pods on one node that no rule tells apart.
pub(super) struct Flock<'a> {
    pub(super) pod: &'a Pod,
    pub(super) place: usize,
    pub(super) count: u64,
}

/// A node with pods of the plan.
pub(super) enum Place<'a> {
    Existing(&'a Node),
    New(&'a PlannedNode, &'a NodePool),
}

/// The plan as rules about domains see it.
pub(super) struct World<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) places: Vec<Place<'a>>,
    pub(super) flocks: Vec<Flock<'a>>,
}

impl<'a> World<'a> {
    fn new(snapshot: &'a Snapshot, plan: &'a Plan, placements: &Placements<'a>) -> Self {
        let mut world = Self { snapshot, places: Vec::new(), flocks: Vec::new() };
        for (place, pods) in plan.existing_nodes.iter().zip(&placements.existing) {
            if let Some(node) = snapshot.nodes().iter().find(|node| node.name == place.node) {
                world.add(Place::Existing(node), pods);
            }
        }
        for (node, pods) in plan.nodes.iter().zip(&placements.new) {
            if let Some(pool) = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool) {
                world.add(Place::New(node, pool), pods);
            }
        }
        world
    }

    fn add(&mut self, place: Place<'a>, pods: &[&'a Pod]) {
        let mut known: BTreeMap<(*const PodShape, *const Labels, &str), usize> = BTreeMap::new();
        for pod in pods {
            let key = (Arc::as_ptr(&pod.shape), Arc::as_ptr(&pod.labels), &*pod.key.namespace);
            let index = *known.entry(key).or_insert_with(|| {
                self.flocks.push(Flock { pod, place: self.places.len(), count: 0 });
                self.flocks.len() - 1
            });
            self.flocks[index].count += 1;
        }
        self.places.push(place);
    }

    /// The labels of a place; those of a node to launch are those of the offering that is bought.
    pub(super) fn labels(&self, place: usize) -> &'a Labels {
        match self.places[place] {
            Place::Existing(node) => &node.labels,
            Place::New(node, _) => &node.labels,
        }
    }

    /// The domain of a place. Every new node is a host of its own.
    pub(super) fn domain(&self, place: usize, key: &str) -> Option<&'a str> {
        match self.places[place] {
            Place::New(node, _) if on_host(key) => Some(node.name.as_str()),
            _ => self.labels(place).get(key).map(AsRef::as_ref),
        }
    }
}

/// Whether a selector selects the pods of a flock.
pub(super) fn selects(selector: &PodSelector, pod: &Pod) -> bool {
    selector.matches(&pod.key.namespace, &pod.labels)
}

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, placements: &Placements<'_>, violations: &mut Vec<Violation>) {
    let world = World::new(snapshot, plan, placements);
    let mut shapes: BTreeMap<*const PodShape, &PodShape> = BTreeMap::new();
    for flock in world.flocks.iter().filter(|flock| !flock.pod.shape.topology.is_empty()) {
        shapes.entry(Arc::as_ptr(&flock.pod.shape)).or_insert(&flock.pod.shape);
    }
    if shapes.is_empty() {
        return;
    }
    // Equal rules of different shapes are asked once for each owner, and counted once.
    let mut spreads: BTreeMap<(&SpreadConstraint, universe::Filter<'_>), BTreeSet<*const PodShape>> = BTreeMap::new();
    let mut aparts: BTreeMap<&PodAffinityTerm, BTreeSet<*const PodShape>> = BTreeMap::new();
    let mut about: BTreeMap<&str, BTreeSet<&PodSelector>> = BTreeMap::new();
    for (address, shape) in &shapes {
        let topology = &shape.topology;
        for one in topology.spread.iter().filter(|one| is_required(one) && !on_host(&one.topology_key)) {
            spreads.entry((one, universe::Filter::new(one, shape))).or_default().insert(*address);
            about.entry(&one.topology_key).or_default().insert(&one.selector);
        }
        for term in topology.anti_affinity.iter().filter(|term| !term.is_preferred() && !on_host(&term.topology_key)) {
            aparts.entry(term).or_default().insert(*address);
            about.entry(&term.topology_key).or_default().insert(&term.selector);
        }
    }
    let mut found = Vec::new();
    open_domains(&world, &about, &mut found);
    for ((one, filter), owners) in &spreads {
        spread(&world, one, filter, owners, &mut found);
    }
    for (term, owners) in &aparts {
        apart(&world, term, owners, &mut found);
    }
    affinity::check(&world, &mut found);
    // Owners are looked up by address: the order of what is found must not depend on it.
    found.sort_by_key(ToString::to_string);
    violations.extend(found);
}

pub(super) fn is_required(one: &SpreadConstraint) -> bool {
    one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule
}

/// Nodes whose domain depends on the offering that EC2 picks, with pods that a rule about that domain is about.
fn open_domains(world: &World<'_>, about: &BTreeMap<&str, BTreeSet<&PodSelector>>, found: &mut Vec<Violation>) {
    let mut about: BTreeMap<&str, BTreeSet<&PodSelector>> = about.clone();
    for flock in &world.flocks {
        let topology = &flock.pod.shape.topology;
        for term in topology.affinity.iter().filter(|term| !term.is_preferred() && !on_host(&term.topology_key)) {
            about.entry(&term.topology_key).or_default();
        }
    }
    let grounds = Grounds::new(world.snapshot);
    for flock in &world.flocks {
        let Place::New(node, pool) = world.places[flock.place] else { continue };
        let Some(index) = world.snapshot.node_pools().iter().position(|one| one.name == pool.name) else { continue };
        for (key, selectors) in &about {
            let topology = &flock.pod.shape.topology;
            let keys = topology.affinity.iter().chain(&topology.anti_affinity).filter(|term| !term.is_preferred());
            let own = keys
                .map(|term| &term.topology_key)
                .chain(topology.spread.iter().filter(|one| is_required(one)).map(|one| &one.topology_key));
            let zone = *key == label::ZONE && !topology.same_zone.is_empty();
            let concerned =
                zone || own.into_iter().any(|own| &**own == *key) || selectors.iter().any(|one| selects(one, flock.pod));
            if !concerned {
                continue;
            }
            let first = node.labels.get(*key).map_or("-", AsRef::as_ref);
            let other = node.alternatives.iter().find_map(|wanted| {
                let (instance_type, offering) = grounds.find(index, wanted)?;
                let candidate = Candidate { pool, instance_type, offering, open: &node.labels };
                candidate.label(key).filter(|value| *value != first)
            });
            if let Some(second) = other {
                found.push(Violation::DomainOpen {
                    node: node.name.clone(),
                    key: (*key).to_owned(),
                    first: first.to_owned(),
                    second: second.to_owned(),
                    pod: flock.pod.key.to_string(),
                });
            }
        }
    }
}

fn spread(
    world: &World<'_>,
    one: &SpreadConstraint,
    filter: &universe::Filter<'_>,
    owners: &BTreeSet<*const PodShape>,
    found: &mut Vec<Violation>,
) {
    let key = &*one.topology_key;
    let mut counts: BTreeMap<&str, u64> = filter.domains(world, key).into_iter().map(|domain| (domain, 0)).collect();
    for node in world.snapshot.nodes() {
        let Some(domain) = node.labels.get(key).filter(|_| filter.counts_node(node)) else { continue };
        let staying = node.running.iter().filter(|running| !running.terminating);
        let selected = staying.filter(|running| one.selector.matches(&running.namespace, &running.labels));
        *counts.entry(domain).or_default() += selected.map(|running| u64::from(running.count)).sum::<u64>();
    }
    for place in 0..world.places.len() {
        if let Some(domain) = world.domain(place, key).filter(|_| filter.counts_place(world, place)) {
            counts.entry(domain).or_default();
        }
    }
    for flock in &world.flocks {
        if let Some(domain) = world.domain(flock.place, key)
            && selects(&one.selector, flock.pod)
            && filter.counts_place(world, flock.place)
        {
            *counts.entry(domain).or_default() += flock.count;
        }
    }
    let enough = one.min_domains.is_none_or(|count| counts.len() >= count as usize);
    let least = counts.values().copied().min().filter(|_| enough).unwrap_or(0);
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for flock in world.flocks.iter().filter(|flock| owners.contains(&Arc::as_ptr(&flock.pod.shape))) {
        let domain = world.domain(flock.place, key).unwrap_or("-");
        let count = counts.get(domain).copied();
        if count.is_none_or(|count| count > least + u64::from(one.max_skew)) && told.insert(domain) {
            found.push(Violation::DomainSpreadBroken {
                pod: flock.pod.key.to_string(),
                key: key.to_owned(),
                domain: domain.to_owned(),
                rule: one.selector.to_string(),
                count: count.unwrap_or(0),
                least,
                max_skew: one.max_skew,
            });
        }
    }
}

fn apart(world: &World<'_>, term: &PodAffinityTerm, owners: &BTreeSet<*const PodShape>, found: &mut Vec<Violation>) {
    let key = &*term.topology_key;
    // By domain: selected pods, one or two of them by name.
    let mut selected: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    for node in world.snapshot.nodes() {
        let near = node.running.iter().filter(|running| term.selector.matches(&running.namespace, &running.labels));
        if let Some(domain) = node.labels.get(key) {
            for running in near {
                let entry = selected.entry(domain).or_default();
                entry.0 += u64::from(running.count);
                entry.1.push(format!("a pod that runs on {}", node.name));
            }
        }
    }
    for flock in world.flocks.iter().filter(|flock| selects(&term.selector, flock.pod)) {
        if let Some(domain) = world.domain(flock.place, key) {
            let entry = selected.entry(domain).or_default();
            entry.0 += flock.count;
            entry.1.push(flock.pod.key.to_string());
        }
    }
    for flock in world.flocks.iter().filter(|flock| owners.contains(&Arc::as_ptr(&flock.pod.shape))) {
        let Some(domain) = world.domain(flock.place, key) else { continue };
        let itself = u64::from(selects(&term.selector, flock.pod));
        let Some((_, names)) = selected.get(domain).filter(|(count, _)| *count > itself) else { continue };
        let own = flock.pod.key.to_string();
        let other = names.iter().find(|name| **name != own).cloned();
        found.push(Violation::DomainApartBroken {
            pod: own,
            key: key.to_owned(),
            domain: domain.to_owned(),
            rule: term.selector.to_string(),
            other: other.unwrap_or_else(|| "another of the same kind".to_owned()),
        });
    }
}
