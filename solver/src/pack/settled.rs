//! Rules between pods to place and pods that run: where the latter are is known, so for any topology key but the host, which is looked at
//! pod by pod, anti-affinity becomes labels that a pod must avoid.

use super::group::{Group, Selectors};
use crate::topology::on_host;
use crate::{Node, Operator, Requirement, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pods that run on one node and that no rule tells apart.
#[derive(Debug)]
pub(super) struct Resident {
    /// Index of the node.
    pub(super) node: usize,
    /// How many.
    pub(super) all: u64,
    /// How many of them are not being deleted.
    pub(super) staying: u64,
    /// Selectors that select them, ascending.
    selected: Vec<u32>,
}

/// What runs on existing nodes, as rules see it.
#[derive(Debug, Default)]
pub(super) struct Settled {
    residents: Vec<Resident>,
    /// Indices of residents by selector.
    by_selector: BTreeMap<u32, Vec<usize>>,
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
                let selected = selectors.matching(&running.namespace, &running.labels);
                if !selected.is_empty() {
                    for selector in &selected {
                        made.by_selector.entry(*selector).or_default().push(made.residents.len());
                    }
                    let all = u64::from(running.count);
                    let staying = if running.terminating { 0 } else { all };
                    made.residents.push(Resident { node: index, all, staying, selected });
                }
                for term in running.anti_affinity.iter().filter(|term| !term.is_preferred()) {
                    if !on_host(&term.topology_key)
                        && let Some(value) = node.labels.get(&term.topology_key)
                    {
                        let key = (selectors.index(&term.selector), term.topology_key.clone());
                        made.guarded.entry(key).or_default().insert(value.clone());
                    }
                }
            }
        }
        made
    }

    /// Pods that all of these select.
    pub(super) fn selected_by_all<'a>(&'a self, selectors: &'a [u32]) -> impl Iterator<Item = &'a Resident> + 'a {
        let first = selectors.first().and_then(|first| self.by_selector.get(first));
        let found = first.into_iter().flatten().map(|index| &self.residents[*index]);
        found.filter(|resident| selectors.iter().all(|selector| resident.selected.binary_search(selector).is_ok()))
    }

    /// Nodes with selected pods that a spread constraint counts, and how many.
    pub(super) fn staying(&self, selector: u32) -> impl Iterator<Item = (usize, u64)> + '_ {
        let mut by_node: BTreeMap<usize, u64> = BTreeMap::new();
        for resident in self.by_selector.get(&selector).into_iter().flatten().map(|index| &self.residents[*index]) {
            *by_node.entry(resident.node).or_default() += resident.staying;
        }
        by_node.into_iter().filter(|(_, staying)| *staying > 0)
    }

    /// What a node must satisfy for pods of a group, because of what runs there.
    pub(super) fn requirements(&self, snapshot: &Snapshot, selectors: &Selectors<'_>, group: &Group) -> Vec<Requirement> {
        let mut avoided: BTreeMap<&str, BTreeSet<Arc<str>>> = BTreeMap::new();
        for ((_, key), values) in self.guarded.iter().filter(|((selector, _), _)| group.selected_by(*selector)) {
            avoided.entry(key).or_default().extend(values.iter().cloned());
        }
        let topology = &group.shape.topology;
        let value = |node: usize, key: &str| snapshot.nodes()[node].labels.get(key).cloned();
        for term in topology.anti_affinity.iter().filter(|term| !term.is_preferred() && !on_host(&term.topology_key)) {
            let near = self.by_selector.get(&selectors.index(&term.selector)).into_iter().flatten();
            let values = near.filter_map(|index| value(self.residents[*index].node, &term.topology_key));
            avoided.entry(&term.topology_key).or_default().extend(values);
        }
        let named = avoided.into_iter().filter(|(_, values)| !values.is_empty());
        named
            .filter_map(|(key, values)| Requirement::new(key, Operator::NotIn, &values.into_iter().collect::<Vec<_>>()).ok())
            .collect()
    }
}
