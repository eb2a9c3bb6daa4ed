//! What the EC2 API says, as input of a build: the thin seam between our types and those of `windlass-ec2`.

use super::build::Description;
use super::error::CatalogError;
use super::file::ZoneEntry;
use super::hardware::{Device, Ebs, Hardware, LocalStorage, Network, NetworkCard, NeuronDevice};

/// Asks EC2, or the endpoint given. Blocks.
pub fn describe(region: &str, endpoint: Option<&str>) -> Result<Description, CatalogError> {
    let refused = |source: Box<dyn std::error::Error + Send + Sync>| CatalogError::Endpoint {
        endpoint: endpoint.unwrap_or("EC2").to_owned(),
        region: region.to_owned(),
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| refused(error.into()))?;
    let said = runtime.block_on(windlass_ec2::describe(region, endpoint)).map_err(|error| refused(error.into()))?;
    Ok(Description {
        region: region.to_owned(),
        zones: said.zones.into_iter().map(|zone| ZoneEntry { name: zone.name, id: zone.id }).collect(),
        types: said.machines.into_iter().map(|machine| (machine.name.clone(), hardware(machine))).collect(),
        offerings: said.offerings.into_iter().collect(),
    })
}

fn hardware(said: windlass_ec2::Machine) -> Hardware {
    let card = |card: windlass_ec2::Card| NetworkCard { index: card.index, interfaces: card.interfaces };
    let neuron = |device: windlass_ec2::NeuronDevice| NeuronDevice {
        name: device.name,
        count: device.count,
        cores: device.cores,
        memory_mib: device.memory_mib,
    };
    Hardware {
        architectures: said.architectures,
        vcpus: said.vcpus,
        cores: said.cores,
        memory_mib: said.memory_mib,
        hypervisor: said.hypervisor,
        bare_metal: said.bare_metal,
        burstable: said.burstable,
        current_generation: said.current_generation,
        nitro_enclaves: said.nitro_enclaves,
        nested_virtualization: said.nested_virtualization,
        cpu_manufacturer: said.cpu_manufacturer,
        clock_mhz: said.clock_mhz,
        usage_classes: said.usage_classes,
        placement_strategies: said.placement_strategies,
        network: Network {
            cards: said.cards.into_iter().map(card).collect(),
            default_card: said.default_card,
            baseline_mbps: said.baseline_mbps,
            ipv4_per_interface: said.ipv4_per_interface,
            ipv6_per_interface: said.ipv6_per_interface,
            ena: said.ena,
            encryption_in_transit: said.encryption_in_transit,
            efa_interfaces: said.efa_interfaces,
            branch_interfaces: 0,
        },
        ebs: Ebs {
            optimized_by_default: said.ebs_optimized_by_default,
            maximum_mbps: said.ebs_maximum_mbps,
            attachments: said.ebs_attachments,
            attachment_limit: said.ebs_attachment_limit,
        },
        local_storage: said.local_storage.map(|(total_gb, nvme)| LocalStorage { total_gb, nvme }),
        gpus: said.gpus.into_iter().map(device).collect(),
        accelerators: said.accelerators.into_iter().map(device).collect(),
        neuron: said.neuron.into_iter().map(neuron).collect(),
    }
}

fn device(said: windlass_ec2::Device) -> Device {
    Device { name: said.name, manufacturer: said.manufacturer, count: said.count, memory_mib: said.memory_mib }
}
