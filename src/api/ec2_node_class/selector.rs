//! How subnets, security groups, images, reservations and placement groups are found.

use super::super::rule::rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tags to select by: all must match, and `*` matches any value.
fn tags(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 256 },
        "maxProperties": 20,
        "x-kubernetes-validations": [rule("self.all(k, k != '' && self[k] != '')", "empty tag keys or values aren't supported")]
    })
}

/// A list of selectors that must have an entry.
pub(super) fn not_empty(list: &str) -> [Value; 1] {
    [rule("self.size() != 0", &format!("{list} cannot be empty"))]
}

/// One field at least.
fn one_of(fields: &[&str]) -> Value {
    let any: Vec<String> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    let names: Vec<String> = fields.iter().map(|field| format!("'{field}'")).collect();
    rule(any.join(" || "), &format!("expected at least one, got none, [{}]", names.join(", ")))
}

/// A field that stands alone.
fn alone(field: &str, others: &[&str]) -> Value {
    let any: Vec<String> = others.iter().map(|other| format!("has(self.{other})")).collect();
    rule(
        format!("!has(self.{field}) || !({})", any.join(" || ")),
        &format!("'{field}' is mutually exclusive, cannot be set with a combination of other fields in a selector term"),
    )
}

/// Selects subnets.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [one_of(&["tags", "id"]), alone("id", &["tags"])]))]
pub struct SubnetSelectorTerm {
    /// Tags that the subnet must have, all of them; `*` stands for any value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    pub tags: BTreeMap<String, String>,
    /// Id of the subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^subnet-[0-9a-z]+$"))]
    pub id: Option<String>,
}

/// Selects security groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    one_of(&["tags", "id", "name"]), alone("id", &["tags", "name"]), alone("name", &["tags", "id"]),
]))]
pub struct SecurityGroupSelectorTerm {
    /// Tags that the group must have, all of them; `*` stands for any value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    pub tags: BTreeMap<String, String>,
    /// Id of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^sg-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// Name of the group (not its `Name` tag).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub name: Option<String>,
}

/// Selects capacity reservations.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    one_of(&["tags", "id", "instanceMatchCriteria"]), alone("id", &["tags", "ownerID", "instanceMatchCriteria"]),
]))]
pub struct CapacityReservationSelectorTerm {
    /// Tags that the reservation must have, all of them; `*` stands for any value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    pub tags: BTreeMap<String, String>,
    /// Id of the reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^cr-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// Account that owns the reservation.
    #[serde(default, rename = "ownerID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12), regex(pattern = "^[0-9]{12}$"))]
    pub owner_id: Option<String>,
    /// Which launches the reservation accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_match_criteria: Option<InstanceMatchCriteria>,
}

/// Which launches a reservation accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceMatchCriteria {
    /// Any that fit.
    Open,
    /// Those that name it.
    Targeted,
}

/// Selects one placement group.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    one_of(&["name", "id"]), rule("!(has(self.name) && has(self.id))", "'name' and 'id' are mutually exclusive"),
]))]
pub struct PlacementGroupSelector {
    /// Name of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub name: Option<String>,
    /// Id of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^pg-[0-9a-z]+$"))]
    pub id: Option<String>,
}

/// Selects images.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    one_of(&["tags", "id", "name", "alias", "ssmParameter"]),
    alone("id", &["alias", "tags", "name", "owner"]),
    alone("alias", &["id", "tags", "name", "owner"]),
]))]
pub struct AmiSelectorTerm {
    /// `family@version`: an image that EKS publishes, such as `al2023@latest` or `bottlerocket@v1.20.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = alias_rules()))]
    pub alias: Option<String>,
    /// Tags that the image must have, all of them; `*` stands for any value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    pub tags: BTreeMap<String, String>,
    /// Id of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^ami-[0-9a-z]+$"))]
    pub id: Option<String>,
    /// Name of the image (not its `Name` tag).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub name: Option<String>,
    /// Account that owns the image, or `self`, `amazon`, `aws-marketplace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub owner: Option<String>,
    /// Name or ARN of an SSM parameter that holds the image's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub ssm_parameter: Option<String>,
}

fn alias_rules() -> [Value; 3] {
    [
        rule("self.matches('^[a-zA-Z0-9]+@.+$')", "'alias' is improperly formatted, must match the format 'family@version'"),
        rule(
            "self.split('@')[0] in ['al2', 'al2023', 'bottlerocket', 'windows2019', 'windows2022', 'windows2025']",
            "family is not supported, must be one of the following: 'al2', 'al2023', 'bottlerocket', 'windows2019', 'windows2022', \
             'windows2025'",
        ),
        rule("!self.startsWith('windows') || self.endsWith('@latest')", "windows families may only specify version 'latest'"),
    ]
}
