//! AWSNodeTemplate (v1alpha1), and the same settings inline in a Provisioner: the predecessors of EC2NodeClass.

use super::QuantityText;
use super::rule::{rule, rule_at};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How an instance is launched.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.k8s.aws",
    version = "v1alpha1",
    kind = "AWSNodeTemplate",
    plural = "awsnodetemplates",
    doc = "The predecessor of EC2NodeClass; `windlass convert` turns it into one.",
    derive = "PartialEq",
    derive = "Default",
    category = "karpenter",
    deprecated = "karpenter.k8s.aws/v1alpha1 AWSNodeTemplate is deprecated: use karpenter.k8s.aws/v1 EC2NodeClass (windlass convert)"
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = template_rules()))]
pub struct AWSNodeTemplateSpec {
    /// Settings that a Provisioner may also have inline.
    #[serde(flatten)]
    pub provider: Provider,
    /// User data in the format of the image's family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub user_data: Option<String>,
    /// Images: `aws::ids`, `aws::name`, `aws::owners`, or tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector")]
    pub ami_selector: Option<BTreeMap<String, String>>,
    /// Whether CloudWatch metrics come every minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_monitoring: Option<bool>,
}

/// Settings of the cloud, inline in a Provisioner or in an AWSNodeTemplate.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = provider_rules()))]
pub struct Provider {
    /// API version of the inline object; has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub api_version: Option<String>,
    /// Kind of the inline object; has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub kind: Option<String>,
    /// Family of the image: AL2 (also if unset), Bottlerocket, Ubuntu, Windows2019, Windows2022 or Custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "families")]
    pub ami_family: Option<String>,
    /// Context of CreateFleet, reserved by EC2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub context: Option<String>,
    /// Instance profile; the one of the global settings if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub instance_profile: Option<String>,
    /// Subnets, by tags or by `aws-ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector")]
    pub subnet_selector: Option<BTreeMap<String, String>>,
    /// Security groups, by tags or by `aws-ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector")]
    pub security_group_selector: Option<BTreeMap<String, String>>,
    /// Tags of what is launched.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 50, "x-kubernetes-validations" = [rule("self.all(k, k != '')", "empty tag keys aren't supported")]))]
    pub tags: BTreeMap<String, String>,
    /// Launch template of your own. Excludes security groups, metadata options, family, profile and volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub launch_template: Option<String>,
    /// The instance metadata service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_options: Option<LegacyMetadataOptions>,
    /// Volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub block_device_mappings: Vec<LegacyBlockDeviceMapping>,
}

fn families(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["AL2", "Bottlerocket", "Custom", "Ubuntu", "Windows2019", "Windows2022"] })
}

fn selector(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 2048 },
        "maxProperties": 50,
        "x-kubernetes-validations": [
            rule("self.all(k, k != '' && self[k] != '')", "empty keys or values aren't supported"),
            rule("!('aws-ids' in self || 'aws::ids' in self) || self.size() == 1", "'aws-ids' is mutually exclusive, cannot be set with other filters"),
        ]
    })
}

fn provider_rules() -> Vec<Value> {
    let mut rules = vec![
        rule_at(".subnetSelector", "has(self.subnetSelector)", "subnetSelector is required"),
        rule_at(
            ".securityGroupSelector",
            "has(self.securityGroupSelector) || has(self.launchTemplate)",
            "securityGroupSelector is required",
        ),
    ];
    rules.extend(
        ["securityGroupSelector", "metadataOptions", "amiFamily", "instanceProfile", "blockDeviceMappings"]
            .map(without_launch_template),
    );
    rules
}

fn template_rules() -> Vec<Value> {
    let mut rules = provider_rules();
    rules.extend(["userData", "amiSelector"].map(without_launch_template));
    rules.push(rule_at(
        ".amiSelector",
        "!has(self.amiFamily) || self.amiFamily != 'Custom' || has(self.amiSelector)",
        "amiSelector is required with amiFamily 'Custom'",
    ));
    rules
}

fn without_launch_template(field: &str) -> Value {
    rule(
        format!("!has(self.launchTemplate) || !has(self.{field})"),
        &format!("'launchTemplate' and '{field}' are mutually exclusive"),
    )
}

/// The instance metadata service.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyMetadataOptions {
    /// `enabled` (also if unset) or `disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "switch")]
    pub http_endpoint: Option<String>,
    /// `enabled` or `disabled` (also if unset).
    #[serde(default, rename = "httpProtocolIPv6", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "switch")]
    pub http_protocol_ipv6: Option<String>,
    /// 1 to 64; 2 if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub http_put_response_hop_limit: Option<i64>,
    /// `required` (also if unset) or `optional`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "tokens")]
    pub http_tokens: Option<String>,
}

fn switch(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["enabled", "disabled"] })
}

fn tokens(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["required", "optional"] })
}

/// One volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyBlockDeviceMapping {
    /// Device name, such as `/dev/xvda`.
    #[schemars(length(max = 255))]
    pub device_name: String,
    /// The EBS volume.
    pub ebs: LegacyBlockDevice,
}

/// An EBS volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [rule("has(self.snapshotID) || has(self.volumeSize)", "snapshotID or volumeSize must be defined")]))]
pub struct LegacyBlockDevice {
    /// Size, from 1 G to 64 T.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_size: Option<QuantityText>,
    /// `standard`, `io1`, `io2`, `gp2`, `sc1`, `st1` or `gp3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "volume_types")]
    pub volume_type: Option<String>,
    /// I/O operations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<i64>,
    /// MiB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<i64>,
    /// Whether the volume is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Key id, alias or ARN for encryption.
    #[serde(default, rename = "kmsKeyID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub kms_key_id: Option<String>,
    /// Whether the volume goes with the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_on_termination: Option<bool>,
    /// Snapshot to make the volume from.
    #[serde(default, rename = "snapshotID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub snapshot_id: Option<String>,
}

fn volume_types(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "enum": ["standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"] })
}
