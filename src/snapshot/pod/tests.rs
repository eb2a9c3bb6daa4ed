use super::{DefaultSpread, bound, pods};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Inventory, Options, Source, read};
use serde_json::{Value, json};
use std::sync::Arc;
use windlass_solver::{Feature, PodShape};

fn inventory(objects: &[Value]) -> Inventory {
    let text: String = objects.iter().map(ToString::to_string).collect();
    let inventory = read(&[Source::Stdin(text.into_bytes())], &Options::default()).unwrap();
    assert!(!inventory.diagnostics.iter().any(Diagnostic::is_error), "{:?}", inventory.diagnostics);
    inventory
}

fn pod(name: &str, extra: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "a", "resources": {"requests": {"cpu": 1}}}]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

/// The shape of one pod, and what was found.
fn shape(extra: &Value, others: &[Value]) -> (Option<Arc<PodShape>>, Vec<String>) {
    let all: Vec<Value> = others.iter().cloned().chain([pod("p", extra)]).collect();
    let (pods, found) = pods(&inventory(&all), &DefaultSpread::default());
    (pods.first().map(|pod| pod.shape.clone()), found.iter().map(ToString::to_string).collect())
}

#[test]
fn equal_pods_share_one_shape() {
    let (pods, found) = pods(
        &inventory(&[pod("a", &json!({})), pod("b", &json!({})), pod("c", &json!({"tolerations": []}))]),
        &DefaultSpread::default(),
    );
    assert_eq!((pods.len(), found.len()), (3, 0));
    assert!(Arc::ptr_eq(&pods[0].shape, &pods[2].shape));
    assert_eq!((pods[0].shape.requests.get("cpu"), pods[0].shape.requests.get("pods")), (1000, 1));
}

#[test]
fn selectors_affinity_and_tolerations_are_translated() {
    let (shape, found) = shape(
        &json!({
            "nodeSelector": {"failure-domain.beta.kubernetes.io/zone": "z", "team": "a"},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "x", "operator": "Gt", "values": ["3"]}, {"key": "beta.kubernetes.io/arch", "operator": "NotIn", "values": ["b", "a"]}]},
                {}
            ]}}},
            "tolerations": [{"operator": "Exists"}, {"key": "k", "value": "v", "effect": "NoSchedule"}]
        }),
        &[],
    );
    let shape = shape.unwrap();
    let shown = |all: &[windlass_solver::Requirement]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(shown(&shape.node_selector), ["team In [a]", "topology.kubernetes.io/zone In [z]"]);
    assert_eq!(shape.node_affinity.len(), 2);
    assert_eq!(shown(&shape.node_affinity[0]), Vec::<String>::new());
    assert_eq!(shown(&shape.node_affinity[1]), ["kubernetes.io/arch NotIn [a b]", "x >= 4"]);
    assert_eq!(shape.tolerations.len(), 2);
}

#[test]
fn host_ports_come_from_containers() {
    let ports = json!([{"containerPort": 80}, {"containerPort": 53, "hostPort": 5353, "protocol": "UDP", "hostIP": "10.0.0.1"}]);
    let spec = json!({"containers": [{"name": "a", "ports": ports}]});
    let (found, _) = shape(&spec, &[]);
    let shown = |shape: &PodShape| {
        shape.host_ports.iter().map(|port| format!("{}/{:?}/{}", port.port, port.protocol, port.ip)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&found.unwrap()), ["5353/Udp/10.0.0.1"]);
    let (found, _) = shape(&json!({"hostNetwork": true, "containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}), &[]);
    assert_eq!(shown(&found.unwrap()), ["80/Tcp/"]);
}

#[test]
fn priority_and_runtime_classes_are_resolved_as_admission_does() {
    let priority = |name: &str, value: i32, default: bool| json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": value, "globalDefault": default});
    let classes = [priority("high", 1000, false), priority("usual", 7, true)];
    for (extra, expected) in [
        (json!({"priorityClassName": "high"}), 1000),
        (json!({"priority": 5, "priorityClassName": "unknown"}), 5),
        (json!({"priorityClassName": "system-cluster-critical"}), 2_000_000_000),
        (json!({}), 7),
        (json!({"priority": i32::MIN}), i32::MIN),
    ] {
        assert_eq!(shape(&extra, &classes).0.unwrap().priority, expected, "{extra}");
    }
    let (refused, found) = shape(&json!({"priorityClassName": "missing"}), &classes);
    assert!(refused.is_none());
    assert!(found[0].contains("Pod/default/p: spec.priorityClassName: there is no PriorityClass missing"), "{found:?}");
    let (kept, found) = shape(&json!({"priorityClassName": "missing"}), &[]);
    assert_eq!(kept.unwrap().priority, 0);
    assert!(found[0].contains("missing is taken as priority 0"), "{found:?}");

    let runtime = json!({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "kata"}, "handler": "kata",
        "overhead": {"podFixed": {"cpu": "250m"}}, "scheduling": {"nodeSelector": {"kata": "true"}, "tolerations": [{"key": "kata", "operator": "Exists"}]}});
    let (kept, _) = shape(&json!({"runtimeClassName": "kata"}), std::slice::from_ref(&runtime));
    let kept = kept.unwrap();
    assert_eq!(
        (kept.requests.get("cpu"), kept.node_selector[0].to_string(), kept.tolerations.len()),
        (1250, "kata In [true]".into(), 1)
    );
    let (refused, found) = shape(&json!({"runtimeClassName": "kata", "nodeSelector": {"kata": "no"}}), &[runtime]);
    assert!(refused.is_none() && found[0].contains("conflicts with the node selector of the RuntimeClass"), "{found:?}");
}

#[test]
fn features_for_later_are_named() {
    let term = json!([{"topologyKey": "a"}]);
    for (extra, expected) in [
        (json!({"volumes": [{"name": "v", "awsElasticBlockStore": {"volumeID": "vol-1"}}]}), Feature::InTreeVolume),
        (json!({"resourceClaims": [{"name": "gpu"}]}), Feature::ResourceClaim),
    ] {
        assert_eq!(shape(&extra, &[]).0.unwrap().unsupported, [expected], "{extra}");
    }
    let required = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}});
    for affinity in [json!({}), required] {
        let extra = json!({"volumes": [{"name": "v", "emptyDir": {}}], "affinity": affinity});
        assert_eq!(shape(&extra, &[]).0.unwrap().unsupported, [], "{extra}");
    }
}

#[test]
fn preferences_are_read_with_their_weights() {
    let preferred = |all: serde_json::Value| {
        shape(&json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": all}}}), &[])
    };
    let on = |key: &str| json!({"matchExpressions": [{"key": key, "operator": "In", "values": ["a"]}]});
    let (found, notes) = preferred(json!([
        {"weight": 3, "preference": on("failure-domain.beta.kubernetes.io/zone")}, {"weight": 50, "preference": on("x")},
        {"weight": 9, "preference": {}},
    ]));
    let found = found.unwrap();
    let shown: Vec<String> = found.preferences().iter().map(ToString::to_string).collect();
    let expected =
        ["preferred nodeAffinity x In [a] (weight 50)", "preferred nodeAffinity topology.kubernetes.io/zone In [a] (weight 3)"];
    assert_eq!((shown, found.unsupported.len(), notes), (expected.map(str::to_owned).to_vec(), 0, Vec::new()));
}

#[test]
fn reserved_labels_and_pods_of_no_pool_are_pointed_out() {
    let (kept, found) = shape(&json!({"nodeSelector": {"karpenter.sh/team": "a"}}), &[]);
    assert!(kept.is_some() && found[0].contains("karpenter.sh/team is in a reserved domain"), "{found:?}");
    let no_pool = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}]}]}}}});
    let (left_out, found) = shape(&no_pool, &[]);
    assert!(left_out.is_none() && found[0].contains("wants a node of no NodePool"), "{found:?}");
    // A warning that many pods share is given once.
    let selector = json!({"nodeSelector": {"karpenter.sh/team": "a"}});
    let (all, found) =
        pods(&inventory(&[pod("a", &selector), pod("b", &selector), pod("c", &selector)]), &DefaultSpread::default());
    assert_eq!((all.len(), found.len()), (3, 1));
    assert!(found[0].to_string().ends_with("(and 2 more pods)"), "{found:?}");
}

#[test]
fn only_pending_pods_need_a_place_and_bound_ones_take_room() {
    let changed = |name: &str, pointer: &str, value: Value| {
        let mut object = pod(name, &json!({}));
        let (parent, field) = pointer.split_once('/').unwrap();
        object[parent][field] = value;
        object
    };
    let owner = json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": true}]);
    let mut daemon = changed("agent-1", "metadata/ownerReferences", owner.clone());
    daemon["spec"]["nodeName"] = json!("n1");
    let objects = [
        pod("pending", &json!({})),
        changed("gated", "spec/schedulingGates", json!([{"name": "g"}])),
        changed("done", "status/phase", json!("Failed")),
        changed("going", "metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z")),
        changed("mirror", "metadata/annotations", json!({"kubernetes.io/config.mirror": "x"})),
        changed("agent-2", "metadata/ownerReferences", owner),
        changed("running", "spec/nodeName", json!("n1")),
        daemon,
    ];
    let inventory = inventory(&objects);
    let (pending, _) = pods(&inventory, &DefaultSpread::default());
    assert_eq!(pending.iter().map(|pod| pod.key.to_string()).collect::<Vec<_>>(), ["default/pending"]);
    let bound = bound(&inventory);
    let shown: Vec<String> = bound["n1"]
        .iter()
        .map(|pod| format!("{} {} {:?}", pod.key, pod.requests.get("cpu"), pod.daemon_set.as_ref().map(ToString::to_string)))
        .collect();
    assert_eq!(shown, ["default/running 1000 None", "default/agent-1 1000 Some(\"default/agent\")"]);
    assert_eq!(bound.len(), 1);
}

#[test]
fn sums_that_overflow_refuse_the_pod_alone() {
    let most = json!({"name": "a", "resources": {"requests": {"memory": "9223372036854775807"}}});
    let mut other = most.clone();
    other["name"] = json!("b");
    let (all, found) = pods(
        &inventory(&[pod("good", &json!({})), pod("bad", &json!({"containers": [most, other]}))]),
        &DefaultSpread::default(),
    );
    assert_eq!(all.len(), 1);
    assert!(found[0].is_error());
    assert!(
        found[0].to_string().contains("Pod/default/bad: spec.containers: the requests of memory add up to more"),
        "{found:?}"
    );
}

/// Node `old` is being deleted by itself, `claimed` by its NodeClaim, and `kept` not at all.
fn nodes() -> Vec<Value> {
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"providerID": format!("aws:///us-west-2a/{name}")}});
    let mut old = node("old");
    old["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let claim = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "c", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []},
        "status": {"providerID": "aws:///us-west-2a/claimed"}
    });
    vec![old, node("claimed"), node("kept"), claim]
}

/// A running pod, with this in its metadata.
fn running(name: &str, node: &str, metadata: &Value) -> Value {
    let mut pod = pod(name, &json!({"nodeName": node}));
    for (key, value) in metadata.as_object().unwrap() {
        pod["metadata"][key] = value.clone();
    }
    pod
}

/// The names of the pods that need a place, and of those that take up room.
fn dealt(objects: &[Value]) -> (Vec<String>, Vec<String>) {
    let inventory = inventory(objects);
    let (pods, found) = pods(&inventory, &DefaultSpread::default());
    assert_eq!(found, []);
    let bound = bound(&inventory);
    (
        pods.iter().map(|pod| pod.key.name.to_string()).collect(),
        bound.values().flatten().map(|pod| pod.key.name.to_string()).collect(),
    )
}

#[test]
fn pods_on_nodes_that_are_being_deleted_need_a_place_again() {
    let owned = |kind: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": "o", "uid": "u", "controller": true}]);
    let gone = "2026-01-01T00:00:00Z";
    let mut objects = nodes();
    objects.extend([
        running("moves", "old", &json!({})),
        running("moves-too", "claimed", &json!({})),
        running("comes-again", "old", &json!({"deletionTimestamp": gone, "ownerReferences": owned("StatefulSet")})),
        running("stays", "kept", &json!({})),
        running("goes", "old", &json!({"deletionTimestamp": gone, "ownerReferences": owned("ReplicaSet")})),
        running("daemon", "old", &json!({"ownerReferences": owned("DaemonSet")})),
        running("asks-to-stay", "old", &json!({"annotations": {"karpenter.sh/do-not-disrupt": "true"}})),
        running("asks-in-vain", "old", &json!({"annotations": {"karpenter.sh/do-not-disrupt": "false"}})),
    ]);
    let mut ended = running("ended", "old", &json!({}));
    ended["status"] = json!({"phase": "Succeeded"});
    objects.push(ended);
    let (pending, bound) = dealt(&objects);
    assert_eq!(pending, ["moves", "moves-too", "comes-again", "asks-in-vain"]);
    assert_eq!(bound, ["stays", "goes", "daemon", "asks-to-stay"]);
}

#[test]
fn a_budget_that_never_allows_a_disruption_keeps_pods_on_a_node_that_is_being_deleted() {
    let budget =
        |spec: Value| json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": spec});
    let mut unready = running("unready", "old", &json!({"labels": {"app": "a"}}));
    unready["status"] = json!({"conditions": [{"type": "Ready", "status": "False"}]});
    let pods = [
        running("a", "old", &json!({"labels": {"app": "a"}})),
        running("b", "old", &json!({"labels": {"app": "b"}})),
        running("elsewhere", "old", &json!({"namespace": "other", "labels": {"app": "a"}})),
        unready,
    ];
    let one_of = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "c"]}]});
    let of_a = json!({"matchLabels": {"app": "a"}});
    for (spec, kept) in [
        (json!({"maxUnavailable": 0, "selector": of_a}), vec!["a", "unready"]),
        (json!({"maxUnavailable": "0%", "selector": one_of}), vec!["a", "unready"]),
        (json!({"minAvailable": "100%", "selector": {}}), vec!["a", "b", "unready"]),
        (json!({"minAvailable": "100%", "selector": of_a, "unhealthyPodEvictionPolicy": "AlwaysAllow"}), vec!["a"]),
        (json!({"maxUnavailable": 1, "selector": of_a}), vec![]),
        (json!({"minAvailable": 1, "selector": of_a}), vec![]),
        (json!({"maxUnavailable": 0}), vec![]),
    ] {
        let objects: Vec<Value> = nodes().into_iter().chain(pods.clone()).chain([budget(spec.clone())]).collect();
        let (pending, bound) = dealt(&objects);
        assert_eq!(bound, kept, "{spec}");
        assert_eq!(pending.len() + bound.len(), 4, "{spec}");
    }
}
