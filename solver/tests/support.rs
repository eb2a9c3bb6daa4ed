//! Builders for small snapshots, and the pieces that properties are made of.

pub(crate) mod exhaustive;
pub(crate) mod oracle;
pub(crate) mod random;
pub(crate) mod rules;
pub(crate) mod wishes;

use std::sync::Arc;
use windlass_solver::{
    CapacityType, DaemonSet, Feature, HostPort, InstanceType, Labels, MicroUsd, MinValues, MinValuesPolicy, Namespaces, Node,
    NodePolicy, NodePool, ObjectKey, Offering, Operator, Options, Overhead, Plan, Pod, PodAffinityTerm, PodSelector, PodShape,
    Protocol, Requirement, ResourceName, Resources, RunningPod, Snapshot, SpreadConstraint, Taint, TaintEffect, Toleration,
    TolerationOperator, WhenUnsatisfiable, check, solve,
};

pub(crate) const GI: i64 = 1 << 30;
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
pub(crate) const CAPACITY: &str = "karpenter.sh/capacity-type";
pub(crate) const TYPE: &str = "node.kubernetes.io/instance-type";
pub(crate) const ARCH: &str = "kubernetes.io/arch";

pub(crate) fn labels(all: &[(&str, &str)]) -> Labels {
    all.iter().map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect()
}

pub(crate) fn need(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new(key, operator, values).unwrap()
}

pub(crate) fn taint(key: &str, value: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.into(), value: value.into(), effect }
}

pub(crate) fn tolerates(key: &str, operator: TolerationOperator, value: &str, effect: Option<TaintEffect>) -> Toleration {
    Toleration { key: (!key.is_empty()).then(|| key.into()), operator, value: value.into(), effect }
}

pub(crate) fn port(number: u16, ip: &str) -> HostPort {
    HostPort { port: number, protocol: Protocol::Tcp, ip: ip.into() }
}

/// A type of `cpu` cores and `memory` Gi with 10 pods, sold on demand in zones `a` and `b` at 10,000 micro dollars per core, spot at half.
pub(crate) fn kind(name: &str, cpu: i64, memory: i64) -> InstanceType {
    let offering = |zone: &str, capacity_type, price| Offering {
        zone: zone.into(),
        capacity_type,
        price: Some(MicroUsd(price)),
        available: true,
        interruption: None,
        labels: labels(&[("topology.k8s.aws/zone-id", &format!("id-{zone}"))]),
    };
    InstanceType {
        name: name.into(),
        labels: labels(&[(ARCH, "amd64"), ("kubernetes.io/os", "linux"), ("karpenter.k8s.aws/instance-cpu", &cpu.to_string())]),
        capacity: Resources::new().with("cpu", cpu * 1000).with("memory", memory * GI).with("pods", 10),
        overhead: Overhead::default(),
        offerings: vec![
            offering("a", CapacityType::Spot, cpu * 5_000),
            offering("a", CapacityType::OnDemand, cpu * 10_000),
            offering("b", CapacityType::Spot, cpu * 5_000),
            offering("b", CapacityType::OnDemand, cpu * 10_000),
        ],
    }
}

/// `small` (2 cores, 4 Gi), `large` (8 cores, 32 Gi) and `arm` (2 cores, 4 Gi, arm64, 10 % cheaper).
pub(crate) fn kinds() -> Vec<InstanceType> {
    let mut arm = kind("arm", 2, 4);
    arm.labels.insert(ARCH.into(), "arm64".into());
    for offering in &mut arm.offerings {
        offering.price = offering.price.map(|price| MicroUsd(price.0 * 9 / 10));
    }
    vec![arm, kind("large", 8, 32), kind("small", 2, 4)]
}

/// A pool of all `kinds` without any bound.
pub(crate) fn pool(name: &str) -> NodePool {
    NodePool::new(name, kinds().into())
}

/// `NodePool`, changed in one expression.
pub(crate) trait PoolExt: Sized {
    fn requires(self, key: &str, operator: Operator, values: &[&str]) -> Self;
    fn labelled(self, key: &str, value: &str) -> Self;
    fn tainted(self, taint: Taint) -> Self;
    fn limited(self, resource: &str, amount: i64) -> Self;
    fn weighing(self, weight: i32) -> Self;
    fn types(self, kinds: impl IntoIterator<Item = InstanceType>) -> Self;
    fn refusing(self, feature: Feature) -> Self;
    fn varied(self, key: &str, count: u32) -> Self;
    fn relenting(self) -> Self;
    fn keeping(self, replicas: u32) -> Self;
}

impl PoolExt for NodePool {
    fn requires(mut self, key: &str, operator: Operator, values: &[&str]) -> Self {
        self.requirements.add(need(key, operator, values));
        self
    }
    fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.into(), value.into());
        self.requires(key, Operator::In, &[value])
    }
    fn tainted(mut self, taint: Taint) -> Self {
        self.taints.push(taint);
        self
    }
    fn limited(mut self, resource: &str, amount: i64) -> Self {
        self.limits.push((ResourceName::from(resource), amount));
        self
    }
    fn weighing(mut self, weight: i32) -> Self {
        self.weight = weight;
        self
    }
    fn types(mut self, kinds: impl IntoIterator<Item = InstanceType>) -> Self {
        self.instance_types = kinds.into_iter().collect();
        self
    }
    /// With `minValues` on a key.
    fn varied(mut self, key: &str, count: u32) -> Self {
        self.min_values.push(MinValues { key: key.into(), count });
        self
    }
    /// With `minValues` relaxed where they cannot be had.
    fn relenting(mut self) -> Self {
        self.min_values_policy = MinValuesPolicy::BestEffort;
        self
    }
    /// Static.
    fn keeping(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }
    fn refusing(mut self, feature: Feature) -> Self {
        self.unsupported.push(feature);
        self
    }
}

/// What a pod asks for: millicores, bytes, and its place among the pods of a node.
pub(crate) fn shape(cpu: i64, memory: i64) -> PodShape {
    PodShape { requests: Resources::new().with("cpu", cpu).with("memory", memory).with("pods", 1), ..PodShape::default() }
}

/// `PodShape`, changed in one expression.
pub(crate) trait ShapeExt: Sized {
    fn selecting(self, key: &str, value: &str) -> Self;
    fn term(self, requirements: &[Requirement]) -> Self;
    fn tolerating(self, toleration: Toleration) -> Self;
    fn on_port(self, port: HostPort) -> Self;
    fn asking(self, resource: &str, amount: i64) -> Self;
    fn at_priority(self, priority: i32) -> Self;
    fn using(self, feature: Feature) -> Self;
    fn volume(self, terms: &[&[Requirement]]) -> Self;
    fn waiting(self, why: &str) -> Self;
    fn apart(self, selector: PodSelector) -> Self;
    fn spread(self, max_skew: u32, selector: PodSelector) -> Self;
    fn pod(self, name: &str) -> Pod;
    fn pods(self, name: &str, count: usize) -> Vec<Pod>;
    fn daemon(self, name: &str) -> DaemonSet;
}

impl ShapeExt for PodShape {
    fn selecting(mut self, key: &str, value: &str) -> Self {
        self.node_selector.push(Requirement::equals(key, value));
        self
    }
    fn term(mut self, requirements: &[Requirement]) -> Self {
        self.node_affinity.push(requirements.to_vec());
        self
    }
    fn tolerating(mut self, toleration: Toleration) -> Self {
        self.tolerations.push(toleration);
        self
    }
    fn on_port(mut self, port: HostPort) -> Self {
        self.host_ports.push(port);
        self
    }
    fn asking(mut self, resource: &str, amount: i64) -> Self {
        self.requests.set(resource, amount);
        self
    }
    fn at_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
    fn using(mut self, feature: Feature) -> Self {
        self.unsupported.push(feature);
        self
    }
    fn volume(mut self, terms: &[&[Requirement]]) -> Self {
        self.volume_topology.push(terms.iter().map(|term| term.to_vec()).collect());
        self
    }
    fn waiting(mut self, why: &str) -> Self {
        self.not_ready = Some(why.into());
        self
    }
    fn apart(mut self, selector: PodSelector) -> Self {
        self.topology.anti_affinity.push(apart(selector));
        self
    }
    fn spread(mut self, max_skew: u32, selector: PodSelector) -> Self {
        self.topology.spread.push(spread(max_skew, selector));
        self
    }
    fn pod(self, name: &str) -> Pod {
        Pod { key: ObjectKey::new("default", name), labels: Arc::default(), shape: Arc::new(self) }
    }
    fn pods(self, name: &str, count: usize) -> Vec<Pod> {
        let shape = Arc::new(self);
        let key = |index| ObjectKey::new("default", format!("{name}-{index}"));
        (0..count).map(|index| Pod { key: key(index), labels: Arc::default(), shape: Arc::clone(&shape) }).collect()
    }
    fn daemon(self, name: &str) -> DaemonSet {
        DaemonSet { key: ObjectKey::new("kube-system", name), labels: Arc::default(), shape: Arc::new(self) }
    }
}

/// An initialized node in zone `a` with 4 cores, 8 Gi and 10 pods, empty.
pub(crate) fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        node_pool: None,
        labels: labels(&[(ZONE, "a"), (ARCH, "amd64"), ("kubernetes.io/hostname", name)]),
        taints: Vec::new(),
        allocatable: Resources::new().with("cpu", 4000).with("memory", 8 * GI).with("pods", 10),
        requested: Resources::new(),
        host_ports: Vec::new(),
        schedulable: true,
        initialized: true,
        pods: Vec::new(),
        running: Vec::new(),
    }
}

/// A snapshot of these objects.
pub(crate) fn world(
    pools: impl IntoIterator<Item = NodePool>,
    nodes: impl IntoIterator<Item = Node>,
    daemon_sets: impl IntoIterator<Item = DaemonSet>,
    pods: impl IntoIterator<Item = Pod>,
) -> Snapshot {
    world_with(pools, nodes, daemon_sets, pods, [])
}

/// The same with capacity reservations.
pub(crate) fn world_with(
    pools: impl IntoIterator<Item = NodePool>,
    nodes: impl IntoIterator<Item = Node>,
    daemon_sets: impl IntoIterator<Item = DaemonSet>,
    pods: impl IntoIterator<Item = Pod>,
    reservations: impl IntoIterator<Item = (Arc<str>, u32)>,
) -> Snapshot {
    let builder = Snapshot::builder().pods(pods);
    let builder = reservations.into_iter().fold(builder, |builder, (id, slots)| builder.reservation(id, slots));
    let builder = pools.into_iter().fold(builder, windlass_solver::SnapshotBuilder::node_pool);
    let builder = nodes.into_iter().fold(builder, windlass_solver::SnapshotBuilder::node);
    daemon_sets.into_iter().fold(builder, windlass_solver::SnapshotBuilder::daemon_set).build().unwrap()
}

/// Solves with default options and insists that the plan is valid.
pub(crate) fn solved(snapshot: &Snapshot) -> Plan {
    solved_with(snapshot, &Options::default())
}

/// Solves and insists that the plan is valid.
pub(crate) fn solved_with(snapshot: &Snapshot, options: &Options<'_>) -> Plan {
    let plan = solve(snapshot, options);
    let violations = check(snapshot, &plan);
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(texts.is_empty(), "{texts:#?}\n{plan:#?}");
    plan
}

pub(crate) const HOST: &str = "kubernetes.io/hostname";

/// Pods of namespace `default` with `app: value`.
pub(crate) fn app(value: &str) -> PodSelector {
    pods_with(&[Requirement::equals("app", value)])
}

/// Pods of namespace `default` whose labels satisfy all of these.
pub(crate) fn pods_with(labels: &[Requirement]) -> PodSelector {
    PodSelector { namespaces: Namespaces::Only(["default".into()].into()), labels: Some(labels.to_vec()) }
}

/// Required anti-affinity on one host.
pub(crate) fn apart(selector: PodSelector) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: HOST.into(), selector, weight: None }
}

/// A required spread over hosts.
pub(crate) fn spread(max_skew: u32, selector: PodSelector) -> SpreadConstraint {
    SpreadConstraint {
        topology_key: HOST.into(),
        max_skew,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        min_domains: None,
        node_affinity_policy: NodePolicy::Honor,
        node_taints_policy: NodePolicy::Ignore,
        selector,
    }
}

/// Pods with `app: value`.
pub(crate) trait AppExt {
    fn app(self, value: &str) -> Self;
    fn in_namespace(self, namespace: &str) -> Self;
}

impl AppExt for Pod {
    fn app(self, value: &str) -> Self {
        Pod { labels: Arc::new(labels(&[("app", value)])), ..self }
    }
    fn in_namespace(self, namespace: &str) -> Self {
        Pod { key: ObjectKey::new(namespace, self.key.name.clone()), ..self }
    }
}

impl AppExt for Vec<Pod> {
    fn app(self, value: &str) -> Self {
        self.into_iter().map(|pod| pod.app(value)).collect()
    }
    fn in_namespace(self, namespace: &str) -> Self {
        self.into_iter().map(|pod| pod.in_namespace(namespace)).collect()
    }
}

/// So many pods with `app: value` that run in namespace `default`.
pub(crate) fn running(value: &str, count: u32) -> RunningPod {
    RunningPod {
        namespace: "default".into(),
        labels: Arc::new(labels(&[("app", value)])),
        anti_affinity: Vec::new(),
        count,
        terminating: false,
    }
}
