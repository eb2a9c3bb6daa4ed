//! Nodes that were asked for and have not joined, as the solver may count on them.

use super::Engine;
use crate::api::label;
use crate::cluster::Claim;
use crate::provision::{InFlight, market};
use windlass_solver::{CapacityType, InstanceType, NodeName, Resources};

impl Engine {
    /// The nodes to come: of claims that are seen and have no Node, and of claims that are being created.
    pub(super) fn in_flight(&self) -> Vec<InFlight> {
        let seen = self.view.claims().filter(|claim| self.view.node_of(claim).is_none()).map(AsRef::as_ref);
        let coming = self.provisioner.creating().filter(|claim| self.view.claim(&claim.name).is_none());
        seen.chain(coming).filter(|claim| claim.deleting.is_none()).filter_map(|claim| self.expected(claim)).collect()
    }

    /// What the claim's node will be like, whatever it becomes.
    fn expected(&self, claim: &Claim) -> Option<InFlight> {
        let types = self.view.types(&claim.pool)?;
        let offerings = market::offerings(&claim.requirements, &types);
        let possible: Vec<&InstanceType> =
            types.iter().filter(|kind| offerings.iter().any(|offering| offering.instance_type == kind.name)).collect();
        let first = offerings.first().and_then(|offering| types.iter().find(|kind| kind.name == offering.instance_type));
        let mut labels = claim.node_labels();
        let launched = labels.contains_key(label::INSTANCE_TYPE) && labels.contains_key(label::ZONE);
        let spot = offerings.iter().filter(|offering| !launched && offering.capacity_type == CapacityType::Spot);
        let spot_pools = spot.map(|offering| (offering.instance_type.clone(), offering.zone.clone())).collect();
        if let (Some(offering), Some(kind)) = (offerings.first(), first) {
            for (key, value) in &kind.labels {
                labels.entry(key.clone()).or_insert_with(|| value.clone());
            }
            for (key, value) in [
                (label::ZONE, offering.zone.as_str()),
                (label::CAPACITY_TYPE, offering.capacity_type.as_str()),
                (label::INSTANCE_TYPE, offering.instance_type.as_str()),
            ] {
                labels.entry(key.into()).or_insert_with(|| value.into());
            }
        }
        let allocatable = if claim.allocatable.is_empty() { least(&possible)? } else { claim.allocatable.clone() };
        Some(InFlight {
            name: NodeName::new(claim.name.as_str()),
            node_pool: claim.pool.clone(),
            labels,
            taints: claim.taints.clone(),
            allocatable,
            spot_pools,
        })
    }
}

/// What each of the types offers at least.
fn least(types: &[&InstanceType]) -> Option<Resources> {
    let all: Vec<Resources> = types.iter().map(|kind| kind.allocatable()).collect();
    let first = all.first()?;
    let of = |name: &str| all.iter().map(|one| one.get(name)).min().unwrap_or(0);
    Some(first.iter().map(|(name, _)| (name.clone(), of(name.as_str()))).collect())
}
