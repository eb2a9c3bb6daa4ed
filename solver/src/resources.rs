//! Amounts of named resources as integers: CPU in millicores, memory and storage in bytes, everything else in whole units.

use crate::name::name;
use std::{fmt, sync::Arc};

name!(
    /// A Kubernetes resource name: `cpu`, `memory`, `pods`, `ephemeral-storage`, `hugepages-2Mi`, `nvidia.com/gpu`, ...
    ResourceName
);

impl ResourceName {
    /// CPU, counted in millicores.
    pub const CPU: &'static str = "cpu";
    /// Memory, counted in bytes.
    pub const MEMORY: &'static str = "memory";
    /// Pods on a node.
    pub const PODS: &'static str = "pods";
    /// Local disk, counted in bytes.
    pub const EPHEMERAL_STORAGE: &'static str = "ephemeral-storage";
    /// Nodes of a pool: meaningful in limits only (Karpenter's `spec.limits.nodes`).
    pub const NODES: &'static str = "nodes";
}

/// A resource list. Absent means zero; zero entries are kept out, so equal amounts compare equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resources(
    /// By name. A list has a handful of entries and there are thousands of lists: a map takes three times the memory.
    Vec<(ResourceName, i64)>,
);

impl Resources {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The amount of `name`, zero where absent.
    pub fn get(&self, name: &str) -> i64 {
        self.0.iter().find(|(known, _)| known.as_str() == name).map_or(0, |(_, amount)| *amount)
    }

    /// Sets the amount of `name`.
    pub fn set(&mut self, name: impl Into<ResourceName>, amount: i64) {
        let name = name.into();
        match (self.0.binary_search_by(|(known, _)| known.cmp(&name)), amount) {
            (Ok(index), 0) => drop(self.0.remove(index)),
            (Ok(index), _) => self.0[index].1 = amount,
            (Err(_), 0) => {}
            (Err(index), _) => {
                self.0.reserve_exact(1);
                self.0.insert(index, (name, amount));
            }
        }
    }

    /// `set`, chained.
    #[must_use]
    pub fn with(mut self, name: &str, amount: i64) -> Self {
        self.set(name, amount);
        self
    }

    /// Adds `other`, saturating at the ends of `i64`: inputs are bounded at the edge, so a saturated sum means "never fits".
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            let sum = self.get(name.as_str()).saturating_add(*amount);
            self.set(name.clone(), sum);
        }
    }

    /// Subtracts `other`; entries may become negative.
    pub fn subtract(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            let rest = self.get(name.as_str()).saturating_sub(*amount);
            self.set(name.clone(), rest);
        }
    }

    /// Raises each entry to at least that of `other`.
    pub fn raise_to(&mut self, other: &Self) {
        for (name, amount) in &other.0 {
            if *amount > self.get(name.as_str()) {
                self.set(name.clone(), *amount);
            }
        }
    }

    /// Whether every positive amount is available in `room`.
    pub fn fits_in(&self, room: &Self) -> bool {
        self.0.iter().all(|(name, amount)| *amount <= 0 || *amount <= room.get(name.as_str()))
    }

    /// Entries in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, i64)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    /// Whether every amount is zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<ResourceName>> FromIterator<(N, i64)> for Resources {
    fn from_iter<I: IntoIterator<Item = (N, i64)>>(iter: I) -> Self {
        let mut all = Self::new();
        for (name, amount) in iter {
            all.set(name, amount);
        }
        all
    }
}
