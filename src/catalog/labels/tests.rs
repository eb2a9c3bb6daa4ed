use super::super::fixture::{c6g_medium, g5_xlarge, inf2_xlarge, m5_large};
use super::*;

fn labels(name: &str, hardware: Hardware) -> BTreeMap<String, String> {
    let listed = Listed {
        name: name.into(),
        hardware,
        zones: Vec::new(),
        on_demand: None,
        spot: None,
        spot_by_zone: BTreeMap::new(),
        interruption: None,
    };
    let made = of_all("us-west-2", &[listed]).remove(0);
    made.iter().map(|(key, value)| (key.trim_start_matches("karpenter.k8s.aws/").to_owned(), value.to_string())).collect()
}

#[test]
fn names_tell_category_and_generation() {
    let table = [
        ("m5.large", Some(("m", "5"))),
        ("c6gn.16xlarge", Some(("c", "6"))),
        ("im4gn.large", Some(("im", "4"))),
        ("m7i-flex.large", Some(("m", "7"))),
        ("u-6tb1.112xlarge", Some(("u", "1"))),
        ("u7i-12tb.224xlarge", Some(("u", "7"))),
        ("p6-b200.48xlarge", Some(("p", "6"))),
        ("x2iedn.metal", Some(("x", "2"))),
        ("trn1n.32xlarge", Some(("trn", "1"))),
        ("m10g.large", Some(("m", "10"))),
        ("mac-m4.metal", None),
        ("m5", None),
        (".large", None),
        ("", None),
        ("5m.large", None),
        ("u-tb1.large", None),
        ("é5.large", None),
    ];
    for (name, expected) in table {
        assert_eq!(category_and_generation(name), expected, "{name}");
    }
}

#[test]
fn an_ordinary_machine() {
    let hardware = Hardware { cpu_manufacturer: Some("Intel".into()), clock_mhz: 3100, ..m5_large() };
    let expected = [
        ("instance-capability-flex", "false"),
        ("instance-category", "m"),
        ("instance-cpu", "2"),
        ("instance-cpu-manufacturer", "intel"),
        ("instance-cpu-sustained-clock-speed-mhz", "3100"),
        ("instance-encryption-in-transit-supported", "false"),
        ("instance-family", "m5"),
        ("instance-generation", "5"),
        ("instance-hypervisor", "nitro"),
        ("instance-memory", "8192"),
        ("instance-network-bandwidth", "1000"),
        ("instance-size", "large"),
        ("instance-tenancy", "default"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "linux"),
        ("nitro-sandbox", "false"),
        ("node.kubernetes.io/instance-type", "m5.large"),
        ("topology.kubernetes.io/region", "us-west-2"),
    ];
    assert_eq!(labels("m5.large", hardware), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn devices_disks_and_metal() {
    let gpu = labels("g5.xlarge", g5_xlarge());
    for (key, value) in [
        ("instance-gpu-name", "a10g"),
        ("instance-gpu-manufacturer", "nvidia"),
        ("instance-gpu-count", "1"),
        ("instance-gpu-memory", "22888"),
        ("instance-local-nvme", "250"),
    ] {
        assert_eq!(gpu.get(key).map(String::as_str), Some(value), "{key}");
    }
    let neuron = labels("inf2.xlarge", inf2_xlarge());
    assert_eq!(neuron["instance-accelerator-name"], "inferentia2");
    assert_eq!(neuron["instance-accelerator-manufacturer"], "aws");
    assert_eq!(neuron["instance-accelerator-count"], "1");
    let metal = labels("c6g.metal", Hardware { hypervisor: None, bare_metal: true, ..c6g_medium() });
    assert_eq!((metal["instance-hypervisor"].as_str(), metal["kubernetes.io/arch"].as_str()), ("", "arm64"));
    let flex = labels("m7i-flex.large", m5_large());
    assert_eq!((flex["instance-capability-flex"].as_str(), flex["instance-family"].as_str()), ("true", "m7i-flex"));
}

#[test]
fn two_models_of_a_device_get_no_label() {
    let mut hardware = g5_xlarge();
    hardware.gpus.push(Device { name: "T4".into(), ..hardware.gpus[0].clone() });
    hardware.accelerators = vec![Device::default(), Device::default()];
    let made = labels("x1.large", hardware);
    assert!(!made.keys().any(|key| key.contains("-gpu-") || key.contains("-accelerator-")), "{made:?}");
}

#[test]
fn volumes_bandwidth_only_where_it_is_always_there() {
    let mut hardware = m5_large();
    hardware.ebs.maximum_mbps = 4750;
    assert_eq!(labels("m4.large", hardware.clone()).get("instance-ebs-bandwidth"), None);
    hardware.ebs.optimized_by_default = true;
    assert_eq!(labels("m5.large", hardware)["instance-ebs-bandwidth"], "4750");
}

#[test]
fn the_image_decides_the_operating_system() {
    let linux = Labels::from([("kubernetes.io/os".into(), "linux".into())]);
    assert_eq!(under(AmiFamily::Bottlerocket, &linux), linux);
    let windows = under(AmiFamily::Windows2022, &linux);
    assert_eq!(windows["kubernetes.io/os"].as_ref(), "windows");
    assert_eq!(windows["node.kubernetes.io/windows-build"].as_ref(), "10.0.20348");
}
