//! How many EBS volumes of pods a new node can attach.
//!
//! Source: the EC2 user guide, "Amazon EBS volume limits for Amazon EC2 instances", and `MaximumEbsAttachments` and
//! `AttachmentLimitType` of DescribeInstanceTypes. A *dedicated* limit counts volumes alone. A *shared* one, 28 on most Nitro types,
//! counts network interfaces and local NVMe disks too; EC2 states it less the first interface and the local disks.

use super::hardware::Hardware;
use super::settings::NodeClassSettings;

/// Attachments of a Nitro type with a shared limit, less its first network interface.
const SHARED_ON_NITRO: i64 = 27;
/// Attachments of other types: Linux knows no more device names for sure.
const ELSEWHERE: i64 = 39;

/// EBS volumes for pods: the limit of the type, less the instance's own volumes, less the network interfaces that the VPC CNI may add
/// as pods come, where the limit is shared. The EBS CSI driver counts the interfaces that happen to be there when it starts and may so
/// allow more than fit in the end; all of them is the safe side.
pub fn volumes(hardware: &Hardware, settings: &NodeClassSettings) -> i64 {
    let nitro = hardware.is_nitro() || hardware.bare_metal;
    let shared = hardware.ebs.attachment_limit.as_deref() != Some("dedicated");
    let all = match i64::from(hardware.ebs.attachments) {
        0 if nitro => SHARED_ON_NITRO,
        0 => ELSEWHERE,
        stated => stated,
    };
    let added = (i64::from(hardware.network.default_card_interfaces()) - 1).max(0);
    (all - i64::from(settings.own_volumes) - if shared && nitro { added } else { 0 }).max(0)
}

#[cfg(test)]
mod tests {
    use super::volumes;
    use crate::catalog::hardware::{Ebs, Hardware};
    use crate::catalog::{AmiFamily, BlockDevice, NodeClassSettings, fixture, own_volumes};

    fn limited(attachments: u32, limit: &str) -> Hardware {
        let ebs = Ebs { attachments, attachment_limit: Some(limit.to_owned()), ..Ebs::default() };
        Hardware { ebs, ..fixture::m5_large() }
    }

    #[test]
    fn shared_limits_leave_room_for_network_interfaces() {
        let plain = NodeClassSettings::default();
        // 27, less the root volume, less two of three interfaces.
        assert_eq!(volumes(&limited(27, "shared"), &plain), 24);
        assert_eq!(volumes(&limited(32, "dedicated"), &plain), 31);
        assert_eq!(volumes(&limited(2, "shared"), &plain), 0);
        // EC2 does not tell: the documented numbers.
        assert_eq!(volumes(&fixture::m5_large(), &plain), 24);
        assert_eq!(volumes(&Hardware { hypervisor: Some("xen".into()), ..fixture::m5_large() }, &plain), 38);
    }

    #[test]
    fn volumes_of_the_instance_itself_take_attachments() {
        let device = |name: &str| BlockDevice { device_name: name.into(), root_volume: false, size: None };
        for (family, devices, own) in [
            (AmiFamily::Al2023, vec![], 1),
            (AmiFamily::Al2023, vec![device("/dev/xvda"), device("/dev/xvdc")], 2),
            (AmiFamily::Bottlerocket, vec![device("/dev/xvdb")], 2),
            (AmiFamily::Custom, vec![], 1),
            (AmiFamily::Custom, vec![device("/dev/sda1"), device("/dev/sdb")], 2),
        ] {
            let settings = NodeClassSettings { own_volumes: own_volumes(family, &devices), ..NodeClassSettings::default() };
            assert_eq!(settings.own_volumes, own, "{family:?} {devices:?}");
            assert_eq!(volumes(&limited(32, "dedicated"), &settings), 32 - i64::from(own));
        }
    }
}
