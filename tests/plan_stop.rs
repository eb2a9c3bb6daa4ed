//! How `windlass plan` stops before it is done: at a deadline with the best plan so far, on a signal with none.
#![allow(clippy::unwrap_used)] // A test may panic in its helper functions, too.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

const SMALL: &str = "tests/fixtures/plan/placeable.yaml";
const CATALOG: &str = "tests/fixtures/plan/catalog.json";

fn windlass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// `windlass plan -o json` of the pools of the small example and of these pods.
fn planned(pods: &str, arguments: &[&str]) -> (Output, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pods.yaml");
    std::fs::write(&path, pods).unwrap();
    let mut command = windlass();
    command.args(["plan", "-f", SMALL, "--catalog", CATALOG, "-o", "json", "-f"]).arg(&path).args(arguments);
    let output = command.output().unwrap();
    let plan = serde_json::from_slice(&output.stdout).unwrap();
    (output, plan)
}

/// Pods of 60 sizes that divide no machine: more mixes than any search goes through.
fn many_mixes() -> String {
    let mut text = String::new();
    for size in 0..60 {
        let (cpu, memory) = (331 + 53 * size, 517 + 97 * ((size * 37) % 60));
        for copy in 0..3 {
            writeln!(
                text,
                "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: p{size}-{copy}}}, spec: {{containers: [{{name: c, resources: {{requests: \
                 {{cpu: {cpu}m, memory: {memory}Mi}}}}}}]}}}}"
            )
            .unwrap();
        }
    }
    text
}

/// The names of the pods that the plan places.
fn placed(plan: &serde_json::Value) -> Vec<String> {
    let nodes = plan["nodes"].as_array().unwrap().iter().chain(plan["existingNodes"].as_array().unwrap());
    let pods = nodes.flat_map(|node| node["pods"].as_array().unwrap());
    let mut names: Vec<String> = pods.map(|pod| pod.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Without the deadline the search would go on for more steps than anyone can wait for. A broken rule would be exit code 1: every plan
/// is checked before it is printed.
#[test]
fn a_deadline_cuts_a_long_search_and_the_plan_is_whole() {
    let endless = ["--steps", "18446744073709551615", "--deadline", "100ms"];
    let (output, plan) = planned(&many_mixes(), &endless);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(plan["summary"]["status"], "cut");
    let (_, unhurried) = planned(&many_mixes(), &["--steps", "2000"]);
    assert_eq!(placed(&plan), placed(&unhurried));
    assert_eq!(plan["summary"]["unschedulable"], 0);
    let usd = |field: &str| plan["summary"][field].as_f64().unwrap();
    assert!(usd("lowerBoundUsd") <= usd("hourlyCostUsd"), "{}", plan["summary"]);
}

#[test]
fn a_deadline_that_has_passed_already_leaves_the_first_plan() {
    let broken =
        "{apiVersion: v1, kind: Pod, metadata: {name: huge}, spec: {containers: [{name: c, resources: {requests: {cpu: 9k}}}]}}";
    for (pods, code) in [("", 0), (broken, 3)] {
        let (output, plan) = planned(pods, &["--deadline", "0s"]);
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(plan["summary"]["status"], "cut");
        let (_, whole) = planned(pods, &[]);
        assert_eq!(placed(&plan), placed(&whole));
    }
}

/// While the input is still being typed nothing is planned, printed or written. The signal is not that of Ctrl-C, which acts alike but
/// is ignored in everything that a shell starts in the background.
#[cfg(unix)]
#[test]
fn a_signal_ends_it_without_half_a_plan() {
    use std::os::unix::process::ExitStatusExt;

    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plan.json");
    let mut command = windlass();
    command.args(["plan", "-f", SMALL, "--catalog", CATALOG, "-o", "json", "-f", "-", "--out"]).arg(&out);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"apiVersion: v1\n").unwrap();
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    // The input stays open until the end, so that only the signal can be what ended it.
    let status = child.wait().unwrap();
    drop(stdin);
    let mut printed = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
    assert_eq!((status.signal(), printed.len(), out.exists()), (Some(15), 0, false));
}
