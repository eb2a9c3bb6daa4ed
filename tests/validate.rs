//! The API server's verdict offline: what is refused, with path and message, what is accepted, and that nothing panics.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.
#![allow(clippy::too_many_lines)] // Tables of cases are long and read well.

use proptest::prelude::*;
use serde_json::{Value, json};
use windlass::api::{self, Reason, admit, validate, validate_update};

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

const REQUIREMENT: &str = "/spec/template/spec/requirements/0";

#[test]
fn bases_are_accepted() {
    for base in [node_pool, node_claim, node_class, provisioner, template] {
        assert_eq!(errors(&base()), [""; 0]);
        assert_eq!(warnings(&base()), [""; 0]);
    }
    assert!(validate("v1", "Pod", &json!({})).is_none() && validate("karpenter.sh/v1beta1", "NodePool", &json!({})).is_none());
}

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

#[test]
fn node_class_selectors() {
    let alias = "'alias' is mutually exclusive, cannot be set with a combination of other fields in a selector term";
    refused(
        node_class,
        &[
            (
                "/spec/subnetSelectorTerms",
                json!([]),
                "spec.subnetSelectorTerms: Invalid value: subnetSelectorTerms cannot be empty",
            ),
            (
                "/spec/subnetSelectorTerms/0",
                json!({}),
                "spec.subnetSelectorTerms[0]: Invalid value: expected at least one, got none, ['tags', 'id']",
            ),
            (
                "/spec/subnetSelectorTerms/0/id",
                json!("subnet-1"),
                "spec.subnetSelectorTerms[0]: Invalid value: 'id' is mutually exclusive, cannot be set with a combination of other fields in a selector term",
            ),
            (
                "/spec/subnetSelectorTerms/0",
                json!({ "id": "net-1" }),
                "spec.subnetSelectorTerms[0].id: Invalid value: \"net-1\": should match '^subnet-[0-9a-z]+$'",
            ),
            (
                "/spec/subnetSelectorTerms/0/tags",
                json!({ "a": "" }),
                "spec.subnetSelectorTerms[0].tags: Invalid value: empty tag keys or values aren't supported",
            ),
            (
                "/spec/amiSelectorTerms",
                json!([{ "alias": "al2023@latest" }, { "id": "ami-1" }]),
                "spec.amiSelectorTerms: Invalid value: 'alias' is mutually exclusive, cannot be set with other amiSelectorTerms",
            ),
            (
                "/spec/amiSelectorTerms/0",
                json!({ "alias": "al2023@latest", "owner": "self" }),
                &format!("spec.amiSelectorTerms[0]: Invalid value: {alias}"),
            ),
            (
                "/spec/amiSelectorTerms/0/alias",
                json!("al2023"),
                "spec.amiSelectorTerms[0].alias: Invalid value: 'alias' is improperly formatted, must match the format 'family@version'",
            ),
            (
                "/spec/amiSelectorTerms/0/alias",
                json!("windows2022@v1"),
                "spec.amiSelectorTerms[0].alias: Invalid value: windows families may only specify version 'latest'",
            ),
            (
                "/spec/amiSelectorTerms/0",
                json!({ "id": "ami-1" }),
                "spec.amiFamily: Invalid value: must specify amiFamily if amiSelectorTerms does not contain an alias",
            ),
            (
                "/spec/amiFamily",
                json!("AL2"),
                "spec.amiFamily: Invalid value: if set, amiFamily must be 'AL2023' or 'Custom' when using an al2023 alias",
            ),
            ("/spec/role", json!(null), "spec: Invalid value: must specify exactly one of ['role', 'instanceProfile']"),
            ("/spec/instanceProfile", json!("p"), "spec: Invalid value: must specify exactly one of ['role', 'instanceProfile']"),
            ("/spec/role", json!(""), "spec.role: Invalid value: role cannot be empty"),
            (
                "/spec/placementGroupSelector",
                json!({ "name": "a", "id": "pg-1" }),
                "spec.placementGroupSelector: Invalid value: 'name' and 'id' are mutually exclusive",
            ),
            (
                "/spec/capacityReservationSelectorTerms",
                json!([{ "id": "cr-1", "ownerID": "123456789012" }]),
                "spec.capacityReservationSelectorTerms[0]: Invalid value: 'id' is mutually exclusive, cannot be set with a combination of other fields in a selector term",
            ),
        ],
    );
    accepted(
        node_class,
        &[
            ("/spec/amiFamily", json!("Custom")),
            ("/spec/amiFamily", json!("AL2023")),
            ("/spec/amiSelectorTerms/0/alias", json!("bottlerocket@v1.20.0")),
        ],
    );
}

#[test]
fn node_class_settings() {
    let tags = |count: usize| -> Value {
        (0..count).map(|index| (format!("k{index}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let interface =
        |card: i64, device: i64, kind: &str| json!({ "networkCardIndex": card, "deviceIndex": device, "interfaceType": kind });
    refused(
        node_class,
        &[
            ("/spec/tags", tags(51), "spec.tags: Too many: 51: must have at most 45 entries"),
            (
                "/spec/tags",
                json!({ "kubernetes.io/cluster/x": "owned" }),
                "spec.tags: Invalid value: tag contains a restricted tag matching kubernetes.io/cluster/",
            ),
            ("/spec/tags", json!({ "aws:x": "y" }), "spec.tags: Invalid value: tag contains a restricted tag matching aws:"),
            ("/spec/tags", json!({ "": "y" }), "spec.tags: Invalid value: empty tag keys aren't supported"),
            ("/spec/tags", json!({ "x".repeat(129): "y" }), "spec.tags: Invalid value: tag keys may have at most 128 characters"),
            ("/spec/tags", json!({ "a": "b\u{0}" }), "spec.tags[a]: Invalid value: tags must not have control characters"),
            (
                "/spec/userData",
                json!("x".repeat(16_385)),
                &format!("spec.userData: Too long: \"{}\"...: may not be longer than 16384 characters", "x".repeat(80)),
            ),
            ("/spec/userData", json!("é".repeat(10_000)), "spec.userData: Too long: 20000 bytes: EC2 takes at most 16384"),
            (
                "/spec/blockDeviceMappings",
                json!([{ "rootVolume": true }, { "rootVolume": true }]),
                "spec.blockDeviceMappings: Invalid value: must have only one blockDeviceMappings with rootVolume",
            ),
            (
                "/spec/blockDeviceMappings",
                json!([{ "ebs": {} }]),
                "spec.blockDeviceMappings[0].ebs: Invalid value: snapshotID or volumeSize must be defined",
            ),
            (
                "/spec/blockDeviceMappings",
                json!([{ "ebs": { "volumeSize": "20Gi", "volumeInitializationRate": 100 } }]),
                "spec.blockDeviceMappings[0].ebs: Invalid value: snapshotID must be set when volumeInitializationRate is set",
            ),
            (
                "/spec/kubelet",
                json!({ "evictionSoft": { "memory.available": "5%" } }),
                "spec.kubelet.evictionSoft: Invalid value: each key of evictionSoft needs one in evictionSoftGracePeriod",
            ),
            (
                "/spec/kubelet",
                json!({ "evictionSoftGracePeriod": { "memory.available": "1m" } }),
                "spec.kubelet.evictionSoftGracePeriod: Invalid value: each key of evictionSoftGracePeriod needs one in evictionSoft",
            ),
            (
                "/spec/kubelet",
                json!({ "kubeReserved": { "gpu": "1" } }),
                "spec.kubelet.kubeReserved: Invalid value: valid keys for kubeReserved are ['cpu','memory','ephemeral-storage','pid']",
            ),
            (
                "/spec/kubelet",
                json!({ "imageGCHighThresholdPercent": 50, "imageGCLowThresholdPercent": 50 }),
                "spec.kubelet: Invalid value: imageGCHighThresholdPercent must be greater than imageGCLowThresholdPercent",
            ),
            (
                "/spec/kubelet",
                json!({ "maxPods": -1 }),
                "spec.kubelet.maxPods: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "/spec/kubelet",
                json!({ "registerWithTaints": [] }),
                "spec.kubelet.registerWithTaints: Forbidden: use spec.template.spec.taints of the NodePool",
            ),
            (
                "/spec/metadataOptions",
                json!({ "httpPutResponseHopLimit": 65 }),
                "spec.metadataOptions.httpPutResponseHopLimit: Invalid value: 65: must be less than or equal to 64",
            ),
            (
                "/spec/connectionTracking",
                json!({}),
                "spec.connectionTracking: Invalid value: at least one of tcpEstablishedTimeout, udpStreamTimeout, or udpTimeout must be set",
            ),
            (
                "/spec/networkInterfaces",
                json!([interface(0, 1, "interface")]),
                "spec.networkInterfaces: Invalid value: networkInterfaces must include a primary interface with interfaceType='interface'",
            ),
            (
                "/spec/networkInterfaces",
                json!([interface(0, 0, "interface"), interface(0, 0, "efa-only")]),
                "spec.networkInterfaces: Invalid value: networkInterfaces must not have duplicate networkCardIndex and deviceIndex pairs",
            ),
            (
                "/spec/instanceStorePolicy",
                json!("RAID10"),
                "spec.instanceStorePolicy: Unsupported value: \"RAID10\": supported values: \"RAID0\" (did you mean \"RAID0\"?)",
            ),
        ],
    );
    accepted(
        node_class,
        &[
            ("/spec/tags", tags(45)),
            ("/spec/tags", json!({ "größe": "\u{202e}klein" })),
            (
                "/spec/blockDeviceMappings",
                json!([{ "deviceName": "/dev/xvda", "rootVolume": true, "ebs": { "volumeSize": "64T", "volumeType": "gp3" } }]),
            ),
            (
                "/spec/kubelet",
                json!({ "maxPods": 20, "systemReserved": { "cpu": "100m", "memory": "1Gi" }, "evictionHard": { "nodefs.available": "10.5%" } }),
            ),
        ],
    );
    let open = with(node_class(), "/spec/kubelet", json!({ "serializeImagePulls": false }));
    assert_eq!(errors(&open), [""; 0]);
    assert!(warnings(&open)[0].starts_with("spec.kubelet[serializeImagePulls]: is not modelled"), "{:?}", warnings(&open));
    let object = admit("karpenter.k8s.aws/v1", "EC2NodeClass", &open).unwrap().object;
    assert_eq!(object["spec"]["kubelet"]["serializeImagePulls"], false, "unknown settings are kept");
}

#[test]
fn predecessors() {
    let restricted = "label is restricted: use a well-known label, or one outside of kubernetes.io, k8s.io, karpenter.sh and karpenter.k8s.aws";
    refused(
        provisioner,
        &[
            ("/spec/provider", json!(null), "spec: Invalid value: must specify exactly one of ['provider', 'providerRef']"),
            (
                "/spec/ttlSecondsAfterEmpty",
                json!(-1),
                "spec.ttlSecondsAfterEmpty: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "/spec/labels",
                json!({ "karpenter.sh/provisioner-name": "x" }),
                &format!("spec.labels: Invalid value: {restricted}"),
            ),
            (
                "/spec/requirements",
                json!([{ "key": "topology.kubernetes.io/rack", "operator": "Exists" }]),
                &format!("spec.requirements[0].key: Invalid value: {restricted}"),
            ),
            (
                "/spec/requirements",
                json!([{ "key": "a", "operator": "Gte", "values": ["1"] }]),
                "spec.requirements[0].operator: Unsupported value: \"Gte\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", \"Lt\" (did you mean \"Gt\"?)",
            ),
            (
                "/spec/provider/subnetSelector",
                json!({ "aws-ids": "subnet-1", "a": "b" }),
                "spec.provider.subnetSelector: Invalid value: 'aws-ids' is mutually exclusive, cannot be set with other filters",
            ),
            (
                "/spec/provider/launchTemplate",
                json!("x"),
                "spec.provider: Invalid value: 'launchTemplate' and 'securityGroupSelector' are mutually exclusive",
            ),
        ],
    );
    let both =
        with(with(provisioner(), "/spec/consolidation", json!({ "enabled": true })), "/spec/ttlSecondsAfterEmpty", json!(0));
    assert_eq!(
        errors(&both),
        ["spec.ttlSecondsAfterEmpty: Invalid value: 'ttlSecondsAfterEmpty' and 'consolidation.enabled' are mutually exclusive"]
    );
    accepted(
        provisioner,
        &[
            (
                "/spec/labels",
                json!({ "karpenter.sh/capacity-type": "spot", "node.kubernetes.io/role": "x", "kops.k8s.io/x": "y", "team": "z" }),
            ),
            ("/spec/requirements", json!([{ "key": "beta.kubernetes.io/arch", "operator": "In", "values": ["arm64"] }])),
            ("/spec/ttlSecondsAfterEmpty", json!(0)),
        ],
    );
    refused(
        template,
        &[(
            "/spec/amiFamily",
            json!("Custom"),
            "spec.amiSelector: Invalid value: amiSelector is required with amiFamily 'Custom'",
        )],
    );
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
