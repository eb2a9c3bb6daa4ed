use super::fixture::{catalog, node, node_claim, node_class, node_pool, patched, place, shown, sourced};
use super::{Settings, Taken, take};
use crate::manifest::{Inventory, Sourced};
use serde_json::{Value, json};
use std::sync::Arc;

/// Pool and class `default`, both good.
fn inventory() -> Inventory {
    Inventory {
        node_pools: vec![sourced(node_pool(json!({})))],
        node_classes: vec![sourced(node_class(json!({})))],
        ..Inventory::default()
    }
}

fn taken(inventory: &Inventory) -> Taken {
    take(inventory, catalog(), &Settings::default())
}

fn names(taken: &Taken) -> Vec<&str> {
    taken.snapshot.node_pools().iter().map(|pool| pool.name.as_str()).collect()
}

fn named_pool(name: &str, patch: Value) -> Value {
    patched(node_pool(json!({"metadata": {"name": name}})), patch)
}

/// The same object at another place.
fn at<T>(line: usize, mut source: Sourced<T>) -> Sourced<T> {
    source.place = place(line);
    source
}

#[test]
fn of_different_pools_under_one_name_none_is_used_in_any_order() {
    let one = at(1, sourced(named_pool("twice", json!({"spec": {"weight": 1}}))));
    let other = at(9, sourced(named_pool("twice", json!({"spec": {"weight": 2}}))));
    for pair in [[one.clone(), other.clone()], [other, one]] {
        let mut inventory = inventory();
        inventory.node_pools.extend(pair);
        let taken = taken(&inventory);
        assert_eq!(names(&taken), ["default"]);
        assert_eq!(
            shown(&taken.diagnostics),
            "input.yaml:1 (document 1): NodePool/twice: metadata.name: different objects of kind NodePool have this name, so none is used\n\
             input.yaml:9 (document 1): NodePool/twice: metadata.name: different objects of kind NodePool have this name, so none is used"
        );
    }
}

#[test]
fn the_same_object_twice_counts_once() {
    let mut inventory = inventory();
    inventory.node_pools.push(at(9, sourced(node_pool(json!({})))));
    let taken = taken(&inventory);
    assert_eq!(names(&taken), ["default"]);
    assert!(taken.diagnostics.iter().all(|diagnostic| !diagnostic.is_error()));
    assert!(
        shown(&taken.diagnostics).starts_with("input.yaml:9 (document 1): NodePool/default: metadata.name: the same NodePool")
    );
}

#[test]
fn a_bad_pool_changes_nothing_for_the_others() {
    let good = taken(&inventory());
    for patch in [
        json!({"spec": {"limits": {"cpu": "1e400"}}}),
        json!({"spec": {"template": {"spec": {"nodeClassRef": {"name": "gone"}}}}}),
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
    ] {
        let mut inventory = inventory();
        inventory.node_pools.insert(0, sourced(named_pool("bad", patch)));
        let taken = taken(&inventory);
        assert_eq!(taken.snapshot, good.snapshot);
        assert_eq!(taken.diagnostics.len(), 1, "{}", shown(&taken.diagnostics));
    }
}

#[test]
fn pools_with_equal_settings_share_their_instance_types() {
    let mut inventory = inventory();
    inventory.node_pools.push(sourced(named_pool("other", json!({"spec": {"weight": 50}}))));
    let taken = taken(&inventory);
    let [first, second] = taken.snapshot.node_pools() else { panic!() };
    assert_eq!((first.name.as_str(), first.weight, second.weight), ("other", 50, 0));
    assert!(Arc::ptr_eq(&first.instance_types, &second.instance_types));
}

#[test]
fn nodes_and_claims_count_against_their_pools_limits() {
    let waiting = patched(
        node_claim(json!({"metadata": {"name": "default-y"}})),
        json!({"status": {"providerID": "aws:///us-west-2b/i-1", "nodeName": null, "capacity": {"cpu": "4"}, "allocatable": {"cpu": "3920m"}}}),
    );
    let unanswered = patched(node_claim(json!({"metadata": {"name": "default-z"}})), json!({"status": null}));
    let foreign = patched(
        node(json!({"metadata": {"name": "b", "labels": {"karpenter.sh/nodepool": null}}})),
        json!({"spec": {"providerID": "aws:///us-west-2b/i-9"}}),
    );
    let mut inventory = inventory();
    inventory.nodes = vec![sourced(node(json!({}))), sourced(foreign)];
    inventory.node_claims = vec![sourced(node_claim(json!({}))), sourced(waiting), sourced(unanswered)];
    let taken = taken(&inventory);
    let usage = &taken.snapshot.node_pools()[0].usage;
    // 2 of the node, 4 of the claim that EC2 has answered, and 4 of an m5.xlarge at most for the other one.
    assert_eq!((usage.get("cpu"), usage.get("nodes")), (10_000, 3));
    let nodes: Vec<_> = taken.snapshot.nodes().iter().map(|node| (node.name.as_str(), node.initialized)).collect();
    assert_eq!(nodes, [("a", true), ("b", true), ("default-y", false)]);
}

#[test]
fn a_node_of_a_v1alpha5_pool_counts_too() {
    let old = node(json!({"metadata": {"labels": {"karpenter.sh/nodepool": null, "karpenter.sh/provisioner-name": "default"}}}));
    let inventory = Inventory { nodes: vec![sourced(old)], ..inventory() };
    assert_eq!(taken(&inventory).snapshot.node_pools()[0].usage.get("nodes"), 1);
}

#[test]
fn a_claim_with_the_name_of_a_node_is_not_a_second_node() {
    let claim = patched(
        node_claim(json!({"metadata": {"name": "a"}})),
        json!({"status": {"nodeName": null, "providerID": "aws:///x/i-7"}}),
    );
    let inventory = Inventory { nodes: vec![sourced(node(json!({})))], node_claims: vec![sourced(claim)], ..inventory() };
    let taken = taken(&inventory);
    assert_eq!(taken.snapshot.nodes().len(), 1);
    assert_eq!(taken.snapshot.node_pools()[0].usage.get("nodes"), 2);
}

#[test]
fn notes_say_what_is_assumed_and_only_where_it_matters() {
    let zoned = json!({"spec": {"template": {"spec": {"requirements": [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-west-2b"]},
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]}]}}}});
    let open = taken(&inventory()).notes;
    assert!(open[0].starts_with("the subnets of EC2NodeClass default are not known; one in every zone of us-west-2"), "{open:?}");
    assert!(open.iter().any(|note| note.starts_with("spot prices are estimates")), "{open:?}");
    let narrow = Inventory { node_pools: vec![sourced(node_pool(zoned))], ..inventory() };
    let notes = taken(&narrow).notes;
    assert!(notes.iter().all(|note| !note.contains("subnets") && !note.contains("spot")), "{notes:?}");
}

#[test]
fn nothing_in_gives_an_empty_snapshot() {
    let taken = taken(&Inventory::default());
    assert!(taken.snapshot.pods().is_empty() && taken.snapshot.node_pools().is_empty() && taken.diagnostics.is_empty());
    assert!(taken.notes.is_empty());
}
