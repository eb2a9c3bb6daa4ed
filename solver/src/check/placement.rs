//! Every pod exactly once, and which pods of the snapshot stand on each node.

use super::Violation;
use crate::{NodeName, ObjectKey, Plan, Pod, PodShape, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pods of each list of the plan that the snapshot knows.
pub(super) struct Placements<'a> {
    pub(super) existing: Vec<Vec<&'a Pod>>,
    pub(super) new: Vec<Vec<&'a Pod>>,
}

impl<'a> Placements<'a> {
    pub(super) fn collect(snapshot: &'a Snapshot, plan: &'a Plan, violations: &mut Vec<Violation>) -> Self {
        let mut roll = Roll { snapshot, seen: vec![None; snapshot.pods().len()], violations };
        let on = |node: &NodeName| format!("node {node}");
        let new = plan.nodes.iter().map(|node| roll.call(&on(&node.name), &node.pods, true)).collect();
        let existing = plan.existing_nodes.iter().map(|place| roll.call(&on(&place.node), &place.pods, true)).collect();
        let nowhere = plan.unschedulable.iter().map(|entry| entry.pod.clone()).collect::<Vec<_>>();
        roll.call("unschedulable", &nowhere, false);
        let missing = snapshot.pods().iter().zip(&roll.seen).filter(|(_, place)| place.is_none());
        let missing: Vec<_> = missing.map(|(pod, _)| Violation::PodMissing { pod: pod.key.clone() }).collect();
        violations.extend(missing);
        Self { existing, new }
    }
}

struct Roll<'a, 'v> {
    snapshot: &'a Snapshot,
    seen: Vec<Option<String>>,
    violations: &'v mut Vec<Violation>,
}

impl<'a> Roll<'a, '_> {
    fn call(&mut self, place: &str, keys: &[ObjectKey], placed: bool) -> Vec<&'a Pod> {
        let pods = self.snapshot.pods();
        let mut found = Vec::new();
        for key in keys {
            let Some((pod, seen)) = pods
                .binary_search_by(|pod| pod.key.cmp(key))
                .ok()
                .and_then(|index| Some((pods.get(index)?, self.seen.get_mut(index)?)))
            else {
                self.violations.push(Violation::PodUnknown { pod: key.clone(), place: place.to_owned() });
                continue;
            };
            if let Some(first) = seen {
                let (first, second) = (first.clone(), place.to_owned());
                self.violations.push(Violation::PodRepeated { pod: key.clone(), first, second });
                continue;
            }
            *seen = Some(place.to_owned());
            found.push(pod);
            if let Some(why) = pod.shape.not_ready.as_ref().filter(|_| placed) {
                let (pod, place) = (key.clone(), place.to_owned());
                self.violations.push(Violation::PodNotReady { pod, place, why: why.to_string() });
            }
            if let Some(feature) = pod.shape.unsupported.first().filter(|_| placed) {
                self.violations.push(Violation::PodUnsupported { pod: key.clone(), place: place.to_owned(), feature: *feature });
            }
        }
        found
    }
}

/// The pods by shape, each with one pod that stands for it. Pods of a workload share their shape, so this is a short list.
pub(super) fn by_shape<'a>(pods: &[&'a Pod]) -> BTreeMap<*const PodShape, &'a Pod> {
    pods.iter().rev().map(|pod| (Arc::as_ptr(&pod.shape), *pod)).collect()
}
