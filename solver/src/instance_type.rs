//! Instance types and their offerings, as one EC2NodeClass sees them: kubelet settings are already in capacity and overhead.

use crate::{InstanceTypeName, Labels, MicroUsd, Resources, Zone};
use std::fmt;

/// How capacity is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CapacityType {
    /// A capacity reservation that is already paid for.
    Reserved,
    /// Interruptible.
    Spot,
    /// At the list price.
    OnDemand,
}

impl CapacityType {
    /// The value of the label `karpenter.sh/capacity-type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Spot => "spot",
            Self::OnDemand => "on-demand",
        }
    }

    /// Reads the label's value.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Reserved, Self::Spot, Self::OnDemand].into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for CapacityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a node keeps from pods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overhead {
    /// Kept for the kubelet and the container runtime.
    pub kube_reserved: Resources,
    /// Kept for the operating system.
    pub system_reserved: Resources,
    /// Below this the kubelet evicts.
    pub eviction_threshold: Resources,
}

/// One way to buy an instance type: a zone, a capacity type, and the price there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offering {
    /// The zone.
    pub zone: Zone,
    /// The capacity type.
    pub capacity_type: CapacityType,
    /// The price; an offering without one is never chosen.
    pub price: Option<MicroUsd>,
    /// Whether EC2 is believed to have capacity.
    pub available: bool,
    /// Labels beyond zone and capacity type that only this offering has (`topology.k8s.aws/zone-id`, ...).
    pub labels: Labels,
}

/// An instance type with everything that decides what fits on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// The name.
    pub name: InstanceTypeName,
    /// Labels that every node of this type carries (`kubernetes.io/arch`, `karpenter.k8s.aws/instance-cpu`, ...), without zone,
    /// capacity type and other labels of an offering.
    pub labels: Labels,
    /// What the node reports as capacity.
    pub capacity: Resources,
    /// What of it pods cannot use.
    pub overhead: Overhead,
    /// Where and how it can be bought, ordered by zone, then capacity type.
    pub offerings: Vec<Offering>,
}

impl InstanceType {
    /// Capacity less overhead, never below zero. Huge pages, where a node has them, come out of memory (as in Karpenter).
    pub fn allocatable(&self) -> Resources {
        let mut rest = self.capacity.clone();
        rest.subtract(&self.overhead.kube_reserved);
        rest.subtract(&self.overhead.system_reserved);
        rest.subtract(&self.overhead.eviction_threshold);
        let huge: i64 = self.capacity.iter().filter(|(name, _)| name.as_str().starts_with("hugepages-")).map(|(_, n)| n).sum();
        rest.subtract(&Resources::new().with(crate::ResourceName::MEMORY, huge));
        rest.iter().filter(|(_, amount)| *amount > 0).map(|(name, amount)| (name.clone(), amount)).collect()
    }
}
