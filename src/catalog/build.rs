//! A catalogue file from what the EC2 API describes and the price tables. Pure: the same input gives the same bytes.

use super::error::CatalogError;
use super::file::{API_VERSION, CatalogFile, Entry, KIND, PriceKind, PriceText, Prices, Sources, ZoneEntry};
use super::hardware::Hardware;
use super::price_table::Advice;
use super::sift::machine_flaw;
use crate::diagnostic::Diagnostic;
use flate2::{Compression, GzBuilder};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use windlass_solver::MicroUsd;

/// What the EC2 API says of a region, in any order, repeated or not.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// The region.
    pub region: String,
    /// Availability zones.
    pub zones: Vec<ZoneEntry>,
    /// Types.
    pub types: Vec<(String, Hardware)>,
    /// Which type is offered in which zone.
    pub offerings: Vec<(String, String)>,
}

/// The tables that EC2's describe calls do not answer.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// On-demand prices by type.
    pub on_demand: BTreeMap<String, MicroUsd>,
    /// The spot advisor's rows of the region, by type.
    pub advice: BTreeMap<String, Advice>,
    /// Branch interfaces by type.
    pub branch_interfaces: BTreeMap<String, u32>,
}

/// Builds the file. Types without offering in the region are no news and left out; types that no node can be of are left out with a
/// warning that names them.
pub fn build(description: Description, tables: &Tables) -> (CatalogFile, Vec<Diagnostic>) {
    let zones: BTreeMap<String, ZoneEntry> = description.zones.into_iter().map(|zone| (zone.name.clone(), zone)).collect();
    let mut offered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, zone) in description.offerings.into_iter().filter(|(_, zone)| zones.contains_key(zone)) {
        offered.entry(name).or_default().insert(zone);
    }
    let mut warnings = Vec::new();
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    for (name, hardware) in description.types {
        let Some(zones) = offered.get(&name).filter(|_| !entries.contains_key(&name)) else { continue };
        if let Some(flaw) = machine_flaw(&hardware) {
            warnings.push(Diagnostic::warning(format!("left out: {flaw}")).on(format!("instance type {name}")));
        } else {
            entries.insert(name.clone(), entry(name, hardware, zones, tables));
        }
    }
    let unpriced: Vec<&str> =
        entries.values().filter(|entry| entry.prices.on_demand.is_none()).map(|entry| entry.name.as_str()).collect();
    if !unpriced.is_empty() {
        let message = format!("{} types have no price and are never chosen: {}", unpriced.len(), unpriced.join(", "));
        warnings.push(Diagnostic::warning(message));
    }
    let file = CatalogFile {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        region: description.region,
        sources: Sources { on_demand: PriceKind::List, spot: PriceKind::Estimate },
        zones: zones.into_values().collect(),
        instance_types: entries.into_values().collect(),
    };
    (file, warnings)
}

fn entry(name: String, mut hardware: Hardware, zones: &BTreeSet<String>, tables: &Tables) -> Entry {
    hardware.network.branch_interfaces = tables.branch_interfaces.get(&name).copied().unwrap_or(0);
    let on_demand = tables.on_demand.get(&name).copied();
    let advice = tables.advice.get(&name).filter(|_| hardware.usage_classes.iter().any(|class| class == "spot"));
    let spot = on_demand.and_then(|price| advice.and_then(|advice| advice.spot_price(price)));
    let text = |price: MicroUsd| PriceText(price.to_string());
    let prices = Prices {
        on_demand: on_demand.map(text),
        spot: spot.map(text),
        spot_by_zone: BTreeMap::new(),
        interruption: advice.map(|advice| advice.interruption.clone()),
    };
    Entry { name, hardware, zones: zones.iter().cloned().collect(), prices }
}

/// Writes the file, compressed if the name ends in `.gz`. No time stamp and no file name go in, so equal catalogues are equal files.
pub fn write(file: &CatalogFile, path: &Path) -> Result<(), CatalogError> {
    let refused = |source| CatalogError::Write { path: path.to_owned(), source };
    let text = file.to_text().map_err(|error| refused(error.into()))?;
    let bytes = if path.extension().is_some_and(|extension| extension == "gz") {
        let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).map_err(refused)?
    } else {
        text.into_bytes()
    };
    std::fs::write(path, bytes).map_err(refused)
}

#[cfg(test)]
mod tests;
