//! NodeOverlay: what somebody knows better about instance types than EC2's price list and hardware tables.

use super::condition::Condition;
use super::rule::{rule, rule_at};
use super::{Requirement, ResourceList};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Dollars an hour.
const PRICE: &str = r"^\d+(\.\d+)?$";
/// Dollars an hour or a percentage, more or less than the price; at most the whole of it less.
const ADJUSTMENT: &str = r"^(([+-]\d+(\.\d+)?)|(\+\d+(\.\d+)?%)|(-\d{1,2}(\.\d+)?%)|(-100(\.0+)?%))$";

/// What to change, and on which instance types.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.sh",
    version = "v1alpha1",
    kind = "NodeOverlay",
    plural = "nodeoverlays",
    shortname = "overlays",
    doc = "Another price, or devices of one's own, for some of the instance types of NodePools.",
    status = "NodeOverlayStatus",
    derive = "PartialEq",
    derive = "Default",
    category = "karpenter",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.weight", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    rule("!has(self.price) || !has(self.priceAdjustment)", "cannot set both 'price' and 'priceAdjustment'"),
    rule_at(".capacity", "!has(self.capacity) || self.capacity.all(x, !(x in ['cpu', 'memory', 'ephemeral-storage', 'pods']))",
            "only extended resources can be overlaid, not cpu, memory, ephemeral-storage or pods"),
]))]
pub struct NodeOverlaySpec {
    /// Labels that a node must have for its instance type, zone and capacity type to be meant: those of the instance type, the zone, the
    /// capacity type, and the labels of the NodePool.
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub requirements: Vec<Requirement>,
    /// The price, in dollars per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = PRICE))]
    pub price: Option<String>,
    /// What the price is more or less: dollars per hour (`-0.05`) or a percentage (`+10%`, at least `-100%`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = ADJUSTMENT))]
    pub price_adjustment: Option<String>,
    /// Extended resources that the node will have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 100))]
    pub capacity: ResourceList,
    /// Of several overlays on the same thing that of the highest weight counts, 1 to 10,000; 0 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub weight: Option<u32>,
}

/// What has become of a NodeOverlay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeOverlayStatus {
    /// `ValidationSucceeded` and `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = json!(["type"])))]
    pub conditions: Vec<Condition>,
}
