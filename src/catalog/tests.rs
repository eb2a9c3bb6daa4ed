use super::*;
use std::collections::BTreeSet;
use windlass_solver::{CapacityType, ResourceName};

fn find<'a>(types: &'a [InstanceType], name: &str) -> &'a InstanceType {
    types.iter().find(|listed| listed.name.as_str() == name).unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn every_embedded_region_reads_without_findings() {
    for region in Catalog::regions() {
        let catalog = Catalog::embedded(region).unwrap();
        assert_eq!(catalog.region(), region);
        assert_eq!(catalog.findings(), [], "{region}");
        assert!(catalog.types().len() > 1300, "{region}: {}", catalog.types().len());
        assert!(catalog.types().is_sorted_by(|a, b| a.name < b.name));
        assert!(catalog.zones().iter().all(|zone| zone.name.as_str().starts_with(region) && !zone.id.is_empty()));
        let priced = catalog.types().iter().filter(|listed| listed.on_demand.is_some()).count();
        assert!(priced * 100 > catalog.types().len() * 95, "{region}: {priced} priced");
    }
    assert_eq!(Catalog::regions().collect::<Vec<_>>(), ["us-east-1", "us-west-2"]);
}

#[test]
fn an_unknown_region_says_what_to_do() {
    let refused = Catalog::embedded("mars-1").unwrap_err().to_string();
    assert!(
        refused.contains("\"mars-1\"") && refused.contains("us-east-1, us-west-2") && refused.contains("--catalog"),
        "{refused}"
    );
}

/// The arithmetic on the machine data of EC2 itself: (type, millicores, MiB, pods).
#[test]
fn embedded_types_have_the_worked_allocatable() {
    let types = Catalog::embedded("us-west-2").unwrap().instance_types(&NodeClassSettings::default());
    for (name, millicores, memory_mib, pods) in [
        ("m5.large", 1930, 6903, 29),
        ("c6g.medium", 940, 1392, 8),
        ("c6g.large", 1930, 3055, 29),
        ("c6g.xlarge", 3920, 6525, 58),
        ("c6g.2xlarge", 7910, 14_103, 58),
        ("m7i.48xlarge", 191_450, 718_987, 737),
        ("g5.xlarge", 3920, 14_162, 58),
        ("inf2.xlarge", 3920, 14_162, 58),
        ("i4i.2xlarge", 7910, 59_627, 58),
    ] {
        let room = find(&types, name).allocatable();
        let found = (room.get(ResourceName::CPU), room.get(ResourceName::MEMORY), room.get(ResourceName::PODS));
        assert_eq!(found, (millicores, memory_mib << 20, pods), "{name}");
    }
}

#[test]
fn offerings_are_zones_times_ways_to_buy() {
    let catalog = Catalog::embedded("us-west-2").unwrap();
    let zones = BTreeSet::from([Zone::from("us-west-2b"), Zone::from("us-west-2a"), Zone::from("mars-1a")]);
    let types = catalog.instance_types(&NodeClassSettings { zones: Some(zones), ..NodeClassSettings::default() });
    let offered: Vec<_> = find(&types, "m5.large").offerings.iter().map(|o| (o.zone.as_str(), o.capacity_type)).collect();
    let (spot, on_demand) = (CapacityType::Spot, CapacityType::OnDemand);
    assert_eq!(offered, [("us-west-2a", spot), ("us-west-2a", on_demand), ("us-west-2b", spot), ("us-west-2b", on_demand)]);
    let first = &find(&types, "m5.large").offerings[2];
    assert_eq!(first.labels[labels::ZONE_ID].as_ref(), "usw2-az1");
    // 0.096 less 62 %.
    assert_eq!(first.price, Some(MicroUsd(36_480)));
    for listed in types.iter() {
        assert!(listed.offerings.is_sorted_by(|a, b| (&a.zone, a.capacity_type) < (&b.zone, b.capacity_type)), "{}", listed.name);
    }
}

#[test]
fn types_without_price_are_there_but_cannot_be_chosen() {
    let types = Catalog::embedded("us-west-2").unwrap().instance_types(&NodeClassSettings::default());
    let unpriced = find(&types, "r9g.large");
    assert!(!unpriced.offerings.is_empty());
    assert!(unpriced.offerings.iter().all(|offering| offering.price.is_none()));
}

#[test]
fn no_node_class_gets_macs_and_al2023_no_first_graviton() {
    let catalog = Catalog::embedded("us-west-2").unwrap();
    let named = |settings: &NodeClassSettings, prefix: &str| {
        catalog.instance_types(settings).iter().filter(|listed| listed.name.as_str().starts_with(prefix)).count()
    };
    let al2 = NodeClassSettings { ami_family: AmiFamily::Al2, ..NodeClassSettings::default() };
    assert_eq!((named(&al2, "mac"), named(&al2, "a1.")), (0, 6));
    assert_eq!(named(&NodeClassSettings::default(), "a1."), 0);
    assert!(catalog.types().iter().any(|listed| listed.name.as_str() == "mac2.metal"), "macs are listed");
}

#[test]
fn every_type_is_well_formed_under_every_family() {
    for region in Catalog::regions() {
        let catalog = Catalog::embedded(region).unwrap();
        for family in ["AL2", "AL2023", "Bottlerocket", "Custom", "Windows2022"] {
            let ami_family = AmiFamily::parse(family).unwrap();
            let settings = NodeClassSettings { ami_family, prefix_delegation: true, raid0: true, ..NodeClassSettings::default() };
            let types = catalog.instance_types(&settings);
            assert!(types.len() > 800, "{region} {family}: {}", types.len());
            for listed in types.iter() {
                let room = listed.allocatable();
                let needed = [ResourceName::CPU, ResourceName::EPHEMERAL_STORAGE, ResourceName::PODS];
                assert!(needed.iter().all(|name| room.get(name) > 0), "{} {family}: {room:?}", listed.name);
                assert_eq!(listed.labels["node.kubernetes.io/instance-type"].as_ref(), listed.name.as_str());
                assert_eq!(listed.labels["topology.kubernetes.io/region"].as_ref(), region);
            }
        }
    }
}
