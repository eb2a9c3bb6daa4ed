//! Whatever JSON comes, there is a verdict, and what is admitted can be read.

use super::{node_claim, node_class, node_pool, provisioner, template, with};
use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::api::{self, admit, validate_update};

/// Any JSON, with the words of our objects among its keys and texts.
fn anything() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "spec",
        "template",
        "metadata",
        "labels",
        "requirements",
        "key",
        "operator",
        "values",
        "In",
        "Gt",
        "minValues",
        "disruption",
        "budgets",
        "schedule",
        "duration",
        "nodes",
        "kubelet",
        "evictionSoft",
        "memory.available",
        "tags",
        "alias",
        "amiSelectorTerms",
        "al2@latest",
        "provider",
        "subnetSelector",
        "aws-ids",
        "1h",
        "Never",
        "10%",
        "* * * * *",
        "9223372036854775808",
        "\u{0}",
        "é",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Every place of an object, as a JSON pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, inner)| places(inner, &format!("{at}/{}", key.replace('/', "~1")), found));
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| places(inner, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

/// Whether an object that was admitted without error reads as the typed one.
fn reads(kind: &str, object: Value) -> Result<(), serde_json::Error> {
    match kind {
        "NodePool" => serde_json::from_value::<api::NodePool>(object).map(drop),
        "NodeClaim" => serde_json::from_value::<api::NodeClaim>(object).map(drop),
        "EC2NodeClass" => serde_json::from_value::<api::EC2NodeClass>(object).map(drop),
        "Provisioner" => serde_json::from_value::<api::Provisioner>(object).map(drop),
        "NodeOverlay" => serde_json::from_value::<api::NodeOverlay>(object).map(drop),
        _ => serde_json::from_value::<api::AWSNodeTemplate>(object).map(drop),
    }
}

fn judge(version: &str, kind: &str, object: &Value) {
    let admission = admit(version, kind, object).unwrap();
    if !admission.findings.iter().any(api::FieldError::is_error) {
        let read = reads(kind, admission.object);
        assert!(read.is_ok(), "{object} was admitted as {kind}, but {read:?}");
    }
}

/// The bases, filled out so that changes reach deep.
fn rich() -> Vec<Value> {
    let pool = with(
        node_pool(),
        "/spec/disruption",
        json!({ "budgets": [{ "nodes": "1", "schedule": "@daily", "duration": "1h", "reasons": ["Empty"] }] }),
    );
    let pool = with(
        pool,
        "/spec/template/spec/taints",
        json!([{ "key": "a", "effect": "NoSchedule", "timeAdded": "2024-01-31T12:00:00Z" }]),
    );
    let pool = with(pool, "/spec/limits", json!({ "cpu": 1 }));
    let pool = with(
        pool,
        "/status",
        json!({ "nodes": 1, "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2024-01-31T12:00:00Z" }] }),
    );
    let class = with(
        node_class(),
        "/spec/kubelet",
        json!({ "maxPods": 1, "kubeReserved": { "cpu": 1 }, "evictionHard": { "memory.available": "5%" }, "x": [1] }),
    );
    let class =
        with(class, "/spec/blockDeviceMappings", json!([{ "ebs": { "volumeSize": "1Gi", "iops": 1, "volumeType": "gp3" } }]));
    let class = with(
        class,
        "/spec/networkInterfaces",
        json!([{ "networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface" }]),
    );
    let class = with(class, "/spec/tags", json!({ "a": "b" }));
    let old = with(provisioner(), "/spec/kubeletConfiguration", json!({ "maxPods": 1, "evictionMaxPodGracePeriod": 1 }));
    let old = with(old, "/spec/requirements", json!([{ "key": "a", "operator": "In", "values": ["b"] }]));
    vec![
        pool,
        node_claim(),
        class,
        old,
        with(template(), "/spec/blockDeviceMappings", json!([{ "deviceName": "a", "ebs": { "volumeSize": 1 } }])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_json_gets_a_verdict(object in anything()) {
        for base in rich() {
            judge(base["apiVersion"].as_str().unwrap(), base["kind"].as_str().unwrap(), &object);
        }
    }

    #[test]
    fn any_change_of_an_object_gets_a_verdict(which in 0..5_usize, place in any::<prop::sample::Index>(), value in anything()) {
        let base = rich().swap_remove(which);
        let (version, kind) = (base["apiVersion"].as_str().unwrap().to_owned(), base["kind"].as_str().unwrap().to_owned());
        let mut all = Vec::new();
        places(&base, "", &mut all);
        let mut changed = base.clone();
        *changed.pointer_mut(&all[place.index(all.len())]).unwrap() = value;
        judge(&version, &kind, &changed);
        validate_update(&version, &kind, &changed, &base).unwrap();
    }
}
