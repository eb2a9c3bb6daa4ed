//! Offerings of an instance type: every zone that sells it and that the node class reaches, times spot and on-demand.

use super::settings::NodeClassSettings;
use super::{Listed, ZoneName, labels};
use std::collections::BTreeMap;
use windlass_solver::{CapacityType, Interruption, Labels, Offering, Zone};

/// What a zone adds to the labels of its offerings: made once, not for each type.
pub(super) type ZoneLabels<'a> = BTreeMap<&'a Zone, Labels>;

/// Labels of every zone whose id is known.
pub(super) fn zone_labels(zones: &[ZoneName]) -> ZoneLabels<'_> {
    let known = zones.iter().filter(|zone| !zone.id.is_empty());
    known.map(|zone| (&zone.name, Labels::from([(labels::ZONE_ID.into(), zone.id.clone())]))).collect()
}

/// Offerings ordered by zone, then capacity type. Capacity blocks are reservations and no way to buy a node. Availability is EC2's to
/// tell at launch, so every offering counts as available; one without a price is never chosen.
pub(super) fn offerings(listed: &Listed, zones: &ZoneLabels<'_>, settings: &NodeClassSettings) -> Vec<Offering> {
    let reached = |zone: &&Zone| settings.zones.as_ref().is_none_or(|allowed| allowed.contains(*zone));
    let band = listed.interruption.as_deref().and_then(Interruption::parse);
    let mut made: Vec<Offering> = Vec::with_capacity(listed.zones.len() * 2);
    for zone in listed.zones.iter().filter(reached) {
        let labels = zones.get(zone).cloned().unwrap_or_default();
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
