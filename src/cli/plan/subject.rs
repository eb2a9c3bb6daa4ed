//! From what was typed after `--explain` to a pod or a node.

use crate::cli::Failure;
use windlass_solver::{NodeName, ObjectKey, Plan, Snapshot, Subject};

/// Close matches offered for a name that is unknown.
const OFFERED: usize = 3;

/// Finds a pod as `namespace/name`, as `name` where only one namespace has it (or `namespace` does), or a planned node by its name;
/// `pod/` and `node/` in front are understood.
pub(super) fn resolve(text: &str, namespace: Option<&str>, snapshot: &Snapshot, plan: &Plan) -> Result<Subject, Failure> {
    let nodes = || plan.nodes.iter().map(|node| &node.name);
    if let Some(name) = text.strip_prefix("node/").or_else(|| text.strip_prefix("nodes/"))
        && let Some(node) = nodes().find(|node| node.as_str() == name)
    {
        return Ok(Subject::Node(node.clone()));
    }
    let name = text.strip_prefix("pod/").or_else(|| text.strip_prefix("pods/")).unwrap_or(text);
    let pods: Vec<&ObjectKey> = snapshot.pods().iter().map(|pod| &pod.key).filter(|key| means(name, namespace, key)).collect();
    match (pods.as_slice(), nodes().find(|node| node.as_str() == name)) {
        ([pod], _) => Ok(Subject::Pod((*pod).clone())),
        ([], Some(node)) => Ok(Subject::Node(node.clone())),
        ([], None) => Err(unknown(text, name, snapshot, nodes()).into()),
        ([first, second, ..], _) => {
            Err(format!("--explain {text}: {} pods have this name; say which: {first}, {second}, ...", pods.len()).into())
        }
    }
}

/// Whether `name` may stand for the pod `key`.
fn means(name: &str, namespace: Option<&str>, key: &ObjectKey) -> bool {
    match name.split_once('/') {
        Some((namespace, name)) => *key.namespace == *namespace && *key.name == *name,
        None => *key.name == *name && namespace.is_none_or(|namespace| *key.namespace == *namespace),
    }
}

fn unknown<'a>(text: &str, name: &str, snapshot: &Snapshot, nodes: impl Iterator<Item = &'a NodeName>) -> String {
    let wanted = name.rsplit('/').next().unwrap_or(name);
    let pods = snapshot.pods().iter().map(|pod| (&*pod.key.name, pod.key.to_string()));
    let mut close: Vec<(usize, String)> = pods
        .chain(nodes.map(|node| (node.as_str(), format!("node/{node}"))))
        .filter_map(|(known, shown)| distance(wanted, known).map(|distance| (distance, shown)))
        .collect();
    close.sort();
    let close: Vec<String> = close.into_iter().take(OFFERED).map(|(_, shown)| shown).collect();
    let hint = if close.is_empty() { String::new() } else { format!("\n  hint: did you mean {}?", close.join(" or ")) };
    format!("--explain {text}: no pending pod and no planned node has this name{hint}")
}

/// How far two names are apart, if they are close; a name that begins with the other (`web` for `web-0`) is close.
fn distance(wanted: &str, known: &str) -> Option<usize> {
    let edits = strsim::damerau_levenshtein(wanted, known);
    if edits <= wanted.len() / 3 {
        return Some(edits);
    }
    (!wanted.is_empty() && known.starts_with(wanted)).then_some(wanted.len())
}

#[cfg(test)]
mod tests;
