//! The API server's verdict offline: what is refused, with path and message, what is accepted, and that nothing panics.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

mod any_json;
mod node_class;
mod node_overlay;
mod node_pool;
mod predecessors;

use serde_json::{Value, json};
use windlass::api::{self, Reason, admit, validate};

fn node_pool() -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": { "name": "default" },
        "spec": { "template": { "spec": {
            "nodeClassRef": { "group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default" },
            "requirements": [{ "key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"] }]
        } } }
    })
}

fn node_claim() -> Value {
    let template = node_pool()["spec"]["template"]["spec"].clone();
    json!({ "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": { "name": "default-1" }, "spec": template })
}

fn node_class() -> Value {
    json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": { "name": "default" },
        "spec": {
            "role": "Node",
            "amiSelectorTerms": [{ "alias": "al2023@latest" }],
            "subnetSelectorTerms": [{ "tags": { "a": "b" } }],
            "securityGroupSelectorTerms": [{ "id": "sg-1" }]
        }
    })
}

fn provisioner() -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1alpha5", "kind": "Provisioner", "metadata": { "name": "default" },
        "spec": { "provider": { "subnetSelector": { "a": "b" }, "securityGroupSelector": { "a": "b" } } }
    })
}

fn template() -> Value {
    json!({
        "apiVersion": "karpenter.k8s.aws/v1alpha1", "kind": "AWSNodeTemplate", "metadata": { "name": "default" },
        "spec": { "subnetSelector": { "a": "b" }, "securityGroupSelector": { "a": "b" } }
    })
}

/// The object with the value at the pointer, and with missing objects on the way; null removes.
fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let mut at = &mut object;
    let mut parts = pointer.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let part = part.replace("~1", "/");
        if parts.peek().is_none() && value.is_null() {
            at.as_object_mut().unwrap().remove(&part);
            return object;
        }
        at = if at.is_array() { &mut at[part.parse::<usize>().unwrap()] } else { &mut at[part] };
    }
    *at = value;
    object
}

fn errors(object: &Value) -> Vec<String> {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    validate(version, kind, object).unwrap().iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect()
}

fn warnings(object: &Value) -> Vec<String> {
    let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    validate(version, kind, object).unwrap().iter().filter(|finding| !finding.is_error()).map(ToString::to_string).collect()
}

/// Each change of the base is refused with exactly this message, and with no other.
fn refused(base: fn() -> Value, cases: &[(&str, Value, &str)]) {
    for (pointer, value, message) in cases {
        assert_eq!(errors(&with(base(), pointer, value.clone())), [*message], "{pointer} = {value}");
    }
}

fn accepted(base: fn() -> Value, cases: &[(&str, Value)]) {
    for (pointer, value) in cases {
        assert_eq!(errors(&with(base(), pointer, value.clone())), [""; 0], "{pointer} = {value}");
    }
}

#[test]
fn bases_are_accepted() {
    for base in [node_pool, node_claim, node_class, provisioner, template] {
        assert_eq!(errors(&base()), [""; 0]);
        assert_eq!(warnings(&base()), [""; 0]);
    }
    assert!(validate("v1", "Pod", &json!({})).is_none() && validate("karpenter.sh/v1beta1", "NodePool", &json!({})).is_none());
}

#[test]
fn unknown_fields_nulls_and_defaults() {
    let typo = with(node_pool(), "/spec/disruption/consolidateafter", json!("1m"));
    let message = "spec.disruption.consolidateafter: unknown field \"consolidateafter\", it has no effect, did you mean \"consolidateAfter\"?";
    assert_eq!((errors(&typo), warnings(&typo)), (vec![], vec![message.to_owned()]));
    let mut nulls = node_pool();
    nulls["spec"]["limits"] = Value::Null;
    nulls["spec"]["template"]["metadata"] = json!({ "labels": null });
    nulls["spec"]["disruption"] = json!({ "consolidateAfter": null });
    let admission = admit("karpenter.sh/v1", "NodePool", &nulls).unwrap();
    assert_eq!(admission.findings, []);
    let disruption =
        json!({ "consolidateAfter": "0s", "consolidationPolicy": "WhenEmptyOrUnderutilized", "budgets": [{ "nodes": "10%" }] });
    assert_eq!(
        (&admission.object["spec"]["disruption"], &admission.object["spec"]["template"]["spec"]["expireAfter"]),
        (&disruption, &json!("720h"))
    );
    let pool: api::NodePool = serde_json::from_value(admission.object).unwrap();
    assert_eq!(pool.spec.disruption.budgets[0].nodes, "10%");
    let wrong = validate("karpenter.sh/v1", "NodePool", &json!({ "metadata": { "name": "a" }, "spec": [] })).unwrap();
    assert_eq!(wrong.iter().map(|finding| finding.reason).collect::<Vec<_>>(), [Reason::Type]);
}
