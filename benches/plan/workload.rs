//! The workloads that are measured: Karpenter's scheduling mix without the topology kinds, and the Alibaba 2023 cluster trace.

use std::path::Path;
use std::sync::Arc;
use windlass::catalog::{Catalog, NodeClassSettings};
use windlass_solver::{
    CapacityType, InstanceType, Labels, MicroUsd, NodePool, ObjectKey, Offering, Overhead, Pod, PodShape, Requirement,
    Requirements, ResourceName, Resources, Snapshot,
};

const MI: i64 = 1 << 20;
const GI: i64 = 1 << 30;

/// SplitMix64: tiny, seeded, the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn pick(&mut self, from: &[i64]) -> i64 {
        from[usize::try_from(self.next() % from.len() as u64).unwrap()]
    }
}

fn pod(index: usize, cpu_milli: i64, memory: i64) -> Pod {
    let requests =
        Resources::new().with(ResourceName::CPU, cpu_milli).with(ResourceName::MEMORY, memory).with(ResourceName::PODS, 1);
    let shape = PodShape { requests, ..PodShape::default() };
    Pod { key: ObjectKey::new("bench", format!("pod-{index:05}")), labels: Arc::new(Labels::new()), shape: Arc::new(shape) }
}

/// Karpenter's fake types (`fake.InstanceTypes(400)`): type i has i+1 vCPU, 2(i+1) GiB, 10(i+1) pods, 100m and 10 Mi overhead, and
/// costs 0.1 $ per vCPU and per 10^9 bytes in two spot and three on-demand zones.
pub(crate) fn karpenter_types() -> Arc<[InstanceType]> {
    (1..=400_i64)
        .map(|size| {
            let price = MicroUsd(size * 100_000 + size * 2 * GI / 10_000);
            let offering = |zone: &str, capacity_type| Offering {
                zone: zone.into(),
                capacity_type,
                price: Some(price),
                available: true,
                interruption: None,
                labels: Labels::new(),
            };
            InstanceType {
                name: format!("fake-it-{:03}", size - 1).as_str().into(),
                labels: Labels::from([
                    ("kubernetes.io/arch".into(), "amd64".into()),
                    ("kubernetes.io/os".into(), "linux".into()),
                ]),
                capacity: Resources::new()
                    .with(ResourceName::CPU, size * 1000)
                    .with(ResourceName::MEMORY, size * 2 * GI)
                    .with(ResourceName::PODS, size * 10),
                overhead: Overhead {
                    kube_reserved: Resources::new().with(ResourceName::CPU, 100).with(ResourceName::MEMORY, 10 * MI),
                    ..Overhead::default()
                },
                offerings: vec![
                    offering("test-zone-1", CapacityType::Spot),
                    offering("test-zone-1", CapacityType::OnDemand),
                    offering("test-zone-2", CapacityType::Spot),
                    offering("test-zone-2", CapacityType::OnDemand),
                    offering("test-zone-3", CapacityType::OnDemand),
                ],
            }
        })
        .collect()
}

/// Every type of the embedded us-east-1 catalogue that passes `requirements`, at the price of a plain AL2023 node class.
pub(crate) fn ec2_types() -> Arc<[InstanceType]> {
    Catalog::embedded("us-east-1").unwrap().instance_types(&NodeClassSettings::default())
}

/// `count` pods of Karpenter's benchmark, the generic kind only: CPU and memory drawn evenly from its lists.
pub(crate) fn karpenter_pods(count: usize) -> Vec<Pod> {
    let mut random = Random(42);
    (0..count)
        .map(|index| {
            let cpu = random.pick(&[100, 250, 500, 1000, 1500]);
            pod(index, cpu, random.pick(&[100, 256, 512, 1024, 2048, 4096]) * MI)
        })
        .collect()
}

/// The trace's pods by CPU and memory, largest index first in no order; `None` where the file is absent.
pub(crate) fn alibaba_pods() -> Option<Vec<Pod>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/alibaba-2023/openb_pod_list_default.csv");
    let text = std::fs::read_to_string(path).ok()?;
    let rows = text.lines().skip(1).enumerate().map(|(index, line)| {
        let mut cells = line.split(',').skip(1).map(|cell| cell.parse::<i64>().unwrap_or(0));
        let cpu = cells.next().unwrap_or(0);
        pod(index, cpu, cells.next().unwrap_or(0) * MI)
    });
    Some(rows.collect())
}

/// One pool over `types` with `requirements`, and the pods.
pub(crate) fn snapshot(types: Arc<[InstanceType]>, requirements: &[Requirement], pods: Vec<Pod>) -> Snapshot {
    let pool =
        NodePool { requirements: requirements.iter().cloned().collect::<Requirements>(), ..NodePool::new("default", types) };
    Snapshot::builder().node_pool(pool).pods(pods).build().unwrap()
}
