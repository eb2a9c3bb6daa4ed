//! Carries out a drain: evictions with their own pauses, and a fresh list of pods before the instance may go.

use super::Engine;
use super::call::{Purpose, pause};
use super::effect::Effect;
use super::queue::Key;
use crate::cluster::{Claim, Node, Pod, PodRef, Uid, Write};
use crate::reap::drain;
use crate::time::Time;
use std::collections::BTreeMap;
use windlass_solver::{NodeName, ObjectKey};

/// Pods that were asked to leave.
#[derive(Debug, Default)]
pub(super) struct Evictions(BTreeMap<Uid, Eviction>);

#[derive(Debug, Default, Clone, Copy)]
struct Eviction {
    open: bool,
    refusals: u32,
    next: Time,
}

impl Evictions {
    /// The pod is gone.
    pub(super) fn forget(&mut self, pod: &Uid) {
        self.0.remove(pod);
    }

    /// The call was answered.
    pub(super) fn answered(&mut self, pod: &Uid, done: bool, now: Time) {
        let Some(known) = self.0.get_mut(pod) else { return };
        known.open = false;
        known.refusals = if done { 0 } else { known.refusals.saturating_add(1) };
        // Done or not, the pod is still seen for a while: it is not asked again at once.
        known.next = now.plus(pause(known.refusals, pod.as_str()));
    }
}

impl Engine {
    /// Asks the next pods to leave. `true` once a fresh list shows that none has to any more.
    pub(super) fn drain(&mut self, claim: &Claim, node: &Node) -> bool {
        let key = Key::Claim(claim.name.clone());
        let step = drain::next(&self.view.pods_on(&node.name), &node.volumes, self.now, claim.deadline);
        if let Some(again) = step.again {
            self.queue.at(key.clone(), again);
        }
        if step.done {
            if !self.memos.get(&claim.uid).clean {
                self.recheck(claim, &node.name);
                return false;
            }
            return true;
        }
        self.memos.of(&claim.uid).clean = false;
        for pod in step.evict {
            self.remove_pod(&key, pod.clone(), Write::Evict(pod));
        }
        for (pod, grace) in step.delete {
            self.remove_pod(&key, pod.clone(), Write::DeletePod(pod, grace));
        }
        false
    }

    fn remove_pod(&mut self, key: &Key, pod: PodRef, write: Write) {
        let known = self.evictions.0.entry(pod.uid.clone()).or_default();
        if known.open {
            return;
        }
        if self.now < known.next {
            let next = known.next;
            self.queue.at(key.clone(), next);
            return;
        }
        known.open = true;
        self.calls.ask(None, Purpose::Evict(pod.uid), Effect::Write(write));
    }

    /// What is on the node, read afresh: a view may be old, and what it misses would be killed.
    pub(super) fn recheck(&mut self, claim: &Claim, node: &NodeName) {
        let purpose = Purpose::Recheck(claim.name.clone(), node.clone());
        self.ask(&Key::Claim(claim.name.clone()), purpose, Effect::ListPods(node.clone()));
    }

    /// The fresh list has come.
    pub(super) fn rechecked(&mut self, claim: &str, name: &NodeName, pods: Vec<Pod>) {
        let listed: Vec<ObjectKey> = pods.iter().map(|pod| pod.key.clone()).collect();
        let stale: Vec<ObjectKey> =
            self.view.pods_on(name).iter().map(|pod| pod.key.clone()).filter(|key| !listed.contains(key)).collect();
        for pod in pods {
            self.pod_seen(pod);
        }
        for key in stale {
            self.pod_gone(&key, None);
        }
        let Some(claim) = self.view.claim(claim) else { return };
        self.memos.of(&claim.uid).clean = true;
        self.queue.now(Key::Claim(claim.name.clone()));
    }
}
