//! What EC2 sells: instance types, where and for how much, and what of each a pod can use.
//!
//! ```text
//! embedded data or --catalog FILE ──file──▶ Catalog ──labels, capacity, overhead, offering──▶ [solver::InstanceType]
//!                                                                    ▲ NodeClassSettings
//! EC2 API + price tables ──build──▶ a catalogue file
//! ```
//!
//! The translation to the solver's types follows Karpenter's AWS provider v1.14 field by field, so that a NodePool means the same here.

pub mod attachment;
pub mod build;
pub mod capacity;
pub mod embedded;
pub mod error;
pub mod file;
#[cfg(feature = "aws")]
pub mod from_ec2;
pub mod hardware;
pub mod labels;
pub mod offering;
pub mod overhead;
pub mod price_table;
pub mod settings;
mod sift;

pub use error::CatalogError;
pub use hardware::Hardware;
pub use settings::{
    AmiFamily, BlockDevice, InterfaceKind, NetworkInterface, NodeClassSettings, Threshold, own_volumes, pod_volume,
};

use crate::diagnostic::Diagnostic;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use windlass_solver::{InstanceType, InstanceTypeName, Labels, MicroUsd, Requirements, Zone};

/// An availability zone of the region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneName {
    /// The name, which differs between AWS accounts: `us-west-2b`.
    pub name: Zone,
    /// The id, which does not: `usw2-az1`. Empty where unknown.
    pub id: Arc<str>,
}

/// An instance type as the catalogue lists it, before any node class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name.
    pub name: InstanceTypeName,
    /// The machine.
    pub hardware: Hardware,
    /// Zones that offer it, sorted.
    pub zones: Vec<Zone>,
    /// The on-demand price; a type without one is listed but never chosen on demand.
    pub on_demand: Option<MicroUsd>,
    /// The spot price where no zone has its own.
    pub spot: Option<MicroUsd>,
    /// Spot prices of single zones.
    pub spot_by_zone: BTreeMap<Zone, MicroUsd>,
    /// The spot advisor's interruption band, such as `<5%`.
    pub interruption: Option<String>,
}

impl Listed {
    /// The spot price in a zone.
    pub fn spot_in(&self, zone: &Zone) -> Option<MicroUsd> {
        self.spot_by_zone.get(zone).copied().or(self.spot)
    }

    /// Whether EC2 sells the type this way (`on-demand`, `spot`, `capacity-block`).
    pub fn sold_as(&self, usage_class: &str) -> bool {
        self.hardware.usage_classes.iter().any(|class| class == usage_class)
    }
}

/// The instance types of one region. Immutable.
#[derive(Debug, Clone)]
pub struct Catalog {
    region: Arc<str>,
    sources: file::Sources,
    zones: Vec<ZoneName>,
    types: Vec<Listed>,
    findings: Vec<Diagnostic>,
    /// Labels of each type on Linux, in the order of `types`; made once.
    labels: OnceLock<Vec<Labels>>,
    /// What was last asked for: a controller asks for the same again with every plan, and a list is large.
    shelf: Arc<Mutex<VecDeque<Shelved>>>,
}

/// A list of instance types and what it was made for.
type Shelved = (NodeClassSettings, Vec<Requirements>, Arc<[InstanceType]>);

/// Lists that are kept. More node classes than that, all unlike, are made anew each time.
const SHELVED_MAX: usize = 8;

impl Catalog {
    /// The region of a command that names none.
    pub const DEFAULT_REGION: &str = "us-west-2";

    /// The catalogue that the binary carries for a region.
    pub fn embedded(region: &str) -> Result<Self, CatalogError> {
        embedded::load(region)
    }

    /// Regions with an embedded catalogue, sorted.
    pub fn regions() -> impl Iterator<Item = &'static str> {
        embedded::REGIONS.iter().map(|(region, _)| *region)
    }

    /// Reads a catalogue file, plain or gzip-compressed. Flawed types are left out and reported in [`Catalog::findings`].
    pub fn read(path: &Path) -> Result<Self, CatalogError> {
        file::read(path)
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Where the figures come from.
    pub const fn sources(&self) -> &file::Sources {
        &self.sources
    }

    /// The region's availability zones, by name.
    pub fn zones(&self) -> &[ZoneName] {
        &self.zones
    }

    /// Every type, by name, whatever its price.
    pub fn types(&self) -> &[Listed] {
        &self.types
    }

    /// What is wrong in the file it was read from; empty for the embedded ones.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// The types that nodes of a node class can have, by name. Left out: types whose processor, network cards or features the node
    /// class cannot use, as in Karpenter. A type without price keeps its offerings, without price.
    pub fn instance_types(&self, settings: &NodeClassSettings) -> Arc<[InstanceType]> {
        self.made(settings, |_| true)
    }

    /// Those of [`Catalog::instance_types`] that one of the images can boot: whose labels it allows. No images stand for any.
    pub fn bootable_types(&self, settings: &NodeClassSettings, images: &[Requirements]) -> Arc<[InstanceType]> {
        let mut kept = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., list)) = kept.iter().find(|(known, booted, _)| known == settings && booted == images) {
            return Arc::clone(list);
        }
        let list = self.made(settings, |labels| images.is_empty() || images.iter().any(|image| image.allow(labels)));
        if kept.len() >= SHELVED_MAX {
            kept.pop_front();
        }
        kept.push_back((settings.clone(), images.to_vec(), Arc::clone(&list)));
        list
    }

    /// The usable types whose labels pass.
    fn made(&self, settings: &NodeClassSettings, passes: impl Fn(&Labels) -> bool) -> Arc<[InstanceType]> {
        let zones = offering::zone_labels(&self.zones);
        let usable = self.labelled(settings).filter(|(listed, _)| settings.can_use(&listed.name, &listed.hardware));
        let passing = usable.filter(|(_, labels)| passes(labels));
        passing.map(|(listed, labels)| resolve(listed, labels, &zones, settings)).collect()
    }

    /// Every type, also those that the node class cannot use ([`NodeClassSettings::can_use`]), with what its nodes would be like.
    pub fn resolved(&self, settings: &NodeClassSettings) -> impl Iterator<Item = (&Listed, InstanceType)> {
        let zones = offering::zone_labels(&self.zones);
        self.labelled(settings).map(move |(listed, labels)| (listed, resolve(listed, labels, &zones, settings)))
    }

    fn labelled(&self, settings: &NodeClassSettings) -> impl Iterator<Item = (&Listed, Labels)> {
        let linux = self.labels.get_or_init(|| labels::of_all(&self.region, &self.types));
        self.types.iter().zip(linux.iter().map(|linux| labels::under(settings.ami_family, linux)))
    }
}

fn resolve(listed: &Listed, labels: Labels, zones: &offering::ZoneLabels<'_>, settings: &NodeClassSettings) -> InstanceType {
    let capacity = capacity::capacity(&listed.hardware, settings);
    InstanceType {
        name: listed.name.clone(),
        labels,
        overhead: overhead::overhead(&listed.hardware, &capacity, settings),
        capacity,
        offerings: offering::offerings(listed, zones, settings),
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
