//! NodePools and NodeClaims: fields, requirements, budgets, taints, and which changes are allowed.
#![allow(clippy::too_many_lines)] // Tables of cases are long and read well.

use super::{accepted, errors, node_claim, node_pool, refused, warnings, with};
use serde_json::{Value, json};
use windlass::api::validate_update;

const REQUIREMENT: &str = "/spec/template/spec/requirements/0";

#[test]
fn node_pool_fields() {
    let duration = "must be a duration such as 30s, 5m or 1h30m, or Never";
    refused(
        node_pool,
        &[
            ("/spec/template", json!(null), "spec.template: Required value"),
            ("/metadata/name", json!(null), "metadata.name: Required value: name is required"),
            (
                "/metadata/name",
                json!("Big"),
                "metadata.name: Invalid value: \"Big\": must be a lowercase DNS name: letters, digits, '-' and '.', at most 253, beginning and ending with a letter or digit",
            ),
            ("/spec/weight", json!(0), "spec.weight: Invalid value: 0: must be greater than or equal to 1"),
            (
                "/spec/weight",
                json!(2_147_483_648_u64),
                "spec.weight: Invalid value: 2147483648: must be less than or equal to 100",
            ),
            ("/spec/weight", json!("10"), "spec.weight: Invalid value: \"10\": must be an integer, is a string"),
            ("/spec/weight", json!(1.5), "spec.weight: Invalid value: 1.5: must be an integer, is a number with a fraction"),
            (
                "/spec/disruption/consolidateAfter",
                json!("1hr"),
                &format!("spec.disruption.consolidateAfter: Invalid value: \"1hr\": {duration}"),
            ),
            (
                "/spec/template/spec/expireAfter",
                json!("-1h"),
                &format!("spec.template.spec.expireAfter: Invalid value: \"-1h\": {duration}"),
            ),
            (
                "/spec/template/spec/expireAfter",
                json!("99999999999h"),
                "spec.template.spec.expireAfter: Invalid value: \"99999999999h\" is longer than 292 years: write Never instead",
            ),
            (
                "/spec/template/spec/expireAfter",
                json!(720),
                "spec.template.spec.expireAfter: Invalid value: 720: must be a string, is an integer (put it in quotes?)",
            ),
            (
                "/spec/disruption/consolidationPolicy",
                json!("WhenUnderutilized"),
                "spec.disruption.consolidationPolicy: Unsupported value: \"WhenUnderutilized\": supported values: \"WhenEmpty\", \"WhenEmptyOrUnderutilized\", \"Balanced\"",
            ),
            (
                "/spec/limits/cpu",
                json!("lots"),
                "spec.limits[cpu]: Invalid value: \"lots\": must be a quantity such as 500m, 2 or 10Gi",
            ),
            ("/spec/limits/cpu", json!("-1"), "spec.limits[cpu]: Invalid value: \"-1\" is negative; expected zero or more"),
            (
                "/spec/limits/memory",
                json!("9223372036854775808Ei"),
                "spec.limits[memory]: Invalid value: \"9223372036854775808Ei\" is too large to count",
            ),
            (
                "/spec/limits/cpu",
                json!(0.5),
                "spec.limits[cpu]: Invalid value: 0.5: must be a string or an integer, is a number with a fraction (put it in quotes?)",
            ),
            (
                "/spec/template/spec/nodeClassRef/name",
                json!(""),
                "spec.template.spec.nodeClassRef.name: Invalid value: name may not be empty",
            ),
            (
                "/spec/template/spec/nodeClassRef/kind",
                json!("KWOKNodeClass"),
                "spec.template.spec.nodeClassRef: Unsupported value: karpenter.k8s.aws/KWOKNodeClass: only karpenter.k8s.aws/EC2NodeClass is supported",
            ),
            (
                "/spec/template/metadata/labels",
                json!({ "karpenter.sh/x": "y" }),
                "spec.template.metadata.labels: Invalid value: label domain \"karpenter.sh\" is restricted",
            ),
            (
                "/spec/template/metadata/labels",
                json!({ "kubernetes.io/hostname": "y" }),
                "spec.template.metadata.labels: Invalid value: label \"kubernetes.io/hostname\" is restricted",
            ),
            (
                "/spec/template/metadata/labels",
                json!({ "karpenter.sh/nodepool": "y" }),
                "spec.template.metadata.labels: Invalid value: label \"karpenter.sh/nodepool\" is restricted",
            ),
            (
                "/spec/template/metadata/labels",
                json!({ "a": true }),
                "spec.template.metadata.labels[a]: Invalid value: true: must be a string, is a boolean (put it in quotes?)",
            ),
        ],
    );
    accepted(
        node_pool,
        &[
            ("/spec/weight", json!(100)),
            ("/spec/weight", json!(10.0)),
            ("/spec/limits", json!({ "cpu": 1000, "memory": "1000Gi", "nodes": "0", "nvidia.com/gpu": 8 })),
            ("/spec/template/spec/expireAfter", json!("Never")),
            ("/spec/template/spec/terminationGracePeriod", json!("1h30m")),
            (
                "/spec/template/metadata/labels",
                json!({ "karpenter.sh/capacity-type": "spot", "example.com/team": "a", "mykarpenter.sh/x": "" }),
            ),
        ],
    );
    let zero = warnings(&with(node_pool(), "/spec/template/spec/expireAfter", json!("0s")));
    assert_eq!(
        zero,
        ["spec.template.spec.expireAfter: 0 makes every node expire as soon as it exists; write Never to keep nodes"]
    );
}

#[test]
fn requirements() {
    let at = "spec.template.spec.requirements[0]";
    let numeric = format!(
        "{at}.values: Invalid value: requirements operator 'Gt', 'Lt', 'Gte', or 'Lte' must have a single non-negative integer value"
    );
    let numbers = |values: Value| json!({ "key": "karpenter.k8s.aws/instance-cpu", "operator": "Gt", "values": values });
    refused(
        node_pool,
        &[
            (
                REQUIREMENT,
                json!({ "key": "a", "operator": "In" }),
                &format!("{at}.values: Invalid value: requirements with operator 'In' must have a value defined"),
            ),
            (
                REQUIREMENT,
                json!({ "key": "a", "operator": "in", "values": ["b"] }),
                &format!(
                    "{at}.operator: Unsupported value: \"in\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", \"Lt\", \"Gte\", \"Lte\" (did you mean \"In\"?)"
                ),
            ),
            (REQUIREMENT, numbers(json!(["4.5"])), &numeric),
            (REQUIREMENT, numbers(json!(["1", "2"])), &numeric),
            (REQUIREMENT, numbers(json!(["99999999999999999999"])), &numeric),
            (REQUIREMENT, numbers(json!([])), &numeric),
            (
                REQUIREMENT,
                json!({ "key": "a", "operator": "In", "values": ["b"], "minValues": 2 }),
                &format!(
                    "{at}.minValues: Invalid value: requirements with 'minValues' must have at least that many values specified in the 'values' field"
                ),
            ),
            (
                REQUIREMENT,
                json!({ "key": "a", "operator": "Exists", "minValues": 51 }),
                &format!("{at}.minValues: Invalid value: 51: must be less than or equal to 50"),
            ),
            (
                REQUIREMENT,
                json!({ "key": "a", "operator": "Exists", "values": ["b"] }),
                &format!(
                    "{at}.values: Invalid value: requirements with operator 'Exists' or 'DoesNotExist' must not have values"
                ),
            ),
            (
                REQUIREMENT,
                json!({ "key": "karpenter.k8s.aws/speed", "operator": "Exists" }),
                &format!("{at}.key: Invalid value: label domain \"karpenter.k8s.aws\" is restricted"),
            ),
            (
                REQUIREMENT,
                json!({ "key": "kubernetes.io/hostname", "operator": "Exists" }),
                &format!("{at}.key: Invalid value: label \"kubernetes.io/hostname\" is restricted"),
            ),
            (
                REQUIREMENT,
                json!({ "key": "karpenter.sh/nodepool", "operator": "Exists" }),
                "spec.template.spec.requirements: Invalid value: label \"karpenter.sh/nodepool\" is restricted",
            ),
            (
                REQUIREMENT,
                json!({ "key": "a\u{0}", "operator": "Exists" }),
                &format!(
                    "{at}.key: Invalid value: \"a\\u0000\": must be a qualified name: an optional DNS prefix and '/', then letters, digits, '-', '_' or '.'"
                ),
            ),
            (
                REQUIREMENT,
                json!({ "key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spott"] }),
                &format!(
                    "{at}.values: Invalid value: [\"spott\"]: 1 of [\"on-demand\", \"reserved\", \"spot\"] needed for karpenter.sh/capacity-type, 0 found"
                ),
            ),
            (REQUIREMENT, json!({ "operator": "Exists" }), &format!("{at}.key: Required value")),
        ],
    );
    accepted(
        node_pool,
        &[
            (REQUIREMENT, numbers(json!(["0"]))),
            (
                REQUIREMENT,
                json!({ "key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["c6g", "m6g"], "minValues": 2 }),
            ),
            (REQUIREMENT, json!({ "key": "topology.k8s.aws/zone-id", "operator": "NotIn", "values": ["usw2-az4"] })),
            (REQUIREMENT, json!({ "key": "example.com/team", "operator": "DoesNotExist" })),
        ],
    );
    let negative = errors(&with(node_pool(), REQUIREMENT, numbers(json!(["-1"]))));
    assert!(negative.contains(&numeric) && negative.len() == 2, "{negative:?}");
    let many: Vec<Value> = (0..101).map(|index| json!({ "key": format!("k{index}"), "operator": "Exists" })).collect();
    let message = "spec.template.spec.requirements: Too many: 101: must have at most 100 items";
    refused(node_pool, &[("/spec/template/spec/requirements", json!(many), message)]);
}

#[test]
fn budgets() {
    let at = "spec.disruption.budgets[0]";
    let nodes = |value: &str| format!("{at}.nodes: Invalid value: \"{value}\": should match '^((100|[0-9]{{1,2}})%|[0-9]+)$'");
    let both = format!("{at}: Invalid value: 'schedule' must be set with 'duration'");
    refused(
        node_pool,
        &[
            ("/spec/disruption/budgets", json!([{ "nodes": "101%" }]), &nodes("101%")),
            ("/spec/disruption/budgets", json!([{ "nodes": "-1" }]), &nodes("-1")),
            (
                "/spec/disruption/budgets",
                json!([{ "nodes": "2147483648" }]),
                &format!("{at}.nodes: Invalid value: \"2147483648\": must be at most 2147483647"),
            ),
            ("/spec/disruption/budgets", json!([{ "nodes": "1", "schedule": "@daily" }]), &both),
            ("/spec/disruption/budgets", json!([{ "nodes": "1", "duration": "1h" }]), &both),
            (
                "/spec/disruption/budgets",
                json!([{ "nodes": "1", "schedule": "@daily", "duration": "30s" }]),
                &format!(
                    "{at}.duration: Invalid value: \"30s\": must be a duration of hours and minutes such as 8h, 30m or 1h30m"
                ),
            ),
            (
                "/spec/disruption/budgets",
                json!([{ "nodes": "1", "reasons": ["Expired"] }]),
                &format!(
                    "{at}.reasons[0]: Unsupported value: \"Expired\": supported values: \"Underutilized\", \"Empty\", \"Drifted\""
                ),
            ),
            (
                "/spec/disruption/budgets",
                json!([{ "nodes": "1", "reasons": ["Empty", "Empty"] }]),
                &format!("{at}.reasons[1]: Duplicate value: \"Empty\""),
            ),
        ],
    );
    for schedule in ["61 * * * *", "* * * * mun", "0 0 31 2 x"] {
        let found = errors(&with(
            node_pool(),
            "/spec/disruption/budgets",
            json!([{ "nodes": "1", "schedule": schedule, "duration": "1h" }]),
        ));
        assert_eq!(found.len(), 1, "{schedule}: {found:?}");
        assert!(
            found[0].starts_with(&format!("{at}.schedule: Invalid value: \"{schedule}\": is no cron schedule: ")),
            "{found:?}"
        );
    }
    accepted(
        node_pool,
        &[
            (
                "/spec/disruption/budgets",
                json!([{ "nodes": "0%" }, { "nodes": "0", "schedule": "0 9 * * mon-fri", "duration": "8h0m0s" }]),
            ),
            (
                "/spec/disruption/budgets",
                json!([{}, { "nodes": "5", "schedule": "@hourly", "duration": "30m", "reasons": ["Drifted"] }]),
            ),
            ("/spec/disruption/budgets", json!([])),
        ],
    );
}

#[test]
fn static_pools_and_taints() {
    let fixed = || with(node_pool(), "/spec/replicas", json!(3));
    refused(
        fixed,
        &[
            (
                "/spec/limits",
                json!({ "cpu": 10 }),
                "spec.limits: Invalid value: only 'limits.nodes' is supported on static NodePools",
            ),
            ("/spec/weight", json!(1), "spec.weight: Invalid value: 'weight' is not supported on static NodePools"),
            ("/spec/replicas", json!(-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ],
    );
    accepted(fixed, &[("/spec/limits", json!({ "nodes": 5 }))]);
    let taint = |key: &str, effect: &str| json!({ "key": key, "value": "x", "effect": effect });
    let both = with(node_pool(), "/spec/template/spec/taints", json!([taint("a", "NoSchedule"), taint("a", "NoExecute")]));
    assert_eq!(errors(&both), [""; 0]);
    let twice = with(both, "/spec/template/spec/startupTaints", json!([taint("a", "NoExecute")]));
    assert_eq!(errors(&twice), ["spec.template.spec.startupTaints[0]: Duplicate value: taint a:NoExecute is there twice"]);
    refused(
        node_pool,
        &[(
            "/spec/template/spec/taints",
            json!([taint("a", "Evict")]),
            "spec.template.spec.taints[0].effect: Unsupported value: \"Evict\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
        )],
    );
}

#[test]
fn changes() {
    let change = |base: Value, pointer: &str, value: Value| -> Vec<String> {
        let (version, kind) = (base["apiVersion"].as_str().unwrap().to_owned(), base["kind"].as_str().unwrap().to_owned());
        let new = with(base.clone(), pointer, value);
        validate_update(&version, &kind, &new, &base)
            .unwrap()
            .iter()
            .filter(|finding| finding.is_error())
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(change(node_claim(), "/spec/expireAfter", json!("1h")), ["spec: Invalid value: spec is immutable"]);
    assert_eq!(change(node_claim(), "/spec/expireAfter", json!("720h")), [""; 0], "the default written out is no change");
    assert_eq!(
        change(node_pool(), "/spec/replicas", json!(1)),
        ["spec: Invalid value: cannot change between static (replicas set) and dynamic (replicas unset) provisioning"]
    );
    let group = change(node_pool(), "/spec/template/spec/nodeClassRef/group", json!("example.com"));
    assert!(
        group.contains(&"spec.template.spec.nodeClassRef: Invalid value: nodeClassRef.group is immutable".to_owned()),
        "{group:?}"
    );
    assert_eq!(change(node_pool(), "/spec/template/spec/nodeClassRef/name", json!("other")), [""; 0]);
}
