//! EC2NodeClasses: which instance types their nodes can be of, and what the nodes can hold.
//!
//! Decides here: AMI family (`amiFamily` or the alias), the AMIs' requirements and the subnets' zones from `status`, `kubelet` (see
//! [`settings`]), `blockDeviceMappings`, `instanceStorePolicy`, `networkInterfaces`, `connectionTracking`, `cpuOptions`,
//! `capacityReservationSelectorTerms` with what `status` found for them (see [`reservation`]), and our annotations
//! [`PREFIX_DELEGATION`] and [`FREE`].
//! Refused, because it decides and cannot be known offline: `placementGroupSelector`.
//!
//! Not read, because it decides nothing about where a pod goes: `userData`, `role`, `instanceProfile`, `tags`, `metadataOptions`,
//! `detailedMonitoring`, `associatePublicIPAddress`, `ipPrefixCount`, `context`, `securityGroupSelectorTerms`; and
//! `subnetSelectorTerms` and `amiSelectorTerms` beyond the alias, whose results are in `status`.

pub(super) mod reservation;
pub(super) mod settings;

pub use reservation::FREE;

use super::Settings;
use super::template::{self, Report};
use super::volume::attachment::Limits;
use crate::api;
use crate::api::condition::{self, ConditionStatus};
use crate::catalog::{Catalog, NodeClassSettings};
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use reservation::Reservation;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{InstanceType, Requirements, Zone};

/// Annotation of an EC2NodeClass: `"true"` says that the VPC CNI hands out /28 prefixes (`ENABLE_PREFIX_DELEGATION`), so that Nitro
/// nodes hold more pods. Karpenter does not model it; without the annotation neither do we.
pub const PREFIX_DELEGATION: &str = "windlass.dev/prefix-delegation";

/// An EC2NodeClass that nodes can be launched with.
pub(super) struct Class {
    /// Every type its nodes can be of, with capacity and overhead.
    pub(super) instance_types: Arc<[InstanceType]>,
    /// Capacity reservations that its nodes can be launched in.
    pub(super) reservations: Vec<Reservation>,
}

/// EC2NodeClasses by name; `Err` says in a few words why one cannot be used.
pub(super) type Classes = BTreeMap<String, Result<Class, String>>;

/// What a class is read against.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) settings: &'a Settings,
    /// Volumes that nodes can attach.
    pub(super) limits: &'a Limits,
}

/// Reads the classes, and names in `unresolved` those whose subnets are not known.
pub(super) fn classes(
    sourced: &[&Sourced<api::EC2NodeClass>],
    around: Surroundings<'_>,
    unresolved: &mut BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Classes {
    let Surroundings { catalog, settings, limits } = around;
    let mut shelf = Shelf { catalog, limits, made: Vec::new() };
    let mut all = Classes::new();
    for source in sourced {
        let object = &source.value;
        let name = object.metadata.name.clone().unwrap_or_default();
        let mut report = Report::new(&source.place, format!("EC2NodeClass/{name}"), diagnostics);
        let class = in_use(object).and_then(|()| {
            let resolved = settings::resolve(object, catalog, settings, &mut report);
            let images = images(object, &mut report);
            let reservations = reservation::reservations(object, catalog, &mut report);
            if report.refused {
                return Err("it has errors of its own".to_owned());
            }
            if resolved.zones.is_none() {
                unresolved.insert(name.clone());
            }
            let zones = resolved.zones.clone();
            let types = shelf.instance_types(resolved, images);
            Ok(Class { instance_types: reservation::add(&types, &reservations, zones.as_ref()), reservations })
        });
        all.insert(name, class);
    }
    all
}

fn in_use(object: &api::EC2NodeClass) -> Result<(), String> {
    if object.metadata.deletion_timestamp.is_some() {
        return Err("it is being deleted".into());
    }
    let conditions = object.status.as_ref().map_or(&[][..], |status| &status.conditions);
    if condition::status(conditions, "Ready") == Some(ConditionStatus::False) {
        let why = conditions.iter().find(|c| c.type_ == "Ready").map_or("", |c| c.message.as_str());
        return Err(format!("it is not ready: {why}"));
    }
    Ok(())
}

/// What each resolved AMI asks of an instance type; a type needs one AMI that takes it. Empty where no AMI is resolved: every type then.
fn images(object: &api::EC2NodeClass, report: &mut Report<'_>) -> Vec<Requirements> {
    let resolved = object.status.as_ref().map_or(&[][..], |status| &status.amis);
    if resolved.is_empty() && object.spec.ami_selector_terms.iter().all(|term| term.alias.is_none()) {
        report.warning(
            "status.amis",
            "is empty, so every architecture is assumed to have an AMI; read the object from the cluster to be sure",
        );
    }
    let mut all = Vec::new();
    for ami in resolved {
        let mut requirements = Requirements::new();
        for written in &ami.requirements {
            match template::requirement(written) {
                Ok(requirement) => requirements.add(requirement),
                Err(message) => report.error("status.amis", message),
            }
        }
        all.push(requirements);
    }
    all.sort();
    all.dedup();
    all
}

/// Lists of instance types, one for all classes that agree: a list is large, and classes mostly differ in what is not about types.
struct Shelf<'a> {
    catalog: &'a Catalog,
    limits: &'a Limits,
    made: Vec<(NodeClassSettings, Vec<Requirements>, Arc<[InstanceType]>)>,
}

impl Shelf<'_> {
    fn instance_types(&mut self, settings: NodeClassSettings, images: Vec<Requirements>) -> Arc<[InstanceType]> {
        if let Some((_, _, made)) = self.made.iter().find(|(s, i, _)| *s == settings && *i == images) {
            return Arc::clone(made);
        }
        let list = self.catalog.bootable_types(&settings, &images);
        let list = self.limits.add_to_types(list, self.catalog, &settings);
        self.made.push((settings, images, Arc::clone(&list)));
        list
    }
}

/// The zones with a subnet of the class; `None` where `status` does not say.
fn zones(object: &api::EC2NodeClass, catalog: &Catalog, report: &mut Report<'_>) -> Option<BTreeSet<Zone>> {
    let subnets = object.status.as_ref().map(|status| &status.subnets).filter(|subnets| !subnets.is_empty())?;
    let zones: BTreeSet<Zone> = subnets.iter().map(|subnet| Zone::new(subnet.zone.as_str())).collect();
    for zone in zones.iter().filter(|zone| catalog.zones().iter().all(|known| known.name != **zone)) {
        report.warning(
            "status.subnets",
            format!("zone {zone} is not a zone of {} in the catalogue; nothing is launched there", catalog.region()),
        );
    }
    Some(zones)
}

#[cfg(test)]
mod tests;
