//! The workloads that are measured, as snapshots of one pool.

#[path = "workload/alibaba.rs"]
pub(crate) mod alibaba;
#[path = "workload/mix.rs"]
pub(crate) mod mix;
#[path = "workload/shapes.rs"]
pub(crate) mod shapes;
#[path = "workload/types.rs"]
pub(crate) mod types;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::Market;
use windlass_solver::{Labels, Node, NodePool, ObjectKey, Pod, PodShape, ResourceName, Resources, Snapshot};

pub(crate) const MI: i64 = 1 << 20;
pub(crate) const GI: i64 = 1 << 30;

/// SplitMix64: tiny, seeded, the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// One of them, each as likely.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.next() % from.len() as u64).unwrap()]
    }

    /// Above zero, up to one.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn share(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// What a pod asks for, in millicores and bytes.
pub(crate) fn shape(cpu_milli: i64, memory: i64) -> PodShape {
    let requests =
        Resources::new().with(ResourceName::CPU, cpu_milli).with(ResourceName::MEMORY, memory).with(ResourceName::PODS, 1);
    PodShape { requests, ..PodShape::default() }
}

/// A pod without labels.
pub(crate) fn pod(index: usize, shape: PodShape) -> Pod {
    Pod { key: ObjectKey::new("bench", format!("pod-{index:05}")), labels: Arc::new(Labels::new()), shape: Arc::new(shape) }
}

/// The pods, one pool over a market, and nodes that run already.
pub(crate) fn snapshot(market: &Market, nodes: &[Node], pods: &[Pod]) -> Snapshot {
    let mut pool = NodePool::new("default", Arc::clone(&market.types));
    pool.requirements = market.requirements.iter().cloned().collect();
    let builder = nodes.iter().cloned().fold(Snapshot::builder(), windlass_solver::SnapshotBuilder::node);
    builder.node_pool(pool).pods(pods.iter().cloned()).build().unwrap()
}

/// A file of measured data beside the repository; it is not part of it.
fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path)
}
