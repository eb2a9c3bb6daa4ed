//! Amounts that are none, that are too large, that contradict each other, and sums that leave 63 bits.

use super::Fate::{NoPlace, Placed, Refused};
use super::{Case, pod_requesting, pod_with, run};
use windlass_solver::Reason;

#[test]
fn requests_that_are_no_amounts_are_refused_where_they_stand() {
    let refused =
        |text: &str| -> Case { ("request", pod_requesting(text), "spec.containers[0].resources.requests.cpu", Refused) };
    let mut cases: Vec<Case> = [
        "\"\"",
        "\" 1\"",
        "\"1 \"",
        "1e",
        "\"1e\"",
        "NaN",
        "\".\"",
        "-1",
        "\"-500m\"",
        "1E400",
        "\"1e400\"",
        "\"9223372036854775808Ei\"",
        "1e18",
        "9223372036854775807",
        "\"0x10\"",
        "\"1,5\"",
        "\"１\"",
        "\"1K\"",
        "\"1kI\"",
        "\"++1\"",
        "many",
        "[1]",
        "{a: 1}",
        "true",
    ]
    .into_iter()
    .map(refused)
    .collect();
    cases.push(refused(&"9".repeat(10_000)));
    run(&cases);
}

#[test]
fn odd_but_legal_amounts_are_placed() {
    let placed = |text: &str| -> Case { ("request", pod_requesting(text), "", Placed) };
    run(&["0", "\"0\"", "1n", "\"0.0000001\"", "\"1e-3\"", "1e0", "0.5", "\"+1\"", "\"1.\"", "\".5\"", "1e0"].map(placed));
}

/// A pod `bad` with these resources in its one container.
fn resources(text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  containers:\n    - name: c\n      image: i\n      resources: {text} # <--\n"
    )
}

#[test]
fn requests_and_limits_that_contradict_are_refused_and_limits_alone_count() {
    run(&[
        ("request above limit", resources("{requests: {cpu: 2}, limits: {cpu: 1}}"), "resources.requests", Refused),
        ("negative limit", resources("{limits: {memory: -1}}"), "resources.limits.memory", Refused),
        ("huge limit alone", resources("{limits: {memory: 100Ti}}"), "memory", NoPlace(Reason::NoInstanceTypeFits)),
        ("nothing at all", resources("{}"), "", Placed),
        ("half a device", resources("{limits: {nvidia.com/gpu: 500m}}"), "nvidia.com/gpu", Refused),
        (
            "an unknown device",
            resources("{limits: {example.com/quantum: 1}}"),
            "example.com/quantum",
            NoPlace(Reason::NoInstanceTypeFits),
        ),
    ]);
}

#[test]
fn sums_beyond_63_bits_never_wrap() {
    let twice = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  containers:\n    \
                 - name: a\n      image: i\n      resources: {requests: {memory: 9223372036854775807}}\n    \
                 - name: b\n      image: i\n      resources: {requests: {memory: 9223372036854775807}}\n";
    run(&[("two halves of everything", twice.to_owned(), "add up to more than can be counted", Refused)]);
}

#[test]
fn init_containers_and_sidecars_count_by_the_schedulers_rules() {
    let init = |requests: &str, restart: &str| {
        pod_with(&format!(
            "  initContainers:\n    - name: first\n      image: i\n{restart}      resources: {{requests: {requests}}} # <--\n"
        ))
    };
    run(&[
        ("an init container too large for any type", init("{cpu: 5000}", ""), "cpu", NoPlace(Reason::NoInstanceTypeFits)),
        (
            "a sidecar too large for any type",
            init("{cpu: 5000}", "      restartPolicy: Always\n"),
            "cpu",
            NoPlace(Reason::NoInstanceTypeFits),
        ),
        (
            "a negative sidecar",
            init("{cpu: -1}", "      restartPolicy: Always\n"),
            "initContainers[0].resources.requests.cpu",
            Refused,
        ),
        ("pod-level negative", pod_with("  resources: {requests: {cpu: -1}} # <--\n"), "spec.resources.requests.cpu", Refused),
        ("negative overhead", pod_with("  overhead: {cpu: -1} # <--\n"), "spec.overhead.cpu", Refused),
    ]);
}
