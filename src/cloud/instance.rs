//! EC2 instances as the engine sees them.

use super::{LAUNCH_TAG, cluster_tag};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use windlass_solver::{CapacityType, InstanceTypeName, Zone};

/// Id of an instance, such as `i-0123456789abcdef0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id within `aws:///<zone>/<instance id>`.
    pub fn of_provider_id(provider_id: &str) -> Option<Self> {
        let id = provider_id.strip_prefix("aws:///")?.rsplit('/').next()?;
        (!id.is_empty()).then(|| Self::new(id))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Running, stopping or stopped: it exists and costs.
    Running,
    /// On its way to being terminated; there is no way back.
    ShuttingDown,
    /// Gone; EC2 shows it for about an hour.
    Terminated,
}

impl InstanceState {
    /// Whether it will never run again.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Id.
    pub id: InstanceId,
    /// Type.
    pub instance_type: InstanceTypeName,
    /// Zone.
    pub zone: Zone,
    /// How it was bought.
    pub capacity_type: CapacityType,
    /// State.
    pub state: InstanceState,
    /// Its AMI.
    pub image: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Instance {
    /// `aws:///<zone>/<instance id>`, as the AWS cloud provider writes it on the Node.
    pub fn provider_id(&self) -> String {
        format!("aws:///{}/{}", self.zone, self.id)
    }

    /// The client token of its launch, if it is ours: launched by this program for this cluster.
    pub fn token(&self, cluster: &str) -> Option<&str> {
        let owned = self.tags.get(&cluster_tag(cluster)).is_some_and(|value| value == "owned");
        self.tags.get(LAUNCH_TAG).filter(|_| owned).map(String::as_str)
    }
}
