//! NodeClaims as the engine reads them, with what it keeps on them to survive a restart.

use super::pool::lasting;
use super::{Target, Uid, Version};
use crate::api::condition::{self, ConditionStatus};
use crate::api::{self, NodeClaimStatus, NodeClassRef, ResourceList, label};
use crate::snapshot::template;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use windlass_solver::{
    CapacityType, InstanceTypeName, Labels, NodePoolName, Requirement, Requirements, ResourceName, Resources, Taint, Zone,
};

/// A NodeClaim.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Name.
    pub name: String,
    /// Identity.
    pub uid: Uid,
    /// Version of the object.
    pub version: Version,
    /// When it was made.
    pub created: Time,
    /// `metadata.deletionTimestamp`.
    pub deleting: Option<Time>,
    /// Whether it carries `karpenter.sh/termination`.
    pub held: bool,
    /// The pool it belongs to.
    pub pool: NodePoolName,
    /// The EC2NodeClass.
    pub node_class: NodeClassRef,
    /// Labels of the object, which the node gets.
    pub labels: Labels,
    /// What the labels of the node must be.
    pub requirements: Requirements,
    /// What its pods and daemonsets ask for together.
    pub requests: Resources,
    /// Taints of the node.
    pub taints: Vec<Taint>,
    /// Taints that something removes after start.
    pub startup_taints: Vec<Taint>,
    /// Longest life, `None` for ever.
    pub expire_after: Option<Duration>,
    /// Longest time that draining may take.
    pub grace: Option<Duration>,
    /// When the instance ends even if pods remain: annotation `karpenter.sh/nodeclaim-termination-timestamp`.
    pub deadline: Option<Time>,
    /// The higher, the sooner it goes when its static pool shrinks: annotation `karpenter.sh/deprovisioning-priority`.
    pub deprovisioning_priority: i64,
    /// Pods it was made for: annotation `windlass.dev/nominated-pods`.
    pub nominated: Vec<Uid>,
    /// The launch that was last decided: annotation `windlass.dev/launch`.
    pub launch: Option<LaunchRecord>,
    /// The status, as written.
    pub status: NodeClaimStatus,
    /// `status.capacity`, read.
    pub capacity: Resources,
    /// `status.allocatable`, read.
    pub allocatable: Resources,
    /// Why it can never be launched: something in it cannot be read.
    pub flaw: Option<String>,
}

/// A launch as it is written on each of its claims before EC2 is called, so that whoever comes after a crash repeats exactly this
/// request under this token, and EC2 launches nothing twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchRecord {
    /// Client token of the call.
    pub token: String,
    /// Which of the call's instances is this claim's, counted in the order of their ids.
    pub index: usize,
    /// How many instances the call asks for.
    pub count: usize,
    /// How many launches were decided for this claim, this one included.
    pub attempt: u32,
    /// When it was decided, RFC 3339.
    pub at: String,
    /// How it buys: the text of a [`CapacityType`].
    pub capacity_type: String,
    /// What it may buy, as `type/zone`.
    pub offerings: Vec<String>,
}

impl LaunchRecord {
    /// What it may buy; an entry that is no `type/zone` is skipped.
    pub fn offerings(&self) -> Vec<(InstanceTypeName, Zone)> {
        let parts = self.offerings.iter().filter_map(|text| text.split_once('/'));
        parts.map(|(kind, zone)| (InstanceTypeName::from(kind), Zone::from(zone))).collect()
    }

    /// How it buys.
    pub fn capacity_type(&self) -> Option<CapacityType> {
        CapacityType::parse(&self.capacity_type)
    }
}

/// Annotation with a [`LaunchRecord`] as JSON.
pub const LAUNCH: &str = "windlass.dev/launch";
/// Annotation with the uids of the pods a claim was made for, separated by spaces. It survives a restart, so that no pod is bought for
/// twice.
pub const NOMINATED_PODS: &str = "windlass.dev/nominated-pods";
/// Condition: no pod but those of the node itself is on it, since the condition's transition.
pub const EMPTY: &str = "Empty";

impl Claim {
    /// Reads the object.
    pub fn read(object: &api::NodeClaim) -> Self {
        let metadata = &object.metadata;
        let annotation = |key: &str| metadata.annotations.as_ref().and_then(|all| all.get(key)).map(String::as_str);
        let mut flaw = None;
        let mut requirements = Requirements::new();
        for written in &object.spec.requirements {
            match template::requirement(written) {
                Ok(requirement) => requirements.add(requirement),
                Err(error) => flaw = Some(format!("spec.requirements: {error}")),
            }
        }
        let requests = amounts(&object.spec.resources.requests);
        if requests.is_none() {
            flaw = Some("spec.resources.requests: not every amount can be read".to_owned());
        }
        let status = object.status.clone().unwrap_or_default();
        let labels = template::labels(metadata.labels.iter().flatten());
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            uid: Uid::new(metadata.uid.as_deref().unwrap_or_default()),
            version: metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0),
            created: metadata.creation_timestamp.as_ref().map(|time| time.0.into()).unwrap_or_default(),
            deleting: metadata.deletion_timestamp.as_ref().map(|time| time.0.into()),
            held: metadata.finalizers.iter().flatten().any(|name| name == label::TERMINATION_FINALIZER),
            pool: NodePoolName::new(labels.get(label::NODE_POOL).cloned().unwrap_or_default()),
            node_class: object.spec.node_class_ref.clone(),
            labels,
            requirements,
            requests: requests.unwrap_or_default(),
            taints: template::taints(&object.spec.taints),
            startup_taints: template::taints(&object.spec.startup_taints),
            expire_after: lasting(&object.spec.expire_after),
            grace: object.spec.termination_grace_period.as_deref().and_then(lasting),
            deadline: annotation(label::TERMINATION_TIMESTAMP).and_then(Time::parse),
            deprovisioning_priority: annotation(label::DEPROVISIONING_PRIORITY).and_then(|text| text.parse().ok()).unwrap_or(0),
            nominated: annotation(NOMINATED_PODS).unwrap_or_default().split_whitespace().map(Uid::new).collect(),
            launch: annotation(LAUNCH).and_then(|text| serde_json::from_str(text).ok()),
            capacity: amounts(&status.capacity).unwrap_or_default(),
            allocatable: amounts(&status.allocatable).unwrap_or_default(),
            status,
            flaw,
        }
    }

    /// Since when the condition is true.
    pub fn since(&self, condition: &str) -> Option<Time> {
        let found = self.status.conditions.iter().find(|known| known.type_ == condition)?;
        (found.status == ConditionStatus::True).then(|| Time::parse(&found.last_transition_time).unwrap_or(self.created))
    }

    /// Whether the condition is true.
    pub fn is(&self, condition: &str) -> bool {
        condition::status(&self.status.conditions, condition) == Some(ConditionStatus::True)
    }

    /// The provider id, once the launch has been written down.
    pub fn provider_id(&self) -> Option<&str> {
        Some(self.status.provider_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The object, whatever its version.
    pub fn target(&self) -> Target {
        Target { name: self.name.clone(), uid: self.uid.clone(), version: None }
    }

    /// The object as it was read.
    pub fn exactly(&self) -> Target {
        Target { version: Some(self.version), ..self.target() }
    }

    /// Its labels and the single values of its requirements.
    pub fn node_labels(&self) -> Labels {
        let mut labels = self.labels.clone();
        for (key, value) in self.requirements.iter().filter_map(single) {
            labels.entry(key.into()).or_insert_with(|| value.into());
        }
        labels
    }
}

fn single(requirement: &Requirement) -> Option<(&str, &str)> {
    let values = requirement.finite_values().filter(|values| values.len() == 1)?;
    Some((requirement.key(), values.first()?))
}

/// A resource list in the solver's units; `None` if an amount cannot be read.
fn amounts(list: &ResourceList) -> Option<Resources> {
    let read = template::amounts(list.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    read.refused.is_empty().then(|| read.read.into_iter().collect::<Resources>())
}

/// A resource list as the API writes it, exact.
pub fn list(resources: &Resources) -> ResourceList {
    let text = |name: &ResourceName, amount: i64| {
        let shown = crate::quantity::display(name.as_str(), amount);
        let exact = crate::quantity::amount(name.as_str(), &shown) == Ok(amount);
        if exact { shown } else { amount.to_string() }
    };
    resources.iter().map(|(name, amount)| (name.to_string(), text(name, amount).as_str().into())).collect()
}
