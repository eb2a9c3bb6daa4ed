use super::node_pools;
use crate::diagnostic::Diagnostic;
use crate::snapshot::Settings;
use crate::snapshot::fixture::{catalog, node_class, node_pool, shown, sourced};
use crate::snapshot::node_class::{Surroundings, classes};
use crate::snapshot::volume::attachment::Limits;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use windlass_solver::{CapacityType, Feature, MicroUsd, NodePool, TaintEffect};

/// The pools that come of these, with one EC2NodeClass `default`.
fn read_with(class: Value, pools: Vec<Value>) -> (Vec<NodePool>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let class = sourced(class);
    let around = Surroundings { catalog: catalog(), settings: &Settings::default(), limits: &Limits::default() };
    let classes = classes(&[&class], around, &mut BTreeSet::new(), &mut diagnostics);
    let pools: Vec<_> = pools.into_iter().map(sourced).collect();
    let read = node_pools(&pools.iter().collect::<Vec<_>>(), &classes, &mut diagnostics);
    (read, diagnostics)
}

fn read(patch: Value) -> (Option<NodePool>, String, bool) {
    let (mut pools, diagnostics) = read_with(node_class(json!({})), vec![node_pool(patch)]);
    assert!(pools.len() <= 1);
    (pools.pop(), shown(&diagnostics), diagnostics.iter().any(Diagnostic::is_error))
}

fn requirements(list: &Value) -> Value {
    json!({"spec": {"template": {"spec": {"requirements": list}}}})
}

#[test]
fn a_plain_pool_is_read_whole() {
    let (pool, messages, _) = read(json!({"spec": {
    "weight": 7,
    "limits": {"cpu": "1000", "memory": "1000Gi", "nodes": 0},
    "template": {
        "metadata": {"labels": {"team": "a", "beta.kubernetes.io/arch": "arm64"}},
        "spec": {
            "taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}],
            "startupTaints": [{"key": "net", "effect": "NoExecute"}],
            "requirements": [{"key": "failure-domain.beta.kubernetes.io/zone", "operator": "In", "values": ["us-west-2a", "us-west-2b"]}]
        }}}}));
    let pool = pool.unwrap();
    assert_eq!(messages, "");
    assert_eq!(pool.weight, 7);
    let limits: Vec<_> = pool.limits.iter().map(|(name, amount)| (name.as_str(), *amount)).collect();
    assert_eq!(limits, [("cpu", 1_000_000), ("memory", 1000 << 30), ("nodes", 0)]);
    assert_eq!(pool.labels.get("kubernetes.io/arch").map(AsRef::as_ref), Some("arm64"), "aliases have their stable name");
    assert_eq!(pool.labels.get("karpenter.k8s.aws/ec2nodeclass").map(AsRef::as_ref), Some("default"));
    let shown = pool.requirements.to_string();
    for part in ["team In [a]", "kubernetes.io/arch In [arm64]", "topology.kubernetes.io/zone In [us-west-2a us-west-2b]"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!((pool.taints.len(), pool.taints[0].effect), (1, TaintEffect::NoSchedule));
    assert_eq!((pool.startup_taints.len(), pool.startup_taints[0].effect), (1, TaintEffect::NoExecute));
    assert!(pool.unsupported.is_empty() && pool.instance_types.len() > 100);
}

#[test]
fn a_static_pool_keeps_its_replicas() {
    let (pool, messages, _) = read(json!({"spec": {"replicas": 3, "limits": {"nodes": 5}}}));
    let pool = pool.unwrap();
    assert_eq!((pool.replicas, pool.limits.len()), (Some(3), 1));
    assert!(messages.is_empty() && pool.unsupported.is_empty());
    assert_eq!(read(json!({"spec": {"replicas": 0}})).0.unwrap().replicas, Some(0));
    assert_eq!(read(json!({})).0.unwrap().replicas, None);
}

#[test]
fn min_values_are_read_the_most_of_each_key() {
    let (pool, messages, _) = read(requirements(&json!([
        {"key": "karpenter.k8s.aws/instance-family", "operator": "Exists", "minValues": 3},
        {"key": "beta.kubernetes.io/instance-type", "operator": "NotIn", "values": ["m5.metal"], "minValues": 2},
        {"key": "node.kubernetes.io/instance-type", "operator": "Exists", "minValues": 7}
    ])));
    let pool = pool.unwrap();
    let read: Vec<_> = pool.min_values.iter().map(|asked| (&*asked.key, asked.count)).collect();
    assert_eq!(read, [("karpenter.k8s.aws/instance-family", 3), ("node.kubernetes.io/instance-type", 7)]);
    assert!(messages.is_empty() && pool.unsupported.is_empty());
}

fn reserving(free: &str) -> Value {
    node_class(json!({
        "metadata": {"annotations": {"windlass.dev/capacity-reservations": free}},
        "spec": {"capacityReservationSelectorTerms": [{"tags": {"a": "b"}}]},
        "status": {"capacityReservations": [
            {"id": "cr-1", "availabilityZone": "us-west-2b", "instanceType": "m5.large", "instanceMatchCriteria": "targeted", "ownerID": "012345678901"},
            {"id": "cr-2", "availabilityZone": "us-west-2b", "instanceType": "m5.large", "instanceMatchCriteria": "targeted", "ownerID": "012345678901"},
            {"id": "cr-3", "availabilityZone": "us-west-2a", "instanceType": "m5.large", "instanceMatchCriteria": "open", "ownerID": "012345678901",
             "state": "expiring", "reservationType": "capacity-block"}]}
    }))
}

#[test]
fn reservations_are_offerings_and_the_roomiest_of_a_place_is_used() {
    let (pools, diagnostics) = read_with(reserving("cr-1=3 cr-2=5, cr-3=9"), vec![node_pool(json!({}))]);
    assert_eq!(shown(&diagnostics).matches("capacityReservations").count(), 0, "{}", shown(&diagnostics));
    let kind = pools[0].instance_types.iter().find(|kind| kind.name.as_str() == "m5.large").unwrap();
    let reserved: Vec<_> = kind.offerings.iter().filter(|one| one.capacity_type == CapacityType::Reserved).collect();
    assert_eq!(reserved.len(), 1, "one for a type and zone, and none that expires");
    assert_eq!(reserved[0].labels.get("karpenter.k8s.aws/capacity-reservation-id").map(AsRef::as_ref), Some("cr-2"));
    assert_eq!(reserved[0].labels.get("karpenter.k8s.aws/capacity-reservation-type").map(AsRef::as_ref), Some("default"));
    assert_eq!(reserved[0].labels.get("karpenter.k8s.aws/capacity-reservation-interruptible").map(AsRef::as_ref), Some("false"));
    assert!(reserved[0].labels.contains_key("topology.k8s.aws/zone-id"));
    assert_eq!((reserved[0].zone.as_str(), reserved[0].price), ("us-west-2b", Some(MicroUsd(1))));
    assert!(pools[0].unsupported.is_empty());
}

#[test]
fn what_is_not_known_of_reservations_is_said() {
    let (pools, diagnostics) = read_with(reserving("cr-1=3"), vec![node_pool(json!({}))]);
    let messages = shown(&diagnostics);
    assert!(messages.contains("how many instances are free in cr-2 is not known"), "{messages}");
    assert!(messages.contains("annotation windlass.dev/capacity-reservations, as cr-2=1"), "{messages}");
    assert_eq!(pools.len(), 1);
    let (pools, diagnostics) = read_with(reserving("cr-1:3"), vec![node_pool(json!({}))]);
    assert!(pools.is_empty() && shown(&diagnostics).contains("\"cr-1:3\" is not a reservation and its free instances"));
    let unread = node_class(json!({"spec": {"capacityReservationSelectorTerms": [{"id": "cr-0"}]}}));
    let (_, diagnostics) = read_with(unread, vec![node_pool(json!({}))]);
    assert!(shown(&diagnostics).contains("status.capacityReservations: is empty"), "{}", shown(&diagnostics));
}

#[test]
fn reservations_and_min_values_do_not_go_together_yet() {
    let varied = json!([{"key": "node.kubernetes.io/instance-type", "operator": "Exists", "minValues": 3}]);
    let (pools, _) = read_with(reserving("cr-1=3"), vec![node_pool(requirements(&varied))]);
    assert_eq!(pools[0].unsupported, [Feature::CapacityReservation]);
}

#[test]
fn pools_that_cannot_be_used_are_refused_with_their_place() {
    let reference = |patch: Value| json!({"spec": {"template": {"spec": {"nodeClassRef": patch}}}});
    for (patch, expected) in [
        (reference(json!({"name": "gone"})), "spec.template.spec.nodeClassRef: there is no EC2NodeClass named \"gone\""),
        (reference(json!({"group": "karpenter.azure.com"})), "of group \"karpenter.azure.com\" is not supported"),
        (reference(json!({"kind": "KWOKNodeClass"})), "KWOKNodeClass of group"),
        (json!({"spec": {"limits": {"cpu": "-1"}}}), "spec.limits.cpu: \"-1\" is negative"),
        (json!({"spec": {"limits": {"memory": "lots"}}}), "spec.limits.memory: \"lots\" is not a quantity"),
        (
            requirements(&json!([{"key": "team", "operator": "In", "values": []}])),
            "requirements[0]: requirement on \"team\": operator In needs",
        ),
        (
            requirements(&json!([{"key": "karpenter.k8s.aws/instance-tenancy", "operator": "In", "values": ["dedicated"]}])),
            "instance-tenancy other than default is not supported",
        ),
    ] {
        let (pool, messages, refused) = read(patch);
        assert!(pool.is_none() && refused, "{messages}");
        assert!(
            messages.starts_with("input.yaml:7 (document 1): NodePool/default: ") && messages.contains(expected),
            "{messages}"
        );
    }
}

#[test]
fn a_refused_class_refuses_its_pools_and_says_why() {
    for (patch, expected) in [
        (
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
            "EC2NodeClass/default cannot be used: it is being deleted",
        ),
        (
            json!({"spec": {"placementGroupSelector": {"name": "pg"}}}),
            "EC2NodeClass/default cannot be used: it has errors of its own",
        ),
    ] {
        let (pools, diagnostics) = read_with(node_class(patch), vec![node_pool(json!({}))]);
        assert!(pools.is_empty() && shown(&diagnostics).contains(expected), "{}", shown(&diagnostics));
    }
}

#[test]
fn pools_on_their_way_out_launch_nothing() {
    let not_ready =
        json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z", "message": "no subnets"}]);
    for (patch, expected) in [
        (json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), "the pool is being deleted"),
        (json!({"status": {"conditions": not_ready}}), "the pool is not ready, so nothing is launched for it: no subnets"),
    ] {
        let (pool, messages, refused) = read(patch);
        assert!(pool.is_none() && !refused && messages.contains(expected), "{messages}");
    }
}

#[test]
fn requirements_that_nothing_meets_are_pointed_out() {
    for (list, expected) in [
        (
            json!([{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["z9.mega"]}]),
            "no instance type of this region",
        ),
        (
            json!([{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1a"]}]),
            "no instance type of this region",
        ),
        (
            json!([{"key": "team", "operator": "In", "values": ["a"]}, {"key": "team", "operator": "NotIn", "values": ["a"]}]),
            "no value of team meets",
        ),
    ] {
        let (pool, messages, refused) = read(requirements(&list));
        assert!(pool.is_some() && !refused && messages.contains(expected), "{messages}");
    }
    let (_, messages, _) = read(requirements(&json!([{"key": "team", "operator": "In", "values": ["a", "b"]}])));
    assert_eq!(messages, "", "a label of one's own is no obstacle");
}
