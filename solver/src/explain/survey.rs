//! One pod against every offering: what stands in its way on each, how many are left after each step, and which single change would do.

use super::relaxation::Relaxation;
use super::uniform::{Before, Uniform};
use super::variant::variants;
use crate::plan::OfferingRef;
use crate::predicate::{Candidate, affinity_holds, overhead, ports_conflict, untolerated, volumes_reachable};
use crate::{
    CapacityType, DaemonSet, InstanceType, Labels, NodePool, NodePoolName, Offering, PodShape, ResourceName, Resources, Snapshot,
    Taint, label,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What remains of the pools' limits. A pool that is absent has all that `usage` leaves.
pub(crate) type LimitsLeft = BTreeMap<NodePoolName, Vec<(ResourceName, i64)>>;

/// What is asked of an offering, in the order of asking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Taints,
    Requirements,
    Selector(usize),
    Affinity,
    Volumes,
    Resource(ResourceName),
    HostPorts,
    Available,
    Priced,
    Supported,
    MinValues,
    SpotTypes,
    Limits,
}

/// What stands in the way of a pod on an offering.
#[derive(Clone, Copy)]
pub(super) enum Obstacle<'a> {
    Taint(&'a Taint),
    Selector(usize),
    Affinity,
    Volumes,
    /// Beside daemonsets, this much is left for the pod; below zero where daemonsets alone do not fit.
    Resource(&'a ResourceName, i64),
    HostPorts,
    Unavailable,
    NoPrice,
    Feature,
    /// The limit lacks this much.
    Limit(&'a ResourceName, i64),
}

impl Obstacle<'_> {
    fn step(&self) -> Step {
        match self {
            Self::Taint(_) => Step::Taints,
            Self::Selector(index) => Step::Selector(*index),
            Self::Affinity => Step::Affinity,
            Self::Volumes => Step::Volumes,
            Self::Resource(name, _) => Step::Resource((*name).clone()),
            Self::HostPorts => Step::HostPorts,
            Self::Unavailable => Step::Available,
            Self::NoPrice => Step::Priced,
            Self::Feature => Step::Supported,
            Self::Limit(..) => Step::Limits,
        }
    }
}

/// Offerings of one pool: all, those left after taints, and those left after the pool's requirements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolCount {
    pub(super) pool: NodePoolName,
    pub(super) offerings: usize,
    pub(super) tolerated: usize,
    pub(super) allowed: usize,
}

/// A resource on an offering that holds the pod: what the pod asks for, and how much there is beside daemonsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tight {
    pub(super) resource: ResourceName,
    pub(super) asked: i64,
    pub(super) room: i64,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) pools: Vec<PoolCount>,
    /// How many offerings of all pools each step removed.
    pub(super) removed: BTreeMap<Step, usize>,
    /// Offerings that nothing speaks against.
    pub(super) open: usize,
    /// How many of them are capacity reservations.
    pub(super) reserved: usize,
    /// The cheapest of them.
    pub(super) cheapest: Option<OfferingRef>,
    /// What the pod takes the largest share of on the cheapest.
    pub(super) tightest: Option<Tight>,
    /// Untolerated taints by pool, for the message.
    pub(super) taints: Vec<(NodePoolName, Taint)>,
    /// The most of a resource that any offering left to the pod, where some offering had too little.
    pub(super) largest: BTreeMap<ResourceName, i64>,
    /// Pools whose unsupported features are all that keep the pod away.
    pub(super) refused_pools: Vec<NodePoolName>,
    /// For each pool and limit: the smallest amount by which it would have to grow.
    pub(super) lacking: BTreeMap<(NodePoolName, ResourceName), i64>,
    /// Labels of which `minValues` ask for more values than what would hold the pod has, by pool.
    pub(super) uniform: Vec<Uniform>,
    /// The most instance types that hold the pod on spot in a pool where they are too few.
    pub(super) spot_types: usize,
    pub(super) relaxation: Option<Relaxation>,
}

/// What all offerings of an instance type share.
pub(super) struct Bench<'a> {
    pub(super) allocatable: Resources,
    pub(super) limits: Vec<Obstacle<'a>>,
}

/// Surveys one pod shape over all pools. Features that the pod itself asks for are left out of account.
pub(super) fn survey<'a>(snapshot: &'a Snapshot, shape: &'a PodShape, left: &'a LimitsLeft) -> Survey {
    let mut found = Survey::default();
    for pool in snapshot.node_pools().iter().filter(|pool| pool.replicas.is_none()) {
        let taints: Vec<&Taint> = untolerated(&pool.taints, &shape.tolerations).collect();
        found.taints.extend(taints.iter().map(|taint| (pool.name.clone(), (*taint).clone())));
        let before = (found.removed.get(&Step::Taints).copied(), found.removed.get(&Step::Requirements).copied());
        let surveyor = Surveyor {
            daemon_sets: snapshot.daemon_sets(),
            reservations: snapshot.reservations(),
            spot_min_types: snapshot.spot_min_types(),
            variants: variants(pool, &[shape], snapshot.daemon_sets()),
            limits: limits_of(pool, left),
            pool,
            shape,
            taints,
        };
        let untouched = Before::of(&found);
        for instance_type in pool.instance_types.iter() {
            surveyor.visit(instance_type, &mut found);
        }
        surveyor.refuse_few_spot_types(&untouched, &mut found);
        surveyor.refuse_uniform(untouched, &mut found);
        let offerings = pool.instance_types.iter().map(|kind| kind.offerings.len()).sum();
        let grown = |step: &Step, before: Option<usize>| found.removed.get(step).copied().unwrap_or(0) - before.unwrap_or(0);
        let tolerated = offerings - grown(&Step::Taints, before.0);
        let allowed = tolerated - grown(&Step::Requirements, before.1);
        found.pools.push(PoolCount { pool: pool.name.clone(), offerings, tolerated, allowed });
    }
    found
}

fn limits_of<'a>(pool: &'a NodePool, left: &'a LimitsLeft) -> Vec<(&'a ResourceName, i64)> {
    let fresh = || pool.limits.iter().map(|(name, limit)| (name, limit.saturating_sub(pool.usage.get(name.as_str())))).collect();
    left.get(&pool.name).map_or_else(fresh, |left| left.iter().map(|(name, amount)| (name, *amount)).collect())
}

pub(super) struct Surveyor<'a> {
    daemon_sets: &'a [DaemonSet],
    reservations: &'a BTreeMap<Arc<str>, u32>,
    pub(super) spot_min_types: u32,
    pub(super) pool: &'a NodePool,
    shape: &'a PodShape,
    pub(super) variants: Vec<Labels>,
    taints: Vec<&'a Taint>,
    limits: Vec<(&'a ResourceName, i64)>,
}

impl<'a> Surveyor<'a> {
    fn visit(&self, instance_type: &'a InstanceType, found: &mut Survey) {
        if self.refused_as_a_whole(instance_type) {
            let step = if self.taints.is_empty() { Step::Requirements } else { Step::Taints };
            *found.removed.entry(step).or_default() += instance_type.offerings.len();
            return;
        }
        let bench = Bench { allocatable: instance_type.allocatable(), limits: self.limit_obstacles(instance_type) };
        for offering in &instance_type.offerings {
            let mut furthest = Step::Taints;
            let mut holding = None;
            for open in &self.variants {
                let candidate = Candidate { pool: self.pool, instance_type, offering, open };
                match self.judge(&candidate, &bench, found) {
                    Some(step) => furthest = furthest.max(step),
                    None => holding = holding.or(Some(candidate)),
                }
            }
            let Some(candidate) = holding else {
                *found.removed.entry(furthest).or_default() += 1;
                continue;
            };
            found.open += 1;
            found.reserved += usize::from(offering.capacity_type == CapacityType::Reserved);
            let named = reference(instance_type, offering);
            if named.is_some() && (found.cheapest.is_none() || named < found.cheapest) {
                found.cheapest = named;
                found.tightest = self.tightest(&candidate, &bench);
            }
        }
    }

    /// Whether a requirement that no offering can answer differently refuses the type: most types end here.
    fn refused_as_a_whole(&self, instance_type: &'a InstanceType) -> bool {
        let Some(offering) = instance_type.offerings.first() else { return false };
        let candidate = Candidate { pool: self.pool, instance_type, offering, open: &self.variants[0] };
        self.pool.requirements.iter().any(|requirement| {
            let key = requirement.key();
            label::is_well_known(key)
                && key != label::ZONE
                && key != label::CAPACITY_TYPE
                && !instance_type.offerings.iter().any(|offering| offering.labels.contains_key(key))
                && !candidate.satisfies(requirement)
        })
    }

    pub(super) fn limit_obstacles(&self, instance_type: &InstanceType) -> Vec<Obstacle<'a>> {
        let used = |name: &ResourceName| match name.as_str() {
            ResourceName::NODES => 1,
            name => instance_type.capacity.get(name),
        };
        let lacking =
            |(name, left): &(&'a ResourceName, i64)| Some((*name, used(name).saturating_sub(*left))).filter(|l| l.1 > 0);
        self.limits.iter().filter_map(lacking).map(|(name, lack)| Obstacle::Limit(name, lack)).collect()
    }

    /// The step at which the candidate falls, `None` where it passes all.
    pub(super) fn judge(&self, candidate: &Candidate<'a>, bench: &Bench<'a>, found: &mut Survey) -> Option<Step> {
        if !candidate.in_pool() {
            return Some(if self.taints.is_empty() { Step::Requirements } else { Step::Taints });
        }
        let mut obstacles: Vec<Obstacle<'a>> = self.taints.iter().map(|taint| Obstacle::Taint(taint)).collect();
        let unmet = self.shape.node_selector.iter().enumerate().filter(|(_, requirement)| !candidate.satisfies(requirement));
        obstacles.extend(unmet.map(|(index, _)| Obstacle::Selector(index)));
        if !affinity_holds(self.shape, |requirement| candidate.satisfies(requirement)) {
            obstacles.push(Obstacle::Affinity);
        }
        if !volumes_reachable(self.shape, |requirement| candidate.satisfies(requirement)) {
            obstacles.push(Obstacle::Volumes);
        }
        self.add_resources(candidate, bench, &mut obstacles);
        obstacles.extend((!candidate.offering.available || self.is_full(candidate.offering)).then_some(Obstacle::Unavailable));
        obstacles.extend(candidate.offering.price.is_none().then_some(Obstacle::NoPrice));
        obstacles.extend((!self.pool.unsupported.is_empty()).then_some(Obstacle::Feature));
        obstacles.extend(&bench.limits);
        self.note(&obstacles, found);
        obstacles.first().map(Obstacle::step)
    }

    /// Whether it is a capacity reservation without room.
    fn is_full(&self, offering: &Offering) -> bool {
        let id = offering.labels.get(label::RESERVATION);
        offering.capacity_type == CapacityType::Reserved
            && id.and_then(|id| self.reservations.get(id)).is_none_or(|slots| *slots == 0)
    }

    /// Of equal shares the first by name.
    fn tightest(&self, candidate: &Candidate<'a>, bench: &Bench<'a>) -> Option<Tight> {
        let daemons: Vec<&DaemonSet> = self.daemon_sets.iter().filter(|daemon| candidate.runs(daemon)).collect();
        let kept = overhead(&daemons);
        let requests = self.shape.requests.iter().filter(|(_, asked)| *asked > 0).map(|(name, asked)| {
            let room = bench.allocatable.get(name.as_str()).saturating_sub(kept.get(name.as_str()));
            Tight { resource: name.clone(), asked, room }
        });
        let share = |a: &Tight, b: &Tight| i128::from(a.asked) * i128::from(b.room);
        requests.reduce(|best, next| if share(&next, &best) > share(&best, &next) { next } else { best })
    }

    fn add_resources(&self, candidate: &Candidate<'a>, bench: &Bench<'a>, obstacles: &mut Vec<Obstacle<'a>>) {
        let daemons: Vec<&DaemonSet> = self.daemon_sets.iter().filter(|daemon| candidate.runs(daemon)).collect();
        let kept = overhead(&daemons);
        let room = |name: &ResourceName| bench.allocatable.get(name.as_str()).saturating_sub(kept.get(name.as_str()));
        let lacking = |(name, asked): (&'a ResourceName, i64)| Some((name, room(name))).filter(|(_, room)| asked > *room);
        let mut short: BTreeMap<&'a ResourceName, i64> = self.shape.requests.iter().filter_map(lacking).collect();
        // A node that its daemonsets overfill is not opened, even for a pod that asks for none of what is short.
        let daemon_requests = daemons.iter().flat_map(|daemon| daemon.shape.requests.iter());
        short.extend(daemon_requests.map(|(name, _)| (name, room(name))).filter(|(_, room)| *room < 0));
        obstacles.extend(short.into_iter().map(|(name, room)| Obstacle::Resource(name, room)));
        let mut taken = daemons.iter().flat_map(|daemon| &daemon.shape.host_ports);
        if taken.any(|port| self.shape.host_ports.iter().any(|own| ports_conflict(port, own))) {
            obstacles.push(Obstacle::HostPorts);
        }
    }

    /// Keeps what the message and the relaxation need.
    fn note(&self, obstacles: &[Obstacle<'a>], found: &mut Survey) {
        if let Some(Obstacle::Resource(..)) = obstacles.first() {
            for obstacle in obstacles {
                if let Obstacle::Resource(name, room) = obstacle {
                    let best = found.largest.entry((*name).clone()).or_insert(*room);
                    *best = (*best).max(*room);
                }
            }
        }
        if let Some(Obstacle::Feature) = obstacles.first()
            && found.refused_pools.last() != Some(&self.pool.name)
        {
            found.refused_pools.push(self.pool.name.clone());
        }
        if let Some(Obstacle::Limit(..)) = obstacles.first() {
            for obstacle in obstacles {
                if let Obstacle::Limit(name, lack) = obstacle {
                    let least = found.lacking.entry((self.pool.name.clone(), (*name).clone())).or_insert(*lack);
                    *least = (*least).min(*lack);
                }
            }
        }
        // A strict pool needs several offerings: that one of them would do is not enough.
        if let [only] = obstacles
            && !self.is_strict()
            && self.spot_min_types <= 1
            && let Some(change) = self.relaxation(only)
            && found.relaxation.as_ref().is_none_or(|best| change.compare(best).is_lt())
        {
            found.relaxation = Some(change);
        }
    }

    fn relaxation(&self, only: &Obstacle<'a>) -> Option<Relaxation> {
        match *only {
            Obstacle::Resource(name, room) => {
                let from = self.shape.requests.get(name.as_str());
                let possible = room >= 0 && from > 0 && name.as_str() != ResourceName::PODS;
                possible.then(|| Relaxation::Lower { resource: name.clone(), from, to: room })
            }
            Obstacle::Taint(taint) => Some(Relaxation::Tolerate(taint.clone())),
            Obstacle::Selector(index) => Some(Relaxation::DropSelector(index, self.shape.node_selector.get(index)?.to_string())),
            Obstacle::Affinity => Some(Relaxation::DropAffinity),
            Obstacle::HostPorts => Some(Relaxation::DropHostPorts),
            Obstacle::Limit(resource, lack) => {
                let (_, from) = self.pool.limits.iter().find(|(name, _)| name == resource)?;
                let to = from.saturating_add(lack);
                Some(Relaxation::RaiseLimit { pool: self.pool.name.clone(), resource: resource.clone(), from: *from, to })
            }
            Obstacle::Volumes | Obstacle::Unavailable | Obstacle::NoPrice | Obstacle::Feature => None,
        }
    }
}

/// The offering as plans name it, where it has a price.
pub(super) fn reference(instance_type: &InstanceType, offering: &crate::Offering) -> Option<OfferingRef> {
    offering.price.map(|price| OfferingRef {
        price,
        instance_type: instance_type.name.clone(),
        zone: offering.zone.clone(),
        capacity_type: offering.capacity_type,
    })
}
