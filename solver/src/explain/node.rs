//! Why a node to launch is what it is: which offerings of its pool would hold its pods, and what keeps the cheaper ones away.

use super::NodeExplanation;
use super::amount;
use super::survey::reference;
use crate::plan::{FunnelStep, OfferingRef, PlannedNode};
use crate::predicate::{Candidate, overhead, ports_conflict};
use crate::{
    CapacityType, DaemonSet, InstanceType, Labels, NodeName, NodePool, Offering, Plan, PodShape, ResourceName, Resources,
    Snapshot, SpotPool,
};
use std::collections::{BTreeMap, BTreeSet};

/// What an offering fails, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Fall {
    Requirements,
    Selection,
    Resource(ResourceName),
    HostPorts,
    Available,
    Priced,
    Limit(ResourceName),
    SpotPool,
}

/// All pods of the node as one load.
struct Load<'a> {
    pool: &'a NodePool,
    daemon_sets: &'a [DaemonSet],
    open: Labels,
    shapes: Vec<&'a PodShape>,
    requests: Resources,
    /// What the limits leave beside the plan's other nodes.
    left: Vec<(&'a ResourceName, i64)>,
    /// Spot pools that have their share without this node.
    full: BTreeSet<SpotPool>,
}

pub(super) fn explain(snapshot: &Snapshot, plan: &Plan, name: &NodeName) -> Option<NodeExplanation> {
    let node = plan.nodes.iter().find(|node| node.name == *name)?;
    let pool = snapshot.node_pools().iter().find(|pool| pool.name == node.node_pool)?;
    let load = Load::new(snapshot, plan, node, pool);
    let mut falls: BTreeMap<Fall, usize> = BTreeMap::new();
    let mut holding: Vec<OfferingRef> = Vec::new();
    let mut miss: Option<(Fall, OfferingRef)> = None;
    let mut offerings = 0;
    for instance_type in pool.instance_types.iter() {
        for offering in &instance_type.offerings {
            offerings += 1;
            let named = reference(instance_type, offering);
            match load.fall(instance_type, offering) {
                None => holding.extend(named),
                Some(fall) => {
                    *falls.entry(fall.clone()).or_default() += 1;
                    // Of the cheaper ones, the one that came furthest is the next choice; of those, the dearest.
                    let nearer = named.filter(|named| named.price < node.offering.price).map(|named| (fall, named));
                    miss = miss.take().max(nearer);
                }
            }
        }
    }
    holding.sort();
    Some(NodeExplanation {
        node: name.clone(),
        node_pool: pool.name.clone(),
        offering: node.offering.clone(),
        funnel: load.funnel(offerings, &falls),
        candidates: holding.len(),
        runner_up: holding.into_iter().find(|other| *other != node.offering),
        binding: miss.map(|(fall, offering)| load.sentence(&fall, &offering)),
    })
}

impl<'a> Load<'a> {
    fn new(snapshot: &'a Snapshot, plan: &Plan, node: &'a PlannedNode, pool: &'a NodePool) -> Self {
        let keys: BTreeSet<_> = node.pods.iter().collect();
        let shapes: Vec<&PodShape> =
            snapshot.pods().iter().filter(|pod| keys.contains(&pod.key)).map(|pod| &*pod.shape).collect();
        let mut requests = Resources::new();
        for shape in &shapes {
            requests.add(&shape.requests);
        }
        let mut distinct = shapes;
        distinct.sort();
        distinct.dedup();
        let capacity = |kind: &OfferingRef, name: &str| {
            pool.instance_types.iter().find(|known| known.name == kind.instance_type).map_or(0, |known| known.capacity.get(name))
        };
        let others = || plan.nodes.iter().filter(|other| other.node_pool == pool.name && other.name != node.name);
        let worst = |other: &PlannedNode, name: &str| match name {
            ResourceName::NODES => 1,
            _ => other.alternatives.iter().chain([&other.offering]).map(|kind| capacity(kind, name)).max().unwrap_or(0),
        };
        let left = |(name, limit): &'a (ResourceName, i64)| {
            let used = others().map(|other| worst(other, name.as_str())).fold(pool.usage.get(name.as_str()), i64::saturating_add);
            (name, limit.saturating_sub(used))
        };
        let custom = |key: &str| !crate::label::is_well_known(key) && pool.requirements.get(key).is_some();
        let open = node.labels.iter().filter(|(key, _)| custom(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
        Self {
            pool,
            daemon_sets: snapshot.daemon_sets(),
            open,
            shapes: distinct,
            requests,
            left: pool.limits.iter().map(left).collect(),
            full: full_spot_pools(snapshot, plan, node),
        }
    }

    /// The first thing that the offering fails.
    fn fall(&self, instance_type: &InstanceType, offering: &Offering) -> Option<Fall> {
        let candidate = Candidate { pool: self.pool, instance_type, offering, open: &self.open };
        if !candidate.in_pool() {
            return Some(Fall::Requirements);
        }
        if !self.shapes.iter().all(|shape| candidate.selected_by(shape)) {
            return Some(Fall::Selection);
        }
        let daemons: Vec<&DaemonSet> = self.daemon_sets.iter().filter(|daemon| candidate.runs(daemon)).collect();
        let mut asked = overhead(&daemons);
        asked.add(&self.requests);
        let room = instance_type.allocatable();
        if let Some((name, _)) = asked.iter().find(|(name, asked)| *asked > room.get(name.as_str())) {
            return Some(Fall::Resource(name.clone()));
        }
        let mut taken = daemons.iter().flat_map(|daemon| &daemon.shape.host_ports);
        if taken.any(|port| self.shapes.iter().flat_map(|shape| &shape.host_ports).any(|own| ports_conflict(port, own))) {
            return Some(Fall::HostPorts);
        }
        if !offering.available {
            return Some(Fall::Available);
        }
        if offering.price.is_none() {
            return Some(Fall::Priced);
        }
        let used = |name: &str| if name == ResourceName::NODES { 1 } else { instance_type.capacity.get(name) };
        if let Some((name, _)) = self.left.iter().find(|(name, left)| used(name.as_str()) > *left) {
            return Some(Fall::Limit((*name).clone()));
        }
        let spot = offering.capacity_type == CapacityType::Spot;
        let full = spot && self.full.contains(&(instance_type.name.clone(), offering.zone.clone()));
        full.then_some(Fall::SpotPool)
    }

    /// Requirements and selection are always listed, the other steps where they removed something.
    fn funnel(&self, offerings: usize, falls: &BTreeMap<Fall, usize>) -> Vec<FunnelStep> {
        let mut all = falls.clone();
        all.entry(Fall::Requirements).or_default();
        all.entry(Fall::Selection).or_default();
        let mut remaining = offerings;
        let start = FunnelStep { step: format!("offerings of nodePool {}", self.pool.name), remaining };
        let steps = all.iter().map(|(fall, removed)| {
            remaining -= removed;
            FunnelStep { step: self.step(fall), remaining }
        });
        std::iter::once(start).chain(steps).collect()
    }

    fn step(&self, fall: &Fall) -> String {
        match fall {
            Fall::Requirements => format!("nodePool {}: requirements", self.pool.name),
            Fall::Selection => "nodeSelector, nodeAffinity and volumes of its pods".to_owned(),
            Fall::Resource(name) => format!("resources: {name}"),
            Fall::HostPorts => "host ports".to_owned(),
            Fall::Available => "available".to_owned(),
            Fall::Priced => "priced".to_owned(),
            Fall::Limit(name) => format!("limits: {name}"),
            Fall::SpotPool => "share of one spot pool".to_owned(),
        }
    }

    /// What keeps this cheaper offering away.
    fn sentence(&self, fall: &Fall, offering: &OfferingRef) -> String {
        let OfferingRef { price, instance_type, zone, capacity_type } = offering;
        let shown = format!("{instance_type} in {zone} ({capacity_type}) at ${price}/h");
        match fall {
            Fall::Requirements => format!("the requirements of NodePool {} exclude {shown}", self.pool.name),
            Fall::Selection => format!("nodeSelector, nodeAffinity or a volume of its pods excludes {shown}"),
            Fall::Resource(name) => self.too_small(name, offering, &shown),
            Fall::HostPorts => format!("daemonsets use its pods' host ports on {shown}"),
            Fall::Available => format!("EC2 is out of capacity for {shown}"),
            Fall::Priced => format!("{shown} has no price"),
            Fall::Limit(name) => format!("the {name} limit of NodePool {} leaves no room for {shown}", self.pool.name),
            Fall::SpotPool => format!("other nodes have the share of the spot nodes that may be {shown}"),
        }
    }

    fn too_small(&self, name: &ResourceName, offering: &OfferingRef, shown: &str) -> String {
        let kind = self.pool.instance_types.iter().find(|kind| kind.name == offering.instance_type);
        let room = kind.map_or(0, |kind| kind.allocatable().get(name.as_str()));
        let asked = amount::exact(name.as_str(), self.requests.get(name.as_str()));
        format!(
            "{name}: its pods ask for {asked}, and {shown} has {} for them and daemonsets",
            amount::at_most(name.as_str(), room)
        )
    }
}

/// Spot pools that may have no further node, `node` not counted among theirs.
fn full_spot_pools(snapshot: &Snapshot, plan: &Plan, node: &PlannedNode) -> BTreeSet<SpotPool> {
    let spot = |one: &&OfferingRef| one.capacity_type == CapacityType::Spot;
    let all = |node: &'_ PlannedNode| -> Vec<OfferingRef> { node.alternatives.iter().chain([&node.offering]).cloned().collect() };
    let sure = plan.nodes.iter().filter(|one| all(one).iter().all(|one| spot(&one))).count();
    let mut found = snapshot.spot_in_use();
    let Some(most) = snapshot.most_of_a_spot_pool(found.nodes + u32::try_from(sure).unwrap_or(u32::MAX)) else {
        return BTreeSet::new();
    };
    for other in plan.nodes.iter().filter(|other| other.name != node.name) {
        let pools: BTreeSet<SpotPool> =
            all(other).iter().filter(spot).map(|one| (one.instance_type.clone(), one.zone.clone())).collect();
        for pool in pools {
            *found.pools.entry(pool).or_default() += 1;
        }
    }
    found.pools.into_iter().filter(|(_, count)| *count >= most).map(|(pool, _)| pool).collect()
}
