//! Who expands into pods. A dump such as `kubectl get all` holds a Deployment, its ReplicaSets and their pods; each pod counts once:
//!
//! - pods of the input replace the expansion of every workload above them (Pod to ReplicaSet to Deployment, Pod to Job to CronJob);
//! - otherwise the topmost workload of the input expands, and those that it owns do not.
//!
//! Owners are matched by kind, namespace and name of the controlling owner reference, and by uid where both sides have one.

use super::inventory::{Controller, PodSet, Sourced};
use super::workload::Workload;
use crate::diagnostic::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::ObjectKey;

/// Owners above owners that are followed: real chains have two, a longer one is a loop.
const CHAIN_MAX: usize = 8;

struct Owners<'w> {
    workloads: &'w [Workload],
    by_name: BTreeMap<(&'w str, &'w ObjectKey), usize>,
}

impl<'w> Owners<'w> {
    fn new(workloads: &'w [Workload]) -> Self {
        let by_name = workloads.iter().enumerate().map(|(index, one)| ((one.kind, &one.key), index)).collect();
        Self { workloads, by_name }
    }

    fn find(&self, namespace: &Arc<str>, controller: Option<&Controller>) -> Option<usize> {
        let controller = controller?;
        let key = ObjectKey::new(namespace.clone(), controller.name.clone());
        let index = *self.by_name.get(&(controller.kind.as_ref(), &key))?;
        let uid = self.workloads.get(index)?.uid.as_ref();
        let same = controller.uid.as_ref().is_none_or(|wanted| uid.is_none_or(|uid| uid == wanted));
        same.then_some(index)
    }

    /// The workloads above a controller reference, nearest first.
    fn chain(&self, namespace: &Arc<str>, controller: Option<&Controller>) -> Vec<usize> {
        let mut chain = Vec::new();
        let mut next = self.find(namespace, controller);
        while let Some(index) = next.filter(|index| chain.len() < CHAIN_MAX && !chain.contains(index)) {
            chain.push(index);
            next = self.find(namespace, self.workloads.get(index).and_then(|one| one.controller.as_ref()));
        }
        chain
    }
}

/// The pods of the workloads that `pods` do not stand for already.
pub(super) fn expand(workloads: &[Workload], pods: &[Sourced<PodSet>], found: &mut Vec<Diagnostic>) -> Vec<Sourced<PodSet>> {
    let owners = Owners::new(workloads);
    // Pods that exist and have not ended, below each workload that has pods in the input.
    let mut alive: BTreeMap<usize, usize> = BTreeMap::new();
    for pod in pods {
        let Some(key) = pod.value.keys.first() else { continue };
        for index in owners.chain(&key.namespace, pod.value.state.controller.as_ref()) {
            *alive.entry(index).or_default() += usize::from(!pod.value.state.terminal && !pod.value.state.terminating);
        }
    }
    let mut taken: BTreeSet<ObjectKey> = pods.iter().flat_map(|pod| pod.value.keys.iter().cloned()).collect();
    let mut order: Vec<usize> = (0..workloads.len()).collect();
    order.sort_by_key(|index| workloads.get(*index).map(|one| (rank(one.kind), one.key.clone())));
    let mut expanded = Vec::new();
    for index in order {
        let Some(workload) = workloads.get(index) else { continue };
        let chain = owners.chain(&workload.key.namespace, workload.controller.as_ref());
        // In a loop of owners each stands above the other; the first in order expands.
        let owned =
            chain.iter().any(|above| *above != index) && !(chain.contains(&index) && chain.iter().all(|above| *above >= index));
        match alive.get(&index) {
            Some(pods) if !owned => warn_of_missing(workload, *pods, found),
            None if !owned => expanded.push(pod_set(workload, &mut taken)),
            _ => {}
        }
    }
    expanded
}

/// A dump is complete; a file with some pods of a workload is probably not meant to be.
fn warn_of_missing(workload: &Workload, pods: usize, found: &mut Vec<Diagnostic>) {
    if matches!(workload.kind, "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController")
        && (pods as u64) < u64::from(workload.count)
    {
        let message = format!("asks for {} pods, and {pods} are in the input; only those are planned", workload.count);
        found.push(
            Diagnostic::warning(message)
                .at(workload.place.clone())
                .on(format!("{}/{}", workload.kind, workload.key))
                .field("spec.replicas"),
        );
    }
}

/// StatefulSets first: their pods are really called `<name>-<index>`.
fn rank(kind: &str) -> usize {
    ["StatefulSet", "Deployment", "ReplicaSet", "ReplicationController", "Job", "CronJob", "PodTemplate"]
        .iter()
        .position(|known| *known == kind)
        .unwrap_or(usize::MAX)
}

/// Names are `<workload>-<index>`, with the kind between where another object has that name.
fn pod_set(workload: &Workload, taken: &mut BTreeSet<ObjectKey>) -> Sourced<PodSet> {
    let indices = workload.first..workload.first.saturating_add(workload.count);
    let named = |prefix: &str| -> Vec<ObjectKey> {
        indices.clone().map(|index| ObjectKey::new(workload.key.namespace.clone(), format!("{prefix}-{index}"))).collect()
    };
    let mut prefix = workload.key.name.to_string();
    let mut keys = named(&prefix);
    while keys.iter().any(|key| taken.contains(key)) {
        prefix = format!("{prefix}-{}", workload.kind.to_ascii_lowercase());
        keys = named(&prefix);
    }
    taken.extend(keys.iter().cloned());
    let value = PodSet {
        owner: workload.owner(),
        keys,
        labels: workload.labels.clone(),
        same_zone_as: workload.same_zone_as.clone(),
        spec: workload.spec.clone(),
        claim_templates: workload.claim_templates.clone(),
        state: super::PodState::default(),
    };
    Sourced { value, place: workload.place.clone() }
}
