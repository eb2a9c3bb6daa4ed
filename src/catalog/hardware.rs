//! The machine behind an instance type: the fields of EC2's DescribeInstanceTypes that decide what fits on a node and how it is
//! labelled, as they stand in a catalogue file.

use serde::{Deserialize, Serialize};

/// A machine. Sizes are in the units of the field names; a field that the file leaves out is zero, false or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of EC2, each a field of its API")]
pub struct Hardware {
    /// `x86_64`, `arm64`, `i386`, `arm64_mac`, ...; the first decides the memory that arm64 firmware keeps, as in Karpenter.
    pub architectures: Vec<String>,
    /// Virtual CPUs with default CPU options.
    pub vcpus: u32,
    /// Physical cores with default CPU options.
    pub cores: u32,
    /// Memory of the machine in MiB, before the hypervisor takes its share.
    pub memory_mib: u64,
    /// `nitro` or `xen`; absent on bare metal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypervisor: Option<String>,
    /// No hypervisor.
    #[serde(skip_serializing_if = "is_default")]
    pub bare_metal: bool,
    /// CPU credits (the t families).
    #[serde(skip_serializing_if = "is_default")]
    pub burstable: bool,
    /// AWS still recommends it for new workloads.
    #[serde(skip_serializing_if = "is_default")]
    pub current_generation: bool,
    /// Can run Nitro Enclaves.
    #[serde(skip_serializing_if = "is_default")]
    pub nitro_enclaves: bool,
    /// Can run virtual machines of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub nested_virtualization: bool,
    /// `AWS`, `Intel`, `AMD`, `Apple`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_manufacturer: Option<String>,
    /// Sustained clock speed; zero where EC2 does not tell.
    #[serde(skip_serializing_if = "is_default")]
    pub clock_mhz: u32,
    /// How it is sold: `on-demand`, `spot`, `capacity-block`.
    pub usage_classes: Vec<String>,
    /// Placement group strategies it supports: `cluster`, `partition`, `spread`.
    pub placement_strategies: Vec<String>,
    /// Network.
    pub network: Network,
    /// Block storage.
    pub ebs: Ebs,
    /// Local disks, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_storage: Option<LocalStorage>,
    /// GPUs, one entry for each model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<Device>,
    /// Inference accelerators, one entry for each model; Neuron devices stand in `neuron` too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accelerators: Vec<Device>,
    /// AWS Neuron devices, one entry for each model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neuron: Vec<NeuronDevice>,
}

/// Network cards and addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// The cards, by index.
    pub cards: Vec<NetworkCard>,
    /// Index of the card whose interfaces carry pod addresses (the VPC CNI uses no other).
    #[serde(skip_serializing_if = "is_default")]
    pub default_card: u32,
    /// Bandwidth of all cards together that is always there, in Mbit/s; zero where EC2 does not tell.
    #[serde(skip_serializing_if = "is_default")]
    pub baseline_mbps: u32,
    /// IPv4 addresses on one interface, its own included.
    pub ipv4_per_interface: u32,
    /// IPv6 addresses on one interface.
    #[serde(skip_serializing_if = "is_default")]
    pub ipv6_per_interface: u32,
    /// Has the elastic network adapter.
    #[serde(skip_serializing_if = "is_default")]
    pub ena: bool,
    /// Encrypts traffic between instances of such types.
    #[serde(skip_serializing_if = "is_default")]
    pub encryption_in_transit: bool,
    /// Elastic Fabric Adapter interfaces at most.
    #[serde(skip_serializing_if = "is_default")]
    pub efa_interfaces: u32,
    /// Branch interfaces for pods with security groups of their own (`vpc.amazonaws.com/pod-eni`). The EC2 API does not tell them.
    #[serde(skip_serializing_if = "is_default")]
    pub branch_interfaces: u32,
}

impl Network {
    /// Interfaces of the default card.
    pub fn default_card_interfaces(&self) -> u32 {
        self.cards.iter().find(|card| card.index == self.default_card).map_or(0, |card| card.interfaces)
    }
}

/// One network card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkCard {
    /// Its index.
    pub index: u32,
    /// Interfaces at most.
    pub interfaces: u32,
}

/// Elastic Block Store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ebs {
    /// Has bandwidth of its own for volumes, always on.
    #[serde(skip_serializing_if = "is_default")]
    pub optimized_by_default: bool,
    /// That bandwidth at most, in Mbit/s.
    #[serde(skip_serializing_if = "is_default")]
    pub maximum_mbps: u32,
    /// Volumes at most; zero where EC2 does not tell.
    #[serde(skip_serializing_if = "is_default")]
    pub attachments: u32,
    /// `shared` where network interfaces and local disks count against that limit too, else `dedicated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachment_limit: Option<String>,
}

/// Disks in the machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalStorage {
    /// All disks together, in GB of 10^9 bytes.
    pub total_gb: u64,
    /// Attached by NVMe.
    pub nvme: bool,
}

/// A model of GPU or accelerator and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Device {
    /// `A10G`, `H100`, ...
    pub name: String,
    /// `NVIDIA`, `AMD`, `Habana`, `Qualcomm`, `AWS`.
    pub manufacturer: String,
    /// Whole devices; EC2 reports zero for fractions of one (g6f).
    pub count: u32,
    /// Memory of one, in MiB.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_mib: u64,
}

/// A model of Neuron device and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NeuronDevice {
    /// `Inferentia2`, `Trainium`, ...
    pub name: String,
    /// Devices.
    pub count: u32,
    /// Cores of one.
    pub cores: u32,
    /// Memory of one, in MiB.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_mib: u64,
}

impl Hardware {
    /// The value of `kubernetes.io/arch`, where Kubernetes runs on the machine at all.
    pub fn kubernetes_arch(&self) -> Option<&'static str> {
        self.architectures.iter().find_map(|architecture| match architecture.as_str() {
            "x86_64" => Some("amd64"),
            "arm64" => Some("arm64"),
            _ => None,
        })
    }

    /// On the Nitro hypervisor.
    pub fn is_nitro(&self) -> bool {
        self.hypervisor.as_deref() == Some("nitro")
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
