//! Node selectors, node affinity, tolerations, spread and pod affinity that are malformed, contradictory, huge, or not supported yet.

use super::Fate::{NoPlace, Placed, Refused};
use super::{Case, pod_with, run};
use windlass_solver::Reason;

/// A pod `bad` with this match expression in its required node affinity.
fn expression(text: &str) -> String {
    terms(&format!("            - matchExpressions:\n                - {text} # <--\n"))
}

fn terms(text: &str) -> String {
    pod_with(&format!(
        "  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        nodeSelectorTerms:\n{text}"
    ))
}

#[test]
fn malformed_expressions_are_refused() {
    let refused = |text: &str| -> Case { ("expression", expression(text), "nodeSelectorTerms[0].matchExpressions[0]", Refused) };
    run(&[
        "{key: a, operator: In, values: []}",
        "{key: a, operator: NotIn}",
        "{key: a, operator: Exists, values: [x]}",
        "{key: a, operator: DoesNotExist, values: [x]}",
        "{key: a, operator: Gt, values: [x]}",
        "{key: a, operator: Gt, values: [\"1\", \"2\"]}",
        "{key: a, operator: Lt, values: [\"1.5\"]}",
        "{key: a, operator: Gt, values: [\"9223372036854775808\"]}",
        "{key: a, operator: Near, values: [x]}",
        "{key: a, operator: in, values: [x]}",
        "{key: \"a b\", operator: Exists}",
        "{key: \"\", operator: Exists}",
        "{key: a, operator: In, values: [\"not a value\"]}",
    ]
    .map(refused));
}

#[test]
fn expressions_that_nothing_meets_leave_their_pod_without_place() {
    let unmet = |text: &str| -> Case { ("expression", expression(text), "", NoPlace(Reason::NoMatchingInstanceType)) };
    run(&[
        "{key: karpenter.k8s.aws/instance-cpu, operator: Gt, values: [\"9223372036854775807\"]}",
        "{key: karpenter.k8s.aws/instance-cpu, operator: Lt, values: [\"-9223372036854775808\"]}",
        "{key: karpenter.k8s.aws/instance-family, operator: In, values: [z9]}",
        "{key: topology.kubernetes.io/zone, operator: In, values: [usw2-az1]}",
        "{key: kubernetes.io/os, operator: DoesNotExist}",
    ]
    .map(unmet));
    let both = "            - matchExpressions:\n                - {key: kubernetes.io/arch, operator: Exists}\n                \
                - {key: kubernetes.io/arch, operator: DoesNotExist}\n";
    let pair = "            - matchExpressions:\n                - {key: kubernetes.io/arch, operator: In, values: [amd64]}\n                \
                - {key: kubernetes.io/arch, operator: NotIn, values: [amd64]}\n";
    run(&[
        ("Exists and DoesNotExist", terms(both), "", NoPlace(Reason::NoMatchingInstanceType)),
        ("In and NotIn", terms(pair), "", NoPlace(Reason::NoMatchingInstanceType)),
        ("an empty term", terms("            - {}\n"), "", NoPlace(Reason::NoMatchingInstanceType)),
    ]);
}

#[test]
fn deprecated_names_and_repeated_keys_are_understood() {
    run(&[
        (
            "alias",
            pod_with("  nodeSelector: {beta.kubernetes.io/arch: amd64, failure-domain.beta.kubernetes.io/zone: us-west-2b}\n"),
            "",
            Placed,
        ),
        ("zone id", expression("{key: topology.k8s.aws/zone-id, operator: Exists}"), "", Placed),
        (
            "the same key twice",
            terms(
                "            - matchExpressions:\n                - {key: karpenter.k8s.aws/instance-cpu, operator: Gt, values: [\"3\"]}\n                \
                   - {key: karpenter.k8s.aws/instance-cpu, operator: Lt, values: [\"9\"]}\n",
            ),
            "",
            Placed,
        ),
    ]);
}

#[test]
fn ten_thousand_values_and_requirements_are_only_work() {
    let values: Vec<String> = (0..10_000).map(|n| format!("v{n}")).chain(["m5".to_owned()]).collect();
    let many = expression(&format!("{{key: karpenter.k8s.aws/instance-family, operator: In, values: [{}]}}", values.join(", ")));
    let wall: String = (0..10_000).fold("            - matchExpressions:\n".to_owned(), |text, n| {
        text + &format!("                - {{key: example.com/k{n}, operator: DoesNotExist}}\n")
    });
    run(&[("10,000 values", many, "", Placed), ("10,000 requirements", terms(&wall), "", Placed)]);
}

#[test]
fn malformed_tolerations_are_refused() {
    let refused = |text: &str| -> Case {
        ("toleration", pod_with(&format!("  tolerations:\n    - {text} # <--\n")), "spec.tolerations[0]", Refused)
    };
    run(&[
        "{key: a, operator: Exists, value: b}",
        "{operator: Equal, value: b}",
        "{key: a, operator: Likes}",
        "{key: a, effect: Never}",
        "{key: a, effect: NoSchedule, tolerationSeconds: 3}",
    ]
    .map(refused));
}

#[test]
fn spread_and_pod_affinity_are_refused_per_pod_and_by_name() {
    let spread = |text: &str| pod_with(&format!("  topologySpreadConstraints:\n    - {text} # <--\n"));
    let pod_affinity = |kind: &str| {
        pod_with(&format!(
            "  affinity:\n    {kind}:\n      requiredDuringSchedulingIgnoredDuringExecution:\n        \
             - {{topologyKey: kubernetes.io/hostname, labelSelector: {{matchLabels: {{app: web}}}}}}\n"
        ))
    };
    let legal = "{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}";
    let no_place = NoPlace(Reason::NotYetSupported);
    run(&[
        ("spread", spread(&legal.replace("labelSelector: {}", "labelSelector: {matchLabels: {app: bad}}")), "", Placed),
        ("spread of daemon pods, too", spread(legal), "counts pods of daemonset", no_place),
        ("a spread that may be broken", spread(&legal.replace("DoNotSchedule", "ScheduleAnyway")), "", Placed),
        ("affinity", pod_affinity("podAffinity"), "", Placed),
        (
            "affinity to nobody",
            pod_affinity("podAffinity").replace("app: web", "app: nobody"),
            "podAffinity",
            NoPlace(Reason::PodAffinity),
        ),
        ("anti-affinity", pod_affinity("podAntiAffinity"), "", Placed),
        ("zero skew", spread(&legal.replace("Skew: 1", "Skew: 0")), "maxSkew", Refused),
        ("negative skew", spread(&legal.replace("Skew: 1", "Skew: -1")), "maxSkew", Refused),
        ("huge skew", spread(&legal.replace("Skew: 1", "Skew: 2147483648")), "maxSkew", Refused),
        ("unknown policy", spread(&legal.replace("DoNotSchedule", "Maybe")), "whenUnsatisfiable", Refused),
        ("no key", spread(&legal.replace("topology.kubernetes.io/zone", "\"\"")), "topologyKey", Refused),
    ]);
}

#[test]
fn a_workload_whose_selector_is_missing_or_wrong_is_refused() {
    let deployment = |selector: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: bad\nspec:\n  replicas: 2\n{selector}  template:\n    \
             metadata: {{labels: {{app: bad}}}}\n    spec:\n      containers: [{{name: c, image: i}}]\n"
        )
    };
    run(&[
        ("no selector", deployment(""), "selector", Refused),
        ("empty selector", deployment("  selector: {}\n"), "selector", Refused),
        ("another's labels", deployment("  selector: {matchLabels: {app: other}}\n"), "", Refused),
    ]);
}
