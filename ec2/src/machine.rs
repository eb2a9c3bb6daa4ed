//! An instance type in plain values. What EC2 leaves out, or says with a negative number, is zero, false or empty; whether that is still
//! a machine to use is for the reader to judge.

use aws_sdk_ec2::types as ec2;

/// An instance type; sizes are in the units of the field names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of EC2, each a field of its API")]
pub struct Machine {
    /// The name.
    pub name: String,
    /// Processor architectures in EC2's order.
    pub architectures: Vec<String>,
    /// Virtual CPUs with default CPU options.
    pub vcpus: u32,
    /// Cores with default CPU options.
    pub cores: u32,
    /// Memory.
    pub memory_mib: u64,
    /// `nitro` or `xen`.
    pub hypervisor: Option<String>,
    /// No hypervisor.
    pub bare_metal: bool,
    /// CPU credits.
    pub burstable: bool,
    /// Still recommended.
    pub current_generation: bool,
    /// Can run Nitro Enclaves.
    pub nitro_enclaves: bool,
    /// Can run virtual machines of its own.
    pub nested_virtualization: bool,
    /// Maker of the processor.
    pub cpu_manufacturer: Option<String>,
    /// Sustained clock speed.
    pub clock_mhz: u32,
    /// How it is sold.
    pub usage_classes: Vec<String>,
    /// Placement group strategies.
    pub placement_strategies: Vec<String>,
    /// Network cards.
    pub cards: Vec<Card>,
    /// Index of the default card.
    pub default_card: u32,
    /// Bandwidth of all cards together that is always there.
    pub baseline_mbps: u32,
    /// IPv4 addresses on an interface.
    pub ipv4_per_interface: u32,
    /// IPv6 addresses on an interface.
    pub ipv6_per_interface: u32,
    /// Has the elastic network adapter.
    pub ena: bool,
    /// Encrypts traffic between instances.
    pub encryption_in_transit: bool,
    /// Elastic Fabric Adapter interfaces.
    pub efa_interfaces: u32,
    /// Optimised for EBS without being asked.
    pub ebs_optimized_by_default: bool,
    /// EBS bandwidth at most.
    pub ebs_maximum_mbps: u32,
    /// Volumes at most.
    pub ebs_attachments: u32,
    /// `shared` or `dedicated`.
    pub ebs_attachment_limit: Option<String>,
    /// Local disks: GB of 10^9 bytes, and whether they are NVMe.
    pub local_storage: Option<(u64, bool)>,
    /// GPUs.
    pub gpus: Vec<Device>,
    /// Inference accelerators.
    pub accelerators: Vec<Device>,
    /// Neuron devices.
    pub neuron: Vec<NeuronDevice>,
}

/// A network card.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Card {
    /// Its index.
    pub index: u32,
    /// Interfaces at most.
    pub interfaces: u32,
}

/// A model of GPU or accelerator.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// The model.
    pub name: String,
    /// Its maker.
    pub manufacturer: String,
    /// How many.
    pub count: u32,
    /// Memory of one.
    pub memory_mib: u64,
}

/// A model of Neuron device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NeuronDevice {
    /// The model.
    pub name: String,
    /// How many.
    pub count: u32,
    /// Cores of one.
    pub cores: u32,
    /// Memory of one.
    pub memory_mib: u64,
}

impl Machine {
    /// Reads what EC2 says; `None` for an entry without a name.
    pub(crate) fn read(described: &ec2::InstanceTypeInfo) -> Option<Self> {
        let mut machine = Self {
            name: described.instance_type()?.as_str().to_owned(),
            hypervisor: described.hypervisor().map(|hypervisor| hypervisor.as_str().to_owned()),
            bare_metal: described.bare_metal() == Some(true),
            burstable: described.burstable_performance_supported() == Some(true),
            current_generation: described.current_generation() == Some(true),
            nitro_enclaves: described.nitro_enclaves_support() == Some(&ec2::NitroEnclavesSupport::Supported),
            usage_classes: described.supported_usage_classes().iter().map(|class| class.as_str().to_owned()).collect(),
            ..Self::default()
        };
        let placement = described.placement_group_info().map(ec2::PlacementGroupInfo::supported_strategies).unwrap_or_default();
        machine.placement_strategies = placement.iter().map(|strategy| strategy.as_str().to_owned()).collect();
        machine.read_processor(described);
        machine.read_network(described.network_info());
        machine.read_storage(described);
        machine.read_devices(described);
        Some(machine)
    }

    fn read_processor(&mut self, described: &ec2::InstanceTypeInfo) {
        self.vcpus = count(described.v_cpu_info().and_then(ec2::VCpuInfo::default_v_cpus));
        self.cores = count(described.v_cpu_info().and_then(ec2::VCpuInfo::default_cores));
        self.memory_mib = size(described.memory_info().and_then(ec2::MemoryInfo::size_in_mib));
        let Some(processor) = described.processor_info() else { return };
        self.architectures = processor.supported_architectures().iter().map(|arch| arch.as_str().to_owned()).collect();
        self.nested_virtualization =
            processor.supported_features().contains(&ec2::SupportedAdditionalProcessorFeature::NestedVirtualization);
        self.cpu_manufacturer = processor.manufacturer().map(str::to_owned);
        self.clock_mhz = thousandths(processor.sustained_clock_speed_in_ghz());
    }

    fn read_network(&mut self, network: Option<&ec2::NetworkInfo>) {
        let Some(network) = network else { return };
        let card = |card: &ec2::NetworkCardInfo| Card {
            index: count(card.network_card_index()),
            interfaces: count(card.maximum_network_interfaces()),
        };
        self.cards = network.network_cards().iter().map(card).collect();
        self.cards.sort();
        self.baseline_mbps = baseline_mbps(network);
        self.default_card = count(network.default_network_card_index());
        self.ipv4_per_interface = count(network.ipv4_addresses_per_interface());
        self.ipv6_per_interface = count(network.ipv6_addresses_per_interface());
        self.ena = network.ena_support().is_some_and(|support| *support != ec2::EnaSupport::Unsupported);
        self.encryption_in_transit = network.encryption_in_transit_supported() == Some(true);
        self.efa_interfaces = count(network.efa_info().and_then(ec2::EfaInfo::maximum_efa_interfaces));
    }

    fn read_storage(&mut self, described: &ec2::InstanceTypeInfo) {
        if let Some(ebs) = described.ebs_info() {
            self.ebs_optimized_by_default = ebs.ebs_optimized_support() == Some(&ec2::EbsOptimizedSupport::Default);
            self.ebs_maximum_mbps = count(ebs.ebs_optimized_info().and_then(ec2::EbsOptimizedInfo::maximum_bandwidth_in_mbps));
            self.ebs_attachments = count(ebs.maximum_ebs_attachments());
            self.ebs_attachment_limit = ebs.attachment_limit_type().map(|kind| kind.as_str().to_owned());
        }
        self.local_storage = described.instance_storage_info().and_then(|disks| {
            let nvme = disks.nvme_support().is_some_and(|support| *support != ec2::EphemeralNvmeSupport::Unsupported);
            Some((size(Some(disks.total_size_in_gb()?)), nvme))
        });
    }

    fn read_devices(&mut self, described: &ec2::InstanceTypeInfo) {
        let gpus = described.gpu_info().map(ec2::GpuInfo::gpus).unwrap_or_default();
        let gpu = |gpu: &ec2::GpuDeviceInfo| Device {
            name: gpu.name().unwrap_or_default().to_owned(),
            manufacturer: gpu.manufacturer().unwrap_or_default().to_owned(),
            count: count(gpu.count()),
            memory_mib: count(gpu.memory_info().and_then(ec2::GpuDeviceMemoryInfo::size_in_mib)).into(),
        };
        self.gpus = gpus.iter().map(gpu).collect();
        let accelerators = described.inference_accelerator_info().map(ec2::InferenceAcceleratorInfo::accelerators);
        let accelerator = |device: &ec2::InferenceDeviceInfo| Device {
            name: device.name().unwrap_or_default().to_owned(),
            manufacturer: device.manufacturer().unwrap_or_default().to_owned(),
            count: count(device.count()),
            memory_mib: count(device.memory_info().and_then(ec2::InferenceDeviceMemoryInfo::size_in_mib)).into(),
        };
        self.accelerators = accelerators.unwrap_or_default().iter().map(accelerator).collect();
        let neuron = |device: &ec2::NeuronDeviceInfo| NeuronDevice {
            name: device.name().unwrap_or_default().to_owned(),
            count: count(device.count()),
            cores: count(device.core_info().and_then(ec2::NeuronDeviceCoreInfo::count)),
            memory_mib: count(device.memory_info().and_then(ec2::NeuronDeviceMemoryInfo::size_in_mib)).into(),
        };
        let devices = described.neuron_info().map(ec2::NeuronInfo::neuron_devices).unwrap_or_default();
        self.neuron = devices.iter().map(neuron).collect();
    }
}

/// The cards' baselines together, unless the machine has several and EC2 states a fixed bandwidth for it ("200 Gigabit"): cards can
/// share a bandwidth that each of them reports as its own.
fn baseline_mbps(network: &ec2::NetworkInfo) -> u32 {
    let cards = network.network_cards();
    let stated = network.network_performance().and_then(|text| text.strip_suffix(" Gigabit")?.parse::<u32>().ok());
    match stated {
        Some(gigabits) if cards.len() > 1 => gigabits.saturating_mul(1000),
        _ => cards.iter().map(|card| thousandths(card.baseline_bandwidth_in_gbps())).fold(0, u32::saturating_add),
    }
}

fn count(value: Option<i32>) -> u32 {
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
}

fn size(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0)
}

/// A decimal that EC2 gives in thousands (GHz, Gbit/s), rounded to units; zero for nonsense.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and NaN becomes zero")]
fn thousandths(value: Option<f64>) -> u32 {
    (value.unwrap_or(0.0) * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::{Machine, count, ec2, thousandths};

    #[test]
    fn nonsense_becomes_zero() {
        for (value, expected) in
            [(None, 0), (Some(f64::NAN), 0), (Some(-1.0), 0), (Some(0.75), 750), (Some(4.687), 4687), (Some(2.5), 2500)]
        {
            assert_eq!(thousandths(value), expected, "{value:?}");
        }
        assert_eq!((count(None), count(Some(-3)), count(Some(7))), (0, 0, 7));
    }

    #[test]
    fn cards_share_the_bandwidth_that_is_stated() {
        let card = |gbps| ec2::NetworkCardInfo::builder().baseline_bandwidth_in_gbps(gbps).build();
        let of = |cards: &[f64], stated: &str| {
            let cards = cards.iter().map(|gbps| card(*gbps)).collect();
            super::baseline_mbps(&ec2::NetworkInfo::builder().set_network_cards(Some(cards)).network_performance(stated).build())
        };
        assert_eq!(of(&[200.0, 200.0], "200 Gigabit"), 200_000);
        assert_eq!(of(&[0.75], "Up to 10 Gigabit"), 750);
        assert_eq!(of(&[12.5], "15 Gigabit"), 12_500);
        assert_eq!(of(&[100.0, 100.0], "High"), 200_000);
        assert_eq!(of(&[], "High"), 0);
    }

    #[test]
    fn an_empty_description_is_a_machine_of_nothing() {
        assert_eq!(Machine::read(&ec2::InstanceTypeInfo::builder().build()), None);
        let bare = ec2::InstanceTypeInfo::builder().instance_type("z9.mega".into()).build();
        assert_eq!(Machine::read(&bare), Some(Machine { name: "z9.mega".into(), ..Machine::default() }));
    }
}
