//! Pods that the algorithm cannot tell apart, and what they give up, one preference after the other, before they stay without a place.

use super::domain::{Domains, Reach};
use super::rule::{Kind, Rule, counted_nodes};
use crate::{Labels, PodAffinityTerm, PodShape, Preference, PreferencePolicy, Requirement, Snapshot, WhenUnsatisfiable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pods of one shape that the same rules are about.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) shape: Arc<PodShape>,
    /// Positions in the snapshot, ascending.
    pub(super) pods: Vec<u32>,
    /// What they insist on, at first and after each preference that is given up; the last tolerates `PreferNoSchedule`.
    pub(super) stances: Vec<Stance>,
    /// Rules that count them, ascending.
    pub(super) counted: Vec<usize>,
    /// Rules of others that keep them away.
    pub(super) guarded: Vec<usize>,
    /// Rules of their own that keep others away.
    pub(super) guards: Vec<usize>,
}

impl Class {
    /// Whether a rule is about the pods themselves.
    pub(super) fn counts_for(&self, rule: usize) -> bool {
        self.counted.binary_search(&rule).is_ok()
    }
}

/// What pods of a class insist on.
#[derive(Debug)]
pub(super) struct Stance {
    /// The requirements on nodes.
    pub(super) shape: Arc<PodShape>,
    /// Whether `PreferNoSchedule` no longer counts.
    pub(super) relaxed: bool,
    /// Rules that are asked.
    pub(super) rules: Vec<usize>,
    /// By topology key: where the pod's selector and affinity let it be.
    pub(super) pod: Vec<Option<Reach>>,
    /// The same, with its volumes.
    pub(super) node: Vec<Option<Reach>>,
}

/// The distinct rules of a snapshot, numbered.
#[derive(Debug, Default)]
pub(super) struct Book<'s> {
    pub(super) rules: Vec<Rule<'s>>,
    numbers: BTreeMap<Rule<'s>, usize>,
}

impl<'s> Book<'s> {
    /// The rules of pods to place, and the guards of pods that run.
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut book = Self::default();
        let mut shapes: BTreeMap<*const PodShape, &PodShape> = BTreeMap::new();
        for pod in snapshot.pods() {
            shapes.entry(Arc::as_ptr(&pod.shape)).or_insert(&pod.shape);
        }
        let mut all: BTreeSet<Rule<'s>> = BTreeSet::new();
        for shape in shapes.into_values().filter(|shape| !shape.topology.is_empty() && shape.unsupported.is_empty()) {
            all.extend(guards(&shape.topology.anti_affinity));
            all.extend(soft_and_hard(shape).into_iter().map(|(rule, _)| rule));
        }
        let running = snapshot.nodes().iter().flat_map(|node| &node.running);
        all.extend(running.flat_map(|pod| guards(&pod.anti_affinity)));
        for rule in all {
            book.numbers.insert(rule.clone(), book.rules.len());
            book.rules.push(rule);
        }
        book
    }

    /// The number of a rule.
    pub(super) fn number(&self, rule: &Rule<'_>) -> Option<usize> {
        self.numbers.get(rule).copied()
    }

    /// Rules that are about a pod.
    pub(super) fn about(&self, namespace: &str, labels: &Labels) -> Concern {
        let matching = (0..self.rules.len()).filter(|number| self.rules[*number].selector.matches(namespace, labels));
        matching.partition(|number| self.rules[*number].kind != Kind::Guard)
    }

    /// The classes, in the order of their first pods.
    pub(super) fn classes(&self, snapshot: &Snapshot, relaxable: bool, policy: PreferencePolicy) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::new();
        let mut by_labels = BTreeMap::new();
        let mut known: BTreeMap<(Arc<PodShape>, Concern), usize> = BTreeMap::new();
        // Pods of one workload share their shape and labels: addresses save deep comparisons and decide nothing.
        let mut by_address: BTreeMap<(*const PodShape, *const Labels, &str), usize> = BTreeMap::new();
        for (position, pod) in (0_u32..).zip(snapshot.pods()) {
            let (labels, namespace) = (Arc::as_ptr(&pod.labels), &*pod.key.namespace);
            let ruled = if self.rules.is_empty() { (std::ptr::null(), "") } else { (labels, namespace) };
            let address = (Arc::as_ptr(&pod.shape), ruled.0, ruled.1);
            let class = *by_address.entry(address).or_insert_with(|| {
                let concern = by_labels.entry((&*pod.key.namespace, &*pod.labels));
                let concern = concern.or_insert_with(|| self.about(&pod.key.namespace, &pod.labels)).clone();
                *known.entry((pod.shape.clone(), concern)).or_insert_with_key(|(shape, (counted, guarded))| {
                    let own = guards(&shape.topology.anti_affinity);
                    let mut guards: Vec<usize> = own.filter_map(|rule| self.number(&rule)).collect();
                    guards.dedup();
                    let (counted, guarded) = (counted.clone(), guarded.clone());
                    let stances = self.stances(shape, relaxable, policy);
                    classes.push(Class { shape: shape.clone(), pods: Vec::new(), stances, counted, guarded, guards });
                    classes.len() - 1
                })
            });
            classes[class].pods.push(position);
        }
        classes
    }

    /// What the pods insist on: with all preferences, then one less after the other; last of all, taints that only prefer count no more.
    fn stances(&self, shape: &Arc<PodShape>, relaxable: bool, policy: PreferencePolicy) -> Vec<Stance> {
        let all = soft_and_hard(shape);
        let order = shape.preferences();
        let stance = |kept: &[Preference<'_>], relaxed| {
            let asked = all.iter().filter(|(_, preference)| preference.is_none_or(|one| kept.contains(&one)));
            let mut rules: Vec<usize> = asked.filter_map(|(rule, _)| self.number(rule)).collect();
            rules.sort_unstable();
            rules.dedup();
            let heaviest = kept.iter().find_map(|one| match one {
                Preference::Node(one) => Some(one.requirements.clone()),
                _ => None,
            });
            let shape = heaviest.map_or_else(
                || shape.clone(),
                // Like what volumes ask for, it narrows the node and not the domains that the pod's spread counts (Karpenter).
                |term| {
                    let mut narrowed = PodShape::clone(shape);
                    narrowed.volume_topology.push(vec![term]);
                    Arc::new(narrowed)
                },
            );
            Stance { shape, relaxed, rules, pod: Vec::new(), node: Vec::new() }
        };
        let first = if policy == PreferencePolicy::Respect { 0 } else { order.len() };
        let mut stances: Vec<Stance> = (first..=order.len()).map(|dropped| stance(&order[dropped..], false)).collect();
        stances.extend(relaxable.then(|| stance(&[], true)));
        stances
    }
}

impl Stance {
    /// Notes where labels of topology keys let the pods be.
    pub(super) fn locate(&mut self, domains: &Domains) {
        let Self { shape, pod, node, .. } = self;
        for (key, name) in domains.keys() {
            let holds = |all: &[Requirement], value: Option<&str>| {
                all.iter().filter(|one| one.key() == &**name).all(|one| one.allows(value))
            };
            let any =
                |terms: &[Vec<Requirement>], value: Option<&str>| terms.iter().any(|term| !term.is_empty() && holds(term, value));
            let chosen = |value: Option<&str>| {
                holds(&shape.node_selector, value) && (shape.node_affinity.is_empty() || any(&shape.node_affinity, value))
            };
            let asks = |all: &[Requirement]| all.iter().any(|one| one.key() == &**name);
            let asked = asks(&shape.node_selector) || shape.node_affinity.iter().any(|term| asks(term));
            let volumes = shape.volume_topology.iter().flatten().any(|term| asks(term));
            pod.push(asked.then(|| domains.reach(key, chosen)));
            let usable = |value: Option<&str>| chosen(value) && shape.volume_topology.iter().all(|terms| any(terms, value));
            node.push((asked || volumes).then(|| domains.reach(key, usable)));
        }
    }
}

/// Rules that count a pod, and those that keep it away.
type Concern = (Vec<usize>, Vec<usize>);

/// The rules of a shape that are asked of its own pods, with the preference that each is, if it is one.
fn soft_and_hard(shape: &PodShape) -> Vec<(Rule<'_>, Option<Preference<'_>>)> {
    let topology = &shape.topology;
    let rule = |term: &'_ PodAffinityTerm, kind| (term.topology_key.clone(), kind);
    let with = topology.affinity.iter().map(|one| (one, rule(one, Kind::With), Preference::Affinity(one)));
    let apart = topology.anti_affinity.iter().map(|one| (one, rule(one, Kind::Apart), Preference::AntiAffinity(one)));
    let terms = with.chain(apart).map(|(one, (key, kind), preference)| {
        let soft = one.is_preferred().then_some(preference);
        (Rule { key, kind, selector: &one.selector, counted_nodes: None }, soft)
    });
    let spread = topology.spread.iter().map(|one| {
        let kind = Kind::Spread { max_skew: one.max_skew, min_domains: one.min_domains };
        let counted_nodes = counted_nodes(shape, one);
        let soft = (one.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway).then_some(Preference::Spread(one));
        (Rule { key: one.topology_key.clone(), kind, selector: &one.selector, counted_nodes }, soft)
    });
    terms.chain(spread).collect()
}

/// What required anti-affinity means for the pods that it selects.
pub(super) fn guards(terms: &[PodAffinityTerm]) -> impl Iterator<Item = Rule<'_>> {
    let required = terms.iter().filter(|term| !term.is_preferred());
    required.map(|term| Rule { key: term.topology_key.clone(), kind: Kind::Guard, selector: &term.selector, counted_nodes: None })
}
