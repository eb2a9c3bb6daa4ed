//! Offerings of an instance type: every zone that sells it and that the node class reaches, times spot and on-demand.

use super::settings::NodeClassSettings;
use super::{Listed, ZoneName, labels};
use windlass_solver::{CapacityType, Interruption, Labels, Offering, Zone};

/// Offerings ordered by zone, then capacity type. Capacity blocks are reservations and no way to buy a node. Availability is EC2's to
/// tell at launch, so every offering counts as available; one without a price is never chosen.
pub(super) fn offerings(listed: &Listed, zones: &[ZoneName], settings: &NodeClassSettings) -> Vec<Offering> {
    let reached = |zone: &&Zone| settings.zones.as_ref().is_none_or(|allowed| allowed.contains(*zone));
    let band = listed.interruption.as_deref().and_then(Interruption::parse);
    let mut made: Vec<Offering> = Vec::with_capacity(listed.zones.len() * 2);
    for zone in listed.zones.iter().filter(reached) {
        let labels = zone_labels(zone, zones);
        for (capacity_type, price) in [(CapacityType::Spot, listed.spot_in(zone)), (CapacityType::OnDemand, listed.on_demand)] {
            if listed.sold_as(capacity_type.as_str()) {
                let interruption = band.filter(|_| capacity_type == CapacityType::Spot);
                made.push(Offering {
                    zone: zone.clone(),
                    capacity_type,
                    price,
                    available: true,
                    interruption,
                    labels: labels.clone(),
                });
            }
        }
    }
    made
}

fn zone_labels(zone: &Zone, zones: &[ZoneName]) -> Labels {
    let known = zones.iter().find(|known| known.name == *zone && !known.id.is_empty());
    known.map(|known| (labels::ZONE_ID.into(), known.id.clone())).into_iter().collect()
}
