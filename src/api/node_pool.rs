//! NodePool: which nodes may be launched, how many, and how readily they are replaced.

use super::condition::Condition;
use super::node_claim::NodeClassRef;
use super::period::{BUDGET_DURATION, DURATION, DURATION_OR_NEVER};
use super::requirement::{Requirement, label_map_rules};
use super::rule::{rule, rule_at};
use super::{ResourceList, Taint};
use crate::api::requirement::LABEL_VALUE;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// What a NodePool may launch.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1",
    kind = "NodePool",
    plural = "nodepools",
    doc = "A pool of nodes that are launched for pods which fit nowhere else.",
    status = "NodePoolStatus",
    derive = "PartialEq",
    derive = "Default",
    category = "karpenter",
    scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.nodes"),
    printcolumn(name = "NodeClass", type_ = "string", json_path = ".spec.template.spec.nodeClassRef.name"),
    printcolumn(name = "Nodes", type_ = "string", json_path = ".status.nodes"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.weight", priority = 1),
    printcolumn(name = "CPU", type_ = "string", json_path = ".status.resources.cpu", priority = 1),
    printcolumn(name = "Memory", type_ = "string", json_path = ".status.resources.memory", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.replicas) == has(oldSelf.replicas)",
         "cannot change between static (replicas set) and dynamic (replicas unset) provisioning"),
    rule_at(".limits", "!has(self.replicas) || !has(self.limits) || self.limits.all(x, x == 'nodes')",
            "only 'limits.nodes' is supported on static NodePools"),
    rule_at(".weight", "!has(self.replicas) || !has(self.weight)", "'weight' is not supported on static NodePools"),
]))]
pub struct NodePoolSpec {
    /// What each node is made of.
    pub template: NodeClaimTemplate,
    /// How and when nodes are removed to save cost or to follow a change of the template.
    #[serde(default)]
    pub disruption: Disruption,
    /// Most that all nodes of the pool may have together, by resource; `nodes` counts nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub limits: ResourceList,
    /// Priority among pools, 1 to 100: pods go to the pool of the highest weight that can take them. A pool without weight has 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub weight: Option<u32>,
    /// Fixed number of nodes, independent of pods. Excludes `weight` and all limits but `nodes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i64>,
}

/// What each node of a pool is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimTemplate {
    /// Labels and annotations of the node.
    #[serde(default, skip_serializing_if = "TemplateMetadata::is_empty")]
    pub metadata: TemplateMetadata,
    /// The node itself.
    pub spec: NodeClaimTemplateSpec,
}

/// Labels and annotations that a node gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Labels of the node; each is a requirement too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "label_map")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the node.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl TemplateMetadata {
    /// Whether there is neither a label nor an annotation.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }
}

fn label_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 63, "pattern": LABEL_VALUE },
        "maxProperties": 100,
        "x-kubernetes-validations": label_map_rules()
    })
}

/// The node that is launched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimTemplateSpec {
    /// Object with the settings of the cloud, an EC2NodeClass. Group and kind cannot change.
    #[schemars(extend("x-kubernetes-validations" = [
        rule("self.group == oldSelf.group", "nodeClassRef.group is immutable"),
        rule("self.kind == oldSelf.kind", "nodeClassRef.kind is immutable"),
    ]))]
    pub node_class_ref: NodeClassRef,
    /// What the labels of the node must be: instance types, zones, capacity types, and labels of your own.
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic", "x-kubernetes-validations" = [
        rule("self.all(x, x.key != 'karpenter.sh/nodepool')", "label \"karpenter.sh/nodepool\" is restricted"),
    ]))]
    pub requirements: Vec<Requirement>,
    /// Taints of the node; pods must tolerate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub taints: Vec<Taint>,
    /// Taints that the node has only until something removes them, such as a CNI daemon; pods need not tolerate them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub startup_taints: Vec<Taint>,
    /// Age at which the node is removed, or `Never`.
    #[serde(default = "expire_after_default")]
    #[schemars(length(max = 64), regex(pattern = DURATION_OR_NEVER))]
    pub expire_after: String,
    /// Longest time that draining the node may take; after it, pods are deleted regardless of their disruption budgets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = DURATION))]
    pub termination_grace_period: Option<String>,
}

/// 30 days, as in Karpenter v1.
pub(super) fn expire_after_default() -> String {
    "720h".to_owned()
}

/// How and when nodes are removed of our own accord.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Disruption {
    /// How long a node must have had no pods coming or going before it may be consolidated, or `Never` for no consolidation at all,
    /// not even of empty nodes.
    #[serde(default = "consolidate_after_default")]
    #[schemars(length(max = 64), regex(pattern = DURATION_OR_NEVER))]
    pub consolidate_after: String,
    /// Which nodes may be consolidated.
    #[serde(default)]
    pub consolidation_policy: ConsolidationPolicy,
    /// How many nodes may be disrupted at once; the strictest active budget decides.
    #[serde(default = "budgets_default")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "atomic"))]
    pub budgets: Vec<Budget>,
}

impl Default for Disruption {
    fn default() -> Self {
        Self {
            consolidate_after: consolidate_after_default(),
            consolidation_policy: ConsolidationPolicy::default(),
            budgets: budgets_default(),
        }
    }
}

fn consolidate_after_default() -> String {
    "0s".to_owned()
}

fn budgets_default() -> Vec<Budget> {
    vec![Budget { nodes: budget_nodes_default(), reasons: Vec::new(), schedule: None, duration: None }]
}

fn budget_nodes_default() -> String {
    "10%".to_owned()
}

/// Which nodes may be consolidated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum ConsolidationPolicy {
    /// Only nodes without pods that are worth moving.
    WhenEmpty,
    /// Empty nodes, and nodes whose pods fit elsewhere for less.
    #[default]
    WhenEmptyOrUnderutilized,
    /// Empty nodes, and nodes where the saving is worth the pods moved.
    Balanced,
}

/// How many nodes may be disrupted at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("has(self.schedule) == has(self.duration)", "'schedule' must be set with 'duration'"),
]))]
pub struct Budget {
    /// Most nodes at once: a number, or a percentage of the pool's nodes, rounded up.
    #[serde(default = "budget_nodes_default")]
    #[schemars(length(max = 20), regex(pattern = r"^((100|[0-9]{1,2})%|[0-9]+)$"))]
    pub nodes: String,
    /// Reasons of disruption the budget applies to; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-list-type" = "set"))]
    pub reasons: Vec<DisruptionReason>,
    /// When the budget begins to be active: five cron fields or `@daily` and the like, in UTC. Without it the budget is always active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 256),
        regex(
            pattern = r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly))$|^((\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+))$"
        )
    )]
    pub schedule: Option<String>,
    /// How long the budget stays active after each hit of the schedule, in hours and minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = BUDGET_DURATION))]
    pub duration: Option<String>,
}

/// Why a node is disrupted of our own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum DisruptionReason {
    /// Its pods fit elsewhere for less.
    Underutilized,
    /// It has no pods that are worth moving.
    Empty,
    /// Its NodePool or EC2NodeClass has changed.
    Drifted,
}

/// What has become of a NodePool.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePoolStatus {
    /// Capacity of all nodes of the pool together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: ResourceList,
    /// Number of nodes.
    #[serde(default)]
    pub nodes: i64,
    /// Generation of the EC2NodeClass that the conditions refer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_class_observed_generation: Option<i64>,
    /// `ValidationSucceeded`, `NodeClassReady`, `NodeRegistrationHealthy` and `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = json!(["type"])))]
    pub conditions: Vec<Condition>,
}
