//! NodeClaims: what is known of nodes before they come.

use super::node::pool_of;
use super::template::{self, Amounts, Report};
use crate::api::{self, label};
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeSet;
use windlass_solver::{InstanceType, Labels, NodePoolName, Requirements, Resources, Taint};

/// A NodeClaim, read. What cannot be read makes it unusable as a node, but it counts against limits all the same.
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) node_pool: Option<NodePoolName>,
    /// Its labels and the single values of its requirements.
    pub(super) labels: Labels,
    pub(super) requirements: Requirements,
    pub(super) taints: Vec<Taint>,
    pub(super) startup_taints: Vec<Taint>,
    pub(super) allocatable: Resources,
    pub(super) capacity: Resources,
    pub(super) deleting: bool,
    readable: bool,
    provider_id: Option<String>,
    node_name: Option<String>,
}

impl Claim {
    fn is_of(&self, node: &str, provider_id: Option<&str>) -> bool {
        self.node_name.as_deref() == Some(node) || (provider_id.is_some() && self.provider_id.as_deref() == provider_id)
    }

    /// Whether the Node is the one it asked for.
    pub(super) fn is_of_node(&self, node: &Node) -> bool {
        let provider_id = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref()).filter(|id| !id.is_empty());
        self.is_of(node.metadata.name.as_deref().unwrap_or_default(), provider_id)
    }

    /// Whether pods can be planned on it before its node comes: EC2 has answered, and it says what the node will offer.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.readable && !self.deleting && self.provider_id.is_some() && !self.allocatable.is_empty()
    }

    /// What it may use of its pool's limits: what it reports, else the most that any of its instance types has.
    pub(super) fn worst_capacity(&self, instance_types: &[InstanceType]) -> Resources {
        if !self.capacity.is_empty() {
            return self.capacity.clone();
        }
        let mut most = Resources::new();
        for kind in instance_types.iter().filter(|kind| self.may_be(kind)) {
            most.raise_to(&kind.capacity);
        }
        most
    }

    fn may_be(&self, kind: &InstanceType) -> bool {
        self.requirements.iter().all(|requirement| match requirement.key() {
            label::INSTANCE_TYPE => requirement.allows(Some(kind.name.as_str())),
            key => kind.labels.get(key).is_none_or(|value| requirement.allows(Some(value))),
        })
    }
}

/// All claims, by name, and a finding for each that is not what it should be.
pub(super) fn claims(sourced: &[&Sourced<api::NodeClaim>], diagnostics: &mut Vec<Diagnostic>) -> Vec<Claim> {
    let mut instances = BTreeSet::new();
    let mut all: Vec<Claim> = sourced
        .iter()
        .map(|source| {
            let name = source.value.metadata.name.clone().unwrap_or_default();
            let mut report = Report::new(&source.place, format!("NodeClaim/{name}"), diagnostics);
            let mut claim = claim(&source.value, name, &mut report);
            if let Some(id) = &claim.provider_id
                && !instances.insert(id.clone())
            {
                report.warning(
                    "status.providerID",
                    format!("{id} belongs to another NodeClaim too; no pod is planned on this one"),
                );
                claim.readable = false;
            }
            claim
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn claim(object: &api::NodeClaim, name: String, report: &mut Report<'_>) -> Claim {
    let mut readable = true;
    let mut unreadable = |field: &str, message: String| {
        report.warning(field, format!("{message}; no pod is planned on this claim"));
        readable = false;
    };
    let mut requirements = Requirements::new();
    for written in &object.spec.requirements {
        match template::requirement(written) {
            Ok(requirement) => requirements.add(requirement),
            Err(error) => unreadable("spec.requirements", error.to_string()),
        }
    }
    let status = object.status.clone().unwrap_or_default();
    let mut resources = |list: &api::ResourceList, field: &str| -> Resources {
        let Amounts { read, refused } = template::amounts(list.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        for (name, error) in refused {
            unreadable(&format!("{field}.{name}"), error.to_string());
        }
        read.into_iter().collect()
    };
    let allocatable = resources(&status.allocatable, "status.allocatable");
    let capacity = resources(&status.capacity, "status.capacity");
    let labels = labels(object, &requirements);
    Claim {
        name,
        node_pool: pool_of(&labels),
        labels,
        requirements,
        taints: template::taints(&object.spec.taints),
        startup_taints: template::taints(&object.spec.startup_taints),
        allocatable,
        capacity,
        deleting: object.metadata.deletion_timestamp.is_some(),
        readable,
        provider_id: Some(status.provider_id).filter(|id| !id.is_empty()),
        node_name: Some(status.node_name).filter(|name| !name.is_empty()),
    }
}

fn labels(object: &api::NodeClaim, requirements: &Requirements) -> Labels {
    let mut labels = template::labels(object.metadata.labels.iter().flatten());
    for requirement in requirements.iter() {
        let values = requirement.finite_values();
        if let Some(only) = values.filter(|values| values.len() == 1).and_then(|values| values.first()) {
            labels.entry(requirement.key().into()).or_insert_with(|| only.clone());
        }
    }
    labels
}
