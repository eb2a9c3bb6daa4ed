//! The end of a claim, driven by its finalizer: its node is drained, its instance terminated, and only then both objects go.

use super::Engine;
use super::call::Purpose;
use super::effect::{Effect, Proof};
use super::listing::{SOON, Seen};
use super::memo::Fate;
use super::queue::Key;
use crate::api::label;
use crate::cloud::InstanceId;
use crate::cluster::node::{EXCLUDE_FROM_BALANCERS, disrupted};
use crate::cluster::{Claim, ClaimChange, Node, NodeChange, Target, Write};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::Labels;

/// Whether there is an instance behind a claim.
enum Behind {
    /// This one.
    Instance(InstanceId),
    /// None, for certain.
    Nothing,
    /// EC2's lists must tell.
    Unknown,
}

impl Engine {
    /// The next step towards the end of a claim that is being deleted.
    pub(super) fn terminate(&mut self, claim: &Arc<Claim>) {
        if !claim.held {
            return;
        }
        if let (Some(grace), None, Some(deleting)) = (claim.grace, claim.deadline, claim.deleting) {
            let annotations = BTreeMap::from([(label::TERMINATION_TIMESTAMP.to_owned(), deleting.plus(grace).to_string())]);
            self.change(claim, annotations, false);
            return;
        }
        let node = self.view.node_of(claim);
        match self.behind(claim) {
            Behind::Unknown => return,
            Behind::Instance(id) if !self.is_over(claim, &id) => {
                if node.is_none_or(|node| self.empty_out(claim, &node)) {
                    self.end_instance(claim, id);
                }
                return;
            }
            Behind::Instance(_) | Behind::Nothing => {}
        }
        match node {
            Some(node) => self.remove_node(&Key::Claim(claim.name.clone()), &node),
            None => self.change(claim, BTreeMap::new(), true),
        }
    }

    fn change(&mut self, claim: &Claim, annotations: BTreeMap<String, String>, release: bool) {
        let change = ClaimChange { claim: claim.exactly(), labels: Labels::new(), annotations, release };
        self.write(&Key::Claim(claim.name.clone()), Write::ChangeClaim(change));
    }

    fn behind(&mut self, claim: &Claim) -> Behind {
        if let Some(id) = claim.provider_id().and_then(InstanceId::of_provider_id) {
            return Behind::Instance(id);
        }
        let Some(record) = &claim.launch else { return Behind::Nothing };
        if self.launches.is_open(&record.token) {
            // The answer to the call will tell.
            self.queue.at(Key::Claim(claim.name.clone()), self.now.plus(SOON));
            return Behind::Unknown;
        }
        let known = self.memos.get(&claim.uid).fate_of(&record.token).cloned();
        match known.or_else(|| self.look_up(claim, record)) {
            Some(Fate::Instance(instance)) => Behind::Instance(instance.id),
            Some(Fate::Missed) => Behind::Nothing,
            None => Behind::Unknown,
        }
    }

    /// Whether the instance has ended, or is not listed any more after EC2 has accepted its termination.
    fn is_over(&self, claim: &Claim, id: &InstanceId) -> bool {
        let terminated = self.memos.get(&claim.uid).terminated;
        match self.listing.seen(id) {
            Seen::Over => true,
            Seen::Absent { first, last } => {
                let ready = self.view.node_of(claim).is_some_and(|node| node.ready);
                let long = last.since(first) >= self.settings.absence;
                (long && !ready) || terminated.is_some_and(|terminated| terminated < last)
            }
            Seen::Live | Seen::Unknown => false,
        }
    }

    fn end_instance(&mut self, claim: &Claim, id: InstanceId) {
        let key = Key::Claim(claim.name.clone());
        if self.memos.get(&claim.uid).terminated.is_some() {
            self.want_listing(self.now.plus(SOON));
            return;
        }
        let effect = Effect::Terminate(id, Proof::ClaimDeleting(claim.uid.clone()));
        self.ask(&key, Purpose::Terminate(claim.name.clone()), effect);
    }

    /// Brings the node to where nothing has to leave it any more; `true` once it is there.
    fn empty_out(&mut self, claim: &Claim, node: &Node) -> bool {
        let key = Key::Claim(claim.name.clone());
        if node.deleting.is_none() {
            let name = node.name.to_string();
            self.write(&key, Write::DeleteNode(Target { name, uid: node.uid.clone(), version: None }));
            return false;
        }
        if !node.is_disrupted() || !node.labels.contains_key(EXCLUDE_FROM_BALANCERS) {
            let mut change = NodeChange::of(node);
            change.labels.insert(EXCLUDE_FROM_BALANCERS.into(), "karpenter".into());
            let mut taints = node.taints.clone();
            taints.retain(|taint| taint.key.as_ref() != label::DISRUPTED_TAINT);
            taints.push(disrupted());
            change.taints = Some(taints);
            self.write(&key, Write::ChangeNode(change));
            return false;
        }
        self.drain(claim, node)
    }
}
