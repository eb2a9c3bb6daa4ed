//! What `solve` decides, rule by rule. Every plan here is also judged by `check`.

use crate::plan::PlannedNode;
use crate::{
    CapacityType, DaemonSet, Feature, HostPort, InstanceType, InstanceTypeName, Labels, MicroUsd, Node, NodeName, NodePool,
    ObjectKey, Objective, Offering, Operator, Options, Overhead, Plan, Pod, PodShape, Protocol, Reason, Requirement, Resources,
    Snapshot, Status, Taint, TaintEffect, Toleration, TolerationOperator, Zone, check, label, solve,
};
use std::sync::Arc;

const GI: i64 = 1 << 30;

/// A type of so many cores and GiB, on demand at `price` and on spot at 40 % of it, in zones a and b.
fn kind(name: &str, cores: i64, memory: i64, price: i64) -> InstanceType {
    let offering = |zone: &str, capacity_type, price| Offering {
        zone: Zone::from(zone),
        capacity_type,
        price: Some(MicroUsd(price)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    InstanceType {
        name: InstanceTypeName::from(name),
        labels: labels(&[("kubernetes.io/arch", "amd64"), ("kubernetes.io/os", "linux")]),
        capacity: Resources::new().with("cpu", cores * 1000).with("memory", memory * GI).with("pods", 20),
        overhead: Overhead { kube_reserved: Resources::new().with("cpu", 100), ..Overhead::default() },
        offerings: ["a", "b"]
            .into_iter()
            .flat_map(|zone| [offering(zone, CapacityType::Spot, price * 2 / 5), offering(zone, CapacityType::OnDemand, price)])
            .collect(),
    }
}

/// 2, 4, 8 and 16 cores in three shapes, prices linear but for a small fixed part.
fn kinds() -> Vec<InstanceType> {
    let mut all = Vec::new();
    for (family, ratio, rate) in [("c", 2, 40_000), ("m", 4, 48_000), ("r", 8, 60_000)] {
        all.extend([2, 4, 8, 16].map(|cores| kind(&format!("{family}.{cores}"), cores, cores * ratio, cores * rate + 1000)));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn labels(all: &[(&str, &str)]) -> Labels {
    all.iter().map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect()
}

fn need(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new(key, operator, values).unwrap()
}

fn pool(name: &str) -> NodePool {
    NodePool {
        requirements: [need(label::CAPACITY_TYPE, Operator::In, &["on-demand"])].into_iter().collect(),
        ..NodePool::new(name, kinds().into())
    }
}

fn shape(milli: i64, memory: i64) -> PodShape {
    PodShape { requests: Resources::new().with("cpu", milli).with("memory", memory * GI).with("pods", 1), ..PodShape::default() }
}

fn pods(name: &str, count: usize, shape: &PodShape) -> Vec<Pod> {
    let shape = Arc::new(shape.clone());
    let one =
        |index| Pod { key: ObjectKey::new("t", format!("{name}-{index:05}")), labels: Arc::default(), shape: shape.clone() };
    (0..count).map(one).collect()
}

fn daemon(name: &str, shape: PodShape) -> DaemonSet {
    DaemonSet { key: ObjectKey::new("kube-system", name), labels: Arc::default(), shape: Arc::new(shape) }
}

fn node(name: &str, cores: i64, memory: i64) -> Node {
    Node {
        name: NodeName::from(name),
        node_pool: None,
        labels: labels(&[(label::HOSTNAME, name)]),
        taints: Vec::new(),
        allocatable: Resources::new().with("cpu", cores * 1000).with("memory", memory * GI).with("pods", 10),
        requested: Resources::new(),
        host_ports: Vec::new(),
        schedulable: true,
        initialized: true,
        pods: Vec::new(),
        running: Vec::new(),
    }
}

fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: "".into(), effect }
}

fn tolerates(key: &str) -> Toleration {
    Toleration { key: Some(key.into()), operator: TolerationOperator::Exists, value: "".into(), effect: None }
}

/// Solves and lets `check` judge.
fn plan(snapshot: &Snapshot) -> Plan {
    plan_with(snapshot, &Options::default())
}

fn plan_with(snapshot: &Snapshot, options: &Options<'_>) -> Plan {
    let plan = solve(snapshot, options);
    let violations = check(snapshot, &plan);
    assert!(violations.is_empty(), "{violations:?}\n{plan:#?}");
    assert!(plan.summary.lower_bound <= plan.summary.hourly_cost);
    plan
}

fn world(pools: Vec<NodePool>, pods: Vec<Vec<Pod>>) -> Snapshot {
    let start = Snapshot::builder().pods(pods.into_iter().flatten());
    pools.into_iter().fold(start, crate::SnapshotBuilder::node_pool).build().unwrap()
}

fn types(plan: &Plan) -> Vec<&str> {
    plan.nodes.iter().map(|node| node.offering.instance_type.as_str()).collect()
}

fn host<'a>(plan: &'a Plan, pod: &str) -> &'a PlannedNode {
    plan.nodes.iter().find(|node| node.pods.iter().any(|key| &*key.name == pod)).unwrap()
}

#[test]
fn one_pod_gets_the_cheapest_node_that_holds_it() {
    // 3 GiB a core is more than a c type has, and two cores are not quite two beside the kubelet.
    let plan = plan(&world(vec![pool("p")], vec![pods("a", 1, &shape(2000, 3))]));
    assert_eq!(types(&plan), ["c.4"]);
    assert_eq!(plan.summary.status, Status::Optimal);
    assert_eq!(plan.nodes[0].name.as_str(), "p-0");
    assert_eq!(plan.nodes[0].offering.zone.as_str(), "a");
    assert_eq!(plan.nodes[0].alternatives[0].zone.as_str(), "b");
}

#[test]
fn shapes_that_complement_each_other_share_nodes() {
    // First fit by CPU gives each shape its own nodes; together they fill the m types exactly.
    let lean = pods("cpu", 8, &shape(1800, 1));
    let rich = pods("mem", 8, &shape(100, 6));
    let mixed = plan(&world(vec![pool("p")], vec![lean.clone(), rich.clone()]));
    let apart = plan(&world(vec![pool("p")], vec![lean])).summary.hourly_cost.0
        + plan(&world(vec![pool("p")], vec![rich])).summary.hourly_cost.0;
    assert!(mixed.summary.hourly_cost.0 * 100 <= apart * 90, "{} of {apart}", mixed.summary.hourly_cost.0);
}

#[test]
fn higher_weight_goes_first_and_the_rest_follows_when_its_limit_is_reached() {
    let dear = NodePool { weight: 10, limits: vec![("nodes".into(), 1)], ..pool("dear") };
    let cheap =
        NodePool { requirements: [need(label::CAPACITY_TYPE, Operator::In, &["spot"])].into_iter().collect(), ..pool("cheap") };
    let plan = plan(&world(vec![dear, cheap], vec![pods("a", 30, &shape(1000, 1))]));
    assert_eq!(plan.unschedulable, []);
    let in_dear: Vec<_> = plan.nodes.iter().filter(|node| node.node_pool.as_str() == "dear").collect();
    assert_eq!(in_dear.len(), 1);
    assert_eq!(in_dear[0].pods.len(), 15, "the largest node takes as many as it can");
    assert!(plan.nodes.iter().any(|node| node.node_pool.as_str() == "cheap"));
}

#[test]
fn scarce_capacity_goes_to_high_priority_and_the_worst_alternative_keeps_the_limit() {
    let limited = NodePool { limits: vec![("cpu".into(), 8000)], ..pool("p") };
    let high = PodShape { priority: 100, ..shape(1500, 1) };
    let plan = plan(&world(vec![limited], vec![pods("high", 4, &high), pods("low", 6, &shape(1500, 1))]));
    assert_eq!(plan.unschedulable.len(), 5, "{plan:#?}");
    assert!(plan.unschedulable.iter().all(|u| u.pod.name.starts_with("low") && u.reason == Reason::LimitExceeded));
}

#[test]
fn a_pool_over_its_limit_opens_nothing() {
    let full = NodePool {
        limits: vec![("memory".into(), GI), ("nvidia.com/gpu".into(), 0)],
        usage: Resources::new().with("nvidia.com/gpu", 1),
        ..pool("p")
    };
    let plan = plan(&world(vec![full], vec![pods("a", 1, &shape(100, 0))]));
    assert_eq!(plan.unschedulable[0].reason, Reason::LimitExceeded);
}

#[test]
fn taints_keep_pods_away_unless_tolerated() {
    let tainted = NodePool { taints: vec![taint("gpu", TaintEffect::NoSchedule)], ..pool("p") };
    let tolerant = PodShape { tolerations: vec![tolerates("gpu")], ..shape(500, 1) };
    let plan = plan(&world(vec![tainted], vec![pods("in", 1, &tolerant), pods("out", 1, &shape(500, 1))]));
    assert_eq!(plan.nodes.len(), 1);
    assert_eq!(plan.unschedulable[0].pod.name.as_ref(), "out-00000");
    assert_eq!(plan.unschedulable[0].reason, Reason::TaintsNotTolerated);
}

#[test]
fn prefer_no_schedule_is_a_last_resort() {
    let soft = NodePool {
        taints: vec![taint("soft", TaintEffect::PreferNoSchedule)],
        requirements: [need(label::CAPACITY_TYPE, Operator::In, &["spot"])].into_iter().collect(),
        weight: 50,
        ..pool("soft")
    };
    let picky = PodShape { node_selector: vec![need(label::CAPACITY_TYPE, Operator::In, &["spot"])], ..shape(500, 1) };
    let plan = plan(&world(vec![soft, pool("plain")], vec![pods("any", 1, &shape(500, 1)), pods("spot", 1, &picky)]));
    assert_eq!(host(&plan, "any-00000").node_pool.as_str(), "plain");
    assert_eq!(host(&plan, "spot-00000").node_pool.as_str(), "soft");
}

#[test]
fn affinity_terms_are_alternatives_and_an_empty_term_matches_nothing() {
    let zone = |zone: &str| vec![need(label::ZONE, Operator::In, &[zone])];
    let either = PodShape { node_affinity: vec![vec![], zone("nowhere"), zone("b")], ..shape(500, 1) };
    let empty = PodShape { node_affinity: vec![vec![]], ..shape(500, 1) };
    let plan = plan(&world(vec![pool("p")], vec![pods("either", 1, &either), pods("empty", 1, &empty)]));
    assert_eq!(host(&plan, "either-00000").offering.zone.as_str(), "b");
    assert!(host(&plan, "either-00000").alternatives.iter().all(|other| other.zone.as_str() == "b"));
    assert_eq!(plan.unschedulable[0].reason, Reason::NoMatchingInstanceType);
}

#[test]
fn open_custom_labels_take_one_value_per_node() {
    let mut open = pool("p");
    open.requirements.add(need("team", Operator::In, &["x", "y", "z"]));
    open.requirements.add(need("ring", Operator::Gt, &["3"]));
    open.requirements.add(need("colour", Operator::NotIn, &["red"]));
    let team = |value: &str| PodShape { node_selector: vec![need("team", Operator::In, &[value])], ..shape(500, 1) };
    let ring = PodShape {
        node_selector: vec![need("ring", Operator::Lt, &["6"]), need("ring", Operator::NotIn, &["4"])],
        ..shape(500, 1)
    };
    let bare = PodShape { node_selector: vec![need("colour", Operator::DoesNotExist, &[])], ..shape(500, 1) };
    let red = PodShape { node_selector: vec![need("colour", Operator::In, &["red"])], ..shape(500, 1) };
    let all = [("x", team("x")), ("y", team("y")), ("ring", ring), ("bare", bare), ("red", red)];
    let plan = plan(&world(vec![open], all.iter().map(|(name, shape)| pods(name, 2, shape)).collect()));
    assert_eq!(&*host(&plan, "x-00000").labels["team"], "x");
    assert_eq!(&*host(&plan, "y-00000").labels["team"], "y");
    assert_eq!(&*host(&plan, "ring-00000").labels["ring"], "5");
    assert!(!host(&plan, "bare-00000").labels.contains_key("colour"));
    assert_eq!(plan.unschedulable.len(), 2, "red is not allowed: {:?}", plan.unschedulable);
    assert_eq!(plan.nodes.len(), 2, "x and y cannot share, everything else can: {:?}", types(&plan));
}

#[test]
fn host_ports_are_never_shared() {
    let port = |number, ip: &str| HostPort { port: number, protocol: Protocol::Tcp, ip: ip.into() };
    let on = |ports: Vec<HostPort>| PodShape { host_ports: ports, ..shape(100, 0) };
    let every = pods("every", 3, &on(vec![port(80, "")]));
    let one = pods("one", 1, &on(vec![port(80, "10.0.0.1")]));
    let other = pods("other", 1, &on(vec![port(80, "10.0.0.2")]));
    let taken = pods("taken", 1, &on(vec![port(9100, "")]));
    let exporter = daemon("exporter", on(vec![port(9100, "0.0.0.0")]));
    let mut snapshot = Snapshot::builder().node_pool(pool("p")).daemon_set(exporter);
    for more in [every, one, other, taken] {
        snapshot = snapshot.pods(more);
    }
    let plan = plan(&snapshot.build().unwrap());
    assert_eq!(plan.nodes.len(), 4, "three wildcards apart, two addresses together");
    assert_eq!(host(&plan, "one-00000").name, host(&plan, "other-00000").name);
    assert_eq!(plan.unschedulable[0].reason, Reason::HostPortInUse);
}

#[test]
fn daemonsets_take_room_where_they_run() {
    let everywhere = daemon("log", shape(400, 1));
    let on_spot = PodShape { node_selector: vec![need(label::CAPACITY_TYPE, Operator::In, &["spot"])], ..shape(1000, 1) };
    let start = Snapshot::builder().node_pool(pool("p")).daemon_set(everywhere).daemon_set(daemon("spot", on_spot));
    let plan = plan(&start.pods(pods("a", 1, &shape(1500, 2))).build().unwrap());
    assert_eq!(types(&plan), ["c.2"], "1500m and 400m make 1900m of 1900m");
    assert_eq!(plan.nodes[0].daemon_set_pods, [ObjectKey::new("kube-system", "log")]);
    assert_eq!(plan.nodes[0].requested.get("cpu"), 1900);
}

#[test]
fn existing_nodes_are_filled_before_anything_is_bought() {
    let closed = Node { schedulable: false, ..node("closed", 16, 64) };
    let fresh = Node { initialized: false, ..node("a-fresh", 4, 16) };
    let start = Snapshot::builder().node_pool(pool("p")).node(node("old", 2, 8)).node(fresh).node(closed);
    let plan = plan(&start.pods(pods("a", 8, &shape(1000, 1))).build().unwrap());
    let placed: Vec<(&str, usize)> = plan.existing_nodes.iter().map(|e| (e.node.as_str(), e.pods.len())).collect();
    assert_eq!(placed, [("old", 2), ("a-fresh", 4)]);
    assert_eq!(plan.nodes.iter().map(|node| node.pods.len()).sum::<usize>(), 2);
}

#[test]
fn existing_nodes_match_by_host_name_and_pods_slots() {
    let small =
        Node { allocatable: Resources::new().with("cpu", 8000).with("memory", 8 * GI).with("pods", 1), ..node("n", 8, 8) };
    let here = PodShape { node_selector: vec![need(label::HOSTNAME, Operator::In, &["n"])], ..shape(100, 0) };
    let plan = plan(&Snapshot::builder().node_pool(pool("p")).node(small).pods(pods("a", 2, &here)).build().unwrap());
    assert_eq!(plan.existing_nodes[0].pods.len(), 1);
    assert_eq!(plan.unschedulable.len(), 1, "a new node's name is unknown");
    assert_eq!(plan.nodes.len(), 0);
}

#[test]
fn extended_resources_and_pods_per_node_bound_what_fits() {
    let mut all = kinds();
    let mut gpu = kind("g.8", 8, 32, 1_000_000);
    gpu.capacity.set("nvidia.com/gpu", 2);
    all.push(gpu);
    let with_gpu = NodePool { instance_types: all.into(), ..pool("p") };
    let mut one_gpu = shape(500, 1);
    one_gpu.requests.set("nvidia.com/gpu", 1);
    let idle = PodShape { requests: Resources::new().with("pods", 1), ..PodShape::default() };
    let plan = plan(&world(vec![with_gpu], vec![pods("gpu", 3, &one_gpu), pods("idle", 50, &idle)]));
    assert_eq!(types(&plan).iter().filter(|name| **name == "g.8").count(), 2);
    assert!(plan.nodes.iter().all(|node| node.pods.len() <= 20));
    assert_eq!(plan.unschedulable, []);
}

#[test]
fn unsupported_pods_and_pools_are_refused_and_never_ignored() {
    let spread = PodShape { unsupported: vec![Feature::TopologySpread], ..shape(500, 1) };
    let refused = NodePool { unsupported: vec![Feature::CapacityReservation], weight: 5, ..pool("refused") };
    let below = pool("below");
    let above = NodePool {
        weight: 9,
        requirements: [need(label::ZONE, Operator::In, &["a"]), need("team", Operator::In, &["x"])].into_iter().collect(),
        ..pool("above")
    };
    let team = PodShape { node_selector: vec![need("team", Operator::In, &["x"])], ..shape(500, 1) };
    let far = PodShape { node_selector: vec![need(label::ZONE, Operator::In, &["b"])], ..shape(500, 1) };
    let plan =
        plan(&world(vec![refused, below, above], vec![pods("spread", 1, &spread), pods("team", 1, &team), pods("far", 1, &far)]));
    assert_eq!(host(&plan, "team-00000").node_pool.as_str(), "above");
    let reasons: Vec<(&str, Reason)> = plan.unschedulable.iter().map(|u| (&*u.pod.name, u.reason)).collect();
    assert_eq!(reasons, [("far-00000", Reason::NotYetSupported), ("spread-00000", Reason::NotYetSupported)]);
}

#[test]
fn a_type_without_price_or_capacity_is_never_chosen() {
    let mut cheap = kind("a.2", 2, 64, 1);
    cheap.offerings.iter_mut().for_each(|offering| offering.price = None);
    let mut gone = kind("b.2", 2, 64, 1);
    gone.offerings.iter_mut().for_each(|offering| offering.available = false);
    let mut all = kinds();
    all.extend([cheap, gone]);
    let plan = plan(&world(vec![NodePool { instance_types: all.into(), ..pool("p") }], vec![pods("a", 1, &shape(500, 1))]));
    assert_eq!(types(&plan), ["c.2"]);
}

#[test]
fn fewest_nodes_is_an_objective_of_its_own() {
    let snapshot = world(vec![pool("p")], vec![pods("a", 15, &shape(1000, 1))]);
    let fewest = plan_with(&snapshot, &Options { objective: Objective::Nodes, ..Options::default() });
    assert_eq!(types(&fewest), ["c.16"]);
    assert!(plan(&snapshot).summary.hourly_cost <= fewest.summary.hourly_cost);
}

#[test]
fn a_spark_job_costs_what_it_must() {
    // A driver on demand, six executors on spot: each part alone is small enough to be proven optimal.
    let capacity_type = |value: &str| vec![need(label::CAPACITY_TYPE, Operator::In, &[value])];
    let mut open = pool("p");
    open.requirements = [need("kubernetes.io/arch", Operator::In, &["amd64"])].into_iter().collect();
    let memory = |shape: PodShape| PodShape { requests: shape.requests.with("memory", 1633 << 20), ..shape };
    let driver = memory(PodShape { node_selector: capacity_type("on-demand"), ..shape(2000, 0) });
    let executor = memory(PodShape { node_selector: capacity_type("spot"), ..shape(1000, 0) });
    let plan = plan(&world(vec![open], vec![pods("driver", 1, &driver), pods("exec", 6, &executor)]));
    assert_eq!(host(&plan, "driver-00000").offering.instance_type.as_str(), "c.4");
    assert_eq!(plan.summary.status, Status::Optimal);
    // The driver's c.4 at 161 000; on spot c.8 holds all six at 128 400, less than any mix of smaller ones.
    assert_eq!(plan.summary.hourly_cost, MicroUsd(161_000 + 128_400));
}

#[test]
fn equal_input_gives_equal_plans_in_any_order() {
    let all: Vec<Vec<Pod>> =
        (1..12_u8).map(|n| pods(&format!("w{n}"), 7 * usize::from(n), &shape(137 * i64::from(n), i64::from(n % 5)))).collect();
    let forward = world(vec![pool("p"), NodePool { weight: 3, limits: vec![("cpu".into(), 20_000)], ..pool("q") }], all.clone());
    let backward = world(
        vec![NodePool { weight: 3, limits: vec![("cpu".into(), 20_000)], ..pool("q") }, pool("p")],
        all.into_iter().rev().map(|pods| pods.into_iter().rev().collect()).collect(),
    );
    assert_eq!(plan(&forward), plan(&backward));
    assert_eq!(plan(&forward), plan(&forward));
}

#[test]
fn no_steps_still_give_a_valid_plan_and_cancelling_is_reported() {
    let snapshot = world(vec![pool("p")], vec![pods("a", 40, &shape(900, 2)), pods("b", 33, &shape(300, 5))]);
    let first = plan_with(&snapshot, &Options { steps: Some(0), ..Options::default() });
    assert_eq!(first.unschedulable, []);
    let cancelled = plan_with(&snapshot, &Options { cancelled: Some(&|| true), ..Options::default() });
    assert_eq!(cancelled.summary.status, Status::Cut);
    assert_eq!(cancelled.unschedulable, []);
}

#[test]
fn alternatives_are_similar_cheap_and_few() {
    let snapshot = world(vec![pool("p")], vec![pods("a", 1, &shape(1500, 3))]);
    let plan = plan_with(&snapshot, &Options { alternatives: 2, price_tolerance_percent: 25, ..Options::default() });
    let node = &plan.nodes[0];
    let others: Vec<(&str, &str)> = node.alternatives.iter().map(|o| (o.instance_type.as_str(), o.zone.as_str())).collect();
    assert_eq!((node.offering.instance_type.as_str(), others), ("c.2", vec![("c.2", "b"), ("m.2", "a")]));
    assert!(node.alternatives.iter().all(|other| other.capacity_type == CapacityType::OnDemand));
}

#[test]
fn priority_decides_nothing_where_limits_leave_room_for_all() {
    let mut tight = kind("t.3", 3, 12, 100_000);
    tight.capacity.set("pods", 2);
    tight.overhead = Overhead::default();
    let open = NodePool { instance_types: Arc::new([tight]), limits: vec![("cpu".into(), 9000)], ..pool("open") };
    let closed = NodePool { limits: vec![("cpu".into(), 0)], ..pool("closed") };
    let idle = PodShape { requests: Resources::new().with("pods", 1), priority: 100, ..PodShape::default() };
    let plan = plan(&world(vec![closed, open], vec![pods("busy", 2, &shape(1500, 1)), pods("idle", 2, &idle)]));
    assert_eq!(plan.unschedulable, []);
    assert_eq!(plan.nodes.len(), 2, "apart they would need three");
}
