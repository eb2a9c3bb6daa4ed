//! Random snapshots: every rule of scheduling appears, in small numbers, so that rules meet. All choices are proptest strategies, so a
//! failing snapshot shrinks.

use super::{
    ARCH, AppExt, CAPACITY, GI, HOST, PoolExt, TYPE, ZONE, apart, app, kind, labels, need, node, pods_with, pool, port, running,
    shape, spread, taint, tolerates, world_with,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::sync::Arc;
use windlass_solver::{
    CapacityType, DaemonSet, Feature, HostPort, InstanceType, MicroUsd, Namespaces, Node, NodePolicy, NodePool, ObjectKey,
    Offering, Operator, Overhead, Pod, PodAffinityTerm, PodSelector, PodShape, Requirement, ResourceName, Resources, RunningPod,
    Snapshot, SpreadConstraint, Taint, TaintEffect, Toleration, TolerationOperator, Topology,
};

/// How large random snapshots get.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) kinds: usize,
    pub(crate) pools: usize,
    pub(crate) nodes: usize,
    pub(crate) daemon_sets: usize,
    pub(crate) shapes: usize,
    /// Most pods of one shape.
    pub(crate) copies: usize,
    /// Whether pools may have limits.
    pub(crate) limits: bool,
    /// Whether pods have rules about domains other than hosts.
    pub(crate) domains: bool,
    /// Whether there are capacity reservations.
    pub(crate) reservations: bool,
}

impl Size {
    /// For exhaustive search.
    pub(crate) const TINY: Self = Self::new([2, 2, 0, 1, 3, 2]);
    /// For exhaustive search over whole plans: up to ten pods.
    pub(crate) const EXACT: Self = Self::new([2, 2, 2, 1, 5, 2]);
    pub(crate) const SMALL: Self = Self::new([4, 3, 3, 2, 4, 4]);
    pub(crate) const MEDIUM: Self = Self::new([12, 4, 8, 4, 12, 15]);

    /// In the order of the fields.
    pub(crate) const fn new([kinds, pools, nodes, daemon_sets, shapes, copies]: [usize; 6]) -> Self {
        Self { kinds, pools, nodes, daemon_sets, shapes, copies, limits: true, domains: false, reservations: false }
    }

    pub(crate) const fn unlimited(self) -> Self {
        Self { limits: false, ..self }
    }

    pub(crate) const fn with_domains(self) -> Self {
        Self { domains: true, ..self }
    }

    pub(crate) const fn with_reservations(self) -> Self {
        Self { reservations: true, ..self }
    }
}

/// Snapshots of at most this size.
pub(crate) fn snapshots(size: Size) -> impl Strategy<Value = Snapshot> {
    let kinds = (1..=size.kinds).prop_flat_map(|count| (0..count).map(instance_type).collect::<Vec<_>>());
    // Without reservations nothing more is drawn, so that equal seeds go on giving the cases they gave.
    let kinds = if size.reservations { reserving(kinds, size.kinds).boxed() } else { kinds.boxed() };
    let pools = kinds.prop_flat_map(move |kinds| {
        let kinds: Arc<[InstanceType]> = kinds.into();
        vec(node_pool(size.limits), 1..=size.pools).prop_map(move |mut pools| {
            for (index, pool) in pools.iter_mut().enumerate() {
                pool.name = format!("p{index}").as_str().into();
                pool.instance_types = Arc::clone(&kinds);
            }
            pools
        })
    });
    let nodes = vec(existing_node(), 0..=size.nodes).prop_map(|mut nodes| {
        for (index, node) in nodes.iter_mut().enumerate() {
            let name = format!("node-{index}");
            node.name = name.as_str().into();
            node.labels.insert("kubernetes.io/hostname".into(), name.into());
        }
        nodes
    });
    let pods = vec((pod_shape(size.domains), select(vec!["a", "b", "c"]), 1..=size.copies), 1..=size.shapes).prop_map(|groups| {
        let groups = groups.into_iter().enumerate();
        let copies = |(index, (shape, value, count)): (usize, (PodShape, &str, usize))| {
            copies(&format!("g{index}"), &Arc::new(shape), count).app(value)
        };
        groups.flat_map(copies).collect::<Vec<Pod>>()
    });
    let daemon = (daemon_shape(), select(vec!["a", "b", "d", "d"]), rarely(4), pod_selectors());
    let daemon_sets = vec(daemon, 0..=size.daemon_sets).prop_map(|shapes| {
        let named = |(index, (mut shape, value, guards, selector)): (usize, (PodShape, &str, bool, PodSelector))| {
            if guards {
                shape.topology.anti_affinity.push(apart(selector));
            }
            DaemonSet {
                key: ObjectKey::new("default", format!("d{index}")),
                labels: Arc::new(labels(&[("app", value)])),
                shape: Arc::new(shape),
            }
        };
        shapes.into_iter().enumerate().map(named).collect::<Vec<_>>()
    });
    let slots = if size.reservations { vec(0..=2_u32, size.kinds).boxed() } else { Just(Vec::new()).boxed() };
    (pools, nodes, daemon_sets, pods, slots).prop_map(|(pools, nodes, daemon_sets, pods, slots)| {
        let slots = slots.into_iter().enumerate().map(|(index, slots)| (reservation(index), slots));
        world_with(pools, nodes, daemon_sets, pods, slots)
    })
}

fn reserving(kinds: impl Strategy<Value = Vec<InstanceType>>, most: usize) -> impl Strategy<Value = Vec<InstanceType>> {
    (kinds, vec(any::<bool>(), most)).prop_map(|(mut kinds, wanted)| {
        let chosen = kinds.iter_mut().zip(wanted).enumerate().filter(|(_, (_, wanted))| *wanted);
        chosen.for_each(|(index, (kind, _))| reserve(kind, index));
        kinds
    })
}

fn reservation(kind: usize) -> Arc<str> {
    format!("cr-{kind}").into()
}

/// Adds a capacity reservation in zone `b`.
fn reserve(kind: &mut InstanceType, index: usize) {
    let like = kind.offerings[2].clone();
    let id = [("karpenter.k8s.aws/capacity-reservation-id".into(), reservation(index))].into();
    kind.offerings.push(Offering {
        capacity_type: CapacityType::Reserved,
        price: Some(MicroUsd(1)),
        available: true,
        labels: id,
        ..like
    });
}

fn copies(name: &str, shape: &Arc<PodShape>, count: usize) -> Vec<Pod> {
    let key = |index| ObjectKey::new("default", format!("{name}-{index}"));
    (0..count).map(|index| Pod { key: key(index), labels: Arc::default(), shape: Arc::clone(shape) }).collect()
}

/// `true` once in `n`.
fn rarely(n: u32) -> impl Strategy<Value = bool> {
    (0..n).prop_map(move |draw| draw == n - 1)
}

fn instance_type(index: usize) -> impl Strategy<Value = InstanceType> {
    let market = (8..14_i64, rarely(8), rarely(10));
    (1..=8_i64, 1..=4_i64, 2..=8_i64, rarely(4), any::<bool>(), vec(market, 4)).prop_map(
        move |(cpu, ratio, pods, gpu, arm, markets)| {
            let mut made = kind(&format!("t{index}"), cpu, cpu * ratio);
            made.capacity.set("pods", pods);
            made.overhead = Overhead {
                kube_reserved: Resources::new().with("cpu", 80).with("memory", GI / 4),
                system_reserved: Resources::new(),
                eviction_threshold: Resources::new().with("memory", GI / 10),
            };
            if arm {
                made.labels.insert(ARCH.into(), "arm64".into());
            }
            if gpu {
                made.capacity.set("nvidia.com/gpu", 2);
                made.labels.insert("karpenter.k8s.aws/instance-gpu-name".into(), "t4".into());
            }
            for (offering, (price, unavailable, unpriced)) in made.offerings.iter_mut().zip(markets) {
                offering.price = offering.price.map(|base| MicroUsd(base.0 * price / 10)).filter(|_| !unpriced);
                offering.available = !unavailable;
            }
            made
        },
    )
}

/// What pools may require: well-known labels, and custom ones that stay open.
fn pool_requirements() -> Vec<Requirement> {
    vec![
        need(ZONE, Operator::In, &["a"]),
        need(CAPACITY, Operator::NotIn, &["spot"]),
        need(CAPACITY, Operator::In, &["spot", "on-demand"]),
        need(ARCH, Operator::In, &["amd64", "arm64"]),
        need(TYPE, Operator::NotIn, &["t1"]),
        need("karpenter.k8s.aws/instance-cpu", Operator::Gt, &["2"]),
        need("karpenter.k8s.aws/instance-gpu-name", Operator::DoesNotExist, &[]),
        need("team", Operator::In, &["x", "y"]),
        need("team", Operator::Exists, &[]),
        need("team", Operator::NotIn, &["x"]),
        need("generation", Operator::Gt, &["3"]),
        need("generation", Operator::In, &["4"]),
    ]
}

/// What pods and daemonsets may ask of labels.
fn selections() -> Vec<Requirement> {
    vec![
        need(ZONE, Operator::In, &["a"]),
        need(ZONE, Operator::NotIn, &["a"]),
        need(CAPACITY, Operator::In, &["on-demand"]),
        need(ARCH, Operator::In, &["arm64"]),
        need(ARCH, Operator::NotIn, &["arm64"]),
        need(TYPE, Operator::In, &["t0", "t1"]),
        need("karpenter.sh/nodepool", Operator::In, &["p0"]),
        need("karpenter.k8s.aws/instance-cpu", Operator::Lt, &["6"]),
        need("karpenter.k8s.aws/instance-gpu-name", Operator::Exists, &[]),
        need("topology.k8s.aws/zone-id", Operator::In, &["id-b"]),
        need("team", Operator::In, &["x"]),
        need("team", Operator::In, &["y", "z"]),
        need("team", Operator::NotIn, &["x"]),
        need("team", Operator::Exists, &[]),
        need("team", Operator::DoesNotExist, &[]),
        need("generation", Operator::Gt, &["5"]),
        need("generation", Operator::Lte, &["6"]),
        need("tier", Operator::In, &["gold"]),
        need("kubernetes.io/hostname", Operator::In, &["node-0"]),
        need("kubernetes.io/hostname", Operator::NotIn, &["node-1"]),
        need("kubernetes.io/hostname", Operator::Exists, &[]),
    ]
}

fn taints() -> Vec<Taint> {
    vec![
        taint("dedicated", "db", TaintEffect::NoSchedule),
        taint("gpu", "", TaintEffect::NoExecute),
        taint("slow", "", TaintEffect::PreferNoSchedule),
    ]
}

/// Mostly none.
fn some_taints() -> impl Strategy<Value = Vec<Taint>> {
    prop_oneof![4 => Just(Vec::new()), 1 => subsequence(taints(), 1..=2)]
}

fn tolerations() -> impl Strategy<Value = Vec<Toleration>> {
    let all = vec![
        tolerates("dedicated", TolerationOperator::Equal, "db", None),
        tolerates("dedicated", TolerationOperator::Equal, "web", None),
        tolerates("gpu", TolerationOperator::Exists, "", Some(TaintEffect::NoExecute)),
        tolerates("gpu", TolerationOperator::Exists, "", Some(TaintEffect::NoSchedule)),
        tolerates("slow", TolerationOperator::Exists, "", None),
        tolerates("", TolerationOperator::Exists, "", None),
    ];
    prop_oneof![3 => Just(Vec::new()), 2 => subsequence(all, 1..=2)]
}

fn host_ports() -> impl Strategy<Value = Vec<HostPort>> {
    let all = vec![port(80, ""), port(80, "10.0.0.1"), port(80, "10.0.0.2"), port(443, "0.0.0.0")];
    prop_oneof![5 => Just(Vec::new()), 1 => subsequence(all, 1..=2)]
}

fn node_pool(limits: bool) -> impl Strategy<Value = NodePool> {
    let bounds = vec![("cpu", 12_000), ("cpu", 3_000), ("memory", 20 * GI), ("nodes", 2), ("nvidia.com/gpu", 0), ("cpu", 0)];
    let bounds = if limits {
        prop_oneof![2 => Just(Vec::new()), 1 => subsequence(bounds, 1..=2)].boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    let requirements = prop_oneof![1 => Just(Vec::new()), 2 => subsequence(pool_requirements(), 1..=3)];
    let used = prop_oneof![2 => Just(0_i64), 1 => 1..=4_i64];
    (select(vec![0, 0, 0, 10]), requirements, some_taints(), some_taints(), bounds, used, any::<bool>(), rarely(16)).prop_map(
        |(weight, requirements, taints, startup_taints, bounds, used, gold, unsupported)| {
            let mut made = pool("").weighing(weight);
            for requirement in requirements {
                made.requirements.add(requirement);
            }
            if gold {
                made = made.labelled("tier", "gold");
            }
            for (resource, amount) in bounds {
                made.limits.retain(|(known, _)| known.as_str() != resource);
                made.limits.push((ResourceName::from(resource), amount));
            }
            made.usage = Resources::new().with("cpu", used * 1000).with("memory", used * GI).with("nodes", used.min(1));
            made.unsupported = if unsupported { vec![Feature::CapacityReservation] } else { Vec::new() };
            NodePool { taints, startup_taints, ..made }
        },
    )
}

fn existing_node() -> impl Strategy<Value = Node> {
    let names = labels(&[("team", "x"), ("generation", "5"), ("tier", "gold"), ("karpenter.k8s.aws/instance-gpu-name", "t4")]);
    let names = subsequence(names.into_iter().collect::<Vec<_>>(), 0..=3);
    let place = (select(vec!["a", "b"]), select(vec!["amd64", "arm64"]), names);
    let used = (0..=5_i64, 0..=9_i64, 0..=10_i64);
    (place, some_taints(), host_ports(), used, rarely(5), rarely(3), running_pods()).prop_map(
        |((zone, arch, more), taints, host_ports, (cpu, memory, pods), cordoned, initializing, running)| {
            let mut made = node("");
            made.labels = labels(&[(ZONE, zone), (ARCH, arch)]);
            made.labels.extend(more);
            made.requested = Resources::new().with("cpu", cpu * 1000).with("memory", memory * GI).with("pods", pods);
            Node { taints, host_ports, schedulable: !cordoned, initialized: !initializing, running, ..made }
        },
    )
}

fn selectors() -> impl Strategy<Value = Vec<Requirement>> {
    prop_oneof![3 => Just(Vec::new()), 2 => subsequence(selections(), 1..=2)]
}

fn affinity() -> impl Strategy<Value = Vec<Vec<Requirement>>> {
    let term = prop_oneof![1 => Just(Vec::new()), 8 => subsequence(selections(), 1..=2)];
    prop_oneof![4 => Just(Vec::new()), 1 => vec(term, 1..=3)]
}

/// Zonal volumes, a volume of one machine, and one that allows a choice.
fn volumes() -> impl Strategy<Value = Vec<Vec<Vec<Requirement>>>> {
    let zone = |zone: &str| vec![need(ZONE, Operator::In, &[zone])];
    let local = vec![need("kubernetes.io/hostname", Operator::In, &["node-0"])];
    let kinds = vec![vec![zone("a")], vec![zone("b")], vec![zone("a"), zone("b")], vec![local], vec![Vec::new(), zone("b")]];
    prop_oneof![6 => Just(Vec::new()), 1 => vec(select(kinds), 1..=2)]
}

fn pod_shape(domains: bool) -> impl Strategy<Value = PodShape> {
    let cpu = prop_oneof![1 => Just(0), 6 => (1..=30_i64).prop_map(|n| n * 100), 1 => (30..=90_i64).prop_map(|n| n * 100)];
    let memory = prop_oneof![1 => Just(0), 6 => (1..=24_i64).prop_map(|n| n * GI / 8), 1 => (3..=30_i64).prop_map(|n| n * GI)];
    let rest = (rarely(8), rarely(16), select(vec![0, 0, 0, -5, 100]), volumes(), rarely(20), topology(domains));
    (cpu, memory, selectors(), affinity(), tolerations(), host_ports(), rest).prop_map(
        |(
            cpu,
            memory,
            node_selector,
            node_affinity,
            tolerations,
            host_ports,
            (gpu, unsupported, priority, volume_topology, waits, topology),
        )| {
            let mut made = shape(cpu, memory);
            made.not_ready = waits.then(|| "a volume is not ready".into());
            if gpu {
                made.requests.set("nvidia.com/gpu", 1);
            }
            let unsupported = if unsupported { vec![Feature::ResourceClaim] } else { Vec::new() };
            PodShape {
                node_selector,
                node_affinity,
                tolerations,
                host_ports,
                volume_topology,
                unsupported,
                priority,
                topology,
                ..made
            }
        },
    )
}

/// Which pods rules are about.
pub(crate) fn pod_selectors() -> impl Strategy<Value = PodSelector> {
    let everywhere = PodSelector { namespaces: Namespaces::All, labels: Some(vec![need("app", Operator::In, &["a", "b"])]) };
    select(vec![
        app("a"),
        app("a"),
        app("b"),
        everywhere,
        pods_with(&[need("app", Operator::NotIn, &["a"])]),
        pods_with(&[]),
        PodSelector { labels: None, ..app("a") },
    ])
}

/// Mostly none.
fn topology(domains: bool) -> impl Strategy<Value = Topology> {
    let terms = vec(pod_selectors(), 0..=2).prop_map(|all| all.into_iter().map(apart).collect::<Vec<_>>());
    let spreads = vec((1..=3_u32, pod_selectors()), 0..=2);
    let spreads = spreads.prop_map(|all| all.into_iter().map(|(skew, selector)| spread(skew, selector)).collect::<Vec<_>>());
    let company = prop_oneof![4 => Just(Vec::new()), 1 => vec(pod_selectors(), 1..=2)];
    let company = company.prop_map(|all| all.into_iter().map(apart).collect::<Vec<_>>());
    let some = (terms, spreads, company, rarely(12)).prop_map(|(mut anti_affinity, spread, affinity, zonal)| {
        if let Some(term) = anti_affinity.first_mut().filter(|_| zonal) {
            term.topology_key = ZONE.into();
        }
        Topology { spread, affinity, anti_affinity, ..Topology::default() }
    });
    if domains {
        prop_oneof![3 => Just(Topology::default()), 1 => some, 5 => wide_topology()].boxed()
    } else {
        prop_oneof![3 => Just(Topology::default()), 2 => some].boxed()
    }
}

fn wide_key() -> impl Strategy<Value = &'static str> {
    select(vec![ZONE, ZONE, ZONE, CAPACITY, "team", TYPE, ARCH])
}

/// Rules about domains other than hosts, sometimes with rules about hosts beside them.
fn wide_topology() -> impl Strategy<Value = Topology> {
    let policy = || prop_oneof![2 => Just(NodePolicy::Honor), 1 => Just(NodePolicy::Ignore)];
    let one = (
        wide_key(),
        1..=3_u32,
        pod_selectors(),
        policy(),
        policy(),
        prop_oneof![4 => Just(None), 1 => (1..=3_u32).prop_map(Some)],
    );
    let one = one.prop_map(|(key, skew, selector, node_affinity_policy, node_taints_policy, min_domains)| SpreadConstraint {
        topology_key: key.into(),
        node_affinity_policy,
        node_taints_policy,
        min_domains,
        ..spread(skew, selector)
    });
    let term = || {
        (wide_key(), pod_selectors()).prop_map(|(key, selector)| PodAffinityTerm { topology_key: key.into(), ..apart(selector) })
    };
    let with = prop_oneof![3 => vec(term(), 0), 2 => vec(term(), 1), 1 => vec(term(), 2)];
    let apart_from = prop_oneof![2 => vec(term(), 0), 1 => vec(term(), 1)];
    let hosts = prop_oneof![5 => Just(None), 1 => (1..=3_u32, pod_selectors()).prop_map(Some)];
    let zone = prop_oneof![8 => Just(Vec::new()), 1 => vec(pod_selectors(), 1)];
    (vec(one, 0..=2), with, apart_from, hosts, zone).prop_map(|(mut spread, affinity, anti_affinity, host, same_zone)| {
        spread.extend(host.map(|(skew, selector)| crate::support::spread(skew, selector)));
        Topology { spread, affinity, anti_affinity, same_zone, company: Vec::new() }
    })
}

fn running_pods() -> impl Strategy<Value = Vec<RunningPod>> {
    let guard = (select(vec![HOST, HOST, ZONE, "team"]), pod_selectors());
    let guard = guard.prop_map(|(key, selector)| PodAffinityTerm { topology_key: key.into(), ..apart(selector) });
    let guards = prop_oneof![3 => Just(Vec::new()), 1 => vec(guard, 1)];
    let one = (select(vec!["a", "b", "c"]), 1..=3_u32, guards, rarely(4));
    let one = one.prop_map(|(value, count, anti_affinity, terminating)| RunningPod {
        anti_affinity,
        terminating,
        ..running(value, count)
    });
    prop_oneof![2 => Just(Vec::new()), 1 => vec(one, 1..=2)]
}

fn daemon_shape() -> impl Strategy<Value = PodShape> {
    (0..=4_i64, 0..=4_i64, selectors(), tolerations(), host_ports(), rarely(8)).prop_map(
        |(cpu, memory, node_selector, tolerations, host_ports, unsupported)| {
            let unsupported = if unsupported { vec![Feature::InTreeVolume] } else { Vec::new() };
            PodShape { node_selector, tolerations, host_ports, unsupported, ..shape(cpu * 50, memory * GI / 16) }
        },
    )
}
