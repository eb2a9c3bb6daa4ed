//! CapacityBuffers (`autoscaling.x-k8s.io/v1beta1`): room that is kept for pods that nobody has created yet. Each becomes a workload of
//! pods that give way to every other pod and need no volume, as in Karpenter.

use super::field::{Finding, any_error, decode};
use super::inventory::Sourced;
use super::workload::{PODS_MAX, Workload};
use super::{admission, requests};
use crate::diagnostic::Diagnostic;
use crate::quantity;
use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::ObjectKey;

/// The kind, as it stands before the name of its pods' owner.
pub(super) const KIND: &str = "CapacityBuffer";

/// The only strategy that the API defines: keep nodes with room.
const ACTIVE: &str = "buffer.x-k8s.io/active-capacity";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[allow(dead_code, reason = "read before; named here so that it is no unknown field")]
    api_version: Option<String>,
    #[allow(dead_code, reason = "as above")]
    kind: Option<String>,
    #[allow(dead_code, reason = "as above")]
    metadata: Option<ObjectMeta>,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    provisioning_strategy: Option<String>,
    pod_template_ref: Option<PodTemplateRef>,
    scalable_ref: Option<ScalableRef>,
    replicas: Option<i32>,
    percentage: Option<i32>,
    limits: Option<BTreeMap<String, Quantity>>,
}

#[derive(Deserialize)]
struct PodTemplateRef {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScalableRef {
    #[serde(default)]
    api_group: String,
    kind: String,
    name: String,
}

/// A buffer, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Buffer {
    pub(super) key: ObjectKey,
    /// The workload whose pods it has room for: a PodTemplate, Deployment, StatefulSet or ReplicaSet of its namespace.
    kind: &'static str,
    name: String,
    /// The field that names it.
    field: &'static str,
    replicas: Option<i32>,
    percentage: Option<i32>,
    limits: Option<BTreeMap<String, Quantity>>,
}

/// Reads a buffer. `None` if there is an error among the findings.
pub(super) fn read(key: ObjectKey, mut value: Value, found: &mut Vec<Finding>) -> Option<Buffer> {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("status");
    }
    let Spec { provisioning_strategy, pod_template_ref, scalable_ref, replicas, percentage, limits } =
        decode::<Written>(value, "", found)?.spec;
    if let Some(strategy) = provisioning_strategy.filter(|strategy| strategy != ACTIVE) {
        found.push(Finding::error("spec.provisioningStrategy", format!("{strategy:?} is not supported; use {ACTIVE}")));
    }
    for (field, number) in [("spec.replicas", replicas), ("spec.percentage", percentage)] {
        if let Some(number) = number.filter(|number| *number < 0) {
            found.push(Finding::error(field, format!("{number} is negative")));
        }
    }
    if let Some(limits) = &limits {
        admission::resource_list(limits, "spec.limits", found);
    }
    if replicas.is_none() && percentage.is_none() && limits.is_none() {
        found.push(Finding::error("spec", "says not how large it is: set replicas, percentage or limits"));
    }
    let of = match (pod_template_ref, scalable_ref) {
        (Some(template), None) => Some(("PodTemplate", template.name, "spec.podTemplateRef.name")),
        (None, Some(scalable)) => {
            let known = ["Deployment", "StatefulSet", "ReplicaSet"].into_iter().find(|kind| *kind == scalable.kind);
            if known.is_none() || scalable.api_group != "apps" {
                let message = format!(
                    "{}/{} is not supported; use a Deployment, StatefulSet or ReplicaSet of apps",
                    scalable.api_group, scalable.kind
                );
                found.push(Finding::error("spec.scalableRef.kind", message));
            }
            known.map(|kind| (kind, scalable.name, "spec.scalableRef.name"))
        }
        _ => {
            found.push(Finding::error("spec", "needs either podTemplateRef or scalableRef"));
            None
        }
    };
    if percentage.is_some() && of.as_ref().is_some_and(|(kind, ..)| *kind == "PodTemplate") {
        found.push(Finding::error("spec.percentage", "a PodTemplate has no replicas to take a share of: use replicas"));
    }
    let (kind, name, field) = of.filter(|_| !any_error(found))?;
    Some(Buffer { key, kind, name, field, replicas, percentage, limits })
}

/// Adds the buffers to the workloads. A PodTemplate that a buffer uses is no workload of its own.
pub(super) fn resolve(buffers: &[Sourced<Buffer>], workloads: &mut Vec<Workload>, found: &mut Vec<Diagnostic>) {
    let mut made = Vec::new();
    for Sourced { value: buffer, place } in buffers {
        let shown = format!("{KIND}/{}", buffer.key);
        let wanted = ObjectKey::new(buffer.key.namespace.clone(), buffer.name.as_str());
        let error = |field: &str, message: String| Diagnostic::error(message).at(place.clone()).on(shown.as_str()).field(field);
        let Some(like) = workloads.iter().find(|one| one.kind == buffer.kind && one.key == wanted) else {
            found.push(error(buffer.field, format!("there is no {}/{wanted} in the input", buffer.kind)));
            continue;
        };
        let spec = give_way(&like.spec);
        match size(buffer, like.count, &spec) {
            Ok(count) if count <= PODS_MAX.unsigned_abs() => made.push(Workload {
                kind: KIND,
                key: buffer.key.clone(),
                uid: None,
                controller: None,
                count,
                first: 0,
                labels: like.labels.clone(),
                same_zone_as: like.same_zone_as.clone(),
                spec: Arc::new(spec),
                claim_templates: Arc::default(),
                selector: None,
                place: place.clone(),
            }),
            Ok(count) => found.push(error("spec", format!("room for {count} pods; at most {PODS_MAX} are planned"))),
            Err(why) => found.push(error("spec.limits", why)),
        }
    }
    let used = |one: &Workload| {
        let of = |buffer: &Sourced<Buffer>| (buffer.value.kind, &*buffer.value.name) == (one.kind, &*one.key.name);
        one.kind == "PodTemplate" && buffers.iter().any(|buffer| of(buffer) && buffer.value.key.namespace == one.key.namespace)
    };
    workloads.retain(|one| !used(one));
    workloads.extend(made);
}

/// The spec of a pod that waits for nothing and gives way to everything.
fn give_way(spec: &PodSpec) -> PodSpec {
    let mut spec = spec.clone();
    spec.priority = Some(i32::MIN);
    spec.priority_class_name = None;
    if let Some(volumes) = &mut spec.volumes {
        volumes.retain(|volume| volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none());
    }
    spec
}

/// The larger of `replicas` and the share of what the workload has (one at least), as far as `limits` hold it. Alone, `limits` say it.
fn size(buffer: &Buffer, replicas: u32, spec: &PodSpec) -> Result<u32, String> {
    let share = buffer.percentage.map(|percent| {
        let whole = u64::from(replicas) * u64::from(percent.unsigned_abs());
        u32::try_from(whole.div_ceil(100)).unwrap_or(u32::MAX).max(1)
    });
    let wanted = buffer.replicas.map(i32::unsigned_abs).max(share);
    let Some(limits) = &buffer.limits else { return Ok(wanted.unwrap_or(0)) };
    let each = requests::of(spec, spec.overhead.as_ref()).map_err(|error| error.to_string())?;
    let mut most: Option<u32> = None;
    for (resource, limit) in limits {
        let limit = quantity::amount(resource, &limit.0).map_err(|error| format!("{resource}: {error}"))?;
        let asked = each.get(resource);
        if asked > 0 {
            let fits = u32::try_from(limit / asked).unwrap_or(u32::MAX);
            most = Some(most.map_or(fits, |most| most.min(fits)));
        }
    }
    match (wanted, most) {
        (None, None) => Err("none of these resources is requested by the pods, so they say not how large it is".to_owned()),
        (Some(wanted), most) => Ok(most.map_or(wanted, |most| wanted.min(most))),
        (None, Some(most)) => Ok(most),
    }
}

#[cfg(test)]
mod tests;
