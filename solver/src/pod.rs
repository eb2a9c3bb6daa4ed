//! Pods and daemonsets: what they ask of a node.

use crate::{Labels, NodePreference, ObjectKey, Requirement, Resources, Toleration, Topology};
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
    /// A disk of an in-tree driver (`awsElasticBlockStore`, `gcePersistentDisk`, ...) in the pod's own spec, without a claim.
    InTreeVolume,
    /// A claim that waits for the scheduler to choose one of the PersistentVolumes that exist (`kubernetes.io/no-provisioner`).
    StaticVolume,
    /// `resourceClaims` (dynamic resource allocation).
    ResourceClaim,
    /// Capacity reservations of an EC2NodeClass in a NodePool that asks for `minValues`.
    CapacityReservation,
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TopologySpread => "topologySpreadConstraints",
            Self::PodAffinity => "podAffinity",
            Self::PodAntiAffinity => "podAntiAffinity",
            Self::InTreeVolume => "an in-tree volume without a claim",
            Self::StaticVolume => "a volume of a class without provisioner",
            Self::ResourceClaim => "resourceClaims",
            Self::CapacityReservation => "capacity reservations together with minValues",
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
    /// Preferred node affinity.
    pub node_preferences: Vec<NodePreference>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// For each of its volumes that can be used from some nodes only: terms of which at least one must hold, as in `node_affinity`. Kept
    /// apart from the affinity, because topology spread counts by the pod's own affinity alone (kube-scheduler, Karpenter).
    pub volume_topology: Vec<Vec<Vec<Requirement>>>,
    /// Its rules about other pods.
    pub topology: Topology,
    /// Features it asks for that the solver refuses, sorted, each once.
    pub unsupported: Vec<Feature>,
    /// Why no node at all may take it before something outside of scheduling changes, for people: a volume that is not ready.
    pub not_ready: Option<Arc<str>>,
    /// Whether `PreferNoSchedule` taints keep it away like `NoSchedule`. Not Kubernetes': the solver sets it while it insists on
    /// preferences, which are given up before such taints are put up with (Karpenter).
    pub insists: bool,
}

impl PodShape {
    /// Every requirement on labels of the node, whatever part of the shape it is in.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        let volumes = self.volume_topology.iter().flatten().flatten();
        self.node_selector.iter().chain(self.node_affinity.iter().flatten()).chain(volumes)
    }
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
    /// The labels of its pods.
    pub labels: Arc<Labels>,
    /// What each of its pods asks for. `PreferNoSchedule` taints never keep a daemon pod away.
    pub shape: Arc<PodShape>,
}
