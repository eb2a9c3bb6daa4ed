//! What a node keeps from pods: reserved for the kubelet, reserved for the system, and the eviction threshold. Integers only.
//!
//! Allocatable = capacity - kube-reserved - system-reserved - eviction threshold, see
//! <https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/>. Source of the defaults: Karpenter AWS provider
//! v1.14, `pkg/providers/instancetype/types.go`, which models what the EKS images reserve (nodeadm, `bootstrap.sh`, Bottlerocket).

use super::capacity::{MIB, ceiling, interface_limited_pods, pods};
use super::hardware::Hardware;
use super::settings::{NodeClassSettings, Threshold};
use windlass_solver::{Overhead, ResourceName, Resources};

/// Shares of CPU that the EKS images keep for the kubelet: from and to in millicores, share in hundredths of a percent. Each part is
/// truncated to whole millicores.
const CPU_TIERS: [(i64, i64, i64); 4] = [(0, 1000, 600), (1000, 2000, 100), (2000, 4000, 50), (4000, i64::MAX, 25)];

/// Memory kept for each pod that the node may run, in MiB.
const MEMORY_PER_POD_MIB: i64 = 11;

/// Memory kept whatever the number of pods, in MiB.
const MEMORY_BASE_MIB: i64 = 255;

/// Storage kept for the kubelet: 1 GiB.
const STORAGE: i64 = 1 << 30;

/// The kubelet's default `memory.available`: 100 MiB.
const EVICTION_MEMORY: i64 = 100 * MIB;

/// The kubelet's default `nodefs.available`: 10 %.
const EVICTION_STORAGE: Threshold = Threshold::Percent(1_000);

/// The overhead of a node with this capacity (of [`super::capacity::capacity`] with the same settings).
pub fn overhead(hardware: &Hardware, capacity: &Resources, settings: &NodeClassSettings) -> Overhead {
    Overhead {
        kube_reserved: kube_reserved(hardware, settings),
        system_reserved: settings.system_reserved.clone(),
        eviction_threshold: eviction_threshold(capacity, settings),
    }
}

/// Kept for the kubelet: the images' defaults, each replaced by the node class's value where it has one. The memory part counts the
/// pods that interfaces allow (reserving none of them, and whatever `maxPods` says) on Amazon Linux and Custom, and the node's real
/// pod limit on Bottlerocket and Windows.
fn kube_reserved(hardware: &Hardware, settings: &NodeClassSettings) -> Resources {
    let pods = if settings.ami_family.reserves_memory_by_interfaces() {
        interface_limited_pods(hardware, 0, settings)
    } else {
        pods(hardware, settings)
    };
    let memory_mib = pods.saturating_mul(MEMORY_PER_POD_MIB).saturating_add(MEMORY_BASE_MIB);
    let mut reserved = Resources::new()
        .with(ResourceName::CPU, reserved_cpu(i64::from(hardware.vcpus) * 1000))
        .with(ResourceName::MEMORY, memory_mib.saturating_mul(MIB))
        .with(ResourceName::EPHEMERAL_STORAGE, STORAGE);
    for (name, amount) in &settings.kube_reserved {
        reserved.set(name.clone(), *amount);
    }
    reserved
}

/// 6 % of the first core, 1 % of the second, 0.5 % of the third and fourth, 0.25 % of the rest, in millicores.
pub fn reserved_cpu(millicores: i64) -> i64 {
    CPU_TIERS.iter().map(|(from, to, share)| (millicores.min(*to) - from).max(0) * share / 10_000).sum()
}

/// Below this the kubelet evicts. Soft thresholds only warn, so they take nothing away.
fn eviction_threshold(capacity: &Resources, settings: &NodeClassSettings) -> Resources {
    let signal = |name: &str, default: Threshold, resource: &str| {
        let threshold = settings.eviction_hard.get(name).copied().unwrap_or(default);
        resolve(threshold, capacity.get(resource))
    };
    Resources::new()
        .with(ResourceName::MEMORY, signal("memory.available", Threshold::Amount(EVICTION_MEMORY), ResourceName::MEMORY))
        .with(ResourceName::EPHEMERAL_STORAGE, signal("nodefs.available", EVICTION_STORAGE, ResourceName::EPHEMERAL_STORAGE))
}

/// The threshold in bytes: a percentage is of the capacity, rounded up, and 100 % means none.
fn resolve(threshold: Threshold, capacity: i64) -> i64 {
    match threshold {
        Threshold::Percent(10_000) => 0,
        Threshold::Percent(hundredths) => ceiling(capacity, i64::from(hundredths), 10_000),
        Threshold::Amount(bytes) => bytes,
    }
}

#[cfg(test)]
mod tests;
