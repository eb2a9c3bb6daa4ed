//! Nodes to launch: each must hold its pods whichever of its offerings EC2 picks, and be described as it will be.

use super::Violation;
use super::ground::{Ground, Grounds};
use super::neighbours::Guards;
use super::placement::{Placements, by_shape};
use super::violation::Shown;
use crate::plan::{OfferingRef, PlannedNode};
use crate::predicate::{Candidate, ports_conflict, untolerated};
use crate::{Labels, NodePool, Plan, Pod, ResourceName, Resources, Snapshot, label};
use std::collections::BTreeSet;
use std::rc::Rc;

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, placements: &Placements<'_>, violations: &mut Vec<Violation>) {
    let mut grounds = Grounds::new(snapshot);
    let guards = Guards::new(snapshot.nodes());
    let mut names = BTreeSet::new();
    let mut last = None;
    for (node, pods) in plan.nodes.iter().zip(&placements.new) {
        if !names.insert(&node.name) {
            violations.push(Violation::NodeRepeated { node: node.name.clone() });
        }
        let Some((index, pool)) = snapshot.node_pools().iter().enumerate().find(|(_, pool)| pool.name == node.node_pool) else {
            violations.push(Violation::NodePoolUnknown { node: node.name.clone(), pool: node.node_pool.clone() });
            continue;
        };
        let place = (index, number(node));
        if Some(place) < last || place.1.is_none() {
            violations.push(Violation::OrderWrong { list: "nodes", at: node.name.to_string() });
        }
        last = last.max(Some(place));
        let mut judge = Judge { node, pool, index, pods, guards: &guards, violations };
        judge.check_shape();
        judge.check_offerings(&mut grounds);
    }
}

/// The index in a node's name `<pool>-<index>`.
fn number(node: &PlannedNode) -> Option<u64> {
    node.name.as_str().strip_prefix(node.node_pool.as_str())?.strip_prefix('-')?.parse().ok()
}

struct Judge<'a, 'v> {
    node: &'a PlannedNode,
    pool: &'a NodePool,
    index: usize,
    pods: &'a [&'a Pod],
    guards: &'v Guards<'a>,
    violations: &'v mut Vec<Violation>,
}

impl<'a> Judge<'a, '_> {
    fn tell(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// What does not depend on the offering.
    fn check_shape(&mut self) {
        let (node, pool) = (self.node, self.pool);
        if let Some(feature) = pool.unsupported.first() {
            self.tell(Violation::NodePoolUnsupported { node: node.name.clone(), pool: pool.name.clone(), feature: *feature });
        }
        if node.pods.is_empty() && pool.replicas.is_none() {
            self.tell(Violation::NodeEmpty { node: node.name.clone() });
        }
        if node.taints != pool.taints {
            self.tell(Violation::TaintsWrong { node: node.name.clone() });
        }
        for (list, sorted) in [
            ("pods of a node", node.pods.is_sorted()),
            ("daemonSetPods of a node", node.daemon_set_pods.is_sorted()),
            ("alternatives of a node", node.alternatives.is_sorted()),
        ] {
            if !sorted {
                self.tell(Violation::OrderWrong { list, at: node.name.to_string() });
            }
        }
        for pod in by_shape(self.pods).values() {
            for taint in untolerated(&pool.taints, &pod.shape.tolerations) {
                let (pod, node) = (pod.key.clone(), node.name.clone());
                self.tell(Violation::TaintNotTolerated { pod, node, taint: taint.clone() });
            }
        }
    }

    fn check_offerings(&mut self, grounds: &mut Grounds<'a>) {
        let node = self.node;
        let Some((instance_type, offering)) = grounds.find(self.index, &node.offering) else {
            self.tell(Violation::OfferingUnknown { node: node.name.clone(), offering: node.offering.clone() });
            return;
        };
        let closed = Labels::new();
        let open = self.check_labels(&Candidate { pool: self.pool, instance_type, offering, open: &closed });
        let mut asked = Resources::new();
        for pod in self.pods {
            asked.add(&pod.shape.requests);
        }
        if let Some(chosen) = grounds.get(self.index, &node.offering, &open) {
            self.check_description(chosen, &asked);
        }
        let shapes = by_shape(self.pods);
        let mut listed = BTreeSet::new();
        for wanted in [&node.offering].into_iter().chain(&node.alternatives) {
            let identity = (&wanted.instance_type, &wanted.zone, wanted.capacity_type);
            if !listed.insert(identity) {
                self.tell(Violation::OfferingRepeated { node: node.name.clone(), offering: wanted.clone() });
                continue;
            }
            if wanted.price < node.offering.price {
                self.tell(Violation::AlternativeCheaper { node: node.name.clone(), offering: wanted.clone() });
            }
            let Some(ground) = grounds.get(self.index, wanted, &open) else {
                self.tell(Violation::OfferingUnknown { node: node.name.clone(), offering: wanted.clone() });
                continue;
            };
            self.check_market(ground, wanted);
            self.check_fit(ground, wanted, &asked);
            for pod in shapes.values() {
                self.check_selection(ground, wanted, pod);
            }
            if !self.guards.is_empty() {
                let candidate = ground.candidate();
                let broken = |pod: &&Pod| self.guards.broken(pod, &node.name, |key| candidate.label(key));
                let broken: Vec<Violation> = self.pods.iter().filter_map(broken).collect();
                self.violations.extend(broken);
            }
        }
    }

    /// Compares the labels with what pool, type and offering define; returns the rest, the values chosen for open labels.
    fn check_labels(&mut self, chosen: &Candidate<'_>) -> Rc<Labels> {
        let expected = chosen.labels();
        let mut open = Labels::new();
        let node = self.node;
        for (key, value) in &node.labels {
            let is_open = chosen.is_open(key) && self.pool.requirements.get(key).is_some();
            match expected.get(key) {
                Some(right) if right == value => {}
                None if is_open => {
                    open.insert(key.clone(), value.clone());
                }
                other => {
                    let expected = other.map_or("-", |value| value).to_owned();
                    self.tell(Violation::LabelWrong {
                        node: node.name.clone(),
                        key: key.to_string(),
                        expected,
                        found: value.to_string(),
                    });
                }
            }
        }
        for (key, value) in expected.iter().filter(|(key, _)| !node.labels.contains_key(*key)) {
            let (node, key) = (node.name.clone(), key.to_string());
            self.tell(Violation::LabelWrong { node, key, expected: value.to_string(), found: "-".to_owned() });
        }
        debug_assert!(!open.contains_key(label::HOSTNAME));
        Rc::new(open)
    }

    /// What the plan says of the chosen offering.
    fn check_description(&mut self, chosen: &Ground<'_>, asked: &Resources) {
        let node = self.node;
        let running: Vec<_> = chosen.daemons.iter().map(|daemon| daemon.key.clone()).collect();
        let mut listed = node.daemon_set_pods.clone();
        listed.sort();
        if listed != running {
            let list = |keys: &[crate::ObjectKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let (expected, found) = (list(&running), list(&node.daemon_set_pods));
            self.tell(Violation::DaemonSetsWrong { node: node.name.clone(), expected, found });
        }
        if let Some((resource, expected, found)) = difference(&chosen.allocatable, &node.allocatable) {
            self.tell(Violation::AllocatableWrong { node: node.name.clone(), resource, expected, found });
        }
        let mut requested = chosen.daemon_requests.clone();
        requested.add(asked);
        if let Some((resource, expected, found)) = difference(&requested, &node.requested) {
            self.tell(Violation::RequestedWrong { node: node.name.clone(), resource, expected, found });
        }
    }

    fn check_market(&mut self, ground: &Ground<'_>, wanted: &OfferingRef) {
        let (node, offering) = (self.node.name.clone(), wanted.clone());
        if let Some(requirement) = ground.excluded_by {
            let (node, offering) = (node.clone(), offering.clone());
            self.tell(Violation::OfferingNotAllowed { node, offering, requirement: requirement.to_string() });
        }
        if !ground.offering.available {
            self.tell(Violation::OfferingUnavailable { node: node.clone(), offering: offering.clone() });
        }
        match ground.offering.price {
            None => self.tell(Violation::OfferingUnpriced { node, offering }),
            Some(price) if price != wanted.price => self.tell(Violation::PriceWrong { node, offering, price }),
            Some(_) => {}
        }
    }

    fn check_fit(&mut self, ground: &Ground<'_>, wanted: &OfferingRef, asked: &Resources) {
        let mut requested = ground.daemon_requests.clone();
        requested.add(asked);
        for (resource, asked) in requested.iter() {
            let room = ground.allocatable.get(resource.as_str());
            if asked > room.max(0) {
                let (node, place) = (self.node.name.clone(), Shown(wanted).to_string());
                self.tell(Violation::ResourceExceeded { node, place, resource: resource.clone(), asked, room });
            }
        }
        let mut taken: Vec<(String, &crate::HostPort)> = Vec::new();
        for pod in self.pods.iter().filter(|pod| !pod.shape.host_ports.is_empty()) {
            if taken.is_empty() {
                taken = ground.daemon_ports.iter().map(|(daemon, port)| (daemon.key.to_string(), *port)).collect();
            }
            for port in &pod.shape.host_ports {
                if let Some((other, _)) = taken.iter().find(|(_, other)| ports_conflict(port, other)) {
                    let (first, second) = (other.clone(), pod.key.to_string());
                    let (node, place) = (self.node.name.clone(), Shown(wanted).to_string());
                    self.tell(Violation::HostPortConflict { node, place, first, second, port: port.clone() });
                }
            }
            taken.extend(pod.shape.host_ports.iter().map(|port| (pod.key.to_string(), port)));
        }
    }

    fn check_selection(&mut self, ground: &mut Ground<'a>, wanted: &OfferingRef, pod: &'a Pod) {
        let verdict = ground.verdict(&pod.shape);
        for requirement in &verdict.selectors {
            self.tell(Violation::SelectorUnmet {
                pod: pod.key.clone(),
                node: self.node.name.clone(),
                place: Shown(wanted).to_string(),
                requirement: requirement.to_string(),
            });
        }
        if !verdict.affinity {
            let (pod, node) = (pod.key.clone(), self.node.name.clone());
            self.tell(Violation::AffinityUnmet { pod, node, place: Shown(wanted).to_string() });
        }
        if !verdict.volumes {
            let (pod, node) = (pod.key.clone(), self.node.name.clone());
            self.tell(Violation::VolumeUnreachable { pod, node, place: Shown(wanted).to_string() });
        }
    }
}

/// The first resource of which the two lists have different amounts.
fn difference(expected: &Resources, found: &Resources) -> Option<(ResourceName, i64, i64)> {
    let names = expected.iter().chain(found.iter()).map(|(name, _)| name);
    names
        .map(|name| (name.clone(), expected.get(name.as_str()), found.get(name.as_str())))
        .find(|(_, expected, found)| expected != found)
}
