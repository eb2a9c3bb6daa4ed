//! Pods, reduced to what decides whether they need a node and how they leave one.

use super::Uid;
use crate::time::Time;
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{NodeName, ObjectKey};

/// A pod. What it asks of a node is in the solver's snapshot under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts, each a field of the API's Pod")]
pub struct Pod {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Identity.
    pub uid: Uid,
    /// The node it is bound to.
    pub node: Option<NodeName>,
    /// How far it got.
    pub phase: Phase,
    /// The scheduler has said that it finds no node: condition `PodScheduled` is false with reason `Unschedulable`.
    pub unschedulable: bool,
    /// Scheduling gates hold it back.
    pub gated: bool,
    /// `status.nominatedNodeName` is set, and not by us: others are being preempted for it.
    pub preempting: bool,
    /// Its selector or affinity demands `karpenter.sh/nodepool DoesNotExist`: it wants no node of ours.
    pub refuses_pools: bool,
    /// Who manages it.
    pub owner: Owner,
    /// `metadata.deletionTimestamp`: when its grace period ends.
    pub deleting: Option<Time>,
    /// `spec.terminationGracePeriodSeconds`.
    pub grace: Duration,
    /// Whether it asks not to be disrupted.
    pub protection: Protection,
    /// It belongs to `system-cluster-critical` or `system-node-critical` and leaves a node last.
    pub critical: bool,
    /// It tolerates `karpenter.sh/disrupted:NoSchedule`, so draining leaves it alone.
    pub tolerates_disruption: bool,
    /// Names of the PersistentVolumes it mounts.
    pub volumes: Vec<Arc<str>>,
}

/// How far a pod got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Its containers do not run yet.
    Pending,
    /// They run.
    Running,
    /// It succeeded or failed and holds nothing any more.
    Finished,
}

/// Who manages a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A DaemonSet: the pod lives and dies with its node.
    DaemonSet,
    /// The kubelet itself: a static pod.
    Node,
    /// A workload that starts it again elsewhere, or nobody.
    Workload,
}

/// The annotation `karpenter.sh/do-not-disrupt` of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protection {
    /// Not set, or not understood.
    None,
    /// `"true"`, or a duration while the pod has not started.
    Always,
    /// A duration, counted from the pod's start.
    Until(Time),
}

impl Pod {
    /// Whether it comes with its node: it is neither a reason to keep the node nor to buy one.
    pub fn is_of_node(&self) -> bool {
        matches!(self.owner, Owner::DaemonSet | Owner::Node)
    }

    /// Whether it asks not to be disrupted now.
    pub fn is_protected(&self, now: Time) -> bool {
        self.phase != Phase::Finished
            && match self.protection {
                Protection::None => false,
                Protection::Always => true,
                Protection::Until(end) => now < end,
            }
    }
}
