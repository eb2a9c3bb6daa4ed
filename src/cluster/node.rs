//! Nodes, reduced to what their life cycle depends on.

use super::{Uid, Version};
use crate::api::label;
use crate::time::Time;
use std::sync::Arc;
use windlass_solver::{Labels, NodeName, Resources, Taint, TaintEffect};

/// A Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: NodeName,
    /// Identity.
    pub uid: Uid,
    /// Version of the object.
    pub version: Version,
    /// `metadata.deletionTimestamp`.
    pub deleting: Option<Time>,
    /// Whether it carries `karpenter.sh/termination`.
    pub held: bool,
    /// `spec.providerID`; empty until it is known.
    pub provider_id: Arc<str>,
    /// Labels.
    pub labels: Labels,
    /// Taints.
    pub taints: Vec<Taint>,
    /// Whether condition `Ready` is true.
    pub ready: bool,
    /// `status.allocatable`.
    pub allocatable: Resources,
    /// The annotation `karpenter.sh/do-not-disrupt: "true"`; nodes know no durations.
    pub protected: bool,
    /// Names of the PersistentVolumes that are attached (VolumeAttachments).
    pub volumes: Vec<Arc<str>>,
}

/// Label that takes a node out of load balancers while it drains; Karpenter's value.
pub const EXCLUDE_FROM_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

impl Node {
    /// Whether the label is `true`.
    pub fn is(&self, label: &str) -> bool {
        self.labels.get(label).is_some_and(|value| value.as_ref() == "true")
    }

    /// Whether new pods are kept away because the node is about to go.
    pub fn is_disrupted(&self) -> bool {
        self.taints.contains(&disrupted())
    }
}

/// The taint of a node that is about to go.
pub fn disrupted() -> Taint {
    Taint { key: label::DISRUPTED_TAINT.into(), value: "".into(), effect: TaintEffect::NoSchedule }
}

/// The taint that a node joins with, so that no pod comes before labels and taints are complete.
pub fn unregistered() -> Taint {
    Taint { key: label::UNREGISTERED_TAINT.into(), value: "".into(), effect: TaintEffect::NoExecute }
}
