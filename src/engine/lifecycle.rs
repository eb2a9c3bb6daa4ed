//! The life of a claim: launched, registered, initialized, and what ends it. Karpenter's contract.

use super::Engine;
use super::call::Purpose;
use super::effect::{Effect, Notice};
use super::listing::Seen;
use super::queue::Key;
use crate::api::condition::{self, ConditionStatus};
use crate::api::{NodeClaimStatus, label};
use crate::cloud::InstanceId;
use crate::cluster::node::unregistered;
use crate::cluster::{Claim, Node, NodeChange, Write};
use crate::reap::expired;
use crate::snapshot::is_ephemeral;
use std::sync::Arc;
use windlass_solver::{NodeName, Taint};

/// Condition: EC2 has an instance for the claim.
pub(super) const LAUNCHED: &str = "Launched";
/// Condition: the node has joined, with its labels and taints.
pub(super) const REGISTERED: &str = "Registered";
/// Condition: the node can take the pods it was made for.
pub(super) const INITIALIZED: &str = "Initialized";
/// Condition: all three of the above.
const READY: &str = "Ready";

impl Engine {
    pub(super) fn decide_claim(&mut self, name: &str) {
        let Some(claim) = self.view.claim(name) else { return };
        if claim.deleting.is_some() {
            self.release_nominations(&claim);
            self.withdraw(name);
            self.terminate(&claim);
            return;
        }
        if let Some(end) = expired::expires(&claim, self.settings.expiry_jitter_percent) {
            if end <= self.now {
                self.delete_claim(&claim, "Expired", "the claim has reached the age of expireAfter");
                return;
            }
            self.queue.at(Key::Claim(claim.name.clone()), end);
        }
        if self.lets_go(&claim) {
            return;
        }
        match claim.provider_id() {
            None => self.launch(&claim),
            Some(_) if self.has_died(&claim) => self.delete_claim(&claim, "InstanceGone", "its instance has ended or is gone"),
            Some(_) if !claim.is(REGISTERED) => self.register(&claim),
            Some(_) => self.watch(&claim),
        }
    }

    /// Deletes the claim; its finalizer then drains the node and terminates the instance.
    pub(super) fn delete_claim(&mut self, claim: &Claim, reason: &'static str, message: &str) {
        self.publish(format!("NodeClaim/{}", claim.name), reason, message.to_owned());
        self.write(&Key::Claim(claim.name.clone()), Write::DeleteClaim(claim.target()));
    }

    pub(super) fn publish(&mut self, object: String, reason: &'static str, message: String) {
        self.calls.tell(Effect::Publish(Notice { object, reason, message }));
    }

    pub(super) fn write(&mut self, key: &Key, write: Write) {
        self.ask(key, Purpose::Write, Effect::Write(write));
    }

    /// Writes the status with this condition changed, if that changes anything.
    pub(super) fn set_condition(&mut self, claim: &Claim, type_: &str, status: ConditionStatus, why: (&str, &str)) {
        let mut changed = claim.status.clone();
        self.put_condition(&mut changed, type_, status, why);
        self.set_status(claim, changed);
    }

    pub(super) fn put_condition(&self, status: &mut NodeClaimStatus, type_: &str, value: ConditionStatus, why: (&str, &str)) {
        let now = self.now.whole_second().to_string();
        condition::set(&mut status.conditions, type_, value, why, &now);
        let holds = |type_: &str| condition::status(&status.conditions, type_) == Some(ConditionStatus::True);
        let (ready, why) = match [LAUNCHED, REGISTERED, INITIALIZED].into_iter().find(|type_| !holds(type_)) {
            None => (ConditionStatus::True, (READY, "")),
            Some(missing) => (ConditionStatus::False, ("UnhealthyDependents", missing)),
        };
        condition::set(&mut status.conditions, READY, ready, why, &now);
    }

    pub(super) fn set_status(&mut self, claim: &Claim, status: NodeClaimStatus) {
        if status != claim.status {
            let key = Key::Claim(claim.name.clone());
            self.write(&key, Write::SetClaimStatus(claim.exactly(), Box::new(status)));
        }
    }

    /// Whether the instance is certainly over. An instance that is merely not listed counts as gone only after a while, and only if its
    /// node is not ready either.
    fn has_died(&mut self, claim: &Claim) -> bool {
        let Some(id) = claim.provider_id().and_then(InstanceId::of_provider_id) else { return false };
        match self.listing.seen(&id) {
            Seen::Over => true,
            Seen::Live | Seen::Unknown => false,
            Seen::Absent { first, last } => {
                let ready = self.view.node_of(claim).is_some_and(|node| node.ready);
                let long = last.since(first) >= self.settings.absence;
                self.want_listing(first.plus(self.settings.absence));
                long && !ready
            }
        }
    }

    fn register(&mut self, claim: &Arc<Claim>) {
        let end = claim.since(LAUNCHED).unwrap_or(claim.created).plus(self.settings.registration_timeout);
        if end <= self.now {
            self.delete_claim(claim, "RegistrationTimeout", "its node has not joined in time");
            return;
        }
        self.queue.at(Key::Claim(claim.name.clone()), end);
        let nodes = self.view.nodes_of(&claim.status.provider_id);
        let [node] = nodes.as_slice() else {
            if !nodes.is_empty() {
                let why = ("MultipleNodesFound", "more than one Node has the provider id of this claim");
                self.set_condition(claim, REGISTERED, ConditionStatus::Unknown, why);
            }
            return;
        };
        if node.deleting.is_some() {
            self.delete_claim(claim, "NodeDeleted", "its node is being deleted");
        } else if let Some(change) = registration(claim, node) {
            if self.steer(claim, &node.name) {
                // The node takes no pods before it is registered: by then the scheduler knows whom it is for.
                return;
            }
            self.write(&Key::Claim(claim.name.clone()), Write::ChangeNode(change));
        } else {
            let mut status = claim.status.clone();
            status.node_name = node.name.to_string();
            self.put_condition(&mut status, REGISTERED, ConditionStatus::True, (REGISTERED, ""));
            self.set_status(claim, status);
        }
    }

    /// A registered claim: its node must stay, become initialized, and leave when it is no longer needed.
    fn watch(&mut self, claim: &Arc<Claim>) {
        let Some(node) = self.view.node_of(claim) else {
            self.miss_node(claim);
            return;
        };
        self.memos.of(&claim.uid).node_missing = None;
        if node.deleting.is_some() {
            self.delete_claim(claim, "NodeDeleted", "its node is being deleted");
        } else if !claim.is(INITIALIZED) {
            self.initialize(claim, &node);
        } else {
            self.watch_pods(claim, &node);
        }
    }

    /// Somebody took the Node object away. The kubelet does not bring it back, so after a while the instance is given up.
    fn miss_node(&mut self, claim: &Claim) {
        let now = self.now;
        let since = *self.memos.of(&claim.uid).node_missing.get_or_insert(now);
        let end = since.plus(self.settings.absence);
        if end <= now {
            self.delete_claim(claim, "NodeMissing", "its node has been gone for a while");
        } else {
            self.queue.at(Key::Claim(claim.name.clone()), end);
        }
    }

    fn initialize(&mut self, claim: &Claim, node: &Node) {
        if let Some((reason, message)) = uninitialized(claim, node) {
            self.set_condition(claim, INITIALIZED, ConditionStatus::Unknown, (reason, &message));
        } else if node.is(label::INITIALIZED) {
            self.set_condition(claim, INITIALIZED, ConditionStatus::True, (INITIALIZED, ""));
        } else {
            let mut change = NodeChange::of(node);
            change.labels.insert(label::INITIALIZED.into(), "true".into());
            self.write(&Key::Claim(claim.name.clone()), Write::ChangeNode(change));
        }
    }

    /// A node: its claim decides. One without claim is removed once its instance is certainly over.
    pub(super) fn decide_node(&mut self, name: &NodeName) {
        let Some(node) = self.view.node(name) else {
            // Its claim is found by the names that claims know.
            let claims: Vec<String> = self
                .view
                .claims()
                .filter(|claim| claim.status.node_name == name.as_str())
                .map(|claim| claim.name.clone())
                .collect();
            for claim in claims {
                self.queue.now(Key::Claim(claim));
            }
            return;
        };
        if let Some(claim) = self.claim_of(&node.provider_id) {
            self.queue.now(Key::Claim(claim.name.clone()));
            return;
        }
        let Some(id) = InstanceId::of_provider_id(&node.provider_id) else { return };
        if !node.labels.contains_key(label::NODE_POOL) {
            return;
        }
        let over = match self.listing.seen(&id) {
            Seen::Over => true,
            Seen::Absent { first, last } => last.since(first) >= self.settings.absence && !node.ready,
            Seen::Live | Seen::Unknown => false,
        };
        if over {
            self.remove_node(&Key::Node(name.clone()), &node);
        } else {
            self.queue.at(Key::Node(name.clone()), self.now.plus(super::listing::REGULAR));
        }
    }

    /// Takes a node whose instance is over out of the cluster.
    pub(super) fn remove_node(&mut self, key: &Key, node: &Node) {
        if node.deleting.is_none() {
            let target = NodeChange::of(node).node;
            self.write(key, Write::DeleteNode(crate::cluster::Target { version: None, ..target }));
        } else if node.held {
            self.write(key, Write::ChangeNode(NodeChange { held: Some(false), ..NodeChange::of(node) }));
        }
    }
}

/// What a node that has joined still lacks: labels, taints, finalizer and owner of its claim, and to be told from one that has not been
/// registered.
fn registration(claim: &Claim, node: &Node) -> Option<NodeChange> {
    if node.held && node.is(label::REGISTERED) && !node.taints.contains(&unregistered()) {
        return None;
    }
    let mut change = NodeChange::of(node);
    change.labels = claim.node_labels();
    change.labels.insert(label::REGISTERED.into(), "true".into());
    let mut taints = node.taints.clone();
    if !node.is(label::DO_NOT_SYNC_TAINTS) {
        taints.extend(claim.taints.iter().chain(&claim.startup_taints).cloned());
    }
    taints.retain(|taint| *taint != unregistered());
    taints.sort();
    taints.dedup();
    change.taints = Some(taints);
    change.held = Some(true);
    change.owner = Some(claim.target());
    Some(change)
}

/// Why the node cannot take its pods yet, as reason and message.
fn uninitialized(claim: &Claim, node: &Node) -> Option<(&'static str, String)> {
    if !node.ready {
        return Some(("NodeNotReady", "the node is not ready".to_owned()));
    }
    let same = |a: &Taint, b: &Taint| a.key == b.key && a.effect == b.effect;
    if let Some(taint) = node.taints.iter().find(|taint| claim.startup_taints.iter().any(|startup| same(startup, taint))) {
        return Some(("StartupTaintsExist", format!("startup taint {} is still there", taint.key)));
    }
    if let Some(taint) = node.taints.iter().find(|taint| is_ephemeral(taint)) {
        return Some(("KnownEphemeralTaintsExist", format!("taint {} is still there", taint.key)));
    }
    let missing = claim.requests.iter().find(|(name, amount)| *amount > 0 && node.allocatable.get(name.as_str()) == 0);
    missing.map(|(name, _)| ("ResourceNotRegistered", format!("the node does not offer {name} yet")))
}
