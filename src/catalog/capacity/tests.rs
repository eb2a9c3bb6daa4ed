use super::super::fixture::{c6g_medium, m5_large, m7i_48xlarge, machine};
use super::super::settings::{AmiFamily, InterfaceKind, NetworkInterface};
use super::*;

fn with(change: impl FnOnce(&mut NodeClassSettings)) -> NodeClassSettings {
    let mut settings = NodeClassSettings::default();
    change(&mut settings);
    settings
}

#[test]
fn memory_overhead_is_rounded_up_and_can_be_changed() {
    for (mib, ppm, left) in [(8192, 75_000, 7577), (8192, 0, 8192), (8000, 75_000, 7400), (1, 1, 0), (8192, 1_000_000, 0)] {
        assert_eq!(memory(&machine("x86_64", 2, mib, 3, 10), ppm), left * MIB, "{mib} MiB, {ppm} ppm");
    }
    assert_eq!(memory(&machine("arm64", 2, 63, 3, 10), 75_000), 0);
}

#[test]
fn pods_by_family_and_settings() {
    let cores = |n| with(|s| s.pods_per_core = Some(n));
    let table = [
        ("interfaces", NodeClassSettings::default(), 29),
        ("maxPods wins", with(|s| s.max_pods = Some(5)), 5),
        ("maxPods may exceed the addresses", with(|s| s.max_pods = Some(500)), 500),
        ("Windows", with(|s| s.ami_family = AmiFamily::Windows2019), 110),
        ("podsPerCore", cores(3), 6),
        ("podsPerCore 0 means none", cores(0), 29),
        ("podsPerCore above", cores(100), 29),
        ("both", with(|s| (s.max_pods, s.pods_per_core) = (Some(5), Some(2))), 4),
        ("Bottlerocket", with(|s| (s.ami_family, s.pods_per_core) = (AmiFamily::Bottlerocket, Some(3))), 29),
        ("one interface reserved", with(|s| s.reserved_enis = 1), 20),
        ("all interfaces reserved", with(|s| s.reserved_enis = 3), 0),
        ("more than all", with(|s| s.reserved_enis = 9), 0),
    ];
    for (case, settings, expected) in table {
        assert_eq!(pods(&m5_large(), &settings), expected, "{case}");
    }
}

#[test]
fn efa_only_interfaces_on_the_first_card_give_no_addresses() {
    let nic = |card, kind| NetworkInterface { card, device: 1, kind, secondary_addresses: 0 };
    let layout = vec![nic(0, InterfaceKind::Interface), nic(0, InterfaceKind::EfaOnly), nic(1, InterfaceKind::EfaOnly)];
    let settings = with(|s| s.network_interfaces = Some(layout));
    let mut hardware = m5_large();
    hardware.network.efa_interfaces = 32;
    // (3 - 1) x 9 + 2, also for the memory that is kept.
    assert_eq!(pods(&hardware, &settings), 20);
    assert_eq!(interface_limited_pods(&hardware, 0, &settings), 20);
    assert_eq!(capacity(&hardware, &settings).get("vpc.amazonaws.com/efa"), 2);
    assert_eq!(capacity(&hardware, &NodeClassSettings::default()).get("vpc.amazonaws.com/efa"), 32);
}

#[test]
fn prefixes_multiply_addresses_up_to_the_caps() {
    let prefixes = with(|s| s.prefix_delegation = true);
    // 2 x 3 x 16 + 2.
    assert_eq!(pods(&c6g_medium(), &prefixes), 98);
    // 3 x 9 x 16 + 2 = 434, below 30 vCPU.
    assert_eq!(pods(&m5_large(), &prefixes), 110);
    assert_eq!(pods(&m7i_48xlarge(), &prefixes), 250);
    assert_eq!(pods(&m7i_48xlarge(), &with(|s| (s.prefix_delegation, s.max_pods) = (true, Some(300)))), 300);
    let xen = Hardware { hypervisor: Some("xen".into()), ..m5_large() };
    assert_eq!(pods(&xen, &prefixes), 29);
    let metal = Hardware { hypervisor: None, bare_metal: true, ..m5_large() };
    assert_eq!(pods(&metal, &prefixes), 110);
    assert_eq!(pods(&m5_large(), &with(|s| (s.prefix_delegation, s.reserved_enis) = (true, 3))), 0);
}

#[test]
fn only_the_default_card_counts() {
    let mut hardware = m5_large();
    hardware.network.cards.push(super::super::hardware::NetworkCard { index: 7, interfaces: 15 });
    assert_eq!(pods(&hardware, &NodeClassSettings::default()), 29);
    hardware.network.default_card = 7;
    assert_eq!(pods(&hardware, &NodeClassSettings::default()), 15 * 9 + 2);
    hardware.network.default_card = 3;
    assert_eq!(pods(&hardware, &NodeClassSettings::default()), 0);
}

#[test]
fn devices_are_summed_by_manufacturer() {
    let device = |maker: &str, count| Device { name: "any".into(), manufacturer: maker.into(), count, memory_mib: 1 };
    let gpus = vec![device("NVIDIA", 4), device("NVIDIA", 2), device("AMD", 3), device("Habana", 8), device("Other", 9)];
    let mut hardware = Hardware { gpus, ..m5_large() };
    hardware.network.branch_interfaces = 9;
    let all = capacity(&hardware, &NodeClassSettings::default());
    for (name, count) in [
        ("nvidia.com/gpu", 6),
        ("amd.com/gpu", 3),
        ("habana.ai/gaudi", 8),
        ("vpc.amazonaws.com/pod-eni", 9),
        ("vpc.amazonaws.com/efa", 0),
    ] {
        assert_eq!(all.get(name), count, "{name}");
    }
    let windows = capacity(&hardware, &with(|s| s.ami_family = AmiFamily::Windows2025));
    assert_eq!(windows.get("vpc.amazonaws.com/PrivateIPv4Address"), 9);
    assert_eq!(windows.get("ephemeral-storage"), 50 << 30);
}
