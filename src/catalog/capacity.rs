//! What a node of a type reports as capacity: CPU, memory, pods, ephemeral storage, devices. Integers only.
//!
//! Source of every rule: Karpenter AWS provider v1.14, `pkg/providers/instancetype/types.go`, except prefix delegation, which is the
//! arithmetic of the EKS max-pods calculator (`awslabs/amazon-eks-ami`, `max-pods-calculator.sh`).

use super::hardware::{Device, Hardware};
use super::settings::NodeClassSettings;
use windlass_solver::{ResourceName, Resources};

/// One MiB.
pub const MIB: i64 = 1 << 20;

/// Memory in MiB that arm64 kernels set aside for contiguous allocations.
const ARM64_RESERVED_MIB: i64 = 64;

/// Pods on a node whose family has no interface arithmetic: the kubelet's default.
const DEFAULT_PODS: i64 = 110;

/// Addresses in a delegated /28 prefix.
const PREFIX_ADDRESSES: i64 = 16;

/// Host-network pods that every EKS node runs (aws-node, kube-proxy) and that take no address.
const HOST_NETWORK_PODS: i64 = 2;

/// The capacity of a node.
pub fn capacity(hardware: &Hardware, settings: &NodeClassSettings) -> Resources {
    let mut all = Resources::new()
        .with(ResourceName::CPU, i64::from(hardware.vcpus) * 1000)
        .with(ResourceName::MEMORY, memory(hardware, settings.vm_memory_overhead_ppm))
        .with(ResourceName::EPHEMERAL_STORAGE, ephemeral_storage(hardware, settings))
        .with(ResourceName::PODS, pods(hardware, settings));
    for (name, amount) in devices(hardware, settings) {
        all.set(name, amount);
    }
    all
}

/// Bytes of memory: the machine's, less 64 MiB on arm64, less the share that hypervisor and firmware are assumed to keep, which is
/// rounded up to whole MiB. Karpenter replaces the guess by what it observes on the first node of a type; we have only the guess.
pub fn memory(hardware: &Hardware, overhead_ppm: u32) -> i64 {
    let whole = i64::try_from(hardware.memory_mib).unwrap_or(i64::MAX / MIB).min(i64::MAX / MIB);
    let arm64 = hardware.architectures.first().is_some_and(|first| first == "arm64");
    let kept_by_kernel = if arm64 { ARM64_RESERVED_MIB } else { 0 };
    let mib = (whole - kept_by_kernel).max(0);
    (mib - ceiling(mib, i64::from(overhead_ppm), 1_000_000)).max(0) * MIB
}

/// Pods that addresses allow: (interfaces - reserved) x (addresses - 1) + 2, or zero without usable interface. Only the default card
/// counts, and EFA-only interfaces on card 0 give no addresses.
pub fn interface_limited_pods(hardware: &Hardware, reserved_enis: u32, settings: &NodeClassSettings) -> i64 {
    let usable = usable_interfaces(hardware, reserved_enis, settings);
    if usable == 0 { 0 } else { usable.saturating_mul(addresses_for_pods(hardware)).saturating_add(HOST_NETWORK_PODS) }
}

/// Pods on the node: `maxPods`, else what addresses allow, else 110; then at most `podsPerCore` for each vCPU.
pub fn pods(hardware: &Hardware, settings: &NodeClassSettings) -> i64 {
    let family = settings.ami_family;
    let count = match settings.max_pods {
        Some(fixed) => i64::from(fixed),
        None if !family.limits_pods_by_interfaces() => DEFAULT_PODS,
        None if settings.prefix_delegation && delegates_prefixes(hardware) => prefix_limited_pods(hardware, settings),
        None => interface_limited_pods(hardware, settings.reserved_enis, settings),
    };
    match settings.pods_per_core {
        Some(per_core) if per_core > 0 && family.knows_pods_per_core() => {
            count.min(i64::from(per_core).saturating_mul(i64::from(hardware.vcpus)))
        }
        _ => count,
    }
}

/// With prefixes: interfaces x (addresses - 1) x 16 + 2, capped at 110 below 30 vCPU and at 250 from there on (the calculator's caps).
fn prefix_limited_pods(hardware: &Hardware, settings: &NodeClassSettings) -> i64 {
    let usable = usable_interfaces(hardware, settings.reserved_enis, settings);
    if usable == 0 {
        return 0;
    }
    let cap = if hardware.vcpus < 30 { DEFAULT_PODS } else { 250 };
    let addresses = addresses_for_pods(hardware).saturating_mul(PREFIX_ADDRESSES);
    usable.saturating_mul(addresses).saturating_add(HOST_NETWORK_PODS).min(cap)
}

/// Prefixes go to Nitro instances, virtual or bare metal.
fn delegates_prefixes(hardware: &Hardware) -> bool {
    hardware.is_nitro() || hardware.bare_metal
}

fn usable_interfaces(hardware: &Hardware, reserved_enis: u32, settings: &NodeClassSettings) -> i64 {
    let all = i64::from(hardware.network.default_card_interfaces());
    (all - i64::from(reserved_enis) - i64::from(settings.efa_only_on_first_card())).max(0)
}

fn addresses_for_pods(hardware: &Hardware) -> i64 {
    (i64::from(hardware.network.ipv4_per_interface) - 1).max(0)
}

/// Bytes of storage for pods: with RAID0 all local disks together (EC2 counts them in decimal GB), else the volume that pods write to.
pub fn ephemeral_storage(hardware: &Hardware, settings: &NodeClassSettings) -> i64 {
    let local = hardware.local_storage.as_ref().filter(|_| settings.raid0);
    local.map_or_else(
        || settings.ephemeral_storage.unwrap_or(settings.ami_family.default_volume()),
        |disks| i64::try_from(disks.total_gb).unwrap_or(i64::MAX).saturating_mul(1_000_000_000),
    )
}

/// Extended resources. EFA interfaces are those that the node class lays out, else as many as the type has.
fn devices(hardware: &Hardware, settings: &NodeClassSettings) -> [(&'static str, i64); 8] {
    let made_by = |maker: &str| count(hardware.gpus.iter().filter(|gpu| gpu.manufacturer == maker));
    let neuron = &hardware.neuron;
    let network = &hardware.network;
    let efa = settings.efa_only().map_or(i64::from(network.efa_interfaces), |n| i64::try_from(n).unwrap_or(i64::MAX));
    // Windows nodes hand out the addresses of one interface as a resource.
    let windows_addresses = if settings.ami_family.windows_build().is_some() { addresses_for_pods(hardware) } else { 0 };
    [
        ("nvidia.com/gpu", made_by("NVIDIA")),
        ("amd.com/gpu", made_by("AMD")),
        ("habana.ai/gaudi", made_by("Habana")),
        ("aws.amazon.com/neuron", neuron.iter().map(|device| i64::from(device.count)).sum()),
        // As Karpenter has it, the cores of the first model only; EC2 has no type with two.
        ("aws.amazon.com/neuroncore", neuron.first().map_or(0, |device| i64::from(device.count) * i64::from(device.cores))),
        ("vpc.amazonaws.com/efa", efa),
        ("vpc.amazonaws.com/pod-eni", i64::from(network.branch_interfaces)),
        ("vpc.amazonaws.com/PrivateIPv4Address", windows_addresses),
    ]
}

fn count<'a>(devices: impl Iterator<Item = &'a Device>) -> i64 {
    devices.map(|device| i64::from(device.count)).sum()
}

/// `amount x numerator / denominator`, rounded up; the denominator must be positive. Saturates.
pub(super) fn ceiling(amount: i64, numerator: i64, denominator: i64) -> i64 {
    let (product, denominator) = (i128::from(amount) * i128::from(numerator), i128::from(denominator));
    i64::try_from((product + denominator - 1).div_euclid(denominator)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
