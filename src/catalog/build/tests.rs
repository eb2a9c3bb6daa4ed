use super::super::fixture::{c6g_medium, m5_large};
use super::super::{Catalog, NodeClassSettings};
use super::*;

fn description() -> Description {
    let zone = |name: &str| ZoneEntry { name: name.into(), id: String::new() };
    let offer = |name: &str, zone: &str| (name.to_owned(), zone.to_owned());
    Description {
        region: "eu-test-1".into(),
        zones: vec![zone("z2"), zone("z1"), zone("z1")],
        types: vec![
            ("m5.large".into(), m5_large()),
            ("c6g.medium".into(), c6g_medium()),
            ("m5.large".into(), m5_large()),
            ("bad.large".into(), Hardware::default()),
            ("nowhere.large".into(), m5_large()),
        ],
        offerings: vec![
            offer("m5.large", "z2"),
            offer("m5.large", "z1"),
            offer("m5.large", "z1"),
            offer("c6g.medium", "z1"),
            offer("bad.large", "z1"),
            offer("nowhere.large", "outpost-1"),
            offer("unknown.large", "z1"),
        ],
    }
}

fn tables() -> Tables {
    Tables {
        on_demand: [("m5.large".to_owned(), MicroUsd(96_000))].into(),
        advice: [("m5.large".to_owned(), Advice { savings_percent: 62, interruption: "<5%".into() })].into(),
        branch_interfaces: [("m5.large".to_owned(), 9)].into(),
    }
}

#[test]
fn joins_machines_offerings_and_prices() {
    let (file, warnings) = build(description(), &tables());
    let names: Vec<_> = file.instance_types.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["c6g.medium", "m5.large"]);
    let large = &file.instance_types[1];
    assert_eq!(large.zones, ["z1", "z2"]);
    assert_eq!(large.hardware.network.branch_interfaces, 9);
    let price = |text: &str| Some(PriceText(text.to_owned()));
    assert_eq!((large.prices.on_demand.clone(), large.prices.spot.clone()), (price("0.0960"), price("0.03648")));
    assert_eq!(file.instance_types[0].prices, Prices::default());
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["instance type bad.large: left out: it has no vCPU", "1 types have no price and are never chosen: c6g.medium"]
    );
}

#[test]
fn no_spot_price_for_what_is_not_sold_as_spot() {
    let mut described = description();
    described.types[0].1.usage_classes = vec!["on-demand".into()];
    let (file, _) = build(described, &tables());
    let prices = &file.instance_types[1].prices;
    assert_eq!((&prices.spot, &prices.interruption), (&None, &None));
    assert!(prices.on_demand.is_some());
}

#[test]
fn the_order_of_the_answer_changes_nothing_and_both_formats_read_back() {
    let mut reversed = description();
    reversed.zones.reverse();
    reversed.types.reverse();
    reversed.offerings.reverse();
    let (file, _) = build(description(), &tables());
    assert_eq!(build(reversed, &tables()).0, file);
    let folder = tempfile::tempdir().unwrap();
    let [plain, packed] = ["c.json", "c.json.gz"].map(|name| folder.path().join(name));
    for path in [&plain, &packed] {
        write(&file, path).unwrap();
        let catalog = Catalog::read(path).unwrap();
        assert_eq!(catalog.findings(), []);
        assert_eq!(catalog.instance_types(&NodeClassSettings::default()).len(), 2);
    }
    assert_eq!(std::fs::read(&plain).unwrap(), file.to_text().unwrap().as_bytes());
    let once = std::fs::read(&packed).unwrap();
    write(&file, &packed).unwrap();
    assert_eq!(std::fs::read(&packed).unwrap(), once);
}
