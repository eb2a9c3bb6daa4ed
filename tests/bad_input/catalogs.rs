//! Flawed EC2 data in a catalogue file: flawed types are reported and never bought, the others are planned as if they were absent.

use super::{good, outcome};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use windlass::catalog::Catalog;

/// The embedded catalogue of us-west-2 as its file, with only the families that the good pool allows.
fn file() -> Value {
    let packed = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/embedded/us-west-2.json.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let types = file["instanceTypes"].as_array_mut().unwrap();
    types.retain(|entry| ["c5.", "m5.", "r5."].iter().any(|family| entry["name"].as_str().unwrap().starts_with(family)));
    file
}

fn read(file: &Value) -> Catalog {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.json");
    std::fs::write(&path, file.to_string()).unwrap();
    Catalog::read(&path).unwrap()
}

/// `m5.bargain`: everything a pod could want for next to nothing, so that it would be bought if it were not flawed.
fn bargain(file: &Value) -> Value {
    let types = file["instanceTypes"].as_array().unwrap();
    let mut entry = types.iter().find(|entry| entry["name"] == "m5.24xlarge").unwrap().clone();
    entry["name"] = json!("m5.bargain");
    entry["prices"] = json!({"onDemand": "0.0001", "spot": "0.0001"});
    entry
}

#[test]
fn the_bargain_would_be_bought_if_it_were_sound() {
    let mut file = file();
    let entry = bargain(&file);
    file["instanceTypes"].as_array_mut().unwrap().push(entry);
    let plan = outcome(&[], &read(&file)).plan;
    assert!(plan.nodes.iter().all(|node| node.offering.instance_type.as_str() == "m5.bargain") && !plan.nodes.is_empty());
}

#[test]
fn flawed_types_are_reported_and_never_bought() {
    for (pointer, value, expected) in [
        ("/hardware/vcpus", json!(0), "it has no vCPU"),
        ("/hardware/memoryMib", json!(0), "it has no memory"),
        ("/hardware/memoryMib", json!(u64::MAX), "more than any machine has"),
        ("/hardware/network/cards", json!([]), "it has no network card"),
        ("/hardware/network/ipv4PerInterface", json!(0), "no IPv4 address"),
        ("/hardware/architectures", json!([]), "architecture is unknown"),
        ("/zones", json!(["mars-1a"]), "none of the catalogue's zones"),
        ("/prices", json!({"onDemand": "NaN"}), "is no price"),
        ("/prices", json!({"onDemand": "-1"}), "is no price"),
        ("/prices", json!({"onDemand": 0}), "is no price"),
        ("/prices", json!({"onDemand": "1e400"}), "is no price"),
        ("/name", json!("m5.large"), "listed twice; the first is used"),
    ] {
        let mut file = file();
        let mut entry = bargain(&file);
        *entry.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        file["instanceTypes"].as_array_mut().unwrap().push(entry);
        let catalog = read(&file);
        let findings: Vec<String> = catalog.findings().iter().map(ToString::to_string).collect();
        assert!(findings.iter().any(|line| line.contains(expected) && line.contains("catalog.json")), "{pointer}: {findings:?}");
        let plan = outcome(&[], &catalog).plan;
        assert_eq!(plan.nodes, good().nodes, "{pointer}");
    }
}

#[test]
fn a_type_without_price_is_listed_and_never_bought() {
    let mut file = file();
    let mut entry = bargain(&file);
    entry["prices"] = json!({});
    file["instanceTypes"].as_array_mut().unwrap().push(entry);
    let catalog = read(&file);
    assert!(catalog.types().iter().any(|listed| listed.name.as_str() == "m5.bargain"));
    assert_eq!(outcome(&[], &catalog).plan.nodes, good().nodes);
}
