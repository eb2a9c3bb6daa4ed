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

/// How many of the spot instances of a type EC2 takes back in a month, in the bands of the EC2 Spot Instance Advisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Interruption {
    /// Fewer than 5 %.
    Below5,
    /// 5 to 10 %.
    From5To10,
    /// 10 to 15 %.
    From10To15,
    /// 15 to 20 %.
    From15To20,
    /// More than 20 %. What nobody has rated is taken for this.
    #[default]
    Above20,
}

impl Interruption {
    /// All, least often first.
    pub const ALL: [Self; 5] = [Self::Below5, Self::From5To10, Self::From10To15, Self::From15To20, Self::Above20];

    /// The advisor's spelling, as in catalogue files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Below5 => "<5%",
            Self::From5To10 => "5-10%",
            Self::From10To15 => "10-15%",
            Self::From15To20 => "15-20%",
            Self::Above20 => ">20%",
        }
    }

    /// Reads the advisor's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|band| band.as_str() == text)
    }

    /// Interruptions in a thousand instance months: the middle of the band; of the last one, which has no end, a quarter.
    pub const fn per_mille(self) -> u32 {
        match self {
            Self::Below5 => 25,
            Self::From5To10 => 75,
            Self::From10To15 => 125,
            Self::From15To20 => 175,
            Self::Above20 => 250,
        }
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
    /// How often EC2 takes it back; `None` where that is not known. Of spot offerings only.
    pub interruption: Option<Interruption>,
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
