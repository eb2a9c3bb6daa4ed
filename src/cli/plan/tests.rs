use super::against::{Against, Bills, Peer};
use super::certificate::Class;
use super::report::Report;
use super::{Output, render};
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;
use windlass_solver::explain::{NodeExplanation, Outcome, PodExplanation};
use windlass_solver::optimize::Bound;
use windlass_solver::plan::{Certificate, Disregarded, DroppedPreferences, ExistingPlacement, FunnelStep, OfferingRef};
use windlass_solver::{
    CapacityType, Explanation, MicroUsd, ObjectKey, Plan, PlannedNode, Reason, Resources, Status, Summary, Taint, TaintEffect,
    Unschedulable,
};

const MI: i64 = 1 << 20;

fn offering(instance_type: &str, capacity_type: CapacityType, micros: i64) -> OfferingRef {
    OfferingRef { price: MicroUsd(micros), instance_type: instance_type.into(), zone: "us-west-2b".into(), capacity_type }
}

fn resources(cpu: i64, mebibytes: i64, pods: i64) -> Resources {
    Resources::new().with("cpu", cpu).with("memory", mebibytes * MI).with("pods", pods)
}

fn keys(names: &[&str]) -> Vec<ObjectKey> {
    names.iter().map(|name| ObjectKey::new("spark", *name)).collect()
}

fn node(name: &str, bought: OfferingRef, pods: &[&str]) -> PlannedNode {
    let pool = name.rsplit_once('-').unwrap().0;
    PlannedNode {
        name: name.into(),
        node_pool: pool.into(),
        alternatives: vec![OfferingRef {
            price: MicroUsd(bought.price.0 + 18_000),
            instance_type: "m6g.xlarge".into(),
            ..bought.clone()
        }],
        offering: bought,
        labels: [("kubernetes.io/arch".into(), "arm64".into())].into(),
        taints: vec![Taint { key: "team".into(), value: "spark".into(), effect: TaintEffect::NoSchedule }],
        pods: keys(pods),
        daemon_set_pods: vec![ObjectKey::new("kube-system", "aws-node")],
        allocatable: resources(3920, 6525, 58),
        requested: resources(2150, 1833, 5),
        relaxed: Vec::new(),
    }
}

fn refused(name: &str) -> Unschedulable {
    Unschedulable {
        pod: ObjectKey::new("spark", name),
        reason: Reason::NoInstanceTypeFits,
        message: "no instance type has 2Ti of memory left for pods".into(),
        funnel: vec![
            FunnelStep { step: "nodePool ondemand: requirements".into(), remaining: 418 },
            FunnelStep { step: "resources: memory 2Ti".into(), remaining: 0 },
        ],
        would_fit_if: Some("memory request <= 1015Gi".into()),
    }
}

/// Two nodes alike, one different, one that exists, and a Deployment without a place.
fn plan() -> Plan {
    let spot = offering("c6g.xlarge", CapacityType::Spot, 54_400);
    Plan {
        summary: Summary {
            pods: 9,
            placed: 6,
            hourly_cost: MicroUsd(244_800),
            lower_bound: MicroUsd(238_500),
            charged: None,
            status: Status::Feasible,
            steps: 123,
        },
        nodes: vec![
            node("default-0", spot.clone(), &["executor-0", "executor-1"]),
            node("default-1", spot, &["executor-2", "executor-3"]),
            node("ondemand-0", offering("c6g.xlarge", CapacityType::OnDemand, 136_000), &["driver"]),
        ],
        existing_nodes: vec![ExistingPlacement { node: "ip-10-0-0-1".into(), pods: keys(&["job-runner"]) }],
        unschedulable: vec![refused("huge-0"), refused("huge-1"), refused("huge-2")],
        certificate: Certificate {
            method: Some(Bound::ClassPrices),
            disregarded: vec![Disregarded::ExistingNodes, Disregarded::Limits],
            classes: Vec::new(),
        },
        dropped: vec![DroppedPreferences {
            preferences: vec![
                "preferred podAntiAffinity over kubernetes.io/hostname to pods with app In [executor] (weight 1)".into(),
            ],
            pods: keys(&["executor-1", "executor-3"]),
        }],
    }
}

fn explanations() -> Vec<Explanation> {
    let steps = || vec![FunnelStep { step: "nodePool ondemand: requirements".into(), remaining: 418 }];
    let bought = offering("c6g.xlarge", CapacityType::OnDemand, 136_000);
    vec![
        Explanation::Pod(PodExplanation {
            pod: ObjectKey::new("spark", "driver"),
            outcome: Outcome::New("ondemand-0".into(), bought.clone()),
            funnel: steps(),
            binding: Some("resources: cpu 2".into()),
            cheapest_alone: Some(offering("a1.xlarge", CapacityType::OnDemand, 102_000)),
            marginal: Some(MicroUsd(61_500)),
            runner_up: Some(offering("m6g.xlarge", CapacityType::OnDemand, 154_000)),
            would_fit_if: None,
            dropped_preferences: vec!["preferred nodeAffinity kubernetes.io/arch In [amd64] (weight 1)".into()],
        }),
        Explanation::Pod(PodExplanation {
            pod: ObjectKey::new("spark", "huge-0"),
            outcome: Outcome::Unschedulable(Reason::NoInstanceTypeFits, "too big".into()),
            funnel: steps(),
            binding: Some("resources: memory 2Ti".into()),
            cheapest_alone: None,
            marginal: None,
            runner_up: None,
            would_fit_if: Some("memory request <= 1015Gi".into()),
            dropped_preferences: Vec::new(),
        }),
        Explanation::Node(NodeExplanation {
            node: "ondemand-0".into(),
            node_pool: "ondemand".into(),
            offering: bought,
            funnel: steps(),
            candidates: 212,
            runner_up: Some(offering("m6g.xlarge", CapacityType::OnDemand, 154_000)),
            binding: None,
        }),
    ]
}

fn shown(plan: &Plan, explanations: &[Explanation], output: Output) -> String {
    shown_with(plan, explanations, (None, None), output)
}

/// What `--certificate` and `--against` add.
type Extras<'a> = (Option<&'a [Class<'a>]>, Option<&'a Against>);

fn shown_with(plan: &Plan, explanations: &[Explanation], extras: Extras<'_>, output: Output) -> String {
    let findings = [
        Diagnostic::warning("unknown field").on("Deployment/spark/huge").field("spec.replica").hint("did you mean replicas?"),
        Diagnostic::error("not YAML").at(crate::diagnostic::Place { file: "b.yaml".into(), document: 2, line: 9 }),
    ];
    let owner = |pod: &Unschedulable| (pod.pod.clone(), std::sync::Arc::from("Deployment/spark/huge"));
    let owners: BTreeMap<_, _> = plan.unschedulable.iter().map(owner).collect();
    let notes = ["the subnets of EC2NodeClass default are not known; one in every zone of us-west-2 is assumed".to_owned()];
    let report = Report {
        plan,
        explanations,
        findings: &findings,
        notes: &notes,
        owners: &owners,
        estimated: &[CapacityType::Spot],
        certificate: extras.0,
        against: extras.1,
    };
    anstream::adapter::strip_str(&render(&report, output).unwrap()).to_string()
}

/// Compares with `tests/golden/unit_<name>.snap`.
fn golden(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../../../tests/golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("unit_{name}"), text);
    });
}

#[test]
fn each_format_shows_nodes_existing_nodes_and_pods_without_a_place() {
    for (name, output) in [
        ("table", Output::Table),
        ("wide", Output::Wide),
        ("json", Output::Json),
        ("yaml", Output::Yaml),
        ("markdown", Output::Markdown),
    ] {
        golden(name, &shown(&plan(), &[], output));
    }
    assert_eq!(shown(&plan(), &[], Output::Name), "node/default-0\nnode/default-1\nnode/ondemand-0\n");
}

#[test]
fn explanations_stand_in_each_format() {
    for (name, output) in
        [("explain_table", Output::Table), ("explain_json", Output::Json), ("explain_markdown", Output::Markdown)]
    {
        let small = Plan { nodes: plan().nodes[2..].to_vec(), existing_nodes: Vec::new(), ..plan() };
        golden(name, &shown(&small, &explanations(), output));
    }
}

#[test]
fn a_long_list_of_refusals_is_cut_in_the_table_only() {
    let many = (0..14).map(|index| Unschedulable { message: format!("reason {index:02}"), ..refused(&format!("pod-{index}")) });
    let plan = Plan { unschedulable: many.collect(), nodes: Vec::new(), ..plan() };
    let table = shown(&plan, &[], Output::Table);
    assert!(table.contains("reason 09") && !table.contains("reason 10"), "{table}");
    assert!(table.contains("and 4 more pods for 4 more reasons (-o wide lists all)"), "{table}");
    assert!(shown(&plan, &[], Output::Wide).contains("reason 13"));
}

#[test]
fn the_last_line_tells_what_happens() {
    let last = |plan: &Plan| shown(plan, &[], Output::Table).lines().last().unwrap().to_owned();
    let nothing = Plan { nodes: Vec::new(), ..plan() };
    assert_eq!(last(&nothing), "Plan: nothing to launch, 6 of 9 pods placed on existing nodes.");
    let mut optimal = plan();
    optimal.summary.status = Status::Optimal;
    assert!(last(&optimal).ends_with("; proven to be the cheapest."), "{}", last(&optimal));
    let mut cut = plan();
    cut.summary.status = Status::Cut;
    assert!(last(&cut).ends_with("gap 2.6%; the search was cut by --deadline."), "{}", last(&cut));
}

/// 22 kinds of pods, and a plan that is dearer by half and uses on-demand capacity alone.
fn extras(requests: &Resources) -> (Vec<Class<'_>>, Against) {
    let class = |index: usize| Class {
        owners: (0..=index % 4).map(|owner| (format!("Deployment/spark/d{index}-{owner}").into(), 2)).collect(),
        pods: 2 * (index % 4 + 1),
        requests,
        marginal: MicroUsd(20_000 - 10 * i64::try_from(index).unwrap()),
        total: MicroUsd(40_000),
    };
    let bought = offering("m6g.2xlarge", CapacityType::OnDemand, 367_200);
    let nodes = vec![node("ondemand-0", bought, &["driver", "executor-0", "executor-1", "executor-2", "executor-3"])];
    let summary = Summary { hourly_cost: MicroUsd(367_200), ..plan().summary };
    (
        (0..22).map(class).collect(),
        Against { peer: Peer::Karpenter, plan: Plan { nodes, summary, ..plan() }, broken: 0, faults: Vec::new() },
    )
}

#[test]
fn a_certificate_and_another_bill_stand_in_each_format() {
    let requests = resources(500, 1024, 1);
    let (classes, against) = extras(&requests);
    for (name, output) in [("extras_table", Output::Table), ("extras_json", Output::Json), ("extras_markdown", Output::Markdown)]
    {
        golden(name, &shown_with(&plan(), &[], (Some(&classes), Some(&against)), output));
    }
    let wide = shown_with(&plan(), &[], (Some(&classes), None), Output::Wide);
    assert!(wide.contains("Deployment/spark/d21-0") && !wide.contains("-o json lists all"), "{wide}");
}

#[test]
fn bills_compare_only_for_the_same_pods() {
    let (_, against) = extras(&Resources::new());
    let bills = Bills::of(&plan(), &against.plan);
    assert_eq!((bills.saving(), bills.saving_permille()), (MicroUsd(122_400), 333));
    assert_eq!(Bills::of(&against.plan, &plan()).saving_permille(), -500);
    let verdict = |ours: &Plan, other: Plan| {
        let other = Against { peer: Peer::Karpenter, plan: other, broken: 0, faults: Vec::new() };
        shown_with(ours, &[], (None, Some(&other)), Output::Table)
    };
    assert!(verdict(&plan(), against.plan.clone()).contains("Windlass saves 33.3%, $0.1224/h, $89.35/month."));
    assert!(verdict(&against.plan, plan()).contains("Windlass costs more: 50.0%, $0.1224/h, $89.35/month."));
    assert!(verdict(&plan(), plan()).contains("Windlass and Karpenter cost the same."));
    let careless = Against { peer: Peer::Karpenter, plan: plan(), broken: 2, faults: Vec::new() };
    let told = shown_with(&plan(), &[], (None, Some(&careless)), Output::Table);
    assert!(told.contains("cost the same. Karpenter's plan breaks 2 rules about other pods"), "{told}");
    let fewer = Plan { unschedulable: plan().unschedulable[1..].to_vec(), ..against.plan };
    assert!(verdict(&plan(), fewer.clone()).contains("the bills do not compare."));
    let other = Against { peer: Peer::Karpenter, plan: fewer, broken: 0, faults: Vec::new() };
    let json = shown_with(&plan(), &[], (None, Some(&other)), Output::Json);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["against"]["saving"], serde_json::Value::Null);
}

#[test]
fn json_and_yaml_follow_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../../docs/plan.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let empty = Plan { nodes: Vec::new(), existing_nodes: Vec::new(), unschedulable: Vec::new(), ..plan() };
    let requests = resources(500, 1024, 1);
    let (classes, against) = extras(&requests);
    let all: Extras<'_> = (Some(&classes), Some(&against));
    let none: Extras<'_> = (None, None);
    for (plan, explanations, extras) in [(plan(), explanations(), all), (plan(), Vec::new(), none), (empty, Vec::new(), all)] {
        let json = shown_with(&plan, &explanations, extras, Output::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let broken: Vec<String> = schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        let yaml: serde_json::Value = serde_saphyr::from_str(&shown_with(&plan, &explanations, extras, Output::Yaml)).unwrap();
        assert_eq!(yaml, json);
    }
    let unknown_field = serde_json::json!({ "apiVersion": "windlass.dev/v1", "kind": "Plan", "new": 1 });
    assert!(!schema.is_valid(&unknown_field));
}
