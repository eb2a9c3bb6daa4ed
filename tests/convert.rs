//! Conversion of Provisioners: one golden file per trap. `UPDATE_GOLDEN=1 cargo test --test convert` writes them anew.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use windlass::api::convert::{Conversion, Defaults, convert};
use windlass::api::{self, AWSNodeTemplate, Provisioner};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/convert")
}

fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&fs::read_to_string(folder().join(format!("{name}.yaml"))).unwrap()).unwrap()
}

/// The typed objects of one kind, read as `plan` reads them.
fn typed<T: serde::de::DeserializeOwned>(documents: &[Value], kind: &str) -> Vec<T> {
    documents
        .iter()
        .filter(|document| document["kind"] == kind)
        .map(|document| serde_json::from_value(document.clone()).unwrap())
        .collect()
}

fn converted(documents: &[Value], era: Defaults) -> Conversion {
    let provisioners: Vec<Provisioner> = typed(documents, "Provisioner");
    let templates: Vec<AWSNodeTemplate> = typed(documents, "AWSNodeTemplate");
    convert(&provisioners, &templates, era)
}

fn objects(conversion: &Conversion) -> Vec<Value> {
    let pools = conversion.node_pools.iter().map(|pool| serde_json::to_value(pool).unwrap());
    let classes = conversion.node_classes.iter().map(|class| serde_json::to_value(class).unwrap());
    pools.chain(classes).collect()
}

/// Findings as comments, then the objects.
fn shown(conversion: &Conversion) -> String {
    let mut text = String::new();
    for finding in &conversion.findings {
        let word = if finding.is_error() { "error" } else { "warning" };
        writeln!(text, "# {word}: {finding}").unwrap();
        if let Some(hint) = &finding.hint {
            writeln!(text, "#   hint: {hint}").unwrap();
        }
    }
    for object in objects(conversion) {
        write!(text, "---\n{}\n", serde_saphyr::to_string(&object).unwrap().trim_end()).unwrap();
    }
    text
}

fn golden(name: &str, era: Defaults) -> Conversion {
    let documents = documents(name);
    let conversion = converted(&documents, era);
    let suffix = if era == Defaults::default() { String::new() } else { format!(".{era}") };
    let path = folder().join(format!("{name}{suffix}.golden.yaml"));
    let text = shown(&conversion);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} differs; now it is\n{text}", path.display());
    accepted(&conversion);
    let reversed: Vec<Value> = documents.into_iter().rev().collect();
    assert_eq!(shown(&converted(&reversed, era)), text, "{name}: the order of the input must not matter");
    conversion
}

/// What comes out is what the API server takes, and reads back as itself.
fn accepted(conversion: &Conversion) {
    for object in objects(conversion) {
        let (version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
        let admission = api::admit(version, kind, &object).unwrap();
        let errors: Vec<_> = admission.findings.iter().filter(|finding| finding.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?} in {object}");
        let again = if kind == "NodePool" {
            serde_json::to_value(serde_json::from_value::<api::NodePool>(admission.object.clone()).unwrap()).unwrap()
        } else {
            serde_json::to_value(serde_json::from_value::<api::EC2NodeClass>(admission.object.clone()).unwrap()).unwrap()
        };
        assert_eq!(again, object, "defaults change what was written");
    }
}

fn warned(conversion: &Conversion, object: &str, words: &str) -> bool {
    conversion.findings.iter().any(|finding| finding.object.as_deref() == Some(object) && finding.message.contains(words))
}

#[test]
fn spark() {
    let conversion = golden("spark", Defaults::V0_31);
    let names: Vec<_> = conversion.node_pools.iter().map(|pool| pool.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["default", "ondemand"]);
    let pool = &conversion.node_pools[1].spec;
    assert_eq!((pool.template.spec.expire_after.as_str(), pool.disruption.consolidate_after.as_str()), ("720h", "30s"));
    assert_eq!(pool.template.spec.node_class_ref.name, "ondemand");
    assert_eq!(pool.limits["cpu"].as_str(), "1000");
}

#[test]
fn neither_ttl_nor_consolidation_stays_never() {
    let conversion = golden("never-disrupted", Defaults::V0_31);
    let spec = &conversion.node_pools[0].spec;
    assert_eq!((spec.disruption.consolidate_after.as_str(), spec.template.spec.expire_after.as_str()), ("Never", "Never"));
    assert!(warned(&conversion, "Provisioner/keep", "neither ttlSecondsAfterEmpty nor consolidation is set"));
}

#[test]
fn a_label_without_requirement_is_not_contradicted() {
    let conversion = golden("label-only", Defaults::V0_31);
    let requirements = &conversion.node_pools[0].spec.template.spec.requirements;
    assert!(requirements.iter().all(|requirement| requirement.key != api::label::CAPACITY_TYPE), "{requirements:?}");
    assert!(warned(&conversion, "Provisioner/spot", "launched nothing"));
}

#[test]
fn each_era_has_its_defaults() {
    let keys = |conversion: &Conversion| -> Vec<String> {
        conversion.node_pools[0].spec.template.spec.requirements.iter().map(|requirement| requirement.key.clone()).collect()
    };
    let v31 = golden("bare", Defaults::V0_31);
    assert_eq!(
        keys(&v31),
        [
            api::label::OS,
            api::label::ARCH,
            api::label::CAPACITY_TYPE,
            api::label::INSTANCE_CATEGORY,
            api::label::INSTANCE_GENERATION
        ]
    );
    assert!(v31.findings.iter().any(|finding| finding.hint.as_deref().is_some_and(|hint| hint.contains("a1"))));
    let v13 = golden("bare", Defaults::V0_13);
    assert_eq!(keys(&v13), [api::label::ARCH, api::label::CAPACITY_TYPE]);
    let none = golden("bare", Defaults::None);
    assert_eq!(keys(&none), Vec::<String>::new());
    assert!(warned(&none, "Provisioner/bare", "nothing was added"));
    assert_eq!(none.node_pools[0].spec.disruption.consolidate_after, "0s");
}

#[test]
fn selectors_become_terms() {
    let conversion = golden("selectors", Defaults::V0_31);
    let spec = &conversion.node_classes[0].spec;
    assert_eq!(
        spec.subnet_selector_terms.iter().map(|term| term.id.as_deref().unwrap()).collect::<Vec<_>>(),
        ["subnet-0a", "subnet-0b"]
    );
    assert_eq!((spec.security_group_selector_terms.len(), spec.ami_selector_terms.len()), (2, 4));
    assert!(
        warned(&conversion, "AWSNodeTemplate/web", "became 4 terms")
            && warned(&conversion, "AWSNodeTemplate/web", "wildcards in Name")
    );
    assert_eq!(spec.block_device_mappings[1].ebs.as_ref().unwrap().volume_size.as_ref().unwrap().as_str(), "2Gi");
}

#[test]
fn each_distinct_kubelet_has_its_class() {
    let conversion = golden("kubelets", Defaults::V0_31);
    let classes: Vec<&str> =
        conversion.node_pools.iter().map(|pool| pool.spec.template.spec.node_class_ref.name.as_str()).collect();
    assert_eq!(classes, ["shared", "shared-b", "shared", "shared-d"]);
    assert!(warned(&conversion, "Provisioner/a", "containerd is the only container runtime"));
    assert!(warned(&conversion, "AWSNodeTemplate/shared", "nodeadm"));
    assert!(warned(&conversion, "AWSNodeTemplate/shared", "no images for Kubernetes 1.33"));
    assert!(warned(&conversion, "AWSNodeTemplate/unused", "no Ubuntu family"));
}

#[test]
fn what_cannot_be_converted_is_left_out_alone() {
    let conversion = golden("refused", Defaults::V0_31);
    let names: Vec<_> = conversion.node_pools.iter().map(|pool| pool.metadata.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["whole"]);
    let refused: Vec<_> =
        conversion.findings.iter().filter(|finding| finding.is_error()).map(|f| f.object.clone().unwrap()).collect();
    for name in ["both", "launch-template", "lost", "many-terms", "no-image", "reserved-tag"] {
        assert!(refused.contains(&format!("Provisioner/{name}")), "{name}: {refused:?}");
    }
    assert!(warned(&conversion, "Provisioner/whole", "became expireAfter"));
}

/// Runs `windlass convert` in the folder of the fixtures.
fn windlass(args: &[&str], stdin: &str) -> (Option<i32>, String, String) {
    let mut command = assert_cmd::Command::cargo_bin("windlass").unwrap();
    let output = command.current_dir(folder()).arg("convert").args(args).write_stdin(stdin).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_verb_prints_what_the_library_makes() {
    let (code, stdout, stderr) = windlass(&["-f", "spark.yaml"], "");
    assert_eq!(code, Some(0), "{stderr}");
    let printed: Vec<Value> = serde_saphyr::from_multiple(&stdout).unwrap();
    assert_eq!(printed, objects(&converted(&documents("spark"), Defaults::V0_31)));
    assert!(stderr.contains("warning: spark.yaml:"), "{stderr}");
    let (_, again, _) = windlass(&["-f", "-"], &fs::read_to_string(folder().join("spark.yaml")).unwrap());
    assert_eq!(again, stdout);
    let (_, json, _) = windlass(&["-f", "spark.yaml", "-o", "json"], "");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["items"], Value::from(printed));
    let (_, names, _) = windlass(&["-f", "spark.yaml", "-o", "name"], "");
    let expected = ["nodepool.karpenter.sh/default", "nodepool.karpenter.sh/ondemand"];
    let classes = ["ec2nodeclass.karpenter.k8s.aws/default", "ec2nodeclass.karpenter.k8s.aws/ondemand"];
    assert_eq!(names.lines().collect::<Vec<_>>(), [expected, classes].concat());
    let (_, none, _) = windlass(&["-f", "spark.yaml", "--defaults", "none"], "");
    assert!(!none.contains("instance-category"), "{none}");
}

#[test]
fn unknown_fields_are_errors_with_their_line_and_others_are_converted() {
    let (code, stdout, stderr) = windlass(&["-f", "typo.yaml", "-o", "name"], "");
    assert_eq!((code, stdout.as_str()), (Some(2), "nodepool.karpenter.sh/fine\nec2nodeclass.karpenter.k8s.aws/fine\n"));
    for expected in [
        "error: typo.yaml:5 (document 1): Provisioner/typo: spec.ttlSecondsAfterEmtpy: unknown field \"ttlSecondsAfterEmtpy\", it has no \
         effect, did you mean \"ttlSecondsAfterEmpty\"?",
        "error: typo.yaml:10 (document 1): Provisioner/typo: spec.provider.metadataOptions.httpToken: unknown field",
    ] {
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn what_the_conversion_changes_is_told_with_the_line_of_its_field() {
    for (file, expected) in [
        ("label-only.yaml", "label-only.yaml:7 (document 1): Provisioner/spot: spec.labels[karpenter.sh/capacity-type]: "),
        ("label-only.yaml", "label-only.yaml:9 (document 1): Provisioner/spot: spec.requirements[0].key: "),
        ("kubelets.yaml", "kubelets.yaml:7 (document 1): Provisioner/a: spec.kubeletConfiguration.containerRuntime: "),
        ("kubelets.yaml", "kubelets.yaml:15 (document 2): Provisioner/b: spec.kubeletConfiguration: "),
        ("kubelets.yaml", "kubelets.yaml:42 (document 5): AWSNodeTemplate/shared: spec.userData: "),
        // A field that is not there stands where it would be written.
        ("kubelets.yaml", "kubelets.yaml:41 (document 5): AWSNodeTemplate/shared: spec.amiFamily: "),
        ("refused.yaml", "refused.yaml:15 (document 2): Provisioner/launch-template: spec.provider.launchTemplate: "),
    ] {
        let (_, _, stderr) = windlass(&["-f", file], "");
        assert!(stderr.contains(expected), "{expected}\nis not in\n{stderr}");
    }
    let list = "apiVersion: v1\nkind: List\nitems: [{apiVersion: karpenter.sh/v1alpha5, kind: Provisioner,\n  metadata: {name: a}, spec: {\n  \
                ttlSecondsUntilExpired: 9,\n  provider: {subnetSelector: {a: b}, securityGroupSelector: {a: b}}}}]\n";
    let (_, _, stderr) = windlass(&["-f", "-"], list);
    assert!(stderr.contains("warning: <stdin>:5 (document 1): Provisioner/a: spec.ttlSecondsUntilExpired: "), "{stderr}");
}

#[test]
fn workloads_with_old_names_are_reported_with_their_lines() {
    let (code, stdout, stderr) = windlass(&["-f", "workloads.yaml", "-o", "name"], "");
    assert_eq!((code, stdout.lines().count()), (Some(0), 2), "{stderr}");
    for expected in [
        "warning: workloads.yaml:22 (document 2): Deployment/default/web: karpenter.sh/do-not-evict is of v1alpha5",
        "warning: workloads.yaml:26 (document 2): Deployment/default/web: karpenter.sh/provisioner-name is of v1alpha5",
        "hint: use karpenter.sh/do-not-disrupt",
    ] {
        assert!(stderr.contains(expected), "{expected}\nis not in\n{stderr}");
    }
    assert!(!stderr.contains("workloads.yaml:24"), "comments are no use: {stderr}");
}

#[test]
fn nothing_to_convert_is_an_error() {
    let (code, stdout, stderr) = windlass(&["-f", "-"], "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n");
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("there is no karpenter.sh/v1alpha5 Provisioner"), "{stderr}");
    assert_eq!(windlass(&["-f", "missing.yaml"], "").0, Some(2));
}
