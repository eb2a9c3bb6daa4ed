//! Required pod affinity on the host name: whoever must share a host with others came there after one of them.
//!
//! An order of binding must exist. Pods that ask for nobody are there first, and so is what runs; whoever finds on the host a pod that
//! matches all terms comes next, and so on. Who is left then can only come where kube-scheduler lets a first one begin: it matches its
//! own terms, and nobody else anywhere does.

use super::Violation;
use super::placement::Placements;
use crate::{Labels, NodeName, Plan, PodAffinityTerm, PodShape, Snapshot, label};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pods of one kind on one host.
struct Guest<'a> {
    host: usize,
    node: &'a NodeName,
    name: String,
    namespace: &'a str,
    labels: &'a Labels,
    /// The terms that all must match one pod; empty where it asks for nobody.
    terms: Vec<&'a PodAffinityTerm>,
    count: u64,
    /// Whether it is there, in the order that is being found.
    came: bool,
}

impl Guest<'_> {
    /// Whether a pod of `other` is one that this one asks for.
    fn asks_for(&self, other: &Self) -> bool {
        self.terms.iter().all(|term| term.selector.matches(other.namespace, other.labels))
    }
}

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, placements: &Placements<'_>, violations: &mut Vec<Violation>) {
    let asks = |shape: &PodShape| shape.topology.affinity.iter().any(on_host);
    let placed = placements.existing.iter().chain(&placements.new).flatten();
    if !placed.into_iter().any(|pod| asks(&pod.shape)) {
        return;
    }
    let mut guests = Vec::new();
    let named = on_existing(snapshot, plan, placements, &mut guests);
    on_new(snapshot, plan, placements, named, &mut guests);
    while seat_more(&mut guests) {}
    for guest in guests.iter().filter(|guest| !guest.came) {
        let rule = guest.terms.iter().map(|term| term.selector.to_string()).collect::<Vec<_>>().join(" and ");
        violations.push(Violation::AffinityBroken { node: guest.node.clone(), pod: guest.name.clone(), rule });
    }
}

fn on_host(term: &PodAffinityTerm) -> bool {
    &*term.topology_key == label::HOSTNAME && !term.is_preferred()
}

/// The terms of a pod that must share a host with others: all required ones, whatever they are about, must match one pod.
fn terms(shape: &PodShape) -> Vec<&PodAffinityTerm> {
    let required = shape.topology.affinity.iter().filter(|term| !term.is_preferred());
    if shape.topology.affinity.iter().any(on_host) { required.collect() } else { Vec::new() }
}

/// Returns how many hosts there are. Nodes without a name are no host: who asks for company there does not come.
fn on_existing<'a>(snapshot: &'a Snapshot, plan: &'a Plan, placements: &Placements<'a>, guests: &mut Vec<Guest<'a>>) -> usize {
    let mut hosts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for node in snapshot.nodes() {
        let name = node.labels.get(label::HOSTNAME).map(AsRef::as_ref);
        let next = hosts.len();
        let host = *hosts.entry(name).or_insert(next);
        guests.extend(node.running.iter().map(|running| Guest {
            host: if name.is_some() { host } else { usize::MAX },
            node: &node.name,
            name: String::new(),
            namespace: &running.namespace,
            labels: &running.labels,
            terms: Vec::new(),
            count: u64::from(running.count),
            came: true,
        }));
        for (place, pods) in plan.existing_nodes.iter().zip(&placements.existing).filter(|(place, _)| place.node == node.name) {
            gather(if name.is_some() { host } else { usize::MAX }, &place.node, pods, guests);
        }
    }
    hosts.len()
}

fn on_new<'a>(snapshot: &'a Snapshot, plan: &'a Plan, placements: &Placements<'a>, first: usize, guests: &mut Vec<Guest<'a>>) {
    for (index, (node, pods)) in plan.nodes.iter().zip(&placements.new).enumerate() {
        let daemons = snapshot.daemon_sets().iter().filter(|daemon| node.daemon_set_pods.contains(&daemon.key));
        guests.extend(daemons.map(|daemon| Guest {
            host: first + index,
            node: &node.name,
            name: String::new(),
            namespace: &daemon.key.namespace,
            labels: &daemon.labels,
            terms: Vec::new(),
            count: 1,
            came: true,
        }));
        gather(first + index, &node.name, pods, guests);
    }
}

/// Adds pods, those of one shape, labels and namespace together.
fn gather<'a>(host: usize, node: &'a NodeName, pods: &[&'a crate::Pod], guests: &mut Vec<Guest<'a>>) {
    let start = guests.len();
    let mut known: BTreeMap<(*const PodShape, *const Labels, &str), usize> = BTreeMap::new();
    for pod in pods {
        let key = (Arc::as_ptr(&pod.shape), Arc::as_ptr(&pod.labels), &*pod.key.namespace);
        let index = *known.entry(key).or_insert_with(|| {
            let terms = terms(&pod.shape);
            guests.push(Guest {
                host,
                node,
                name: pod.key.to_string(),
                namespace: &pod.key.namespace,
                labels: &pod.labels,
                came: terms.is_empty(),
                terms,
                count: 0,
            });
            guests.len() - 1
        });
        guests[index].count += 1;
    }
    guests[start..].sort_by(|a, b| a.name.cmp(&b.name));
}

/// Lets come whoever may; where nobody may, one who may begin. Whether anybody came.
fn seat_more(guests: &mut [Guest<'_>]) -> bool {
    let joins = |guest: &Guest<'_>| {
        !guest.came
            && guest.host != usize::MAX
            && guests.iter().any(|other| other.came && other.host == guest.host && guest.asks_for(other))
    };
    let coming: Vec<usize> = (0..guests.len()).filter(|index| joins(&guests[*index])).collect();
    let begins = |guest: &Guest<'_>| {
        !guest.came
            && guest.host != usize::MAX
            && guest.asks_for(guest)
            && !guests.iter().any(|other| other.came && guest.asks_for(other))
    };
    let first = if coming.is_empty() { guests.iter().position(begins) } else { None };
    for index in coming.iter().copied().chain(first) {
        guests[index].came = true;
    }
    !coming.is_empty() || first.is_some()
}
