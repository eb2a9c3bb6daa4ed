//! Objects that are defined more than once, settled by what they say and never by which comes first.

use super::buffer::{self, Buffer};
use super::inventory::{DaemonSet, Inventory, PodSet, Sourced};
use super::service::Service;
use super::workload::Workload;
use crate::api::{AWSNodeTemplate, Provisioner};
use crate::diagnostic::{Diagnostic, Place};
use kube::Resource;
use std::collections::BTreeMap;

/// Keeps one of definitions that say the same, with a warning; of definitions that differ none, with one error that names all places.
pub(super) fn settle(
    inventory: &mut Inventory,
    (workloads, services): (&mut Vec<Workload>, &mut Vec<Sourced<Service>>),
    buffers: &mut Vec<Sourced<Buffer>>,
    found: &mut Vec<Diagnostic>,
) {
    let rules = Rules {
        name: |pod: &Sourced<PodSet>| pod.value.owner.to_string(),
        place: |pod| &pod.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(&mut inventory.pods, found);
    let rules = Rules {
        name: |daemon: &Sourced<DaemonSet>| format!("DaemonSet/{}", daemon.value.key),
        place: |daemon| &daemon.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(&mut inventory.daemon_sets, found);
    let rules = Rules {
        name: |one: &Workload| format!("{}/{}", one.kind, one.key),
        place: |one| &one.place,
        same: Workload::says_the_same,
    };
    rules.keep(workloads, found);
    let rules = Rules {
        name: |one: &Sourced<Service>| one.value.owner().to_string(),
        place: |one| &one.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(services, found);
    let rules = Rules {
        name: |one: &Sourced<Buffer>| format!("{}/{}", buffer::KIND, one.value.key),
        place: |one| &one.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(buffers, found);
    objects(&mut inventory.nodes, found);
    objects(&mut inventory.node_pools, found);
    objects(&mut inventory.node_classes, found);
    objects(&mut inventory.node_claims, found);
    let rules = Rules {
        name: |one: &Sourced<Provisioner>| format!("Provisioner/{}", one.value.metadata.name.as_deref().unwrap_or_default()),
        place: |one| &one.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(&mut inventory.provisioners, found);
    let rules = Rules {
        name: |one: &Sourced<AWSNodeTemplate>| {
            format!("AWSNodeTemplate/{}", one.value.metadata.name.as_deref().unwrap_or_default())
        },
        place: |one| &one.place,
        same: |a, b| a.value == b.value,
    };
    rules.keep(&mut inventory.aws_node_templates, found);
    objects(&mut inventory.priority_classes, found);
    objects(&mut inventory.runtime_classes, found);
    objects(&mut inventory.limit_ranges, found);
    objects(&mut inventory.pod_disruption_budgets, found);
    objects(&mut inventory.volume_claims, found);
    objects(&mut inventory.volumes, found);
    objects(&mut inventory.storage_classes, found);
}

fn objects<T: Resource<DynamicType = ()> + PartialEq>(all: &mut Vec<Sourced<T>>, found: &mut Vec<Diagnostic>) {
    let rules = Rules { name, place: |object| &object.place, same: |a, b| a.value == b.value };
    rules.keep(all, found);
}

/// `Kind/namespace/name` or `Kind/name`.
fn name<T: Resource<DynamicType = ()>>(object: &Sourced<T>) -> String {
    let metadata = object.value.meta();
    let parts = [Some(T::kind(&()).into_owned()), metadata.namespace.clone(), metadata.name.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// How objects of one kind are told apart.
struct Rules<T> {
    name: fn(&T) -> String,
    place: fn(&T) -> &Place,
    same: fn(&T, &T) -> bool,
}

impl<T> Rules<T> {
    fn keep(&self, all: &mut Vec<T>, found: &mut Vec<Diagnostic>) {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, object) in all.iter().enumerate() {
            by_name.entry((self.name)(object)).or_default().push(index);
        }
        let mut kept = vec![true; all.len()];
        for (name, mut indices) in by_name {
            indices.sort_by_key(|index| (self.place)(&all[*index]));
            let [first, others @ ..] = &indices[..] else { continue };
            if others.is_empty() {
                continue;
            }
            let same = others.iter().all(|other| (self.same)(&all[*first], &all[*other]));
            let places: Vec<String> = others.iter().map(|other| (self.place)(&all[*other]).to_string()).collect();
            let places = places.join(" and ");
            let made = if same {
                Diagnostic::warning(format!("is defined again at {places}, with the same content; one of them is used"))
            } else {
                Diagnostic::error(format!("is defined differently at {places}, so none of them is used"))
                    .hint("remove all but one, or rename them")
            };
            found.push(made.at((self.place)(&all[*first]).clone()).on(name).field("metadata.name"));
            indices.iter().skip(usize::from(same)).for_each(|index| kept[*index] = false);
        }
        let mut kept = kept.into_iter();
        all.retain(|_| kept.next().unwrap_or(true));
    }
}
