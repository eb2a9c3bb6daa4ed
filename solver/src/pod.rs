//! Pods and daemonsets: what they ask of a node.

use crate::{Labels, ObjectKey, Requirement, Resources, Toleration};
use std::fmt;
use std::sync::Arc;

/// A scheduling feature that this solver refuses rather than ignores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// `topologySpreadConstraints`.
    TopologySpread,
    /// `affinity.podAffinity`.
    PodAffinity,
    /// `affinity.podAntiAffinity`.
    PodAntiAffinity,
    /// `affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution`.
    NodeAffinityPreference,
    /// A volume that is bound to a topology or counted against an attach limit.
    Volume,
    /// `resourceClaims` (dynamic resource allocation).
    ResourceClaim,
    /// `minValues` of a NodePool's requirement.
    MinValues,
    /// `spec.replicas` of a NodePool.
    StaticPool,
    /// Capacity reservations of an EC2NodeClass.
    CapacityReservation,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TopologySpread => "topologySpreadConstraints",
            Self::PodAffinity => "podAffinity",
            Self::PodAntiAffinity => "podAntiAffinity",
            Self::NodeAffinityPreference => "preferred node affinity",
            Self::Volume => "persistent volumes",
            Self::ResourceClaim => "resourceClaims",
            Self::MinValues => "minValues",
            Self::StaticPool => "spec.replicas (static capacity)",
            Self::CapacityReservation => "capacity reservations",
        })
    }
}

/// The transport protocol of a host port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// A port on the node that a pod takes for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The port, 1..=65535.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// The host address; empty, `0.0.0.0` and `::` mean every address.
    pub ip: Arc<str>,
}

/// Everything about a pod that decides where it may run. Pods of one workload share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PodShape {
    /// Requests by the scheduler's rules, including one `pods`.
    pub requests: Resources,
    /// Higher priority is placed first where capacity is limited.
    pub priority: i32,
    /// `nodeSelector`, as requirements: all must hold.
    pub node_selector: Vec<Requirement>,
    /// Required node affinity: at least one term must hold; within a term all. Empty means no constraint. A term without requirements
    /// matches nothing (Kubernetes API).
    pub node_affinity: Vec<Vec<Requirement>>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// Features it asks for that the solver refuses, sorted, each once.
    pub unsupported: Vec<Feature>,
}

/// A pod to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub key: ObjectKey,
    /// Its labels.
    pub labels: Arc<Labels>,
    /// What it asks for.
    pub shape: Arc<PodShape>,
}

/// A daemonset: one pod on every node that it is compatible with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonSet {
    /// Its name.
    pub key: ObjectKey,
    /// What each of its pods asks for. `PreferNoSchedule` taints never keep a daemon pod away.
    pub shape: Arc<PodShape>,
}
