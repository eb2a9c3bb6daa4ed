use super::read;
use serde_json::{Value, json};

/// The count, or the findings.
fn asked(kind: &str, spec: &Value) -> Result<u32, Vec<String>> {
    let mut found = Vec::new();
    let object = if kind == "PodTemplate" { json!({"template": spec}) } else { json!({"spec": spec}) };
    let asked = read(kind, object, &mut found);
    asked.map(|asked| asked.count).ok_or_else(|| found.iter().map(|one| format!("{}: {}", one.field, one.message)).collect())
}

fn with(field: &str, value: Value) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a"}]}}
    });
    spec[field] = value;
    spec
}

#[test]
fn counts_by_the_rules_of_each_kind() {
    let template = || json!({"spec": {"containers": [{"name": "a"}]}});
    for (kind, spec, expected) in [
        ("Deployment", with("replicas", json!(3)), 3),
        ("Deployment", with("replicas", json!(null)), 1),
        ("ReplicaSet", with("replicas", json!(0)), 0),
        ("StatefulSet", with("replicas", json!(150_000)), 150_000),
        ("DaemonSet", with("minReadySeconds", json!(1)), 1),
        ("Job", json!({"template": template()}), 1),
        ("Job", json!({"template": template(), "parallelism": 5}), 5),
        ("Job", json!({"template": template(), "parallelism": 5, "completions": 2}), 2),
        ("Job", json!({"template": template(), "suspend": true}), 0),
        ("CronJob", json!({"jobTemplate": {"spec": {"template": template(), "parallelism": 2}}}), 2),
        ("CronJob", json!({"suspend": true, "jobTemplate": {"spec": {"template": template()}}}), 0),
        ("PodTemplate", template(), 1),
    ] {
        assert_eq!(asked(kind, &spec), Ok(expected), "{kind} {spec}");
    }
}

#[test]
fn refuses_what_the_api_server_refuses() {
    for (kind, spec, expected) in [
        ("Deployment", with("replicas", json!(-1)), "spec.replicas: -1 is negative"),
        ("Deployment", with("replicas", json!(2_000_000_000)), "spec.replicas: 2000000000 pods are more than"),
        ("Deployment", with("replicas", json!("3")), "spec.replicas: invalid type: string \"3\", expected i32"),
        ("Deployment", with("selector", json!({})), "spec.selector: is missing or empty"),
        (
            "Deployment",
            with("selector", json!({"matchLabels": {"a": "c"}})),
            "spec.template.metadata.labels: spec.selector does not select",
        ),
        (
            "Deployment",
            with("template", json!({"metadata": {"labels": {"a": "b"}}})),
            "spec.template.spec.containers: a pod needs",
        ),
        ("StatefulSet", with("ordinals", json!({"start": -1})), "spec.ordinals.start: -1 is negative"),
        ("CronJob", json!({"jobTemplate": {"spec": {"parallelism": -1}}}), "spec.jobTemplate.spec.parallelism: -1 is negative"),
        ("CronJob", json!({}), "spec.jobTemplate.spec.template.spec.containers: a pod needs"),
        ("PodTemplate", json!({}), "template.spec.containers: a pod needs"),
        (
            "Job",
            json!({"completions": -1, "template": {"spec": {"containers": [{"name": "a"}]}}}),
            "spec.completions: -1 is negative",
        ),
    ] {
        let found = asked(kind, &spec).unwrap_err();
        assert!(found.iter().any(|one| one.starts_with(expected)), "{kind} {expected}: {found:?}");
    }
}

#[test]
fn claim_templates_stand_beside_the_pods_and_replace_volumes_of_their_name() {
    let mut spec = with("volumeClaimTemplates", json!([{"metadata": {"name": "disk"}}]));
    spec["template"]["spec"]["volumes"] = json!([
        {"name": "disk", "persistentVolumeClaim": {"claimName": "replaced"}}, {"name": "other", "persistentVolumeClaim": {"claimName": "kept"}}]);
    let asked = read("StatefulSet", json!({"spec": spec}), &mut Vec::new()).unwrap();
    let volumes: Vec<_> = asked.spec.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    assert_eq!((volumes, asked.claim_templates[0].metadata.name.as_deref()), (vec!["other"], Some("disk")));
    let nameless = read("StatefulSet", json!({"spec": with("volumeClaimTemplates", json!([{"metadata": {}}]))}), &mut Vec::new());
    assert!(nameless.is_none());
}
