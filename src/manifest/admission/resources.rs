//! Requests and limits: quantities, which resources a container may ask for, and that no request exceeds its limit.

use crate::manifest::field::{Finding, join};
use crate::manifest::syntax;
use crate::quantity::Quantity;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;

/// Reads each amount; a wrong one is a finding. `path` is where the list stands.
pub(in crate::manifest) fn list<'r>(
    amounts: &'r BTreeMap<String, Text>,
    path: &str,
    found: &mut Vec<Finding>,
) -> BTreeMap<&'r str, Quantity> {
    let mut read = BTreeMap::new();
    for (resource, text) in amounts {
        // `amount` refuses negative amounts and those that the solver cannot count.
        match crate::quantity::amount(resource, &text.0).and_then(|_| Quantity::parse(&text.0)) {
            Ok(quantity) => {
                read.insert(resource.as_str(), quantity);
            }
            Err(error) => found.push(Finding::error(join(path, resource), error.to_string())),
        }
    }
    read
}

/// What a container asks for.
pub(super) fn of_container(resources: &ResourceRequirements, path: &str, found: &mut Vec<Finding>) {
    check(
        resources,
        path,
        is_container_resource,
        "a container can ask for cpu, memory, ephemeral-storage, hugepages-SIZE and domain/name",
        found,
    );
}

/// What a pod asks for as a whole (KEP-2837).
pub(super) fn of_pod(resources: &ResourceRequirements, path: &str, found: &mut Vec<Finding>) {
    let allowed = |resource: &str| matches!(resource, "cpu" | "memory") || resource.starts_with("hugepages-");
    check(resources, path, allowed, "a pod as a whole can ask for cpu, memory and hugepages-SIZE", found);
}

fn check(resources: &ResourceRequirements, path: &str, allowed: impl Fn(&str) -> bool, which: &str, found: &mut Vec<Finding>) {
    let empty = BTreeMap::new();
    let (requests_at, limits_at) = (format!("{path}.requests"), format!("{path}.limits"));
    let requests = list(resources.requests.as_ref().unwrap_or(&empty), &requests_at, found);
    let limits = list(resources.limits.as_ref().unwrap_or(&empty), &limits_at, found);
    for (at, amounts) in [(&requests_at, &requests), (&limits_at, &limits)] {
        for (resource, amount) in amounts {
            if !allowed(resource) {
                found.push(Finding::error(join(at, resource), format!("{resource:?} is no resource here: {which}")));
            } else if is_extended(resource) && amount.units_ceil().map(Quantity::whole) != Ok(*amount) {
                found.push(Finding::error(join(at, resource), "must be a whole number"));
            }
        }
    }
    for (resource, request) in &requests {
        let at = || join(&requests_at, resource);
        match limits.get(resource) {
            Some(limit) if request > limit => {
                let text = |amounts: &Option<BTreeMap<String, Text>>| {
                    amounts.as_ref().and_then(|all| all.get(*resource)).map(|text| text.0.clone()).unwrap_or_default()
                };
                let (request, limit) = (text(&resources.requests), text(&resources.limits));
                found.push(Finding::error(at(), format!("the request of {request} exceeds the limit of {limit}")));
            }
            Some(limit) if request != limit && is_exact(resource) => {
                found.push(Finding::error(at(), "must equal the limit: this resource cannot be overcommitted"));
            }
            // A limit that is there but wrong has its own finding.
            None if is_exact(resource) && !resources.limits.as_ref().is_some_and(|limits| limits.contains_key(*resource)) => {
                found.push(Finding::error(at(), "needs a limit of the same amount: this resource cannot be overcommitted"));
            }
            _ => {}
        }
    }
}

fn is_container_resource(resource: &str) -> bool {
    let standard = matches!(resource, "cpu" | "memory" | "ephemeral-storage") || resource.starts_with("hugepages-");
    standard || (resource.contains('/') && syntax::qualified_name(resource).is_ok())
}

/// Outside of Kubernetes' own domain: devices, counted whole.
fn is_extended(resource: &str) -> bool {
    resource.split_once('/').is_some_and(|(domain, _)| domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io"))
}

/// Whether the request must equal the limit.
fn is_exact(resource: &str) -> bool {
    is_extended(resource) || resource.starts_with("hugepages-")
}
