//! The AWS side of Windlass: the only crate that links the AWS SDK. What leaves it are plain types.
//!
//! ```text
//! EC2 API ──client──▶ describe (pages, deduplicates) ──machine──▶ Description
//! EC2, SSM, EKS, IAM ──client──▶ account (in turn, once) ──▶ fleet, template, instances, network, images, profile, cluster
//! ```

mod account;
mod action;
mod client;
mod cluster;
mod describe;
mod fault;
mod fleet;
mod images;
mod instances;
mod machine;
mod network;
mod pace;
mod profile;
mod template;

pub use account::{Access, Account};
pub use action::Action;
pub use cluster::ClusterRecord;
pub use describe::{DescribeError, Description, ZoneRecord, describe};
pub use fault::{CallError, Fault};
pub use fleet::{FleetAnswer, FleetError, FleetInstance, FleetOverride, FleetRequest, FleetTemplate};
pub use images::{ImageRecord, ImageSelector};
pub use instances::InstanceRecord;
pub use machine::{Card, Device, Machine, NeuronDevice};
pub use network::{SecurityGroupRecord, Selector, SubnetRecord};
pub use profile::ProfileRecord;
pub use template::{Interface, Metadata, Template, TemplateRecord, Volume, VolumeMapping};
