//! The API server's verdict on the fields of a pod that decide where it may run (kubernetes/pkg/apis/core/validation). Fields that decide
//! nothing here, such as images and probes, are left to the API server.

mod ports;
mod resources;
mod selector;

use super::field::{Finding, join};
use super::syntax;
use k8s_openapi::api::core::v1::{Container, PodSpec, Toleration, TopologySpreadConstraint};
use std::collections::{BTreeMap, BTreeSet};

pub(super) use resources::list as resource_list;
pub(super) use selector::{label_selector, selects};

/// Checks a pod's spec that stands at `path`.
pub(super) fn pod_spec(spec: &PodSpec, path: &str, found: &mut Vec<Finding>) {
    containers(spec, path, found);
    ports::check(spec, path, found);
    if let Some(pod_level) = &spec.resources {
        resources::of_pod(pod_level, &format!("{path}.resources"), found);
    }
    if let Some(overhead) = &spec.overhead {
        resources::list(overhead, &format!("{path}.overhead"), found);
    }
    for (key, value) in spec.node_selector.iter().flatten() {
        label(key, value, &format!("{path}.nodeSelector"), found);
    }
    tolerations(spec.tolerations.as_deref(), &format!("{path}.tolerations"), found);
    if let Some(affinity) = &spec.affinity {
        selector::affinity(affinity, &format!("{path}.affinity"), found);
    }
    spread(spec.topology_spread_constraints.as_deref().unwrap_or_default(), &format!("{path}.topologySpreadConstraints"), found);
    if spec.scheduling_group.is_some() {
        found.push(Finding::warning(
            format!("{path}.schedulingGroup"),
            "scheduling groups are not supported; each pod is placed by itself",
        ));
    }
}

/// Checks labels that stand at `path`.
pub(super) fn labels(labels: Option<&BTreeMap<String, String>>, path: &str, found: &mut Vec<Finding>) {
    for (key, value) in labels.into_iter().flatten() {
        label(key, value, path, found);
    }
}

fn label(key: &str, value: &str, path: &str, found: &mut Vec<Finding>) {
    if let Err(why) = syntax::qualified_name(key) {
        found.push(Finding::error(join(path, key), format!("the key {key:?} {why}")));
    }
    if let Err(why) = syntax::label_value(value) {
        found.push(Finding::error(join(path, key), format!("the value {value:?} {why}")));
    }
}

fn containers(spec: &PodSpec, path: &str, found: &mut Vec<Finding>) {
    if spec.containers.is_empty() {
        found.push(Finding::error(format!("{path}.containers"), "a pod needs at least one container"));
    }
    let mut names = BTreeSet::new();
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let all = [("initContainers", init), ("containers", spec.containers.as_slice())];
    for (list, index, container) in
        all.into_iter().flat_map(|(list, all)| all.iter().enumerate().map(move |(i, one)| (list, i, one)))
    {
        let at = format!("{path}.{list}[{index}]");
        check_container(container, &at, found);
        if !names.insert(container.name.as_str()) {
            found.push(Finding::error(format!("{at}.name"), format!("two containers are named {:?}", container.name)));
        }
    }
}

fn check_container(container: &Container, at: &str, found: &mut Vec<Finding>) {
    if let Err(why) = syntax::label_name(&container.name) {
        found.push(Finding::error(format!("{at}.name"), format!("{:?} {why}", container.name)));
    }
    if let Some(resources) = &container.resources {
        resources::of_container(resources, &format!("{at}.resources"), found);
    }
    if let Some(policy) =
        container.restart_policy.as_deref().filter(|policy| !matches!(*policy, "Always" | "OnFailure" | "Never"))
    {
        found.push(Finding::error(format!("{at}.restartPolicy"), format!("{policy:?} is none of Always, OnFailure, Never")));
    }
}

/// Checks tolerations that stand at `path`.
pub(super) fn tolerations(tolerations: Option<&[Toleration]>, path: &str, found: &mut Vec<Finding>) {
    for (index, toleration) in tolerations.unwrap_or_default().iter().enumerate() {
        check_toleration(toleration, &format!("{path}[{index}]"), found);
    }
}

fn check_toleration(toleration: &Toleration, at: &str, found: &mut Vec<Finding>) {
    let key = toleration.key.as_deref().unwrap_or_default();
    let value = toleration.value.as_deref().unwrap_or_default();
    if !key.is_empty()
        && let Err(why) = syntax::qualified_name(key)
    {
        found.push(Finding::error(format!("{at}.key"), format!("{key:?} {why}")));
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "Exists" if !value.is_empty() => {
            found.push(Finding::error(format!("{at}.value"), "must be empty when the operator is Exists"));
        }
        "Exists" => {}
        "" | "Equal" if key.is_empty() => {
            found.push(Finding::error(format!("{at}.operator"), "must be Exists when the key is empty"));
        }
        "" | "Equal" => {
            if let Err(why) = syntax::label_value(value) {
                found.push(Finding::error(format!("{at}.value"), format!("{value:?} {why}")));
            }
        }
        operator @ ("Lt" | "Gt") => {
            found.push(Finding::error(format!("{at}.operator"), format!("{operator} is not supported; use Equal or Exists")));
        }
        operator => {
            found.push(Finding::error(format!("{at}.operator"), format!("{operator:?} is neither Equal nor Exists")));
        }
    }
    let effect = toleration.effect.as_deref().unwrap_or_default();
    if !matches!(effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
        let message = format!("{effect:?} is none of NoSchedule, PreferNoSchedule, NoExecute");
        found.push(Finding::error(format!("{at}.effect"), message));
    } else if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
        found.push(Finding::error(format!("{at}.effect"), "must be NoExecute when tolerationSeconds is set"));
    }
}

fn spread(constraints: &[TopologySpreadConstraint], path: &str, found: &mut Vec<Finding>) {
    let mut known = BTreeSet::new();
    for (index, constraint) in constraints.iter().enumerate() {
        let at = format!("{path}[{index}]");
        if constraint.max_skew < 1 {
            found.push(Finding::error(format!("{at}.maxSkew"), format!("{} is less than 1", constraint.max_skew)));
        }
        if let Err(why) = syntax::qualified_name(&constraint.topology_key) {
            found.push(Finding::error(format!("{at}.topologyKey"), format!("{:?} {why}", constraint.topology_key)));
        }
        let hard = constraint.when_unsatisfiable == "DoNotSchedule";
        if !hard && constraint.when_unsatisfiable != "ScheduleAnyway" {
            let message = format!("{:?} is neither DoNotSchedule nor ScheduleAnyway", constraint.when_unsatisfiable);
            found.push(Finding::error(format!("{at}.whenUnsatisfiable"), message));
        }
        match constraint.min_domains {
            Some(domains) if domains < 1 => {
                found.push(Finding::error(format!("{at}.minDomains"), format!("{domains} is less than 1")));
            }
            Some(_) if !hard => {
                found.push(Finding::error(format!("{at}.minDomains"), "needs whenUnsatisfiable: DoNotSchedule"));
            }
            _ => {}
        }
        if !known.insert((&constraint.topology_key, &constraint.when_unsatisfiable)) {
            found.push(Finding::error(at.clone(), "a second constraint with this topologyKey and whenUnsatisfiable"));
        }
        match &constraint.label_selector {
            Some(selector) => label_selector(selector, &format!("{at}.labelSelector"), found),
            None if constraint.match_label_keys.as_ref().is_some_and(|keys| !keys.is_empty()) => {
                found.push(Finding::error(format!("{at}.matchLabelKeys"), "needs a labelSelector"));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
