//! Rules between pods to place and pods that run: where the latter are is known, so for any topology key these rules become labels
//! that a pod must avoid.

use super::group::{Group, Selectors};
use crate::{Node, Operator, Requirement, Snapshot, label};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What runs on existing nodes, as rules see it.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Pods by selector and node: all, and those that are not being deleted.
    census: BTreeMap<u32, BTreeMap<usize, (u64, u64)>>,
    /// Values of a topology key that pods of a selector must avoid, because of anti-affinity of pods that run there.
    guarded: BTreeMap<(u32, Arc<str>), BTreeSet<Arc<str>>>,
}

impl Settled {
    /// Counts.
    pub(super) fn new(nodes: &[Node], selectors: &Selectors<'_>) -> Self {
        let mut made = Self::default();
        if selectors.is_empty() {
            return made;
        }
        for (index, node) in nodes.iter().enumerate() {
            for running in &node.running {
                for selector in selectors.matching(&running.namespace, &running.labels) {
                    let (all, staying) = made.census.entry(selector).or_default().entry(index).or_default();
                    *all += u64::from(running.count);
                    *staying += if running.terminating { 0 } else { u64::from(running.count) };
                }
                for term in running.anti_affinity.iter().filter(|term| !term.is_preferred()) {
                    if let Some(value) = node.labels.get(&term.topology_key) {
                        let key = (selectors.index(&term.selector), term.topology_key.clone());
                        made.guarded.entry(key).or_default().insert(value.clone());
                    }
                }
            }
        }
        made
    }

    /// Nodes with selected pods that a spread constraint counts, and how many.
    pub(super) fn staying(&self, selector: u32) -> impl Iterator<Item = (usize, u64)> + '_ {
        let nodes = self.census.get(&selector).into_iter().flatten();
        nodes.map(|(node, (_, staying))| (*node, *staying)).filter(|(_, staying)| *staying > 0)
    }

    /// What a node must satisfy for pods of a group, because of what runs there.
    pub(super) fn requirements(&self, snapshot: &Snapshot, selectors: &Selectors<'_>, group: &Group) -> Vec<Requirement> {
        let mut avoided: BTreeMap<&str, BTreeSet<Arc<str>>> = BTreeMap::new();
        for ((_, key), values) in self.guarded.iter().filter(|((selector, _), _)| group.selected_by(*selector)) {
            avoided.entry(key).or_default().extend(values.iter().cloned());
        }
        let topology = &group.shape.topology;
        let mut avoid = |nodes: &mut dyn Iterator<Item = usize>| {
            let hosts = nodes.filter_map(|node| snapshot.nodes()[node].labels.get(label::HOSTNAME).cloned());
            avoided.entry(label::HOSTNAME).or_default().extend(hosts);
        };
        for term in &topology.anti_affinity {
            avoid(&mut self.census.get(&selectors.index(&term.selector)).into_iter().flatten().map(|(node, _)| *node));
        }
        for one in &topology.spread {
            let selector = selectors.index(&one.selector);
            let most = u64::from(one.max_skew).saturating_sub(u64::from(group.selected_by(selector)));
            avoid(&mut self.staying(selector).filter(|(_, staying)| *staying > most).map(|(node, _)| node));
        }
        let named = avoided.into_iter().filter(|(_, values)| !values.is_empty());
        let mut all: Vec<Requirement> = named
            .filter_map(|(key, values)| Requirement::new(key, Operator::NotIn, &values.into_iter().collect::<Vec<_>>()).ok())
            .collect();
        if !topology.spread.is_empty() {
            // A node without the label is no domain: kube-scheduler places no pod there.
            all.extend(Requirement::new(label::HOSTNAME, Operator::Exists, &[] as &[&str]));
        }
        all
    }
}
