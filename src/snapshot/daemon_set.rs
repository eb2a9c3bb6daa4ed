//! DaemonSets: what each of their pods asks of the node it comes with.

use super::pod::Shapes;
use super::volume::Volumes;
use crate::diagnostic::Diagnostic;
use crate::manifest::Inventory;
use std::sync::Arc;
use windlass_solver::{DaemonSet, PodShape, TaintEffect, Toleration, TolerationOperator};

/// Taints that the daemonset controller lets its pods tolerate, whatever their template says
/// (kubernetes.io/docs/concepts/workloads/controllers/daemonset, "Taints and tolerations").
const TOLERATED: [(&str, TaintEffect); 6] = [
    ("node.kubernetes.io/not-ready", TaintEffect::NoExecute),
    ("node.kubernetes.io/unreachable", TaintEffect::NoExecute),
    ("node.kubernetes.io/disk-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/memory-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/pid-pressure", TaintEffect::NoSchedule),
    ("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule),
];
/// One more for pods on the host's network.
const TOLERATED_ON_HOST: (&str, TaintEffect) = ("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule);

/// The daemonsets. One with an error is left out.
pub fn daemon_sets(inventory: &Inventory) -> (Vec<DaemonSet>, Vec<Diagnostic>) {
    let (mut shapes, volumes) = (Shapes::new(inventory), Volumes::new(inventory));
    let (mut all, mut found) = (Vec::new(), Vec::new());
    for source in &inventory.daemon_sets {
        let set = &source.value;
        let owner = format!("DaemonSet/{}", set.key);
        let translated = shapes.of(&set.spec, &set.key.namespace, &set.labels);
        for (notes, is_error) in [(&translated.errors, true), (&translated.warnings, false)] {
            found.extend(notes.iter().map(|note| note.diagnostic(is_error, &owner, "DaemonSet", &source.place)));
        }
        let Some(shape) = &translated.shape else { continue };
        let on_host = set.spec.host_network == Some(true);
        let mut shape = PodShape::clone(shape);
        shape.requests.add(&volumes.daemon_attachments(&set.spec, &set.key));
        shape.tolerations.extend(TOLERATED.into_iter().chain(on_host.then_some(TOLERATED_ON_HOST)).map(|(key, effect)| {
            Toleration { key: Some(key.into()), operator: TolerationOperator::Exists, value: "".into(), effect: Some(effect) }
        }));
        shape.tolerations.sort();
        shape.tolerations.dedup();
        all.push(DaemonSet { key: set.key.clone(), labels: set.labels.clone(), shape: Arc::new(shape) });
    }
    (all, found)
}

#[cfg(test)]
mod tests;
