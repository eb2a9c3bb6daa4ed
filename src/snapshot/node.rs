//! Nodes that exist, as the solver sees them: what is left of them, and for whom.

use super::claim::Claim;
use super::template::{self, Amounts, Report};
use super::volume::attachment::Limits;
use crate::api::label;
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use crate::snapshot::pod::BoundPod;
use k8s_openapi::api::core::v1 as core;
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{
    DaemonSet, HostPort, InstanceType, Labels, NodeName, NodePool, NodePoolName, PodShape, Resources, RunningPod, Taint,
    TaintEffect,
};

/// What a node is judged against.
pub(super) struct Surroundings<'a> {
    /// Pods by the node they are bound to.
    pub(super) bound: &'a BTreeMap<String, Vec<BoundPod>>,
    /// Every daemonset.
    pub(super) daemon_sets: &'a [DaemonSet],
    /// Volumes that nodes can attach.
    pub(super) limits: &'a Limits,
    /// Startup taints of each pool, for nodes whose NodeClaim is not at hand.
    pub(super) startup_taints: BTreeMap<NodePoolName, Vec<Taint>>,
    /// The NodeClaims, whether or not their node has come.
    pub(super) claims: &'a [Claim],
    /// The pools, for nodes that do not say yet what they will offer.
    pub(super) pools: &'a [NodePool],
    /// Capacity by instance type, for nodes that do not say.
    pub(super) capacities: BTreeMap<&'a str, &'a Resources>,
}

/// What a pool has used of its limits through one node or claim.
pub(super) struct Usage {
    pub(super) node_pool: NodePoolName,
    pub(super) capacity: Resources,
}

/// Nodes as the solver sees them, and what they use of their pools' limits.
pub(super) fn nodes(
    sourced: &[&Sourced<core::Node>],
    around: &Surroundings<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<windlass_solver::Node>, Vec<Usage>) {
    let shared = shared_provider_ids(sourced);
    let mut usages = Vec::new();
    let mut made = Vec::new();
    for source in sourced {
        let name = source.value.metadata.name.clone().unwrap_or_default();
        let mut report = Report::new(&source.place, format!("Node/{name}"), diagnostics);
        let reading = Reading::of(&source.value, around, &shared, &mut report);
        if let Some(node_pool) = reading.node_pool.clone() {
            usages.push(Usage { node_pool, capacity: reading.capacity.clone() });
        }
        made.push(reading.finish(NodeName::new(name), around));
    }
    (made, usages)
}

/// Provider ids that more than one Node claims: one of them is stale, and nobody can say which.
fn shared_provider_ids<'a>(sourced: &[&'a Sourced<core::Node>]) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    sourced.iter().filter_map(|source| provider_id(&source.value)).filter(|id| !seen.insert(*id)).collect()
}

fn provider_id(node: &core::Node) -> Option<&str> {
    node.spec.as_ref()?.provider_id.as_deref().filter(|id| !id.is_empty())
}

/// A Node, read, with doubts already decided on the safe side: a node that cannot be judged takes no pods but counts against limits.
struct Reading {
    labels: Labels,
    node_pool: Option<NodePoolName>,
    taints: Vec<Taint>,
    allocatable: Resources,
    capacity: Resources,
    schedulable: bool,
    initialized: bool,
}

impl Reading {
    fn of(node: &core::Node, around: &Surroundings<'_>, shared: &BTreeSet<&str>, report: &mut Report<'_>) -> Self {
        let name = node.metadata.name.clone().unwrap_or_default();
        let mut labels = template::labels(node.metadata.labels.iter().flatten());
        labels.entry(label::HOSTNAME.into()).or_insert_with(|| name.as_str().into());
        let node_pool = pool_of(&labels);
        let claim = around.claims.iter().find(|claim| claim.is_of_node(node));
        // Only nodes that a provisioner started are ever "not initialized yet": nobody labels the others.
        let initialized = node_pool.is_none() || labels.get(label::INITIALIZED).is_some_and(|value| value.as_ref() == "true");
        let startup_taints: &[Taint] = match (claim, &node_pool) {
            (Some(claim), _) => &claim.startup_taints,
            (None, Some(pool)) => around.startup_taints.get(pool).map_or(&[], Vec::as_slice),
            (None, None) => &[],
        };
        let mut schedulable = can_take_pods(node, claim, node_pool.is_some(), shared, report);
        let (mut taints, understood) = taints(node, report);
        schedulable &= understood;
        if !initialized {
            taints.retain(|taint| !startup_taints.contains(taint) && !is_ephemeral(taint));
        }
        let status = node.status.as_ref();
        let promised = (!initialized).then(|| promised(claim, node_pool.as_ref(), &labels, around));
        let (allocatable, readable) =
            resources("status.allocatable", status.and_then(|s| s.allocatable.as_ref()), promised.as_ref(), report);
        schedulable &= readable;
        if allocatable.is_empty() && schedulable {
            report.warning("status.allocatable", "the node offers nothing, so no pod is placed on it");
        }
        let (mut capacity, _) =
            resources("status.capacity", status.and_then(|s| s.capacity.as_ref()), claim.map(|c| &c.capacity), report);
        if node_pool.is_some() {
            known_capacity(&mut capacity, &labels, &allocatable, around, report);
        }
        Self { labels, node_pool, taints, allocatable, capacity, schedulable, initialized }
    }

    fn finish(self, name: NodeName, around: &Surroundings<'_>) -> windlass_solver::Node {
        let bound = around.bound.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let mut requested = Resources::new();
        let mut host_ports: Vec<HostPort> = Vec::new();
        for pod in bound {
            requested.add(&pod.requests);
            host_ports.extend(pod.host_ports.iter().cloned());
        }
        let running: BTreeSet<_> = bound.iter().filter_map(|pod| pod.daemon_set.as_ref()).collect();
        for daemon_set in around.daemon_sets {
            if !running.contains(&daemon_set.key) && runs_on(&daemon_set.shape, &self.labels, &self.taints) {
                requested.add(&daemon_set.shape.requests);
                host_ports.extend(daemon_set.shape.host_ports.iter().cloned());
            }
        }
        host_ports.sort();
        host_ports.dedup();
        let mut allocatable = self.allocatable;
        let kind = self.labels.get(label::INSTANCE_TYPE).and_then(|name| around.capacities.get(name.as_ref()));
        around.limits.add_to_node(name.as_str(), kind.copied(), &mut allocatable);
        let mut pods: Vec<_> = bound.iter().map(|pod| pod.key.clone()).collect();
        pods.sort();
        let running = as_rules_see(bound);
        windlass_solver::Node {
            name,
            node_pool: self.node_pool,
            labels: self.labels,
            taints: self.taints,
            allocatable,
            requested,
            host_ports,
            schedulable: self.schedulable,
            initialized: self.initialized,
            pods,
            running,
        }
    }
}

/// The pods of a node as rules about pods see them: those that no rule tells apart are counted together.
fn as_rules_see(bound: &[BoundPod]) -> Vec<RunningPod> {
    let mut counts: BTreeMap<RunningPod, u32> = BTreeMap::new();
    for pod in bound {
        let one = RunningPod {
            namespace: pod.key.namespace.clone(),
            labels: pod.labels.clone(),
            anti_affinity: pod.anti_affinity.clone(),
            count: 0,
            terminating: pod.terminating,
        };
        *counts.entry(one).or_default() += 1;
    }
    counts.into_iter().map(|(one, count)| RunningPod { count, ..one }).collect()
}

/// What a node that is not initialized will offer: what its claim says, and of what that leaves out (devices whose plugin has yet to
/// register them) what its pool's instance type has.
fn promised(claim: Option<&Claim>, pool: Option<&NodePoolName>, labels: &Labels, around: &Surroundings<'_>) -> Resources {
    let type_name = labels.get(label::INSTANCE_TYPE).map(AsRef::as_ref);
    let pool = around.pools.iter().find(|known| Some(&known.name) == pool);
    let kind = pool.and_then(|pool| pool.instance_types.iter().find(|kind| Some(kind.name.as_str()) == type_name));
    let mut promised = kind.map(InstanceType::allocatable).unwrap_or_default();
    for (name, amount) in claim.iter().flat_map(|claim| claim.allocatable.iter()) {
        promised.set(name.clone(), amount);
    }
    promised
}

/// A node on its way, for a claim that EC2 has answered: known by what the claim says it will be.
pub(super) fn in_flight(claim: &Claim, around: &Surroundings<'_>) -> windlass_solver::Node {
    let reading = Reading {
        labels: claim.labels.clone(),
        node_pool: claim.node_pool.clone(),
        taints: claim.taints.clone(),
        allocatable: claim.allocatable.clone(),
        capacity: claim.capacity.clone(),
        schedulable: true,
        initialized: false,
    };
    reading.finish(NodeName::new(claim.name.as_str()), around)
}

/// The pool a node belongs to, also by the label of the v1alpha5 days.
pub(super) fn pool_of(labels: &Labels) -> Option<NodePoolName> {
    [label::NODE_POOL, label::PROVISIONER_NAME]
        .into_iter()
        .find_map(|key| labels.get(key))
        .map(|name| NodePoolName::new(name.clone()))
}

fn can_take_pods(
    node: &core::Node,
    claim: Option<&Claim>,
    managed: bool,
    shared: &BTreeSet<&str>,
    report: &mut Report<'_>,
) -> bool {
    let mut usable = true;
    match provider_id(node) {
        None if managed => {
            report.warning(
                "spec.providerID",
                "is missing, so no instance can be told to stand behind this node; no pod is placed on it",
            );
            usable = false;
        }
        None => report.warning("spec.providerID", "is missing; the node is taken as it describes itself"),
        Some(id) if shared.contains(id) => {
            let message = format!("{id} is claimed by another Node too, so one of them is stale; no pod is placed on either");
            report.warning("spec.providerID", message);
            usable = false;
        }
        Some(_) => {}
    }
    let deleting = node.metadata.deletion_timestamp.is_some() || claim.is_some_and(|claim| claim.deleting);
    let marked =
        node.spec.iter().filter_map(|spec| spec.taints.as_ref()).flatten().any(|taint| DISRUPTED.contains(&taint.key.as_str()));
    usable && !deleting && !marked
}

/// Taints of nodes that Karpenter is about to remove, of v1 and of v1beta1: even who tolerates them would not stay.
const DISRUPTED: [&str; 2] = ["karpenter.sh/disrupted", "karpenter.sh/disruption"];

/// What keeps pods from a cordoned node; the node controller adds it, and kube-scheduler lets pods pass that tolerate it.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

/// The taints, and whether all of them are understood.
fn taints(node: &core::Node, report: &mut Report<'_>) -> (Vec<Taint>, bool) {
    let mut all = Vec::new();
    let mut understood = true;
    for taint in node.spec.iter().filter_map(|spec| spec.taints.as_ref()).flatten() {
        let Some(effect) = TaintEffect::parse(&taint.effect) else {
            report.warning("spec.taints", format!("{:?} is not a taint effect; no pod is placed on the node", taint.effect));
            understood = false;
            continue;
        };
        all.push(Taint { key: taint.key.as_str().into(), value: taint.value.as_deref().unwrap_or_default().into(), effect });
    }
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false);
    if cordoned && all.iter().all(|taint: &Taint| taint.key.as_ref() != CORDONED) {
        all.push(Taint { key: CORDONED.into(), value: "".into(), effect: TaintEffect::NoSchedule });
    }
    all.sort();
    (all, understood)
}

/// Taints that every node carries for a while at its start (karpenter-core `KnownEphemeralTaints`).
pub(crate) fn is_ephemeral(taint: &Taint) -> bool {
    matches!(
        (taint.key.as_ref(), taint.effect),
        ("node.kubernetes.io/not-ready", TaintEffect::NoSchedule | TaintEffect::NoExecute)
            | ("node.kubernetes.io/unreachable" | "node.cloudprovider.kubernetes.io/uninitialized", TaintEffect::NoSchedule)
            | ("karpenter.sh/unregistered", TaintEffect::NoExecute)
    ) || taint.key.starts_with("readiness.k8s.io/")
}

type Quantities = BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>;

/// A resource list with zero and absent entries taken from `fallback`, and whether every entry could be read. What cannot be read is
/// zero: nothing fits into it.
fn resources(field: &str, list: Option<&Quantities>, fallback: Option<&Resources>, report: &mut Report<'_>) -> (Resources, bool) {
    let entries = list.into_iter().flatten().map(|(name, quantity)| (name.as_str(), quantity.0.as_str()));
    let Amounts { read, refused } = template::amounts(entries);
    for (name, error) in &refused {
        report.warning(&format!("{field}.{name}"), format!("{error}; no pod is placed on the node"));
    }
    let mut all: Resources = read.into_iter().collect();
    for (name, amount) in fallback.into_iter().flat_map(Resources::iter) {
        if all.get(name.as_str()) == 0 && !refused.iter().any(|(bad, _)| *bad == name.as_str()) {
            all.set(name.clone(), amount);
        }
    }
    (all, refused.is_empty())
}

/// Limits must count a node whatever it reports: where it does not say, the catalogue does; else what it can allocate is the least.
fn known_capacity(
    capacity: &mut Resources,
    labels: &Labels,
    allocatable: &Resources,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) {
    let type_name = labels.get(label::INSTANCE_TYPE).map(AsRef::as_ref);
    match type_name.and_then(|name| around.capacities.get(name)) {
        Some(known) if capacity.is_empty() => capacity.add(known),
        Some(_) => {}
        None => {
            let shown = type_name.unwrap_or("none");
            let message = format!("the catalogue has no such type ({shown}); the node is taken as its status describes it");
            report.warning(&format!("metadata.labels[{}]", label::INSTANCE_TYPE), message);
        }
    }
    capacity.raise_to(allocatable);
}

/// Whether a daemonset runs a pod on a node with these labels and taints. `PreferNoSchedule` keeps no daemon away.
pub(crate) fn runs_on(shape: &PodShape, labels: &Labels, taints: &[Taint]) -> bool {
    let value = |key: &str| labels.get(key).map(AsRef::as_ref);
    let selected = shape.node_selector.iter().all(|requirement| requirement.allows(value(requirement.key())));
    let wanted = shape.node_affinity.is_empty()
        || shape
            .node_affinity
            .iter()
            .any(|term| !term.is_empty() && term.iter().all(|requirement| requirement.allows(value(requirement.key()))));
    let tolerated =
        taints.iter().all(|taint| taint.effect == TaintEffect::PreferNoSchedule || taint.tolerated_by(&shape.tolerations));
    selected && wanted && tolerated
}

#[cfg(test)]
mod tests;
