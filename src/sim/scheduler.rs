//! Stand-ins for the scheduler, the workload controllers and the users: pods come, are bound, run and go.

use super::cluster::SimPod;
use super::scenario::Wave;
use super::world::{Happening, World};
use crate::cluster::{Node, Owner, Phase, Pod, PodRef, Protection, Uid};
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{NodeName, ObjectKey, Resources, TaintEffect};

/// How long a pod takes to stop.
const GRACE: Duration = Duration::from_secs(10);

impl World {
    /// The pods of a wave come.
    pub(super) fn start_wave(&mut self, index: usize) {
        let Some(wave) = self.scenario.waves.get(index).cloned() else { return };
        if wave.min_available > 0 {
            self.cluster.min_available.insert(index, wave.min_available);
        }
        for number in 0..wave.count {
            self.start_pod(&ObjectKey::new("default", format!("wave-{index}-{number}")), index, &wave);
        }
    }

    fn start_pod(&mut self, key: &ObjectKey, index: usize, wave: &Wave) {
        let uid = Uid::new(format!("pod-{}", self.cluster.next()));
        let pod = Pod {
            key: key.clone(),
            uid,
            node: None,
            phase: Phase::Pending,
            unschedulable: false,
            gated: false,
            preempting: false,
            refuses_pools: false,
            owner: Owner::Workload,
            deleting: None,
            grace: GRACE,
            protection: if wave.protected && wave.lasts.is_some() { Protection::Always } else { Protection::None },
            critical: false,
            tolerates_disruption: false,
            volumes: Vec::new(),
        };
        let shape = Arc::new(wave.shape.clone());
        self.cluster.pods.insert(key.clone(), SimPod { pod, shape, wave: index, lasts: wave.lasts, nominated: None });
        self.cluster.put_pod(key);
    }

    /// A pod has stopped. One of a service is started again under its name.
    pub(super) fn pod_stopped(&mut self, target: &PodRef) {
        let Some(gone) = self.cluster.remove_pod(target) else { return };
        self.note_activity(&gone);
        let service = gone.pod.owner == Owner::Workload && gone.lasts.is_none() && !self.is_over();
        // A job whose pod was killed before its end is started again, too.
        let unfinished = gone.pod.owner == Owner::Workload && gone.lasts.is_some() && gone.pod.phase != Phase::Finished;
        if let Some(wave) = self.scenario.waves.get(gone.wave).cloned()
            && (service || (unfinished && !self.is_over()))
        {
            self.start_pod(&target.key, gone.wave, &wave);
        }
    }

    /// A job's pod is done.
    pub(super) fn pod_done(&mut self, target: &PodRef) {
        let Some(known) = self.cluster.pods.get_mut(&target.key).filter(|pod| pod.pod.uid == target.uid) else { return };
        known.pod.phase = Phase::Finished;
        let pod = known.clone();
        self.cluster.put_pod(&target.key);
        self.note_activity(&pod);
    }

    /// Everything that users run ends.
    pub(super) fn end_workloads(&mut self) {
        self.cluster.min_available.clear();
        let pods: Vec<PodRef> =
            self.cluster.pods.values().filter(|pod| pod.pod.owner == Owner::Workload).map(|pod| PodRef::from(&pod.pod)).collect();
        for pod in pods {
            self.pod_stopped(&pod);
        }
    }

    /// Binds what fits, in the order of names, and says of the others that they fit nowhere.
    pub(super) fn schedule_pods(&mut self) {
        let waiting: Vec<ObjectKey> = self
            .cluster
            .pods
            .values()
            .filter(|pod| pod.pod.node.is_none() && pod.pod.phase == Phase::Pending && pod.pod.deleting.is_none())
            .map(|pod| pod.pod.key.clone())
            .collect();
        for key in waiting {
            let Some(pod) = self.cluster.pods.get(&key).cloned() else { continue };
            let first = pod.nominated.as_ref().and_then(|name| self.cluster.nodes.get(name));
            let node = first
                .into_iter()
                .chain(self.cluster.nodes.values())
                .find(|node| self.takes(node, &pod))
                .map(|node| node.name.clone());
            match node {
                Some(node) => self.bind(&pod, node),
                None if !pod.pod.unschedulable => {
                    if let Some(pod) = self.cluster.pods.get_mut(&key) {
                        pod.pod.unschedulable = true;
                    }
                    self.cluster.put_pod(&key);
                }
                None => {}
            }
        }
    }

    fn bind(&mut self, pod: &SimPod, node: NodeName) {
        if let Some(known) = self.cluster.pods.get_mut(&pod.pod.key) {
            known.pod.node = Some(node);
            known.pod.phase = Phase::Running;
            known.pod.unschedulable = false;
            let known = known.clone();
            self.note_activity(&known);
        }
        self.cluster.put_pod(&pod.pod.key);
        if let Some(lasts) = pod.lasts {
            self.after(lasts, Happening::PodDone(PodRef::from(&pod.pod)));
        }
    }

    fn takes(&self, node: &Node, pod: &SimPod) -> bool {
        let repelled = node.taints.iter().any(|taint| taint.effect != TaintEffect::PreferNoSchedule);
        let selected = pod.shape.node_selector.iter().all(|one| one.allows(node.labels.get(one.key()).map(AsRef::as_ref)));
        let mut sum = self.used(&node.name);
        sum.add(&pod.shape.requests);
        node.ready && !repelled && selected && sum.fits_in(&node.allocatable)
    }

    /// What the pods on a node ask for together.
    pub(super) fn used(&self, node: &NodeName) -> Resources {
        let mut sum = Resources::new();
        for pod in self.cluster.pods.values() {
            if pod.pod.node.as_ref() == Some(node) && pod.pod.phase != Phase::Finished {
                sum.add(&pod.shape.requests);
            }
        }
        sum
    }
}
