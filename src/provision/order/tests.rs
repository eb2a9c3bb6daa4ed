use super::{InFlight, Order};
use std::collections::BTreeSet;
use std::sync::Arc;
use windlass_solver::{
    CapacityType, DaemonSet, InstanceType, InstanceTypeName, Labels, MicroUsd, NodeName, NodePool, NodePoolName, ObjectKey,
    Offering, Options, Overhead, Plan, Pod, PodShape, Requirements, ResourceName, Resources, Snapshot, Zone,
};

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn shape(cpu: i64) -> Arc<PodShape> {
    Arc::new(PodShape { requests: Resources::new().with("cpu", cpu).with("pods", 1), ..PodShape::default() })
}

/// Pods of one core and more each, a daemonset of 200m, and a pool that sells machines of four cores in two zones.
fn base(pods: &[(&str, i64)], limit: Option<i64>) -> Snapshot {
    let offering = |zone: &str, price| Offering {
        zone: Zone::from(zone),
        capacity_type: CapacityType::OnDemand,
        price: Some(MicroUsd(price)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    let kind = InstanceType {
        name: InstanceTypeName::from("m.xlarge"),
        labels: Labels::new(),
        capacity: Resources::new().with("cpu", 4000).with("pods", 10),
        overhead: Overhead::default(),
        offerings: vec![offering("a", 100), offering("b", 101)],
    };
    let pods = pods.iter().map(|(name, cpu)| Pod { key: key(name), labels: Arc::default(), shape: shape(*cpu) });
    Snapshot::builder()
        .pods(pods)
        .daemon_set(DaemonSet { key: key("daemon"), labels: Arc::default(), shape: shape(200) })
        .node_pool(NodePool {
            name: NodePoolName::from("default"),
            weight: 0,
            replicas: None,
            min_values: Vec::new(),
            min_values_policy: windlass_solver::node_pool::MinValuesPolicy::default(),
            labels: Labels::new(),
            requirements: Requirements::new(),
            taints: Vec::new(),
            startup_taints: Vec::new(),
            limits: limit.map(|limit| (ResourceName::from("cpu"), limit)).into_iter().collect(),
            usage: Resources::new(),
            instance_types: vec![kind].into(),
            unsupported: Vec::new(),
        })
        .build()
        .unwrap()
}

fn order(pods: &[&str]) -> Order {
    Order { pods: pods.iter().map(|name| key(name)).collect(), ..Order::default() }
}

fn coming() -> InFlight {
    InFlight {
        name: NodeName::from("default-x"),
        node_pool: NodePoolName::from("default"),
        labels: Labels::new(),
        taints: Vec::new(),
        allocatable: Resources::new().with("cpu", 4000).with("pods", 10),
        spot_pools: BTreeSet::new(),
    }
}

fn plan(order: &Order, base: &Snapshot) -> Plan {
    order.plan(base, &Options::default()).unwrap()
}

#[test]
fn only_the_batch_is_placed() {
    let base = base(&[("a", 1000), ("b", 1000)], None);
    let plan = plan(&order(&["b"]), &base);
    assert_eq!(plan.summary.pods, 1);
    assert_eq!(plan.nodes[0].pods, [key("b")]);
}

#[test]
fn a_node_on_its_way_is_filled_around_its_own_pods_and_daemons_before_another_is_bought() {
    let base = base(&[("own", 2000), ("a", 1500), ("b", 1500)], None);
    let mut order = order(&["a", "b"]);
    order.in_flight.push(coming());
    order.placed.insert(key("own"), NodeName::from("default-x"));
    let plan = plan(&order, &base);
    assert_eq!(plan.existing_nodes.iter().map(|node| node.pods.len()).sum::<usize>(), 1, "2000 + 1500 + 200 of 4000");
    assert_eq!(plan.nodes.len(), 1);
    order.placed.clear();
    order.pods = BTreeSet::from([key("own"), key("a")]);
    assert!(self::plan(&order, &base).nodes.is_empty(), "after a restart the same pods fit where they were meant to go");
}

#[test]
fn what_is_not_seen_yet_counts_against_limits() {
    let base = base(&[("a", 1000)], Some(4000));
    let mut order = order(&["a"]);
    assert_eq!(plan(&order, &base).nodes.len(), 1);
    order.usage.insert(NodePoolName::from("default"), Resources::new().with("cpu", 1));
    let plan = plan(&order, &base);
    assert!(plan.nodes.is_empty() && plan.unschedulable.len() == 1);
}

#[test]
fn scarce_offerings_are_not_planned() {
    let base = base(&[("a", 1000)], None);
    let mut order = order(&["a"]);
    let scarce = |zone: &str| (InstanceTypeName::from("m.xlarge"), Zone::from(zone), CapacityType::OnDemand);
    order.scarce.insert(scarce("a"));
    let dearer = plan(&order, &base);
    assert_eq!((dearer.nodes[0].offering.zone.as_str(), dearer.nodes[0].alternatives.len()), ("b", 0));
    order.scarce.insert(scarce("b"));
    assert_eq!(plan(&order, &base).unschedulable.len(), 1);
}

#[test]
fn what_holds_for_all_nodes_holds_for_the_batch() {
    let base = base(&[("a", 1000)], None).with_spot_min_types(7).with_spot_pool_share(30);
    let snapshot = order(&["a"]).snapshot(&base).unwrap();
    assert_eq!((snapshot.spot_min_types(), snapshot.daemon_sets()), (7, base.daemon_sets()));
    assert_eq!(snapshot.spot_pool_share(), Some(30));
}

#[test]
fn a_node_that_is_not_launched_counts_in_each_spot_pool_that_it_may_become() {
    let pool = |zone: &str| (InstanceTypeName::from("m.xlarge"), Zone::from(zone));
    let mut order = order(&["a"]);
    order.in_flight.push(InFlight { spot_pools: [pool("a"), pool("b")].into(), ..coming() });
    let snapshot = order.snapshot(&base(&[("a", 1000)], None)).unwrap();
    let found = snapshot.spot_in_use();
    assert_eq!(found.pools, [(pool("a"), 1), (pool("b"), 1)].into());
    assert_eq!(found.nodes, 0, "it may be on demand, for all that is known");
}

#[test]
fn a_static_pool_gets_what_it_lacks_whatever_is_about_to_go() {
    let pool = NodePool { replicas: Some(5), ..base(&[], None).node_pools()[0].clone() };
    let base = Snapshot::builder().node_pool(pool).build().unwrap();
    let name = NodePoolName::from("default");
    let usage = [(name.clone(), Resources::new().with(ResourceName::NODES, 6))];
    let mut order = Order { usage: usage.into_iter().collect(), ..order(&[]) };
    assert!(plan(&order, &base).nodes.is_empty(), "the order says how many are lacking, not the snapshot");
    order.lacking.insert(name, 2);
    assert_eq!(plan(&order, &base).nodes.len(), 2);
}
