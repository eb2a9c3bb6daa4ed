//! Label selectors, node selectors and affinity.

use crate::manifest::field::{Finding, join};
use crate::manifest::syntax;
use k8s_openapi::api::core::v1::{Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, WeightedPodAffinityTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;

/// Checks a selector of objects by their labels.
pub(in crate::manifest) fn label_selector(selector: &LabelSelector, path: &str, found: &mut Vec<Finding>) {
    super::labels(selector.match_labels.as_ref(), &format!("{path}.matchLabels"), found);
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let at = format!("{path}.matchExpressions[{index}]");
        key(&expression.key, &at, found);
        let count = expression.values.as_ref().map_or(0, Vec::len);
        match expression.operator.as_str() {
            "In" | "NotIn" if count == 0 => {
                found.push(Finding::error(format!("{at}.values"), needs_values(&expression.operator)));
            }
            "Exists" | "DoesNotExist" if count > 0 => {
                found.push(Finding::error(format!("{at}.values"), takes_none(&expression.operator)));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                found.push(Finding::error(format!("{at}.operator"), unknown_operator(other, "In, NotIn, Exists, DoesNotExist")));
            }
        }
        values(expression.values.as_deref().unwrap_or_default(), &at, found);
    }
}

/// Whether a (correct) selector selects these labels. An empty one selects everything.
pub(in crate::manifest) fn selects(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key));
    selector.match_labels.iter().flatten().all(|(key, wanted)| value(key) == Some(wanted))
        && selector.match_expressions.iter().flatten().all(|expression| {
            let named = value(&expression.key).is_some_and(|value| expression.values.iter().flatten().any(|one| one == value));
            match expression.operator.as_str() {
                "In" => named,
                "NotIn" => !named,
                "Exists" => value(&expression.key).is_some(),
                _ => value(&expression.key).is_none(),
            }
        })
}

pub(super) fn affinity(affinity: &Affinity, path: &str, found: &mut Vec<Finding>) {
    if let Some(node) = &affinity.node_affinity {
        let path = format!("{path}.nodeAffinity");
        if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
            let at = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
            if required.node_selector_terms.is_empty() {
                found.push(Finding::error(at.as_str(), "needs at least one term"));
            }
            for (index, term) in required.node_selector_terms.iter().enumerate() {
                node_term(term, &format!("{at}[{index}]"), found);
            }
        }
        for (index, preferred) in node.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
            let at = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
            weight(preferred.weight, &at, found);
            node_term(&preferred.preference, &format!("{at}.preference"), found);
        }
    }
    if let Some(pod) = &affinity.pod_affinity {
        let path = format!("{path}.podAffinity");
        pod_terms(pod.required_during_scheduling_ignored_during_execution.as_deref(), &path, found);
        weighted_terms(pod.preferred_during_scheduling_ignored_during_execution.as_deref(), &path, found);
    }
    if let Some(pod) = &affinity.pod_anti_affinity {
        let path = format!("{path}.podAntiAffinity");
        pod_terms(pod.required_during_scheduling_ignored_during_execution.as_deref(), &path, found);
        weighted_terms(pod.preferred_during_scheduling_ignored_during_execution.as_deref(), &path, found);
    }
}

fn pod_terms(terms: Option<&[PodAffinityTerm]>, path: &str, found: &mut Vec<Finding>) {
    for (index, term) in terms.unwrap_or_default().iter().enumerate() {
        pod_term(term, &format!("{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]"), found);
    }
}

fn weighted_terms(terms: Option<&[WeightedPodAffinityTerm]>, path: &str, found: &mut Vec<Finding>) {
    for (index, term) in terms.unwrap_or_default().iter().enumerate() {
        let at = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
        weight(term.weight, &at, found);
        pod_term(&term.pod_affinity_term, &format!("{at}.podAffinityTerm"), found);
    }
}

fn pod_term(term: &PodAffinityTerm, at: &str, found: &mut Vec<Finding>) {
    if let Err(why) = syntax::qualified_name(&term.topology_key) {
        found.push(Finding::error(format!("{at}.topologyKey"), format!("{:?} {why}", term.topology_key)));
    }
    for (name, selector) in [("labelSelector", &term.label_selector), ("namespaceSelector", &term.namespace_selector)] {
        if let Some(selector) = selector {
            label_selector(selector, &format!("{at}.{name}"), found);
        }
    }
}

fn node_term(term: &NodeSelectorTerm, path: &str, found: &mut Vec<Finding>) {
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        node_requirement(requirement, &format!("{path}.matchExpressions[{index}]"), found);
    }
    if term.match_fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
        let message = "matchFields is not supported: it pins a pod to one existing node";
        found.push(Finding::error(format!("{path}.matchFields"), message).hint("use a label in matchExpressions"));
    }
}

fn node_requirement(requirement: &NodeSelectorRequirement, at: &str, found: &mut Vec<Finding>) {
    key(&requirement.key, at, found);
    let all = requirement.values.as_deref().unwrap_or_default();
    match requirement.operator.as_str() {
        "In" | "NotIn" if all.is_empty() => {
            found.push(Finding::error(format!("{at}.values"), needs_values(&requirement.operator)));
        }
        "In" | "NotIn" => values(all, at, found),
        "Exists" | "DoesNotExist" if !all.is_empty() => {
            found.push(Finding::error(format!("{at}.values"), takes_none(&requirement.operator)));
        }
        "Exists" | "DoesNotExist" => {}
        operator @ ("Gt" | "Lt") => {
            if all.len() != 1 || all.iter().any(|value| value.parse::<i64>().is_err()) {
                found.push(Finding::error(format!("{at}.values"), format!("{operator} needs exactly one integer, got {all:?}")));
            }
        }
        other => {
            found.push(Finding::error(
                format!("{at}.operator"),
                unknown_operator(other, "In, NotIn, Exists, DoesNotExist, Gt, Lt"),
            ));
        }
    }
}

fn key(key: &str, at: &str, found: &mut Vec<Finding>) {
    if let Err(why) = syntax::qualified_name(key) {
        found.push(Finding::error(join(at, "key"), format!("{key:?} {why}")));
    }
}

fn values(values: &[String], at: &str, found: &mut Vec<Finding>) {
    for (index, value) in values.iter().enumerate() {
        if let Err(why) = syntax::label_value(value) {
            found.push(Finding::error(format!("{at}.values[{index}]"), format!("{value:?} {why}")));
        }
    }
}

fn weight(weight: i32, at: &str, found: &mut Vec<Finding>) {
    if !(1..=100).contains(&weight) {
        found.push(Finding::error(format!("{at}.weight"), format!("{weight} is not between 1 and 100")));
    }
}

fn needs_values(operator: &str) -> String {
    format!("{operator} needs at least one value")
}

fn takes_none(operator: &str) -> String {
    format!("{operator} takes no values")
}

fn unknown_operator(operator: &str, known: &str) -> String {
    format!("{operator:?} is none of {known}")
}
