use super::diagnosis::{Diagnosis, diagnose};
use super::survey::{LimitsLeft, survey};
use crate::{
    CapacityType, DaemonSet, Feature, HostPort, InstanceType, Labels, MicroUsd, NodePool, ObjectKey, Offering, Operator,
    Overhead, PodShape, Protocol, Reason, Requirement, ResourceName, Resources, Snapshot, Taint, TaintEffect, Toleration,
    TolerationOperator,
};
use std::sync::Arc;

const GI: i64 = 1 << 30;

fn labels(all: &[(&str, &str)]) -> Labels {
    all.iter().map(|(key, value)| (Arc::from(*key), Arc::from(*value))).collect()
}

fn amounts(cpu: i64, memory: i64) -> Resources {
    Resources::new().with("cpu", cpu).with("memory", memory).with("pods", 1)
}

/// A type with `cpu` cores and `memory` Gi, in zones a and b.
fn instance(name: &str, arch: &str, cpu: i64, memory: i64) -> InstanceType {
    let offering = |zone: &str| Offering {
        zone: zone.into(),
        capacity_type: CapacityType::OnDemand,
        price: Some(MicroUsd(cpu * 10_000)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    InstanceType {
        name: name.into(),
        labels: labels(&[("kubernetes.io/arch", arch)]),
        capacity: Resources::new().with("cpu", cpu * 1000).with("memory", memory * GI).with("pods", 10),
        overhead: Overhead::default(),
        offerings: vec![offering("a"), offering("b")],
    }
}

fn pool(name: &str) -> NodePool {
    NodePool::new(name, Arc::from([instance("arm.small", "arm64", 2, 4), instance("x86.large", "amd64", 8, 32)]))
}

fn snapshot(pools: impl IntoIterator<Item = NodePool>) -> Snapshot {
    pools.into_iter().fold(Snapshot::builder(), crate::SnapshotBuilder::node_pool).build().unwrap()
}

fn shape(cpu: i64, memory: i64) -> PodShape {
    PodShape { requests: amounts(cpu, memory), ..PodShape::default() }
}

fn told(snapshot: &Snapshot, shape: &PodShape) -> Diagnosis {
    diagnose(snapshot, shape, &LimitsLeft::new())
}

fn steps(diagnosis: &Diagnosis) -> Vec<(&str, usize)> {
    diagnosis.funnel.iter().map(|step| (step.step.as_str(), step.remaining)).collect()
}

#[test]
fn without_a_pool_there_is_nothing_to_launch_from() {
    let diagnosis = told(&snapshot([]), &shape(1, 1));
    assert_eq!((diagnosis.reason, diagnosis.would_fit_if), (Reason::NoNodePool, None));
}

#[test]
fn a_request_beyond_every_type_names_the_largest_that_fits() {
    let diagnosis = told(&snapshot([pool("default")]), &shape(1000, 40 * GI));
    assert_eq!(diagnosis.reason, Reason::NoInstanceTypeFits);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("memory request <= 32Gi"));
    assert_eq!(
        diagnosis.message,
        "no matching instance type is big enough: it asks for memory 40Gi, and at most 32Gi is left beside daemonsets; ask for less, or \
         allow larger types in a NodePool"
    );
    assert_eq!(
        steps(&diagnosis),
        [("offerings of nodePool default", 4), ("nodePool default: requirements", 4), ("resources: memory 40Gi", 0)]
    );
}

/// Among single changes the largest share kept wins: 4 of 6 Gi on arm beats 2 of 40 cores.
#[test]
fn the_smaller_cut_wins() {
    let mut asked = shape(2000, 6 * GI);
    asked.node_selector = vec![Requirement::equals("kubernetes.io/arch", "arm64")];
    let diagnosis = told(&snapshot([pool("default")]), &asked);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("memory request <= 4Gi"));
    asked.requests.set("cpu", 3000);
    let diagnosis = told(&snapshot([pool("default")]), &asked);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("without nodeSelector kubernetes.io/arch In [arm64]"));
}

#[test]
fn daemonsets_take_their_part() {
    let daemon =
        DaemonSet { key: ObjectKey::new("kube-system", "agent"), labels: Arc::default(), shape: Arc::new(shape(500, 2 * GI)) };
    let snapshot = Snapshot::builder().node_pool(pool("default")).daemon_set(daemon).build().unwrap();
    let diagnosis = told(&snapshot, &shape(1000, 31 * GI));
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("memory request <= 30Gi"));
}

#[test]
fn a_taint_asks_for_its_toleration() {
    let taint = Taint { key: "gpu".into(), value: "true".into(), effect: TaintEffect::NoSchedule };
    let tainted = NodePool { taints: vec![taint], ..pool("gpu") };
    let diagnosis = told(&snapshot([tainted.clone()]), &shape(1, 1));
    assert_eq!(diagnosis.reason, Reason::TaintsNotTolerated);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("toleration for gpu=true:NoSchedule"));
    assert!(
        diagnosis.message.ends_with("add a toleration for gpu=true:NoSchedule of NodePool gpu, or a NodePool without taints")
    );
    assert_eq!(steps(&diagnosis), [("offerings of nodePool gpu", 4), ("nodePool gpu: taints", 0)]);
    let toleration = Toleration { key: None, operator: TolerationOperator::Exists, value: "".into(), effect: None };
    let tolerant = PodShape { tolerations: vec![toleration], ..shape(1, 1) };
    assert_eq!(survey(&snapshot([tainted]), &tolerant, &LimitsLeft::new()).open, 4);
}

#[test]
fn affinity_and_selector_fall_in_their_own_steps() {
    let mut asked = shape(1, 1);
    asked.node_selector = vec![Requirement::equals("topology.kubernetes.io/zone", "a")];
    asked.node_affinity = vec![vec![Requirement::equals("kubernetes.io/arch", "riscv")], Vec::new()];
    let diagnosis = told(&snapshot([pool("default")]), &asked);
    assert_eq!(diagnosis.reason, Reason::NoMatchingInstanceType);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("without required node affinity"));
    let expected = [
        ("offerings of nodePool default", 4),
        ("nodePool default: requirements", 4),
        ("nodeSelector topology.kubernetes.io/zone In [a]", 2),
        ("nodeAffinity", 0),
    ];
    assert_eq!(steps(&diagnosis), expected);
}

/// Taints of one pool are not what a pod fails on that is too big for the others, wherever the pools stand in the order.
#[test]
fn the_funnel_counts_all_pools_and_ends_with_the_cause() {
    let taint = Taint { key: "gpu".into(), value: "".into(), effect: TaintEffect::NoSchedule };
    let mut narrow = pool("narrow");
    narrow.requirements.add(Requirement::equals("kubernetes.io/arch", "arm64"));
    for weight in [-1, 1] {
        let tainted = NodePool { taints: vec![taint.clone()], weight, ..pool("gpu") };
        let diagnosis = told(&snapshot([tainted, narrow.clone(), pool("wide")]), &shape(1000, 40 * GI));
        assert_eq!(diagnosis.reason, Reason::NoInstanceTypeFits);
        let expected = [
            ("offerings of 3 nodePools", 12),
            ("nodePool gpu: taints", 8),
            ("nodePool narrow: requirements", 6),
            ("nodePool wide: requirements", 6),
            ("resources: memory 40Gi", 0),
        ];
        assert_eq!(steps(&diagnosis), expected);
    }
}

/// A value for an open label is chosen for the pod, and two demands on one key must agree on one value.
#[test]
fn open_labels_take_one_value_that_satisfies_all() {
    let mut open = pool("default");
    open.requirements.add(Requirement::new("team", Operator::In, &["a", "b"]).unwrap());
    open.requirements.add(Requirement::new("generation", Operator::Exists, &[] as &[&str]).unwrap());
    let snapshot = snapshot([open]);
    let mut asked = shape(1, 1);
    asked.node_selector = vec![Requirement::new("generation", Operator::Gt, &["6"]).unwrap()];
    asked.node_affinity = vec![vec![Requirement::new("team", Operator::NotIn, &["a"]).unwrap()]];
    assert_eq!(survey(&snapshot, &asked, &LimitsLeft::new()).open, 4);
    asked.node_selector.push(Requirement::new("generation", Operator::Lt, &["8"]).unwrap());
    assert_eq!(survey(&snapshot, &asked, &LimitsLeft::new()).open, 4);
    asked.node_selector.push(Requirement::equals("team", "a"));
    assert_eq!(survey(&snapshot, &asked, &LimitsLeft::new()).open, 0);
    let diagnosis = told(&snapshot, &asked);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("without nodeSelector team In [a]"));
    assert_eq!(steps(&diagnosis).last(), Some(&("nodeAffinity", 0)));
}

#[test]
fn ports_of_daemonsets_are_taken() {
    let port = |ip: &str| HostPort { port: 9100, protocol: Protocol::Tcp, ip: ip.into() };
    let daemon = PodShape { host_ports: vec![port("")], ..shape(1, 1) };
    let daemon = DaemonSet { key: ObjectKey::new("kube-system", "agent"), labels: Arc::default(), shape: Arc::new(daemon) };
    let snapshot = Snapshot::builder().node_pool(pool("default")).daemon_set(daemon).build().unwrap();
    let diagnosis = told(&snapshot, &PodShape { host_ports: vec![port("10.0.0.1")], ..shape(1, 1) });
    assert_eq!((diagnosis.reason, diagnosis.would_fit_if.as_deref()), (Reason::HostPortInUse, Some("without host ports")));
    assert_eq!(steps(&diagnosis).last(), Some(&("host ports", 0)));
}

#[test]
fn capacity_and_prices_come_after_fit() {
    let change = |edit: &dyn Fn(&mut Offering)| {
        let mut changed = pool("default");
        let mut types = changed.instance_types.to_vec();
        types.iter_mut().flat_map(|kind| &mut kind.offerings).for_each(edit);
        changed.instance_types = types.into();
        told(&snapshot([changed]), &shape(1, 1))
    };
    assert_eq!(change(&|offering| offering.available = false).reason, Reason::NoOfferingAvailable);
    assert_eq!(change(&|offering| offering.price = None).reason, Reason::NoPrice);
    let both = change(&|offering| (offering.available, offering.price) = (offering.zone.as_str() == "a", None));
    assert_eq!((both.reason, steps(&both)[2], steps(&both)[3]), (Reason::NoPrice, ("available", 2), ("priced", 0)));
}

#[test]
fn limits_say_how_far_to_raise_them() {
    let limited = NodePool {
        limits: vec![("cpu".into(), 4000), ("nodes".into(), 10)],
        usage: Resources::new().with("cpu", 3000).with("nodes", 3),
        ..pool("default")
    };
    let snapshot = snapshot([limited]);
    let diagnosis = told(&snapshot, &shape(1000, GI));
    assert_eq!(
        (diagnosis.reason, diagnosis.would_fit_if.as_deref()),
        (Reason::LimitExceeded, Some("limit cpu of nodePool default >= 5"))
    );
    assert_eq!(
        diagnosis.message,
        "the limits of the NodePools that could take it are used up: raise cpu of NodePool default from 4 to 5"
    );
    // What is left after a plan counts, where it is given.
    let left: LimitsLeft = [("default".into(), vec![(ResourceName::from("cpu"), 2000), ("nodes".into(), 0)])].into();
    let diagnosis = diagnose(&snapshot, &shape(1000, GI), &left);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("limit nodes of nodePool default >= 11"));
}

#[test]
fn unsupported_features_are_named_wherever_they_come_from() {
    let asked = PodShape { unsupported: vec![Feature::TopologySpread], ..shape(1, 1) };
    let diagnosis = told(&snapshot([pool("default")]), &asked);
    assert_eq!(diagnosis.reason, Reason::NotYetSupported);
    assert_eq!(diagnosis.would_fit_if.as_deref(), Some("without topologySpreadConstraints"));
    let two = PodShape { unsupported: vec![Feature::PodAffinity, Feature::InTreeVolume], ..shape(1, 1) };
    let diagnosis = told(&snapshot([pool("default")]), &two);
    assert!(diagnosis.message.contains("podAffinity and an in-tree volume without a claim"), "{}", diagnosis.message);
    assert_eq!(diagnosis.would_fit_if, None);
    let refused = NodePool { unsupported: vec![Feature::CapacityReservation], ..pool("flexible") };
    let diagnosis = told(&snapshot([refused.clone()]), &shape(1, 1));
    assert_eq!((diagnosis.reason, diagnosis.would_fit_if), (Reason::NotYetSupported, None));
    assert!(
        diagnosis.message.starts_with("NodePool flexible could take it, but asks for capacity reservations"),
        "{}",
        diagnosis.message
    );
    // A pool that could not take the pod anyway is not to blame.
    assert_eq!(told(&snapshot([refused]), &shape(99_000, 1)).reason, Reason::NoInstanceTypeFits);
}

#[test]
fn a_host_name_is_matched_only_by_what_nobody_can_name() {
    let pods = |operator, values: &[&str]| PodShape {
        node_selector: vec![Requirement::new("kubernetes.io/hostname", operator, values).unwrap()],
        ..shape(1, 1)
    };
    let snapshot = snapshot([pool("default")]);
    let open = |shape: &PodShape| survey(&snapshot, shape, &LimitsLeft::new()).open;
    assert_eq!(open(&pods(Operator::In, &["node-1"])), 0);
    assert_eq!(open(&pods(Operator::DoesNotExist, &[])), 0);
    assert_eq!(open(&pods(Operator::NotIn, &["node-1"])), 4);
    assert_eq!(open(&pods(Operator::Exists, &[])), 4);
}
