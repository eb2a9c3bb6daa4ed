//! Labels of an instance type: what its name says, and what EC2 says about the machine.
//!
//! Source: Karpenter AWS provider v1.14, `computeRequirements`. One difference: `instance-network-bandwidth` is what the EC2 API reports;
//! Karpenter reads a table made from AWS's pages, which has no figure for some types of before 2017, and another for about 30 types
//! (most by less than 1 %).

use super::Listed;
use super::hardware::{Device, Hardware};
use super::settings::AmiFamily;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::Labels;

/// `topology.k8s.aws/zone-id`, a label of offerings.
pub const ZONE_ID: &str = "topology.k8s.aws/zone-id";

const OS: &str = "kubernetes.io/os";
const WINDOWS_BUILD: &str = "node.kubernetes.io/windows-build";

/// Labels of each type on Linux, in order. Equal texts share one allocation.
pub(super) fn of_all(region: &str, types: &[Listed]) -> Vec<Labels> {
    let mut interned = Interned::default();
    types.iter().map(|listed| of_one(region, listed, &mut interned)).collect()
}

/// The labels of [`of_all`] under the operating system of an image.
pub(super) fn under(family: AmiFamily, linux: &Labels) -> Labels {
    let mut labels = linux.clone();
    if let Some(build) = family.windows_build() {
        labels.extend([(WINDOWS_BUILD.into(), build.into()), (OS.into(), "windows".into())]);
    }
    labels
}

/// Texts that are the same for many types.
#[derive(Default)]
struct Interned(BTreeMap<String, Arc<str>>);

impl Interned {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let made: Arc<str> = text.into();
        self.0.insert(text.to_owned(), made.clone());
        made
    }
}

fn of_one(region: &str, listed: &Listed, interned: &mut Interned) -> Labels {
    let hardware = &listed.hardware;
    let mut pairs: Vec<(&'static str, String)> = vec![
        ("node.kubernetes.io/instance-type", listed.name.as_str().to_owned()),
        ("topology.kubernetes.io/region", region.to_owned()),
        (OS, "linux".to_owned()),
    ];
    pairs.extend(hardware.kubernetes_arch().map(|arch| ("kubernetes.io/arch", arch.to_owned())));
    name_labels(listed.name.as_str(), &mut pairs);
    machine_labels(hardware, &mut pairs);
    device_labels(hardware, &mut pairs);
    pairs.into_iter().map(|(key, value)| (interned.get(key), interned.get(&value))).collect()
}

/// Family, size, category and generation: `m7i-flex.large` is category m, generation 7, family m7i-flex, size large. A name that is not
/// made this way has none of them.
fn name_labels(name: &str, pairs: &mut Vec<(&'static str, String)>) {
    if let Some((category, generation)) = category_and_generation(name) {
        pairs.push(("karpenter.k8s.aws/instance-category", category.to_owned()));
        pairs.push(("karpenter.k8s.aws/instance-generation", generation.to_owned()));
    }
    let mut parts = name.split('.');
    let family = parts.next().unwrap_or_default();
    if let (Some(size), None) = (parts.next(), parts.next()) {
        pairs.push(("karpenter.k8s.aws/instance-family", family.to_owned()));
        pairs.push(("karpenter.k8s.aws/instance-size", size.to_owned()));
    }
    pairs.push(("karpenter.k8s.aws/instance-capability-flex", family.contains("-flex").to_string()));
}

/// Letters, then an optional `-<n>tb` (high memory: `u-6tb1`), then the generation's digits, somewhere before a dot.
pub fn category_and_generation(name: &str) -> Option<(&str, &str)> {
    let (family, _) = name.rsplit_once('.')?;
    let letters = family.len() - family.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
    let (category, rest) = family.split_at(letters);
    let generation = leading_digits(after_terabytes(rest).unwrap_or(rest));
    (!category.is_empty() && !generation.is_empty()).then_some((category, generation))
}

/// What follows `-<n>tb`.
fn after_terabytes(rest: &str) -> Option<&str> {
    let number = rest.strip_prefix('-')?;
    let digits = leading_digits(number);
    (!digits.is_empty()).then(|| number.strip_prefix(digits)?.strip_prefix("tb")).flatten()
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

fn machine_labels(hardware: &Hardware, pairs: &mut Vec<(&'static str, String)>) {
    pairs.push(("karpenter.k8s.aws/instance-cpu", hardware.vcpus.to_string()));
    pairs.push(("karpenter.k8s.aws/instance-memory", hardware.memory_mib.to_string()));
    // Empty on bare metal, as in Karpenter.
    pairs.push(("karpenter.k8s.aws/instance-hypervisor", hardware.hypervisor.clone().unwrap_or_default()));
    let encrypted = hardware.network.encryption_in_transit;
    pairs.push(("karpenter.k8s.aws/instance-encryption-in-transit-supported", encrypted.to_string()));
    pairs.push(("karpenter.k8s.aws/nitro-sandbox", hardware.nitro_enclaves.to_string()));
    // A node class can ask for dedicated hardware too, but nothing is launched so unless it does.
    pairs.push(("karpenter.k8s.aws/instance-tenancy", "default".to_owned()));
    if let Some(maker) = &hardware.cpu_manufacturer {
        pairs.push(("karpenter.k8s.aws/instance-cpu-manufacturer", lower_kebab(maker)));
    }
    // Karpenter labels a machine of unknown clock speed with 0.
    pairs.push(("karpenter.k8s.aws/instance-cpu-sustained-clock-speed-mhz", hardware.clock_mhz.to_string()));
    if let Some(disks) = hardware.local_storage.as_ref().filter(|disks| disks.nvme) {
        pairs.push(("karpenter.k8s.aws/instance-local-nvme", disks.total_gb.to_string()));
    }
    if hardware.ebs.optimized_by_default {
        pairs.push(("karpenter.k8s.aws/instance-ebs-bandwidth", hardware.ebs.maximum_mbps.to_string()));
    }
    match hardware.network.baseline_mbps {
        0 => {}
        mbps => pairs.push(("karpenter.k8s.aws/instance-network-bandwidth", mbps.to_string())),
    }
}

/// GPU and accelerator labels, only where the type has exactly one model of them.
fn device_labels(hardware: &Hardware, pairs: &mut Vec<(&'static str, String)>) {
    if let [gpu] = hardware.gpus.as_slice() {
        pairs.push(("karpenter.k8s.aws/instance-gpu-name", lower_kebab(&gpu.name)));
        pairs.push(("karpenter.k8s.aws/instance-gpu-manufacturer", lower_kebab(&gpu.manufacturer)));
        pairs.push(("karpenter.k8s.aws/instance-gpu-count", gpu.count.to_string()));
        pairs.push(("karpenter.k8s.aws/instance-gpu-memory", gpu.memory_mib.to_string()));
    }
    let accelerator = match (hardware.neuron.as_slice(), hardware.accelerators.as_slice()) {
        ([neuron], _) => Some((&neuron.name, "AWS", neuron.count)),
        ([], [Device { name, manufacturer, count, .. }]) => Some((name, manufacturer.as_str(), *count)),
        _ => None,
    };
    if let Some((name, manufacturer, count)) = accelerator {
        pairs.push(("karpenter.k8s.aws/instance-accelerator-name", lower_kebab(name)));
        pairs.push(("karpenter.k8s.aws/instance-accelerator-manufacturer", lower_kebab(manufacturer)));
        pairs.push(("karpenter.k8s.aws/instance-accelerator-count", count.to_string()));
    }
}

fn lower_kebab(text: &str) -> String {
    text.replace(' ', "-").to_lowercase()
}

#[cfg(test)]
mod tests;
