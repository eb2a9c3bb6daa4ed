//! Capacity reservations of an EC2NodeClass, as offerings of the capacity type `reserved`.
//!
//! Which there are is in `status.capacityReservations`. How many instances are free in each only EC2 knows; where it cannot be asked, the
//! annotation [`FREE`] says so. Of several for one instance type and zone that with the most room is used, because EC2 Fleet takes one.

use super::super::template::Report;
use crate::api;
use crate::api::ec2_node_class::{CapacityReservation, ReservationState, ReservationType};
use crate::catalog::Catalog;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{CapacityType, InstanceType, Labels, MicroUsd, Offering, Zone, label};

/// Annotation of an EC2NodeClass: instances that can still be launched in each reservation, as `cr-0a1=4 cr-0b2=0`.
pub const FREE: &str = "windlass.dev/capacity-reservations";

/// A reservation with room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Reservation {
    pub(in crate::snapshot) id: Arc<str>,
    /// Instances that can still be launched in it, one or more.
    pub(in crate::snapshot) slots: u32,
    instance_type: String,
    zone: Zone,
    labels: Labels,
}

/// The reservations that nodes of the class can be launched in.
pub(super) fn reservations(object: &api::EC2NodeClass, catalog: &Catalog, report: &mut Report<'_>) -> Vec<Reservation> {
    if object.spec.capacity_reservation_selector_terms.is_empty() {
        return Vec::new();
    }
    let found = object.status.as_ref().map_or(&[][..], |status| &status.capacity_reservations);
    if found.is_empty() {
        let message = "is empty, so no capacity reservation is known; read the object from the cluster to use those it selects";
        report.warning("status.capacityReservations", message);
    }
    let free = free(object, report);
    let mut best: BTreeMap<(&str, &str), Reservation> = BTreeMap::new();
    for one in found.iter().filter(|one| one.state == ReservationState::Active) {
        let Some(slots) = free.get(one.id.as_str()) else {
            let message = format!(
                "how many instances are free in {} is not known, so none is launched there: say so in the annotation {FREE}, as {}=1",
                one.id, one.id
            );
            report.warning("status.capacityReservations", message);
            continue;
        };
        let place = (one.instance_type.as_str(), one.availability_zone.as_str());
        if *slots > 0 && best.get(&place).is_none_or(|known| known.slots < *slots) {
            best.insert(place, read(one, *slots, catalog));
        }
    }
    best.into_values().collect()
}

fn read(one: &CapacityReservation, slots: u32, catalog: &Catalog) -> Reservation {
    let kind = match one.reservation_type {
        ReservationType::Default => "default",
        ReservationType::CapacityBlock => "capacity-block",
    };
    let interruptible = if one.interruptible == Some(true) { "true" } else { "false" };
    let zone = Zone::new(one.availability_zone.as_str());
    let mut labels: Labels = [
        (Arc::from(label::RESERVATION), Arc::from(one.id.as_str())),
        (Arc::from("karpenter.k8s.aws/capacity-reservation-type"), Arc::from(kind)),
        (Arc::from("karpenter.k8s.aws/capacity-reservation-interruptible"), Arc::from(interruptible)),
    ]
    .into();
    let known = catalog.zones().iter().find(|known| known.name == zone && !known.id.is_empty());
    labels.extend(known.map(|known| (Arc::from("topology.k8s.aws/zone-id"), known.id.clone())));
    Reservation { id: one.id.as_str().into(), slots, instance_type: one.instance_type.clone(), zone, labels }
}

/// The annotation's numbers, by id.
fn free(object: &api::EC2NodeClass, report: &mut Report<'_>) -> BTreeMap<String, u32> {
    let text = object.metadata.annotations.as_ref().and_then(|all| all.get(FREE)).map_or("", String::as_str);
    let mut all = BTreeMap::new();
    for entry in text.split([' ', ',', '\n']).filter(|entry| !entry.is_empty()) {
        let read = entry.split_once('=').and_then(|(id, count)| Some((id, count.parse::<u32>().ok()?)));
        match read {
            Some((id, count)) => {
                all.insert(id.to_owned(), count);
            }
            None => report.error(
                &format!("metadata.annotations[{FREE}]"),
                format!("{entry:?} is not a reservation and its free instances, such as cr-0a1=4"),
            ),
        }
    }
    all
}

/// The instance types with the reservations among their offerings. They are paid for already: as in Karpenter the price is that on demand
/// divided by ten million, rounded up, so that of two reservations the one for the cheaper type is used.
pub(super) fn add(
    types: &Arc<[InstanceType]>,
    reservations: &[Reservation],
    zones: Option<&BTreeSet<Zone>>,
) -> Arc<[InstanceType]> {
    if reservations.is_empty() {
        return Arc::clone(types);
    }
    let with = |kind: &InstanceType| {
        let mut kind = kind.clone();
        let on_demand = kind.offerings.iter().filter(|one| one.capacity_type == CapacityType::OnDemand).find_map(|one| one.price);
        let price = MicroUsd(on_demand.map_or(1, |price| (price.0 / 10_000_000) + 1));
        // Only where the class has a subnet.
        let reached = |zone: &Zone| zones.is_none_or(|zones| zones.contains(zone));
        let own = reservations.iter().filter(|one| one.instance_type == kind.name.as_str());
        let more: Vec<Offering> = own
            .filter(|one| reached(&one.zone))
            .map(|one| Offering {
                zone: one.zone.clone(),
                capacity_type: CapacityType::Reserved,
                price: Some(price),
                available: true,
                interruption: None,
                labels: one.labels.clone(),
            })
            .collect();
        kind.offerings.extend(more);
        kind.offerings.sort_by(|a, b| (&a.zone, a.capacity_type).cmp(&(&b.zone, b.capacity_type)));
        kind
    };
    types.iter().map(with).collect()
}
