//! `windlass plan` as a user sees it: every output format of a small shop on a catalogue of five instance types.
#![allow(clippy::unwrap_used)] // A test may panic in its helper functions, too.

use assert_cmd::Command;
use std::path::Path;
use std::process::Output;

const SHOP: &str = "tests/fixtures/plan/shop.yaml";
const PLACEABLE: &str = "tests/fixtures/plan/placeable.yaml";
const CATALOG: [&str; 2] = ["--catalog", "tests/fixtures/plan/catalog.json"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `windlass plan` on the small catalogue, in an environment without opinions on colour.
fn plan(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(variable);
    }
    command.current_dir(root()).arg("plan").args(CATALOG).args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    plan(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Compares with `tests/golden/plan_<name>.snap`, but for the effort of the search: that changes with the solver and the machine.
fn golden(name: &str, text: &str) {
    let effort =
        |line: &&str| !["note: searched ", "\"steps\": ", "steps: "].iter().any(|start| line.trim_start().starts_with(start));
    let text: String = text.lines().filter(effort).flat_map(|line| [line, "\n"]).collect();
    insta::with_settings!({ snapshot_path => "golden", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("plan_{name}"), text);
    });
}

#[test]
fn every_format_of_the_shop() {
    for format in ["table", "wide", "json", "yaml", "markdown", "name"] {
        let output = run(&["-f", SHOP, "-o", format]);
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        golden(format, &stdout(&output));
    }
    golden("messages", &stderr(&run(&["-f", SHOP])));
}

/// The example of the README, on the built-in catalogue: whoever changes prices or the search sees here what it does to them.
#[test]
fn the_spark_example_is_planned_as_the_readme_shows() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    let output = command.current_dir(root()).args(["plan", "-f", "deploy/examples/emr-spark"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    golden("spark", &stdout(&output));
}

#[test]
fn explanations_of_a_placed_pod_a_refused_pod_and_a_node() {
    let json: serde_json::Value = serde_json::from_slice(&run(&["-f", SHOP, "-o", "json"]).stdout).unwrap();
    let node = json["nodes"][0]["name"].as_str().unwrap().to_owned();
    let asked = ["--explain", "shop/database", "--explain", "cache-0", "--explain", &node];
    golden("explain", &stdout(&run(&[&["-f", SHOP], &asked[..]].concat())));
    let explained = run(&[&["-f", SHOP, "-o", "json"], &asked[..]].concat());
    let json: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    let explanations = json["explanations"].as_array().unwrap();
    assert_eq!(explanations.len(), 3);
    assert_eq!((&explanations[0]["outcome"], &explanations[0]["pod"]), (&"newNode".into(), &"shop/database".into()));
    assert_eq!(
        (&explanations[1]["outcome"], &explanations[1]["reason"]),
        (&"unschedulable".into(), &"NoInstanceTypeFits".into())
    );
    assert_eq!(explanations[2]["node"], node);
}

#[test]
fn a_name_that_nothing_has_is_an_error_with_close_matches() {
    let output = run(&["-f", SHOP, "--explain", "databse"]);
    assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""));
    assert!(stderr(&output).contains("hint: did you mean shop/database?"), "{}", stderr(&output));
    let output = run(&["-f", SHOP, "-o", "name", "--explain", "database"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn json_follows_the_published_schema() {
    let schema = std::fs::read(root().join("docs/plan.schema.json")).unwrap();
    let schema = jsonschema::draft202012::new(&serde_json::from_slice(&schema).unwrap()).unwrap();
    for arguments in [
        &["-f", SHOP, "--explain", "web-0", "--explain", "cache-1"][..],
        &["-f", SHOP, "--certificate", "--against", "karpenter"],
        &["-f", PLACEABLE],
        &["-f", PLACEABLE, "--certificate", "--node-charge", "0.01", "--spot-risk", "0.5"],
        &["-f", CATALOG[1]],
    ] {
        let output = run(&[arguments, &["-o", "json"]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        let broken: Vec<String> = schema.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

#[test]
fn charges_are_shown_beside_the_bill_and_never_in_it() {
    let summary = |more: &[&str]| {
        let output = run(&[&["-f", PLACEABLE, "-o", "json"], more].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)));
        json["summary"].clone()
    };
    assert!(summary(&[]).get("objectiveUsd").is_none());
    let charged = summary(&["--node-charge", "10"]);
    let (bill, nodes) = (charged["hourlyCostUsd"].as_f64().unwrap(), charged["newNodes"].as_f64().unwrap());
    assert!((charged["objectiveUsd"].as_f64().unwrap() - bill - 10.0 * nodes).abs() < 1e-9, "{charged}");
    assert!(charged["lowerBoundUsd"].as_f64().unwrap() <= bill);
    assert!(nodes <= summary(&[])["newNodes"].as_f64().unwrap());
    for (flag, value) in [("--node-charge", "-1"), ("--node-charge", "1001"), ("--spot-risk", "much"), ("--spot-risk", "1e9")] {
        assert_eq!(run(&["-f", PLACEABLE, flag, value]).status.code(), Some(2), "{flag} {value}");
    }
}

#[test]
fn the_order_of_documents_changes_no_byte() {
    let text = std::fs::read_to_string(root().join(SHOP)).unwrap();
    let mut documents: Vec<&str> = text.split("\n---\n").collect();
    let expected = stdout(&run(&["-f", SHOP, "-o", "json"]));
    for _ in 0..documents.len() {
        documents.rotate_left(1);
        documents.swap(0, 1);
        let shuffled = documents.join("\n---\n");
        let output = plan(&["-f", "-", "-o", "json"]).write_stdin(shuffled).output().unwrap();
        assert_eq!(stdout(&output), expected);
    }
}

#[test]
fn standard_input_and_files_give_the_same_plan() {
    let text = std::fs::read_to_string(root().join(SHOP)).unwrap();
    let piped = plan(&["-f", "-"]).write_stdin(text).output().unwrap();
    assert_eq!(stdout(&piped), stdout(&run(&["-f", SHOP])));
    let twice = plan(&["-f", "-", "-f", "-"]).write_stdin("").output().unwrap();
    assert_eq!(twice.status.code(), Some(2));
}

#[test]
fn out_writes_the_json_that_stdout_would_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.json");
    let output = run(&["-f", SHOP, "--out", path.to_str().unwrap()]);
    assert!(stdout(&output).contains("NODEPOOL"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), stdout(&run(&["-f", SHOP, "-o", "json"])));
    let nowhere = run(&["-f", SHOP, "--out", folder.path().join("no/such/folder").to_str().unwrap()]);
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(stderr(&nowhere).contains("--out"), "{}", stderr(&nowhere));
}

#[test]
fn colours_only_where_asked_for_or_on_a_terminal() {
    let escapes = |output: &Output| stdout(output).contains('\x1b') || stderr(output).contains('\x1b');
    assert!(!escapes(&run(&["-f", SHOP])));
    assert!(!escapes(&plan(&["-f", SHOP, "--color", "always", "-o", "json", "-q"]).output().unwrap()));
    assert!(!escapes(&plan(&["-f", SHOP]).env("NO_COLOR", "1").output().unwrap()));
    assert!(!escapes(&run(&["-f", SHOP, "--color", "never"])));
    let coloured = run(&["-f", SHOP, "--color", "always"]);
    assert!(escapes(&coloured));
    assert_eq!(anstream::adapter::strip_str(&stdout(&coloured)).to_string(), stdout(&run(&["-f", SHOP])));
}

#[test]
fn quiet_leaves_nothing_but_data() {
    let output = run(&["-f", SHOP, "-q"]);
    assert_eq!(stderr(&output), "");
    assert_eq!(stdout(&output), stdout(&run(&["-f", SHOP])));
}

#[test]
fn the_certificate_and_karpenters_bill_of_the_shop() {
    let asked = ["--certificate", "--against", "karpenter"];
    golden("certificate_against", &stdout(&run(&[&["-f", SHOP], &asked[..]].concat())));
    let json: serde_json::Value =
        serde_json::from_slice(&run(&[&["-f", SHOP, "-o", "json"], &asked[..]].concat()).stdout).unwrap();
    let (summary, certificate, against) = (&json["summary"], &json["certificate"], &json["against"]);
    for field in ["lowerBoundUsd", "gapPercent", "status"] {
        assert_eq!(certificate[field], summary[field], "{field}");
    }
    let priced: u64 = certificate["classes"].as_array().unwrap().iter().map(|class| class["pods"].as_u64().unwrap()).sum();
    let on_new: usize = json["nodes"].as_array().unwrap().iter().map(|node| node["pods"].as_array().unwrap().len()).sum();
    assert_eq!(priced, on_new as u64);
    assert_eq!((&against["algorithm"], &against["placed"]), (&"karpenter".into(), &summary["placed"]));
    assert!(against["saving"]["hourlyUsd"].as_f64().unwrap() >= 0.0, "{against}");
    let refused = run(&["-f", SHOP, "-o", "name", "--against", "karpenter"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
}
