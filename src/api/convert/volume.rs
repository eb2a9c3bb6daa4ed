//! Volumes: sizes in the units that the EC2NodeClass knows.

use super::Report;
use crate::api::QuantityText;
use crate::api::aws_node_template::{LegacyBlockDevice, LegacyBlockDeviceMapping};
use crate::api::ec2_node_class::{BlockDevice, BlockDeviceMapping, VolumeType};
use crate::quantity::Quantity;

const GIB: i64 = 1 << 30;

/// The volumes of a class.
pub(super) fn mappings(old: &[LegacyBlockDeviceMapping], field: &str, report: &mut Report<'_>) -> Vec<BlockDeviceMapping> {
    old.iter()
        .enumerate()
        .map(|(index, mapping)| BlockDeviceMapping {
            device_name: Some(mapping.device_name.clone()),
            ebs: Some(device(&mapping.ebs, &format!("{field}[{index}].ebs"), report)),
            root_volume: None,
        })
        .collect()
}

fn device(old: &LegacyBlockDevice, field: &str, report: &mut Report<'_>) -> BlockDevice {
    BlockDevice {
        volume_size: old.volume_size.as_ref().and_then(|written| size(written, &format!("{field}.volumeSize"), report)),
        volume_type: old.volume_type.as_deref().and_then(|name| volume_type(name, &format!("{field}.volumeType"), report)),
        iops: old.iops,
        throughput: old.throughput,
        encrypted: old.encrypted,
        kms_key_id: old.kms_key_id.clone(),
        delete_on_termination: old.delete_on_termination,
        snapshot_id: old.snapshot_id.clone(),
        volume_initialization_rate: None,
    }
}

fn volume_type(name: &str, field: &str, report: &mut Report<'_>) -> Option<VolumeType> {
    let known = serde_json::from_value(name.into()).ok();
    if known.is_none() {
        report.refuse(field, format!("unknown volume type {name:?}"), "use gp3, gp2, io1, io2, st1, sc1 or standard");
    }
    known
}

/// As written where the EC2NodeClass knows the unit, else rounded up to whole Gi.
fn size(written: &QuantityText, field: &str, report: &mut Report<'_>) -> Option<QuantityText> {
    let text = written.as_str();
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_whole = !number.is_empty() && !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole && ["Gi", "G", "Ti", "T"].contains(&&text[number.len()..]) {
        return Some(written.clone());
    }
    match Quantity::parse(text).and_then(Quantity::units_ceil) {
        Ok(bytes) => {
            let rounded = format!("{}Gi", bytes.saturating_add(GIB - 1) / GIB);
            report.warn(field, format!("{text} is written as {rounded}: only whole Gi, G, Ti and T are known now"), "");
            Some(QuantityText::from(rounded.as_str()))
        }
        Err(why) => {
            report.refuse(field, why.to_string(), "write a size such as 100Gi");
            None
        }
    }
}
