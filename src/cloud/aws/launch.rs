//! A launch: templates, one CreateFleet, and its answer sorted into instances and shortages.

use super::{Aws, fault, image, locked, subnet, template};
use crate::api::{AmiFamily, EC2NodeClass, EC2NodeClassStatus};
use crate::cloud::{CloudError, Fulfilment, Instance, InstanceId, InstanceState, Launch, Shortage};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use windlass_ec2::{Fault, FleetAnswer, FleetError, FleetInstance, FleetOverride, FleetRequest, FleetTemplate};
use windlass_solver::{CapacityType, InstanceType, InstanceTypeName, Zone};

/// Most launches of unknown outcome that are kept; an older one is made up anew if it is asked for again.
const OUTSTANDING_MAX: usize = 256;

/// Codes that say that what was asked for is not to be had there now, but may be elsewhere or later. Source: Karpenter's
/// `errors.go`, EC2's error codes. `InvalidFleetConfiguration` is what EC2 says of a type that the zone does not have.
const SHORTAGES: &[&str] = &[
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InvalidFleetConfiguration",
    "MaxFleetCountExceeded",
    "MaxSpotInstanceCountExceeded",
    "ReservationCapacityExceeded",
    "SpotMaxPriceTooLow",
    "UnfulfillableCapacity",
    "Unsupported",
    "VcpuLimitExceeded",
];
/// Without its service-linked role an account has no spot instances at all.
const NO_SPOT: &str = "AuthFailure.ServiceLinkedRoleCreationNotPermitted";

/// A launch, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prepared {
    request: FleetRequest,
    templates: Vec<template::Named>,
    /// What cannot be asked for, because the class has no subnet or image for it any more.
    impossible: Vec<(InstanceTypeName, Zone)>,
}

/// Launches whose outcome is not known. Asked for again they are sent again exactly as they were, although addresses and images may
/// have changed since: under the same token EC2 takes nothing else.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    kept: VecDeque<(String, Arc<Prepared>)>,
}

impl Outstanding {
    fn find(&self, token: &str) -> Option<Arc<Prepared>> {
        self.kept.iter().find(|(known, _)| known == token).map(|(_, prepared)| Arc::clone(prepared))
    }

    fn keep(&mut self, token: &str, prepared: &Arc<Prepared>) {
        if self.find(token).is_none() {
            self.kept.push_back((token.to_owned(), Arc::clone(prepared)));
            if self.kept.len() > OUTSTANDING_MAX {
                self.kept.pop_front();
            }
        }
    }

    fn settle(&mut self, token: &str) {
        self.kept.retain(|(known, _)| known != token);
    }
}

pub(super) async fn launch(
    aws: &Aws,
    launch: &Launch,
    class: &EC2NodeClass,
    types: &[InstanceType],
) -> Result<Fulfilment, CloudError> {
    let known = locked(&aws.outstanding).find(&launch.token);
    let prepared = match known {
        Some(prepared) => prepared,
        None => Arc::new(prepare(aws, launch, class, types).await?),
    };
    if prepared.request.templates.is_empty() {
        let shortages = prepared.impossible.iter().map(|offering| shortage(offering.clone(), launch.capacity_type)).collect();
        return Ok(Fulfilment { instances: Vec::new(), shortages });
    }
    template::make(aws, &prepared.templates).await?;
    locked(&aws.outstanding).keep(&launch.token, &prepared);
    let mut answer = aws.account.create_fleet(&prepared.request).await;
    if answer.as_ref().is_err_and(|error| error.fault == Fault::NotFound && error.why.contains("LaunchTemplate")) {
        // Somebody has removed a template that we knew. Nothing was launched.
        for template in &prepared.templates {
            locked(&aws.templates).forget(&template.name);
        }
        template::make(aws, &prepared.templates).await?;
        answer = aws.account.create_fleet(&prepared.request).await;
    }
    if !answer.as_ref().is_err_and(|error| [Fault::Throttled, Fault::Lost].contains(&error.fault)) {
        locked(&aws.outstanding).settle(&launch.token);
    }
    let answer = answer.map_err(|error| fault::read(&error))?;
    count_addresses(aws, &answer, types);
    fulfilment(&prepared, launch, answer)
}

async fn prepare(aws: &Aws, launch: &Launch, class: &EC2NodeClass, types: &[InstanceType]) -> Result<Prepared, CloudError> {
    let name = &launch.node_class.name;
    let Some(status) = class.status.as_ref().filter(|status| !status.subnets.is_empty() && !status.amis.is_empty()) else {
        return Err(CloudError::Refused(format!("EC2NodeClass {name} has no subnets or no images yet; see its conditions")));
    };
    let spot = match launch.capacity_type {
        CapacityType::Spot => true,
        CapacityType::OnDemand => false,
        CapacityType::Reserved => {
            let message =
                format!("EC2NodeClass {name}: capacity reservations are not supported yet; take `reserved` out of the NodePool");
            return Err(CloudError::Refused(message));
        }
    };
    let unknown = locked(&aws.subnets).unknown(&status.subnets);
    if !unknown.is_empty() {
        let records = aws.account.subnets(&windlass_ec2::Selector::Ids(unknown)).await.map_err(|error| fault::read(&error))?;
        locked(&aws.subnets).learn(&records);
    }
    let sorted = sort(&aws.subnets, launch, (class, status), types);
    let mut templates: Vec<template::Named> = Vec::new();
    let mut configs: Vec<FleetTemplate> = Vec::new();
    for ((image, max_pods), overrides) in sorted.by_template {
        let made = template::template(aws, (launch, class), status, (&image, max_pods))?;
        configs.push(FleetTemplate { name: made.name.clone(), overrides });
        templates.push(made);
    }
    let request = FleetRequest {
        token: launch.token.clone(),
        count: u32::try_from(launch.count).unwrap_or(u32::MAX),
        spot,
        templates: configs,
        tags: template::tags(launch, class),
        context: class.spec.context.clone(),
    };
    Ok(Prepared { request, templates, impossible: sorted.impossible })
}

/// Offerings by what their template must say.
#[derive(Default)]
struct Sorted {
    /// By image and number of pods.
    by_template: BTreeMap<(String, Option<i64>), Vec<FleetOverride>>,
    impossible: Vec<(InstanceTypeName, Zone)>,
}

fn sort(
    subnets: &std::sync::Mutex<subnet::Addresses>,
    launch: &Launch,
    (class, status): (&EC2NodeClass, &EC2NodeClassStatus),
    types: &[InstanceType],
) -> Sorted {
    let best = locked(subnets).best(&status.subnets);
    let is_custom = class.spec.family() == Some(AmiFamily::Custom);
    let mut sorted = Sorted::default();
    for (name, zone) in &launch.offerings {
        let kind = types.iter().find(|kind| kind.name == *name);
        let image = kind.and_then(|kind| image::of_type(&status.amis, &kind.labels));
        let (Some(kind), Some(image), Some(subnet)) = (kind, image, best.get(zone.as_str())) else {
            sorted.impossible.push((name.clone(), zone.clone()));
            continue;
        };
        // Custom user data says nothing of the type.
        let max_pods = (!is_custom).then(|| kind.capacity.get("pods"));
        sorted.by_template.entry((image.to_owned(), max_pods)).or_default().push(FleetOverride {
            image: image.to_owned(),
            instance_type: name.to_string(),
            subnet: (*subnet).to_owned(),
            zone: zone.to_string(),
        });
    }
    sorted
}

/// Each instance may take an address for every pod; a subnet that had too few has none.
fn count_addresses(aws: &Aws, answer: &FleetAnswer, types: &[InstanceType]) {
    let mut subnets = locked(&aws.subnets);
    for instance in &answer.instances {
        let kind = types.iter().find(|kind| kind.name.as_str() == instance.instance_type);
        subnets.take(&instance.subnet, kind.map_or(1, |kind| kind.capacity.get("pods").max(1)));
    }
    for error in answer.errors.iter().filter(|error| error.code == "InsufficientFreeAddressesInSubnet") {
        subnets.exhausted(&error.subnet);
    }
}

fn fulfilment(prepared: &Prepared, launch: &Launch, answer: FleetAnswer) -> Result<Fulfilment, CloudError> {
    if answer.instances.is_empty() && answer.errors.is_empty() {
        // EC2 promises that a repeated call launches nothing more, not that its answer says again what was launched. Its lists do.
        return Err(CloudError::TokenMismatch);
    }
    let is_shortage = |error: &&FleetError| SHORTAGES.contains(&error.code.as_str());
    if answer.instances.is_empty()
        && !answer.errors.iter().any(|error| error.code == NO_SPOT || is_shortage(&error))
        && let Some(error) = answer.errors.first()
    {
        return Err(CloudError::Fruitless(format!("CreateFleet: {}: {}", error.code, error.message)));
    }
    let mut short: BTreeSet<(InstanceTypeName, Zone)> = prepared.impossible.iter().cloned().collect();
    for error in &answer.errors {
        if error.code == NO_SPOT || error.instance_type.is_empty() || error.zone.is_empty() {
            // It is about everything.
            short.extend(launch.offerings.iter().cloned());
        } else {
            short.insert((InstanceTypeName::from(error.instance_type.as_str()), Zone::from(error.zone.as_str())));
        }
    }
    let tags = &prepared.request.tags;
    Ok(Fulfilment {
        instances: answer.instances.into_iter().map(|instance| read(instance, tags)).collect(),
        shortages: short.into_iter().map(|offering| shortage(offering, launch.capacity_type)).collect(),
    })
}

fn shortage((instance_type, zone): (InstanceTypeName, Zone), capacity_type: CapacityType) -> Shortage {
    Shortage { instance_type, zone, capacity_type }
}

fn read(launched: FleetInstance, tags: &BTreeMap<String, String>) -> Instance {
    Instance {
        id: InstanceId::new(launched.id),
        instance_type: InstanceTypeName::new(launched.instance_type),
        zone: Zone::new(launched.zone),
        capacity_type: if launched.spot { CapacityType::Spot } else { CapacityType::OnDemand },
        state: InstanceState::Pending,
        image: launched.image,
        tags: tags.clone(),
    }
}

#[cfg(test)]
mod tests;
