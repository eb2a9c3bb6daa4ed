use super::super::fixture::{entry, file_text};
use super::*;
use crate::catalog::NodeClassSettings;
use windlass_solver::{CapacityType, Interruption};

fn read_text(text: &str) -> Result<Catalog, CatalogError> {
    parse("c.json", text.as_bytes())
}

fn refusal(text: &str) -> String {
    read_text(text).unwrap_err().to_string()
}

fn findings(types: &str) -> Vec<String> {
    read_text(&file_text(types)).unwrap().findings().iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_file_is_sorted_and_silent() {
    let prices = r#"{"onDemand":"0.096","spot":0.0384,"spotByZone":{"eu-test-1a":"0.03"},"interruption":"<5%"}"#;
    let catalog = read_text(&file_text(&format!("{},{}", entry("m5.xlarge", "{}"), entry("m5.large", prices)))).unwrap();
    assert_eq!(catalog.findings(), []);
    assert_eq!(catalog.region(), "eu-test-1");
    let zones: Vec<_> = catalog.zones().iter().map(|zone| (zone.name.as_str(), zone.id.as_ref())).collect();
    assert_eq!(zones, [("eu-test-1a", "eut1-az2"), ("eu-test-1b", "eut1-az1")]);
    let [large, xlarge] = catalog.types() else { panic!("two types") };
    assert_eq!((large.name.as_str(), xlarge.name.as_str()), ("m5.large", "m5.xlarge"));
    assert_eq!(large.on_demand.map(|price| price.0), Some(96_000));
    assert_eq!(large.spot_in(&"eu-test-1a".into()).map(|price| price.0), Some(30_000));
    assert_eq!(large.spot_in(&"eu-test-1b".into()).map(|price| price.0), Some(38_400));
    assert_eq!((xlarge.on_demand, xlarge.spot), (None, None));
}

#[test]
fn spot_offerings_carry_the_advisors_band() {
    let prices = |band: &str| format!(r#"{{"onDemand":"0.096","spot":"0.03","interruption":"{band}"}}"#);
    let text = file_text(&format!("{},{}", entry("m5.large", &prices("10-15%")), entry("m5.xlarge", &prices("rarely"))));
    let catalog = read_text(&text).unwrap();
    let warnings: Vec<String> = catalog.findings().iter().map(ToString::to_string).collect();
    assert!(matches!(&warnings[..], [one] if one.contains("\"rarely\" is no interruption band (<5%, 5-10%")), "{warnings:?}");
    for kind in catalog.instance_types(&NodeClassSettings::default()).iter() {
        let rated = (kind.name.as_str() == "m5.large").then_some(Interruption::From10To15);
        for offering in &kind.offerings {
            let expected = rated.filter(|_| offering.capacity_type == CapacityType::Spot);
            assert_eq!(offering.interruption, expected, "{} {offering:?}", kind.name);
        }
    }
}

#[test]
fn refusals_name_file_place_and_field() {
    let other_kind = |from: &str, to: &str| file_text("").replace(from, to);
    let table = [
        (String::new(), "c.json:1:0: .: EOF while parsing a value"),
        ("[]".to_owned(), "c.json:1:2: .: invalid length 0"),
        ("{".to_owned(), "c.json:1:1: .: EOF while parsing an object"),
        (format!("{} x", file_text("")), "c.json:3:21: .: trailing characters"),
        (other_kind("\"Catalog\"", "\"List\""), "c.json: kind: \"List\" is not \"Catalog\""),
        (other_kind("dev/v1", "dev/v2"), "c.json: apiVersion: \"windlass.dev/v2\" is not \"windlass.dev/v1\""),
        (other_kind("\"region\"", "\"Region\""), "missing field `region`"),
        (other_kind("eu-test-1\"", "\""), "c.json: region: must name a region"),
        (
            file_text(&entry("a.b", "{}").replace("\"vcpus\":2", "\"vcpus\":-2")),
            "instanceTypes[0].hardware.vcpus: invalid value: integer `-2`, expected u32",
        ),
        (
            file_text(&entry("a.b", "{}").replace("8192", "\"8Gi\"")),
            "instanceTypes[0].hardware.memoryMib: invalid type: string \"8Gi\"",
        ),
        (file_text(&entry("a.b", r#"{"onDemand":[1]}"#)), "instanceTypes[0].prices.onDemand: data did not match"),
    ];
    for (text, expected) in table {
        let refused = refusal(&text);
        assert!(refused.contains(expected), "{expected}\n  in {refused}");
        assert!(refused.starts_with("c.json"), "{refused}");
    }
}

#[test]
fn a_damaged_gzip_file_is_refused() {
    let refused = parse("c.json.gz", &[0x1f, 0x8b, 8, 0, 0, 0]).unwrap_err().to_string();
    assert!(refused.starts_with("c.json.gz: not a valid gzip file"), "{refused}");
}

#[test]
fn a_missing_file_is_named() {
    let refused = Catalog::read(Path::new("no/such/catalog.json")).unwrap_err().to_string();
    assert_eq!(refused, "cannot read no/such/catalog.json");
}

/// Each flawed type is left out and named; the sound one beside it stays.
#[test]
fn types_that_no_node_can_be_of_are_left_out() {
    let sound = entry("m5.large", "{}");
    let flawed = |from: &str, to: &str| entry("bad.large", "{}").replace(from, to);
    let table = [
        (flawed("\"vcpus\":2", "\"vcpus\":0"), "it has no vCPU"),
        (flawed("\"vcpus\":2,", ""), "it has no vCPU"),
        (flawed("\"memoryMib\":8192,", ""), "it has no memory"),
        (flawed("[\"x86_64\"]", "[]"), "its processor architecture is unknown"),
        (flawed("\"interfaces\":3", "\"interfaces\":0"), "its default network card 0 has no interface"),
        (flawed("\"index\":0", "\"index\":1"), "its default network card 0 has no interface"),
        (flawed("[{\"index\":0,\"interfaces\":3}]", "[]"), "it has no network card"),
        (flawed("\"ipv4PerInterface\":10,", ""), "its network interfaces have no IPv4 address"),
        (flawed("\"vcpus\":2", "\"vcpus\":4294967295"), "vcpus is 4294967295, more than any machine has"),
        (flawed("8192", "18446744073709551615"), "memoryMib is 18446744073709551615, more than any machine has"),
        (flawed("bad.large", ""), "it has no name"),
        ("{\"name\":\"bad.large\"}".to_owned(), "it has no vCPU"),
    ];
    for (bad, expected) in table {
        let text = file_text(&format!("{bad},{sound}"));
        let catalog = read_text(&text).unwrap();
        let [found] = catalog.findings() else { panic!("{expected}: {:?}", catalog.findings()) };
        assert!(found.is_error() && found.to_string().contains(&format!("instanceTypes[0]: left out: {expected}")), "{found}");
        let alone = read_text(&file_text(&sound)).unwrap();
        assert_eq!(catalog.types(), alone.types(), "{expected}");
    }
}

#[test]
fn a_flawed_price_costs_the_type_its_price_only() {
    for price in ["NaN", "-1", "0", "1e3", "", "inf", "9999999999", "0.1 USD", "99999999999999999999"] {
        let types = entry("m5.large", &format!(r#"{{"onDemand":"{price}","spot":"0.04"}}"#));
        let catalog = read_text(&file_text(&types)).unwrap();
        let [found] = catalog.findings() else { panic!("{price}: {:?}", catalog.findings()) };
        assert!(found.is_error(), "{found}");
        assert!(found.to_string().contains("Catalog c.json m5.large: instanceTypes[0].prices.onDemand: "), "{found}");
        assert_eq!(catalog.types()[0].on_demand, None, "{price}");
        assert_eq!(catalog.types()[0].spot.map(|spot| spot.0), Some(40_000), "{price}");
    }
}

#[test]
fn duplicates_and_unknown_zones_are_reported() {
    let one = entry("m5.large", r#"{"onDemand":"1"}"#);
    let other = entry("m5.large", r#"{"onDemand":"2"}"#);
    let found = findings(&format!("{one},{other}"));
    assert_eq!(found, ["Catalog c.json m5.large: instanceTypes[1]: listed twice; the first is used"]);
    let elsewhere = findings(&one.replace("\"eu-test-1a\",\"eu-test-1b\"", "\"eu-test-1a\",\"mars-1a\",\"eu-test-1a\""));
    assert_eq!(elsewhere.len(), 2, "{elsewhere:?}");
    assert!(elsewhere[0].contains("zones[1]: offering left out: zone \"mars-1a\" is none of"), "{}", elsewhere[0]);
    assert!(elsewhere[1].contains("zones[2]: zone \"eu-test-1a\" is listed twice"), "{}", elsewhere[1]);
    let zonal = findings(&entry("m5.large", r#"{"spotByZone":{"mars-1a":"1"}}"#));
    assert!(zonal[0].contains("spotByZone.mars-1a: has no effect"), "{zonal:?}");
}

#[test]
fn unknown_fields_are_warned_about() {
    let found = findings(&entry("m5.large", "{}").replace("\"cores\":1", "\"corse\":1"));
    assert_eq!(found, ["Catalog c.json: instanceTypes.0.hardware.corse: unknown field, ignored"]);
}

#[test]
fn a_catalogue_without_types_says_so() {
    assert_eq!(findings(""), ["Catalog c.json: instanceTypes: lists no usable instance type"]);
}

#[test]
fn two_thousand_zones_make_four_thousand_offerings() {
    let zones: Vec<String> = (0..2000).map(|n| format!("z{n:04}")).collect();
    let list = |wrap: fn(&String) -> String| zones.iter().map(wrap).collect::<Vec<_>>().join(",");
    let text = file_text(
        &entry("m5.large", r#"{"onDemand":"1","spot":"0.5"}"#)
            .replace("\"eu-test-1a\",\"eu-test-1b\"", &list(|zone| format!("\"{zone}\""))),
    )
    .replace("{\"name\":\"eu-test-1a\",\"id\":\"eut1-az2\"}", &list(|zone| format!("{{\"name\":\"{zone}\"}}")));
    let catalog = read_text(&text).unwrap();
    assert_eq!(catalog.findings(), []);
    let types = catalog.instance_types(&super::super::NodeClassSettings::default());
    assert_eq!(types[0].offerings.len(), 4000);
    assert!(types[0].offerings.windows(2).all(|w| (&w[0].zone, w[0].capacity_type) < (&w[1].zone, w[1].capacity_type)));
}

#[test]
fn text_survives_a_round_trip() {
    let prices = r#"{"onDemand":"0.096","spotByZone":{"eu-test-1a":"0.03"}}"#;
    let text = file_text(&format!("{},{}", entry("m5.large", prices), entry("m5.xlarge", "{}")));
    let read: CatalogFile = serde_json::from_str(&text).unwrap();
    let written = read.to_text().unwrap();
    assert_eq!(written.lines().count(), 4, "header, two types, end");
    assert_eq!(serde_json::from_str::<CatalogFile>(&written).unwrap(), read);
    let empty = CatalogFile { instance_types: Vec::new(), ..read };
    assert_eq!(serde_json::from_str::<CatalogFile>(&empty.to_text().unwrap()).unwrap(), empty);
}

proptest::proptest! {
    /// A damaged file is refused or read in part; it never panics, and what is read can be resolved.
    #[test]
    fn no_damage_panics(at in 0_usize..1500, len in 0_usize..12, with in "[0-9a-z\"{}\\[\\]:,.é-]{0,12}") {
        let prices = r#"{"onDemand":"0.096","spot":0.0384,"spotByZone":{"eu-test-1a":"0.03"}}"#;
        let text = file_text(&format!("{},{}", entry("m5.large", prices), entry("u-6tb1.metal", "{}")));
        let at = at.min(text.len());
        let mut bytes = text.into_bytes();
        let end = (at + len).min(bytes.len());
        bytes.splice(at..end, with.bytes());
        if let Ok(catalog) = parse("c.json", &bytes) {
            let settings = super::super::NodeClassSettings { prefix_delegation: true, raid0: true, ..Default::default() };
            for listed in catalog.instance_types(&settings).iter() {
                proptest::prop_assert!(listed.allocatable().iter().all(|(_, amount)| amount > 0));
            }
        }
    }
}
