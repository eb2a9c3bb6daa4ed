//! What a pod requests, by the rules of kube-scheduler (k8s.io/component-helpers, resource.PodRequests):
//!
//! - containers and sidecars (init containers with `restartPolicy: Always`) run together: their requests add up;
//! - an init container runs beside the sidecars that started before it: the pod needs the larger of that and of the sum (KEP-753);
//! - a request that is left out is the limit;
//! - `spec.resources` replaces the result for CPU, memory and huge pages (KEP-2837);
//! - pod overhead comes on top.

use crate::quantity::{self, QuantityError};
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use windlass_solver::{ResourceName, Resources};

type Texts = BTreeMap<String, Text>;

/// Why a pod's requests are no amounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// The sum does not fit into 63 bits.
    #[error("the requests of {resource} add up to more than can be counted")]
    Overflow { resource: String },
    /// One amount is wrong. Reading refuses those; overhead of a RuntimeClass and what a cluster reports come here unread.
    #[error("{resource}: {cause}")]
    Amount { resource: String, cause: QuantityError },
    /// The API server refuses a pod whose containers ask for more than the pod.
    #[error("the pod asks for less {resource} than its containers together")]
    BelowContainers { resource: String },
}

impl RequestError {
    /// The resource at fault.
    pub(crate) fn resource(&self) -> &str {
        match self {
            Self::Overflow { resource } | Self::Amount { resource, .. } | Self::BelowContainers { resource } => resource,
        }
    }
}

/// Amounts by resource, in solver units; an entry of zero is an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Amounts(BTreeMap<String, i64>);

impl Amounts {
    fn read(texts: Option<&Texts>) -> Result<Self, RequestError> {
        let mut amounts = Self::default();
        for (resource, text) in texts.into_iter().flatten() {
            let amount = quantity::amount(resource, &text.0)
                .map_err(|cause| RequestError::Amount { resource: resource.clone(), cause })?;
            amounts.0.insert(resource.clone(), amount);
        }
        Ok(amounts)
    }

    /// Requests, with limits where they are left out.
    fn of(resources: Option<&ResourceRequirements>) -> Result<Self, RequestError> {
        let mut amounts = Self::read(resources.and_then(|all| all.limits.as_ref()))?;
        amounts.0.extend(Self::read(resources.and_then(|all| all.requests.as_ref()))?.0);
        Ok(amounts)
    }

    fn add(&mut self, other: &Self) -> Result<(), RequestError> {
        for (resource, amount) in &other.0 {
            let sum = self.0.entry(resource.clone()).or_default();
            *sum = sum.checked_add(*amount).ok_or_else(|| RequestError::Overflow { resource: resource.clone() })?;
        }
        Ok(())
    }

    fn raise_to(&mut self, other: &Self) {
        for (resource, amount) in &other.0 {
            let known = self.0.entry(resource.clone()).or_default();
            *known = (*known).max(*amount);
        }
    }
}

/// The requests of a pod with this overhead, one `pods` included.
pub(crate) fn of(spec: &PodSpec, overhead: Option<&Texts>) -> Result<Resources, RequestError> {
    let mut total = containers(spec)?;
    if let Some(pod_level) = &spec.resources {
        replace(&mut total, pod_level)?;
    }
    total.add(&Amounts::read(overhead)?)?;
    let named = total.0.into_iter().map(|(name, amount)| (ResourceName::new(name), amount));
    Ok(named.collect::<Resources>().with(ResourceName::PODS, 1))
}

fn containers(spec: &PodSpec) -> Result<Amounts, RequestError> {
    let (mut sidecars, mut starting) = (Amounts::default(), Amounts::default());
    for container in spec.init_containers.iter().flatten() {
        let own = Amounts::of(container.resources.as_ref())?;
        if is_sidecar(container) {
            sidecars.add(&own)?;
            starting.raise_to(&sidecars);
        } else {
            let mut beside = own;
            beside.add(&sidecars)?;
            starting.raise_to(&beside);
        }
    }
    let mut running = sidecars;
    for container in &spec.containers {
        running.add(&Amounts::of(container.resources.as_ref())?)?;
    }
    running.raise_to(&starting);
    Ok(running)
}

fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn replace(total: &mut Amounts, pod_level: &ResourceRequirements) -> Result<(), RequestError> {
    for (resource, amount) in Amounts::read(pod_level.requests.as_ref())?.0 {
        if total.0.get(&resource).is_some_and(|sum| *sum > amount) {
            return Err(RequestError::BelowContainers { resource });
        }
        total.0.insert(resource, amount);
    }
    // The API server takes the limit as request only where no container asks for the resource.
    for (resource, amount) in Amounts::read(pod_level.limits.as_ref())?.0 {
        total.0.entry(resource).or_insert(amount);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::{Value, json};

    fn requests(spec: Value) -> String {
        let mut spec = spec;
        spec.as_object_mut().unwrap().entry("containers").or_insert(json!([]));
        let spec: k8s_openapi::api::core::v1::PodSpec = serde_json::from_value(spec).unwrap();
        match of(&spec, spec.overhead.as_ref()) {
            Ok(resources) => resources.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    fn container(cpu: &str) -> Value {
        json!({"name": "a", "resources": {"requests": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"name": "a", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn adds_containers_and_takes_the_larger_of_init() {
        for (spec, expected) in [
            (json!({}), "pods=1"),
            (json!({"containers": [container("1"), container("500m")]}), "cpu=1500 pods=1"),
            (json!({"containers": [container("1")], "initContainers": [container("3"), container("2")]}), "cpu=3000 pods=1"),
            (json!({"containers": [container("1")], "initContainers": [sidecar("1"), container("2")]}), "cpu=3000 pods=1"),
            (json!({"containers": [container("1")], "initContainers": [container("2"), sidecar("1")]}), "cpu=2000 pods=1"),
            (
                json!({"containers": [container("1")], "initContainers": [sidecar("2"), sidecar("3"), container("1")]}),
                "cpu=6000 pods=1",
            ),
            (
                json!({"containers": [container("1")], "initContainers": [sidecar("1"), container("5"), sidecar("1")]}),
                "cpu=6000 pods=1",
            ),
            (
                json!({"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Ki"}}),
                "cpu=1250 memory=1024 pods=1",
            ),
            (
                json!({"containers": [{"name": "a", "resources": {"limits": {"cpu": 1, "memory": "1k"}, "requests": {"cpu": "1m"}}}]}),
                "cpu=1 memory=1000 pods=1",
            ),
            (json!({"containers": [container("0")]}), "pods=1"),
            (json!({"containers": [container("1n"), container("1n")]}), "cpu=2 pods=1"),
        ] {
            assert_eq!(requests(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn pod_level_resources_replace() {
        for (resources, expected) in [
            (json!({"requests": {"cpu": 4}}), "cpu=4000 pods=1"),
            (json!({"limits": {"cpu": 4}}), "cpu=1000 pods=1"),
            (json!({"limits": {"memory": "1Ki"}}), "cpu=1000 memory=1024 pods=1"),
            (json!({"requests": {"cpu": "500m"}}), "the pod asks for less cpu than its containers together"),
        ] {
            assert_eq!(requests(json!({"containers": [container("1")], "resources": resources})), expected);
        }
    }

    #[test]
    fn sums_that_do_not_fit_are_errors() {
        let most = container("9223372036854775807m");
        let message = "the requests of cpu add up to more than can be counted";
        assert_eq!(requests(json!({"containers": [most.clone()]})), "cpu=9223372036854775807 pods=1");
        assert_eq!(requests(json!({"containers": [most.clone(), container("1m")]})), message);
        assert_eq!(requests(json!({"containers": [most.clone()], "overhead": {"cpu": "1m"}})), message);
        assert_eq!(requests(json!({"initContainers": [sidecar("1m"), most]})), message);
        assert_eq!(requests(json!({"overhead": {"cpu": "-1"}})), "cpu: \"-1\" is negative; expected zero or more");
    }
}
