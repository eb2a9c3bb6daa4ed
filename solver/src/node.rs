//! Nodes that exist or are on their way.

use crate::{HostPort, Labels, NodeName, NodePoolName, ObjectKey, PodAffinityTerm, Resources, Taint};
use std::sync::Arc;

/// Pods that run on a node and that no rule about pods can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunningPod {
    /// Their namespace.
    pub namespace: Arc<str>,
    /// Their labels.
    pub labels: Arc<Labels>,
    /// Their required anti-affinity, which pods that come later must respect.
    pub anti_affinity: Vec<PodAffinityTerm>,
    /// How many.
    pub count: u32,
    /// Whether they are being deleted: spread constraints no longer count them, affinity does (kube-scheduler).
    pub terminating: bool,
}

/// A node with what runs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name.
    pub name: NodeName,
    /// The pool it belongs to, if any; nodes of nobody take pods too.
    pub node_pool: Option<NodePoolName>,
    /// Its labels, `kubernetes.io/hostname` included.
    pub labels: Labels,
    /// Its taints that scheduling must respect: for a node that is not initialized, startup and ephemeral taints are left out.
    pub taints: Vec<Taint>,
    /// Allocatable resources, `pods` included.
    pub allocatable: Resources,
    /// What running pods request (daemon pods included), and what daemonsets that should run here but do not yet will request.
    pub requested: Resources,
    /// Host ports in use.
    pub host_ports: Vec<HostPort>,
    /// Whether pods may be placed here at all (`spec.unschedulable`, deleting).
    pub schedulable: bool,
    /// Initialized nodes are filled first.
    pub initialized: bool,
    /// Pods that run here, for reports.
    pub pods: Vec<ObjectKey>,
    /// The same pods as rules about other pods see them.
    pub running: Vec<RunningPod>,
}
