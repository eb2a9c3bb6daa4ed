//! How `windlass plan` ends: exit codes, the choice of region, and what it says about input it cannot use.
#![allow(clippy::unwrap_used)] // A test may panic in its helper functions, too.

use assert_cmd::Command;
use std::process::Output;

const PLACEABLE: &str = "tests/fixtures/plan/placeable.yaml";
const SHOP: &str = "tests/fixtures/plan/shop.yaml";
const CATALOG: [&str; 2] = ["--catalog", "tests/fixtures/plan/catalog.json"];
const POD: &str =
    "{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {containers: [{name: c, resources: {requests: {cpu: CPU}}}]}}";

fn windlass(arguments: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).write_stdin(stdin).output().unwrap()
}

/// `windlass plan` on the small catalogue.
fn plan(arguments: &[&str], stdin: &str) -> Output {
    windlass(&[&["plan"], &CATALOG[..], arguments].concat(), stdin)
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn pod(name: &str, cpu: &str) -> String {
    POD.replace("NAME", name).replace("CPU", cpu)
}

#[test]
fn exit_codes_are_those_of_the_manual() {
    let broken = pod("broken", "lots");
    for (arguments, stdin, plain, detailed) in [
        (&["-f", PLACEABLE][..], "", 0, 2),
        (&["-f", SHOP], "", 3, 3),
        (&["-f", "-"], "", 0, 0),
        (&["-f", "no/such/file.yaml"], "", 2, 1),
        (&["-f", PLACEABLE, "-f", "-"], broken.as_str(), 2, 1),
        (&["-f", PLACEABLE, "--deadline", "soon"], "", 2, 1),
        (&["-f", PLACEABLE, "--no-such-flag"], "", 2, 1),
        (&["-f", PLACEABLE, "--explain", "nobody"], "", 2, 1),
    ] {
        let output = plan(arguments, stdin);
        assert_eq!(code(&output), plain, "{arguments:?}: {}", stderr(&output));
        let output = plan(&[arguments, &["--detailed-exitcode"]].concat(), stdin);
        assert_eq!(code(&output), detailed, "{arguments:?} --detailed-exitcode: {}", stderr(&output));
    }
    assert_eq!(code(&windlass(&["plan"], "")), 2);
    assert_eq!(code(&windlass(&["plan", "--help"], "")), 0);
}

#[test]
fn one_bad_object_does_not_keep_the_others_from_being_planned() {
    let output = plan(&["-f", PLACEABLE, "-f", "-", "-o", "json"], &pod("broken", "lots"));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let alone: serde_json::Value = serde_json::from_slice(&plan(&["-f", PLACEABLE, "-o", "json"], "").stdout).unwrap();
    assert_eq!((&json["nodes"], &json["summary"]), (&alone["nodes"], &alone["summary"]));
    let error = stderr(&output);
    assert!(error.starts_with("error: <stdin>:1 (document 1): Pod/default/broken: "), "{error}");
    assert!(error.contains("spec.containers[0].resources.requests.cpu: "), "{error}");
    assert_eq!(json["warnings"][0]["severity"], "error");
    assert_eq!(json["warnings"][0]["object"], "Pod/default/broken");
}

#[test]
fn a_repeated_warning_is_printed_once_with_a_count() {
    let pods: Vec<String> =
        (0..9).map(|index| pod(&format!("p{index}"), "1").replace("containers:", "container: [], containers:")).collect();
    let output = plan(&["-f", PLACEABLE, "-f", "-"], &pods.join("\n---\n"));
    let error = stderr(&output);
    assert_eq!(error.lines().filter(|line| line.starts_with("warning: ")).count(), 1, "{error}");
    assert!(error.contains("and 8 more like this: Pod/default/p1, Pod/default/p2, Pod/default/p3, ..."), "{error}");
}

#[test]
fn unknown_words_get_a_suggestion() {
    for (arguments, suggestion) in [
        (&["plan", "-f", "-", "-o", "jsn"][..], "'json'"),
        (&["plan", "-f", "-", "--explian", "x"], "'--explain'"),
        (&["plam"], "'plan'"),
    ] {
        let output = windlass(arguments, "");
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(suggestion), "{}", stderr(&output));
    }
}

#[test]
fn the_region_is_asked_for_found_in_the_zones_or_us_west_2() {
    let zone = |zone: &str| {
        pod("p", "1").replace("containers:", &format!("nodeSelector: {{topology.kubernetes.io/zone: {zone}}}, containers:"))
    };
    let two = format!("{}\n---\n{}", zone("us-west-2a"), zone("us-east-1a").replace("name: p", "name: q"));
    for (arguments, stdin, said) in [
        (&["-f", "-"][..], zone("us-west-2a"), "note: region us-west-2, from the zones in the input"),
        (&["-f", "-"], String::new(), "note: region us-west-2: the input names no zone; --region chooses another"),
        (
            &["-f", "-"],
            two.clone(),
            "error: the input names zones of several regions, us-east-1 and us-west-2 among them; choose one with --region",
        ),
        (&["-f", "-", "--region", "xx-nowhere-1"], String::new(), "xx-nowhere-1"),
    ] {
        let output = windlass(&[&["plan"], arguments].concat(), &stdin);
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
    let output = plan(&["-f", PLACEABLE, "--region", "us-east-1"], "");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("is the catalogue of us-west-2, not of us-east-1"), "{}", stderr(&output));
}

/// What is wrong with a catalogue file is printed, stands among the warnings of the plan, and tells by the exit code what is left out.
#[test]
fn findings_about_the_catalogue_are_told() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/", "tests/fixtures/plan/catalog.json")).unwrap();
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let types = file["instanceTypes"].as_array_mut().unwrap();
    let again = types[0].clone();
    types.push(again);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let output = windlass(&["plan", "-f", PLACEABLE, "-o", "json", "--catalog", path.to_str().unwrap()], "");
    let error = stderr(&output);
    assert!(error.starts_with("error: Catalog ") && error.contains("listed twice; the first is used"), "{error}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["warnings"][0]["message"].as_str().unwrap().contains("listed twice"), "{}", json["warnings"]);
    assert_eq!(code(&output), 2);
}
