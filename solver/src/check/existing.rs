//! Pods on nodes that exist.

use super::Violation;
use super::neighbours::Guards;
use super::placement::Placements;
use crate::predicate::{affinity_holds, node_allows, ports_conflict, untolerated, volumes_reachable};
use crate::{Node, Plan, Pod, Resources, Snapshot};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, placements: &Placements<'_>, violations: &mut Vec<Violation>) {
    let position = |name| snapshot.nodes().iter().position(|node| node.name == name);
    let guards = Guards::new(snapshot.nodes());
    let mut last = None;
    for (place, pods) in plan.existing_nodes.iter().zip(&placements.existing) {
        let Some((index, node)) = position(place.node.clone()).and_then(|index| Some((index, snapshot.nodes().get(index)?)))
        else {
            violations.push(Violation::ExistingNodeUnknown { node: place.node.clone() });
            continue;
        };
        if last == Some(index) {
            violations.push(Violation::NodeRepeated { node: node.name.clone() });
        } else if last > Some(index) {
            violations.push(Violation::OrderWrong { list: "existingNodes", at: node.name.to_string() });
        }
        last = last.max(Some(index));
        if place.pods.is_empty() {
            violations.push(Violation::NodeEmpty { node: node.name.clone() });
        }
        if !place.pods.is_sorted() {
            violations.push(Violation::OrderWrong { list: "pods of an existing node", at: node.name.to_string() });
        }
        check_node(node, pods, violations);
        let label = |key: &str| node.labels.get(key).map(AsRef::as_ref);
        violations.extend(pods.iter().filter_map(|pod| guards.broken(pod, &node.name, label)));
    }
}

fn check_node(node: &Node, pods: &[&Pod], violations: &mut Vec<Violation>) {
    if !node.schedulable && !pods.is_empty() {
        violations.push(Violation::ExistingNodeUnschedulable { node: node.name.clone() });
    }
    let mut asked = Resources::new();
    for pod in pods {
        asked.add(&pod.shape.requests);
        for taint in untolerated(&node.taints, &pod.shape.tolerations) {
            violations.push(Violation::TaintNotTolerated { pod: pod.key.clone(), node: node.name.clone(), taint: taint.clone() });
        }
        for requirement in pod.shape.node_selector.iter().filter(|requirement| !node_allows(node, requirement)) {
            violations.push(Violation::SelectorUnmet {
                pod: pod.key.clone(),
                node: node.name.clone(),
                place: "existing".to_owned(),
                requirement: requirement.to_string(),
            });
        }
        if !affinity_holds(&pod.shape, |requirement| node_allows(node, requirement)) {
            let (pod, node) = (pod.key.clone(), node.name.clone());
            violations.push(Violation::AffinityUnmet { pod, node, place: "existing".to_owned() });
        }
        if !volumes_reachable(&pod.shape, |requirement| node_allows(node, requirement)) {
            let (pod, node) = (pod.key.clone(), node.name.clone());
            violations.push(Violation::VolumeUnreachable { pod, node, place: "existing".to_owned() });
        }
    }
    // As in kube-scheduler, only what the added pods ask for is compared: a node that is overfull elsewhere may still take them.
    for (resource, asked) in asked.iter() {
        let room = node.allocatable.get(resource.as_str()).saturating_sub(node.requested.get(resource.as_str()));
        if asked > room {
            let (node, place) = (node.name.clone(), "existing".to_owned());
            violations.push(Violation::ResourceExceeded { node, place, resource: resource.clone(), asked, room });
        }
    }
    check_ports(node, pods, violations);
}

fn check_ports(node: &Node, pods: &[&Pod], violations: &mut Vec<Violation>) {
    let mut taken: Vec<_> = node.host_ports.iter().map(|port| ("a pod that runs there".to_owned(), port)).collect();
    for pod in pods {
        for port in &pod.shape.host_ports {
            if let Some((other, _)) = taken.iter().find(|(_, other)| ports_conflict(port, other)) {
                violations.push(Violation::HostPortConflict {
                    node: node.name.clone(),
                    place: "existing".to_owned(),
                    first: other.clone(),
                    second: pod.key.to_string(),
                    port: port.clone(),
                });
            }
        }
        taken.extend(pod.shape.host_ports.iter().map(|port| (pod.key.to_string(), port)));
    }
}
