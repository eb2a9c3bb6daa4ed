use super::{pod_spec, selects};
use crate::manifest::field::decode;
use serde_json::{Value, json};

/// The findings on a pod with one container, `extra` added to its spec.
fn findings(extra: &Value) -> Vec<String> {
    let mut spec = json!({"containers": [{"name": "a"}]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let mut found = Vec::new();
    let spec = decode(spec, "spec", &mut found).unwrap();
    pod_spec(&spec, "spec", &mut found);
    found.iter().map(|one| format!("{}: {}", one.field, one.message)).collect()
}

#[test]
fn good_pods_have_no_findings() {
    for spec in [
        json!({}),
        json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1000m", "nvidia.com/gpu": 1}}}]}),
        json!({"tolerations": [{"operator": "Exists"}, {"key": "a"}, {"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 3}]}),
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}, {"matchExpressions": [
            {"key": "a", "operator": "Gt", "values": ["-3"]}, {"key": "b", "operator": "Exists"}]}]}}}}),
        json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}]}),
        json!({"hostNetwork": true, "containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "UDP"}]}]}),
    ] {
        assert_eq!(findings(&spec), Vec::<String>::new());
    }
}

#[test]
fn containers_and_resources() {
    for (spec, expected) in [
        (json!({"containers": []}), "spec.containers: a pod needs at least one container"),
        (json!({"initContainers": [{"name": "a"}]}), "spec.containers[0].name: two containers are named \"a\""),
        (json!({"containers": [{"name": "A"}]}), "spec.containers[0].name: \"A\" must be at most 63"),
        (json!({"containers": [{}]}), "spec.containers[0].name: \"\" must be"),
        (
            json!({"initContainers": [{"name": "b", "restartPolicy": "always"}]}),
            "spec.initContainers[0].restartPolicy: \"always\" is none",
        ),
        (json!({"overhead": {"cpu": "-1"}}), "spec.overhead.cpu: \"-1\" is negative"),
        (
            json!({"resources": {"requests": {"nvidia.com/gpu": 1}}}),
            "spec.resources.requests[nvidia.com/gpu]: \"nvidia.com/gpu\" is no resource here",
        ),
    ] {
        let found = findings(&spec);
        assert!(found.iter().any(|one| one.starts_with(expected)), "{expected}: {found:?}");
    }
    let requests = "spec.containers[0].resources.requests";
    for (resources, expected) in [
        (json!({"requests": {"cpu": "1 "}}), format!("{requests}.cpu: \"1 \" is not a quantity")),
        (json!({"requests": {"cpu": "-1"}}), format!("{requests}.cpu: \"-1\" is negative")),
        (json!({"requests": {"cpu": 1e18}}), format!("{requests}.cpu: \"1000000000000000000\" is too large")),
        (
            json!({"requests": {"cpu": "1001m"}, "limits": {"cpu": 1}}),
            format!("{requests}.cpu: the request of 1001m exceeds the limit of 1"),
        ),
        (json!({"requests": {"gpu": 1}}), format!("{requests}.gpu: \"gpu\" is no resource here")),
        (json!({"requests": {"a.b/c": 1}}), format!("{requests}[a.b/c]: needs a limit of the same amount")),
        (json!({"requests": {"a.b/c": 1}, "limits": {"a.b/c": 2}}), format!("{requests}[a.b/c]: must equal the limit")),
        (json!({"limits": {"a.b/c": "1500m"}}), "spec.containers[0].resources.limits[a.b/c]: must be a whole number".into()),
    ] {
        let found = findings(&json!({"containers": [{"name": "a", "resources": resources}]}));
        assert!(found.iter().any(|one| one.starts_with(&expected)), "{expected}: {found:?}");
    }
}

#[test]
fn ports() {
    for (ports, expected) in [
        (json!([{"containerPort": 0}]), "ports[0].containerPort: 0 is no port"),
        (json!([{"containerPort": 1, "hostPort": 70000}]), "ports[0].hostPort: 70000 is no port"),
        (json!([{"containerPort": 1, "protocol": "tcp"}]), "ports[0].protocol: \"tcp\" is none"),
        (json!([{"containerPort": 1, "hostIP": "x"}]), "ports[0].hostIP: \"x\" is no IP"),
        (
            json!([{"containerPort": 1, "hostPort": 1}, {"containerPort": 2, "hostPort": 1}]),
            "ports[1].hostPort: 1/TCP is taken twice",
        ),
    ] {
        let found = findings(&json!({"containers": [{"name": "a", "ports": ports}]}));
        assert!(found.len() == 1 && found[0].starts_with(&format!("spec.containers[0].{expected}")), "{expected}: {found:?}");
    }
}

#[test]
fn tolerations_and_spread() {
    for (spec, expected) in [
        (json!({"tolerations": [{}]}), "spec.tolerations[0].operator: must be Exists when the key is empty"),
        (json!({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}), "spec.tolerations[0].value: must be empty"),
        (json!({"tolerations": [{"key": "a", "operator": "exists"}]}), "spec.tolerations[0].operator: \"exists\" is neither"),
        (
            json!({"tolerations": [{"key": "a", "operator": "Gt", "value": "1"}]}),
            "spec.tolerations[0].operator: Gt is not supported",
        ),
        (json!({"tolerations": [{"key": "a", "effect": "Never"}]}), "spec.tolerations[0].effect: \"Never\" is none"),
        (json!({"tolerations": [{"key": "a", "tolerationSeconds": 1}]}), "spec.tolerations[0].effect: must be NoExecute"),
        (json!({"tolerations": [{"key": "a b"}]}), "spec.tolerations[0].key: \"a b\" must be"),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}]}),
            "spec.topologySpreadConstraints[0].maxSkew: 0 is less than 1",
        ),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "", "whenUnsatisfiable": "ScheduleAnyway"}]}),
            "spec.topologySpreadConstraints[0].topologyKey",
        ),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "x"}]}),
            "spec.topologySpreadConstraints[0].whenUnsatisfiable",
        ),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 1}]}),
            "spec.topologySpreadConstraints[0].minDomains: needs",
        ),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "matchLabelKeys": ["x"]}]}),
            "spec.topologySpreadConstraints[0].matchLabelKeys: needs",
        ),
    ] {
        let found = findings(&spec);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:?}");
    }
}

#[test]
fn selectors_and_affinity() {
    for (expression, expected) in [
        (json!({"key": "a", "operator": "In", "values": []}), "values: In needs at least one value"),
        (json!({"key": "a", "operator": "Exists", "values": ["b"]}), "values: Exists takes no values"),
        (json!({"key": "a", "operator": "Gt", "values": ["1.5"]}), "values: Gt needs exactly one integer"),
        (json!({"key": "a", "operator": "Lt", "values": ["99999999999999999999"]}), "values: Lt needs exactly one integer"),
        (json!({"key": "a", "operator": "Lt"}), "values: Lt needs exactly one integer"),
        (json!({"key": "a", "operator": "Near", "values": ["1"]}), "operator: \"Near\" is none of"),
        (json!({"operator": "Exists"}), "key: \"\" must be"),
        (json!({"key": "a", "operator": "In", "values": ["x y"]}), "values[0]: \"x y\" must be"),
    ] {
        let found = findings(&json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}}}));
        let at =
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0]";
        assert!(found.len() == 1 && found[0].starts_with(&format!("{at}.{expected}")), "{expected}: {found:?}");
    }
    for (affinity, expected) in [
        (
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}),
            "needs at least one term",
        ),
        (
            json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}]}}}),
            "matchFields is not supported",
        ),
        (
            json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 0, "preference": {}}]}}),
            "0 is not between",
        ),
        (json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}), "\"\" must be a name"),
        (
            json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "a", "labelSelector":
                {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}}]}}),
            "\"Gt\" is none of In, NotIn, Exists, DoesNotExist",
        ),
    ] {
        let found = findings(&json!({"affinity": affinity}));
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    assert!(findings(&json!({"nodeSelector": {"a b": "c"}}))[0].starts_with("spec.nodeSelector.a b: the key \"a b\" must"));
}

#[test]
fn selects_by_labels() {
    let labels = serde_json::from_value(json!({"a": "1"})).unwrap();
    for (selector, expected) in [
        (json!({}), true),
        (json!({"matchLabels": {"a": "1"}}), true),
        (json!({"matchLabels": {"a": "2"}}), false),
        (json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}), true),
        (json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}), false),
        (json!({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}), true),
        (json!({"matchExpressions": [{"key": "b", "operator": "Exists"}]}), false),
        (json!({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}), true),
    ] {
        assert_eq!(selects(&serde_json::from_value(selector.clone()).unwrap(), Some(&labels)), expected, "{selector}");
    }
    assert!(!selects(&serde_json::from_value(json!({"matchLabels": {"a": "1"}})).unwrap(), None));
}
