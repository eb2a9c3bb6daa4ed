//! LimitRanges, as the admission plugin LimitRanger applies them to pods that do not exist yet: defaults first, then bounds.

use super::field::{Finding, join};
use super::inventory::{PodSet, Sourced};
use super::workload::spec_path;
use crate::diagnostic::Diagnostic;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use std::sync::Arc;

type Amounts = BTreeMap<String, Text>;

/// A spec with the defaults, and what speaks against it.
type Verdict = (Arc<PodSpec>, Vec<Finding>);

/// Applies the ranges to the pods of their namespaces. Pods that a range refuses are taken out, with a finding.
pub(super) fn apply(
    ranges: &[Sourced<LimitRange>],
    pods: Vec<Sourced<PodSet>>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Sourced<PodSet>> {
    let mut items: BTreeMap<&str, Vec<LimitRangeItem>> = BTreeMap::new();
    let mut sorted: Vec<&Sourced<LimitRange>> = ranges.iter().collect();
    sorted.sort_by_key(|range| range.value.metadata.name.as_deref());
    for range in sorted {
        let namespace = range.value.metadata.namespace.as_deref().unwrap_or_default();
        let limits = range.value.spec.iter().flat_map(|spec| &spec.limits);
        items.entry(namespace).or_default().extend(limits.cloned().map(complete));
    }
    let mut known: BTreeMap<(usize, &str), Verdict> = BTreeMap::new();
    let mut kept = Vec::with_capacity(pods.len());
    for mut pod in pods {
        let namespace = pod.value.keys.first().and_then(|key| items.get_key_value(key.namespace.as_ref()));
        // What runs was admitted under the ranges of its time.
        let Some((namespace, items)) = namespace.filter(|_| pod.value.state.node.is_none() && !pod.value.state.terminal) else {
            kept.push(pod);
            continue;
        };
        let kind = pod.value.owner.split('/').next().unwrap_or_default();
        // The address stands for the spec: `pods` and `known` keep every one alive.
        let address = Arc::as_ptr(&pod.value.spec).addr();
        let (spec, findings) = known.entry((address, namespace)).or_insert_with(|| admit(&pod.value.spec, items));
        if findings.is_empty() {
            pod.value.spec = spec.clone();
            kept.push(pod);
        } else {
            found.extend(findings.iter().map(|finding| {
                let field = finding.field.replacen("spec", spec_path(kind), 1);
                Diagnostic::error(finding.message.as_str()).at(pod.place.clone()).on(pod.value.owner.as_ref()).field(field)
            }));
        }
    }
    kept
}

/// What the API server fills in when a LimitRange for containers is created: a limit defaults to the maximum, a request to the limit,
/// else to the minimum.
fn complete(mut item: LimitRangeItem) -> LimitRangeItem {
    if item.type_ == "Container" {
        let fill = |target: &mut Option<Amounts>, from: Option<&Amounts>| {
            for (resource, amount) in from.into_iter().flatten() {
                target.get_or_insert_default().entry(resource.clone()).or_insert_with(|| amount.clone());
            }
        };
        fill(&mut item.default, item.max.as_ref());
        fill(&mut item.default_request, item.default.as_ref());
        fill(&mut item.default_request, item.min.as_ref());
    }
    item
}

fn admit(spec: &PodSpec, items: &[LimitRangeItem]) -> Verdict {
    let mut spec = spec.clone();
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        let resources = container.resources.get_or_insert_default();
        default_requests(resources.limits.as_ref(), &mut resources.requests);
        for item in items.iter().filter(|item| item.type_ == "Container") {
            for (from, to) in [(&item.default, &mut resources.limits), (&item.default_request, &mut resources.requests)] {
                for (resource, amount) in from.iter().flatten() {
                    to.get_or_insert_default().entry(resource.clone()).or_insert_with(|| amount.clone());
                }
            }
        }
    }
    let mut found = Vec::new();
    for item in items {
        match item.type_.as_str() {
            "Container" => check_containers(&spec, item, &mut found),
            "Pod" => check_pod(&spec, item, &mut found),
            _ => {}
        }
    }
    (Arc::new(spec), found)
}

/// A request that is left out is the limit.
fn default_requests(limits: Option<&Amounts>, requests: &mut Option<Amounts>) {
    for (resource, amount) in limits.into_iter().flatten() {
        requests.get_or_insert_default().entry(resource.clone()).or_insert_with(|| amount.clone());
    }
}

fn check_containers(spec: &PodSpec, item: &LimitRangeItem, found: &mut Vec<Finding>) {
    let init =
        spec.init_containers.iter().flatten().enumerate().map(|(index, one)| (format!("spec.initContainers[{index}]"), one));
    let main = spec.containers.iter().enumerate().map(|(index, one)| (format!("spec.containers[{index}]"), one));
    for (at, container) in init.chain(main) {
        let read = |amounts: Option<&Amounts>| -> BTreeMap<String, Quantity> {
            amounts
                .into_iter()
                .flatten()
                .filter_map(|(name, text)| Some((name.clone(), Quantity::parse(&text.0).ok()?)))
                .collect()
        };
        let resources = container.resources.as_ref();
        let requests = read(resources.and_then(|all| all.requests.as_ref()));
        let limits = read(resources.and_then(|all| all.limits.as_ref()));
        check_bounds(item, "a container", &format!("{at}.resources"), &requests, &limits, found);
    }
}

fn check_pod(spec: &PodSpec, item: &LimitRangeItem, found: &mut Vec<Finding>) {
    let sum = |limits: bool| -> BTreeMap<String, Quantity> {
        let mut sum: BTreeMap<String, Quantity> = BTreeMap::new();
        for resources in spec.containers.iter().filter_map(|container| container.resources.as_ref()) {
            let amounts = if limits { &resources.limits } else { &resources.requests };
            for (name, text) in amounts.iter().flatten() {
                if let Ok(quantity) = Quantity::parse(&text.0) {
                    let entry = sum.entry(name.clone()).or_default();
                    *entry = entry.saturating_add(quantity);
                }
            }
        }
        sum
    };
    check_bounds(item, "a pod", "spec.containers", &sum(false), &sum(true), found);
}

fn check_bounds(
    item: &LimitRangeItem,
    what: &str,
    at: &str,
    requests: &BTreeMap<String, Quantity>,
    limits: &BTreeMap<String, Quantity>,
    found: &mut Vec<Finding>,
) {
    let bounds = |amounts: &Option<Amounts>| -> Vec<(String, String, Quantity)> {
        let all = amounts.iter().flatten();
        all.filter_map(|(name, text)| Some((name.clone(), text.0.clone(), Quantity::parse(&text.0).ok()?))).collect()
    };
    for (name, text, min) in bounds(&item.min) {
        if requests.get(&name).or(limits.get(&name)).is_none_or(|amount| *amount < min) {
            found.push(Finding::error(join(at, &name), format!("a LimitRange asks for at least {text} {name} of {what}")));
        }
    }
    for (name, text, max) in bounds(&item.max) {
        if requests.get(&name).is_some_and(|amount| *amount > max) || limits.get(&name).is_none_or(|amount| *amount > max) {
            found.push(Finding::error(
                join(at, &name),
                format!("a LimitRange allows at most {text} {name} for {what}, as request and as limit"),
            ));
        }
    }
    for (name, text, ratio) in bounds(&item.max_limit_request_ratio) {
        let within = match (requests.get(&name), limits.get(&name)) {
            (Some(request), Some(limit)) => limit.is_at_most(*request, ratio),
            _ => false,
        };
        if !within {
            found.push(Finding::error(
                join(at, &name),
                format!("a LimitRange allows a limit of at most {text} times the request of {name}"),
            ));
        }
    }
}
