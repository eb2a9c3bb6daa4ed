//! Required anti-affinity of pods that run: where they are is known, so for any topology key but the host, which is looked at pod by
//! pod, it becomes labels that others must avoid.

use super::group::{Group, Selectors};
use crate::{Node, Operator, Requirement, label};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What runs on existing nodes, as rules see it.
#[derive(Debug, Default)]
pub(super) struct Settled {
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
        for node in nodes {
            for running in &node.running {
                for term in running.anti_affinity.iter().filter(|term| !term.is_preferred()) {
                    if &*term.topology_key != label::HOSTNAME
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

    /// What a node must satisfy for pods of a group, because of what runs there.
    pub(super) fn requirements(&self, group: &Group) -> Vec<Requirement> {
        let mut avoided: BTreeMap<&str, BTreeSet<Arc<str>>> = BTreeMap::new();
        for ((_, key), values) in self.guarded.iter().filter(|((selector, _), _)| group.selected_by(*selector)) {
            avoided.entry(key).or_default().extend(values.iter().cloned());
        }
        let named = avoided.into_iter().filter(|(_, values)| !values.is_empty());
        named
            .filter_map(|(key, values)| Requirement::new(key, Operator::NotIn, &values.into_iter().collect::<Vec<_>>()).ok())
            .collect()
    }
}
