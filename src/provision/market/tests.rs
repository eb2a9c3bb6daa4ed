use super::{key, offerings, window};
use crate::provision::Scarcity;
use crate::time::Time;
use windlass_solver::{
    CapacityType, InstanceType, InstanceTypeName, Labels, MicroUsd, Offering, Operator, Overhead, Requirement, Requirements,
    Resources, Zone,
};

fn kind(name: &str, spot: i64, on_demand: Option<i64>) -> InstanceType {
    let offering = |zone: &str, capacity_type, price: Option<i64>| Offering {
        zone: Zone::from(zone),
        capacity_type,
        price: price.map(MicroUsd),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    InstanceType {
        name: InstanceTypeName::from(name),
        labels: [("kubernetes.io/arch".into(), if name.starts_with('g') { "arm64".into() } else { "amd64".into() })].into(),
        capacity: Resources::new(),
        overhead: Overhead::default(),
        offerings: vec![
            offering("a", CapacityType::Spot, Some(spot)),
            offering("b", CapacityType::Spot, Some(spot + 5)),
            offering("a", CapacityType::OnDemand, on_demand),
        ],
    }
}

fn types() -> Vec<InstanceType> {
    vec![kind("m.large", 100, Some(300)), kind("m.xlarge", 118, Some(600)), kind("g.large", 90, None)]
}

fn required(key: &str, values: &[&str]) -> Requirements {
    [Requirement::new(key, Operator::In, values).unwrap()].into_iter().collect()
}

#[test]
fn lists_what_meets_the_requirements_and_has_a_price_cheapest_first() {
    let all = offerings(&Requirements::new(), &types());
    assert_eq!(all.len(), 8, "an offering without a price is left out");
    assert!(all.windows(2).all(|pair| pair[0].price <= pair[1].price));
    let amd = offerings(&required("kubernetes.io/arch", &["amd64"]), &types());
    assert!(amd.iter().all(|offering| offering.instance_type.as_str().starts_with('m')) && amd.len() == 6);
    assert_eq!(offerings(&required("topology.kubernetes.io/zone", &["b"]), &types()).len(), 3);
    assert_eq!(offerings(&required("example.com/team", &["x"]), &types()).len(), 8, "the node gets that label from its claim");
}

#[test]
fn asks_for_the_cheapest_and_its_like_and_goes_on_to_the_next_when_they_are_scarce() {
    let offerings = offerings(&required("kubernetes.io/arch", &["amd64"]), &types());
    let (mut scarcity, now) = (Scarcity::default(), Time::from_millis(0));
    let mut asked = Vec::new();
    while let Some(window) = window(&offerings, &scarcity, now) {
        for (kind, zone) in &window.offerings {
            scarcity.refused((kind.clone(), zone.clone(), window.capacity_type), now);
        }
        asked.push((window.capacity_type, window.offerings.len()));
    }
    let (spot, on_demand) = (CapacityType::Spot, CapacityType::OnDemand);
    assert_eq!(asked, [(spot, 3), (spot, 1), (on_demand, 1), (on_demand, 1)], "one capacity type, within a fifth of the price");
    assert!(offerings.iter().all(|offering| scarcity.is_scarce(&key(offering), now)));
}
