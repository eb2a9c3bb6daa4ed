//! Where nodes are to join: settings first, EKS for the rest.

use super::{Aws, fault, image, launch, locked, subnet, template, terminate};
use crate::cloud::CloudError;
use crate::cloud::user_data::ApiServer;
use crate::time::Time;
use jiff::Timestamp;
use std::sync::Mutex;
use std::time::Duration;
use windlass_ec2::{Access, Account, ClusterRecord};

/// What a controller is told about its cloud. What is not given is asked for: the region of the environment, the rest of EKS.
#[derive(Clone, Default)]
pub struct Settings {
    /// Name of the cluster.
    pub cluster: String,
    /// Region, endpoint and credentials.
    pub access: Access,
    /// URL of the API server, as nodes reach it.
    pub cluster_endpoint: Option<String>,
    /// Its certificate authority: a PEM file in base64.
    pub certificate_authority: Option<String>,
    /// Addresses of services as CIDR.
    pub service_cidr: Option<String>,
    /// Kubernetes' version, such as `1.37`: it decides which images an alias stands for.
    pub kubernetes_version: Option<String>,
}

pub(super) async fn connect(settings: &Settings) -> Result<Aws, CloudError> {
    if settings.cluster.is_empty() {
        return Err(CloudError::Refused("the cluster has no name; instances could not be told from those of others".to_owned()));
    }
    let account = Account::open(&settings.access).await;
    let Some(region) = account.region().map(str::to_owned) else {
        return Err(CloudError::Refused("no region is configured; set one, or AWS_REGION".to_owned()));
    };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut known = ClusterRecord {
        endpoint: given(&settings.cluster_endpoint),
        certificate_authority: given(&settings.certificate_authority),
        service_cidr: given(&settings.service_cidr),
        version: given(&settings.kubernetes_version).map(|version| minor(&version)),
    };
    let is_complete = [&known.endpoint, &known.certificate_authority, &known.service_cidr, &known.version];
    if is_complete.iter().any(|part| part.is_none()) {
        let described = account.cluster(&settings.cluster).await.map_err(|error| fault::read(&error))?;
        known.endpoint = known.endpoint.or(described.endpoint);
        known.certificate_authority = known.certificate_authority.or(described.certificate_authority);
        known.service_cidr = known.service_cidr.or(described.service_cidr);
        known.version = known.version.or(described.version);
    }
    let missing =
        |what: &str| CloudError::Refused(format!("EKS does not say the {what} of cluster {}; set it", settings.cluster));
    let api_server = ApiServer {
        cluster: settings.cluster.clone(),
        url: known.endpoint.ok_or_else(|| missing("endpoint"))?,
        certificate_authority: known.certificate_authority.ok_or_else(|| missing("certificate authority"))?,
        service_cidr: known.service_cidr,
    };
    Ok(Aws {
        account,
        cluster: settings.cluster.clone(),
        region,
        api_server,
        version: Mutex::new(Version {
            text: known.version.ok_or_else(|| missing("Kubernetes version"))?,
            asked: settings.kubernetes_version.is_none().then(|| Timestamp::now().into()),
        }),
        parameters: Mutex::new(image::Parameters::default()),
        subnets: Mutex::new(subnet::Addresses::default()),
        templates: Mutex::new(template::Known::default()),
        outstanding: Mutex::new(launch::Outstanding::default()),
        leaving: terminate::Leaving::default(),
    })
}

/// Kubernetes' version, such as `1.37`. A cluster that is upgraded gets images of the new version without a restart here.
#[derive(Debug)]
pub(super) struct Version {
    text: String,
    /// When EKS said so; `None` if the settings do.
    asked: Option<Time>,
}

/// How long EKS is believed about the version (Karpenter: 5 min).
const VERSION_FRESH: Duration = Duration::from_mins(5);

/// The version. If EKS does not answer, what it said last.
pub(super) async fn version(aws: &Aws, now: Time) -> String {
    let is_due = locked(&aws.version).asked.is_some_and(|asked| now.since(asked) >= VERSION_FRESH);
    if is_due && let Ok(ClusterRecord { version: Some(text), .. }) = aws.account.cluster(&aws.cluster).await {
        *locked(&aws.version) = Version { text, asked: Some(now) };
    }
    locked(&aws.version).text.clone()
}

/// `1.37` of `v1.37.2-eks-abc`.
fn minor(version: &str) -> String {
    version.trim_start_matches('v').split('.').take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn a_version_is_major_and_minor() {
        for text in ["1.37", "v1.37.2-eks-abc", "1.37.0"] {
            assert_eq!(minor(text), "1.37");
        }
    }
}
