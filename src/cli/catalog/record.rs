//! An instance type as the listing shows it, in JSON and YAML.

use crate::catalog::file::PriceKind;
use crate::catalog::{Catalog, Listed, NodeClassSettings};
use crate::quantity;
use serde::Serialize;
use std::collections::BTreeMap;
use windlass_solver::{CapacityType, InstanceType, MicroUsd, Offering, Resources};

/// A type with those of its offerings that passed the filters.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) name: String,
    /// `amd64` or `arm64`; absent where Kubernetes does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) architecture: Option<&'static str>,
    pub(crate) vcpus: u32,
    pub(crate) memory_mib: u64,
    pub(crate) zones: Vec<String>,
    /// The lowest price of each capacity type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_demand_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spot_usd: Option<f64>,
    /// How often spot capacity is taken back in a month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interruption: Option<String>,
    /// Whether nodes of the image family can be of this type.
    pub(crate) usable: bool,
    pub(crate) capacity: BTreeMap<String, String>,
    pub(crate) allocatable: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) offerings: Vec<OfferingRecord>,
    #[serde(skip)]
    pub(crate) on_demand: Option<MicroUsd>,
    #[serde(skip)]
    pub(crate) spot: Option<MicroUsd>,
}

/// An offering.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferingRecord {
    pub(crate) zone: String,
    pub(crate) capacity_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hourly_price_usd: Option<f64>,
}

/// How far the prices can be trusted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PriceKinds {
    on_demand: PriceKind,
    spot: PriceKind,
}

impl PriceKinds {
    /// Those of a catalogue.
    pub(crate) fn of(catalog: &Catalog) -> Self {
        Self { on_demand: catalog.sources().on_demand, spot: catalog.sources().spot }
    }
}

impl Record {
    /// The record of a type with these of its offerings.
    pub(crate) fn new(listed: &Listed, instance: &InstanceType, offerings: &[&Offering], settings: &NodeClassSettings) -> Self {
        let lowest = |kind: CapacityType| {
            offerings.iter().filter(|offering| offering.capacity_type == kind).filter_map(|offering| offering.price).min()
        };
        let (on_demand, spot) = (lowest(CapacityType::OnDemand), lowest(CapacityType::Spot));
        let usable = settings.can_use(&listed.name, &listed.hardware);
        let mut zones: Vec<String> = offerings.iter().map(|offering| offering.zone.to_string()).collect();
        zones.dedup();
        Self {
            name: listed.name.to_string(),
            architecture: listed.hardware.kubernetes_arch(),
            vcpus: listed.hardware.vcpus,
            memory_mib: listed.hardware.memory_mib,
            zones,
            on_demand_usd: on_demand.map(MicroUsd::dollars),
            spot_usd: spot.map(MicroUsd::dollars),
            interruption: listed.interruption.clone(),
            usable,
            capacity: shown(&instance.capacity),
            allocatable: if usable { shown(&instance.allocatable()) } else { BTreeMap::new() },
            labels: instance.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
            offerings: offerings.iter().map(|offering| OfferingRecord::new(offering)).collect(),
            on_demand,
            spot,
        }
    }

    /// The lowest price of any offering.
    pub(crate) fn lowest_price(&self) -> Option<MicroUsd> {
        self.on_demand.into_iter().chain(self.spot).min()
    }
}

impl OfferingRecord {
    fn new(offering: &Offering) -> Self {
        Self {
            zone: offering.zone.to_string(),
            capacity_type: offering.capacity_type.as_str(),
            hourly_price_usd: offering.price.map(MicroUsd::dollars),
        }
    }
}

fn shown(amounts: &Resources) -> BTreeMap<String, String> {
    amounts.iter().map(|(name, amount)| (name.to_string(), quantity::display(name.as_str(), amount))).collect()
}

/// A price for people, a `~` before what is only an estimate, `-` where there is none.
pub(crate) fn price(price: Option<MicroUsd>, kind: PriceKind) -> String {
    let mark = if kind == PriceKind::Estimate { "~" } else { "" };
    price.map_or_else(|| "-".to_owned(), |price| format!("{mark}{price}"))
}
