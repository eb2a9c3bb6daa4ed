//! Pods in groups: one shape, and selected by the same rules of the snapshot. What else their labels say decides nothing, so thousands
//! of pods with labels of their own stay few groups.

use super::deal::Refusal;
use crate::{Labels, PodSelector, PodShape, Requirement, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pods that no rule tells apart.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// What each asks for.
    pub(super) shape: Arc<PodShape>,
    /// Which of the [`Selectors`] select them, ascending.
    selected: Vec<u32>,
    /// Their positions in the snapshot, ascending.
    pub(super) pods: Vec<u32>,
    /// What a node must satisfy beside what the shape asks for, because of other pods.
    pub(super) asks: Vec<Requirement>,
    /// The domain dealt to them, by topology key, as a number of the [`super::deal`].
    pub(super) dealt: Vec<Option<u32>>,
    /// Which group of all they were part of before anything was dealt.
    pub(super) root: usize,
    /// Why they are not placed.
    pub(super) refused: Option<Refusal>,
}

impl Group {
    /// Some of its pods.
    pub(super) fn part(&self, pods: &[u32]) -> Self {
        Self { pods: pods.to_vec(), ..self.clone() }
    }

    /// Which of the [`Selectors`] select them, ascending.
    pub(super) fn selected(&self) -> &[u32] {
        &self.selected
    }

    /// Whether a selector, by number, selects them.
    pub(super) fn selected_by(&self, selector: u32) -> bool {
        self.selected.binary_search(&selector).is_ok()
    }
}

/// The distinct selectors of rules about pods, of pods to place, daemonsets and pods that run.
pub(super) struct Selectors<'s> {
    numbers: BTreeMap<&'s PodSelector, u32>,
    list: Vec<&'s PodSelector>,
    /// Selectors that ask for one value of a label, by that: most do.
    by_label: BTreeMap<(&'s str, &'s str), Vec<u32>>,
    rest: Vec<u32>,
}

impl<'s> Selectors<'s> {
    /// Collects them.
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut shapes: BTreeMap<*const PodShape, &PodShape> = BTreeMap::new();
        for pod in snapshot.pods() {
            shapes.entry(Arc::as_ptr(&pod.shape)).or_insert(&pod.shape);
        }
        let pending = shapes.into_values().filter(|shape| !shape.topology.is_empty() && shape.unsupported.is_empty());
        let mut all: BTreeSet<&PodSelector> = BTreeSet::new();
        for shape in pending {
            all.extend(shape.topology.anti_affinity.iter().map(|term| &term.selector));
            all.extend(shape.topology.affinity.iter().map(|term| &term.selector));
            all.extend(shape.topology.spread.iter().map(|one| &one.selector));
            all.extend(shape.topology.company.iter().map(|term| &term.selector));
            all.extend(&shape.topology.same_zone);
        }
        let of_daemons = || snapshot.daemon_sets().iter().map(|daemon| &daemon.shape.topology);
        all.extend(of_daemons().flat_map(|topology| &topology.spread).map(|one| &one.selector));
        let daemons = of_daemons().flat_map(|topology| &topology.anti_affinity);
        let running = snapshot.nodes().iter().flat_map(|node| &node.running).flat_map(|pod| &pod.anti_affinity);
        all.extend(daemons.chain(running).filter(|term| !term.is_preferred()).map(|term| &term.selector));
        let mut made = Self { numbers: BTreeMap::new(), list: Vec::new(), by_label: BTreeMap::new(), rest: Vec::new() };
        for (number, selector) in (0_u32..).zip(all) {
            made.numbers.insert(selector, number);
            made.list.push(selector);
            let one = |requirement: &'s Requirement| match requirement.finite_values().map(|values| values.iter()) {
                Some(mut values) if !requirement.allows_absent() => match (values.next(), values.next()) {
                    (Some(value), None) => Some((requirement.key(), value.as_ref())),
                    _ => None,
                },
                _ => None,
            };
            match selector.labels.iter().flatten().find_map(one) {
                Some(label) => made.by_label.entry(label).or_default().push(number),
                None => made.rest.push(number),
            }
        }
        made
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of a selector of the snapshot; one past the last for any other.
    pub(super) fn index(&self, selector: &PodSelector) -> u32 {
        self.numbers.get(selector).copied().unwrap_or(u32::MAX)
    }

    /// Which select a pod, ascending.
    pub(super) fn matching(&self, namespace: &str, labels: &Labels) -> Vec<u32> {
        let by_label = labels.iter().filter_map(|(key, value)| self.by_label.get(&(key.as_ref(), value.as_ref())));
        let candidates = by_label.flatten().chain(&self.rest).copied();
        let mut found: Vec<u32> = candidates.filter(|number| self.list[*number as usize].matches(namespace, labels)).collect();
        found.sort_unstable();
        found
    }
}

/// The groups, in the order of their first pods.
pub(super) fn groups(snapshot: &Snapshot, selectors: &Selectors<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut known: BTreeMap<(Arc<PodShape>, Vec<u32>), usize> = BTreeMap::new();
    // Pods of one workload share their shape and labels: addresses save deep comparisons and decide nothing.
    let mut by_address: BTreeMap<(*const PodShape, *const Labels, &str), usize> = BTreeMap::new();
    for (position, pod) in (0_u32..).zip(snapshot.pods()) {
        let labels = if selectors.is_empty() { std::ptr::null() } else { Arc::as_ptr(&pod.labels) };
        let namespace = if selectors.is_empty() { "" } else { &*pod.key.namespace };
        let group = *by_address.entry((Arc::as_ptr(&pod.shape), labels, namespace)).or_insert_with(|| {
            let selected = if selectors.is_empty() { Vec::new() } else { selectors.matching(namespace, &pod.labels) };
            *known.entry((pod.shape.clone(), selected.clone())).or_insert_with(|| {
                let root = groups.len();
                let shape = pod.shape.clone();
                let (pods, asks, dealt) = (Vec::new(), Vec::new(), Vec::new());
                groups.push(Group { shape, selected, pods, asks, dealt, root, refused: None });
                root
            })
        });
        groups[group].pods.push(position);
    }
    groups
}
