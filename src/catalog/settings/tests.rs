use super::super::fixture::{c6g_medium, m5_large};
use super::*;

#[test]
fn reads_families_as_fields_and_aliases_spell_them() {
    for (text, family) in [
        ("AL2023", Some(AmiFamily::Al2023)),
        ("al2023", Some(AmiFamily::Al2023)),
        ("bottlerocket", Some(AmiFamily::Bottlerocket)),
        ("windows2022", Some(AmiFamily::Windows2022)),
        ("Ubuntu", None),
        ("", None),
    ] {
        assert_eq!(AmiFamily::parse(text), family, "{text}");
    }
    for (family, name) in AmiFamily::ALL {
        assert_eq!((AmiFamily::parse(name), family.as_str()), (Some(family), name));
    }
}

#[test]
fn pods_write_to_the_volume_of_their_device() {
    let device = |name: &str, root_volume, gib: Option<i64>| BlockDevice {
        device_name: name.to_owned(),
        root_volume,
        size: gib.map(|gib| gib << 30),
    };
    let first = device("/dev/xvda", false, Some(50));
    let second = device("/dev/xvdb", false, Some(100));
    let table = [
        (AmiFamily::Al2023, vec![], None),
        (AmiFamily::Al2023, vec![first.clone(), second.clone()], Some(50)),
        (AmiFamily::Al2, vec![second.clone()], None),
        (AmiFamily::Bottlerocket, vec![first.clone(), second.clone()], Some(100)),
        (AmiFamily::Custom, vec![first.clone(), second.clone()], Some(100)),
        (AmiFamily::Custom, vec![device("/dev/sdf", false, None)], Some(20)),
        (AmiFamily::Custom, vec![], None),
        (AmiFamily::Al2023, vec![first.clone(), device("/dev/sdf", true, Some(7))], Some(7)),
        // A root volume without size decides nothing.
        (AmiFamily::Al2023, vec![first, device("/dev/sdf", true, None)], Some(50)),
        (AmiFamily::Windows2019, vec![device("/dev/sda1", false, Some(80))], Some(80)),
    ];
    for (family, devices, gib) in table {
        assert_eq!(pod_volume(family, &devices), gib.map(|gib| gib << 30), "{family:?} {devices:?}");
    }
}

#[test]
fn node_classes_use_only_machines_that_can_do_what_they_ask() {
    let plain = NodeClassSettings::default;
    let family = |ami_family| NodeClassSettings { ami_family, ..plain() };
    let mac = Hardware { architectures: vec!["arm64_mac".into()], ..m5_large() };
    let xen = Hardware { hypervisor: Some("xen".into()), ..m5_large() };
    let spreads = Hardware { placement_strategies: vec!["spread".into()], nested_virtualization: true, ..m5_large() };
    let tracked = NodeClassSettings { connection_tracking: true, ..plain() };
    let nested = NodeClassSettings { nested_virtualization: true, ..plain() };
    let placed = |strategy: &str| NodeClassSettings { placement_strategy: Some(strategy.into()), ..plain() };
    let table = [
        ("x86", "m5.large", m5_large(), plain(), true),
        ("macOS", "mac2.metal", mac, plain(), false),
        ("first Graviton on AL2023", "a1.large", c6g_medium(), plain(), false),
        ("first Graviton on AL2", "a1.large", c6g_medium(), family(AmiFamily::Al2), true),
        ("Windows on arm64", "c6g.medium", c6g_medium(), family(AmiFamily::Windows2022), false),
        ("Windows on x86", "m5.large", m5_large(), family(AmiFamily::Windows2022), true),
        ("tracking on xen", "m4.large", xen, tracked.clone(), false),
        ("tracking on nitro", "m5.large", m5_large(), tracked, true),
        ("nested", "m8i.large", spreads.clone(), nested.clone(), true),
        ("not nested", "m5.large", m5_large(), nested, false),
        ("spread", "m5.large", spreads.clone(), placed("spread"), true),
        ("cluster", "m5.large", spreads, placed("cluster"), false),
    ];
    for (case, name, hardware, settings, usable) in table {
        assert_eq!(settings.can_use(&name.into(), &hardware), usable, "{case}");
    }
}

#[test]
fn laid_out_interfaces_must_fit_the_cards() {
    let nic = |card, device, kind| NetworkInterface { card, device, kind, secondary_addresses: 0 };
    let many = |secondary_addresses| NetworkInterface { secondary_addresses, ..nic(0, 0, InterfaceKind::Interface) };
    let (ip, efa) = (InterfaceKind::Interface, InterfaceKind::EfaOnly);
    let table = [
        (vec![nic(0, 0, ip)], true),
        (vec![nic(0, 2, ip)], true),
        (vec![nic(0, 3, ip)], false),
        (vec![nic(1, 0, ip)], false),
        (vec![many(9)], true),
        (vec![many(10)], false),
        (vec![nic(0, 0, ip), nic(0, 1, efa)], true),
        (vec![nic(0, 0, ip), nic(0, 1, efa), nic(0, 2, efa)], false),
    ];
    let mut hardware = m5_large();
    hardware.network.efa_interfaces = 1;
    for (interfaces, usable) in table {
        let settings = NodeClassSettings { network_interfaces: Some(interfaces.clone()), ..NodeClassSettings::default() };
        assert_eq!(settings.can_use(&"m5.large".into(), &hardware), usable, "{interfaces:?}");
    }
    hardware.network.ena = false;
    let settings = NodeClassSettings { network_interfaces: Some(vec![nic(0, 0, ip)]), ..NodeClassSettings::default() };
    assert!(!settings.can_use(&"m5.large".into(), &hardware));
}
