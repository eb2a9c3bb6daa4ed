//! What can be bought, told apart as far as a pod, a daemonset or a topology key can tell.

use super::super::axis::{Amounts, Axis};
use super::super::compile::{Welcome, matching_pods, welcome};
use super::super::offers::{Offer, Offers};
use super::super::variant::{Mentions, Variant, variants};
use super::domain::Domains;
use crate::predicate::Candidate;
use crate::{CapacityType, InstanceType, NodePool, Offering, PodShape, Requirement, Resources, Snapshot};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Offers of one instance type from one pool that nothing tells apart.
#[derive(Debug)]
pub(super) struct Item {
    /// Index into the snapshot's pools.
    pub(super) pool: usize,
    /// Index into [`Menu::variants`].
    pub(super) variant: usize,
    /// Index into the list of instance types.
    instance_type: usize,
    /// Signatures that may run here while `PreferNoSchedule` is heeded, and once it no longer is.
    welcome: [FixedBitSet; 2],
    /// Index into [`Menu::rooms`].
    room: usize,
    /// Its value of each topology key.
    pub(super) domains: Box<[Option<u32>]>,
    /// Positions in the list of offers.
    offers: Vec<usize>,
}

impl Item {
    /// Whether labels and taints let pods of a signature on it.
    pub(super) fn allows(&self, signature: usize, relaxed: bool) -> bool {
        self.welcome[usize::from(relaxed)].contains(signature)
    }
}

/// Daemonsets on an instance type, and what they leave.
#[derive(Debug)]
struct Room {
    daemons: Vec<usize>,
    free: Amounts,
}

/// Everything on offer.
#[derive(Debug)]
pub(super) struct Menu<'s> {
    pub(super) snapshot: &'s Snapshot,
    offers: Vec<Offers<'s>>,
    /// Pool, list of offers, labels.
    variants: Vec<(usize, usize, Variant)>,
    rooms: Vec<Room>,
    pub(super) items: Vec<Item>,
}

/// A pod or daemonset that mentions nothing but that each value of an open topology key is a value.
fn mentioning(pools: &[NodePool], key: &str) -> PodShape {
    let values: BTreeSet<&Arc<str>> =
        pools.iter().filter_map(|pool| pool.requirements.get(key)?.finite_values()).flatten().collect();
    let node_selector = values.into_iter().map(|value| Requirement::equals(key, value)).collect();
    PodShape { node_selector, ..PodShape::default() }
}

impl<'s> Menu<'s> {
    /// Lists what the pools offer, for pods with these signatures and rules on these topology keys.
    pub(super) fn new(
        snapshot: &'s Snapshot,
        axis: &Axis,
        signatures: &[Arc<PodShape>],
        keys: BTreeSet<&Arc<str>>,
    ) -> (Self, Domains) {
        let by_key: Vec<PodShape> = keys.iter().map(|key| mentioning(snapshot.node_pools(), key)).collect();
        let daemons = snapshot.daemon_sets().iter().map(|daemon| &*daemon.shape);
        let mentions = Mentions::new(signatures.iter().map(|shape| &**shape).chain(daemons).chain(&by_key), &[]);
        let mut menu = Self { snapshot, offers: Vec::new(), variants: Vec::new(), rooms: Vec::new(), items: Vec::new() };
        let mut lists: Vec<&Arc<[InstanceType]>> = Vec::new();
        for (pool_index, pool) in snapshot.node_pools().iter().enumerate() {
            let types = &pool.instance_types;
            let known = lists.iter().position(|list| Arc::ptr_eq(list, types) || *list == types);
            let list = known.unwrap_or_else(|| {
                lists.push(types);
                menu.offers.push(Offers::new(types, crate::Charges::default()));
                lists.len() - 1
            });
            let variants = variants(pool, &mut menu.offers[list], &mentions);
            menu.variants.extend(variants.into_iter().map(|variant| (pool_index, list, variant)));
        }
        let domains = Domains::new(snapshot, keys, &menu.offers, &menu.variants);
        let mut rooms = BTreeMap::new();
        for variant in 0..menu.variants.len() {
            menu.add(axis, signatures, &domains, variant, &mut rooms);
        }
        (menu, domains)
    }

    /// Adds the items of a variant.
    fn add(
        &mut self,
        axis: &Axis,
        signatures: &[Arc<PodShape>],
        domains: &Domains,
        index: usize,
        rooms: &mut BTreeMap<(usize, usize, Vec<usize>), Option<usize>>,
    ) {
        let (pool_index, list, variant) = &self.variants[index];
        let (pool, offers) = (&self.snapshot.node_pools()[*pool_index], &mut self.offers[*list]);
        let mut matching = |shape: &PodShape| match welcome(shape, &pool.taints) {
            Welcome::None => (offers.none(), false),
            full => (matching_pods(offers, variant, shape), full == Welcome::Reluctant),
        };
        let pods: Vec<(FixedBitSet, bool)> = signatures.iter().map(|shape| matching(shape)).collect();
        let all_daemons = self.snapshot.daemon_sets();
        let daemons: Vec<FixedBitSet> = all_daemons.iter().map(|daemon| matching(&daemon.shape).0).collect();
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for offer in variant.offers.ones() {
            let Offer { instance_type, offering, .. } = offers.list[offer];
            if offers.types[instance_type].offerings[offering].capacity_type == CapacityType::Reserved {
                continue;
            }
            let mut relaxed = FixedBitSet::with_capacity(pods.len());
            let here = pods.iter().enumerate().filter(|(_, (set, _))| set.contains(offer));
            here.for_each(|(signature, _)| relaxed.insert(signature));
            if relaxed.is_clear() {
                continue;
            }
            let running: Vec<usize> = (0..daemons.len()).filter(|daemon| daemons[*daemon].contains(offer)).collect();
            let value = |(key, name): (usize, &Arc<str>)| {
                let value = offers.value(offers.list[offer], name).or(variant.labels.get(name).map(AsRef::as_ref))?;
                u32::try_from(domains.number(key, value)?).ok()
            };
            let domains: Box<[Option<u32>]> = domains.keys().map(value).collect();
            groups.entry((offers.list[offer].instance_type, relaxed, running, domains)).or_default().push(offer);
        }
        for ((instance_type, relaxed, running, domains), offers) in groups {
            let room = *rooms.entry((*list, instance_type, running.clone())).or_insert_with(|| {
                let types = self.offers[*list].types;
                let free = room(axis, &types[instance_type], running.iter().map(|daemon| &*all_daemons[*daemon].shape));
                if free.iter().any(|free| *free < 0) {
                    return None;
                }
                self.rooms.push(Room { daemons: running, free });
                Some(self.rooms.len() - 1)
            });
            let Some(room) = room else { continue };
            let mut strict = relaxed.clone();
            strict.ones().filter(|one| pods[*one].1).collect::<Vec<_>>().into_iter().for_each(|one| strict.set(one, false));
            let welcome = [strict, relaxed];
            self.items.push(Item { pool: *pool_index, variant: index, instance_type, welcome, room, domains, offers });
        }
    }

    /// Room for pods on an item.
    pub(super) fn free(&self, item: usize) -> &[i64] {
        &self.rooms[self.items[item].room].free
    }

    /// Capacity of a node in a resource that a limit names; a node counts one in `nodes`.
    pub(super) fn capacity(&self, item: usize, resource: &str) -> i64 {
        if resource == crate::ResourceName::NODES { 1 } else { self.instance_type(item).capacity.get(resource) }
    }

    fn instance_type(&self, item: usize) -> &'s InstanceType {
        let item = &self.items[item];
        let (_, list, _) = &self.variants[item.variant];
        &self.offers[*list].types[item.instance_type]
    }

    /// The instance type and offerings of an item.
    pub(super) fn offerings(&self, item: usize) -> impl Iterator<Item = (&'s InstanceType, &'s Offering)> + '_ {
        let instance_type = self.instance_type(item);
        let (_, list, _) = &self.variants[self.items[item].variant];
        let offers = self.items[item].offers.iter();
        offers.map(move |offer| (instance_type, &instance_type.offerings[self.offers[*list].list[*offer].offering]))
    }

    /// A node of an item, as everybody sees it who judges plans.
    pub(super) fn node<'a>(&'a self, item: usize, offering: &'a Offering) -> Candidate<'a> {
        let (pool, _, variant) = &self.variants[self.items[item].variant];
        let pool = &self.snapshot.node_pools()[*pool];
        Candidate { pool, instance_type: self.instance_type(item), offering, open: &variant.labels }
    }

    /// The daemonsets that run on an item, by position in the snapshot.
    pub(super) fn daemons(&self, item: usize) -> &[usize] {
        &self.rooms[self.items[item].room].daemons
    }
}

fn room<'a>(axis: &Axis, instance_type: &InstanceType, daemons: impl Iterator<Item = &'a PodShape>) -> Amounts {
    let (mut requested, mut ports) = (Resources::new(), Vec::new());
    for daemon in daemons {
        requested.add(&daemon.requests);
        ports.extend(daemon.host_ports.iter().cloned());
    }
    axis.room(&instance_type.allocatable(), &requested, &ports)
}
