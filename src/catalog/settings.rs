//! What a node class changes about instance types, as plain values: the edge translates an EC2NodeClass into them.

use super::hardware::Hardware;
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{InstanceTypeName, ResourceName, Resources, Zone};

/// One GiB.
const GIB: i64 = 1 << 30;

/// The size of a volume that nobody sized: Karpenter's default block device.
pub const DEFAULT_VOLUME: i64 = 20 * GIB;

/// The family of machine image, which decides how the node boots and what it reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AmiFamily {
    /// Amazon Linux 2.
    Al2,
    /// Amazon Linux 2023.
    #[default]
    Al2023,
    /// Bottlerocket.
    Bottlerocket,
    /// An image that the user boots alone.
    Custom,
    /// Windows Server 2019.
    Windows2019,
    /// Windows Server 2022.
    Windows2022,
    /// Windows Server 2025.
    Windows2025,
}

impl AmiFamily {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Al2, "AL2"),
        (Self::Al2023, "AL2023"),
        (Self::Bottlerocket, "Bottlerocket"),
        (Self::Custom, "Custom"),
        (Self::Windows2019, "Windows2019"),
        (Self::Windows2022, "Windows2022"),
        (Self::Windows2025, "Windows2025"),
    ];

    /// Reads the spelling of `spec.amiFamily`, or the family part of an alias such as `al2023@latest`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(family, _)| *family)
    }

    /// The spelling of `spec.amiFamily`.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(family, _)| *family == self).map_or("", |(_, name)| name)
    }

    /// The value of `node.kubernetes.io/windows-build`.
    pub const fn windows_build(self) -> Option<&'static str> {
        match self {
            Self::Windows2019 => Some("10.0.17763"),
            Self::Windows2022 => Some("10.0.20348"),
            Self::Windows2025 => Some("10.0.26100"),
            _ => None,
        }
    }

    /// Whether pods per node follow from network interfaces. Windows nodes get 110 instead.
    pub const fn limits_pods_by_interfaces(self) -> bool {
        self.windows_build().is_none()
    }

    /// Whether the memory kept for the kubelet follows from the interfaces even where `maxPods` says otherwise.
    pub const fn reserves_memory_by_interfaces(self) -> bool {
        matches!(self, Self::Al2 | Self::Al2023 | Self::Custom)
    }

    /// Whether `podsPerCore` has an effect; Bottlerocket has no such setting.
    pub const fn knows_pods_per_core(self) -> bool {
        !matches!(self, Self::Bottlerocket)
    }

    /// The device whose volume holds the pods' files, where the family fixes it.
    pub const fn pod_device(self) -> Option<&'static str> {
        match self {
            Self::Al2 | Self::Al2023 => Some("/dev/xvda"),
            Self::Bottlerocket => Some("/dev/xvdb"),
            Self::Custom => None,
            Self::Windows2019 | Self::Windows2022 | Self::Windows2025 => Some("/dev/sda1"),
        }
    }

    /// The size of that volume without block device mappings.
    pub const fn default_volume(self) -> i64 {
        if self.windows_build().is_some() { 50 * GIB } else { DEFAULT_VOLUME }
    }
}

/// An eviction threshold of the kubelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Threshold {
    /// A part of the capacity in hundredths of a percent; 10,000 (100 %) switches the threshold off, as the kubelet has it.
    Percent(u32),
    /// Bytes.
    Amount(i64),
}

/// An item of `spec.blockDeviceMappings`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockDevice {
    /// `/dev/xvda`, ...
    pub device_name: String,
    /// Whether `rootVolume` is set.
    pub root_volume: bool,
    /// The size in bytes, where given.
    pub size: Option<i64>,
}

/// The volume that pods write to, in bytes, by Karpenter's order: the mapping marked as root volume; for Custom the last mapping (20 GiB
/// if it has no size); else the mapping of the family's own device. `None` leaves the family's default.
pub fn pod_volume(family: AmiFamily, devices: &[BlockDevice]) -> Option<i64> {
    let root = devices.iter().find(|device| device.root_volume).and_then(|device| device.size);
    root.or_else(|| match family.pod_device() {
        None => devices.last().map(|device| device.size.unwrap_or(DEFAULT_VOLUME)),
        Some(name) => devices.iter().find(|device| device.device_name == name).and_then(|device| device.size),
    })
}

/// Volumes that every instance of the class has for itself: those of the mappings and the devices that the family's image brings along.
pub fn own_volumes(family: AmiFamily, devices: &[BlockDevice]) -> u32 {
    let image: &[&str] = match family {
        AmiFamily::Al2 | AmiFamily::Al2023 => &["/dev/xvda"],
        AmiFamily::Bottlerocket => &["/dev/xvda", "/dev/xvdb"],
        AmiFamily::Custom => &[],
        AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => &["/dev/sda1"],
    };
    let names: BTreeSet<&str> = devices.iter().map(|device| device.device_name.as_str()).chain(image.iter().copied()).collect();
    u32::try_from(names.len()).unwrap_or(u32::MAX).max(1)
}

/// What an interface of `spec.networkInterfaces` carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceKind {
    /// IP traffic.
    Interface,
    /// Only Elastic Fabric Adapter traffic; takes an interface and gives no addresses.
    EfaOnly,
}

/// An item of `spec.networkInterfaces`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkInterface {
    /// The card.
    pub card: u32,
    /// The device index on the card.
    pub device: u32,
    /// What it carries.
    pub kind: InterfaceKind,
    /// Secondary addresses or prefixes asked for; zero for none.
    pub secondary_addresses: u32,
}

/// Everything of a node class and of the controller's settings that changes instance types. The default is AL2023 as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches, each a field of the EC2NodeClass")]
pub struct NodeClassSettings {
    /// The image family.
    pub ami_family: AmiFamily,
    /// `kubelet.maxPods`.
    pub max_pods: Option<u32>,
    /// `kubelet.podsPerCore`; zero means no limit.
    pub pods_per_core: Option<u32>,
    /// `kubelet.kubeReserved`, each key replacing the default of that key; zero is a value. CPU in millicores, else bytes.
    pub kube_reserved: BTreeMap<ResourceName, i64>,
    /// `kubelet.systemReserved`.
    pub system_reserved: Resources,
    /// `kubelet.evictionHard` by signal. Only `memory.available` and `nodefs.available` change what is allocatable.
    pub eviction_hard: BTreeMap<String, Threshold>,
    /// Bytes of the volume that pods write to, see [`pod_volume`]; `None` for the family's default.
    pub ephemeral_storage: Option<i64>,
    /// Volumes of the instance itself, which take attachments from pods, see [`own_volumes`].
    pub own_volumes: u32,
    /// `instanceStorePolicy: RAID0`: pods write to the local disks where there are any.
    pub raid0: bool,
    /// Interfaces that the CNI does not give to pods (Karpenter's `--reserved-enis`, custom networking).
    pub reserved_enis: u32,
    /// Share of memory that the hypervisor and the firmware are assumed to keep, in millionths (75,000 is 7.5 %).
    pub vm_memory_overhead_ppm: u32,
    /// The CNI hands out /28 prefixes. Karpenter does not model it, so it is off unless asked for.
    pub prefix_delegation: bool,
    /// `spec.networkInterfaces`; `None` where the field is absent.
    pub network_interfaces: Option<Vec<NetworkInterface>>,
    /// `spec.connectionTracking` is set, which only Nitro has.
    pub connection_tracking: bool,
    /// `cpuOptions.nestedVirtualization: enabled`.
    pub nested_virtualization: bool,
    /// The strategy of the placement group, if one is selected.
    pub placement_strategy: Option<String>,
    /// Zones with a subnet; `None` for all.
    pub zones: Option<BTreeSet<Zone>>,
}

impl Default for NodeClassSettings {
    fn default() -> Self {
        Self {
            ami_family: AmiFamily::default(),
            max_pods: None,
            pods_per_core: None,
            kube_reserved: BTreeMap::new(),
            system_reserved: Resources::new(),
            eviction_hard: BTreeMap::new(),
            ephemeral_storage: None,
            own_volumes: 1,
            raid0: false,
            reserved_enis: 0,
            vm_memory_overhead_ppm: Self::DEFAULT_VM_MEMORY_OVERHEAD_PPM,
            prefix_delegation: false,
            network_interfaces: None,
            connection_tracking: false,
            nested_virtualization: false,
            placement_strategy: None,
            zones: None,
        }
    }
}

impl NodeClassSettings {
    /// Karpenter's `--vm-memory-overhead-percent` default, 0.075.
    pub const DEFAULT_VM_MEMORY_OVERHEAD_PPM: u32 = 75_000;

    /// EFA-only interfaces on card 0: they take interfaces from pods.
    pub fn efa_only_on_first_card(&self) -> u32 {
        let on_first = |nic: &&NetworkInterface| nic.card == 0 && nic.kind == InterfaceKind::EfaOnly;
        u32::try_from(self.network_interfaces.iter().flatten().filter(on_first).count()).unwrap_or(u32::MAX)
    }

    /// EFA-only interfaces on all cards; `None` where the node class lays out no interfaces.
    pub fn efa_only(&self) -> Option<usize> {
        self.network_interfaces.as_ref().map(|all| all.iter().filter(|nic| nic.kind == InterfaceKind::EfaOnly).count())
    }

    /// Whether nodes of this class can be of a type at all. Source: Karpenter's instance type compatibility checks, and its filter on
    /// architectures (no macOS hosts).
    pub fn can_use(&self, name: &InstanceTypeName, hardware: &Hardware) -> bool {
        let arch = hardware.kubernetes_arch();
        let boots = match self.ami_family {
            // Amazon Linux 2023 does not start on the first Graviton.
            AmiFamily::Al2023 => arch.is_some() && !name.as_str().starts_with("a1."),
            family if family.windows_build().is_some() => arch == Some("amd64"),
            _ => arch.is_some(),
        };
        boots
            && self.interfaces_fit(hardware)
            && (!self.connection_tracking || hardware.is_nitro())
            && (!self.nested_virtualization || hardware.nested_virtualization)
            && self.placement_strategy.as_ref().is_none_or(|strategy| hardware.placement_strategies.contains(strategy))
    }

    fn interfaces_fit(&self, hardware: &Hardware) -> bool {
        let Some(wanted) = &self.network_interfaces else { return true };
        let network = &hardware.network;
        let fits = |nic: &NetworkInterface| {
            let card = network.cards.iter().find(|card| card.index == nic.card);
            card.is_some_and(|card| nic.device < card.interfaces)
                // The interface's own address takes one of its slots.
                && (nic.secondary_addresses == 0 || nic.secondary_addresses < network.ipv4_per_interface)
        };
        network.ena && wanted.iter().all(fits) && self.efa_only().unwrap_or(0) <= network.efa_interfaces as usize
    }
}

#[cfg(test)]
mod tests;
