//! NodePools as the engine reads them. What cannot be read is decided on the safe side: no launch, no disruption.

use super::Uid;
use crate::api::node_pool::{Budget, NodeClaimTemplate};
use crate::api::{self, period};
use crate::snapshot::template;
use std::time::Duration;
use windlass_solver::{NodePoolName, ResourceName};

/// A NodePool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Name.
    pub name: NodePoolName,
    /// Identity.
    pub uid: Uid,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// For a static pool: so many nodes, whatever pods there are.
    pub replicas: Option<usize>,
    /// Hard upper bounds; `None` if one cannot be read, and then nothing is launched.
    pub limits: Option<Vec<(ResourceName, i64)>>,
    /// How long a node stays after its last pod has left; `None` for ever.
    pub consolidate_after: Option<Duration>,
    /// How many nodes may be disrupted at once.
    pub budgets: Vec<Budget>,
    /// What its claims are made of.
    pub template: NodeClaimTemplate,
}

impl Pool {
    /// Reads the object.
    pub fn read(object: &api::NodePool) -> Self {
        let written = object.spec.limits.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        let limits = template::amounts(written);
        Self {
            name: NodePoolName::new(object.metadata.name.as_deref().unwrap_or_default()),
            uid: Uid::new(object.metadata.uid.as_deref().unwrap_or_default()),
            deleting: object.metadata.deletion_timestamp.is_some(),
            replicas: object.spec.replicas.map(|count| usize::try_from(count).unwrap_or(0)),
            limits: limits.refused.is_empty().then_some(limits.read),
            // A text that is no duration keeps the node: the API server refuses it, so this is never seen in a healthy cluster.
            consolidate_after: lasting(&object.spec.disruption.consolidate_after),
            budgets: object.spec.disruption.budgets.clone(),
            template: object.spec.template.clone(),
        }
    }

    /// Whether the number of nodes or any limit is set, or a limit is unreadable, so that claims must be counted before a launch.
    pub fn is_limited(&self) -> bool {
        self.replicas.is_some() || self.limits.as_ref().is_none_or(|limits| !limits.is_empty())
    }
}

/// A duration, or `None` for `Never` and for what is no duration.
pub(super) fn lasting(text: &str) -> Option<Duration> {
    period::seconds(text).ok().flatten().map(Duration::from_secs)
}
