//! Objects for the tests of this room: one good object of each kind, changed by a JSON merge patch.

use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, Place};
use crate::manifest::Sourced;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The embedded catalogue of us-west-2, read once.
pub(super) fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::embedded("us-west-2").unwrap())
}

pub(super) fn place(line: usize) -> Place {
    Place { file: "input.yaml".into(), document: 1, line }
}

/// RFC 7386.
pub(super) fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    base.remove(&key);
                } else {
                    merge(base.entry(key).or_insert(json!({})), value);
                }
            }
        }
        (base, patch) => *base = patch,
    }
}

pub(super) fn patched(mut base: Value, patch: Value) -> Value {
    merge(&mut base, patch);
    base
}

/// The object, read at line 7.
pub(super) fn sourced<T: DeserializeOwned>(object: Value) -> Sourced<T> {
    Sourced { value: serde_json::from_value(object).unwrap(), place: place(7) }
}

/// An EC2NodeClass `default` with AL2023.
pub(super) fn node_class(patch: Value) -> Value {
    let base = json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": {"name": "default"},
        "spec": {
            "role": "node", "amiSelectorTerms": [{"alias": "al2023@latest"}],
            "subnetSelectorTerms": [{"tags": {"a": "b"}}], "securityGroupSelectorTerms": [{"tags": {"a": "b"}}]}
    });
    patched(base, patch)
}

/// A NodePool `default` that refers to it and allows every type.
pub(super) fn node_pool(patch: Value) -> Value {
    let base = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "default"},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}}}
    });
    patched(base, patch)
}

/// A Node `a` of that pool that is up.
pub(super) fn node(patch: Value) -> Value {
    let base = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "a", "labels": {
            "karpenter.sh/nodepool": "default", "karpenter.sh/initialized": "true", "node.kubernetes.io/instance-type": "m5.large"}},
        "spec": {"providerID": "aws:///us-west-2b/i-0"},
        "status": {
            "capacity": {"cpu": "2", "memory": "8Gi", "pods": "29"}, "allocatable": {"cpu": "1930m", "memory": "7Gi", "pods": "29"}}
    });
    patched(base, patch)
}

/// The NodeClaim of that Node.
pub(super) fn node_claim(patch: Value) -> Value {
    let base = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "default-x", "labels": {"karpenter.sh/nodepool": "default"}},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "requirements": [
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-west-2b"]},
                {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m5.large", "m5.xlarge"]}],
            "startupTaints": [{"key": "net", "effect": "NoSchedule"}]},
        "status": {
            "providerID": "aws:///us-west-2b/i-0", "nodeName": "a",
            "capacity": {"cpu": "2", "memory": "8Gi", "pods": "29"}, "allocatable": {"cpu": "1930m", "memory": "7Gi", "pods": "29"}}
    });
    patched(base, patch)
}

/// All findings, a line each.
pub(super) fn shown(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
