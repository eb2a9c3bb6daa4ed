//! Rules of pods about the pods on the same host, and of pods that run about every pod that comes near, read from the rules as they
//! are written and asked of each pair.
//!
//! A pod's rules are asked of the final plan and not in some order of binding. A new node is always possible, so for a spread over hosts
//! the emptiest host counts as empty: `maxSkew` bounds the number itself (Karpenter does the same).

use super::Violation;
use super::placement::Placements;
use crate::{
    DaemonSet, Labels, Node, NodeName, Plan, Pod, PodSelector, PodShape, Snapshot, SpreadConstraint, WhenUnsatisfiable, label,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Pods on one host that no rule tells apart.
struct Resident<'a> {
    /// One of them, for the message.
    name: String,
    namespace: &'a str,
    labels: &'a Labels,
    /// Rules that the plan must keep: none for a pod that runs, whose anti-affinity is asked elsewhere.
    shape: Option<&'a PodShape>,
    count: u64,
    /// Whether spread constraints count them.
    counted: bool,
    /// Whether the plan places them: rules among daemon pods are not its concern.
    placed: bool,
}

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, placements: &Placements<'_>, violations: &mut Vec<Violation>) {
    let ruled = |pods: &Vec<&Pod>| pods.iter().any(|pod| !pod.shape.topology.is_empty());
    let existing = || plan.existing_nodes.iter().zip(&placements.existing);
    for (place, _) in existing().filter(|(_, pods)| ruled(pods)) {
        let Some(node) = snapshot.nodes().iter().find(|node| node.name == place.node) else { continue };
        let host = node.labels.get(label::HOSTNAME);
        let mut residents = Vec::new();
        for other in snapshot.nodes().iter().filter(|other| other.labels.get(label::HOSTNAME) == host) {
            let running = other.running.iter().map(|running| Resident {
                name: format!("a pod that runs on {}", other.name),
                namespace: &running.namespace,
                labels: &running.labels,
                shape: None,
                count: u64::from(running.count),
                counted: !running.terminating,
                placed: false,
            });
            residents.extend(running);
            let placed = existing().filter(|(place, _)| place.node == other.name);
            residents.extend(placed.flat_map(|(_, pods)| together(pods)));
        }
        judge(&node.name, host.is_some(), &residents, violations);
    }
    for (node, pods) in plan.nodes.iter().zip(&placements.new) {
        let daemons = || snapshot.daemon_sets().iter().filter(|daemon| node.daemon_set_pods.contains(&daemon.key));
        if ruled(pods) || daemons().any(|daemon| !daemon.shape.topology.is_empty()) {
            let mut residents = together(pods);
            residents.extend(daemons().map(of_daemon));
            judge(&node.name, true, &residents, violations);
        }
    }
}

fn together<'a>(pods: &[&'a Pod]) -> Vec<Resident<'a>> {
    let mut known: BTreeMap<(*const PodShape, *const Labels, &str), Resident<'a>> = BTreeMap::new();
    for pod in pods {
        let key = (Arc::as_ptr(&pod.shape), Arc::as_ptr(&pod.labels), &*pod.key.namespace);
        let resident = known.entry(key).or_insert_with(|| Resident {
            name: pod.key.to_string(),
            namespace: &pod.key.namespace,
            labels: &pod.labels,
            shape: Some(&pod.shape),
            count: 0,
            counted: true,
            placed: true,
        });
        resident.count += 1;
    }
    let mut all: Vec<Resident<'a>> = known.into_values().collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn of_daemon(daemon: &DaemonSet) -> Resident<'_> {
    Resident {
        name: format!("daemonset {}", daemon.key),
        namespace: &daemon.key.namespace,
        labels: &daemon.labels,
        shape: Some(&daemon.shape),
        count: 1,
        counted: true,
        placed: false,
    }
}

/// Asks each resident's rules of all residents.
fn judge(node: &NodeName, is_host: bool, residents: &[Resident<'_>], violations: &mut Vec<Violation>) {
    for (index, resident) in residents.iter().enumerate() {
        let Some(shape) = resident.shape else { continue };
        let on_host = |key: &Arc<str>| &**key == label::HOSTNAME;
        let apart = shape.topology.anti_affinity.iter().filter(|term| on_host(&term.topology_key) && !term.is_preferred());
        for term in apart {
            let meets = |(other_index, other): &(usize, &Resident<'_>)| {
                term.selector.matches(other.namespace, other.labels)
                    && (*other_index != index || other.count > 1)
                    && (resident.placed || other.placed)
            };
            if let Some((_, other)) = residents.iter().enumerate().find(meets) {
                violations.push(Violation::AntiAffinityBroken {
                    node: node.clone(),
                    pod: resident.name.clone(),
                    other: other.name.clone(),
                    rule: term.selector.to_string(),
                });
            }
        }
        let binding = |one: &&SpreadConstraint| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
        for one in shape.topology.spread.iter().filter(|one| on_host(&one.topology_key)).filter(binding) {
            let counted = |other: &&Resident<'_>| other.counted && one.selector.matches(other.namespace, other.labels);
            let count: u64 = residents.iter().filter(counted).map(|other| other.count).sum();
            let concerns = resident.placed || residents.iter().any(|other| other.placed && counted(&other));
            if concerns && (count > u64::from(one.max_skew) || !is_host) {
                let (pod, rule) = (resident.name.clone(), one.selector.to_string());
                violations.push(Violation::SpreadBroken { node: node.clone(), pod, rule, count, max_skew: one.max_skew });
            }
        }
    }
}

/// Required anti-affinity of pods that run, by the label of nodes that it is about and its value.
#[derive(Default)]
pub(super) struct Guards<'a>(BTreeMap<&'a str, BTreeMap<&'a str, Vec<Guard<'a>>>>);

/// Pods that stay away, and the node from which.
type Guard<'a> = (&'a PodSelector, &'a NodeName);

impl<'a> Guards<'a> {
    pub(super) fn new(nodes: &'a [Node]) -> Self {
        let mut all = Self::default();
        for node in nodes {
            for term in node.running.iter().flat_map(|running| &running.anti_affinity).filter(|term| !term.is_preferred()) {
                if let Some(value) = node.labels.get(&term.topology_key) {
                    let here = all.0.entry(&term.topology_key).or_default().entry(value).or_default();
                    if here.iter().all(|(known, _)| **known != term.selector) {
                        here.push((&term.selector, &node.name));
                    }
                }
            }
        }
        all
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that a pod breaks on a node with these labels.
    pub(super) fn broken<'l>(&self, pod: &Pod, node: &NodeName, label: impl Fn(&str) -> Option<&'l str>) -> Option<Violation> {
        let near = self.0.iter().filter_map(|(key, values)| values.get(label(key)?)).flatten();
        let mut selecting = near.filter(|(selector, _)| selector.matches(&pod.key.namespace, &pod.labels));
        let (selector, owner) = selecting.next()?;
        Some(Violation::AntiAffinityBroken {
            node: node.clone(),
            pod: format!("a pod that runs on {owner}"),
            other: pod.key.to_string(),
            rule: selector.to_string(),
        })
    }
}
