//! What goes into the engine and what comes out of it.

use crate::api::{NodeClaim, NodePool};
use crate::cloud::{CloudError, Fulfilment, Instance, InstanceId, Launch};
use crate::cluster::{Node, Pod, PodRef, Refusal, Uid, Write};
use crate::provision::Order;
use std::fmt;
use std::sync::Arc;
use windlass_solver::{InstanceType, NodeName, NodePoolName, Plan};

/// Names a call and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A pod was seen, new or changed.
    Pod(Box<Pod>),
    /// A pod is gone.
    PodGone(PodRef),
    /// A node was seen.
    Node(Box<Node>),
    /// A node is gone.
    NodeGone(NodeName, Uid),
    /// A claim was seen.
    Claim(Box<NodeClaim>),
    /// A claim is gone.
    ClaimGone(String, Uid),
    /// A pool was seen.
    Pool(Box<NodePool>),
    /// A pool is gone.
    PoolGone(NodePoolName),
    /// The instance types that a pool's EC2NodeClass can launch, with prices.
    Types(NodePoolName, Arc<[InstanceType]>),
    /// Everything that exists has been seen once.
    Synced,
    /// The answer to an effect.
    Answer(CallId, Answer),
    /// Time has passed.
    Tick,
}

/// What is to be done: at most one external call each.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Solve the order on top of a fresh snapshot of the cluster ([`Order::plan`]). Pure, but may take long.
    Plan(Box<Order>),
    /// Write to the cluster.
    Write(Write),
    /// List all claims, not older than the moment of the call.
    ListClaims,
    /// List the pods on a node, not older than the moment of the call.
    ListPods(NodeName),
    /// Launch instances.
    Launch(Box<Launch>),
    /// List all instances that carry the cluster's tag, those that ended lately included.
    Describe,
    /// Terminate an instance.
    Terminate(InstanceId, Proof),
    /// Tell people. Not answered, and nothing depends on it.
    Publish(Notice),
}

/// Why an instance is ours to terminate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The claim with this uid, which it was launched for, is being deleted, and its pods have left.
    ClaimDeleting(Uid),
    /// It carries our tags, and a list of claims that is younger than its launch has no claim for this token.
    Orphan(String),
}

/// Something to tell about an object, as a Kubernetes Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// `Pod/default/web-0`, `NodeClaim/default-abc`, ...
    pub object: String,
    /// In one word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// What became of a call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To [`Effect::Plan`]; an error as a text for people.
    Planned(Result<Box<Plan>, String>),
    /// To [`Effect::Write`].
    Wrote(Result<Written, Refusal>),
    /// To [`Effect::ListClaims`].
    Claims(Result<Vec<NodeClaim>, Refusal>),
    /// To [`Effect::ListPods`].
    Pods(Result<Vec<Pod>, Refusal>),
    /// To [`Effect::Launch`].
    Launched(Result<Fulfilment, CloudError>),
    /// To [`Effect::Describe`].
    Instances(Result<Vec<Instance>, CloudError>),
    /// To [`Effect::Terminate`].
    Terminated(Result<(), CloudError>),
}

/// The object after a write, where the API returns it.
#[derive(Debug, Clone)]
pub enum Written {
    /// A claim.
    Claim(Box<NodeClaim>),
    /// A node.
    Node(Box<Node>),
    /// Nothing of interest.
    Nothing,
}
