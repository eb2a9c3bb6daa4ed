use super::{Price, apply};
use crate::api;
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use crate::snapshot::fixture::{catalog, shown, sourced};
use serde_json::{Value, json};
use windlass_solver::{CapacityType, InstanceType, MicroUsd, NodePool, Requirement};

fn overlay(name: &str, spec: &Value) -> Sourced<api::NodeOverlay> {
    sourced(json!({"apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": name}, "spec": spec}))
}

fn m5() -> Value {
    json!([{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m5.large"]}])
}

fn pools() -> Vec<NodePool> {
    let types = catalog().instance_types(&crate::catalog::NodeClassSettings::default());
    vec![NodePool::new("a", types.clone()), NodePool::new("b", types)]
}

fn applied(overlays: &[Sourced<api::NodeOverlay>], pools: &mut [NodePool]) -> String {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    apply(&overlays.iter().collect::<Vec<_>>(), pools, &mut diagnostics);
    shown(&diagnostics)
}

fn find<'a>(pool: &'a NodePool, name: &str) -> &'a InstanceType {
    pool.instance_types.iter().find(|kind| kind.name.as_str() == name).unwrap()
}

fn on_demand(pool: &NodePool, name: &str) -> i64 {
    let offerings = &find(pool, name).offerings;
    offerings.iter().find(|one| one.capacity_type == CapacityType::OnDemand).unwrap().price.unwrap().0
}

#[test]
fn a_price_is_set_or_changed() {
    let read = |spec: Value| Price::read(&serde_json::from_value(spec).unwrap());
    for (spec, before, after) in [
        (json!({"requirements": [], "price": "0.05"}), Some(96_000), Some(50_000)),
        (json!({"requirements": [], "price": "0.05"}), None, Some(50_000)),
        (json!({"requirements": [], "priceAdjustment": "+0.004"}), Some(96_000), Some(100_000)),
        (json!({"requirements": [], "priceAdjustment": "-0.2"}), Some(96_000), Some(0)),
        (json!({"requirements": [], "priceAdjustment": "-10%"}), Some(96_000), Some(86_400)),
        (json!({"requirements": [], "priceAdjustment": "+33.3%"}), Some(100_001), Some(133_302)),
        (json!({"requirements": [], "priceAdjustment": "-100%"}), Some(96_000), Some(0)),
        (json!({"requirements": [], "priceAdjustment": "-10%"}), None, None),
    ] {
        let price = read(spec.clone()).unwrap().unwrap();
        assert_eq!(price.apply(before.map(MicroUsd)), after.map(MicroUsd), "{spec}");
    }
    assert_eq!(read(json!({"requirements": []})), Ok(None));
    assert!(read(json!({"requirements": [], "priceAdjustment": "10%"})).unwrap_err().contains("no change of a price"));
}

#[test]
fn only_what_meets_the_requirements_is_changed() {
    let mut pools = pools();
    let (large, xlarge) = (on_demand(&pools[0], "m5.large"), on_demand(&pools[0], "m5.xlarge"));
    let half = json!({"requirements": [
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m5.large"]},
        {"key": "karpenter.sh/nodepool", "operator": "In", "values": ["a"]},
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]}], "priceAdjustment": "-50%"});
    assert_eq!(applied(&[overlay("half", &half)], &mut pools), "");
    assert_eq!(on_demand(&pools[0], "m5.large"), large / 2);
    assert_eq!((on_demand(&pools[0], "m5.xlarge"), on_demand(&pools[1], "m5.large")), (xlarge, large));
    let spot =
        |pool: &NodePool| find(pool, "m5.large").offerings.iter().find(|one| one.capacity_type == CapacityType::Spot).cloned();
    assert_eq!(spot(&pools[0]), spot(&pools[1]));
    assert!(!std::sync::Arc::ptr_eq(&pools[0].instance_types, &pools[1].instance_types));
}

#[test]
fn devices_are_added_to_the_type() {
    let mut pools = pools();
    let fuse = json!({"requirements": m5(), "capacity": {"smarter-devices/fuse": "4"}});
    assert_eq!(applied(&[overlay("fuse", &fuse)], &mut pools), "");
    assert_eq!(find(&pools[0], "m5.large").allocatable().get("smarter-devices/fuse"), 4);
    assert_eq!(find(&pools[0], "m5.xlarge").capacity.get("smarter-devices/fuse"), 0);
    assert!(std::sync::Arc::ptr_eq(&pools[0].instance_types, &pools[1].instance_types), "pools that agree share their list");
}

#[test]
fn the_highest_weight_counts_for_each_thing() {
    let mut pools = pools();
    let light = json!({"requirements": m5(), "price": "1", "capacity": {"x.io/a": "1", "x.io/b": "1"}});
    let heavy = json!({"requirements": m5(), "price": "2", "capacity": {"x.io/a": "2"}, "weight": 10});
    assert_eq!(applied(&[overlay("light", &light), overlay("heavy", &heavy)], &mut pools), "");
    let kind = find(&pools[0], "m5.large");
    assert_eq!((on_demand(&pools[0], "m5.large"), kind.capacity.get("x.io/a"), kind.capacity.get("x.io/b")), (2_000_000, 2, 1));
}

#[test]
fn overlays_of_one_weight_on_one_thing_conflict() {
    let mut pools = pools();
    let of = |price: &str| json!({"requirements": m5(), "price": price, "weight": 3});
    let messages = applied(&[overlay("b", &of("2")), overlay("a", &of("1"))], &mut pools);
    assert!(messages.contains("NodeOverlay/b: spec.weight: changes what NodeOverlay a changes at the same weight"), "{messages}");
    assert_eq!(on_demand(&pools[0], "m5.large"), 1_000_000);
    // Different things are no conflict.
    let device = json!({"requirements": m5(), "capacity": {"x.io/a": "1"}, "weight": 3});
    assert_eq!(applied(&[overlay("a", &of("1")), overlay("b", &device)], &mut pools), "");
}

#[test]
fn an_overlay_that_changes_nothing_is_pointed_out() {
    let nowhere = json!({"requirements": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["z9.mega"]}], "price": "1"});
    let messages = applied(&[overlay("nowhere", &nowhere)], &mut pools());
    assert!(messages.contains("the overlay changes nothing"), "{messages}");
}

#[test]
fn a_label_that_a_pool_leaves_open_may_be_meant() {
    let mut pools = pools();
    pools[0].requirements.add(Requirement::new("team", windlass_solver::Operator::In, &["x", "y"]).unwrap());
    let team = json!({"requirements": [{"key": "team", "operator": "In", "values": ["x"]}], "price": "1"});
    assert_eq!(applied(&[overlay("team", &team)], &mut pools), "");
    assert_eq!(on_demand(&pools[0], "m5.large"), 1_000_000);
    assert_ne!(on_demand(&pools[1], "m5.large"), 1_000_000, "it has no such label");
}
