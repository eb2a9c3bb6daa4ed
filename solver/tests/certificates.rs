//! What stands behind a lower bound: every pod on a new node has its price, and rules that the bound disregards are named.

use crate::properties::cases;
use crate::support::random::{Size, snapshots};
use crate::support::{CAPACITY, GI, PoolExt, ShapeExt, node, pool, shape, solved, solved_with, taint, world};
use proptest::prelude::*;
use std::collections::BTreeSet;
use windlass_solver::optimize::Bound;
use windlass_solver::plan::Certificate;
use windlass_solver::plan::Disregarded::{ExistingNodes, Limits, SoftTaints, Weights};
use windlass_solver::{MicroUsd, ObjectKey, Operator, Options, PlannedNode, TaintEffect};

#[test]
fn each_kind_of_pod_has_its_price_the_dearest_first() {
    let pool = pool("default").requires(CAPACITY, Operator::In, &["on-demand"]);
    let pods = [shape(100, GI / 8).pods("small", 3), shape(1900, 4 * GI).pods("big", 2)].concat();
    let plan = solved(&world([pool], [], [], pods));
    let Certificate { method, disregarded, classes } = &plan.certificate;
    assert_eq!((*method, disregarded.as_slice()), (Some(Bound::Exhaustive), &[][..]));
    let pods: Vec<&[u32]> = classes.iter().map(|class| &*class.pods).collect();
    assert_eq!(pods, [&[0, 1][..], &[2, 3, 4]]);
    assert!(classes[0].marginal > classes[1].marginal && classes[1].marginal > MicroUsd::ZERO, "{classes:?}");
    assert!(classes[0].total() > MicroUsd(30_000), "two pods that fill two machines of $0.018/h: {classes:?}");
}

#[test]
fn what_the_bound_disregards_is_named() {
    let soft = taint("slow", "", TaintEffect::PreferNoSchedule);
    let heavy = pool("heavy").weighing(9).limited("cpu", 100).tainted(soft);
    let plan = solved(&world([heavy, pool("light")], [node("old")], [], shape(3000, GI).pods("p", 3)));
    assert_eq!(plan.certificate.disregarded, [ExistingNodes, Weights, Limits, SoftTaints]);
    assert_eq!(plan.certificate.classes.len(), 1);
    // One of them goes on the node that exists.
    assert_eq!(*plan.certificate.classes[0].pods, [1, 2]);
    let nothing = solved(&world([pool("light")], [node("old")], [], shape(100, GI).pods("p", 3)));
    assert_eq!(nothing.certificate, Certificate::default());
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn the_classes_are_the_pods_on_new_nodes(snapshot in snapshots(Size::SMALL)) {
        let plan = solved_with(&snapshot, &Options { steps: Some(200), ..Options::default() });
        let stands = |node: &&PlannedNode| {
            snapshot.node_pools().iter().any(|pool| pool.name == node.node_pool && pool.replicas.is_some())
        };
        let new: BTreeSet<&ObjectKey> = plan.nodes.iter().filter(|node| !stands(node)).flat_map(|node| &node.pods).collect();
        let listed: Vec<u32> = plan.certificate.classes.iter().flat_map(|class| class.pods.iter().copied()).collect();
        let keys: BTreeSet<&ObjectKey> = listed.iter().map(|pod| &snapshot.pods()[*pod as usize].key).collect();
        prop_assert_eq!(listed.len(), new.len());
        prop_assert_eq!(keys, new);
        prop_assert_eq!(plan.certificate.method.is_some(), !listed.is_empty());
        prop_assert!(plan.certificate.classes.is_sorted_by_key(|class| -class.total().0));
    }
}
