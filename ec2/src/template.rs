//! Launch templates: what all instances of a fleet have in common.

use crate::account::{Account, filter, next, tag_filters, tags};
use crate::{Action, CallError};
use aws_sdk_ec2::types as ec2;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most templates that EC2 puts on a page.
const PER_PAGE: i32 = 200;

/// The content of a launch template.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Template {
    /// The image.
    pub image: String,
    /// User data as the instance sees it, not encoded.
    pub user_data: Option<String>,
    /// Name of the instance profile.
    pub instance_profile: String,
    /// Security groups; those of the interfaces, if there are any.
    pub security_groups: Vec<String>,
    /// Network interfaces; one with EC2's defaults if empty.
    pub interfaces: Vec<Interface>,
    /// Volumes.
    pub devices: Vec<VolumeMapping>,
    /// The metadata service.
    pub metadata: Metadata,
    /// CloudWatch metrics every minute.
    pub monitoring: bool,
    /// Virtual machines on the instance; EC2's default if unset.
    pub nested_virtualization: Option<bool>,
    /// Tags of what CreateFleet itself cannot tag: network interfaces and, for spot instances, their requests.
    pub tags: BTreeMap<String, String>,
    /// Whether spot instances are launched from it.
    pub spot: bool,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Interface {
    /// Network card.
    pub card: u32,
    /// Device on the card.
    pub device: u32,
    /// `interface`, `efa` or `efa-only`.
    pub kind: String,
    /// Whether it gets a public address; the subnet decides if unset.
    pub public_address: Option<bool>,
    /// /28 prefixes to attach.
    pub prefixes: Option<u32>,
    /// Idle timeouts in seconds: established TCP, UDP streams, UDP.
    pub tracking: Option<[Option<u32>; 3]>,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VolumeMapping {
    /// Device name.
    pub device_name: Option<String>,
    /// The volume; that of the image if none is given.
    pub volume: Option<Volume>,
}

/// An EBS volume; EC2's or the image's defaults where unset.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Volume {
    /// Size.
    pub size_gib: Option<u32>,
    /// `gp3` and the like.
    pub kind: Option<String>,
    /// I/O operations per second.
    pub iops: Option<u32>,
    /// MiB/s.
    pub throughput: Option<u32>,
    /// Encrypted.
    pub encrypted: Option<bool>,
    /// Key.
    pub kms_key: Option<String>,
    /// Goes with the instance.
    pub delete_on_termination: Option<bool>,
    /// Snapshot to make it from.
    pub snapshot: Option<String>,
    /// MiB/s at which the snapshot is loaded.
    pub initialization_rate: Option<u32>,
}

/// The metadata service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Metadata {
    /// It answers.
    pub enabled: bool,
    /// It answers on IPv6.
    pub ipv6: bool,
    /// Hops that an answer may take.
    pub hop_limit: u32,
    /// Session tokens are needed.
    pub tokens_required: bool,
}

/// A launch template that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRecord {
    /// Its name.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub created_millis: i64,
}

impl Account {
    /// Makes a template under a name that nobody else uses.
    pub async fn create_template(
        &self,
        name: &str,
        template: &Template,
        own_tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let tagged = ec2::TagSpecification::builder().resource_type(ec2::ResourceType::LaunchTemplate);
        let call = self
            .ec2
            .create_launch_template()
            .launch_template_name(name)
            .launch_template_data(content(template))
            .tag_specifications(tagged.set_tags(Some(tags(own_tags))).build());
        self.ask(Action::CreateLaunchTemplate, Box::pin(call.send())).await.map(drop)
    }

    /// The templates whose names begin so and that have all of these tags.
    pub async fn templates(&self, prefix: &str, having: &BTreeMap<String, String>) -> Result<Vec<TemplateRecord>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let call = self
                .ec2
                .describe_launch_templates()
                .set_filters(Some(tag_filters(having)))
                .filters(filter("launch-template-name", [format!("{prefix}*")]))
                .max_results(PER_PAGE)
                .set_next_token(token);
            let page = self.ask(Action::DescribeLaunchTemplates, call.send()).await?;
            // The name is compared here too: a filter that matches too much would remove what is not ours.
            let ours = page.launch_templates().iter().filter_map(|template| {
                let name = template.launch_template_name()?.to_owned();
                let created_millis = template.create_time()?.to_millis().ok()?;
                name.starts_with(prefix).then_some(TemplateRecord { name, created_millis })
            });
            found.extend(ours);
            token = next(page.next_token());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Removes a template. Instances that were launched from it stay.
    pub async fn delete_template(&self, name: &str) -> Result<(), CallError> {
        let call = self.ec2.delete_launch_template().launch_template_name(name);
        self.ask(Action::DeleteLaunchTemplate, call.send()).await.map(drop)
    }
}

fn content(template: &Template) -> ec2::RequestLaunchTemplateData {
    let profile = ec2::LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(&template.instance_profile).build();
    let mut data = ec2::RequestLaunchTemplateData::builder()
        .image_id(&template.image)
        .iam_instance_profile(profile)
        .set_user_data(template.user_data.as_ref().map(aws_smithy_types::base64::encode))
        .metadata_options(metadata(&template.metadata))
        .monitoring(ec2::LaunchTemplatesMonitoringRequest::builder().enabled(template.monitoring).build())
        .set_tag_specifications(Some(tag_specifications(template)));
    for device in &template.devices {
        data = data.block_device_mappings(mapping(device));
    }
    for interface in &template.interfaces {
        data = data.network_interfaces(network(interface, &template.security_groups));
    }
    if template.interfaces.is_empty() {
        data = data.set_security_group_ids(Some(template.security_groups.clone()));
    }
    if let Some(enabled) = template.nested_virtualization {
        use ec2::NestedVirtualizationSpecification::{Disabled, Enabled};
        let nested = if enabled { Enabled } else { Disabled };
        data = data.cpu_options(ec2::LaunchTemplateCpuOptionsRequest::builder().nested_virtualization(nested).build());
    }
    data.build()
}

fn metadata(wanted: &Metadata) -> ec2::LaunchTemplateInstanceMetadataOptionsRequest {
    use ec2::{
        LaunchTemplateHttpTokensState as Tokens, LaunchTemplateInstanceMetadataEndpointState as Endpoint,
        LaunchTemplateInstanceMetadataProtocolIpv6 as Ipv6, LaunchTemplateInstanceMetadataTagsState as Tags,
    };
    ec2::LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(if wanted.enabled { Endpoint::Enabled } else { Endpoint::Disabled })
        .http_protocol_ipv6(if wanted.ipv6 { Ipv6::Enabled } else { Ipv6::Disabled })
        .http_put_response_hop_limit(signed(wanted.hop_limit))
        .http_tokens(if wanted.tokens_required { Tokens::Required } else { Tokens::Optional })
        .instance_metadata_tags(Tags::Disabled)
        .build()
}

fn tag_specifications(template: &Template) -> Vec<ec2::LaunchTemplateTagSpecificationRequest> {
    let mut kinds = vec![ec2::ResourceType::NetworkInterface];
    if template.spot {
        kinds.push(ec2::ResourceType::SpotInstancesRequest);
    }
    let wanted = || Some(tags(&template.tags));
    let one = |kind| ec2::LaunchTemplateTagSpecificationRequest::builder().resource_type(kind).set_tags(wanted()).build();
    kinds.into_iter().map(one).collect()
}

fn mapping(device: &VolumeMapping) -> ec2::LaunchTemplateBlockDeviceMappingRequest {
    let ebs = device.volume.as_ref().map(|volume| {
        ec2::LaunchTemplateEbsBlockDeviceRequest::builder()
            .set_volume_size(volume.size_gib.map(signed))
            .set_volume_type(volume.kind.as_deref().map(Into::into))
            .set_iops(volume.iops.map(signed))
            .set_throughput(volume.throughput.map(signed))
            .set_encrypted(volume.encrypted)
            .set_kms_key_id(volume.kms_key.clone())
            .set_delete_on_termination(volume.delete_on_termination)
            .set_snapshot_id(volume.snapshot.clone())
            .set_volume_initialization_rate(volume.initialization_rate.map(signed))
            .build()
    });
    ec2::LaunchTemplateBlockDeviceMappingRequest::builder().set_device_name(device.device_name.clone()).set_ebs(ebs).build()
}

fn network(interface: &Interface, groups: &[String]) -> ec2::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest {
    let tracking = interface.tracking.map(|[established, stream, datagram]| {
        ec2::ConnectionTrackingSpecificationRequest::builder()
            .set_tcp_established_timeout(established.map(signed))
            .set_udp_stream_timeout(stream.map(signed))
            .set_udp_timeout(datagram.map(signed))
            .build()
    });
    ec2::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .network_card_index(signed(interface.card))
        .device_index(signed(interface.device))
        .interface_type(&interface.kind)
        .set_groups(Some(groups.to_vec()))
        .set_associate_public_ip_address(interface.public_address)
        .set_ipv4_prefix_count(interface.prefixes.map(signed))
        .set_connection_tracking_specification(tracking)
        .delete_on_termination(true)
        .build()
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
