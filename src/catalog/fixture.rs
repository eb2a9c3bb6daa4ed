//! Hand-made machines for tests: figures from the EC2 user guide, so that they do not depend on the embedded data.

use super::hardware::{Device, Hardware, LocalStorage, Network, NetworkCard, NeuronDevice};

/// A Nitro machine with one network card.
pub(crate) fn machine(arch: &str, vcpus: u32, memory_mib: u64, interfaces: u32, addresses: u32) -> Hardware {
    Hardware {
        architectures: vec![arch.to_owned()],
        vcpus,
        memory_mib,
        hypervisor: Some("nitro".to_owned()),
        usage_classes: vec!["on-demand".to_owned(), "spot".to_owned()],
        network: Network {
            cards: vec![NetworkCard { index: 0, interfaces }],
            baseline_mbps: 1000,
            ipv4_per_interface: addresses,
            ena: true,
            ..Network::default()
        },
        ..Hardware::default()
    }
}

pub(crate) fn m5_large() -> Hardware {
    machine("x86_64", 2, 8192, 3, 10)
}

pub(crate) fn c6g_medium() -> Hardware {
    machine("arm64", 1, 2048, 2, 4)
}

pub(crate) fn m7i_48xlarge() -> Hardware {
    machine("x86_64", 192, 786_432, 15, 50)
}

pub(crate) fn g5_xlarge() -> Hardware {
    let gpu = Device { name: "A10G".into(), manufacturer: "NVIDIA".into(), count: 1, memory_mib: 22_888 };
    let disk = LocalStorage { total_gb: 250, nvme: true };
    Hardware { gpus: vec![gpu], local_storage: Some(disk), ..machine("x86_64", 4, 16_384, 4, 15) }
}

pub(crate) fn i4i_2xlarge() -> Hardware {
    Hardware { local_storage: Some(LocalStorage { total_gb: 1875, nvme: true }), ..machine("x86_64", 8, 65_536, 4, 15) }
}

pub(crate) fn inf2_xlarge() -> Hardware {
    let neuron = NeuronDevice { name: "Inferentia2".into(), count: 1, cores: 2, memory_mib: 32_768 };
    let same = Device { name: "Inferentia2".into(), manufacturer: "AWS".into(), count: 1, memory_mib: 32_768 };
    Hardware { neuron: vec![neuron], accelerators: vec![same], ..machine("x86_64", 4, 16_384, 4, 15) }
}

/// A catalogue file's text around `types`, the JSON of its entries.
pub(crate) fn file_text(types: &str) -> String {
    format!(
        r#"{{"apiVersion":"windlass.dev/v1","kind":"Catalog","region":"eu-test-1","sources":{{"onDemand":"list","spot":"estimate"}},
"zones":[{{"name":"eu-test-1b","id":"eut1-az1"}},{{"name":"eu-test-1a","id":"eut1-az2"}}],
"instanceTypes":[{types}]}}"#
    )
}

/// The JSON of a sound entry.
pub(crate) fn entry(name: &str, prices: &str) -> String {
    format!(
        r#"{{"name":"{name}","hardware":{{"architectures":["x86_64"],"vcpus":2,"cores":1,"memoryMib":8192,"hypervisor":"nitro",
"usageClasses":["on-demand","spot"],"network":{{"cards":[{{"index":0,"interfaces":3}}],"ipv4PerInterface":10,"ena":true}}}},
"zones":["eu-test-1a","eu-test-1b"],"prices":{prices}}}"#
    )
}
