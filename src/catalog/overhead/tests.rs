use super::super::capacity::capacity;
use super::super::fixture::{c6g_medium, g5_xlarge, i4i_2xlarge, inf2_xlarge, m5_large, m7i_48xlarge, machine};
use super::super::settings::AmiFamily;
use super::*;
use windlass_solver::InstanceType;

const GIB: i64 = 1 << 30;

fn allocatable(hardware: &Hardware, settings: &NodeClassSettings) -> Resources {
    let capacity = capacity(hardware, settings);
    let overhead = overhead(hardware, &capacity, settings);
    let labels = windlass_solver::Labels::new();
    InstanceType { name: "any".into(), labels, capacity, overhead, offerings: Vec::new() }.allocatable()
}

fn with(change: impl FnOnce(&mut NodeClassSettings)) -> NodeClassSettings {
    let mut settings = NodeClassSettings::default();
    change(&mut settings);
    settings
}

/// (type, machine, millicores, memory in MiB, pods) that pods can use on AL2023.
#[test]
fn worked_examples_on_al2023() {
    let table = [
        // 2 vCPU: 2000 - (60 + 10). 8192 - ceil(614.4) = 7577; 3 x 9 + 2 = 29 pods; 11 x 29 + 255 = 574; 7577 - 574 - 100.
        ("m5.large", m5_large(), 1930, 6903, 29),
        // 1000 - 60. 2048 - 64 = 1984; - ceil(148.8) = 1835; 2 x 3 + 2 = 8 pods; 88 + 255 = 343; 1835 - 343 - 100.
        ("c6g.medium", c6g_medium(), 940, 1392, 8),
        // 192000 - (60 + 10 + 10 + 470). 786432 - ceil(58982.4) = 727449; 15 x 49 + 2 = 737; 8107 + 255 = 8362; - 100.
        ("m7i.48xlarge", m7i_48xlarge(), 191_450, 718_987, 737),
        // 4000 - (60 + 10 + 10). 16384 - ceil(1228.8) = 15155; 4 x 14 + 2 = 58; 638 + 255 = 893; 15155 - 893 - 100.
        ("g5.xlarge", g5_xlarge(), 3920, 14_162, 58),
        ("inf2.xlarge", inf2_xlarge(), 3920, 14_162, 58),
        // 8000 - (60 + 10 + 10 + 10). 65536 - ceil(4915.2) = 60620; 58 pods; 60620 - 893 - 100.
        ("i4i.2xlarge", i4i_2xlarge(), 7910, 59_627, 58),
        // Published elsewhere: 1930m/3055Mi, 3920m/6525Mi, 7910m/14103Mi.
        ("c6g.large", machine("arm64", 2, 4096, 3, 10), 1930, 3055, 29),
        ("c6g.xlarge", machine("arm64", 4, 8192, 4, 15), 3920, 6525, 58),
        ("c6g.2xlarge", machine("arm64", 8, 16_384, 4, 15), 7910, 14_103, 58),
    ];
    for (name, hardware, millicores, memory_mib, pods) in table {
        let room = allocatable(&hardware, &NodeClassSettings::default());
        assert_eq!(room.get(ResourceName::CPU), millicores, "{name}");
        assert_eq!(room.get(ResourceName::MEMORY), memory_mib * MIB, "{name}");
        assert_eq!(room.get(ResourceName::PODS), pods, "{name}");
        // 20 GiB, less 1 GiB for the kubelet, less 10 %.
        assert_eq!(room.get(ResourceName::EPHEMERAL_STORAGE), 17 * GIB, "{name}");
    }
}

#[test]
fn devices_and_raid0_disks_are_allocatable() {
    let plain = NodeClassSettings::default();
    assert_eq!(allocatable(&g5_xlarge(), &plain).get("nvidia.com/gpu"), 1);
    assert_eq!(allocatable(&inf2_xlarge(), &plain).get("aws.amazon.com/neuron"), 1);
    assert_eq!(allocatable(&inf2_xlarge(), &plain).get("aws.amazon.com/neuroncore"), 2);
    // 1875 GB = 1,875,000,000,000 bytes; less 10 % = 1,687,500,000,000; less 1 GiB = 1,073,741,824.
    let raid0 = with(|s| s.raid0 = true);
    assert_eq!(allocatable(&i4i_2xlarge(), &raid0).get(ResourceName::EPHEMERAL_STORAGE), 1_686_426_258_176);
    // No local disk: the policy changes nothing.
    assert_eq!(allocatable(&m5_large(), &raid0).get(ResourceName::EPHEMERAL_STORAGE), 17 * GIB);
}

#[test]
fn reserved_cpu_by_tier() {
    for (cores, millicores) in [(0, 0), (1, 60), (2, 70), (4, 80), (8, 90), (16, 110), (96, 310), (192, 550)] {
        assert_eq!(reserved_cpu(cores * 1000), millicores, "{cores} cores");
    }
}

/// What the kubelet keeps of m5.large's memory in MiB, by family and maxPods.
#[test]
fn memory_for_the_kubelet_follows_the_family() {
    let table = [
        // By interfaces, 29 pods, whatever maxPods says.
        (AmiFamily::Al2, None, 574),
        (AmiFamily::Al2, Some(110), 574),
        (AmiFamily::Al2023, Some(8), 574),
        (AmiFamily::Custom, Some(8), 574),
        // By the node's real limit: 11 x 29, 11 x 8, 11 x 110 (Windows' default), each + 255.
        (AmiFamily::Bottlerocket, None, 574),
        (AmiFamily::Bottlerocket, Some(8), 343),
        (AmiFamily::Windows2022, None, 1465),
        (AmiFamily::Windows2022, Some(8), 343),
    ];
    for (family, max_pods, memory_mib) in table {
        let settings = with(|s| (s.ami_family, s.max_pods) = (family, max_pods));
        let kept = kube_reserved(&m5_large(), &settings).get(ResourceName::MEMORY);
        assert_eq!(kept, memory_mib * MIB, "{family:?} {max_pods:?}");
    }
}

#[test]
fn reserved_interfaces_lower_pods_but_not_the_memory_kept() {
    let settings = with(|s| s.reserved_enis = 1);
    let room = allocatable(&m5_large(), &settings);
    assert_eq!(room.get(ResourceName::PODS), 20);
    assert_eq!(room.get(ResourceName::MEMORY), 6903 * MIB);
}

#[test]
fn node_class_values_replace_defaults_key_by_key() {
    let settings = with(|s| {
        s.kube_reserved.insert("cpu".into(), 0);
        s.kube_reserved.insert("memory".into(), 1000 * MIB);
        s.system_reserved = Resources::new().with("cpu", 100).with("memory", 50 * MIB);
    });
    let room = allocatable(&m5_large(), &settings);
    assert_eq!(room.get(ResourceName::CPU), 1900);
    // 7577 - 1000 - 50 - 100.
    assert_eq!(room.get(ResourceName::MEMORY), 6427 * MIB);
    // Storage keeps its default.
    assert_eq!(room.get(ResourceName::EPHEMERAL_STORAGE), 17 * GIB);
}

#[test]
fn eviction_thresholds() {
    let capacity = Resources::new().with("memory", 7577 * MIB).with("ephemeral-storage", 1001);
    let table = [
        // 5 % of 7577 MiB is 397,253,017.6 bytes, rounded up; 10 % of 1001 bytes is 100.1.
        ("memory.available", Threshold::Percent(500), 397_253_018, 101),
        ("memory.available", Threshold::Amount(1 << 20), 1 << 20, 101),
        ("memory.available", Threshold::Percent(10_000), 0, 101),
        ("memory.available", Threshold::Percent(0), 0, 101),
        ("nodefs.available", Threshold::Percent(1550), 100 * MIB, 156),
        ("nodefs.available", Threshold::Amount(7), 100 * MIB, 7),
        ("imagefs.available", Threshold::Percent(9000), 100 * MIB, 101),
    ];
    for (signal, threshold, memory, storage) in table {
        let settings = with(|s| s.eviction_hard = [(signal.to_owned(), threshold)].into());
        let kept = eviction_threshold(&capacity, &settings);
        assert_eq!((kept.get("memory"), kept.get("ephemeral-storage")), (memory, storage), "{signal} {threshold:?}");
    }
}

#[test]
fn absurd_settings_leave_nothing_and_do_not_panic() {
    let settings = with(|s| {
        s.max_pods = Some(u32::MAX);
        s.pods_per_core = Some(u32::MAX);
        s.reserved_enis = u32::MAX;
        s.vm_memory_overhead_ppm = u32::MAX;
        s.ephemeral_storage = Some(i64::MAX);
        s.kube_reserved.insert("memory".into(), i64::MAX);
        s.system_reserved = Resources::new().with("memory", i64::MAX);
        s.eviction_hard = [("nodefs.available".to_owned(), Threshold::Percent(u32::MAX))].into();
    });
    let huge = Hardware { vcpus: u32::MAX, memory_mib: u64::MAX, ..m5_large() };
    for hardware in [Hardware::default(), huge] {
        assert_eq!(allocatable(&hardware, &settings).get("memory"), 0);
    }
}
