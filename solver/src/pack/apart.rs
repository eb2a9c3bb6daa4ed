//! Rules about pods to place on one host, as integers: *slots*, of which every node has a fixed number.
//!
//! | rule | slots of a node | its owners take | other pods that it selects take |
//! |---|---|---|---|
//! | anti-affinity of pods that it selects themselves | one more than there are others, or one | all | one |
//! | spread, selecting its owners only | `maxSkew` | one | - |
//! | spread of `maxSkew` 1, selecting others too | as for anti-affinity | all | one |
//!
//! Every node is a new host and can be had, so the emptiest host has none and `maxSkew` bounds the count itself, as in Karpenter: what
//! keeps that bound keeps the skew whatever the order in which pods are bound. Other combinations are refused by name.

use super::axis::Amounts;
use super::group::{Group, Selectors};
use super::settled::Settled;
use crate::{Feature, Node, Snapshot, label};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the rules mean for a group of pods.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// Slots that each pod takes.
    pub(super) need: Vec<(usize, i64)>,
    /// Why its pods are not placed.
    pub(super) refused: Option<Refusal>,
}

/// A rule that has no exact encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What is refused.
    pub(super) feature: Feature,
    /// Which rule, and why.
    pub(super) why: String,
}

/// All rules of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// How many of each slot a new node has.
    pub(super) slots: Vec<i64>,
    /// By group.
    pub(super) terms: Vec<Terms>,
    /// By existing node: slots in use.
    pub(super) taken: Vec<Vec<(usize, i64)>>,
}

/// A rule that groups of pods share: owners of equal rules share slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Apart(u32),
    /// With its `maxSkew`.
    Spread(u32, u32),
}

/// Encodes the rules of `groups` among themselves. Groups that are not `live` can be placed nowhere and bind nobody.
pub(super) fn rules(snapshot: &Snapshot, selectors: &Selectors<'_>, groups: &[Group], live: &[bool], settled: &Settled) -> Rules {
    let rules =
        Rules { slots: Vec::new(), terms: vec![Terms::default(); groups.len()], taken: vec![Vec::new(); snapshot.nodes().len()] };
    let mut encoder = Encoder { groups, live, settled, hosts: hosts(snapshot.nodes()), rules };
    if selectors.is_empty() {
        return encoder.rules;
    }
    encoder.refuse_daemons(snapshot, selectors);
    let mut owners: BTreeMap<Rule, Vec<usize>> = BTreeMap::new();
    for index in (0..groups.len()).filter(|index| live[*index]) {
        let topology = &groups[index].shape.topology;
        for term in &topology.anti_affinity {
            owners.entry(Rule::Apart(selectors.index(&term.selector))).or_default().push(index);
        }
        for one in &topology.spread {
            owners.entry(Rule::Spread(selectors.index(&one.selector), one.max_skew)).or_default().push(index);
        }
    }
    for (rule, mut owners) in owners {
        owners.dedup();
        encoder.encode(rule, &owners, selectors);
    }
    encoder.rules
}

/// Which nodes are a host of their own. On others, which share a name or have none, rules are decided on the safe side.
fn hosts(nodes: &[Node]) -> Vec<bool> {
    let name = |node: &Node| node.labels.get(label::HOSTNAME).cloned();
    let mut seen: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    for name in nodes.iter().filter_map(name) {
        *seen.entry(name).or_default() += 1;
    }
    nodes.iter().map(|node| name(node).is_some_and(|name| seen.get(&name) == Some(&1))).collect()
}

struct Encoder<'a> {
    groups: &'a [Group],
    live: &'a [bool],
    settled: &'a Settled,
    /// Which nodes are a host of their own.
    hosts: Vec<bool>,
    rules: Rules,
}

impl Encoder<'_> {
    fn refuse(&mut self, group: usize, feature: Feature, why: String) {
        self.rules.terms[group].refused.get_or_insert(Refusal { feature, why });
    }

    /// Daemon pods come with a node and are not placed by us, so rules between them and pods to place are refused.
    fn refuse_daemons(&mut self, snapshot: &Snapshot, selectors: &Selectors<'_>) {
        for daemon in snapshot.daemon_sets() {
            let selected_by = selectors.matching(&daemon.key.namespace, &daemon.labels);
            let guards: Vec<u32> = daemon
                .shape
                .topology
                .anti_affinity
                .iter()
                .filter(|t| !t.is_preferred())
                .map(|t| selectors.index(&t.selector))
                .collect();
            for (index, group) in self.groups.iter().enumerate().filter(|(index, _)| self.live[*index]).collect::<Vec<_>>() {
                let topology = &group.shape.topology;
                let against = |selector| selected_by.binary_search(&selectors.index(selector)).is_ok();
                let daemon = &daemon.key;
                if let Some(term) = topology.anti_affinity.iter().find(|term| against(&term.selector)) {
                    let why = format!("its anti-affinity to {} is to pods of daemonset {daemon}, too", term.selector);
                    self.refuse(index, Feature::PodAntiAffinity, why);
                }
                if let Some(one) = topology.spread.iter().find(|one| against(&one.selector)) {
                    let why = format!("its spread of {} counts pods of daemonset {daemon}, too", one.selector);
                    self.refuse(index, Feature::TopologySpread, why);
                }
                if guards.iter().any(|guard| group.selected_by(*guard)) {
                    let why = format!("the anti-affinity of daemonset {daemon} is to this pod, too");
                    self.refuse(index, Feature::PodAntiAffinity, why);
                }
            }
        }
    }

    fn encode(&mut self, rule: Rule, owners: &[usize], selectors: &Selectors<'_>) {
        let (Rule::Apart(selector) | Rule::Spread(selector, _)) = rule;
        let selected: Vec<usize> =
            (0..self.groups.len()).filter(|group| self.live[*group] && self.groups[*group].selected_by(selector)).collect();
        if selected.is_empty() {
            return;
        }
        let (within, outside): (Vec<usize>, Vec<usize>) = owners.iter().partition(|owner| selected.contains(owner));
        let others: Vec<usize> = selected.into_iter().filter(|group| !owners.contains(group)).collect();
        let shown = selectors.get(selector);
        let feature = if matches!(rule, Rule::Apart(_)) { Feature::PodAntiAffinity } else { Feature::TopologySpread };
        for owner in outside {
            self.refuse(
                owner,
                feature,
                format!("it is not among the {shown} that its rule is about, and those are to be placed, too"),
            );
        }
        if within.is_empty() {
            return;
        }
        match rule {
            Rule::Spread(_, skew) if others.is_empty() => self.share(selector, i64::from(skew), &within),
            Rule::Spread(_, skew) if skew > 1 => {
                for owner in within {
                    let why = format!("its spread of {shown} with maxSkew {skew} counts pods without that rule, too");
                    self.refuse(owner, feature, why);
                }
            }
            _ => self.exclude(&within, &others),
        }
    }

    /// At most `skew` of `owners` on a host.
    fn share(&mut self, selector: u32, skew: i64, owners: &[usize]) {
        let slot = self.slot(skew);
        for owner in owners {
            self.rules.terms[*owner].need.push((slot, 1));
        }
        for (node, staying) in self.settled.staying(selector) {
            if self.hosts[node] {
                let taken = i64::try_from(staying).unwrap_or(i64::MAX).min(skew);
                self.rules.taken[node].push((slot, taken));
            }
        }
    }

    /// At most one of `owners` on a host, and then none of `others`.
    fn exclude(&mut self, owners: &[usize], others: &[usize]) {
        let count = |group: &usize| i64::try_from(self.groups[*group].pods.len()).unwrap_or(i64::MAX);
        let slots = others.iter().map(count).fold(1, i64::saturating_add);
        let slot = self.slot(slots);
        for owner in owners {
            self.rules.terms[*owner].need.push((slot, slots));
        }
        for other in others {
            self.rules.terms[*other].need.push((slot, 1));
        }
    }

    /// A new slot. Nodes that are no host of their own have none.
    fn slot(&mut self, count: i64) -> usize {
        let slot = self.rules.slots.len();
        self.rules.slots.push(count);
        for (host, taken) in self.hosts.iter().zip(&mut self.rules.taken) {
            if !host {
                taken.push((slot, count));
            }
        }
        slot
    }
}

/// Takes the slots in use from the room of an existing node.
pub(super) fn occupy(room: &mut Amounts, first: usize, taken: &[(usize, i64)]) {
    for (slot, count) in taken {
        room[first + slot] -= count;
    }
}
