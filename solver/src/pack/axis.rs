//! Resources and host ports as positions of fixed-width vectors, so that "fits" is a comparison of integers.
//!
//! A host port is a resource of capacity one: a pod bound to every address takes the port's shared position and the position of each
//! address in use, a pod bound to one address takes that one only. Two pods conflict exactly when they meet in a position.

use crate::{HostPort, PodShape, Protocol, ResourceName, Resources, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Amounts by position of an [`Axis`].
pub(super) type Amounts = Box<[i64]>;

/// Which position means what: resources first, then host ports.
#[derive(Debug, Default)]
pub(super) struct Axis {
    resources: BTreeMap<ResourceName, usize>,
    /// For each port that a pod asks for: the shared position and that of each address.
    ports: BTreeMap<(u16, Protocol), (usize, BTreeMap<String, usize>)>,
    width: usize,
}

impl Axis {
    /// The positions that pods and daemonsets of `snapshot` ask for. What nobody asks for cannot decide anything.
    pub(super) fn new(snapshot: &Snapshot, shapes: &[&PodShape]) -> Self {
        let daemons = || snapshot.daemon_sets().iter().map(|daemon| &*daemon.shape);
        let names: BTreeSet<&ResourceName> = shapes
            .iter()
            .copied()
            .chain(daemons())
            .flat_map(|shape| shape.requests.iter().filter(|(_, amount)| *amount > 0).map(|(name, _)| name))
            .collect();
        let mut axis = Self::default();
        for name in names {
            let position = axis.grow();
            axis.resources.insert(name.clone(), position);
        }
        for port in shapes.iter().flat_map(|shape| &shape.host_ports) {
            if !axis.ports.contains_key(&(port.port, port.protocol)) {
                let shared = axis.grow();
                axis.ports.insert((port.port, port.protocol), (shared, BTreeMap::new()));
            }
        }
        let in_use = snapshot.nodes().iter().flat_map(|node| &node.host_ports);
        let all = shapes.iter().copied().chain(daemons()).flat_map(|shape| &shape.host_ports).chain(in_use);
        for port in all.filter(|port| !every_address(port)) {
            let next = axis.width;
            if let Some((_, addresses)) = axis.ports.get_mut(&(port.port, port.protocol)) {
                addresses.entry(port.ip.to_string()).or_insert(next);
                axis.width = addresses.values().copied().max().map_or(next, |last| next.max(last + 1));
            }
        }
        axis
    }

    fn grow(&mut self) -> usize {
        self.width += 1;
        self.width - 1
    }

    /// Positions.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// What a pod takes.
    pub(super) fn need(&self, requests: &Resources, ports: &[HostPort]) -> Amounts {
        let mut need: Amounts = vec![0; self.width].into();
        for (name, amount) in requests.iter() {
            if let Some(position) = self.resources.get(name) {
                need[*position] = amount.max(0);
            }
        }
        for position in self.taken(ports) {
            need[position] = 1;
        }
        need
    }

    /// What a node offers that has these resources left and these ports in use. May be below zero.
    pub(super) fn room(&self, allocatable: &Resources, requested: &Resources, ports: &[HostPort]) -> Amounts {
        let mut room: Amounts = vec![0; self.width].into();
        for (name, position) in &self.resources {
            room[*position] = allocatable.get(name.as_str()).saturating_sub(requested.get(name.as_str()));
        }
        for free in &mut room[self.resources.len()..] {
            *free = 1;
        }
        for position in self.taken(ports) {
            room[position] = 0;
        }
        room
    }

    fn taken<'a>(&'a self, ports: &'a [HostPort]) -> impl Iterator<Item = usize> + 'a {
        ports.iter().filter_map(|port| Some((port, self.ports.get(&(port.port, port.protocol))?))).flat_map(|(port, slots)| {
            let (shared, addresses) = slots;
            let all = every_address(port);
            let one = addresses.iter().filter(move |(address, _)| all || **address == *port.ip).map(|(_, position)| *position);
            all.then_some(*shared).into_iter().chain(one)
        })
    }
}

/// Whether a port is taken on every address of the node.
fn every_address(port: &HostPort) -> bool {
    matches!(&*port.ip, "" | "0.0.0.0" | "::")
}

/// Whether `need` fits in `room`. What is not needed may be overdrawn.
pub(super) fn fits(need: &[i64], room: &[i64]) -> bool {
    need.iter().zip(room).all(|(need, room)| *need == 0 || need <= room)
}

/// How many times `need` fits in `room`, at most `wanted`.
pub(super) fn times(need: &[i64], room: &[i64], wanted: u32) -> u32 {
    need.iter().zip(room).filter(|(need, _)| **need > 0).fold(wanted, |least, (need, room)| {
        let count = if *room < *need { 0 } else { u32::try_from(room / need).unwrap_or(u32::MAX) };
        least.min(count)
    })
}

/// Takes `need` from `room` `count` times. `count` comes from [`times`], so nothing overflows.
pub(super) fn take(room: &mut [i64], need: &[i64], count: u32) {
    for (room, need) in room.iter_mut().zip(need) {
        *room -= need * i64::from(count);
    }
}
