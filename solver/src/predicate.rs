//! The scheduling rules in their plainest form: whether a pod may run on a node, and what a node to launch looks like. `check` and
//! `explain` judge by these; `pack` has its own, fast encoding and shares none of this, so that a mistake there shows here.

use crate::{
    DaemonSet, HostPort, InstanceType, Labels, Node, NodePool, Offering, PodShape, Requirement, Resources, Taint, TaintEffect,
};
use crate::{Toleration, label};
use std::sync::Arc;

/// A node to launch: one offering of one pool, with the values chosen for the pool's open labels.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub(crate) pool: &'a NodePool,
    pub(crate) instance_type: &'a InstanceType,
    pub(crate) offering: &'a Offering,
    pub(crate) open: &'a Labels,
}

impl<'a> Candidate<'a> {
    /// The label that pool, type and offering define, whatever the open labels are.
    pub(crate) fn fixed_label(&self, key: &str) -> Option<&'a str> {
        match key {
            label::ZONE => Some(self.offering.zone.as_str()),
            label::CAPACITY_TYPE => Some(self.offering.capacity_type.as_str()),
            label::INSTANCE_TYPE => Some(self.instance_type.name.as_str()),
            label::NODE_POOL => Some(self.pool.name.as_str()),
            _ => [&self.offering.labels, &self.instance_type.labels, &self.pool.labels]
                .into_iter()
                .find_map(|labels| labels.get(key))
                .map(AsRef::as_ref),
        }
    }

    /// Whether the pool's requirement on `key` leaves the value to be chosen per node.
    pub(crate) fn is_open(&self, key: &str) -> bool {
        !label::is_well_known(key) && self.fixed_label(key).is_none()
    }

    /// The label of the node. A single value of a pool's requirement is an open label with one choice.
    pub(crate) fn label(&self, key: &str) -> Option<&'a str> {
        self.fixed_label(key).or_else(|| self.open.get(key).map(AsRef::as_ref))
    }

    /// All labels of the node.
    pub(crate) fn labels(&self) -> Labels {
        let mut all = self.open.clone();
        for labels in [&self.pool.labels, &self.instance_type.labels, &self.offering.labels] {
            all.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        for key in [label::ZONE, label::CAPACITY_TYPE, label::INSTANCE_TYPE, label::NODE_POOL] {
            all.insert(Arc::from(key), Arc::from(self.fixed_label(key).unwrap_or_default()));
        }
        all
    }

    /// Whether the requirement holds. The host name is unknown yet: it is some value that nobody could name.
    pub(crate) fn satisfies(&self, requirement: &Requirement) -> bool {
        match self.label(requirement.key()) {
            None if requirement.key() == label::HOSTNAME => {
                requirement.finite_values().is_none() && requirement.bounds() == (None, None)
            }
            value => requirement.allows(value),
        }
    }

    /// Whether the pool's requirements hold.
    pub(crate) fn in_pool(&self) -> bool {
        self.pool.requirements.iter().all(|requirement| self.satisfies(requirement))
    }

    /// Whether node selector and node affinity hold.
    pub(crate) fn selected_by(&self, shape: &PodShape) -> bool {
        selected(shape, |requirement| self.satisfies(requirement))
    }

    /// Whether the daemonset will run a pod here.
    pub(crate) fn runs(&self, daemon: &DaemonSet) -> bool {
        untolerated(&self.pool.taints, &daemon.shape.tolerations).next().is_none() && self.selected_by(&daemon.shape)
    }
}

/// Whether an existing node satisfies the requirement.
pub(crate) fn node_allows(node: &Node, requirement: &Requirement) -> bool {
    requirement.allows(node.labels.get(requirement.key()).map(AsRef::as_ref))
}

fn selected(shape: &PodShape, satisfies: impl Fn(&Requirement) -> bool) -> bool {
    shape.node_selector.iter().all(&satisfies) && affinity_holds(shape, &satisfies) && volumes_reachable(shape, satisfies)
}

/// Whether one of the affinity's terms holds; a term without requirements matches nothing.
pub(crate) fn affinity_holds(shape: &PodShape, satisfies: impl Fn(&Requirement) -> bool) -> bool {
    shape.node_affinity.is_empty() || any_term_holds(&shape.node_affinity, satisfies)
}

/// Whether each volume can be used from the node.
pub(crate) fn volumes_reachable(shape: &PodShape, satisfies: impl Fn(&Requirement) -> bool) -> bool {
    shape.volume_topology.iter().all(|terms| any_term_holds(terms, &satisfies))
}

fn any_term_holds(terms: &[Vec<Requirement>], satisfies: impl Fn(&Requirement) -> bool) -> bool {
    terms.iter().any(|term| !term.is_empty() && term.iter().all(&satisfies))
}

/// Taints that keep a pod with these tolerations away.
pub(crate) fn untolerated<'t>(taints: &'t [Taint], tolerations: &'t [Toleration]) -> impl Iterator<Item = &'t Taint> {
    taints.iter().filter(|taint| taint.effect != TaintEffect::PreferNoSchedule && !taint.tolerated_by(tolerations))
}

/// Whether two pods with these ports cannot share a node.
pub(crate) fn ports_conflict(a: &HostPort, b: &HostPort) -> bool {
    let wildcard = |ip: &str| matches!(ip, "" | "0.0.0.0" | "::");
    a.port == b.port && a.protocol == b.protocol && (wildcard(&a.ip) || wildcard(&b.ip) || a.ip == b.ip)
}

/// What daemonsets request together.
pub(crate) fn overhead(daemon_sets: &[&DaemonSet]) -> Resources {
    let mut sum = Resources::new();
    for daemon in daemon_sets {
        sum.add(&daemon.shape.requests);
    }
    sum
}
