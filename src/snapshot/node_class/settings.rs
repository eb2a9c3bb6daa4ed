//! The spec of an EC2NodeClass as the catalogue's settings.

use super::{PREFIX_DELEGATION, zones};
use crate::api::ec2_node_class::{InterfaceType, KubeletConfiguration, Switch};
use crate::api::{self, EC2NodeClassSpec};
use crate::catalog::{
    AmiFamily, BlockDevice, Catalog, InterfaceKind, NetworkInterface, NodeClassSettings, Threshold, own_volumes, pod_volume,
};
use crate::quantity;
use crate::snapshot::Settings;
use crate::snapshot::template::{self, Amounts, Report};
use windlass_solver::ResourceName;

/// Keys of the kubelet's configuration that change what a node offers and that Karpenter's arithmetic, and so ours, leaves out.
const NOT_MODELLED: &[&str] = &["enforceNodeAllocatable", "reservedMemory", "reservedSystemCPUs"];

/// Translates; what is wrong is in the report.
pub(super) fn resolve(
    object: &api::EC2NodeClass,
    catalog: &Catalog,
    controller: &Settings,
    report: &mut Report<'_>,
) -> NodeClassSettings {
    let spec = &object.spec;
    if spec.placement_group_selector.is_some() {
        let message = "is not supported: the group decides zone and instance types, and it cannot be looked up here";
        report.error("spec.placementGroupSelector", message);
    }
    let family = family(spec, report);
    let devices = devices(spec, report);
    let mut settings = NodeClassSettings {
        ami_family: family,
        ephemeral_storage: pod_volume(family, &devices),
        own_volumes: own_volumes(family, &devices),
        raid0: spec.instance_store_policy.is_some(),
        reserved_enis: controller.reserved_enis,
        vm_memory_overhead_ppm: controller.vm_memory_overhead_ppm,
        prefix_delegation: prefix_delegation(object, report),
        network_interfaces: network_interfaces(spec),
        connection_tracking: spec.connection_tracking.is_some(),
        nested_virtualization: spec.cpu_options.as_ref().and_then(|cpu| cpu.nested_virtualization) == Some(Switch::Enabled),
        zones: zones(object, catalog, report),
        ..NodeClassSettings::default()
    };
    if let Some(kubelet) = &spec.kubelet {
        add_kubelet(&mut settings, kubelet, report);
    }
    settings
}

fn family(spec: &EC2NodeClassSpec, report: &mut Report<'_>) -> AmiFamily {
    let known = spec.family().and_then(|family| AmiFamily::parse(family.as_str()));
    if known.is_none() {
        report.error("spec.amiFamily", "is missing, and no alias of amiSelectorTerms names a known family; set one of them");
    }
    known.unwrap_or_default()
}

/// The mappings with their sizes in bytes.
fn devices(spec: &EC2NodeClassSpec, report: &mut Report<'_>) -> Vec<BlockDevice> {
    let mut all = Vec::new();
    for (index, mapping) in spec.block_device_mappings.iter().enumerate() {
        let written = mapping.ebs.as_ref().and_then(|ebs| ebs.volume_size.as_ref());
        let size = written.map(|text| quantity::amount(ResourceName::EPHEMERAL_STORAGE, text.as_str())).transpose();
        if let Err(error) = &size {
            report.error(&format!("spec.blockDeviceMappings[{index}].ebs.volumeSize"), error);
        }
        all.push(BlockDevice {
            device_name: mapping.device_name.clone().unwrap_or_default(),
            root_volume: mapping.root_volume == Some(true),
            size: size.unwrap_or_default(),
        });
    }
    all
}

fn prefix_delegation(object: &api::EC2NodeClass, report: &mut Report<'_>) -> bool {
    let written = object.metadata.annotations.as_ref().and_then(|all| all.get(PREFIX_DELEGATION)).map(String::as_str);
    if let Some(other) = written.filter(|text| !["true", "false"].contains(text)) {
        report
            .error(&format!("metadata.annotations[{PREFIX_DELEGATION}]"), format!("{other:?} is neither \"true\" nor \"false\""));
    }
    written == Some("true")
}

fn network_interfaces(spec: &EC2NodeClassSpec) -> Option<Vec<NetworkInterface>> {
    let all = spec.network_interfaces.iter().map(|nic| NetworkInterface {
        card: nic.network_card_index,
        device: nic.device_index,
        kind: match nic.interface_type {
            InterfaceType::Interface => InterfaceKind::Interface,
            InterfaceType::EfaOnly => InterfaceKind::EfaOnly,
        },
        secondary_addresses: 0,
    });
    (!spec.network_interfaces.is_empty()).then(|| all.collect())
}

/// `evictionSoft` and its grace periods, image garbage collection, DNS and CFS quotas change nothing that is allocatable.
fn add_kubelet(settings: &mut NodeClassSettings, kubelet: &KubeletConfiguration, report: &mut Report<'_>) {
    settings.max_pods = kubelet.max_pods;
    settings.pods_per_core = kubelet.pods_per_core;
    settings.kube_reserved = reserved(&kubelet.kube_reserved, "spec.kubelet.kubeReserved", report).into_iter().collect();
    settings.system_reserved = reserved(&kubelet.system_reserved, "spec.kubelet.systemReserved", report).into_iter().collect();
    for (signal, text) in &kubelet.eviction_hard {
        match threshold(text.as_str()) {
            Ok(threshold) => {
                settings.eviction_hard.insert(signal.clone(), threshold);
            }
            Err(message) => report.error(&format!("spec.kubelet.evictionHard.{signal}"), message),
        }
    }
    for key in NOT_MODELLED.iter().filter(|key| kubelet.other.contains_key(**key)) {
        report.warning(&format!("spec.kubelet.{key}"), "is not modelled, so nodes may offer less than planned");
    }
}

/// Reserved amounts. Process ids are nothing that pods request.
fn reserved(list: &api::ResourceList, field: &str, report: &mut Report<'_>) -> Vec<(ResourceName, i64)> {
    let entries = list.iter().filter(|(name, _)| name.as_str() != "pid").map(|(name, text)| (name.as_str(), text.as_str()));
    let Amounts { read, refused } = template::amounts(entries);
    for (name, error) in refused {
        report.error(&format!("{field}.{name}"), error);
    }
    read
}

/// `500Mi`, or a percentage of the capacity with up to two decimals.
fn threshold(text: &str) -> Result<Threshold, String> {
    let Some(number) = text.strip_suffix('%') else {
        return quantity::amount(ResourceName::MEMORY, text).map(Threshold::Amount).map_err(|error| error.to_string());
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_plain = |digits: &str, longest: usize| digits.len() <= longest && digits.bytes().all(|byte| byte.is_ascii_digit());
    let hundredths = (!whole.is_empty() && is_plain(whole, 3) && is_plain(fraction, 2))
        .then(|| format!("{whole}{fraction:0<2}").parse::<u32>().ok())
        .flatten()
        .filter(|hundredths| *hundredths <= 10_000);
    hundredths.map(Threshold::Percent).ok_or_else(|| format!("{text:?} is not a percentage from 0% to 100%"))
}

#[cfg(test)]
mod tests {
    use super::threshold;
    use crate::catalog::Threshold;

    #[test]
    fn thresholds_are_amounts_or_percentages() {
        for (text, expected) in [
            ("500Mi", Threshold::Amount(500 << 20)),
            ("0", Threshold::Amount(0)),
            ("5%", Threshold::Percent(500)),
            ("7.5%", Threshold::Percent(750)),
            ("100%", Threshold::Percent(10_000)),
            ("0.25%", Threshold::Percent(25)),
        ] {
            assert_eq!(threshold(text), Ok(expected), "{text}");
        }
        for bad in ["", "%", "101%", "-5%", "1.234%", "5 %", "NaN%", "-1Gi", "many"] {
            assert!(threshold(bad).is_err(), "{bad}");
        }
    }
}
