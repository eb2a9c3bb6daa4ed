//! Launch templates: what a class and a launch come to for one image and number of pods, under a name that is the hash of its content.

use super::{Aws, fault, locked};
use crate::api::ec2_node_class::{
    AmiFamily, BlockDeviceMapping, InterfaceType, KubeletConfiguration, Switch, Tokens, VolumeType,
};
use crate::api::{EC2NodeClass, EC2NodeClassStatus};
use crate::cloud::user_data::{Bootstrap, user_data};
use crate::cloud::{CloudError, LAUNCH_TAG, Launch};
use crate::quantity;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use windlass_ec2::{Fault, Interface, Metadata, Template, Volume, VolumeMapping};
use windlass_solver::{CapacityType, ResourceName};

/// How the names of our templates begin.
pub(super) const PREFIX: &str = "windlass/";
/// Bytes of the hash in a name.
const HASH_BYTES: usize = 20;
/// 1 GiB.
const GIB: i64 = 1 << 30;
/// Tag of one claim's instance, which would make a template for each.
const CLAIM_TAG: &str = "karpenter.sh/nodeclaim";

/// Templates that are known to exist, with the time of their last use.
#[derive(Debug, Default)]
pub(super) struct Known {
    used: BTreeMap<String, Instant>,
}

impl Known {
    fn contains(&self, name: &str) -> bool {
        self.used.contains_key(name)
    }

    fn touch(&mut self, name: &str) {
        self.used.insert(name.to_owned(), Instant::now());
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.used.remove(name);
    }

    /// Whether it was used within so long.
    pub(super) fn is_fresh(&self, name: &str, within: Duration) -> bool {
        self.used.get(name).is_some_and(|used| used.elapsed() < within)
    }
}

/// A template and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) content: Template,
    /// The template's own tags.
    pub(super) tags: BTreeMap<String, String>,
}

/// The template of one image and number of pods.
pub(super) fn template(
    aws: &Aws,
    (launch, class): (&Launch, &EC2NodeClass),
    status: &EC2NodeClassStatus,
    (image, max_pods): (&str, Option<i64>),
) -> Result<Named, CloudError> {
    let spec = &class.spec;
    let refused = |message: String| CloudError::Refused(format!("EC2NodeClass {}: {message}", launch.node_class.name));
    let family = spec.family().ok_or_else(|| refused("it names no amiFamily; set spec.amiFamily".to_owned()))?;
    let no_settings = KubeletConfiguration::default();
    let bootstrap = Bootstrap {
        api_server: &aws.api_server,
        kubelet: spec.kubelet.as_ref().unwrap_or(&no_settings),
        max_pods,
        labels: &launch.labels,
        taints: &launch.taints,
        raid0: spec.instance_store_policy.is_some(),
        custom: spec.user_data.as_deref(),
    };
    let profile = status.instance_profile.clone().ok_or_else(|| refused("it has no instance profile yet".to_owned()))?;
    let metadata = &spec.metadata_options;
    let content = Template {
        image: image.to_owned(),
        user_data: user_data(family, &bootstrap).map_err(|error| refused(error.to_string()))?,
        instance_profile: profile,
        security_groups: status.security_groups.iter().map(|group| group.id.clone()).collect(),
        interfaces: interfaces(class),
        devices: devices(family, &spec.block_device_mappings).map_err(refused)?,
        metadata: Metadata {
            enabled: metadata.http_endpoint == Switch::Enabled,
            ipv6: metadata.http_protocol_ipv6 == Switch::Enabled,
            hop_limit: u32::try_from(metadata.http_put_response_hop_limit).unwrap_or(1),
            tokens_required: metadata.http_tokens == Tokens::Required,
        },
        monitoring: spec.detailed_monitoring == Some(true),
        nested_virtualization: spec
            .cpu_options
            .as_ref()
            .and_then(|cpu| cpu.nested_virtualization)
            .map(|nested| nested == Switch::Enabled),
        tags: lasting_tags(launch, class),
        spot: launch.capacity_type == CapacityType::Spot,
    };
    let tags = content.tags.clone();
    Ok(Named { name: name(&content).map_err(refused)?, content, tags })
}

/// Tags that all launches of a pool and class share.
fn lasting_tags(launch: &Launch, class: &EC2NodeClass) -> BTreeMap<String, String> {
    let mut tags = tags(launch, class);
    tags.retain(|key, _| key != LAUNCH_TAG && key != CLAIM_TAG);
    tags
}

/// Tags of what is launched: those of the class and of the launch, which decides where both name one.
pub(super) fn tags(launch: &Launch, class: &EC2NodeClass) -> BTreeMap<String, String> {
    let mut tags = class.spec.tags.clone();
    tags.extend(launch.tags.clone());
    tags
}

/// The name of a template with this content. The hash withstands people who choose contents: nobody can make a template that another
/// class' instances would start from.
fn name(content: &Template) -> Result<String, String> {
    let bytes = serde_json::to_vec(content).map_err(|error| error.to_string())?;
    let mut name = PREFIX.to_owned();
    for byte in Sha256::digest(&bytes).iter().take(HASH_BYTES) {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}

/// One interface of EC2's choice unless something is said about it.
fn interfaces(class: &EC2NodeClass) -> Vec<Interface> {
    let spec = &class.spec;
    let tracking = spec
        .connection_tracking
        .as_ref()
        .map(|tracking| [tracking.tcp_established_timeout, tracking.udp_stream_timeout, tracking.udp_timeout]);
    let primary = Interface {
        card: 0,
        device: 0,
        kind: "interface".to_owned(),
        public_address: spec.associate_public_ip_address,
        prefixes: spec.ip_prefix_count,
        tracking,
    };
    if spec.network_interfaces.is_empty() {
        let is_plain = spec.associate_public_ip_address.is_none() && spec.ip_prefix_count.is_none() && tracking.is_none();
        return if is_plain { Vec::new() } else { vec![primary] };
    }
    let one = |written: &crate::api::ec2_node_class::NetworkInterface| {
        let (card, device) = (written.network_card_index, written.device_index);
        match written.interface_type {
            InterfaceType::Interface if (card, device) == (0, 0) => primary.clone(),
            InterfaceType::Interface => Interface { card, device, public_address: None, prefixes: None, ..primary.clone() },
            InterfaceType::EfaOnly => Interface { card, device, kind: "efa-only".to_owned(), ..Interface::default() },
        }
    };
    spec.network_interfaces.iter().map(one).collect()
}

/// The volumes that are written, else those of the family: encrypted gp3, 20 GiB for the pods. Source: Karpenter's defaults.
fn devices(family: AmiFamily, written: &[BlockDeviceMapping]) -> Result<Vec<VolumeMapping>, String> {
    if !written.is_empty() {
        return written.iter().map(mapping).collect();
    }
    let volume = |name: &str, size: u32| VolumeMapping {
        device_name: Some(name.to_owned()),
        volume: Some(Volume {
            size_gib: Some(size),
            kind: Some("gp3".to_owned()),
            encrypted: Some(true),
            delete_on_termination: Some(true),
            ..Volume::default()
        }),
    };
    Ok(match family {
        AmiFamily::AL2 | AmiFamily::AL2023 => vec![volume("/dev/xvda", 20)],
        AmiFamily::Bottlerocket => vec![volume("/dev/xvda", 4), volume("/dev/xvdb", 20)],
        AmiFamily::Custom | AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => Vec::new(),
    })
}

fn mapping(written: &BlockDeviceMapping) -> Result<VolumeMapping, String> {
    let volume = written.ebs.as_ref().map(|ebs| {
        let size = ebs.volume_size.as_ref().map(|text| quantity::amount(ResourceName::EPHEMERAL_STORAGE, text.as_str()));
        let size = size.transpose().map_err(|error| format!("spec.blockDeviceMappings: volumeSize: {error}"))?;
        let count = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        Ok::<Volume, String>(Volume {
            size_gib: count(size.map(|bytes| bytes.max(0).saturating_add(GIB - 1) / GIB)),
            kind: ebs.volume_type.map(|kind| volume_type(kind).to_owned()),
            iops: count(ebs.iops),
            throughput: count(ebs.throughput),
            encrypted: ebs.encrypted,
            kms_key: ebs.kms_key_id.clone(),
            delete_on_termination: ebs.delete_on_termination,
            snapshot: ebs.snapshot_id.clone(),
            initialization_rate: ebs.volume_initialization_rate,
        })
    });
    Ok(VolumeMapping { device_name: written.device_name.clone(), volume: volume.transpose()? })
}

const fn volume_type(kind: VolumeType) -> &'static str {
    match kind {
        VolumeType::Standard => "standard",
        VolumeType::Io1 => "io1",
        VolumeType::Io2 => "io2",
        VolumeType::Gp2 => "gp2",
        VolumeType::Sc1 => "sc1",
        VolumeType::St1 => "st1",
        VolumeType::Gp3 => "gp3",
    }
}

/// Makes those of the templates that are not known to exist.
pub(super) async fn make(aws: &Aws, templates: &[Named]) -> Result<(), CloudError> {
    for template in templates {
        let is_known = locked(&aws.templates).contains(&template.name);
        if !is_known {
            match aws.account.create_template(&template.name, &template.content, &template.tags).await {
                Err(error) if error.fault != Fault::Exists => return Err(fault::read(&error)),
                _ => {}
            }
        }
        locked(&aws.templates).touch(&template.name);
    }
    Ok(())
}
