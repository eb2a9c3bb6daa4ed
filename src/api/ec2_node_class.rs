//! EC2NodeClass: how an instance is launched on EC2.

mod block_device;
mod kubelet;
mod network;
mod selector;
mod status;

pub use block_device::{BlockDevice, BlockDeviceMapping, VolumeType};
pub use kubelet::KubeletConfiguration;
pub(super) use kubelet::{EVICTION_KEYS, RESERVED_KEYS};
pub use network::{ConnectionTracking, CpuOptions, InterfaceType, MetadataOptions, NetworkInterface, Switch, Tokens};
pub use selector::{
    AmiSelectorTerm, CapacityReservationSelectorTerm, InstanceMatchCriteria, PlacementGroupSelector, SecurityGroupSelectorTerm,
    SubnetSelectorTerm,
};
pub use status::{Ami, CapacityReservation, EC2NodeClassStatus, ReservationState, ReservationType, SecurityGroup, Subnet};

use super::rule::{rule, rule_at};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How an instance is launched.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "karpenter.k8s.aws",
    version = "v1",
    kind = "EC2NodeClass",
    plural = "ec2nodeclasses",
    doc = "How instances are launched on EC2: network, image, disks, role and kubelet.",
    status = "EC2NodeClassStatus",
    derive = "PartialEq",
    derive = "Default",
    category = "karpenter",
    shortname = "ec2nc",
    shortname = "ec2ncs",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = class_rules()))]
pub struct EC2NodeClassSpec {
    /// Subnets to launch in; a subnet that any term selects may be used.
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = selector::not_empty("subnetSelectorTerms")))]
    pub subnet_selector_terms: Vec<SubnetSelectorTerm>,
    /// Security groups of the instance; all that any term selects are used.
    #[schemars(length(max = 30), extend("x-kubernetes-validations" = selector::not_empty("securityGroupSelectorTerms")))]
    pub security_group_selector_terms: Vec<SecurityGroupSelectorTerm>,
    /// Capacity reservations that may be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 30))]
    pub capacity_reservation_selector_terms: Vec<CapacityReservationSelectorTerm>,
    /// Placement group to launch into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement_group_selector: Option<PlacementGroupSelector>,
    /// Whether instances get a public IP address; the subnet decides if unset.
    #[serde(default, rename = "associatePublicIPAddress", skip_serializing_if = "Option::is_none")]
    pub associate_public_ip_address: Option<bool>,
    /// Number of IP prefixes (/28) to attach at launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub ip_prefix_count: Option<u32>,
    /// Images to launch from; among those that fit an instance type the newest is used.
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = [
        rule("!self.exists(x, has(x.alias)) || self.size() == 1", "'alias' is mutually exclusive, cannot be set with other amiSelectorTerms"),
    ]))]
    pub ami_selector_terms: Vec<AmiSelectorTerm>,
    /// Family of the image, which decides on user data, devices and defaults. Needed without alias; must match an alias or be Custom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ami_family: Option<AmiFamily>,
    /// User data in the format of the image's family; settings needed to join the cluster are merged into it. At most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub user_data: Option<String>,
    /// IAM role of the nodes; an instance profile is made for it. Excludes `instanceProfile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("x-kubernetes-validations" = [rule("self != ''", "role cannot be empty")]))]
    pub role: Option<String>,
    /// Instance profile of the nodes. Excludes `role`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), extend("x-kubernetes-validations" = [rule("self != ''", "instanceProfile cannot be empty")]))]
    pub instance_profile: Option<String>,
    /// Tags of instances, volumes and network interfaces. EC2 allows 50 per resource; we need some ourselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tag_map")]
    pub tags: BTreeMap<String, String>,
    /// Settings of the kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<KubeletConfiguration>,
    /// Volumes of the instance; those of the image's family if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), extend("x-kubernetes-validations" = [
        rule("self.filter(x, has(x.rootVolume) && x.rootVolume).size() <= 1", "must have only one blockDeviceMappings with rootVolume"),
    ]))]
    pub block_device_mappings: Vec<BlockDeviceMapping>,
    /// What becomes of local NVMe disks; they stay unused if unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_store_policy: Option<InstanceStorePolicy>,
    /// Network interfaces to attach; one primary interface if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 150), extend("x-kubernetes-validations" = network::interface_rules()))]
    pub network_interfaces: Vec<NetworkInterface>,
    /// Whether CloudWatch metrics come every minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_monitoring: Option<bool>,
    /// The instance metadata service.
    #[serde(default)]
    pub metadata_options: MetadataOptions,
    /// Idle timeouts of tracked connections; Nitro instances only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_tracking: Option<ConnectionTracking>,
    /// Context of CreateFleet, reserved by EC2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub context: Option<String>,
    /// Options of the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_options: Option<CpuOptions>,
}

/// What an image contains, as far as bootstrapping goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum AmiFamily {
    /// Amazon Linux 2; no images for Kubernetes 1.33 and later.
    AL2,
    /// Amazon Linux 2023.
    AL2023,
    /// Bottlerocket.
    Bottlerocket,
    /// Anything else; user data must do all the work.
    Custom,
    /// Windows Server 2019.
    Windows2019,
    /// Windows Server 2022.
    Windows2022,
    /// Windows Server 2025.
    Windows2025,
}

impl AmiFamily {
    /// The families that have an alias, and the alias' first part.
    pub const ALIASES: [(&str, Self); 6] = [
        ("al2", Self::AL2),
        ("al2023", Self::AL2023),
        ("bottlerocket", Self::Bottlerocket),
        ("windows2019", Self::Windows2019),
        ("windows2022", Self::Windows2022),
        ("windows2025", Self::Windows2025),
    ];

    /// The name as in `spec.amiFamily`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AL2 => "AL2",
            Self::AL2023 => "AL2023",
            Self::Bottlerocket => "Bottlerocket",
            Self::Custom => "Custom",
            Self::Windows2019 => "Windows2019",
            Self::Windows2022 => "Windows2022",
            Self::Windows2025 => "Windows2025",
        }
    }
}

impl EC2NodeClassSpec {
    /// The family that holds: `amiFamily` if set, else that of the alias; `None` only for classes that do not validate.
    pub fn family(&self) -> Option<AmiFamily> {
        let of_alias = |alias: &str| {
            let name = alias.split('@').next().unwrap_or_default();
            AmiFamily::ALIASES.iter().find(|(prefix, _)| *prefix == name).map(|(_, family)| *family)
        };
        self.ami_family.or_else(|| self.ami_selector_terms.iter().find_map(|term| of_alias(term.alias.as_deref()?)))
    }
}

/// What becomes of local NVMe disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum InstanceStorePolicy {
    /// One striped array, used for pods' ephemeral storage.
    RAID0,
}

/// The rules that concern several fields.
fn class_rules() -> Vec<Value> {
    let mut rules = vec![
        rule("has(self.role) != has(self.instanceProfile)", "must specify exactly one of ['role', 'instanceProfile']"),
        rule_at(
            ".amiFamily",
            "has(self.amiFamily) || self.amiSelectorTerms.exists(x, has(x.alias))",
            "must specify amiFamily if amiSelectorTerms does not contain an alias",
        ),
    ];
    rules.extend(AmiFamily::ALIASES.iter().map(|(alias, family)| {
        let family = family.as_str();
        rule_at(
            ".amiFamily",
            format!(
                "!has(self.amiFamily) || self.amiFamily in ['Custom', '{family}'] || \
                 !self.amiSelectorTerms.exists(x, has(x.alias) && x.alias.startsWith('{alias}@'))"
            ),
            &format!("if set, amiFamily must be '{family}' or 'Custom' when using an {alias} alias"),
        )
    }));
    rules
}

/// EC2 allows 50 tags of 128 and 256 characters; the ones we set ourselves take up to five.
fn tag_map(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut rules = vec![
        rule("self.all(k, k != '')", "empty tag keys aren't supported"),
        rule("self.all(k, k.size() <= 128)", "tag keys may have at most 128 characters"),
        rule("self.all(k, !k.startsWith('aws:'))", "tag contains a restricted tag matching aws:"),
        rule(
            "self.all(k, !k.startsWith('kubernetes.io/cluster'))",
            "tag contains a restricted tag matching kubernetes.io/cluster/",
        ),
    ];
    let ours = ["eks:eks-cluster-name", "karpenter.sh/nodepool", "karpenter.sh/nodeclaim", "karpenter.k8s.aws/ec2nodeclass"];
    rules.extend(
        ours.map(|key| rule(format!("self.all(k, k != '{key}')"), &format!("tag contains a restricted tag matching {key}"))),
    );
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "maxLength": 256 },
        "maxProperties": 45,
        "x-kubernetes-validations": rules
    })
}
