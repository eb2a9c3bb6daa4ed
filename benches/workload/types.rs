//! The markets that pods are packed from: Karpenter's fake and kwok catalogues, and EC2's.

use super::{GI, MI};
use std::sync::Arc;
use windlass::catalog::{Catalog, NodeClassSettings};
use windlass_solver::{
    CapacityType, InstanceType, Labels, MicroUsd, Offering, Operator, Overhead, Requirement, ResourceName, Resources, Zone,
};

/// Instance types, and what a pool requires of them.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) types: Arc<[InstanceType]>,
    pub(crate) requirements: Vec<Requirement>,
}

fn offering(zone: &str, capacity_type: CapacityType, price: i64) -> Offering {
    Offering {
        zone: zone.into(),
        capacity_type,
        price: Some(MicroUsd(price)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    }
}

fn platform(arch: &str) -> Labels {
    Labels::from([("kubernetes.io/arch".into(), arch.into()), ("kubernetes.io/os".into(), "linux".into())])
}

fn capacity(cpu: i64, memory: i64, pods: i64) -> Resources {
    Resources::new().with(ResourceName::CPU, cpu * 1000).with(ResourceName::MEMORY, memory).with(ResourceName::PODS, pods)
}

/// Karpenter's `fake.InstanceTypes(400)`: type i has i+1 vCPU, 2(i+1) GiB, 10(i+1) pods, 100m and 10 Mi overhead, and costs 0.1 $ per
/// vCPU and per 10^9 bytes in two spot and three on-demand zones.
pub(crate) fn fake() -> Market {
    let fake = |size: i64| {
        let price = size * 100_000 + size * 2 * GI / 10_000;
        let sold = |zone, capacity_type| offering(zone, capacity_type, price);
        InstanceType {
            name: format!("fake-it-{:03}", size - 1).as_str().into(),
            labels: platform("amd64"),
            capacity: capacity(size, size * 2 * GI, size * 10),
            overhead: Overhead {
                kube_reserved: Resources::new().with(ResourceName::CPU, 100).with(ResourceName::MEMORY, 10 * MI),
                ..Overhead::default()
            },
            offerings: vec![
                sold("test-zone-1", CapacityType::Spot),
                sold("test-zone-1", CapacityType::OnDemand),
                sold("test-zone-2", CapacityType::Spot),
                sold("test-zone-2", CapacityType::OnDemand),
                sold("test-zone-3", CapacityType::OnDemand),
            ],
        }
    };
    Market { types: (1..=400).map(fake).collect(), requirements: Vec::new() }
}

/// Karpenter's kwok catalogue, its Linux half: 12 sizes x 2, 4 or 8 GiB per vCPU x two architectures in four zones; 0.025 $ per vCPU
/// and 0.001 $ per 10^9 bytes, spot at 70 %.
pub(crate) fn kwok() -> Market {
    let mut types = Vec::new();
    for (family, ratio) in [("c", 2), ("s", 4), ("m", 8)] {
        for arch in ["amd64", "arm64"] {
            for cpu in [1, 2, 4, 8, 16, 32, 48, 64, 96, 128, 192, 256] {
                let price = cpu * 25_000 + cpu * ratio * GI / 1_000_000;
                let zones = ["test-zone-a", "test-zone-b", "test-zone-c", "test-zone-d"].into_iter();
                let sold = zones.flat_map(|zone| {
                    [offering(zone, CapacityType::Spot, price * 7 / 10), offering(zone, CapacityType::OnDemand, price)]
                });
                types.push(InstanceType {
                    name: format!("{family}-{cpu:03}x-{arch}-linux").as_str().into(),
                    labels: platform(arch),
                    capacity: capacity(cpu, cpu * ratio * GI, 110),
                    overhead: Overhead::default(),
                    offerings: sold.collect(),
                });
            }
        }
    }
    types.sort_by(|a, b| a.name.cmp(&b.name));
    Market { types: types.into(), requirements: Vec::new() }
}

fn requirement(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement::new(key, operator, values).unwrap()
}

/// Every amd64 type of the embedded us-east-1 catalogue, on demand, in three zones, for a plain AL2023 node class.
pub(crate) fn ec2() -> Market {
    let zones = ["us-east-1a", "us-east-1b", "us-east-1c"].map(Zone::from);
    let settings = NodeClassSettings { zones: Some(zones.into()), ..NodeClassSettings::default() };
    let requirements = vec![
        requirement("karpenter.sh/capacity-type", Operator::In, &["on-demand"]),
        requirement("kubernetes.io/arch", Operator::In, &["amd64"]),
    ];
    Market { types: Catalog::embedded("us-east-1").unwrap().instance_types(&settings), requirements }
}

impl Market {
    fn requiring(mut self, key: &str, operator: Operator, values: &[&str]) -> Self {
        self.requirements.push(requirement(key, operator, values));
        self
    }

    /// Families c, m and r from generation 5 on.
    pub(crate) fn general(self) -> Self {
        self.requiring("karpenter.k8s.aws/instance-category", Operator::In, &["c", "m", "r"]).requiring(
            "karpenter.k8s.aws/instance-generation",
            Operator::Gt,
            &["4"],
        )
    }

    /// Those, and every type with NVIDIA GPUs.
    pub(crate) fn general_and_gpu(self) -> Self {
        let gpu = |kind: &InstanceType| kind.capacity.get("nvidia.com/gpu") > 0;
        let general = ["c", "m", "r"];
        let label = |kind: &InstanceType, name: &str| kind.labels.get(name).map(ToString::to_string).unwrap_or_default();
        let wanted = |kind: &InstanceType| {
            let category = label(kind, "karpenter.k8s.aws/instance-category");
            let generation = label(kind, "karpenter.k8s.aws/instance-generation").parse::<i64>().unwrap_or(0);
            gpu(kind) || (general.contains(&category.as_str()) && generation > 4)
        };
        Self { types: self.types.iter().filter(|kind| wanted(kind)).cloned().collect(), ..self }
    }

    /// Types of at most 64 vCPU.
    pub(crate) fn capped_at_64_vcpu(self) -> Self {
        self.requiring("karpenter.k8s.aws/instance-cpu", Operator::Lte, &["64"])
    }
}
