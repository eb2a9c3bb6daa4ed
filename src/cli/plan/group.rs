//! What people want to see once: identical nodes, totals, and pods that have no place for the same reason.

use super::report::{Report, count};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::plan::OfferingRef;
use windlass_solver::{MicroUsd, ObjectKey, Plan, PlannedNode, Reason, ResourceName, Resources};

/// Nodes of one pool that are bought the same way.
#[derive(Debug)]
pub(crate) struct SameNodes<'a> {
    /// The first of them.
    pub first: &'a PlannedNode,
    /// How many there are.
    pub nodes: usize,
    /// How many pods they hold together, daemon pods not counted.
    pub pods: usize,
    /// What they offer together.
    pub allocatable: Resources,
    /// What is used of it.
    pub requested: Resources,
}

impl SameNodes<'_> {
    /// What they cost together.
    pub(crate) fn cost(&self) -> MicroUsd {
        self.first.offering.price.times(i64::try_from(self.nodes).unwrap_or(i64::MAX))
    }

    /// How full they are, in whole percent rounded down; `-` where they offer none.
    pub(crate) fn fill(&self, resource: &str) -> String {
        fill(&self.requested, &self.allocatable, resource)
    }
}

/// How much of `room` is used, in whole percent rounded down; `-` where there is none.
pub(crate) fn fill(used: &Resources, room: &Resources, resource: &str) -> String {
    let (used, room) = (i128::from(used.get(resource)), i128::from(room.get(resource)));
    if room > 0 { format!("{}%", used * 100 / room) } else { "-".to_owned() }
}

/// Groups the nodes of `plan`, by pool and then by price.
pub(crate) fn same_nodes(plan: &Plan) -> Vec<SameNodes<'_>> {
    let mut groups: BTreeMap<_, SameNodes<'_>> = BTreeMap::new();
    for node in &plan.nodes {
        let group = groups.entry((&node.node_pool, &node.offering)).or_insert_with(|| SameNodes {
            first: node,
            nodes: 0,
            pods: 0,
            allocatable: Resources::new(),
            requested: Resources::new(),
        });
        group.nodes += 1;
        group.pods += node.pods.len();
        group.allocatable.add(&node.allocatable);
        group.requested.add(&node.requested);
    }
    groups.into_values().collect()
}

/// Resources beyond CPU, memory, disk and pod count that pods of the plan request, such as `nvidia.com/gpu`.
pub(crate) fn extended_resources(plan: &Plan) -> BTreeSet<&ResourceName> {
    let usual = [ResourceName::CPU, ResourceName::MEMORY, ResourceName::PODS, ResourceName::EPHEMERAL_STORAGE];
    plan.nodes
        .iter()
        .flat_map(|node| node.requested.iter())
        .map(|(name, _)| name)
        .filter(|name| !usual.contains(&name.as_str()))
        .collect()
}

/// A sum over the nodes of one pool, one zone or one capacity type.
#[derive(Debug)]
pub(crate) struct Total {
    /// `nodepool`, `zone` or `capacity`.
    pub scope: &'static str,
    /// Which one.
    pub name: String,
    /// How many nodes.
    pub nodes: usize,
    /// How many pods on them.
    pub pods: usize,
    /// Their price.
    pub cost: MicroUsd,
    /// Whether an estimate is part of the price.
    pub estimated: bool,
}

/// Totals per pool, zone and capacity type, in this order and then by name.
pub(crate) fn totals(report: &Report<'_>) -> Vec<Total> {
    let mut totals: BTreeMap<(usize, String), Total> = BTreeMap::new();
    for node in &report.plan.nodes {
        let OfferingRef { zone, capacity_type, price, .. } = &node.offering;
        let scopes =
            [("nodepool", node.node_pool.to_string()), ("zone", zone.to_string()), ("capacity", capacity_type.to_string())];
        for (order, (scope, name)) in scopes.into_iter().enumerate() {
            let total = totals.entry((order, name.clone())).or_insert(Total {
                scope,
                name,
                nodes: 0,
                pods: 0,
                cost: MicroUsd::ZERO,
                estimated: false,
            });
            total.nodes += 1;
            total.pods += node.pods.len();
            total.cost = total.cost.plus(*price);
            total.estimated |= report.estimated(*capacity_type);
        }
    }
    totals.into_values().collect()
}

/// Pods that have no place for the same reason.
#[derive(Debug)]
pub(crate) struct Refused<'a> {
    /// Their workloads, or the pods themselves where there is none, with the pods of each.
    pub owners: BTreeMap<Arc<str>, Vec<&'a ObjectKey>>,
    /// Why, as a word.
    pub reason: Reason,
    /// Why, as a sentence.
    pub message: &'a str,
    /// What would help.
    pub would_fit_if: Option<&'a str>,
}

impl Refused<'_> {
    /// How many pods.
    pub(crate) fn pods(&self) -> usize {
        self.owners.values().map(Vec::len).sum()
    }

    /// `Deployment/default/web (12 pods: web-0 ... web-11)`, or the first `shown` of several and how many more there are.
    pub(crate) fn who(&self, shown: usize) -> String {
        let names: Vec<String> = self.owners.iter().take(shown).map(|(owner, pods)| who(owner, pods)).collect();
        let hidden = self.owners.values().skip(shown).map(Vec::len).sum::<usize>();
        let more = if hidden > 0 { format!(" and {}", count(hidden, "more pod")) } else { String::new() };
        names.join(", ") + &more
    }
}

fn who(owner: &str, pods: &[&ObjectKey]) -> String {
    match pods {
        [only] if owner.ends_with(&only.to_string()) => owner.to_owned(),
        [only] => format!("{owner} (pod {})", only.name),
        [first, second] => format!("{owner} (2 pods: {}, {})", first.name, second.name),
        [first, .., last] => format!("{owner} ({} pods: {} ... {})", pods.len(), first.name, last.name),
        [] => owner.to_owned(),
    }
}

/// Groups the pods without a place: the largest groups first.
pub(crate) fn refused<'a>(report: &'a Report<'_>) -> Vec<Refused<'a>> {
    let mut groups: BTreeMap<_, Refused<'a>> = BTreeMap::new();
    for pod in &report.plan.unschedulable {
        let would_fit_if = pod.would_fit_if.as_deref();
        let group = groups.entry((pod.reason, pod.message.as_str(), would_fit_if)).or_insert(Refused {
            owners: BTreeMap::new(),
            reason: pod.reason,
            message: &pod.message,
            would_fit_if,
        });
        group.owners.entry(report.owner(&pod.pod)).or_default().push(&pod.pod);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.pods()));
    groups
}
