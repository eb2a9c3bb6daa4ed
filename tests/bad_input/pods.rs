//! Pods that are not to be planned, pods that name things that are not there, and pods with features the solver refuses.

use super::Fate::{NoPlace, Placed, Refused};
use super::{Case, outcome, pod_with, run};
use windlass_solver::Reason;

/// A pod `bad` with these lines at the top level, after a spec that requests nothing.
fn pod_and(rest: &str) -> String {
    format!("{}{rest}", pod_with(""))
}

/// The cases whose pod needs no place: the plan is that of the good part, and nobody complains.
fn run_silent(cases: &[(&str, String)]) {
    for (name, text) in cases {
        let outcome = outcome(&[("bad.yaml", text)], super::catalog());
        assert!(outcome.findings.iter().all(|finding| !finding.is_error()), "{name}: {:?}", outcome.findings);
        assert_eq!(outcome.plan.nodes, super::good().nodes, "{name}");
        assert_eq!(outcome.plan.summary.pods, super::good().summary.pods, "{name}");
    }
}

#[test]
fn pods_that_need_no_place_are_left_out() {
    let owned = |kind: &str| {
        pod_with("").replace(
            "  name: bad\n",
            &format!("  name: bad\n  ownerReferences: [{{apiVersion: v1, kind: {kind}, name: x, uid: u, controller: true}}]\n"),
        )
    };
    run_silent(&[
        ("bound to a node elsewhere", pod_with("  nodeName: elsewhere\n")),
        ("succeeded", pod_and("status: {phase: Succeeded}\n")),
        ("failed", pod_and("status: {phase: Failed}\n")),
        ("gated", pod_with("  schedulingGates: [{name: wait}]\n")),
        ("terminating", pod_with("").replace("  name: bad\n", "  name: bad\n  deletionTimestamp: \"2026-01-01T00:00:00Z\"\n")),
        ("of a daemonset", owned("DaemonSet")),
        ("static", owned("Node")),
    ]);
}

#[test]
fn odd_pods_are_placed_all_the_same() {
    let annotated =
        pod_with("").replace("  name: bad\n", &format!("  name: bad\n  annotations: {{note: \"{}\"}}\n", "x".repeat(200_000)));
    run(&[
        ("another scheduler", pod_with("  schedulerName: volcano\n"), "", Placed),
        ("an unknown class", pod_with("  priorityClassName: gold\n"), "gold is taken as priority 0", Placed),
        ("the least priority", pod_with("  priority: -2147483648\n"), "", Placed),
        ("an expired deadline", pod_with("  activeDeadlineSeconds: 1\n"), "", Placed),
        ("large annotations", annotated, "", Placed),
        ("ports inside only", pod_with("  restartPolicy: Never\n"), "", Placed),
        (
            "owned by a pod",
            pod_with("").replace(
                "  name: bad\n",
                "  name: bad\n  ownerReferences: [{apiVersion: v1, kind: Pod, name: bad, uid: u, controller: true}]\n",
            ),
            "",
            Placed,
        ),
    ]);
}

#[test]
fn features_that_decide_and_are_not_supported_are_refused_per_pod() {
    let not_yet = |name: &'static str, spec: &str, expected: &'static str| -> Case {
        (name, pod_with(spec), expected, NoPlace(Reason::NotYetSupported))
    };
    run(&[
        not_yet("a claim on a device", "  resourceClaims: [{name: gpu, resourceClaimName: gpu}]\n", "resourceClaims"),
        (
            "a missing volume claim",
            pod_with("  volumes: [{name: v, persistentVolumeClaim: {claimName: gone}}]\n"),
            "PersistentVolumeClaim default/gone does not exist",
            NoPlace(Reason::VolumeNotReady),
        ),
        (
            "a preference that nobody can keep",
            pod_with(
                "  affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: Exists}]}}]}}\n",
            ),
            "",
            Placed,
        ),
    ]);
}

#[test]
fn malformed_pods_are_refused() {
    let port = |text: &str| pod_with("").replace("      image: i\n", &format!("      image: i\n      ports: [{text}] # <--\n"));
    run(&[
        ("no containers", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {}\n".to_owned(), "spec", Refused),
        ("no spec", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\n".to_owned(), "spec", Refused),
        ("a bad name", pod_with("").replace("name: bad", "name: \"Bad Name\""), "metadata.name", Refused),
        ("no name", pod_with("").replace("metadata:\n  name: bad\n", "metadata: {}\n"), "metadata", Refused),
        ("host port 70000", port("{containerPort: 80, hostPort: 70000}"), "hostPort", Refused),
        ("host port twice", port("{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 80}"), "hostPort", Refused),
        ("a string for a number", pod_with("  priority: high # <--\n"), "priority", Refused),
        ("a list for a map", pod_with("  nodeSelector: [a, b] # <--\n"), "nodeSelector", Refused),
    ]);
}

#[test]
fn unknown_fields_are_pointed_out() {
    run(&[("a misspelt field", pod_with("  nodeSelectors: {a: b} # <--\n"), "nodeSelectors", Placed)]);
}

#[test]
fn a_second_workload_of_a_good_ones_name_takes_both_out() {
    let second = deployment("50").replace("  name: bad\n", "  name: web\n").replace(" # <--", "");
    let outcome = super::outcome(&[("web.yaml", &second)], super::catalog());
    super::expect_twice(&outcome, "Deployment/default/web");
    let placed = outcome.plan.nodes.iter().flat_map(|node| &node.pods);
    let mut placed = placed.chain(outcome.plan.existing_nodes.iter().flat_map(|place| &place.pods));
    assert!(placed.all(|pod| !pod.name.starts_with("web-")));
    assert!(outcome.plan.summary.pods > 0 && outcome.plan.unschedulable.is_empty());
}

#[test]
fn documents_that_are_no_objects_are_refused_and_foreign_kinds_skipped() {
    run(&[
        ("half a document", "apiVersion: v1\nkind: Pod\nmetadata: {name: bad\n".to_owned(), "", Refused),
        ("a list at the top", "[1, 2]\n".to_owned(), "", Refused),
        ("no kind", "apiVersion: v1\nmetadata: {name: bad}\n".to_owned(), "kind", Refused),
        ("negative replicas", deployment("-1"), "replicas", Refused),
        ("text for replicas", deployment("many"), "replicas", Refused),
    ]);
    run_silent(&[
        ("a ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: {a: b}\n".to_owned()),
        ("a CRD of somebody", "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: bad}\n".to_owned()),
        ("nothing", "---\n---\n# only this\n".to_owned()),
    ]);
}

fn deployment(replicas: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: bad\nspec:\n  replicas: {replicas} # <--\n  selector: {{matchLabels: {{app: bad}}}}\n  \
         template:\n    metadata: {{labels: {{app: bad}}}}\n    spec:\n      containers: [{{name: c, image: i}}]\n"
    )
}

#[test]
fn a_disruption_budget_decides_nothing_here() {
    for text in ["{maxUnavailable: 101%, selector: {}}", "{minAvailable: 0, selector: {}}"] {
        let budget = format!("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: bad}}\nspec: {text}\n");
        let outcome = outcome(&[("bad.yaml", &budget)], super::catalog());
        assert_eq!(outcome.plan, *super::good(), "{text}");
    }
}
