//! What a claim may become, and what of it to ask for next.

use super::scarcity::{OfferingKey, Scarcity};
use crate::api::label;
use crate::cloud::launch::OVERRIDES_MAX;
use crate::time::Time;
use windlass_solver::plan::OfferingRef;
use windlass_solver::{CapacityType, InstanceType, InstanceTypeName, Offering, Requirement, Requirements, Zone};

/// Offerings that cost at most so much more than the cheapest are asked for together, in percent: EC2 chooses among them by depth.
const TOLERANCE_PERCENT: i64 = 20;

/// Whether instances of this type can meet the requirements.
pub fn may_be(requirements: &Requirements, kind: &InstanceType) -> bool {
    is_named(requirements, kind) && kind.offerings.iter().any(|offering| holds(requirements, kind, offering))
}

/// Whether the type itself is among those that the requirements name. Most types are not, and this is the cheapest question.
fn is_named(requirements: &Requirements, kind: &InstanceType) -> bool {
    requirements.get(label::INSTANCE_TYPE).is_none_or(|requirement| requirement.allows(Some(kind.name.as_str())))
}

/// Whether an instance bought so meets the requirements. What neither type nor offering defines, the node gets from its claim.
pub fn holds(requirements: &Requirements, kind: &InstanceType, offering: &Offering) -> bool {
    let met = |requirement: &Requirement| {
        let value = match requirement.key() {
            label::ZONE => Some(offering.zone.as_str()),
            label::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
            label::INSTANCE_TYPE => Some(kind.name.as_str()),
            key => offering.labels.get(key).or_else(|| kind.labels.get(key)).map(AsRef::as_ref),
        };
        value.is_none_or(|value| requirement.allows(Some(value)))
    };
    requirements.iter().all(met)
}

/// Everything that meets the requirements and has a price, cheapest first.
pub fn offerings(requirements: &Requirements, types: &[InstanceType]) -> Vec<OfferingRef> {
    let mut all = Vec::new();
    for kind in types.iter().filter(|kind| is_named(requirements, kind)) {
        for offering in kind.offerings.iter().filter(|offering| holds(requirements, kind, offering)) {
            let Some(price) = offering.price else { continue };
            let (zone, capacity_type) = (offering.zone.clone(), offering.capacity_type);
            all.push(OfferingRef { price, instance_type: kind.name.clone(), zone, capacity_type });
        }
    }
    all.sort();
    all
}

/// The key under which the lack of an offering is remembered.
pub fn key(offering: &OfferingRef) -> OfferingKey {
    (offering.instance_type.clone(), offering.zone.clone(), offering.capacity_type)
}

/// What to ask for in one launch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// How to buy.
    pub capacity_type: CapacityType,
    /// What to buy any of, cheapest first.
    pub offerings: Vec<(InstanceTypeName, Zone)>,
}

/// The cheapest offering that is not scarce, and all others of its capacity type at about its price. `None` if all are scarce.
pub fn window(offerings: &[OfferingRef], scarcity: &Scarcity, now: Time) -> Option<Window> {
    let mut open = offerings.iter().filter(|offering| !scarcity.is_scarce(&key(offering), now));
    let first = open.next()?;
    let dearest = first.price.0.saturating_add(first.price.0.saturating_mul(TOLERANCE_PERCENT) / 100);
    let alike = |offering: &&OfferingRef| offering.capacity_type == first.capacity_type && offering.price.0 <= dearest;
    let chosen = std::iter::once(first).chain(open.filter(alike)).take(OVERRIDES_MAX);
    Some(Window {
        capacity_type: first.capacity_type,
        offerings: chosen.map(|offering| (offering.instance_type.clone(), offering.zone.clone())).collect(),
    })
}

#[cfg(test)]
mod tests;
