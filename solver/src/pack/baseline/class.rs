//! Pods that the algorithm cannot tell apart, and what they give up, one preference after the other, before they stay without a place.

use super::domain::{Domains, Reach};
use super::rule::{Kind, Rule, counted_nodes};
use crate::{Labels, PodAffinityTerm, PodShape, Requirement, Snapshot, WhenUnsatisfiable};
use std::cmp::Reverse;
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
        for shape in shapes.into_values().filter(|shape| !shape.topology.is_empty() && shape.refused().is_empty()) {
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
    pub(super) fn classes(&self, snapshot: &Snapshot, relaxable: bool) -> Vec<Class> {
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
                    let stances = self.stances(shape, relaxable);
                    classes.push(Class { shape: shape.clone(), pods: Vec::new(), stances, counted, guarded, guards });
                    classes.len() - 1
                })
            });
            classes[class].pods.push(position);
        }
        classes
    }

    /// Karpenter's order: preferred affinity to pods, the heaviest first; preferred anti-affinity likewise; spread that need not hold;
    /// last of all, taints that only prefer.
    fn stances(&self, shape: &Arc<PodShape>, relaxable: bool) -> Vec<Stance> {
        let all = soft_and_hard(shape);
        let mut order: Vec<usize> = (0..all.len()).filter(|index| all[*index].1.is_some()).collect();
        order.sort_by_key(|index| (all[*index].1, *index));
        let stance = |dropped: &[usize], relaxed| {
            let kept = all.iter().enumerate().filter(|(index, _)| !dropped.contains(index));
            let mut rules: Vec<usize> = kept.filter_map(|(_, (rule, _))| self.number(rule)).collect();
            rules.sort_unstable();
            rules.dedup();
            Stance { shape: shape.clone(), relaxed, rules, pod: Vec::new(), node: Vec::new() }
        };
        let mut stances: Vec<Stance> = (0..=order.len()).map(|dropped| stance(&order[..dropped], false)).collect();
        stances.extend(relaxable.then(|| stance(&order, true)));
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

/// When a preference is given up: its kind, and the heaviest first. `None` for what is required.
type Turn = Option<(u8, Reverse<i32>)>;

/// The rules of a shape that are asked of its own pods.
fn soft_and_hard(shape: &PodShape) -> Vec<(Rule<'_>, Turn)> {
    let topology = &shape.topology;
    let term = |term: &'_ PodAffinityTerm, kind, turn: u8| {
        let turn = term.weight.map(|weight| (turn, Reverse(weight)));
        (term.topology_key.clone(), kind, turn)
    };
    let with = topology.affinity.iter().map(|one| (one, term(one, Kind::With, 0)));
    let apart = topology.anti_affinity.iter().map(|one| (one, term(one, Kind::Apart, 1)));
    let terms = with
        .chain(apart)
        .map(|(one, (key, kind, turn))| (Rule { key, kind, selector: &one.selector, counted_nodes: None }, turn));
    let spread = topology.spread.iter().map(|one| {
        let kind = Kind::Spread { max_skew: one.max_skew, min_domains: one.min_domains };
        let counted_nodes = counted_nodes(shape, one);
        let soft = one.when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway;
        (Rule { key: one.topology_key.clone(), kind, selector: &one.selector, counted_nodes }, soft.then_some((2, Reverse(0))))
    });
    terms.chain(spread).collect()
}

/// What required anti-affinity means for the pods that it selects.
pub(super) fn guards(terms: &[PodAffinityTerm]) -> impl Iterator<Item = Rule<'_>> {
    let required = terms.iter().filter(|term| !term.is_preferred());
    required.map(|term| Rule { key: term.topology_key.clone(), kind: Kind::Guard, selector: &term.selector, counted_nodes: None })
}
