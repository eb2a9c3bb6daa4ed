//! Provisioner (v1alpha5): the predecessor of NodePool. It is read, converted and warned about, never written.

use super::aws_node_template::Provider;
use super::ec2_node_class::{EVICTION_KEYS, RESERVED_KEYS};
use super::requirement::LABEL_VALUE;
use super::rule::{rule, rule_at};
use super::taint::QUALIFIED_NAME;
use super::{Operator, QuantityText, ResourceList, Taint, label};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a Provisioner may launch.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1alpha5",
    kind = "Provisioner",
    plural = "provisioners",
    doc = "The predecessor of NodePool; `windlass convert` turns it into one.",
    derive = "PartialEq",
    derive = "Default",
    category = "karpenter",
    deprecated = "karpenter.sh/v1alpha5 Provisioner is deprecated: use karpenter.sh/v1 NodePool (windlass convert)",
    printcolumn(name = "Template", type_ = "string", json_path = ".spec.providerRef.name"),
    printcolumn(name = "Weight", type_ = "string", json_path = ".spec.weight", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.provider) != has(self.providerRef)", "must specify exactly one of ['provider', 'providerRef']"),
    rule_at(".ttlSecondsAfterEmpty",
            "!has(self.ttlSecondsAfterEmpty) || !has(self.consolidation) || !has(self.consolidation.enabled) || !self.consolidation.enabled",
            "'ttlSecondsAfterEmpty' and 'consolidation.enabled' are mutually exclusive"),
]))]
pub struct ProvisionerSpec {
    /// Labels of the nodes; each is a requirement too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "label_map")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Taints of the nodes; pods must tolerate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub taints: Vec<Taint>,
    /// Taints that a node has only until something removes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub startup_taints: Vec<Taint>,
    /// What the labels of the nodes must be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub requirements: Vec<LegacyRequirement>,
    /// Settings of the kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet_configuration: Option<LegacyKubelet>,
    /// Settings of the cloud, inline. Excludes `providerRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// Name of an AWSNodeTemplate. Excludes `provider`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_ref: Option<ProviderRef>,
    /// Seconds after which an empty node is removed; never if unset. Excludes `consolidation.enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_223_372_036_i64))]
    pub ttl_seconds_after_empty: Option<i64>,
    /// Seconds after which a node is removed, empty or not; never if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 9_223_372_036_i64))]
    pub ttl_seconds_until_expired: Option<i64>,
    /// Most that all nodes of the Provisioner may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Priority among Provisioners, 1 to 100, higher first; 0 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub weight: Option<u32>,
    /// Whether nodes are replaced to save cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consolidation: Option<Consolidation>,
}

/// Reference to an AWSNodeTemplate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRef {
    /// API version, `karpenter.k8s.aws/v1alpha1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub api_version: Option<String>,
    /// Kind, `AWSNodeTemplate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub kind: Option<String>,
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Most that all nodes may have together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// By resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub resources: ResourceList,
}

/// Whether nodes are replaced to save cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Consolidation {
    /// Whether they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// What a node's label must be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(".values", "self.operator != 'In' || (has(self.values) && self.values.size() > 0)",
            "requirements with operator 'In' must have a value defined"),
    rule_at(".values",
            "!(self.operator in ['Gt', 'Lt']) || (has(self.values) && self.values.size() == 1 && self.values[0].matches('^[0-9]{1,18}$'))",
            "requirements operator 'Gt' or 'Lt' must have a single non-negative integer value"),
]))]
pub struct LegacyRequirement {
    /// Label the requirement is about.
    #[schemars(length(max = 316), regex(pattern = QUALIFIED_NAME), extend("x-kubernetes-validations" = [legacy_key_rule()]))]
    pub key: String,
    /// How the label relates to the values: `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    #[schemars(schema_with = "legacy_operator")]
    pub operator: Operator,
    /// The values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(max = 63), regex(pattern = LABEL_VALUE)))]
    pub values: Vec<String>,
}

fn legacy_operator(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] })
}

/// Domains that v1alpha5 keeps for itself and for Kubernetes, and the keys in them that may be used all the same.
fn legacy_free(variable: &str) -> String {
    let free: Vec<String> =
        label::WELL_KNOWN.iter().filter(|key| **key != label::NODE_POOL).map(|key| format!("'{key}'")).collect();
    let aliases = "'beta.kubernetes.io/arch', 'beta.kubernetes.io/os', 'beta.kubernetes.io/instance-type', \
                   'failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region'";
    format!(
        "{variable} in [{}, {aliases}] || {variable}.matches('^([^/]+[.])?(kops[.]k8s[.]io|node[.]kubernetes[.]io)/') || \
         !{variable}.matches('^([^/]+[.])?(kubernetes[.]io|k8s[.]io|karpenter[.]sh|karpenter[.]k8s[.]aws)/')",
        free.join(", ")
    )
}

const LEGACY_RESTRICTED: &str = "label is restricted: use a well-known label, or one outside of kubernetes.io, k8s.io, karpenter.sh and \
                                 karpenter.k8s.aws";

fn legacy_key_rule() -> Value {
    rule(legacy_free("self"), LEGACY_RESTRICTED)
}

fn label_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 63, "pattern": LABEL_VALUE },
        "maxProperties": 100,
        "x-kubernetes-validations": [rule(format!("self.all(x, {})", legacy_free("x")), LEGACY_RESTRICTED)]
    })
}

/// Settings of the kubelet, as v1alpha5 had them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule_at(".imageGCHighThresholdPercent",
            "!has(self.imageGCHighThresholdPercent) || !has(self.imageGCLowThresholdPercent) || \
             self.imageGCHighThresholdPercent >= self.imageGCLowThresholdPercent",
            "imageGCHighThresholdPercent must not be less than imageGCLowThresholdPercent"),
    rule_at(".evictionSoft",
            "!has(self.evictionSoft) || self.evictionSoft.all(e, has(self.evictionSoftGracePeriod) && e in self.evictionSoftGracePeriod)",
            "each key of evictionSoft needs one in evictionSoftGracePeriod"),
    rule_at(".evictionSoftGracePeriod",
            "!has(self.evictionSoftGracePeriod) || self.evictionSoftGracePeriod.all(e, has(self.evictionSoft) && e in self.evictionSoft)",
            "each key of evictionSoftGracePeriod needs one in evictionSoft"),
]))]
pub struct LegacyKubelet {
    /// IP addresses of the cluster's DNS servers.
    #[serde(default, rename = "clusterDNS", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 64)))]
    pub cluster_dns: Vec<String>,
    /// Container runtime; gone since v1beta1, containerd is the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub container_runtime: Option<String>,
    /// Most pods on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub max_pods: Option<u32>,
    /// Most pods per vCPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub pods_per_core: Option<u32>,
    /// Kept for the system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = [known_keys(&RESERVED_KEYS)]))]
    pub system_reserved: ResourceList,
    /// Kept for kubelet and container runtime.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 20, "x-kubernetes-validations" = [known_keys(&RESERVED_KEYS)]))]
    pub kube_reserved: ResourceList,
    /// Thresholds of immediate eviction, as quantity or percentage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "thresholds")]
    pub eviction_hard: BTreeMap<String, QuantityText>,
    /// Thresholds of eviction after a grace period, as quantity or percentage.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "thresholds")]
    pub eviction_soft: BTreeMap<String, QuantityText>,
    /// The grace periods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "thresholds")]
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
}

fn known_keys(keys: &[&str]) -> Value {
    let quoted = keys.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(",");
    rule(format!("self.all(x, x in [{quoted}])"), &format!("valid keys are [{quoted}]"))
}

fn thresholds(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 64 },
        "maxProperties": 20,
        "x-kubernetes-validations": [known_keys(&EVICTION_KEYS)]
    })
}
