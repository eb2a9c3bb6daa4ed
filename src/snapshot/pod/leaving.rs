//! Pods that run on nodes that are being deleted: they need a place again, as soon as they can be evicted.
//!
//! As Karpenter has it, a pod is not waited for while nothing can evict it: it asks not to be disrupted, or a budget allows no
//! disruption whatever happens.

use crate::manifest::{Inventory, PodSet};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeSet;

/// What keeps pods on the nodes that are being deleted, or not.
pub(in crate::snapshot) struct Leaving<'i> {
    nodes: BTreeSet<&'i str>,
    blocking: Vec<&'i PodDisruptionBudget>,
}

impl<'i> Leaving<'i> {
    pub(in crate::snapshot) fn new(inventory: &'i Inventory) -> Self {
        let deleted = || {
            let claims = inventory.node_claims.iter().map(|source| &source.value);
            claims.filter(|claim| claim.metadata.deletion_timestamp.is_some()).filter_map(|claim| claim.status.as_ref())
        };
        let names: BTreeSet<&str> = deleted().map(|status| status.node_name.as_str()).filter(|name| !name.is_empty()).collect();
        let ids: BTreeSet<&str> = deleted().map(|status| status.provider_id.as_str()).filter(|id| !id.is_empty()).collect();
        let leaves = |node: &&Node| {
            let id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).unwrap_or_default();
            node.metadata.deletion_timestamp.is_some() || names.contains(name_of(node)) || ids.contains(id)
        };
        let nodes = inventory.nodes.iter().map(|source| &source.value);
        let budgets = inventory.pod_disruption_budgets.iter().map(|source| &source.value);
        Self {
            nodes: nodes.filter(leaves).map(name_of).collect(),
            blocking: budgets.filter(|budget| budget.spec.as_ref().is_some_and(never_allows)).collect(),
        }
    }

    /// Whether the pods of the set run where they cannot stay and can be evicted. One that is being deleted comes again only from a
    /// StatefulSet, which waits for it to go.
    pub(in crate::snapshot) fn moves(&self, set: &PodSet) -> bool {
        let state = &set.state;
        let of_kind = |kind: &str| state.controller.as_ref().is_some_and(|owner| owner.kind.as_ref() == kind);
        state.node.as_deref().is_some_and(|node| self.nodes.contains(node))
            && !state.terminal
            && !state.mirror
            && !of_kind("DaemonSet")
            && (!state.terminating || of_kind("StatefulSet"))
            && !state.stays
            && !self.blocking.iter().any(|budget| holds(budget, set))
    }
}

fn name_of(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}

/// Whether a budget allows no disruption even while all pods are well.
fn never_allows(spec: &PodDisruptionBudgetSpec) -> bool {
    let none = |most: &IntOrString| matches!(most, IntOrString::Int(0)) || is_text(most, "0%");
    spec.max_unavailable.as_ref().is_some_and(none) || spec.min_available.as_ref().is_some_and(|least| is_text(least, "100%"))
}

fn is_text(value: &IntOrString, wanted: &str) -> bool {
    matches!(value, IntOrString::String(text) if text == wanted)
}

/// Whether a budget that allows no disruption is about the pods of the set.
fn holds(budget: &PodDisruptionBudget, set: &PodSet) -> bool {
    let spec = budget.spec.as_ref();
    let always = spec.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref()) == Some("AlwaysAllow");
    let same_namespace = set.keys.first().is_some_and(|key| Some(key.namespace.as_ref()) == budget.metadata.namespace.as_deref());
    same_namespace
        && !(always && set.state.unready)
        && spec.and_then(|spec| spec.selector.as_ref()).is_some_and(|selector| selects(selector, set))
}

/// Whether a selector, which reading has checked, selects the pods of the set. An empty one selects every pod.
fn selects(selector: &LabelSelector, set: &PodSet) -> bool {
    let value = |key: &str| set.labels.get(key).map(AsRef::as_ref);
    selector.match_labels.iter().flatten().all(|(key, wanted)| value(key) == Some(wanted.as_str()))
        && selector.match_expressions.iter().flatten().all(|one| {
            let named = value(&one.key).is_some_and(|value| one.values.iter().flatten().any(|wanted| wanted == value));
            match one.operator.as_str() {
                "In" => named,
                "NotIn" => !named,
                "Exists" => value(&one.key).is_some(),
                _ => value(&one.key).is_none(),
            }
        })
}
