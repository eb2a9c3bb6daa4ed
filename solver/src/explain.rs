//! Why a pod is where it is, or nowhere.

use crate::plan::{FunnelStep, OfferingRef};
use crate::{NodeName, ObjectKey, Plan, Reason, Snapshot};

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
pub struct Explanation {
    /// The pod.
    pub pod: ObjectKey,
    /// Where it ended up.
    pub outcome: Outcome,
    /// How many offerings were left after each step.
    pub funnel: Vec<FunnelStep>,
    /// The step that removed the last offerings, or the tightest one for a placed pod.
    pub binding: Option<String>,
    /// The cheapest offering that would hold this pod alone.
    pub cheapest_alone: Option<OfferingRef>,
    /// The smallest change that would place it.
    pub would_fit_if: Option<String>,
}

/// Explains `subject`; `None` where the snapshot has no such object.
pub fn explain(_snapshot: &Snapshot, _plan: &Plan, _subject: &Subject) -> Option<Explanation> {
    None
}
