//! `check` finds each broken rule, and nothing else: a valid plan is corrupted in one way at a time.

use crate::support::oracle::places;
use crate::support::{
    ARCH, CAPACITY, GI, PoolExt, ShapeExt, TYPE, ZONE, kinds, need, node, pool, port, shape, taint, tolerates, world,
};
use windlass_solver::plan::{Certificate, ExistingPlacement, OfferingRef};
use windlass_solver::{
    CapacityType, Feature, MicroUsd, NodePool, ObjectKey, Operator, Plan, Reason, Requirement, Snapshot, Status, Summary,
    TaintEffect, TolerationOperator, Unschedulable, Violation, check,
};

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

/// Two pools, a daemonset, two existing nodes, five pods of four shapes.
fn snapshot() -> Snapshot {
    let dedicated = taint("dedicated", "db", TaintEffect::NoSchedule);
    let default = pool("default").requires("team", Operator::In, &["x", "y"]).requires(CAPACITY, Operator::NotIn, &["reserved"]);
    let default = NodePool { taints: vec![dedicated.clone()], ..default }.limited("cpu", 20_000).limited("nodes", 4);
    let mut types = kinds();
    // On `large`, `b` on demand is out of capacity and `b` spot has no price.
    types[1].offerings[3].available = false;
    types[1].offerings[2].price = None;
    let mut refused = pool("refused").refusing(Feature::CapacityReservation);
    refused.weight = -1;
    let mut cordoned = node("cordoned");
    cordoned.schedulable = false;
    let mut used = node("used");
    used.taints = vec![dedicated];
    used.host_ports = vec![port(443, "")];
    let tolerant = || shape(1000, GI).tolerating(tolerates("dedicated", TolerationOperator::Equal, "db", None));
    let team = tolerant().selecting("team", "x").term(&[need(TYPE, Operator::In, &["small", "large"])]);
    world(
        [default.types(types), refused],
        [used, cordoned],
        [tolerant().asking("cpu", 100).on_port(port(9100, "")).daemon("agent")],
        [
            team.clone().pod("team-0"),
            team.pod("team-1"),
            tolerant().on_port(port(80, "")).pod("web"),
            tolerant().on_port(port(80, "")).pod("web-2"),
            tolerant().using(Feature::InTreeVolume).pod("volume"),
        ],
    )
}

/// Both team pods share a `large`, one web pod an `arm`, the other the existing node; the pod with a volume has no place.
fn plan(snapshot: &Snapshot) -> Plan {
    let pod = |name: &str| snapshot.pods().iter().find(|pod| *pod.key.name == *name).unwrap();
    let places = places(snapshot);
    let find = |kind: &str, team: &str| {
        let of = |place: &&crate::support::oracle::Place<'_>, pods: &[_]| {
            place.kind.name.as_str() == kind && place.node("n", pods).labels.get("team").is_some_and(|value| **value == *team)
        };
        places.iter().find(|place| of(place, &[])).unwrap()
    };
    let mut large = find("large", "x").node("default-0", &[pod("team-0"), pod("team-1")]);
    let dearer = OfferingRef { price: MicroUsd(80_000), capacity_type: CapacityType::OnDemand, ..large.offering.clone() };
    large.alternatives = vec![dearer];
    let arm = find("arm", "y").node("default-1", &[pod("web")]);
    let cost = large.offering.price.plus(arm.offering.price);
    Plan {
        summary: Summary {
            pods: 5,
            placed: 4,
            hourly_cost: cost,
            lower_bound: MicroUsd(1),
            charged: None,
            status: Status::Feasible,
            steps: 0,
        },
        nodes: vec![large, arm],
        existing_nodes: vec![ExistingPlacement { node: "used".into(), pods: vec![key("web-2")] }],
        unschedulable: vec![Unschedulable {
            pod: key("volume"),
            reason: Reason::NotYetSupported,
            message: "it asks for an in-tree volume without a claim".to_owned(),
            funnel: Vec::new(),
            would_fit_if: None,
        }],
        certificate: Certificate::default(),
        dropped: Vec::new(),
    }
}

/// Corrupts the valid plan and insists that every violation found is the expected one.
fn finds(corrupt: impl Fn(&mut Plan), expected: impl Fn(&Violation) -> bool) {
    finds_in(|snapshot| snapshot, corrupt, expected);
}

/// As [`finds`], with the snapshot changed first. Totals follow the lists, unless the corruption is about them.
fn finds_in(change: impl Fn(Snapshot) -> Snapshot, corrupt: impl Fn(&mut Plan), expected: impl Fn(&Violation) -> bool) {
    let snapshot = snapshot();
    let mut plan = plan(&snapshot);
    assert_eq!(check(&snapshot, &plan), [], "the plan is valid before it is corrupted");
    corrupt(&mut plan);
    let found = check(&change(snapshot), &plan);
    assert!(!found.is_empty(), "nothing found");
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.iter().all(expected), "{texts:#?}");
}

/// The snapshot with its first pool changed.
fn with_pool(edit: impl Fn(&mut NodePool)) -> impl Fn(Snapshot) -> Snapshot {
    move |snapshot| {
        let mut pools = snapshot.node_pools().to_vec();
        edit(&mut pools[0]);
        world(pools, snapshot.nodes().to_vec(), snapshot.daemon_sets().to_vec(), snapshot.pods().to_vec())
    }
}

/// The snapshot with the shape of one pod changed.
fn with_pod(name: &'static str, edit: impl Fn(&mut windlass_solver::PodShape)) -> impl Fn(Snapshot) -> Snapshot {
    move |snapshot| {
        let mut pods = snapshot.pods().to_vec();
        let pod = pods.iter_mut().find(|pod| *pod.key.name == *name).unwrap();
        let mut changed = (*pod.shape).clone();
        edit(&mut changed);
        pod.shape = changed.into();
        world(snapshot.node_pools().to_vec(), snapshot.nodes().to_vec(), snapshot.daemon_sets().to_vec(), pods)
    }
}

fn with_nodes(edit: impl Fn(&mut windlass_solver::Node)) -> impl Fn(Snapshot) -> Snapshot {
    move |snapshot| {
        let mut nodes = snapshot.nodes().to_vec();
        nodes.iter_mut().for_each(&edit);
        world(snapshot.node_pools().to_vec(), nodes, snapshot.daemon_sets().to_vec(), snapshot.pods().to_vec())
    }
}

#[test]
fn pod_unknown() {
    finds(
        |plan| plan.unschedulable[0].pod = key("zebra"),
        |v| matches!(v, Violation::PodUnknown { .. } | Violation::PodMissing { .. }),
    );
    let mut extra = plan(&snapshot()).unschedulable.remove(0);
    extra.pod = key("zebra");
    finds(move |plan| plan.unschedulable.push(extra.clone()), |v| matches!(v, Violation::PodUnknown { .. }));
}

#[test]
fn pod_missing() {
    finds(|plan| plan.unschedulable.clear(), |v| matches!(v, Violation::PodMissing { pod } if *pod == key("volume")));
}

#[test]
fn pod_repeated() {
    let twice = |plan: &mut Plan| {
        let mut again = plan.unschedulable[0].clone();
        again.pod = key("team-0");
        plan.unschedulable.insert(0, again);
    };
    finds(twice, |v| matches!(v, Violation::PodRepeated { pod, .. } if *pod == key("team-0")));
}

#[test]
fn pod_unsupported() {
    let place = |plan: &mut Plan| {
        plan.unschedulable.clear();
        plan.existing_nodes[0].pods.insert(0, key("volume"));
        plan.summary.placed += 1;
    };
    finds(place, |v| matches!(v, Violation::PodUnsupported { feature: Feature::InTreeVolume, .. }));
}

#[test]
fn existing_node_unknown() {
    finds(|plan| plan.existing_nodes[0].node = "gone".into(), |v| matches!(v, Violation::ExistingNodeUnknown { .. }));
}

#[test]
fn existing_node_unschedulable() {
    let moved = |plan: &mut Plan| plan.existing_nodes[0].node = "cordoned".into();
    finds(moved, |v| matches!(v, Violation::ExistingNodeUnschedulable { .. }));
}

#[test]
fn node_repeated() {
    finds(|plan| plan.nodes[1].name = "default-0".into(), |v| matches!(v, Violation::NodeRepeated { .. }));
    let twice = |plan: &mut Plan| {
        plan.existing_nodes.insert(0, plan.existing_nodes[0].clone());
        plan.existing_nodes[0].pods = vec![plan.nodes.remove(1).pods.remove(0)];
        plan.summary.hourly_cost = plan.nodes[0].offering.price;
    };
    let moved = with_pod("web", |shape| shape.host_ports.clear());
    finds_in(moved, twice, |v| matches!(v, Violation::NodeRepeated { .. }));
}

#[test]
fn node_empty() {
    let emptied = |plan: &mut Plan| plan.existing_nodes.push(ExistingPlacement { node: "cordoned".into(), pods: Vec::new() });
    finds(
        |plan| plan.existing_nodes.insert(0, ExistingPlacement { node: "cordoned".into(), pods: Vec::new() }),
        |v| matches!(v, Violation::NodeEmpty { .. }),
    );
    finds(emptied, |v| matches!(v, Violation::NodeEmpty { .. } | Violation::OrderWrong { .. }));
}

#[test]
fn node_pool_unknown() {
    finds(|plan| plan.nodes[1].node_pool = "gone".into(), |v| matches!(v, Violation::NodePoolUnknown { .. }));
}

#[test]
fn node_pool_unsupported() {
    let refuse = with_pool(|pool| pool.unsupported = vec![Feature::CapacityReservation]);
    finds_in(refuse, |_| {}, |v| matches!(v, Violation::NodePoolUnsupported { feature: Feature::CapacityReservation, .. }));
}

#[test]
fn offering_unknown() {
    let mut other = plan(&snapshot()).nodes[0].alternatives[0].clone();
    other.zone = "c".into();
    finds(move |plan| plan.nodes[0].alternatives.push(other.clone()), |v| matches!(v, Violation::OfferingUnknown { .. }));
    finds(|plan| plan.nodes[1].offering.instance_type = "z9.mega".into(), |v| matches!(v, Violation::OfferingUnknown { .. }));
}

#[test]
fn offering_not_allowed() {
    let narrowed = with_pool(|pool| pool.requirements.add(need(ARCH, Operator::NotIn, &["arm64"])));
    finds_in(narrowed, |_| {}, |v| matches!(v, Violation::OfferingNotAllowed { node, .. } if node.as_str() == "default-1"));
    // A value for an open label that the pool does not allow.
    let label = |plan: &mut Plan| drop(plan.nodes[1].labels.insert("team".into(), "z".into()));
    finds(label, |v| matches!(v, Violation::OfferingNotAllowed { requirement, .. } if requirement.starts_with("team")));
    finds(|plan| drop(plan.nodes[1].labels.remove("team")), |v| matches!(v, Violation::OfferingNotAllowed { .. }));
}

#[test]
fn offering_unavailable() {
    let other = OfferingRef { price: MicroUsd(80_000), zone: "b".into(), ..plan(&snapshot()).nodes[0].alternatives[0].clone() };
    finds(move |plan| plan.nodes[0].alternatives.push(other.clone()), |v| matches!(v, Violation::OfferingUnavailable { .. }));
}

#[test]
fn offering_unpriced() {
    let other = OfferingRef { zone: "b".into(), ..plan(&snapshot()).nodes[0].offering.clone() };
    finds(move |plan| plan.nodes[0].alternatives.insert(0, other.clone()), |v| matches!(v, Violation::OfferingUnpriced { .. }));
}

#[test]
fn price_wrong() {
    let dearer = |plan: &mut Plan| {
        plan.nodes[1].offering.price = plan.nodes[1].offering.price.plus(MicroUsd(7));
        plan.summary.hourly_cost = plan.summary.hourly_cost.plus(MicroUsd(7));
    };
    finds(dearer, |v| matches!(v, Violation::PriceWrong { .. }));
}

#[test]
fn offering_repeated() {
    let itself = |plan: &mut Plan| {
        let chosen = plan.nodes[0].offering.clone();
        plan.nodes[0].alternatives.insert(0, chosen);
    };
    finds(itself, |v| matches!(v, Violation::OfferingRepeated { .. }));
}

#[test]
fn alternative_cheaper() {
    let swapped = |plan: &mut Plan| {
        let node = &mut plan.nodes[0];
        std::mem::swap(&mut node.offering, &mut node.alternatives[0]);
        node.labels.insert(CAPACITY.into(), node.offering.capacity_type.as_str().into());
        plan.summary.hourly_cost = plan.nodes.iter().map(|node| node.offering.price).sum();
    };
    finds(swapped, |v| matches!(v, Violation::AlternativeCheaper { .. }));
}

#[test]
fn label_wrong() {
    let wrong = |v: &Violation| matches!(v, Violation::LabelWrong { .. });
    finds(|plan| drop(plan.nodes[0].labels.insert(ZONE.into(), "b".into())), wrong);
    finds(|plan| drop(plan.nodes[0].labels.remove(ARCH)), wrong);
    finds(|plan| drop(plan.nodes[0].labels.insert("invented".into(), "v".into())), wrong);
    finds(|plan| drop(plan.nodes[0].labels.insert("kubernetes.io/hostname".into(), "default-0".into())), wrong);
}

#[test]
fn taints_wrong() {
    finds(|plan| plan.nodes[0].taints.clear(), |v| matches!(v, Violation::TaintsWrong { .. }));
}

#[test]
fn daemon_sets_wrong() {
    finds(|plan| plan.nodes[0].daemon_set_pods.clear(), |v| matches!(v, Violation::DaemonSetsWrong { .. }));
    let more = |plan: &mut Plan| plan.nodes[0].daemon_set_pods.push(ObjectKey::new("kube-system", "zebra"));
    finds(more, |v| matches!(v, Violation::DaemonSetsWrong { .. }));
}

#[test]
fn allocatable_wrong() {
    finds(|plan| plan.nodes[0].allocatable.set("cpu", 9000), |v| matches!(v, Violation::AllocatableWrong { expected: 8000, .. }));
    finds(|plan| plan.nodes[0].allocatable.set("example.com/fpga", 1), |v| matches!(v, Violation::AllocatableWrong { .. }));
}

#[test]
fn requested_wrong() {
    finds(|plan| plan.nodes[0].requested.set("cpu", 2000), |v| matches!(v, Violation::RequestedWrong { expected: 2100, .. }));
    finds(|plan| plan.nodes[0].requested.set("pods", 0), |v| matches!(v, Violation::RequestedWrong { expected: 3, .. }));
}

#[test]
fn taint_not_tolerated() {
    let intolerant = || with_pod("web", |shape| shape.tolerations.clear());
    finds_in(intolerant(), |_| {}, |v| matches!(v, Violation::TaintNotTolerated { pod, .. } if *pod == key("web")));
    let on_existing = with_pod("web-2", |shape| shape.tolerations.clear());
    finds_in(on_existing, |_| {}, |v| matches!(v, Violation::TaintNotTolerated { node, .. } if node.as_str() == "used"));
}

#[test]
fn selector_unmet() {
    let unmet = |v: &Violation| matches!(v, Violation::SelectorUnmet { .. });
    finds_in(with_pod("web", |shape| shape.node_selector.push(Requirement::equals("team", "x"))), |_| {}, unmet);
    finds_in(with_pod("web-2", |shape| shape.node_selector.push(Requirement::equals(ZONE, "b"))), |_| {}, unmet);
    // The choice satisfies it, an alternative does not.
    let spot_only = with_pod("team-1", |shape| shape.node_selector.push(Requirement::equals(CAPACITY, "spot")));
    finds_in(spot_only, |_| {}, |v| matches!(v, Violation::SelectorUnmet { place, .. } if place == "large in a (on-demand)"));
}

#[test]
fn affinity_unmet() {
    let unmet = |v: &Violation| matches!(v, Violation::AffinityUnmet { .. });
    finds_in(with_pod("web", |shape| shape.node_affinity = vec![vec![need("team", Operator::In, &["x"])]]), |_| {}, unmet);
    finds_in(with_pod("web", |shape| shape.node_affinity = vec![Vec::new()]), |_| {}, unmet);
    finds_in(with_pod("web-2", |shape| shape.node_affinity = vec![vec![need(ARCH, Operator::NotIn, &["amd64"])]]), |_| {}, unmet);
}

#[test]
fn volume_unreachable() {
    let unreachable = |v: &Violation| matches!(v, Violation::VolumeUnreachable { .. });
    let in_zone = |zone: &'static str| vec![vec![need(ZONE, Operator::In, &[zone])]];
    finds_in(with_pod("web", move |shape| shape.volume_topology = vec![in_zone("a"), in_zone("b")]), |_| {}, unreachable);
    finds_in(with_pod("web-2", move |shape| shape.volume_topology = vec![in_zone("b")]), |_| {}, unreachable);
    // A machine that does not exist yet holds no local volume.
    let local = vec![vec![need("kubernetes.io/hostname", Operator::In, &["used"])]];
    finds_in(with_pod("web", move |shape| shape.volume_topology = vec![local.clone()]), |_| {}, unreachable);
}

#[test]
fn pod_not_ready() {
    let waiting = with_pod("web", |shape| shape.not_ready = Some("its claim is missing".into()));
    finds_in(waiting, |_| {}, |v| matches!(v, Violation::PodNotReady { why, .. } if why == "its claim is missing"));
}

#[test]
fn resource_exceeded() {
    let exceeded = |v: &Violation| matches!(v, Violation::ResourceExceeded { .. });
    let grow = |plan: &mut Plan, by: i64| plan.nodes[1].requested.add(&windlass_solver::Resources::new().with("cpu", by));
    let asks = |cpu| with_pod("web", move |shape| shape.requests.set("cpu", cpu));
    finds_in(asks(1901), |plan| grow(plan, 901), exceeded);
    let snapshot = asks(1900)(snapshot());
    let mut full = plan(&snapshot);
    assert_eq!(check(&snapshot, &full), [], "1900 and the agent's 100 just fit");
    // It is the alternative that is too small.
    let small = full.nodes[1].offering.clone();
    full.nodes[0].offering.price = MicroUsd(40_000);
    full.nodes[0].alternatives.insert(0, OfferingRef { instance_type: "small".into(), price: MicroUsd(10_000), ..small });
    let found = check(&snapshot, &full);
    assert!(
        found.iter().any(|v| matches!(v, Violation::ResourceExceeded { place, .. } if place.starts_with("small"))),
        "{found:#?}"
    );
    // Daemonsets count, and so do existing pods.
    finds_in(with_pod("web-2", |shape| shape.requests.set("memory", 9 * GI)), |_| {}, exceeded);
    finds_in(with_nodes(|node| node.requested.set("pods", 10)), |_| {}, exceeded);
}

#[test]
fn host_port_conflict() {
    let conflict = |v: &Violation| matches!(v, Violation::HostPortConflict { .. });
    finds_in(with_pod("web", |shape| shape.host_ports = vec![port(9100, "10.0.0.1")]), |_| {}, conflict);
    finds_in(with_pod("web-2", |shape| shape.host_ports = vec![port(443, "10.0.0.1")]), |_| {}, conflict);
    let both = |snapshot| {
        let snapshot = with_pod("team-0", |shape| shape.host_ports = vec![port(80, "10.0.0.1")])(snapshot);
        with_pod("team-1", |shape| shape.host_ports = vec![port(80, "0.0.0.0")])(snapshot)
    };
    finds_in(both, |_| {}, conflict);
}

#[test]
fn limit_exceeded() {
    let exceeded = |v: &Violation| matches!(v, Violation::LimitExceeded { .. });
    finds_in(with_pool(|pool| pool.limits = vec![("nodes".into(), 1)]), |_| {}, exceeded);
    finds_in(with_pool(|pool| pool.limits = vec![("cpu".into(), 9_999)]), |_| {}, exceeded);
    finds_in(with_pool(|pool| pool.usage.set("cpu", 10_001)), |_| {}, exceeded);
    // The worst alternative counts: on its own the choice would be within the limit.
    let dearer = OfferingRef {
        price: MicroUsd(40_000),
        instance_type: "large".into(),
        zone: "a".into(),
        capacity_type: CapacityType::Spot,
    };
    let limit = with_pool(|pool| pool.limits = vec![("cpu".into(), 15_000)]);
    finds_in(limit, move |plan| plan.nodes[1].alternatives.push(dearer.clone()), exceeded);
}

#[test]
fn summary_wrong() {
    finds(|plan| plan.summary.pods = 4, |v| matches!(v, Violation::SummaryWrong { field: "pods", .. }));
    finds(|plan| plan.summary.placed = 5, |v| matches!(v, Violation::SummaryWrong { field: "placed", .. }));
    finds(|plan| plan.summary.hourly_cost = MicroUsd(2), |v| matches!(v, Violation::SummaryWrong { field: "hourlyCostUsd", .. }));
}

#[test]
fn bound_wrong() {
    finds(
        |plan| plan.summary.lower_bound = plan.summary.hourly_cost.plus(MicroUsd(1)),
        |v| matches!(v, Violation::BoundWrong { .. }),
    );
    finds(|plan| plan.summary.lower_bound = MicroUsd(-1), |v| matches!(v, Violation::BoundWrong { .. }));
}

#[test]
fn status_wrong() {
    finds(|plan| plan.summary.status = Status::Optimal, |v| matches!(v, Violation::StatusWrong { .. }));
}

#[test]
fn order_wrong() {
    let wrong = |v: &Violation| matches!(v, Violation::OrderWrong { .. });
    finds(|plan| plan.nodes.swap(0, 1), wrong);
    finds(|plan| plan.nodes[0].name = "first".into(), wrong);
    finds(|plan| plan.nodes[0].pods.swap(0, 1), wrong);
    let twin = with_pod("web", |shape| shape.unsupported = vec![Feature::InTreeVolume]);
    let unsorted = |plan: &mut Plan| {
        let node = plan.nodes.remove(1);
        let mut entry = plan.unschedulable[0].clone();
        entry.pod = node.pods[0].clone();
        plan.unschedulable.insert(0, entry);
        plan.summary.placed -= 1;
        plan.summary.hourly_cost = plan.nodes[0].offering.price;
    };
    finds_in(twin, unsorted, wrong);
}

/// The first resource of a message can be read by a person: what, where, how much.
#[test]
fn messages_name_the_objects() {
    let snapshot = with_pod("web", |shape| shape.requests.set("cpu", 1901))(snapshot());
    let mut plan = plan(&snapshot);
    plan.nodes[1].requested.set("cpu", 2001);
    let texts: Vec<String> = check(&snapshot, &plan).iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["node default-1 (arm in a (spot)): 2001 of cpu is requested, but there is room for 2000"]);
}
