//! NodePools, EC2NodeClasses and their v1alpha5 predecessors that the API server, or Windlass, refuses; and legal ones of no use.

use super::Fate::{Harmless, Refused};
use super::{Case, outcome, run};
use windlass_solver::Reason;

/// A NodePool `bad` on the good class with these lines in its spec (indented by two).
fn pool(spec: &str) -> String {
    pool_on("good", spec, "      requirements: []\n")
}

fn pool_with_template(template: &str) -> String {
    pool_on("good", "", template)
}

fn pool_on(class: &str, spec: &str, template: &str) -> String {
    format!(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata:\n  name: bad\nspec:\n{spec}  template:\n    spec:\n{template}      nodeClassRef:\n        \
         group: karpenter.k8s.aws\n        kind: EC2NodeClass\n        name: {class}\n"
    )
}

fn requirement(text: &str) -> String {
    pool_with_template(&format!("      requirements:\n        - {text} # <--\n"))
}

#[test]
fn pools_that_the_api_server_refuses_are_refused() {
    let in_spec =
        |text: &str, expected: &'static str| -> Case { ("spec", pool(&format!("  {text} # <--\n")), expected, Refused) };
    run(&[
        in_spec("weight: 0", "weight"),
        in_spec("weight: 101", "weight"),
        in_spec("weight: heavy", "weight"),
        in_spec("replicas: -1", "replicas"),
        in_spec("limits: {cpu: -1}", "limits"),
        in_spec("limits: {cpu: lots}", "limits"),
        in_spec("limits: {memory: 1e400}", "limits"),
        in_spec("disruption: {consolidateAfter: 1hr}", "consolidateAfter"),
        in_spec("disruption: {consolidateAfter: 0s, budgets: [{nodes: 101%}]}", "nodes"),
        in_spec("disruption: {consolidateAfter: 0s, budgets: [{nodes: \"1\", schedule: \"* *\", duration: 1h}]}", "schedule"),
        in_spec("disruption: {consolidateAfter: 0s, budgets: [{nodes: \"1\", duration: 1h}]}", "schedule"),
    ]);
    let in_requirement = |text: &str, expected: &'static str| -> Case { ("requirement", requirement(text), expected, Refused) };
    run(&[
        in_requirement("{key: a, operator: In, values: []}", "operator 'In' must have a value"),
        in_requirement("{key: a, operator: Gt, values: [\"-1\"]}", "non-negative integer"),
        in_requirement("{key: a, operator: Gt, values: [\"1\", \"2\"]}", "non-negative integer"),
        in_requirement("{key: a, operator: Near, values: [b]}", "operator"),
        in_requirement("{key: kubernetes.io/hostname, operator: Exists}", "hostname"),
        (
            "the pool's own label",
            requirement("{key: karpenter.sh/nodepool, operator: In, values: [x]}").replace(" # <--", ""),
            "restricted",
            Refused,
        ),
        in_requirement("{key: karpenter.sh/color, operator: Exists}", "restricted"),
        in_requirement("{key: a, operator: In, values: [b], minValues: 2}", "minValues"),
        in_requirement("{key: a, operator: Exists, minValues: 51}", "minValues"),
    ]);
}

#[test]
fn pools_without_a_class_to_launch_with_are_refused() {
    let no_requirements = "      requirements: []\n";
    run(&[
        ("no such class", pool_on("gone", "", no_requirements), "there is no EC2NodeClass named \"gone\"", Refused),
        (
            "a foreign class",
            pool("").replace("group: karpenter.k8s.aws", "group: karpenter.azure.com"),
            "only karpenter.k8s.aws/EC2NodeClass is supported",
            Refused,
        ),
        (
            "dedicated tenancy",
            requirement("{key: karpenter.k8s.aws/instance-tenancy, operator: In, values: [dedicated]}").replace(" # <--", ""),
            "dedicated instances have other prices",
            Refused,
        ),
    ]);
}

#[test]
fn pools_that_can_launch_nothing_are_pointed_out() {
    let harmless = |text: &str, expected: &'static str| -> Case {
        ("requirement", requirement(text).replace(" # <--", ""), expected, Harmless)
    };
    run(&[
        harmless(
            "{key: node.kubernetes.io/instance-type, operator: In, values: [z9.mega]}",
            "no instance type of this region meets them all",
        ),
        harmless(
            "{key: topology.kubernetes.io/zone, operator: In, values: [mars-1a]}",
            "no instance type of this region meets them all",
        ),
        harmless("{key: kubernetes.io/arch, operator: DoesNotExist}", "no instance type of this region meets them all"),
        (
            "deleted",
            pool("").replace("  name: bad\n", "  name: bad\n  deletionTimestamp: \"2026-01-01T00:00:00Z\"\n"),
            "is being deleted",
            Harmless,
        ),
    ]);
}

/// The class of pool `bad`, and the pool, with these lines in the class's spec (indented by two).
fn class(spec: &str) -> String {
    format!(
        "apiVersion: karpenter.k8s.aws/v1\nkind: EC2NodeClass\nmetadata:\n  name: bad\nspec:\n{spec}  role: node\n  \
         subnetSelectorTerms: [{{tags: {{a: b}}}}]\n  securityGroupSelectorTerms: [{{tags: {{a: b}}}}]\n---\n{}",
        pool_on("bad", "  weight: 1\n", "      requirements: []\n")
    )
}

#[test]
fn classes_that_are_refused_take_their_pools_with_them() {
    let image = "  amiSelectorTerms: [{alias: al2023@latest}]\n";
    let refused =
        |spec: &str, expected: &'static str| -> Case { ("class", class(&format!("{image}  {spec}\n")), expected, Refused) };
    run(&[
        ("no image", class(""), "amiSelectorTerms", Refused),
        ("an unknown family", class("  amiSelectorTerms: [{alias: gentoo@latest}]\n"), "family is not supported", Refused),
        ("an image without family", class("  amiSelectorTerms: [{id: ami-0}]\n"), "amiFamily", Refused),
        refused("instanceProfile: both", "must specify exactly one of"),
        refused("placementGroupSelector: {name: pg}", "placementGroupSelector: is not supported"),
        refused("kubelet: {maxPods: -1}", "maxPods"),
        refused("kubelet: {kubeReserved: {cpu: -1}}", "kubeReserved"),
        refused("kubelet: {evictionHard: {memory.available: 101%}}", "evictionHard"),
        refused("kubelet: {evictionHard: {moon.available: 5%}}", "evictionHard"),
        refused("blockDeviceMappings: [{deviceName: /dev/xvda, ebs: {volumeSize: 0Gi}}]", "volumeSize"),
        refused("instanceStorePolicy: RAID5", "instanceStorePolicy"),
        refused("tags: {kubernetes.io/cluster/x: owned}", "restricted tag"),
        refused("metadataOptions: {httpPutResponseHopLimit: 65}", "httpPutResponseHopLimit"),
        (
            "half of prefix delegation",
            class(image).replacen("  name: bad\n", "  name: bad\n  annotations: {windlass.dev/prefix-delegation: maybe}\n", 1),
            "neither \"true\" nor \"false\"",
            Refused,
        ),
    ]);
    let outcome = outcome(&[("bad.yaml", &class(&format!("{image}  placementGroupSelector: {{name: pg}}\n")))], super::catalog());
    let shown: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    assert!(
        shown.iter().any(|line| line.contains("NodePool/bad") && line.contains("EC2NodeClass/bad cannot be used")),
        "{shown:?}"
    );
}

/// EC2 takes 50 tags of 128 and 256 characters on one resource; five places are ours.
#[test]
fn tags_that_ec2_would_refuse_are_refused() {
    let tagged = |tags: &str| class(&format!("  amiSelectorTerms: [{{alias: al2023@latest}}]\n  tags: {{{tags}}} # <--\n"));
    let many = |count: usize| (0..count).map(|n| format!("tag-{n}: v")).collect::<Vec<_>>().join(", ");
    run(&[
        ("51 tags", tagged(&many(51)), "spec.tags: Too many: 51: must have at most 45 entries", Refused),
        ("one tag too many", tagged(&many(46)), "spec.tags: Too many: 46", Refused),
        ("a key of 129 characters", tagged(&format!("{}: v", "k".repeat(129))), "at most 128 characters", Refused),
        ("a value of 257 characters", tagged(&format!("k: {}", "v".repeat(257))), "spec.tags", Refused),
        ("no key", tagged("\"\": v"), "empty tag keys", Refused),
        ("AWS's own prefix", tagged("aws:name: v"), "restricted tag matching aws:", Refused),
        ("a tag of ours", tagged("karpenter.sh/nodepool: v"), "restricted tag", Refused),
        ("a control character", tagged("k: \"a\\x00b\""), "control characters", Refused),
        ("a number", tagged("k: 1"), "spec.tags", Refused),
    ]);
    for tags in [many(45), format!("{}: {}", "k".repeat(128), "v".repeat(256)), "größe: \"\\u202Eklein\"".to_owned()] {
        let outcome = outcome(&[("tags.yaml", &tagged(&tags))], super::catalog());
        assert!(!outcome.findings.iter().any(windlass::diagnostic::Diagnostic::is_error), "{tags}: {:?}", outcome.findings);
    }
}

#[test]
fn budgets_that_karpenter_cannot_read_are_refused() {
    let budgets = |text: &str| pool(&format!("  disruption:\n    consolidateAfter: 0s\n    budgets:\n      - {text} # <--\n"));
    let scheduled = |schedule: &str| budgets(&format!("{{nodes: \"1\", schedule: \"{schedule}\", duration: 1h}}"));
    run(&[
        ("more than the API can count", budgets("{nodes: \"2147483648\"}"), "must be at most 2147483647", Refused),
        ("less than none", budgets("{nodes: \"-1\"}"), "budgets[0].nodes", Refused),
        ("half of a per cent", budgets("{nodes: 0.5%}"), "budgets[0].nodes", Refused),
        ("a reason of one's own", budgets("{nodes: \"1\", reasons: [Bored]}"), "budgets[0].reasons[0]", Refused),
        ("minute 60", scheduled("60 * * * *"), "\"60\" is no value of the minute", Refused),
        ("the 32nd", scheduled("0 0 32 * *"), "\"32\" is no value of the day of month", Refused),
        ("Sunday as 7", scheduled("0 0 * * 7"), "\"7\" is no value of the day of week", Refused),
        ("the last day", scheduled("0 0 L * *"), "\"L\" is no value of the day of month", Refused),
        ("from Friday to Monday", scheduled("0 0 * * fri-mon"), "ends before it begins", Refused),
        ("seconds", scheduled("0 0 0 * * *"), "schedule", Refused),
        ("an unknown macro", scheduled("@fortnightly"), "schedule", Refused),
        ("a time zone", scheduled("TZ=UTC 0 0 * * *"), "schedule", Refused),
        (
            "a window of seconds",
            budgets("{nodes: \"1\", schedule: \"@daily\", duration: 30s}"),
            "hours and minutes such as 8h",
            Refused,
        ),
        ("a window without end", budgets("{nodes: \"1\", schedule: \"@daily\"}"), "must be set with 'duration'", Refused),
    ]);
}

/// A disruption budget is about nodes that run: whatever it says, new pods get their nodes.
#[test]
fn budgets_that_overlap_or_allow_nothing_change_no_plan() {
    for budgets in [
        "[{nodes: \"0\"}]",
        "[{nodes: 0%}, {nodes: 100%}]",
        "[{nodes: \"2147483647\"}]",
        "[{nodes: \"1\", schedule: 0 9 * * mon-fri, duration: 8h}, {nodes: \"5\", schedule: 0 12 * * *, duration: 8h0m0s}]",
        "[{nodes: \"1\", schedule: 30 2 29 2 *, duration: 24h, reasons: [Drifted, Empty]}]",
    ] {
        let text = pool(&format!("  weight: 1\n  disruption: {{consolidateAfter: 0s, budgets: {budgets}}}\n"));
        let budgeted = outcome(&[("pool.yaml", &text)], super::catalog());
        assert!(budgeted.findings.is_empty(), "{budgets}: {:?}", budgeted.findings);
        let plain = outcome(&[("pool.yaml", &pool("  weight: 1\n"))], super::catalog());
        assert_eq!(budgeted.plan, plain.plan, "{budgets}");
    }
}

#[test]
fn limits_hold_whatever_the_pods_want() {
    let limited = |limits: &str| {
        let pod = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: many}\nspec:\n  replicas: 20\n  selector: {matchLabels: {app: many}}\n  \
                   template:\n    metadata: {labels: {app: many}}\n    spec:\n      nodeSelector: {team: many}\n      \
                   containers: [{name: c, image: i, resources: {requests: {cpu: 3}}}]\n";
        let pool = pool_on("good", &format!("  limits: {limits}\n"), "      requirements: []\n");
        format!("{}{pod}", pool.replace("  template:\n", "  template:\n    metadata: {labels: {team: many}}\n"))
    };
    for (limits, most) in
        [("{cpu: 0}", 0), ("{nodes: 0}", 0), ("{memory: 1Mi}", 0), ("{nodes: 1}", 20), ("{cpu: 8}", 2), ("{nodes: 1, cpu: 5}", 1)]
    {
        let outcome = outcome(&[("many.yaml", &limited(limits))], super::catalog());
        let ours: Vec<_> = outcome.plan.nodes.iter().filter(|node| node.node_pool.as_str() == "bad").collect();
        let placed = ours.iter().flat_map(|node| &node.pods).filter(|pod| pod.name.starts_with("many-")).count();
        assert!(placed <= most, "{limits}: {placed}");
        assert_eq!(placed + outcome.plan.unschedulable.len(), 20, "{limits}");
        assert!(
            outcome.plan.unschedulable.iter().all(|pod| pod.reason == Reason::LimitExceeded),
            "{limits}: {:?}",
            outcome.plan.unschedulable
        );
        assert!(!limits.contains("nodes: 1") || ours.len() == 1, "{limits}");
    }
}

#[test]
fn five_hundred_pools_of_equal_weight_are_only_work() {
    let pools: Vec<String> = (0..500)
        .map(|n| {
            pool_on("good", "", "      requirements: [{key: karpenter.k8s.aws/instance-family, operator: In, values: [m5]}]\n")
                .replace("name: bad", &format!("name: p{n:03}"))
        })
        .collect();
    let outcome = outcome(&[("pools.yaml", &pools.join("---\n"))], super::catalog());
    assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    assert_eq!(outcome.plan.summary.placed, super::good().summary.placed);
    assert!(outcome.plan.summary.hourly_cost <= super::good().summary.hourly_cost);
}

#[test]
fn a_second_pool_or_class_of_a_good_ones_name_takes_both_out() {
    let class = class("  amiSelectorTerms: [{alias: al2@latest}]\n").split("---").next().unwrap_or_default().to_owned();
    for (second, object) in [(pool("  weight: 100\n"), "NodePool/good"), (class, "EC2NodeClass/good")] {
        let outcome = outcome(&[("second.yaml", &second.replace("name: bad", "name: good"))], super::catalog());
        super::expect_twice(&outcome, object);
        assert!(outcome.plan.nodes.is_empty(), "{:?}", outcome.plan.nodes);
    }
}

#[test]
fn a_provisioner_of_a_good_pools_name_is_refused() {
    let provider = "  provider: {subnetSelector: {a: b}, securityGroupSelector: {a: b}}\n";
    run(&[(
        "a provisioner",
        provisioner(provider).replace("name: bad", "name: good"),
        "Provisioner/good: would become what NodePool/good",
        Refused,
    )]);
}

/// A Provisioner `bad` with these lines in its spec (indented by two).
fn provisioner(spec: &str) -> String {
    format!("apiVersion: karpenter.sh/v1alpha5\nkind: Provisioner\nmetadata:\n  name: bad\nspec:\n{spec}")
}

#[test]
fn provisioners_that_cannot_be_converted_are_refused() {
    let inline = "  provider: {subnetSelector: {a: b}, securityGroupSelector: {a: b}}\n";
    run(&[
        ("no provider", provisioner("  labels: {a: b}\n"), "", Refused),
        ("a template that is not there", provisioner("  providerRef: {name: gone}\n"), "gone", Refused),
        ("both ways", provisioner(&format!("{inline}  providerRef: {{name: x}}\n")), "provider", Refused),
        (
            "a launch template",
            provisioner("  provider: {launchTemplate: lt, subnetSelector: {a: b}}\n"),
            "launchTemplate",
            Refused,
        ),
        ("a misspelt limit", provisioner(&format!("{inline}  limits: {{resources: {{cpu: many}}}} # <--\n")), "limits", Refused),
        (
            "both TTL and consolidation",
            provisioner(&format!("{inline}  ttlSecondsAfterEmpty: 30\n  consolidation: {{enabled: true}}\n")),
            "",
            Refused,
        ),
    ]);
}
