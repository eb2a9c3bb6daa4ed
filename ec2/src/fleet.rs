//! CreateFleet of type `instant`: one call that launches any of what it lists, and says at once what it got.

use crate::account::{Account, tags};
use crate::{Action, CallError};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

/// What to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetRequest {
    /// Client token, at most 64 characters.
    pub token: String,
    /// How many instances.
    pub count: u32,
    /// Spot rather than on demand.
    pub spot: bool,
    /// Launch templates, each with what may be launched from it.
    pub templates: Vec<FleetTemplate>,
    /// Tags of the instances, their volumes and the fleet.
    pub tags: BTreeMap<String, String>,
    /// `Context`, if EC2 asked for one.
    pub context: Option<String>,
}

/// A launch template in a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetTemplate {
    /// Its name.
    pub name: String,
    /// What may be launched from it.
    pub overrides: Vec<FleetOverride>,
}

/// One thing that may be launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetOverride {
    /// The image.
    pub image: String,
    /// The instance type.
    pub instance_type: String,
    /// The subnet.
    pub subnet: String,
    /// Its zone.
    pub zone: String,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetAnswer {
    /// Instances, one entry each.
    pub instances: Vec<FleetInstance>,
    /// What could not be had.
    pub errors: Vec<FleetError>,
}

/// A new instance. What EC2 does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetInstance {
    /// Its id.
    pub id: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Its subnet.
    pub subnet: String,
    /// Its image.
    pub image: String,
    /// Whether it is a spot instance.
    pub spot: bool,
}

/// Why something could not be launched. What EC2 does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetError {
    /// The type that was tried.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Its subnet.
    pub subnet: String,
    /// EC2's code.
    pub code: String,
    /// EC2's words.
    pub message: String,
}

impl Account {
    /// Launches. Spot capacity is picked by price and depth (`price-capacity-optimized`), on-demand capacity by price. EC2 carries a token
    /// out once.
    pub async fn create_fleet(&self, request: &FleetRequest) -> Result<FleetAnswer, CallError> {
        let call = self
            .ec2
            .create_fleet()
            .r#type(ec2::FleetType::Instant)
            .client_token(&request.token)
            .target_capacity_specification(capacity(request))
            .set_launch_template_configs(Some(request.templates.iter().map(config).collect()))
            .set_tag_specifications(Some(tag_specifications(&request.tags)))
            .set_context(request.context.clone());
        let call = if request.spot {
            let strategy = ec2::SpotAllocationStrategy::PriceCapacityOptimized;
            call.spot_options(ec2::SpotOptionsRequest::builder().allocation_strategy(strategy).build())
        } else {
            let strategy = ec2::FleetOnDemandAllocationStrategy::LowestPrice;
            call.on_demand_options(ec2::OnDemandOptionsRequest::builder().allocation_strategy(strategy).build())
        };
        let answer = self.ask(Action::CreateFleet, call.send()).await?;
        Ok(FleetAnswer {
            instances: answer.instances().iter().flat_map(instances).collect(),
            errors: answer.errors().iter().map(error).collect(),
        })
    }
}

fn capacity(request: &FleetRequest) -> ec2::TargetCapacitySpecificationRequest {
    let kind = if request.spot { ec2::DefaultTargetCapacityType::Spot } else { ec2::DefaultTargetCapacityType::OnDemand };
    ec2::TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(i32::try_from(request.count).unwrap_or(i32::MAX))
        .default_target_capacity_type(kind)
        .build()
}

fn config(template: &FleetTemplate) -> ec2::FleetLaunchTemplateConfigRequest {
    let offered = |offered: &FleetOverride| {
        ec2::FleetLaunchTemplateOverridesRequest::builder()
            .instance_type(offered.instance_type.as_str().into())
            .subnet_id(&offered.subnet)
            .availability_zone(&offered.zone)
            .image_id(&offered.image)
            .build()
    };
    // Templates are named after their content: what else somebody adds as a version is none of ours.
    let named = ec2::FleetLaunchTemplateSpecificationRequest::builder().launch_template_name(&template.name).version("1").build();
    ec2::FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(named)
        .set_overrides(Some(template.overrides.iter().map(offered).collect()))
        .build()
}

fn tag_specifications(wanted: &BTreeMap<String, String>) -> Vec<ec2::TagSpecification> {
    let kinds = [ec2::ResourceType::Instance, ec2::ResourceType::Volume, ec2::ResourceType::Fleet];
    let one = |kind| ec2::TagSpecification::builder().resource_type(kind).set_tags(Some(tags(wanted))).build();
    kinds.into_iter().map(one).collect()
}

fn instances(group: &ec2::CreateFleetInstance) -> Vec<FleetInstance> {
    let said = group.launch_template_and_overrides().and_then(|both| both.overrides());
    let or = |first: Option<&str>, second: Option<&str>| first.or(second).unwrap_or_default().to_owned();
    let kind = group.instance_type().or_else(|| said?.instance_type()).map(ec2::InstanceType::as_str);
    let one = |id: &String| FleetInstance {
        id: id.clone(),
        instance_type: kind.unwrap_or_default().to_owned(),
        zone: or(group.availability_zone(), said.and_then(|said| said.availability_zone())),
        subnet: or(group.subnet_id(), said.and_then(|said| said.subnet_id())),
        image: or(said.and_then(|said| said.image_id()), None),
        spot: group.lifecycle() == Some(&ec2::InstanceLifecycle::Spot),
    };
    group.instance_ids().iter().map(one).collect()
}

fn error(error: &ec2::CreateFleetError) -> FleetError {
    let said = error.launch_template_and_overrides().and_then(|both| both.overrides());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    FleetError {
        instance_type: text(said.and_then(|said| said.instance_type()).map(ec2::InstanceType::as_str)),
        zone: text(said.and_then(|said| said.availability_zone())),
        subnet: text(said.and_then(|said| said.subnet_id())),
        code: text(error.error_code()),
        message: text(error.error_message()),
    }
}
