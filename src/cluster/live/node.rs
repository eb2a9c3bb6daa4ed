//! Nodes of the API to plain ones. Pure; a field that cannot be read counts as absent.

use crate::api::label;
use crate::cluster::{Node, Uid, Version};
use crate::quantity;
use crate::snapshot::template;
use crate::time::Time;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{Resources, Taint, TaintEffect};

fn text<'a>(object: &'a Value, path: &str) -> Option<&'a str> {
    object.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// `metadata.resourceVersion` as a number; 0 where it is none.
pub fn version(object: &Value) -> Version {
    text(object, "/metadata/resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whether the object carries a finalizer.
pub fn is_held(object: &Value, finalizer: &str) -> bool {
    let all = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    all.into_iter().flatten().any(|one| one.as_str() == Some(finalizer))
}

/// Reads a node. `volumes` are the PersistentVolumes that are attached to it.
pub fn read(object: &Value, volumes: Vec<Arc<str>>) -> Node {
    let labels: BTreeMap<String, String> = pairs(object, "/metadata/labels").collect();
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let ready = conditions.filter(|one| text(one, "/type") == Some("Ready")).any(|one| text(one, "/status") == Some("True"));
    let protected = object.pointer("/metadata/annotations").and_then(|all| all.get(label::DO_NOT_DISRUPT));
    Node {
        name: text(object, "/metadata/name").unwrap_or_default().into(),
        uid: Uid::new(text(object, "/metadata/uid").unwrap_or_default()),
        version: version(object),
        deleting: text(object, "/metadata/deletionTimestamp").and_then(Time::parse),
        held: is_held(object, label::TERMINATION_FINALIZER),
        provider_id: text(object, "/spec/providerID").unwrap_or_default().into(),
        labels: template::labels(&labels),
        taints: taints(object),
        ready,
        allocatable: allocatable(object),
        // A node knows no durations: only "true" counts (karpenter-core, statenode.go).
        protected: protected.and_then(Value::as_str) == Some("true"),
        volumes,
    }
}

fn pairs<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = (String, String)> + use<'a> {
    let fields = object.pointer(path).and_then(Value::as_object);
    fields.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
}

/// `spec.taints`.
pub(super) fn taints(object: &Value) -> Vec<Taint> {
    let written = object.pointer("/spec/taints").and_then(Value::as_array).into_iter().flatten();
    written
        .filter_map(|taint| {
            Some(Taint {
                key: text(taint, "/key")?.into(),
                value: text(taint, "/value").unwrap_or_default().into(),
                effect: TaintEffect::parse(text(taint, "/effect")?)?,
            })
        })
        .collect()
}

fn allocatable(object: &Value) -> Resources {
    let amounts = pairs(object, "/status/allocatable");
    amounts
        .filter_map(|(name, text)| {
            Some((windlass_solver::ResourceName::from(name.as_str()), quantity::amount(&name, &text).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::cluster::node::disrupted;
    use serde_json::{Value, json};
    use windlass_solver::{Taint, TaintEffect};

    fn object() -> Value {
        json!({
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "42", "finalizers": ["other", "karpenter.sh/termination"],
                "labels": {"failure-domain.beta.kubernetes.io/zone": "us-west-2a", "team": "a"}},
            "spec": {"providerID": "aws:///us-west-2a/i-1", "taints": [
                {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}, {"key": "a", "value": "b", "effect": "NoExecute", "timeAdded": "x"},
                {"key": "odd", "effect": "Sometimes"}]},
            "status": {"allocatable": {"cpu": "3920m", "memory": "1Gi", "pods": "58", "odd": "many"},
                "conditions": [{"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": "True"}]}
        })
    }

    #[test]
    fn a_node_is_read() {
        let node = read(&object(), vec!["pv-1".into()]);
        assert_eq!((node.name.as_str(), node.uid.as_str(), node.version), ("n", "u", 42));
        assert_eq!(
            (node.provider_id.as_ref(), node.ready, node.held, node.protected),
            ("aws:///us-west-2a/i-1", true, true, false)
        );
        assert_eq!(node.labels.get("topology.kubernetes.io/zone").map(AsRef::as_ref), Some("us-west-2a"));
        let other = Taint { key: "a".into(), value: "b".into(), effect: TaintEffect::NoExecute };
        assert_eq!(node.taints, [disrupted(), other]);
        assert_eq!(
            (node.allocatable.get("cpu"), node.allocatable.get("memory"), node.allocatable.get("odd")),
            (3920, 1 << 30, 0)
        );
        assert_eq!(node.volumes, ["pv-1".into()]);
    }

    #[test]
    fn what_is_missing_counts_as_not_so() {
        let mut bare = object();
        bare["status"] = json!({"conditions": [{"type": "Ready", "status": "Unknown"}]});
        bare["metadata"] = json!({"name": "n", "annotations": {"karpenter.sh/do-not-disrupt": "1h"}});
        bare["spec"] = json!({});
        let node = read(&bare, Vec::new());
        assert!(!node.ready && !node.held && !node.protected && node.provider_id.is_empty() && node.taints.is_empty());
        bare["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!("true");
        assert!(read(&bare, Vec::new()).protected);
    }
}
