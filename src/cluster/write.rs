//! What the engine asks of the cluster, and the ways in which a cluster refuses.

use super::{Node, Pod, Uid, Version};
use crate::api::{NodeClaim, NodeClaimStatus};
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_solver::{Labels, NodeName, ObjectKey, Taint};

/// The object a write is for. The uid is a precondition of every write, the version where it is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Name.
    pub name: String,
    /// Identity.
    pub uid: Uid,
    /// The write fails unless the object still has this version.
    pub version: Option<Version>,
}

/// The pod a write is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodRef {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Identity, a precondition.
    pub uid: Uid,
}

impl From<&Pod> for PodRef {
    fn from(pod: &Pod) -> Self {
        Self { key: pod.key.clone(), uid: pod.uid.clone() }
    }
}

/// A change of a NodeClaim's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimChange {
    /// The claim.
    pub claim: Target,
    /// Labels to set.
    pub labels: Labels,
    /// Annotations to set.
    pub annotations: BTreeMap<String, String>,
    /// Whether to take our finalizer off.
    pub release: bool,
}

/// A change of a Node. Its version is no precondition: kubelets change it all the time, and nothing of what they write matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChange {
    /// The node.
    pub node: Target,
    /// Labels to set.
    pub labels: Labels,
    /// All taints that it has from now on. Refused if others than [`NodeChange::seen`] are there by now.
    pub taints: Option<Vec<Taint>>,
    /// The taints that the decision was based on.
    pub seen: Vec<Taint>,
    /// Whether it has our finalizer from now on.
    pub held: Option<bool>,
    /// The NodeClaim that owns it from now on.
    pub owner: Option<Target>,
}

impl NodeChange {
    /// Whether the decision still holds on a node with these taints.
    pub fn holds(&self, taints: &[Taint]) -> bool {
        let sorted = |taints: &[Taint]| {
            let mut taints = taints.to_vec();
            taints.sort();
            taints
        };
        self.taints.is_none() || sorted(&self.seen) == sorted(taints)
    }

    /// A change of nothing, to be filled.
    pub fn of(node: &Node) -> Self {
        let name = node.name.to_string();
        let target = Target { name, uid: node.uid.clone(), version: None };
        Self { node: target, labels: Labels::new(), taints: None, seen: node.taints.clone(), held: None, owner: None }
    }
}

/// One write. Each is idempotent: done twice, the second time changes nothing or is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Creates a NodeClaim; its name derives from what it is for, so a repetition is refused as existing.
    CreateClaim(Box<NodeClaim>),
    /// Changes a NodeClaim's metadata.
    ChangeClaim(ClaimChange),
    /// Replaces a NodeClaim's status.
    SetClaimStatus(Target, Box<NodeClaimStatus>),
    /// Deletes a NodeClaim; it goes when its finalizer is off.
    DeleteClaim(Target),
    /// Changes a Node.
    ChangeNode(NodeChange),
    /// Deletes a Node; it goes when its finalizers are off.
    DeleteNode(Target),
    /// Says on which node the scheduler should try the pod first, and keep room for it; or takes that back.
    Nominate(PodRef, Option<NodeName>),
    /// Asks the eviction API, which keeps disruption budgets.
    Evict(PodRef),
    /// Deletes a pod regardless of disruption budgets, with this grace period: only at a deadline.
    DeletePod(PodRef, Duration),
}

impl Write {
    /// What kind of write it is, in one word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateClaim(_) => "CreateClaim",
            Self::ChangeClaim(_) => "ChangeClaim",
            Self::SetClaimStatus(..) => "SetClaimStatus",
            Self::DeleteClaim(_) => "DeleteClaim",
            Self::ChangeNode(_) => "ChangeNode",
            Self::DeleteNode(_) => "DeleteNode",
            Self::Nominate(..) => "Nominate",
            Self::Evict(_) => "Evict",
            Self::DeletePod(..) => "DeletePod",
        }
    }
}

/// Why a call of the cluster's API did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The object has another version by now.
    #[error("the object has changed meanwhile")]
    Conflict,
    /// There is no such object, or it has another uid.
    #[error("there is no such object")]
    NotFound,
    /// An object of that name exists.
    #[error("an object of that name exists")]
    Exists,
    /// Too many requests, or a disruption budget forbids the eviction now.
    #[error("not now")]
    NotNow,
    /// The object is not valid or the call not allowed; repeating it unchanged does not help.
    #[error("refused: {0}")]
    Invalid(String),
    /// No answer came: the call may or may not have been carried out.
    #[error("no answer came")]
    Unknown,
}
