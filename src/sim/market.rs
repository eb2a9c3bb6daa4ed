//! What the simulated EC2 sells: four sizes of machine in two zones, on demand and as spot.

use std::sync::Arc;
use windlass_solver::{CapacityType, InstanceType, InstanceTypeName, Labels, MicroUsd, Offering, Overhead, Resources, Zone};

/// The instance types of every pool.
pub(super) fn types() -> Arc<[InstanceType]> {
    let sizes = [("m1.2xlarge", 8, 390_000), ("m1.4xlarge", 16, 800_000), ("m1.large", 2, 100_000), ("m1.xlarge", 4, 195_000)];
    sizes.into_iter().map(|(name, cores, price)| instance_type(name, cores, price)).collect()
}

fn instance_type(name: &str, cores: i64, price: i64) -> InstanceType {
    let mut offerings = Vec::new();
    for (zone, extra) in [("zone-a", 0), ("zone-b", 1_000)] {
        for (capacity_type, part) in [(CapacityType::Spot, 35), (CapacityType::OnDemand, 100)] {
            let price = Some(MicroUsd((price + extra) * part / 100));
            offerings.push(Offering {
                zone: Zone::from(zone),
                capacity_type,
                price,
                available: true,
                interruption: None,
                labels: Labels::new(),
            });
        }
    }
    InstanceType {
        name: InstanceTypeName::from(name),
        labels: [("kubernetes.io/arch", "amd64"), ("kubernetes.io/os", "linux")]
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect(),
        capacity: Resources::new().with("cpu", cores * 1000).with("memory", cores << 32).with("pods", 58),
        overhead: Overhead { kube_reserved: Resources::new().with("cpu", 80).with("memory", 1 << 29), ..Overhead::default() },
        offerings,
    }
}
