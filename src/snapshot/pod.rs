//! Pods: which need a place, what each asks for, and what those that run take up.

pub(super) mod default_spread;
mod leaving;
mod shape;
mod topology;

pub use default_spread::DefaultSpread;
pub(super) use leaving::Leaving;
pub(super) use shape::Shapes;

use super::volume::{self, Volumes};
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::{Inventory, PodSet, spec_path};
use shape::{Note, Translated};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{HostPort, Labels, ObjectKey, Pod, PodAffinityTerm, Resources};

/// A pod that takes up room on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundPod {
    /// Its name.
    pub key: ObjectKey,
    /// What it requests.
    pub requests: Resources,
    /// Its host ports.
    pub host_ports: Vec<HostPort>,
    /// The daemonset that it belongs to.
    pub daemon_set: Option<ObjectKey>,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// Its required anti-affinity.
    pub anti_affinity: Vec<PodAffinityTerm>,
    /// It is being deleted.
    pub terminating: bool,
}

/// What becomes of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It needs a place: it has none, or its node is being deleted.
    Pending,
    /// It succeeded or failed.
    Finished,
    /// It is on a node.
    Bound,
    /// A daemonset or a node brings it along.
    OfNode,
    /// It is being deleted.
    Deleting,
    /// `schedulingGates` hold it back.
    Gated,
}

/// What becomes of the pods of a set.
pub(super) fn standing(set: &PodSet, leaving: &Leaving<'_>) -> Standing {
    let state = &set.state;
    let of_daemon_set = state.controller.as_ref().is_some_and(|owner| owner.kind.as_ref() == "DaemonSet");
    let gated = set.spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    match () {
        () if state.terminal => Standing::Finished,
        () if leaving.moves(set) => Standing::Pending,
        () if state.node.is_some() => Standing::Bound,
        () if state.mirror || of_daemon_set => Standing::OfNode,
        () if state.terminating => Standing::Deleting,
        () if gated => Standing::Gated,
        () => Standing::Pending,
    }
}

/// The pods that need a place. A pod with an error is left out; a warning that many pods share is given once.
pub fn pods(inventory: &Inventory, default_spread: &DefaultSpread) -> (Vec<Pod>, Vec<Diagnostic>) {
    let (mut shapes, volumes) = (Shapes::new(inventory).spread_by_default(default_spread), Volumes::new(inventory));
    let leaving = Leaving::new(inventory);
    let (mut pods, mut found) = (Vec::new(), Vec::new());
    let mut warnings: BTreeMap<(usize, &'static str), (&PodSet, &Place, usize)> = BTreeMap::new();
    for source in inventory.pods.iter().filter(|source| standing(&source.value, &leaving) == Standing::Pending) {
        let set = &source.value;
        let Some(first) = set.keys.first() else { continue };
        let translated = shapes.of_set(set, &first.namespace);
        let kind = kind_of(&set.owner);
        found.extend(translated.errors.iter().map(|note| note.diagnostic(true, &set.owner, kind, &source.place)));
        if !translated.warnings.is_empty() {
            let entry = warnings.entry((Arc::as_ptr(&set.spec).addr(), spec_path(kind))).or_insert((set, &source.place, 0));
            entry.2 += set.keys.len();
        }
        let Some(shape) = translated.shape.clone() else { continue };
        let has_claims = volume::has_claims(set);
        pods.extend(set.keys.iter().map(|key| {
            let own = has_claims.then(|| shapes.share(volumes.needs(set, key).shape(&shape)));
            Pod { key: key.clone(), labels: set.labels.clone(), shape: own.unwrap_or_else(|| shape.clone()) }
        }));
    }
    let mut warned: Vec<_> = warnings.into_values().collect();
    warned.sort_by_key(|(set, place, _)| (*place, set.owner.clone()));
    for (set, place, count) in warned {
        let more = if count > set.keys.len() { format!(" (and {} more pods)", count - set.keys.len()) } else { String::new() };
        let Some(first) = set.keys.first() else { continue };
        found.extend(shapes.of_set(set, &first.namespace).warnings.iter().map(|note| {
            let mut diagnostic = note.diagnostic(false, &set.owner, kind_of(&set.owner), place);
            diagnostic.message.push_str(&more);
            diagnostic
        }));
    }
    (pods, found)
}

/// What is on each node.
pub fn bound(inventory: &Inventory) -> BTreeMap<String, Vec<BoundPod>> {
    let (mut shapes, volumes) = (Shapes::new(inventory), Volumes::new(inventory));
    let leaving = Leaving::new(inventory);
    let mut attached: BTreeMap<&str, BTreeSet<ObjectKey>> = BTreeMap::new();
    let mut by_node: BTreeMap<String, Vec<BoundPod>> = BTreeMap::new();
    let sets = inventory.pods.iter().map(|source| &source.value);
    for set in sets.filter(|set| standing(set, &leaving) == Standing::Bound) {
        let (Some(node), Some(first)) = (&set.state.node, set.keys.first()) else { continue };
        let Translated { requests, host_ports, topology, .. } = shapes.of_set(set, &first.namespace);
        let required = topology.anti_affinity.iter().filter(|term| !term.is_preferred());
        let anti_affinity: Vec<PodAffinityTerm> = required.cloned().collect();
        let owner = set.state.controller.as_ref().filter(|owner| owner.kind.as_ref() == "DaemonSet");
        let attached = attached.entry(node).or_default();
        by_node.entry(node.to_string()).or_default().extend(set.keys.iter().map(|key| {
            let mut requests = requests.clone();
            requests.add(&volumes.taken(set, key, attached));
            BoundPod {
                key: key.clone(),
                requests,
                host_ports: host_ports.clone(),
                daemon_set: owner.map(|owner| ObjectKey::new(key.namespace.clone(), owner.name.clone())),
                labels: set.labels.clone(),
                anti_affinity: anti_affinity.clone(),
                terminating: set.state.terminating,
            }
        }));
    }
    by_node
}

/// `Deployment` of `Deployment/default/web`.
fn kind_of(owner: &str) -> &str {
    owner.split('/').next().unwrap_or_default()
}

impl Note {
    /// The finding on an object of a kind.
    pub(super) fn diagnostic(&self, is_error: bool, owner: &str, kind: &str, place: &Place) -> Diagnostic {
        let made = if is_error { Diagnostic::error(self.message.as_str()) } else { Diagnostic::warning(self.message.as_str()) };
        let made = made.at(place.clone()).on(owner).field(format!("{}.{}", spec_path(kind), self.field));
        match &self.hint {
            Some(hint) => made.hint(hint.as_str()),
            None => made,
        }
    }
}

#[cfg(test)]
mod tests;
