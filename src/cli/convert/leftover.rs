//! Names of v1alpha5 that the conversion leaves to their owner, in workloads above all: found line by line, comments aside.

use crate::api::label;
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::Inventory;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The old names, what they are now, and what happens if they stay.
const OLD: [(&str, &str, &str); 3] = [
    (
        label::PROVISIONER_NAME,
        label::NODE_POOL,
        "nodes of a NodePool do not have this label, so that pods which select by it stay pending",
    ),
    (label::DO_NOT_EVICT, label::DO_NOT_DISRUPT, "NodePools do not heed this annotation, so that the pod can be evicted"),
    (
        label::DO_NOT_CONSOLIDATE,
        label::DO_NOT_DISRUPT,
        "NodePools do not heed this annotation, so that the node can be consolidated",
    ),
];

/// Where documents begin, and what they are.
type Documents = BTreeMap<Arc<str>, Vec<(Place, String)>>;

/// One warning for each line that has an old name. `piped` is what standard input held.
pub(super) fn find(inventory: &Inventory, piped: &[u8]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (file, documents) in documents(inventory) {
        // A file that has changed or gone since it was read has nothing to report.
        let bytes = if &*file == "<stdin>" { piped.to_vec() } else { std::fs::read(&*file).unwrap_or_default() };
        for (line, text) in (1..).zip(String::from_utf8_lossy(&bytes).lines()) {
            let Some((place, object)) = documents.iter().rfind(|(place, _)| place.line <= line) else { continue };
            for (old, new, consequence) in OLD {
                if !text.trim_start().starts_with('#') && text.contains(old) {
                    let place = Place { line, ..place.clone() };
                    let message = format!("{old} is of v1alpha5: {consequence}");
                    found.push(Diagnostic::warning(message).at(place).on(object.as_str()).hint(format!("use {new}")));
                }
            }
        }
    }
    found
}

fn documents(inventory: &Inventory) -> Documents {
    let pods = inventory.pods.iter().map(|set| (&set.place, set.value.owner.to_string()));
    let daemon_sets = inventory.daemon_sets.iter().map(|set| (&set.place, format!("DaemonSet/{}", set.value.key)));
    let nodes = inventory
        .nodes
        .iter()
        .map(|node| (&node.place, format!("Node/{}", node.value.metadata.name.as_deref().unwrap_or_default())));
    let provisioners =
        inventory.provisioners.iter().map(|object| (&object.place, super::shown("Provisioner", &object.value.metadata)));
    let templates = inventory
        .aws_node_templates
        .iter()
        .map(|object| (&object.place, super::shown("AWSNodeTemplate", &object.value.metadata)));
    let mut all = Documents::new();
    for (place, object) in pods.chain(daemon_sets).chain(nodes).chain(provisioners).chain(templates) {
        all.entry(place.file.clone()).or_default().push((place.clone(), object));
    }
    for documents in all.values_mut() {
        documents.sort();
    }
    all
}
