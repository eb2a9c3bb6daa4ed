//! What EKS says of a cluster.

use crate::account::Account;
use crate::{Action, CallError};

/// A cluster. What EKS does not say is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterRecord {
    /// URL of the API server.
    pub endpoint: Option<String>,
    /// Its certificate authority: a PEM file in base64.
    pub certificate_authority: Option<String>,
    /// Addresses of services, as CIDR.
    pub service_cidr: Option<String>,
    /// Kubernetes' version, such as `1.37`.
    pub version: Option<String>,
}

impl Account {
    /// Describes a cluster.
    pub async fn cluster(&self, name: &str) -> Result<ClusterRecord, CallError> {
        let answer = self.ask(Action::DescribeCluster, self.eks.describe_cluster().name(name).send()).await?;
        let Some(cluster) = answer.cluster() else { return Ok(ClusterRecord::default()) };
        let network = cluster.kubernetes_network_config();
        let cidr = network.and_then(|network| network.service_ipv6_cidr().or(network.service_ipv4_cidr()));
        let own = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(ClusterRecord {
            endpoint: own(cluster.endpoint()),
            certificate_authority: own(cluster.certificate_authority().and_then(|authority| authority.data())),
            service_cidr: own(cidr),
            version: own(cluster.version()),
        })
    }
}
