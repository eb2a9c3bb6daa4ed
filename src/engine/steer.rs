//! Tells the scheduler which pods a new node was bought for, in `status.nominatedNodeName` (KEP-5278). Left to itself it spreads whatever
//! waits over the nodes in the order in which they come, and what was packed tightly fits no more: the last pods need further machines.
//! A scheduler that does not listen does no worse than without.

use super::Engine;
use super::call::Purpose;
use super::effect::Effect;
use super::queue::Key;
use crate::cluster::{Claim, PodRef, Uid, Write};
use crate::provision::pod_filter;
use windlass_solver::NodeName;

impl Engine {
    /// Says once for which pods the claim's node is. Returns whether anything is being said.
    pub(super) fn steer(&mut self, claim: &Claim, node: &NodeName) -> bool {
        if std::mem::replace(&mut self.memos.of(&claim.uid).steered, true) {
            return false;
        }
        let pods: Vec<PodRef> = self.provisioner.meant_for(&claim.name).filter_map(|uid| self.waiting(uid)).collect();
        for pod in &pods {
            self.provisioner.steered.insert(pod.uid.clone(), node.clone());
            let write = Write::Nominate(pod.clone(), Some(node.clone()));
            self.ask(&Key::Claim(claim.name.clone()), Purpose::Nominate, Effect::Write(write));
        }
        !pods.is_empty()
    }

    /// Takes back what was said of a pod that did not come: the scheduler keeps room for it.
    pub(super) fn let_loose(&mut self, uid: &Uid) {
        if self.provisioner.steered.remove(uid).is_some()
            && let Some(pod) = self.waiting(uid)
        {
            self.calls.ask(None, Purpose::Nominate, Effect::Write(Write::Nominate(pod, None)));
        }
    }

    fn waiting(&self, uid: &Uid) -> Option<PodRef> {
        self.view.pod_by_uid(uid).filter(|pod| pod_filter::judge(pod).is_ok()).map(PodRef::from)
    }
}
