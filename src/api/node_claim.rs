//! NodeClaim: the intent to have one node, and what has become of it.

use super::condition::Condition;
use super::node_pool::expire_after_default;
use super::period::{DURATION, DURATION_OR_NEVER};
use super::rule::rule;
use super::{Requirement, ResourceList, Taint};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The node that is wanted.
#[derive(CustomResource, Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1",
    kind = "NodeClaim",
    plural = "nodeclaims",
    doc = "One node that is wanted or exists.",
    status = "NodeClaimStatus",
    derive = "PartialEq",
    category = "karpenter",
    printcolumn(name = "Type", type_ = "string", json_path = r".metadata.labels.node\.kubernetes\.io/instance-type"),
    printcolumn(name = "Capacity", type_ = "string", json_path = r".metadata.labels.karpenter\.sh/capacity-type"),
    printcolumn(name = "Zone", type_ = "string", json_path = r".metadata.labels.topology\.kubernetes\.io/zone"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.nodeName"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "ImageID", type_ = "string", json_path = ".status.imageID", priority = 1),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.providerID", priority = 1),
    printcolumn(name = "NodePool", type_ = "string", json_path = r".metadata.labels.karpenter\.sh/nodepool", priority = 1),
    printcolumn(name = "NodeClass", type_ = "string", json_path = ".spec.nodeClassRef.name", priority = 1),
    printcolumn(
        name = "Drifted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Drifted")].status"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule("self == oldSelf", "spec is immutable")]))]
pub struct NodeClaimSpec {
    /// Object with the settings of the cloud, an EC2NodeClass.
    pub node_class_ref: NodeClassRef,
    /// What the labels of the node must be.
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub requirements: Vec<Requirement>,
    /// What the node must have.
    #[serde(default, skip_serializing_if = "ResourceRequirements::is_empty")]
    pub resources: ResourceRequirements,
    /// Taints of the node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub taints: Vec<Taint>,
    /// Taints that the node has only until something removes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub startup_taints: Vec<Taint>,
    /// Age at which the node is removed, or `Never`.
    #[serde(default = "expire_after_default")]
    #[schemars(length(max = 64), regex(pattern = DURATION_OR_NEVER))]
    pub expire_after: String,
    /// Longest time that draining the node may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = DURATION))]
    pub termination_grace_period: Option<String>,
}

/// Reference to the object with the settings of the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClassRef {
    /// API group, `karpenter.k8s.aws`.
    #[schemars(length(max = 253), regex(pattern = "^[^/]*$"), extend("x-kubernetes-validations" = [rule("self != ''", "group may not be empty")]))]
    pub group: String,
    /// Kind, `EC2NodeClass`.
    #[schemars(length(max = 63), extend("x-kubernetes-validations" = [rule("self != ''", "kind may not be empty")]))]
    pub kind: String,
    /// Name of the object.
    #[schemars(length(max = 253), extend("x-kubernetes-validations" = [rule("self != ''", "name may not be empty")]))]
    pub name: String,
}

/// What a node must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirements {
    /// Requests of all pods that the node is meant for, by resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: ResourceList,
}

impl ResourceRequirements {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// What has become of a NodeClaim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeClaimStatus {
    /// Name of the Node.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_name: String,
    /// `aws:///<zone>/<instance id>`.
    #[serde(default, rename = "providerID", skip_serializing_if = "String::is_empty")]
    pub provider_id: String,
    /// AMI the instance was launched from.
    #[serde(default, rename = "imageID", skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// What the instance has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity: ResourceList,
    /// What pods may use of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub allocatable: ResourceList,
    /// When a pod last came or went, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub last_pod_event_time: Option<String>,
    /// `Launched`, `Registered`, `Initialized`, `Ready`, `Consolidatable`, `Drifted`, `Drained` and more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = json!(["type"])))]
    pub conditions: Vec<Condition>,
}
