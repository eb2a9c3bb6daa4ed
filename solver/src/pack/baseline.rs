//! Karpenter's packing algorithm: the yardstick that plans are compared with, on the same snapshot.
//!
//! ```text
//! pods by CPU, memory, key ─▶ existing nodes ─▶ open claims, fewest pods first ─▶ a new claim ─▶ … ─▶ each claim buys its cheapest
//!            ▲                                                                        │
//!            └──────── back of the queue ◀── one preference less after the other ◀────┘
//! ```
//!
//! A claim stands for every instance type, zone and capacity type that still holds its pods; price has no say until the end. Source:
//! karpenter v1.14, `pkg/controllers/provisioning/scheduling` (`queue.go`, `scheduler.go`, `nodeclaim.go`, `preferences.go`,
//! `topology.go`, `topologygroup.go`).
//!
//! What a pod may run on, daemonset overhead per instance type and host ports are read as packing reads them, so that the two differ in
//! decisions alone, and pods that are refused here are refused there. Where the documented algorithm is less able, it gets the better of
//! it: all terms of a required node affinity count at once (Karpenter takes them one after the other), and spot capacity is bought at the
//! lowest price (EC2 also weighs how deep a pool is). Capacity reservations are left out of it: its bill is that without them. Where it
//! picks any domain, the first by name is taken.
//!
//! Rules about other pods are asked when a pod is placed and not again: a later pod may break the spread of an earlier one. Such plans
//! are what Karpenter makes, and kube-scheduler may still bind their pods in another order.

mod claim;
mod class;
mod domain;
mod menu;
mod queue;
mod rule;
mod standing;
mod variety;

use crate::explain::diagnose_beside;
use crate::plan::{Certificate, ExistingPlacement, OfferingRef, PlannedNode, RelaxedMinValues};
use crate::{
    MicroUsd, NodeName, NodePoolName, ObjectKey, Offering, Plan, PreferencePolicy, Snapshot, Status, Summary, Unschedulable,
};
use claim::Claim;
use queue::Floor;
use standing::Standing;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What Karpenter's algorithm makes of `snapshot`. `ours` is a plan of [`crate::solve`] for it: its lower bound is taken over where it
/// holds here as well, which is where at least the same pods go on new nodes and nobody's preferences count; elsewhere the bound is zero.
///
/// Nodes are listed without alternatives, but for those that `minValues` ask for. Equal snapshots give equal plans.
pub fn karpenter(snapshot: &Snapshot, ours: &Plan, policy: PreferencePolicy) -> Plan {
    let standing = Standing::of(snapshot, ours);
    let launched = standing.launched(snapshot);
    let snapshot = launched.as_ref().unwrap_or(snapshot);
    let mut floor = Floor::new(snapshot, policy);
    floor.run();
    let claims = std::mem::take(&mut floor.claims);
    let purchases = purchases(&floor, claims);
    let mut pods = Pods { floor: &floor, next: vec![0; floor.classes.len()] };
    let mut existing_nodes = existing(&mut pods);
    let mut nodes = planned(&purchases, &mut pods);
    nodes.extend(standing.returned(snapshot, &mut existing_nodes));
    nodes.sort_by_key(|node| snapshot.node_pools().iter().position(|pool| pool.name == node.node_pool));
    let hourly_cost: MicroUsd = nodes.iter().map(|node| node.offering.price).sum();
    let biased = policy == PreferencePolicy::Respect && snapshot.pods().iter().any(|pod| pod.shape.has_preferences());
    let lower_bound = if biased { MicroUsd::ZERO } else { bound(&floor, &purchases, ours).min(hourly_cost) };
    let unschedulable = unschedulable(&mut pods, ours);
    let summary = Summary {
        pods: snapshot.pods().len(),
        placed: snapshot.pods().len() - unschedulable.len(),
        hourly_cost,
        lower_bound,
        charged: None,
        status: if hourly_cost == lower_bound { Status::Optimal } else { Status::Feasible },
        steps: 0,
    };
    Plan { summary, nodes, existing_nodes, unschedulable, certificate: Certificate::default(), dropped: Vec::new() }
}

/// What a claim became.
struct Purchase<'s> {
    item: usize,
    bought: &'s Offering,
    offering: OfferingRef,
    /// Where the pool asks for `minValues`: what has them.
    alternatives: Vec<OfferingRef>,
    relaxed: Vec<RelaxedMinValues>,
    /// Classes and how many pods of each, by class.
    load: Vec<(usize, u32)>,
}

/// The offering of each claim: the first capacity type of reserved, spot and on-demand that is left to it, there the cheapest. Ordered
/// as plans are: by pool, dearest first.
fn purchases<'s>(floor: &Floor<'s>, claims: Vec<Claim>) -> Vec<Purchase<'s>> {
    let mut purchases: Vec<Purchase<'s>> = claims.into_iter().filter_map(|claim| purchase(floor, claim)).collect();
    let key = |one: &Purchase<'_>| {
        (floor.menu.items[one.item].pool, Reverse(one.offering.price), one.offering.clone(), one.item, one.load.clone())
    };
    purchases.sort_by_cached_key(key);
    purchases
}

fn purchase<'s>(floor: &Floor<'s>, claim: Claim) -> Option<Purchase<'s>> {
    let items = claim.items().iter().map(|item| *item as usize);
    let offers = items.flat_map(|item| floor.menu.offerings(item).map(move |(kind, offering)| (item, kind, offering)));
    let (item, kind, bought) = offers.min_by_key(|(item, kind, offering)| {
        // What must be able to become something else lists what costs more.
        let varied = !floor.snapshot.node_pools()[floor.menu.items[*item].pool].min_values.is_empty();
        let first = (!varied).then_some(offering.capacity_type);
        (first, offering.price, &kind.name, &offering.zone, offering.capacity_type, *item)
    })?;
    let offering = OfferingRef::of(kind, bought);
    let (alternatives, relaxed) = floor.menu.alternatives(item, bought, &offering, claim.items());
    Some(Purchase { item, bought, offering, alternatives, relaxed, load: claim.into_load() })
}

/// Hands out the pods of each class in key order.
struct Pods<'f, 's> {
    floor: &'f Floor<'s>,
    next: Vec<usize>,
}

impl<'s> Pods<'_, 's> {
    fn take(&mut self, class: usize, count: usize) -> impl Iterator<Item = &'s ObjectKey> {
        let (floor, from) = (self.floor, self.next[class]);
        self.next[class] = from + count;
        let snapshot = floor.snapshot;
        floor.classes[class].pods.iter().skip(from).take(count).map(|pod| &snapshot.pods()[*pod as usize].key)
    }

    fn load(&mut self, load: &[(usize, u32)]) -> Vec<ObjectKey> {
        let mut pods: Vec<ObjectKey> = Vec::new();
        for (class, count) in load {
            pods.extend(self.take(*class, *count as usize).cloned());
        }
        pods.sort_unstable();
        pods
    }
}

fn existing(pods: &mut Pods<'_, '_>) -> Vec<ExistingPlacement> {
    let floor = pods.floor;
    let nodes = floor.snapshot.nodes().iter().zip(&floor.existing).filter(|(_, load)| !load.is_empty());
    nodes.map(|(node, load)| ExistingPlacement { node: node.name.clone(), pods: pods.load(load) }).collect()
}

fn planned(purchases: &[Purchase<'_>], pods: &mut Pods<'_, '_>) -> Vec<PlannedNode> {
    let floor = pods.floor;
    let all_daemons = floor.snapshot.daemon_sets();
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    let mut planned = Vec::with_capacity(purchases.len());
    for Purchase { item, bought, offering, alternatives, relaxed, load } in purchases {
        let candidate = floor.menu.node(*item, bought);
        let daemons: Vec<_> = floor.menu.daemons(*item).iter().map(|daemon| &all_daemons[*daemon]).collect();
        let mut requested = crate::predicate::overhead(&daemons);
        for (class, pods) in load {
            for (name, amount) in floor.classes[*class].shape.requests.iter() {
                let sum = requested.get(name.as_str()).saturating_add(amount.saturating_mul(i64::from(*pods)));
                requested.set(name.clone(), sum);
            }
        }
        let index = count.entry(floor.menu.items[*item].pool).or_insert(0);
        planned.push(PlannedNode {
            name: NodeName::new(format!("{}-{index}", candidate.pool.name)),
            node_pool: candidate.pool.name.clone(),
            offering: offering.clone(),
            alternatives: alternatives.clone(),
            labels: candidate.labels(),
            taints: candidate.pool.taints.clone(),
            pods: pods.load(load),
            daemon_set_pods: daemons.iter().map(|daemon| daemon.key.clone()).collect(),
            allocatable: candidate.instance_type.allocatable(),
            requested,
            relaxed: relaxed.clone(),
        });
        *index += 1;
    }
    planned
}

/// Pods without a place, by key. What we cannot place either, has the same diagnosis.
fn unschedulable(pods: &mut Pods<'_, '_>, ours: &Plan) -> Vec<Unschedulable> {
    let floor = pods.floor;
    let named = floor.snapshot.node_pools().iter().zip(&floor.limits);
    let limits = named.map(|(pool, left)| {
        (pool.name.clone(), pool.limits.iter().zip(left).map(|((name, _), left)| (name.clone(), *left)).collect())
    });
    let limits: BTreeMap<NodePoolName, _> = limits.collect();
    let known: BTreeMap<&ObjectKey, &Unschedulable> = ours.unschedulable.iter().map(|entry| (&entry.pod, entry)).collect();
    let mut all = Vec::new();
    for class in (0..floor.classes.len()).filter(|class| floor.left[*class] > 0) {
        let shape = &floor.classes[class].shape;
        let mut fresh = None;
        for pod in pods.take(class, floor.left[class]) {
            let entry = known.get(pod).copied().cloned().unwrap_or_else(|| {
                let found = fresh.get_or_insert_with(|| diagnose_beside(floor.snapshot, shape, &[], &limits));
                Unschedulable {
                    pod: pod.clone(),
                    reason: found.reason,
                    message: found.message.clone(),
                    funnel: found.funnel.clone(),
                    would_fit_if: found.would_fit_if.clone(),
                }
            });
            all.push(entry);
        }
    }
    all.sort_by(|a, b| a.pod.cmp(&b.pod));
    all
}

/// The bound of `ours`, if at least as many pods of each class are on new nodes here: more pods cannot cost less.
fn bound(floor: &Floor<'_>, purchases: &[Purchase<'_>], ours: &Plan) -> MicroUsd {
    let mut class_of: BTreeMap<u32, usize> = BTreeMap::new();
    for (index, class) in floor.classes.iter().enumerate() {
        class_of.extend(class.pods.iter().map(|pod| (*pod, index)));
    }
    let mut surplus = vec![0_i64; floor.classes.len()];
    for (class, count) in purchases.iter().flat_map(|purchase| &purchase.load) {
        surplus[*class] += i64::from(*count);
    }
    for pod in ours.certificate.classes.iter().flat_map(|priced| &priced.pods) {
        if let Some(class) = class_of.get(pod) {
            surplus[*class] -= 1;
        }
    }
    if surplus.iter().all(|count| *count >= 0) { ours.summary.lower_bound } else { MicroUsd::ZERO }
}
