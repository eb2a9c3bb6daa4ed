//! Settings of the kubelet.

use super::super::quantity_text::QUANTITY_PATTERN;
use super::super::rule::{rule, rule_at};
use super::super::{QuantityText, ResourceList};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What may be reserved.
pub(crate) const RESERVED_KEYS: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pid"];
/// What eviction may watch.
pub(crate) const EVICTION_KEYS: [&str; 6] =
    ["memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree", "pid.available"];

/// Settings of the kubelet. Those named here change what is allocatable; others are kept and passed on where the image's family can
/// (AL2023), without being modelled.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = kubelet_rules(), "x-kubernetes-preserve-unknown-fields" = true))]
pub struct KubeletConfiguration {
    /// IP addresses of the cluster's DNS servers.
    #[serde(default, rename = "clusterDNS", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 64)))]
    pub cluster_dns: Vec<String>,
    /// Most pods on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub max_pods: Option<u32>,
    /// Most pods per vCPU; never more than `maxPods`. 0 means no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub pods_per_core: Option<u32>,
    /// Kept for the system: cpu, memory, ephemeral-storage, pid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "system_reserved")]
    pub system_reserved: ResourceList,
    /// Kept for kubelet and container runtime: cpu, memory, ephemeral-storage, pid.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "kube_reserved")]
    pub kube_reserved: ResourceList,
    /// Thresholds of immediate eviction, as quantity or percentage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "eviction_hard")]
    pub eviction_hard: BTreeMap<String, QuantityText>,
    /// Thresholds of eviction after a grace period, as quantity or percentage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "eviction_soft")]
    pub eviction_soft: BTreeMap<String, QuantityText>,
    /// The grace periods, one for each key of `evictionSoft`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "eviction_soft_grace_period")]
    pub eviction_soft_grace_period: BTreeMap<String, String>,
    /// Longest grace of pods at soft eviction, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub eviction_max_pod_grace_period: Option<i32>,
    /// Percentage of disk use above which images are removed.
    #[serde(default, rename = "imageGCHighThresholdPercent", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub image_gc_high_threshold_percent: Option<u32>,
    /// Percentage of disk use down to which images are removed.
    #[serde(default, rename = "imageGCLowThresholdPercent", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub image_gc_low_threshold_percent: Option<u32>,
    /// Whether CPU limits are enforced by quota.
    #[serde(default, rename = "cpuCFSQuota", skip_serializing_if = "Option::is_none")]
    pub cpu_cfs_quota: Option<bool>,
    /// Any other setting.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: BTreeMap<String, Value>,
}

fn kubelet_rules() -> Vec<Value> {
    vec![
        rule(
            "!has(self.imageGCHighThresholdPercent) || !has(self.imageGCLowThresholdPercent) || \
             self.imageGCHighThresholdPercent > self.imageGCLowThresholdPercent",
            "imageGCHighThresholdPercent must be greater than imageGCLowThresholdPercent",
        ),
        rule_at(
            ".evictionSoft",
            "!has(self.evictionSoft) || self.evictionSoft.all(e, has(self.evictionSoftGracePeriod) && e in self.evictionSoftGracePeriod)",
            "each key of evictionSoft needs one in evictionSoftGracePeriod",
        ),
        rule_at(
            ".evictionSoftGracePeriod",
            "!has(self.evictionSoftGracePeriod) || self.evictionSoftGracePeriod.all(e, has(self.evictionSoft) && e in self.evictionSoft)",
            "each key of evictionSoftGracePeriod needs one in evictionSoft",
        ),
    ]
}

fn known_keys(field: &str, keys: &[&str]) -> Value {
    let quoted = keys.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(",");
    rule(format!("self.all(x, x in [{quoted}])"), &format!("valid keys for {field} are [{quoted}]"))
}

fn reserved(field: &str) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": {
            "pattern": QUANTITY_PATTERN,
            "maxLength": 64,
            "x-kubernetes-int-or-string": true
        },
        "maxProperties": 20,
        "x-kubernetes-validations": [
            known_keys(field, &RESERVED_KEYS),
            rule("self.all(x, !string(self[x]).startsWith('-'))", &format!("{field} value cannot be a negative resource quantity")),
        ]
    })
}

fn thresholds(field: &str) -> schemars::Schema {
    let quantity = QUANTITY_PATTERN.trim_start_matches('^').trim_end_matches('$');
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": {
            "type": "string",
            "maxLength": 64,
            "pattern": format!(r"^(([0-9]{{1,2}}(\.[0-9]{{1,2}})?|100(\.0{{1,2}})?)%|{quantity})$")
        },
        "maxProperties": 20,
        "x-kubernetes-validations": [known_keys(field, &EVICTION_KEYS)]
    })
}

fn system_reserved(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    reserved("systemReserved")
}

fn kube_reserved(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    reserved("kubeReserved")
}

fn eviction_hard(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    thresholds("evictionHard")
}

fn eviction_soft(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    thresholds("evictionSoft")
}

fn eviction_soft_grace_period(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 64 },
        "maxProperties": 20,
        "x-kubernetes-validations": [known_keys("evictionSoftGracePeriod", &EVICTION_KEYS)]
    })
}
