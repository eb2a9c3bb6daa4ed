//! Nodes and NodeClaims that contradict themselves: they take no pods, they are reported, and nothing else changes.

use super::Fate::Harmless;
use super::{Case, outcome, run};

/// A Node `bad` of no pool, large and empty, changed by replacing a part of its text.
fn node(from: &str, to: &str) -> String {
    let good = "apiVersion: v1\nkind: Node\nmetadata:\n  name: bad\n  labels:\n    kubernetes.io/os: linux\n    \
                karpenter.sh/capacity-type: on-demand\n    node.kubernetes.io/instance-type: m5.xlarge\nspec:\n  \
                providerID: aws:///us-west-2b/i-0000000000000000b\nstatus:\n  capacity: {cpu: \"64\", memory: 256Gi, pods: \"234\"}\n  \
                allocatable: {cpu: \"63\", memory: 250Gi, pods: \"234\"}\n";
    assert!(good.contains(from), "{from}");
    good.replacen(from, to, 1)
}

#[test]
fn a_good_node_would_take_pods() {
    let outcome = outcome(&[("node.yaml", &node("", ""))], super::catalog());
    assert!(outcome.plan.nodes.len() < super::good().nodes.len());
}

#[test]
fn nodes_that_cannot_be_judged_take_nothing() {
    let harmless = |name: &'static str, text: String, expected: &'static str| -> Case { (name, text, expected, Harmless) };
    run(&[
        harmless("negative memory", node("memory: 250Gi", "memory: -1Gi"), "no pod is placed on the node"),
        harmless("no number", node("cpu: \"63\"", "cpu: many"), "no pod is placed on the node"),
        harmless(
            "nothing allocatable",
            node("  allocatable: {cpu: \"63\", memory: 250Gi, pods: \"234\"}\n", ""),
            "the node offers nothing",
        ),
        harmless("a bad taint", node("spec:\n", "spec:\n  taints: [{key: a, effect: Sometimes}]\n"), "not a taint effect"),
        harmless(
            "an instance of its own pool without id",
            node("  providerID: aws:///us-west-2b/i-0000000000000000b\n", "")
                .replacen(
                    "  labels:\n",
                    "  labels:\n    karpenter.sh/nodepool: good\n    karpenter.sh/initialized: \"true\"\n",
                    1,
                )
                .replacen("spec:\n", "spec: {}\n", 1),
            "spec.providerID",
        ),
    ]);
}

#[test]
fn two_nodes_with_one_instance_take_nothing() {
    let twins = format!("{}---\n{}", node("", ""), node("name: bad", "name: twin"));
    run(&[("twins", twins, "one of them is stale", Harmless)]);
}

/// Nobody can tell which of two different objects is meant, so neither counts: the node takes no pods.
#[test]
fn a_second_node_of_a_good_ones_name_takes_both_out() {
    let outcome = outcome(&[("node.yaml", &node("name: bad", "name: standing"))], super::catalog());
    super::expect_twice(&outcome, "Node/standing");
    assert!(outcome.plan.existing_nodes.iter().all(|place| place.node.as_str() != "standing"));
    assert_eq!(outcome.plan.summary.placed, super::good().summary.placed);
}

#[test]
fn a_thousand_taints_are_only_work() {
    let taints: Vec<String> = (0..1000).map(|n| format!("{{key: k{n}, effect: NoSchedule}}")).collect();
    let outcome =
        outcome(&[("node.yaml", &node("spec:\n", &format!("spec:\n  taints: [{}]\n", taints.join(", "))))], super::catalog());
    assert_eq!(outcome.plan.nodes, super::good().nodes);
}

#[test]
fn claims_that_say_nothing_are_counted_but_take_no_pods() {
    let claim = |status: &str| {
        format!(
            "apiVersion: karpenter.sh/v1\nkind: NodeClaim\nmetadata:\n  name: bad\n  labels: {{karpenter.sh/nodepool: good}}\nspec:\n  \
             nodeClassRef: {{group: karpenter.k8s.aws, kind: EC2NodeClass, name: good}}\n  \
             requirements: [{{key: node.kubernetes.io/instance-type, operator: In, values: [m5.large]}}]\n{status}"
        )
    };
    for status in [
        "",
        "status: {}\n",
        "status: {providerID: aws:///us-west-2b/i-1}\n",
        "status: {allocatable: {cpu: \"63\", memory: 250Gi, pods: \"234\"}}\n",
    ] {
        let outcome = outcome(&[("claim.yaml", &claim(status))], super::catalog());
        assert_eq!(outcome.plan.nodes, super::good().nodes, "{status}");
        assert!(outcome.findings.iter().all(|finding| !finding.is_error()), "{:?}", outcome.findings);
    }
}
