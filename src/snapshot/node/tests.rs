use super::{Surroundings, Usage, in_flight, nodes};
use crate::api::NodeClaim;
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use crate::snapshot::claim::{Claim, claims};
use crate::snapshot::fixture::{merge, node, node_claim, shown, sourced};
use crate::snapshot::pod::BoundPod;
use crate::snapshot::volume::attachment::Limits;
use k8s_openapi::api::core::v1 as core;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{
    DaemonSet, InstanceType, NodePool, NodePoolName, ObjectKey, PodShape, Resources, Taint, TaintEffect, Toleration,
    TolerationOperator,
};

const GIB: i64 = 1 << 30;

#[derive(Default)]
struct World {
    nodes: Vec<Value>,
    claims: Vec<Value>,
    bound: BTreeMap<String, Vec<BoundPod>>,
    daemon_sets: Vec<DaemonSet>,
    startup_taints: BTreeMap<NodePoolName, Vec<Taint>>,
    pools: Vec<NodePool>,
}

struct Read {
    nodes: Vec<windlass_solver::Node>,
    usages: Vec<Usage>,
    claims: Vec<Claim>,
    in_flight: Vec<windlass_solver::Node>,
    diagnostics: Vec<Diagnostic>,
}

impl World {
    fn of(node: Value) -> Self {
        Self { nodes: vec![node], ..Self::default() }
    }

    fn read(self) -> Read {
        let m5 = Resources::new().with("cpu", 2000).with("memory", 8 * GIB).with("pods", 29);
        let mut diagnostics = Vec::new();
        let written: Vec<Sourced<core::Node>> = self.nodes.into_iter().map(sourced).collect();
        let claimed: Vec<Sourced<NodeClaim>> = self.claims.into_iter().map(sourced).collect();
        let claims = claims(&claimed.iter().collect::<Vec<_>>(), &mut diagnostics);
        let around = Surroundings {
            bound: &self.bound,
            daemon_sets: &self.daemon_sets,
            limits: &Limits::default(),
            startup_taints: self.startup_taints,
            claims: &claims,
            pools: &self.pools,
            capacities: BTreeMap::from([("m5.large", &m5)]),
        };
        let (nodes, usages) = nodes(&written.iter().collect::<Vec<_>>(), &around, &mut diagnostics);
        let in_flight = claims.iter().filter(|claim| claim.is_on_its_way()).map(|claim| in_flight(claim, &around)).collect();
        Read { nodes, usages, claims, in_flight, diagnostics }
    }
}

fn messages(read: &Read) -> String {
    shown(&read.diagnostics)
}

#[test]
fn a_ready_node_offers_what_its_status_says_less_what_runs_there() {
    let mut world = World::of(node(json!({})));
    world.bound.insert(
        "a".into(),
        vec![BoundPod {
            key: ObjectKey::new("default", "web-0"),
            requests: Resources::new().with("cpu", 500).with("pods", 1),
            host_ports: Vec::new(),
            daemon_set: None,
            labels: Arc::default(),
            anti_affinity: Vec::new(),
            terminating: false,
        }],
    );
    let read = world.read();
    let node = &read.nodes[0];
    assert_eq!(node.allocatable, Resources::new().with("cpu", 1930).with("memory", 7 * GIB).with("pods", 29));
    assert_eq!(node.requested, Resources::new().with("cpu", 500).with("pods", 1));
    assert_eq!(node.labels.get("kubernetes.io/hostname").map(AsRef::as_ref), Some("a"));
    assert!(node.schedulable && node.initialized);
    assert_eq!(read.usages[0].capacity, Resources::new().with("cpu", 2000).with("memory", 8 * GIB).with("pods", 29));
    assert_eq!(messages(&read), "");
}

#[test]
fn daemonsets_that_do_not_run_yet_take_their_share_and_running_ones_are_not_counted_twice() {
    let daemon = |name: &str, cpu: i64, tolerations: Vec<Toleration>| DaemonSet {
        key: ObjectKey::new("kube-system", name),
        labels: Arc::default(),
        shape: Arc::new(PodShape { requests: Resources::new().with("cpu", cpu), tolerations, ..PodShape::default() }),
    };
    let everything = Toleration { key: None, operator: TolerationOperator::Exists, value: "".into(), effect: None };
    let mut world = World::of(node(json!({"spec": {"taints": [{"key": "team", "effect": "NoSchedule"}]}})));
    world.daemon_sets = vec![
        daemon("running", 100, vec![everything.clone()]),
        daemon("coming", 30, vec![everything]),
        daemon("elsewhere", 7, Vec::new()),
    ];
    world.bound.insert(
        "a".into(),
        vec![BoundPod {
            key: ObjectKey::new("kube-system", "running-x"),
            requests: Resources::new().with("cpu", 100),
            host_ports: Vec::new(),
            daemon_set: Some(ObjectKey::new("kube-system", "running")),
            labels: Arc::default(),
            anti_affinity: Vec::new(),
            terminating: false,
        }],
    );
    assert_eq!(world.read().nodes[0].requested, Resources::new().with("cpu", 130));
}

#[test]
fn before_it_is_initialized_a_nodes_startup_and_ephemeral_taints_do_not_count() {
    let tainted = json!({
        "metadata": {"labels": {"karpenter.sh/initialized": null}},
        "spec": {"taints": [
            {"key": "net", "effect": "NoSchedule"},
            {"key": "team", "value": "a", "effect": "NoSchedule"},
            {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
            {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
            {"key": "karpenter.sh/unregistered", "effect": "NoExecute"},
            {"key": "readiness.k8s.io/gpu", "effect": "NoSchedule"}]}
    });
    let keys = |read: &Read| read.nodes[0].taints.iter().map(|taint| taint.key.to_string()).collect::<Vec<_>>();
    let with_claim = World { claims: vec![node_claim(json!({}))], ..World::of(node(tainted.clone())) }.read();
    assert_eq!(keys(&with_claim), ["node.kubernetes.io/unreachable", "team"]);
    assert!(!with_claim.nodes[0].initialized);

    let mut from_pool = World::of(node(tainted.clone()));
    let net = Taint { key: "net".into(), value: "".into(), effect: TaintEffect::NoSchedule };
    from_pool.startup_taints.insert(NodePoolName::from("default"), vec![net]);
    assert_eq!(keys(&from_pool.read()), ["node.kubernetes.io/unreachable", "team"]);

    let mut initialized = tainted;
    merge(&mut initialized, json!({"metadata": {"labels": {"karpenter.sh/initialized": "true"}}}));
    assert_eq!(World::of(node(initialized)).read().nodes[0].taints.len(), 6);
}

#[test]
fn an_uninitialized_node_borrows_what_it_does_not_report_from_its_claim() {
    let fresh = node(json!({
        "metadata": {"labels": {"karpenter.sh/initialized": null}},
        "status": {"allocatable": {"cpu": "0", "memory": null}, "capacity": null}
    }));
    let read = World { claims: vec![node_claim(json!({}))], ..World::of(fresh.clone()) }.read();
    assert_eq!(read.nodes[0].allocatable, Resources::new().with("cpu", 1930).with("memory", 7 * GIB).with("pods", 29));
    let alone = World::of(fresh).read();
    assert_eq!(alone.nodes[0].allocatable, Resources::new().with("pods", 29));
    assert_eq!(alone.usages[0].capacity.get("cpu"), 2000, "limits count what the catalogue says");
}

#[test]
fn nodes_that_cannot_be_judged_take_no_pods_but_count() {
    for (patch, expected) in [
        (json!({"status": {"allocatable": {"memory": "-1Gi"}}}), "status.allocatable.memory: \"-1Gi\" is negative"),
        (json!({"status": {"allocatable": {"cpu": "many"}}}), "status.allocatable.cpu: \"many\" is not a quantity"),
        (json!({"spec": {"providerID": ""}}), "spec.providerID: is missing"),
        (json!({"spec": {"taints": [{"key": "x", "effect": "Sometimes"}]}}), "\"Sometimes\" is not a taint effect"),
    ] {
        let read = World::of(node(patch)).read();
        assert!(!read.nodes[0].schedulable, "{expected}");
        let shown = messages(&read);
        assert!(shown.starts_with("input.yaml:7 (document 1): Node/a: ") && shown.contains(expected), "{shown}");
        assert_eq!(read.usages.len(), 1);
        assert!(read.diagnostics.iter().all(|diagnostic| !diagnostic.is_error()));
    }
}

/// A GPU's plugin registers it after the node is up; until then the type says that it will.
#[test]
fn an_uninitialized_node_has_the_devices_of_its_type() {
    let kind = InstanceType {
        name: "m5.large".into(),
        labels: windlass_solver::Labels::new(),
        capacity: Resources::new().with("cpu", 2000).with("memory", 8 * GIB).with("nvidia.com/gpu", 4),
        overhead: windlass_solver::Overhead::default(),
        offerings: Vec::new(),
    };
    let world =
        |patch: Value| World { pools: vec![NodePool::new("default", Arc::new([kind.clone()]))], ..World::of(node(patch)) };
    let fresh = json!({"metadata": {"labels": {"karpenter.sh/initialized": null}}});
    let read = world(fresh.clone()).read();
    assert_eq!(read.nodes[0].allocatable.get("nvidia.com/gpu"), 4);
    assert_eq!(read.nodes[0].allocatable.get("cpu"), 1930, "what the node says itself counts");
    let claim = node_claim(json!({"status": {"allocatable": {"nvidia.com/gpu": "3"}}}));
    let read = World { claims: vec![claim], ..world(fresh) }.read();
    assert_eq!(read.nodes[0].allocatable.get("nvidia.com/gpu"), 3, "what its claim says goes before its type");
    assert_eq!(world(json!({})).read().nodes[0].allocatable.get("nvidia.com/gpu"), 0, "an initialized node has what it says");
}

/// As kube-scheduler has it: only who tolerates the taint goes on a cordoned node.
#[test]
fn cordoned_nodes_have_a_taint_whether_or_not_it_is_written_already() {
    let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    for patch in [json!({"spec": {"unschedulable": true}}), json!({"spec": {"unschedulable": true, "taints": [taint]}})] {
        let read = World::of(node(patch)).read();
        let taints: Vec<_> = read.nodes[0].taints.iter().map(|taint| (&*taint.key, taint.effect)).collect();
        assert_eq!(taints, [("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule)]);
    }
}

#[test]
fn nodes_on_their_way_out_take_no_pods() {
    for patch in [
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        json!({"spec": {"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}}),
        json!({"spec": {"taints": [{"key": "karpenter.sh/disruption", "value": "disrupting", "effect": "NoSchedule"}]}}),
    ] {
        let read = World::of(node(patch)).read();
        assert!(!read.nodes[0].schedulable && read.usages.len() == 1);
    }
    let deleting = node_claim(json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    let read = World { claims: vec![deleting], ..World::of(node(json!({}))) }.read();
    assert!(!read.nodes[0].schedulable);
}

#[test]
fn of_two_nodes_with_one_instance_neither_takes_pods() {
    let twin = node(json!({"metadata": {"name": "b"}}));
    let read = World { nodes: vec![node(json!({})), twin], ..World::default() }.read();
    assert!(read.nodes.iter().all(|node| !node.schedulable));
    assert_eq!(messages(&read).matches("one of them is stale").count(), 2);
}

#[test]
fn a_type_that_nobody_sells_is_reported_and_taken_as_it_is() {
    let read = World::of(node(json!({"metadata": {"labels": {"node.kubernetes.io/instance-type": "z9.mega"}}}))).read();
    assert!(read.nodes[0].schedulable);
    assert!(messages(&read).contains("the catalogue has no such type (z9.mega)"), "{}", messages(&read));
}

#[test]
fn nodes_of_nobody_need_no_label_to_be_initialized() {
    let plain = node(json!({
        "metadata": {"labels": {"karpenter.sh/nodepool": null, "karpenter.sh/initialized": null, "failure-domain.beta.kubernetes.io/zone": "us-west-2c"}},
        "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]}
    }));
    let read = World::of(plain).read();
    let node = &read.nodes[0];
    assert!(node.initialized && node.node_pool.is_none() && node.taints.len() == 1 && read.usages.is_empty());
    assert_eq!(node.labels.get("topology.kubernetes.io/zone").map(AsRef::as_ref), Some("us-west-2c"));
}

#[test]
fn a_launched_claim_is_a_node_on_its_way() {
    let read = World { claims: vec![node_claim(json!({"status": {"nodeName": null}}))], ..World::default() }.read();
    let node = &read.in_flight[0];
    assert_eq!((node.name.as_str(), node.initialized, node.schedulable), ("default-x", false, true));
    assert_eq!(node.labels.get("topology.kubernetes.io/zone").map(AsRef::as_ref), Some("us-west-2b"));
    assert_eq!(node.labels.get("node.kubernetes.io/instance-type"), None, "two types are possible");
    assert_eq!(node.allocatable.get("cpu"), 1930);
    assert!(node.taints.is_empty());
}

#[test]
fn claims_that_say_too_little_are_no_nodes() {
    for patch in [
        json!({"status": null}),
        json!({"status": {"providerID": null}}),
        json!({"status": {"allocatable": null}}),
        json!({"status": {"allocatable": {"cpu": "-1"}}}),
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    ] {
        let read = World { claims: vec![node_claim(patch.clone())], ..World::default() }.read();
        assert!(read.in_flight.is_empty(), "{patch}");
        assert_eq!(read.claims[0].node_pool, Some(NodePoolName::from("default")));
    }
    let twin = node_claim(json!({"metadata": {"name": "default-y"}}));
    let read = World { claims: vec![node_claim(json!({})), twin], ..World::default() }.read();
    assert_eq!(read.in_flight.len(), 1);
    assert!(messages(&read).contains("belongs to another NodeClaim too"));
}
