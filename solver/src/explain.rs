//! Why a pod is where it is, or nowhere.

mod amount;
mod diagnosis;
mod node;
mod pod;
mod relaxation;
mod survey;
mod uniform;
mod variant;

pub(crate) use diagnosis::{Diagnosis, Obstacle, diagnose_beside};
pub(crate) use survey::LimitsLeft;

use crate::plan::{FunnelStep, OfferingRef};
use crate::{MicroUsd, NodeName, NodePoolName, ObjectKey, Plan, Reason, Snapshot};

/// What to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A pod of the snapshot.
    Pod(ObjectKey),
    /// A node of the plan.
    Node(NodeName),
}

/// Where a pod ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// On a node that exists.
    Existing(NodeName),
    /// On a node to launch.
    New(NodeName, OfferingRef),
    /// Nowhere.
    Unschedulable(Reason, String),
}

/// An answer to "why".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// Why a pod is where it is.
    Pod(PodExplanation),
    /// Why a node to launch is what it is.
    Node(NodeExplanation),
}

/// Why a pod is where it is, or nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodExplanation {
    /// The pod.
    pub pod: ObjectKey,
    /// Where it ended up.
    pub outcome: Outcome,
    /// How many offerings of all pools together are left after each step, for this pod alone on a new node; the counts never grow.
    pub funnel: Vec<FunnelStep>,
    /// The step that removed the last offerings; for a placed pod the resource of which it takes the largest share on the cheapest
    /// offering that holds it alone.
    pub binding: Option<String>,
    /// The cheapest offering that would hold this pod alone.
    pub cheapest_alone: Option<OfferingRef>,
    /// For a pod on a node to launch: what one more pod like it adds to the cost, as the plan's certificate has it.
    pub marginal: Option<MicroUsd>,
    /// For a pod on a node to launch: the next cheapest offering that would hold all pods of that node.
    pub runner_up: Option<OfferingRef>,
    /// The smallest change that would place it; `None` for a placed pod, and where no single change does.
    pub would_fit_if: Option<String>,
    /// The preferences that it gave up, in that order; of a pod without a place none is listed.
    pub dropped_preferences: Vec<String>,
}

/// Why a node to launch is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeExplanation {
    /// The node.
    pub node: NodeName,
    /// Its pool.
    pub node_pool: NodePoolName,
    /// What is bought.
    pub offering: OfferingRef,
    /// How many offerings of the pool are left after each step, for all pods of the node together.
    pub funnel: Vec<FunnelStep>,
    /// Offerings of the pool that would hold the node's pods, the chosen one included.
    pub candidates: usize,
    /// The next cheapest of them.
    pub runner_up: Option<OfferingRef>,
    /// What keeps away the cheaper offering that came closest to holding its pods; `None` where nothing is cheaper.
    pub binding: Option<String>,
}

/// Explains `subject`; `None` where the snapshot has no such pod, or the plan no such node to launch.
pub fn explain(snapshot: &Snapshot, plan: &Plan, subject: &Subject) -> Option<Explanation> {
    match subject {
        Subject::Pod(key) => pod::explain(snapshot, plan, key).map(Explanation::Pod),
        Subject::Node(name) => node::explain(snapshot, plan, name).map(Explanation::Node),
    }
}

#[cfg(test)]
mod tests;
