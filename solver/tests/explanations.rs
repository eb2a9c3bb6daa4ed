//! What `explain` says about pods and nodes of a plan.

use crate::support::oracle::{places, resummed};
use crate::support::{GI, PoolExt, ShapeExt, ZONE, node, pool, shape, world};
use windlass_solver::explain::Outcome;
use windlass_solver::plan::{Certificate, ExistingPlacement, FunnelStep, PricedClass};
use windlass_solver::{
    Explanation, MicroUsd, NodeExplanation, ObjectKey, Plan, Pod, PodExplanation, Reason, Snapshot, Status, Subject, Summary,
    Unschedulable, check, explain,
};

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn snapshot() -> Snapshot {
    let web = shape(1500, 3 * GI).selecting(ZONE, "a");
    world(
        [pool("default").limited("cpu", 20_000)],
        [node("used")],
        [shape(100, GI).daemon("agent")],
        [web.clone().pod("web-0"), web.pod("web-1"), shape(500, GI).pod("old"), shape(99_000, GI).pod("huge")],
    )
}

/// Both web pods on one `large` spot node in zone a, `old` on the existing node.
fn plan(snapshot: &Snapshot) -> Plan {
    let pod = |name: &str| snapshot.pods().iter().find(|pod| *pod.key.name == *name).unwrap();
    let is_web = |(_, pod): &(u32, &Pod)| pod.key.name.starts_with("web");
    let web_positions: Vec<u32> = (0..).zip(snapshot.pods()).filter(is_web).map(|(position, _)| position).collect();
    let places = places(snapshot);
    let web = [pod("web-0"), pod("web-1")];
    let large = places.iter().find(|place| place.takes(&web)).unwrap().node("default-0", &web);
    let plan = Plan {
        summary: Summary {
            pods: 4,
            placed: 0,
            hourly_cost: MicroUsd::ZERO,
            lower_bound: MicroUsd::ZERO,
            charged: None,
            status: Status::Feasible,
            steps: 0,
        },
        nodes: vec![large],
        existing_nodes: vec![ExistingPlacement { node: "used".into(), pods: vec![key("old")] }],
        unschedulable: vec![Unschedulable {
            pod: key("huge"),
            reason: Reason::NoInstanceTypeFits,
            message: "too big".to_owned(),
            funnel: vec![FunnelStep { step: "resources: cpu 99".to_owned(), remaining: 0 }],
            would_fit_if: Some("cpu request <= 7900m".to_owned()),
        }],
        certificate: Certificate {
            classes: vec![PricedClass { pods: web_positions.into(), marginal: MicroUsd(7_000) }],
            ..Certificate::default()
        },
        dropped: Vec::new(),
    };
    let plan = resummed(plan);
    assert_eq!(check(snapshot, &plan), []);
    plan
}

fn of_pod(name: &str) -> PodExplanation {
    let snapshot = snapshot();
    match explain(&snapshot, &plan(&snapshot), &Subject::Pod(key(name))) {
        Some(Explanation::Pod(explanation)) => explanation,
        other => panic!("{other:?}"),
    }
}

fn of_node(snapshot: &Snapshot, plan: &Plan) -> NodeExplanation {
    match explain(snapshot, plan, &Subject::Node("default-0".into())) {
        Some(Explanation::Node(explanation)) => explanation,
        other => panic!("{other:?}"),
    }
}

fn steps(funnel: &[FunnelStep]) -> Vec<(&str, usize)> {
    funnel.iter().map(|step| (step.step.as_str(), step.remaining)).collect()
}

/// Alone it would need 3 Gi beside the agent's one: an `arm` just holds that.
#[test]
fn a_placed_pod_shows_its_funnel_and_the_cheapest_node_for_it_alone() {
    let told = of_pod("web-0");
    assert!(
        matches!(&told.outcome, Outcome::New(name, offering) if name.as_str() == "default-0" && offering.price == MicroUsd(40_000))
    );
    let expected = [
        ("offerings of nodePool default", 12),
        ("nodePool default: requirements", 12),
        ("nodeSelector topology.kubernetes.io/zone In [a]", 6),
    ];
    assert_eq!(steps(&told.funnel), expected);
    assert_eq!(told.binding.as_deref(), Some("memory: it asks for 3Gi, and arm leaves 3Gi beside daemonsets"));
    let cheapest = told.cheapest_alone.unwrap();
    assert_eq!((cheapest.instance_type.as_str(), cheapest.zone.as_str(), cheapest.price), ("arm", "a", MicroUsd(9_000)));
    assert_eq!(told.marginal, Some(MicroUsd(7_000)));
    assert_eq!(told.runner_up.map(|other| other.price), Some(MicroUsd(80_000)));
    assert_eq!(told.would_fit_if, None);
}

#[test]
fn a_pod_on_an_existing_node_says_so() {
    let told = of_pod("old");
    assert_eq!(told.outcome, Outcome::Existing("used".into()));
    assert!(told.binding.is_some_and(|binding| binding.starts_with("memory: it asks for 1Gi, and ")));
}

#[test]
fn an_unplaced_pod_repeats_the_plan() {
    let told = of_pod("huge");
    assert_eq!(told.outcome, Outcome::Unschedulable(Reason::NoInstanceTypeFits, "too big".to_owned()));
    assert_eq!(steps(&told.funnel), [("resources: cpu 99", 0)]);
    assert_eq!(told.binding.as_deref(), Some("resources: cpu 99"));
    assert_eq!(told.cheapest_alone, None);
    assert_eq!(told.would_fit_if.as_deref(), Some("cpu request <= 7900m"));
}

#[test]
fn a_node_shows_its_rivals_and_what_keeps_the_cheaper_ones_away() {
    let snapshot = snapshot();
    let told = of_node(&snapshot, &plan(&snapshot));
    assert_eq!(told.offering.price, MicroUsd(40_000));
    let expected = [
        ("offerings of nodePool default", 12),
        ("nodePool default: requirements", 12),
        ("nodeSelector, nodeAffinity and volumes of its pods", 6),
        ("resources: cpu", 2),
    ];
    assert_eq!(steps(&told.funnel), expected);
    assert_eq!(told.candidates, 2);
    assert_eq!(told.runner_up.map(|other| (other.price, other.capacity_type.as_str())), Some((MicroUsd(80_000), "on-demand")));
    assert_eq!(
        told.binding.as_deref(),
        Some("cpu: its pods ask for 3, and small in a (on-demand) at $0.0200/h has 2 for them and daemonsets")
    );
}

/// With the dear node full of limits, the limit is what is named.
#[test]
fn limits_beside_the_plans_other_nodes_keep_rivals_away() {
    let snapshot = snapshot();
    let mut plan = plan(&snapshot);
    let second = windlass_solver::PlannedNode { name: "default-1".into(), ..plan.nodes[0].clone() };
    plan.nodes.push(second.clone());
    plan.nodes.push(windlass_solver::PlannedNode { name: "default-2".into(), ..second });
    let told = of_node(&snapshot, &plan);
    assert_eq!((told.candidates, steps(&told.funnel).last()), (0, Some(&("limits: cpu", 0))));
}

#[test]
fn what_nobody_knows_has_no_explanation() {
    let snapshot = snapshot();
    let plan = plan(&snapshot);
    assert_eq!(explain(&snapshot, &plan, &Subject::Pod(key("nobody"))), None);
    assert_eq!(explain(&snapshot, &plan, &Subject::Node("used".into())), None);
}
