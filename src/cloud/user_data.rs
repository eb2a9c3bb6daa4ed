//! User data: how an instance finds its cluster and joins it, in the format of each image family. Pure.
//!
//! What the owner of the EC2NodeClass wrote is kept and completed; where both say something about joining, we have the last word, as in
//! Karpenter. `Custom` images get exactly what was written.

mod al2;
mod al2023;
mod bottlerocket;
mod mime;
mod registration;

use crate::api::ec2_node_class::{AmiFamily, KubeletConfiguration};
use core::net::IpAddr;
use windlass_solver::{Labels, Taint};

/// The most bytes that EC2 takes, before encoding. Source: EC2 user guide, user data is limited to 16 KB.
pub const BYTES_MAX: usize = 16 * 1024;

/// The API server that a node joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiServer {
    /// Name of the cluster.
    pub cluster: String,
    /// URL.
    pub url: String,
    /// Its certificate authority: a PEM file in base64.
    pub certificate_authority: String,
    /// Addresses of services as CIDR; AL2023 cannot join without.
    pub service_cidr: Option<String>,
}

/// What a node joins with.
#[derive(Debug, Clone, Copy)]
pub struct Bootstrap<'a> {
    /// Where to.
    pub api_server: &'a ApiServer,
    /// Settings of the kubelet.
    pub kubelet: &'a KubeletConfiguration,
    /// Most pods on the node.
    pub max_pods: Option<i64>,
    /// Labels of the node.
    pub labels: &'a Labels,
    /// Taints of the node.
    pub taints: &'a [Taint],
    /// Local disks become one array for pods' files.
    pub raid0: bool,
    /// What the owner of the class wrote.
    pub custom: Option<&'a str>,
}

/// Why there is no user data that would do what the EC2NodeClass says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserDataError {
    /// A family that cannot be launched.
    #[error("amiFamily {0} is not supported yet; use AL2023, AL2, Bottlerocket or Custom")]
    Family(&'static str),
    /// A setting of the kubelet that the family has no way to pass on.
    #[error("spec.kubelet.{setting} cannot be set on {family} nodes; remove it, or use AL2023")]
    Setting {
        /// The setting.
        setting: String,
        /// The family.
        family: &'static str,
    },
    /// What we set ourselves.
    #[error("spec.kubelet.registerWithTaints is taken from the NodePool's taints; write them there")]
    Taints,
    /// A label or taint that a command line cannot carry.
    #[error("{0:?} is no valid label or taint of a node")]
    Invalid(String),
    /// What was written is not in the family's format.
    #[error("spec.userData cannot be merged: {0}")]
    Format(String),
    /// The cluster's service addresses are needed and not known.
    #[error("the cluster's service addresses are not known, and AL2023 nodes cannot join without; set the service CIDR")]
    NoServiceCidr,
    /// More than EC2 takes.
    #[error(
        "user data would be {0} bytes long with what nodes need to join, and EC2 takes at most {BYTES_MAX}; shorten spec.userData"
    )]
    TooLong(usize),
}

/// The user data of a family's instances; `None` where a Custom class has none.
pub fn user_data(family: AmiFamily, bootstrap: &Bootstrap<'_>) -> Result<Option<String>, UserDataError> {
    let text = match family {
        AmiFamily::AL2 => Some(al2::user_data(bootstrap)?),
        AmiFamily::AL2023 => Some(al2023::user_data(bootstrap)?),
        AmiFamily::Bottlerocket => Some(bottlerocket::user_data(bootstrap)?),
        AmiFamily::Custom => bootstrap.custom.map(str::to_owned),
        AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025 => {
            return Err(UserDataError::Family(family.as_str()));
        }
    };
    match text {
        Some(text) if text.len() > BYTES_MAX => Err(UserDataError::TooLong(text.len())),
        text => Ok(text),
    }
}

impl Bootstrap<'_> {
    /// DNS servers of the cluster: those of the class, else the tenth service address, which is where EKS puts them.
    fn dns_servers(&self) -> Vec<String> {
        if !self.kubelet.cluster_dns.is_empty() {
            return self.kubelet.cluster_dns.clone();
        }
        self.api_server.service_cidr.as_deref().and_then(tenth_address).into_iter().collect()
    }
}

fn tenth_address(cidr: &str) -> Option<String> {
    let base = cidr.split('/').next()?.parse().ok()?;
    Some(match base {
        IpAddr::V4(base) => IpAddr::from((u32::from(base).checked_add(10)?).to_be_bytes()).to_string(),
        IpAddr::V6(base) => IpAddr::from((u128::from(base).checked_add(10)?).to_be_bytes()).to_string(),
    })
}

#[cfg(test)]
mod tests;
