//! `windlass catalog list`, `show` and `build` as a user calls them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use serde_json::Value;

/// Exit code, standard output, standard error.
fn windlass(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass")).arg("catalog").args(args).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Names that a listing with these filters prints.
fn names(filters: &[&str]) -> Vec<String> {
    let (code, out, err) = windlass(&[&["list", "-o", "name"], filters].concat());
    assert_eq!(code, 0, "{filters:?}: {err}");
    out.lines().map(str::to_owned).collect()
}

fn json(args: &[&str]) -> Value {
    let (code, out, err) = windlass(args);
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn the_table_shows_prices_and_what_pods_can_use() {
    let (code, out, err) = windlass(&["list", "--family", "c6g", "--max-cpu", "4", "--zone", "us-west-2b", "--sort", "cpu"]);
    assert_eq!(code, 0, "{err}");
    let expected = "\
TYPE         ARCH    VCPU   MEMORY   ON-DEMAND       SPOT   CPU FOR PODS   MEMORY FOR PODS   PODS   ZONES
c6g.medium   arm64      1      2Gi      0.0340   ~0.00986           940m            1392Mi      8   b
c6g.large    arm64      2      4Gi      0.0680   ~0.02788          1930m            3055Mi     29   b
c6g.xlarge   arm64      4      8Gi      0.1360    ~0.0544          3920m            6525Mi     58   b
";
    assert_eq!(out, expected);
    assert!(err.starts_with("3 of 1354 instance types of us-west-2") && err.contains("~ marks estimates"), "{err}");
}

#[test]
fn filters_mean_what_requirements_mean() {
    let c6g = names(&["--family", "c6g"]);
    assert_eq!(c6g.len(), 9, "{c6g:?}");
    assert_eq!(c6g, names(&["--requirement", "karpenter.k8s.aws/instance-family In c6g"]));
    assert_eq!(names(&["--family", "c6g", "--min-memory", "64Gi", "--max-memory", "64Gi"]), ["c6g.8xlarge"]);
    assert_eq!(names(&["--family", "g5", "--gpu=A10G", "--max-cpu", "4"]), ["g5.xlarge"]);
    assert_eq!(names(&["--gpu", "--family", "c6g"]), [""; 0]);
    let newer = names(&["--category", "m", "--requirement", "karpenter.k8s.aws/instance-generation Gt 7"]);
    assert!(!newer.is_empty() && newer.iter().all(|name| name.starts_with("m8") || name.starts_with("m9")), "{newer:?}");
    let both = names(&["--arch", "amd64,arm64"]).len();
    assert_eq!(both, names(&["--arch", "amd64"]).len() + names(&["--arch", "arm64"]).len());
    assert_eq!(names(&["--family", "m5", "--capacity-type", "reserved"]), [""; 0]);
}

#[test]
fn the_order_can_be_chosen() {
    let sorted = |by: &str, field: &str| -> Vec<f64> {
        let list = json(&["list", "--category", "m", "--arch", "arm64", "--sort", by, "-o", "json"]);
        list["items"].as_array().unwrap().iter().filter_map(|item| item[field].as_f64()).collect()
    };
    assert!(sorted("memory", "memoryMib").is_sorted());
    assert!(sorted("cpu", "vcpus").is_sorted());
    let on_demand = names(&["--family", "c6g,c7g", "--capacity-type", "on-demand", "--sort", "price"]);
    assert_eq!(on_demand[..2], ["c6g.medium", "c7g.medium"]);
    assert!(names(&["--arch", "arm64"]).is_sorted());
}

#[test]
fn only_offerings_that_pass_are_shown() {
    let list = json(&["list", "--family", "m5", "--zone", "us-west-2a", "--capacity-type", "spot", "-o", "json"]);
    assert_eq!(list["kind"], "InstanceTypeList");
    assert_eq!(list["prices"]["spot"], "estimate");
    for item in list["items"].as_array().unwrap() {
        assert_eq!(item["zones"], serde_json::json!(["us-west-2a"]));
        assert_eq!(item["offerings"].as_array().unwrap().len(), 1);
        assert_eq!(item["onDemandUsd"], Value::Null);
        assert!(item["spotUsd"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn every_form_lists_the_same_types() {
    let filters = ["list", "--family", "inf2", "--region", "us-east-1"];
    let form = |name: &str| windlass(&[&filters[..], &["-o", name]].concat()).1;
    let expected: Vec<String> = form("name").lines().map(str::to_owned).collect();
    assert_eq!(expected.len(), 4);
    for (name, skipped) in [("table", 1), ("wide", 1), ("markdown", 2)] {
        let text = form(name);
        let rows = text.lines().skip(skipped).map(|line| line.trim_start_matches("| ").split(' ').next().unwrap().to_owned());
        assert_eq!(rows.collect::<Vec<_>>(), expected, "{name}");
    }
    let yaml = form("yaml");
    assert_eq!(yaml.lines().filter(|line| line.starts_with("- name: inf2.")).count(), 4, "{yaml}");
    assert!(form("wide").contains("1 x inferentia2"));
}

#[test]
fn families_change_what_pods_can_use() {
    let memory = |family: &str, name: &str| {
        json(&["show", name, "--ami-family", family, "-o", "json"])["allocatable"]["memory"].as_str().map(str::to_owned)
    };
    assert_eq!(memory("AL2023", "m5.large").as_deref(), Some("6903Mi"));
    // 110 pods: 7577 - (11 x 110 + 255) - 100.
    assert_eq!(memory("Windows2022", "m5.large").as_deref(), Some("6012Mi"));
    assert_eq!(memory("Windows2022", "c6g.large"), None);
    assert_eq!(memory("bottlerocket", "m5.large").as_deref(), Some("6903Mi"));
}

#[test]
fn one_type_is_shown_whole() {
    let (code, out, err) = windlass(&["show", "g5.xlarge"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "  on-demand  1.0060",
        "  nvidia.com/gpu             1",
        "  karpenter.k8s.aws/instance-gpu-name                         a10g",
    ] {
        assert!(out.lines().any(|found| found == line), "{line}\n  not in\n{out}");
    }
    let (code, _, err) = windlass(&["show", "c6g.mega"]);
    assert_eq!(code, 2);
    assert!(err.contains("us-west-2 has no instance type \"c6g.mega\"; there are c6g.12xlarge, "), "{err}");
}

#[test]
fn types_without_price_say_so() {
    let (code, out, err) = windlass(&["list", "--family", "t8i"]);
    assert_eq!(code, 0);
    assert!(out.lines().nth(1).unwrap().contains("-      -"), "{out}");
    assert!(err.contains("4 without a price are never chosen"), "{err}");
}

#[test]
fn mistakes_are_refused_with_what_was_expected() {
    for (args, expected) in [
        (&["list", "--region", "mars-1"][..], "no catalogue for region \"mars-1\" in this binary, only for us-east-1, us-west-2"),
        (&["list", "--requirement", "a"], "expected 'KEY OPERATOR [VALUE,...]'"),
        (&["list", "--requirement", "a Like b"], "\"Like\" is no operator"),
        (&["list", "--requirement", "a Gt b"], "operator Gt needs exactly one integer"),
        (&["list", "--requirement", "example.com/a In b"], "no instance type of us-west-2 has the label \"example.com/a\""),
        (&["list", "--family", "m5", "--requirement", "karpenter.k8s.aws/instance-family In c5"], "exclude each other"),
        (&["list", "--min-memory", "lots"], "lots"),
        (&["list", "--ami-family", "Gentoo"], "expected AL2, AL2023"),
        (&["list", "--catalog", "no/such/file.json"], "cannot read no/such/file.json"),
        (&["build", "--region", "x"], "--on-demand <CSV>"),
    ] {
        let (code, out, err) = windlass(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.contains(expected), "{args:?}: {err}");
    }
}

#[test]
fn a_catalogue_file_replaces_the_embedded_one() {
    let good = r#"{"name":"x9.large","hardware":{"architectures":["arm64"],"vcpus":2,"memoryMib":4096,"usageClasses":["on-demand"],
        "network":{"cards":[{"interfaces":3}],"ipv4PerInterface":10}},"zones":["mars-1a"],"prices":{"onDemand":0.05}}"#;
    let bad = r#"{"name":"x9.mega","hardware":{"architectures":["arm64"],"memoryMib":1},"prices":{"onDemand":"NaN"}}"#;
    let write = |types: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            r#"{{"apiVersion":"windlass.dev/v1","kind":"Catalog","region":"mars-1","zones":[{{"name":"mars-1a"}}],"instanceTypes":[{types}]}}"#
        );
        std::fs::write(file.path(), text).unwrap();
        file
    };
    let file = write(good);
    let path = file.path().to_str().unwrap();
    let list = json(&["list", "--catalog", path, "-o", "json"]);
    assert_eq!(list["items"][0]["allocatable"]["memory"], "3055Mi");
    assert_eq!(list["items"][0]["onDemandUsd"], 0.05);
    let (code, _, err) = windlass(&["list", "--catalog", path, "--region", "us-west-2"]);
    assert!(code == 2 && err.contains("is the catalogue of mars-1, not of us-west-2"), "{err}");
    // A flawed type is named and lost, the sound one stays.
    let file = write(&format!("{bad},{good}"));
    let (code, out, err) = windlass(&["list", "--catalog", file.path().to_str().unwrap(), "-o", "name"]);
    assert_eq!((code, out.as_str()), (2, "x9.large\n"));
    assert!(err.contains("x9.mega: instanceTypes[0]: left out: it has no vCPU"), "{err}");
}

#[cfg(not(feature = "aws"))]
#[test]
fn building_needs_aws_support_and_says_how_to_get_it() {
    let args = ["build", "--region", "eu-west-1", "--on-demand", "a.csv", "--spot-advisor", "b.csv", "--out", "c.json"];
    let (code, _, err) = windlass(&args);
    assert_eq!(code, 2);
    assert!(err.contains("built without AWS support") && err.contains("--features aws"), "{err}");
}
