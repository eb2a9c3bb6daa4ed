//! The CustomResourceDefinitions: committed as generated, and structural as the API server demands.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use assert_cmd::Command;
use kube_cel::{CompiledSchema, ScopeContext, WarningKind, analyze_rule, compile_schema};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use windlass::api::crd::{Definition, definitions};

fn windlass(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("windlass").unwrap().args(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn committed_definitions_are_the_generated_ones() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds");
    let fresh = tempfile::tempdir().unwrap();
    let (code, _, stderr) = windlass(&["crd", "--out-dir", fresh.path().to_str().unwrap()]);
    assert_eq!(code, Some(0), "{stderr}");
    let names = |folder: &Path| -> BTreeSet<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(&committed), names(fresh.path()));
    for name in names(&committed) {
        let read = |folder: &Path| fs::read_to_string(folder.join(&name)).unwrap();
        assert!(read(&committed) == read(fresh.path()), "deploy/crds/{name} is stale: run `windlass crd --out-dir deploy/crds`");
    }
}

#[test]
fn prints_what_is_asked_for_and_reads_back_equal() {
    let (code, all, _) = windlass(&["crd"]);
    assert_eq!(code, Some(0));
    let documents: Vec<Value> = serde_saphyr::from_multiple(&all).unwrap();
    let generated: Vec<Value> = definitions().into_iter().map(|definition| definition.object).collect();
    assert_eq!(documents, generated);
    let (_, json, _) = windlass(&["crd", "ec2nc", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["metadata"]["name"], "ec2nodeclasses.karpenter.k8s.aws");
    let (_, list, _) = windlass(&["crd", "NodePool", "nodeclaims.karpenter.sh", "-o", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&list).unwrap()["items"].as_array().unwrap().len(), 2);
    let (code, stdout, stderr) = windlass(&["crd", "Nodepol"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("no definition is called \"Nodepol\"; there are AWSNodeTemplate, EC2NodeClass"), "{stderr}");
}

/// Keys that a structural schema may have where it describes a value.
const ALLOWED: &[&str] = &[
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

/// Formats that the API server knows.
const FORMATS: &[&str] = &["int32", "int64", "date-time"];

fn walk(schema: &Value, path: &str, broken: &mut Vec<String>) {
    let Some(fields) = schema.as_object() else {
        return broken.push(format!("{path}: a schema must be an object, not {schema}"));
    };
    let mut say = |what: String| broken.push(format!("{path}: {what}"));
    for key in fields.keys().filter(|key| !ALLOWED.contains(&key.as_str())) {
        say(format!("{key} is not allowed"));
    }
    let kind = fields.get("type").and_then(Value::as_str);
    match (kind, fields.get("x-kubernetes-int-or-string")) {
        (None, Some(Value::Bool(true))) | (Some("object" | "array" | "string" | "integer" | "boolean"), None) => {}
        other => say(format!("type and x-kubernetes-int-or-string are {other:?}")),
    }
    if fields.contains_key("properties") && fields.contains_key("additionalProperties") {
        say("properties and additionalProperties exclude each other".into());
    }
    if let Some(format) = fields.get("format").filter(|format| !FORMATS.contains(&format.as_str().unwrap_or_default())) {
        say(format!("unknown format {format}"));
    }
    if let Some(pattern) = fields.get("pattern").and_then(Value::as_str)
        && let Err(why) = regex::Regex::new(pattern)
    {
        say(format!("pattern: {why}"));
    }
    if (kind == Some("array")) != fields.contains_key("items") {
        say("items belong to arrays".into());
    }
    list_type(fields, &mut say);
    let empty = Map::new();
    let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for required in fields.get("required").and_then(Value::as_array).into_iter().flatten() {
        if !properties.contains_key(required.as_str().unwrap()) {
            say(format!("required {required} is no property"));
        }
    }
    if path.contains(".spec.") && !path.ends_with(['}', ']']) && fields.get("description").is_none() {
        say("has no description".into());
    }
    for (name, inner) in properties {
        walk(inner, &format!("{path}.{name}"), broken);
    }
    if let Some(inner) = fields.get("items") {
        walk(inner, &format!("{path}[]"), broken);
    }
    if let Some(inner) = fields.get("additionalProperties") {
        walk(inner, &format!("{path}{{}}"), broken);
    }
}

fn list_type(fields: &Map<String, Value>, say: &mut impl FnMut(String)) {
    match fields.get("x-kubernetes-list-type").and_then(Value::as_str) {
        None | Some("atomic") => {}
        Some("set") if fields["items"]["type"] == "string" => {}
        Some("map") => {
            for key in fields["x-kubernetes-list-map-keys"].as_array().unwrap() {
                let required = fields["items"]["required"].as_array().unwrap();
                if !required.contains(key) {
                    say(format!("map key {key} must be required or have a default"));
                }
            }
        }
        other => say(format!("list type {other:?}")),
    }
}

#[test]
fn schemas_are_structural() {
    let mut broken = Vec::new();
    for definition in definitions() {
        let schema = definition.schema();
        assert_eq!(schema["type"], "object", "{}", definition.name);
        let top: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert!(top.iter().all(|key| ["spec", "status"].contains(&key.as_str())), "{top:?}");
        for (name, inner) in schema["properties"].as_object().unwrap() {
            walk(inner, &format!("{}.{name}", definition.kind), &mut broken);
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Every rule of a schema with its place.
fn rules<'a>(compiled: &'a CompiledSchema, schema: &Value, path: &str, visit: &mut impl FnMut(&'a CompiledSchema, &str, &Value)) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        visit(compiled, path, rule);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        rules(&compiled.properties[name], inner, &format!("{path}.{name}"), visit);
    }
    if let (Some(inner), Some(compiled)) = (schema.get("items"), &compiled.items) {
        rules(compiled, inner, &format!("{path}[]"), visit);
    }
    if let (Some(inner), Some(compiled)) = (schema.get("additionalProperties"), &compiled.additional_properties) {
        rules(compiled, inner, &format!("{path}{{}}"), visit);
    }
}

fn checked_rules(definition: &Definition, problems: &mut Vec<String>) -> usize {
    let compiled = compile_schema(definition.schema());
    let mut count = 0;
    rules(&compiled, definition.schema(), &definition.kind, &mut |node, path, rule| {
        count += 1;
        let text = rule["rule"].as_str().unwrap();
        problems.extend(node.compilation_errors().iter().map(|why| format!("{path}: {why}")));
        // Unbounded lists and texts make the API server refuse a rule as too expensive.
        // The analyser does not know the variables of `all(x, ...)`, so its findings on scope say nothing.
        let findings = analyze_rule(text, node, ScopeContext::CrdValidation);
        let costly = findings.iter().filter(|finding| finding.kind != WarningKind::WrongScope);
        problems.extend(costly.map(|finding| format!("{path}: {text}: {}", finding.message)));
        if rule["message"].as_str().is_none_or(str::is_empty) {
            problems.push(format!("{path}: {text}: has no message"));
        }
        if rule.get("fieldPath").is_some_and(|field| !field.as_str().unwrap().starts_with('.')) {
            problems.push(format!("{path}: {text}: fieldPath must start with a dot"));
        }
    });
    count
}

#[test]
fn rules_compile_are_bounded_and_say_what_is_wrong() {
    let mut problems = Vec::new();
    let counts: Vec<(String, usize)> =
        definitions().iter().map(|definition| (definition.kind.clone(), checked_rules(definition, &mut problems))).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for (kind, count) in counts {
        assert!(count >= 7, "{kind} has only {count} rules");
    }
}

#[test]
fn subresources_and_names_are_karpenters() {
    let all = definitions();
    let of = |kind: &str| &all.iter().find(|definition| definition.kind == kind).unwrap().object["spec"];
    let pool = of("NodePool");
    assert_eq!(pool["versions"][0]["subresources"]["scale"]["specReplicasPath"], ".spec.replicas");
    assert_eq!(pool["versions"][0]["subresources"]["scale"]["statusReplicasPath"], ".status.nodes");
    assert!(pool["versions"][0]["subresources"]["status"].is_object());
    assert_eq!(of("EC2NodeClass")["names"]["shortNames"], serde_json::json!(["ec2nc", "ec2ncs"]));
    for definition in &all {
        let spec = &definition.object["spec"];
        assert_eq!((spec["scope"].as_str(), spec["names"]["categories"][0].as_str()), (Some("Cluster"), Some("karpenter")));
        let is_old = ["Provisioner", "AWSNodeTemplate"].contains(&definition.kind.as_str());
        assert_eq!(spec["versions"][0]["deprecated"] == true, is_old, "{}", definition.kind);
    }
    let columns: Vec<&str> = of("NodeClaim")["versions"][0]["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        columns,
        ["Type", "Capacity", "Zone", "Node", "Ready", "Age", "ImageID", "ID", "NodePool", "NodeClass", "Drifted"]
    );
}
