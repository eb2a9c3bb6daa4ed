use super::claim;
use crate::api::{NodeClaim, Operator};
use crate::cluster::{Claim, Pool, Uid};
use crate::fixture::pool_object;
use crate::provision::market;
use serde_json::json;
use std::collections::BTreeSet;
use windlass_solver::plan::OfferingRef;
use windlass_solver::{
    CapacityType, InstanceType, InstanceTypeName, Labels, MicroUsd, NodeName, NodePoolName, ObjectKey, Offering, Overhead,
    PlannedNode, Resources, Zone,
};

fn offering(price: i64, kind: &str, zone: &str) -> OfferingRef {
    OfferingRef {
        price: MicroUsd(price),
        instance_type: InstanceTypeName::from(kind),
        zone: Zone::from(zone),
        capacity_type: CapacityType::Spot,
    }
}

fn kind(name: &str, zones: &[&str]) -> InstanceType {
    let sold = |zone: &&str, capacity_type| Offering {
        zone: Zone::from(*zone),
        capacity_type,
        price: Some(MicroUsd(1)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    InstanceType {
        name: InstanceTypeName::from(name),
        labels: Labels::new(),
        capacity: Resources::new(),
        overhead: Overhead::default(),
        offerings: zones.iter().flat_map(|zone| [sold(zone, CapacityType::Spot), sold(zone, CapacityType::OnDemand)]).collect(),
    }
}

fn planned(alternatives: Vec<OfferingRef>) -> PlannedNode {
    PlannedNode {
        name: NodeName::from("default-0"),
        node_pool: NodePoolName::from("default"),
        offering: offering(10, "large", "a"),
        alternatives,
        labels: [("team".into(), "red".into()), ("kubernetes.io/arch".into(), "amd64".into())].into(),
        taints: Vec::new(),
        pods: vec![ObjectKey::new("default", "web")],
        daemon_set_pods: Vec::new(),
        allocatable: Resources::new(),
        requested: Resources::new().with("cpu", 1250).with("memory", (3 << 30) + 1).with("pods", 3),
        relaxed: Vec::new(),
    }
}

fn pool() -> Pool {
    let mut object = pool_object("default");
    object["spec"]["template"]["metadata"] = json!({"labels": {"tier": "web"}, "annotations": {"note": "x"}});
    object["spec"]["template"]["spec"]["requirements"] = json!([
        {"key": "team", "operator": "In", "values": ["red", "blue"]},
        {"key": "kubernetes.io/arch", "operator": "Exists", "minValues": 1},
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a", "b", "c"]},
    ]);
    Pool::read(&serde_json::from_value(object).unwrap())
}

fn uids(names: &[&str]) -> BTreeSet<Uid> {
    names.iter().map(|name| Uid::new(*name)).collect()
}

fn values(object: &NodeClaim, key: &str) -> Vec<String> {
    let found = object.spec.requirements.iter().find(|requirement| requirement.key == key).unwrap();
    found.values.clone()
}

#[test]
fn is_written_as_karpenter_writes_it() {
    let object = claim(
        &planned(vec![offering(11, "xlarge", "a")]),
        &pool(),
        &[kind("large", &["a"]), kind("xlarge", &["a"])],
        &uids(&["u2", "u1"]),
        0,
    );
    let metadata = &object.metadata;
    assert_eq!(metadata.finalizers, Some(vec!["karpenter.sh/termination".to_owned()]));
    assert_eq!(metadata.owner_references.as_ref().unwrap()[0].uid, "uid-default");
    let labels = metadata.labels.as_ref().unwrap();
    for (key, value) in [
        ("karpenter.sh/nodepool", "default"),
        ("karpenter.k8s.aws/ec2nodeclass", "default"),
        ("karpenter.sh/capacity-type", "spot"),
        ("topology.kubernetes.io/zone", "a"),
        ("team", "red"),
        ("tier", "web"),
    ] {
        assert_eq!(labels.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!labels.contains_key("node.kubernetes.io/instance-type"), "it may become one of two");
    let annotations = metadata.annotations.as_ref().unwrap();
    assert_eq!((annotations["note"].as_str(), annotations["windlass.dev/nominated-pods"].as_str()), ("x", "u1 u2"));
    assert_eq!(values(&object, "node.kubernetes.io/instance-type"), ["large", "xlarge"]);
    assert_eq!(values(&object, "team"), ["red"], "an open label is settled");
    let arch = object.spec.requirements.iter().find(|requirement| requirement.key == "kubernetes.io/arch").unwrap();
    assert_eq!((arch.operator, arch.min_values), (Operator::Exists, None));
    let requests: Vec<_> = object.spec.resources.requests.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(requests, ["cpu=1250m", "memory=3221225473", "pods=3"], "exact, not rounded");
    let read = Claim::read(&object);
    assert_eq!((read.flaw, read.nominated), (None, vec![Uid::new("u1"), Uid::new("u2")]));
}

#[test]
fn the_name_derives_from_pool_pods_and_turn_alone() {
    let name = |pods: &[&str], alternatives| claim(&planned(alternatives), &pool(), &[], &uids(pods), 0).metadata.name.unwrap();
    assert_eq!(name(&["a", "b"], vec![]), name(&["b", "a"], vec![offering(11, "xlarge", "b")]));
    assert_ne!(name(&["a"], vec![]), name(&["b"], vec![]));
    let again = claim(&planned(vec![]), &pool(), &[], &uids(&["a"]), 1).metadata.name.unwrap();
    assert_ne!(name(&["a"], vec![]), again, "and on how often it was decided");
    assert!(name(&["a"], vec![]).starts_with("default-") && name(&["a"], vec![]).len() == "default-".len() + 10);
}

/// A claim names types and zones apart from each other, so a type that does not hold the pods in each of its zones is left out.
#[test]
fn every_combination_that_the_claim_allows_holds_the_pods() {
    let types = [kind("large", &["a", "b"]), kind("medium", &["a", "b"]), kind("xlarge", &["b"]), kind("zonal", &["c"])];
    let all = vec![offering(10, "large", "b"), offering(11, "medium", "a"), offering(12, "xlarge", "b")];
    let object = claim(&planned(all.clone()), &pool(), &types, &uids(&["u"]), 0);
    assert_eq!(values(&object, "node.kubernetes.io/instance-type"), ["large", "xlarge"], "medium is not known to hold them in b");
    assert_eq!(values(&object, "topology.kubernetes.io/zone"), ["a", "b"]);
    let requirements = Claim::read(&object).requirements;
    let good: BTreeSet<_> =
        all.into_iter().chain([offering(10, "large", "a")]).map(|one| (one.instance_type, one.zone)).collect();
    let possible = market::offerings(&requirements, &types);
    assert!(possible.iter().all(|one| good.contains(&(one.instance_type.clone(), one.zone.clone()))), "{possible:?}");
    // The chosen offering always remains: here only its own zone does.
    let object =
        claim(&planned(vec![offering(11, "medium", "a"), offering(12, "xlarge", "b")]), &pool(), &types, &uids(&["u"]), 0);
    assert_eq!(values(&object, "node.kubernetes.io/instance-type"), ["large", "medium"]);
    assert_eq!(values(&object, "topology.kubernetes.io/zone"), ["a"]);
}
