//! From a file's entries to a catalogue: sorts, judges, and leaves out what no node can be made of, naming each and saying why.

use super::error::CatalogError;
use super::file::{CatalogFile, Entry, PriceText, ZoneEntry};
use super::hardware::Hardware;
use super::{Catalog, Listed, ZoneName};
use crate::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use windlass_solver::{Interruption, MicroUsd, Zone};

/// Bounds far beyond any machine, so that sums and products of what is inside them cannot overflow.
const MOST_VCPUS: u32 = 1 << 20;
const MOST_MEMORY_MIB: u64 = 1 << 40;
const MOST_INTERFACES: u32 = 1 << 16;
const MOST_GB: u64 = 1 << 32;

/// Dollars per hour beyond any machine: a price in the wrong unit.
const MOST_PRICE: MicroUsd = MicroUsd(1_000_000_000_000);

/// Makes the catalogue.
pub(super) fn sift(file: &str, read: CatalogFile) -> Result<Catalog, CatalogError> {
    if read.region.is_empty() {
        return Err(CatalogError::Unusable { file: file.to_owned(), field: "region", why: "must name a region".to_owned() });
    }
    let mut notes = Notes { file, found: Vec::new() };
    let zones = zones(read.zones, &mut notes);
    let names: BTreeSet<&Zone> = zones.iter().map(|zone| &zone.name).collect();
    let mut types: BTreeMap<String, Listed> = BTreeMap::new();
    for (index, entry) in read.instance_types.into_iter().enumerate() {
        let place = format!("instanceTypes[{index}]");
        if types.contains_key(&entry.name) {
            notes.error(&place, &entry.name, "listed twice; the first is used".to_owned());
        } else if let Some(flaw) = flaw(&entry) {
            notes.error(&place, &entry.name, format!("left out: {flaw}"));
        } else {
            types.insert(entry.name.clone(), admit(entry, &place, &names, &mut notes));
        }
    }
    if types.is_empty() {
        notes
            .found
            .push(Diagnostic::warning("lists no usable instance type").on(format!("Catalog {file}")).field("instanceTypes"));
    }
    Ok(Catalog {
        region: read.region.into(),
        sources: read.sources,
        zones,
        types: types.into_values().collect(),
        findings: notes.found,
        labels: OnceLock::new(),
        shelf: Arc::default(),
    })
}

struct Notes<'a> {
    file: &'a str,
    found: Vec<Diagnostic>,
}

impl Notes<'_> {
    fn error(&mut self, place: &str, name: &str, message: String) {
        self.found.push(self.about(Diagnostic::error(message), place, name));
    }

    fn warning(&mut self, place: &str, name: &str, message: String) {
        self.found.push(self.about(Diagnostic::warning(message), place, name));
    }

    fn about(&self, found: Diagnostic, place: &str, name: &str) -> Diagnostic {
        let subject = if name.is_empty() { String::new() } else { format!(" {name}") };
        found.on(format!("Catalog {}{subject}", self.file)).field(place)
    }
}

fn zones(entries: Vec<ZoneEntry>, notes: &mut Notes) -> Vec<ZoneName> {
    let mut known: BTreeMap<String, ZoneName> = BTreeMap::new();
    for (index, ZoneEntry { name, id }) in entries.into_iter().enumerate() {
        let place = format!("zones[{index}]");
        if name.is_empty() {
            notes.error(&place, "", "left out: a zone needs a name".to_owned());
        } else if known.contains_key(&name) {
            notes.error(&place, &name, "listed twice; the first is used".to_owned());
        } else {
            known.insert(name.clone(), ZoneName { name: Zone::new(name), id: id.into() });
        }
    }
    known.into_values().collect()
}

/// Why no node can be of this type.
fn flaw(entry: &Entry) -> Option<String> {
    if entry.name.is_empty() {
        return Some("it has no name".to_owned());
    }
    machine_flaw(&entry.hardware)
}

/// Why no node can be such a machine. Shared with the build of a catalogue, which leaves out the same.
pub(super) fn machine_flaw(hardware: &Hardware) -> Option<String> {
    let network = &hardware.network;
    let beyond =
        |label: &str, value: u64, most: u64| (value > most).then(|| format!("{label} is {value}, more than any machine has"));
    if hardware.vcpus == 0 {
        Some("it has no vCPU".to_owned())
    } else if hardware.memory_mib == 0 {
        Some("it has no memory".to_owned())
    } else if hardware.architectures.is_empty() {
        Some("its processor architecture is unknown".to_owned())
    } else if network.cards.is_empty() {
        Some("it has no network card".to_owned())
    } else if network.default_card_interfaces() == 0 {
        Some(format!("its default network card {} has no interface, so no pod could get an address", network.default_card))
    } else if network.ipv4_per_interface == 0 {
        Some("its network interfaces have no IPv4 address".to_owned())
    } else {
        beyond("vcpus", hardware.vcpus.into(), MOST_VCPUS.into())
            .or_else(|| beyond("memoryMib", hardware.memory_mib, MOST_MEMORY_MIB))
            .or_else(|| beyond("interfaces", network.default_card_interfaces().into(), MOST_INTERFACES.into()))
            .or_else(|| beyond("ipv4PerInterface", network.ipv4_per_interface.into(), MOST_INTERFACES.into()))
            .or_else(|| beyond("totalGb", hardware.local_storage.as_ref().map_or(0, |disks| disks.total_gb), MOST_GB))
    }
}

/// Reads zones and prices of a sound type. A flawed price counts as none, an unknown zone as not there.
fn admit(entry: Entry, place: &str, known: &BTreeSet<&Zone>, notes: &mut Notes) -> Listed {
    let mut zones = BTreeSet::new();
    for (index, text) in entry.zones.iter().enumerate() {
        let zone = Zone::from(text.as_str());
        let place = format!("{place}.zones[{index}]");
        if !known.contains(&zone) {
            notes.error(&place, &entry.name, format!("offering left out: zone {text:?} is none of the catalogue's zones"));
        } else if !zones.insert(zone) {
            notes.warning(&place, &entry.name, format!("zone {text:?} is listed twice"));
        }
    }
    let mut price = |field: &str, text: Option<&PriceText>| {
        let text = text?;
        let read = MicroUsd::parse_dollars(&text.0).filter(|price| MicroUsd::ZERO < *price && *price <= MOST_PRICE);
        if read.is_none() {
            let why =
                format!("{:?} is no price: expected dollars per hour as a plain decimal above zero; it counts as absent", text.0);
            notes.error(&format!("{place}.prices.{field}"), &entry.name, why);
        }
        read
    };
    let prices = &entry.prices;
    let on_demand = price("onDemand", prices.on_demand.as_ref());
    let spot = price("spot", prices.spot.as_ref());
    let by_zone = prices.spot_by_zone.iter();
    let by_zone: Vec<_> = by_zone.map(|(zone, text)| (zone, price(&format!("spotByZone.{zone}"), Some(text)))).collect();
    for (zone, _) in by_zone.iter().filter(|(zone, _)| !zones.contains(&Zone::from(zone.as_str()))) {
        notes.warning(
            &format!("{place}.prices.spotByZone.{zone}"),
            &entry.name,
            "has no effect: the type is not offered there".to_owned(),
        );
    }
    if let Some(band) = prices.interruption.as_deref().filter(|band| Interruption::parse(band).is_none()) {
        let known = Interruption::ALL.map(Interruption::as_str).join(", ");
        let why = format!("{band:?} is no interruption band ({known}): it counts as unknown");
        notes.warning(&format!("{place}.prices.interruption"), &entry.name, why);
    }
    let spot_by_zone = by_zone.into_iter().filter_map(|(zone, read)| Some((Zone::from(zone.as_str()), read?)));
    Listed {
        spot_by_zone: spot_by_zone.collect(),
        on_demand,
        spot,
        zones: zones.into_iter().collect(),
        interruption: entry.prices.interruption,
        name: entry.name.as_str().into(),
        hardware: entry.hardware,
    }
}
