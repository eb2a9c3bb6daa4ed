use super::{Wrote, identity, node_patch, written};
use crate::cluster::live::kind::Kind;
use crate::cluster::node::{disrupted, unregistered};
use crate::cluster::{NodeChange, Target, Uid};
use serde_json::{Value, json};
use windlass_solver::{Labels, Taint, TaintEffect};

fn target(name: &str) -> Target {
    Target { name: name.into(), uid: Uid::new(format!("uid-{name}")), version: Some(7) }
}

fn change() -> NodeChange {
    NodeChange { node: target("n"), labels: Labels::new(), taints: None, seen: Vec::new(), held: None, owner: None }
}

fn known() -> Value {
    json!({
        "metadata": {"name": "n", "uid": "uid-n", "resourceVersion": "7", "finalizers": ["other"],
            "ownerReferences": [{"uid": "uid-else", "kind": "Machine"}]},
        "spec": {"taints": [{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-22T12:00:00Z"},
            {"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]}
    })
}

#[test]
fn an_object_is_named_by_uid_and_version() {
    assert_eq!(identity(&target("a")), json!({"uid": "uid-a", "resourceVersion": "7"}));
    assert_eq!(identity(&Target { version: None, ..target("a") }), json!({"uid": "uid-a"}));
}

#[test]
fn a_patch_touches_only_what_changes() {
    let mut labels = Labels::new();
    labels.insert("a".into(), "b".into());
    let (metadata, spec) = node_patch(&known(), &NodeChange { labels, ..change() });
    assert_eq!(metadata, json!({"uid": "uid-n", "resourceVersion": "7", "labels": {"a": "b"}}));
    assert_eq!(spec, None);
}

#[test]
fn taints_that_stay_keep_the_time_they_were_added() {
    let unreachable = Taint { key: "node.kubernetes.io/unreachable".into(), value: "".into(), effect: TaintEffect::NoExecute };
    let (_, spec) = node_patch(&known(), &NodeChange { taints: Some(vec![unreachable, disrupted()]), ..change() });
    assert_eq!(
        spec,
        Some(json!({"taints": [
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2026-11-22T12:00:00Z"},
            {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}))
    );
    let (_, spec) = node_patch(&known(), &NodeChange { taints: Some(vec![unregistered()]), ..change() });
    assert_eq!(spec, Some(json!({"taints": [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]})));
}

#[test]
fn finalizers_and_owners_of_others_stay() {
    let (metadata, _) = node_patch(&known(), &NodeChange { held: Some(true), owner: Some(target("c")), ..change() });
    assert_eq!(metadata["finalizers"], json!(["other", "karpenter.sh/termination"]));
    assert_eq!(
        metadata["ownerReferences"],
        json!([{"uid": "uid-else", "kind": "Machine"},
            {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "name": "c", "uid": "uid-c", "blockOwnerDeletion": true}])
    );
    let mut held = known();
    held["metadata"]["finalizers"] = json!(["karpenter.sh/termination", "other"]);
    let (metadata, _) = node_patch(&held, &NodeChange { held: Some(false), ..change() });
    assert_eq!(metadata["finalizers"], json!(["other"]));
    let (metadata, _) = node_patch(&held, &NodeChange { held: Some(true), ..change() });
    assert_eq!(metadata.get("finalizers"), None);
}

#[test]
fn an_object_that_nothing_holds_is_gone() {
    let mut claim = json!({"metadata": {"name": "a", "uid": "u", "deletionTimestamp": "2026-11-22T12:00:00Z"},
        "spec": {"requirements": [], "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}}});
    assert!(matches!(written(Kind::NodeClaim, claim.clone()), Wrote::Nothing));
    claim["metadata"]["finalizers"] = json!(["x"]);
    assert!(matches!(written(Kind::NodeClaim, claim.clone()), Wrote::Claim(_)));
    assert!(matches!(written(Kind::Node, claim), Wrote::Node(_)));
    assert!(matches!(written(Kind::NodeClaim, json!({"kind": "Status"})), Wrote::Nothing));
}
