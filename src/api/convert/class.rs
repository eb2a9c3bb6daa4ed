//! What becomes the EC2NodeClass.

use super::selector::{self, Term};
use super::{ROLE_PLACEHOLDER, Report, volume};
use crate::api::aws_node_template::{AWSNodeTemplate, LegacyMetadataOptions, Provider};
use crate::api::ec2_node_class::{
    AmiSelectorTerm, KubeletConfiguration, MetadataOptions, SecurityGroupSelectorTerm, SubnetSelectorTerm, Switch, Tokens,
};
use crate::api::provisioner::LegacyKubelet;
use crate::api::{AmiFamily, EC2NodeClassSpec};
use std::collections::BTreeMap;

/// Hop limit of v1alpha5, which lets containers without host network reach the metadata service.
const HOP_LIMIT: i64 = 2;

/// The settings of the cloud, wherever they stand.
pub(super) struct Settings<'a> {
    provider: &'a Provider,
    user_data: Option<&'a String>,
    ami_selector: Option<&'a BTreeMap<String, String>>,
    detailed_monitoring: Option<bool>,
    /// The object that they stand in, `Provisioner/<name>` or `AWSNodeTemplate/<name>`, and where in it.
    pub(super) object: String,
    path: &'static str,
}

impl<'a> Settings<'a> {
    pub(super) fn inline(owner: &str, provider: &'a Provider) -> Self {
        let object = format!("Provisioner/{owner}");
        Self { provider, user_data: None, ami_selector: None, detailed_monitoring: None, object, path: "spec.provider" }
    }

    pub(super) fn of(name: &str, template: &'a AWSNodeTemplate) -> Self {
        let spec = &template.spec;
        Self {
            provider: &spec.provider,
            user_data: spec.user_data.as_ref(),
            ami_selector: spec.ami_selector.as_ref(),
            detailed_monitoring: spec.detailed_monitoring,
            object: format!("AWSNodeTemplate/{name}"),
            path: "spec",
        }
    }

    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

/// The class without kubelet settings; meaningless if the report says that it is refused.
pub(super) fn convert(settings: &Settings<'_>, report: &mut Report<'_>) -> EC2NodeClassSpec {
    let provider = settings.provider;
    if provider.launch_template.is_some() {
        report.refuse(
            &settings.field("launchTemplate"),
            "launch templates of your own are no longer supported, and what this one holds is not known here",
            "write its image, user data, security groups, volumes and instance profile into an AWSNodeTemplate",
        );
        return EC2NodeClassSpec::default();
    }
    let (ami_family, ami_selector_terms) = images(settings, report);
    let (role, instance_profile) = identity(settings, report);
    let select = |selector: Option<&BTreeMap<String, String>>, name: &str, report: &mut Report<'_>| {
        selector.map(|selector| selector::terms(selector, &settings.field(name), false, report)).unwrap_or_default()
    };
    let subnets = select(provider.subnet_selector.as_ref(), "subnetSelector", report);
    let groups = select(provider.security_group_selector.as_ref(), "securityGroupSelector", report);
    EC2NodeClassSpec {
        subnet_selector_terms: subnets.into_iter().map(|term| SubnetSelectorTerm { tags: term.tags, id: term.id }).collect(),
        security_group_selector_terms: groups
            .into_iter()
            .map(|term| SecurityGroupSelectorTerm { tags: term.tags, id: term.id, name: None })
            .collect(),
        ami_selector_terms,
        ami_family,
        user_data: settings.user_data.cloned(),
        role,
        instance_profile,
        tags: provider.tags.clone(),
        block_device_mappings: volume::mappings(&provider.block_device_mappings, &settings.field("blockDeviceMappings"), report),
        detailed_monitoring: settings.detailed_monitoring,
        metadata_options: metadata_options(settings, report),
        context: provider.context.clone(),
        ..EC2NodeClassSpec::default()
    }
}

/// Role or instance profile.
fn identity(settings: &Settings<'_>, report: &mut Report<'_>) -> (Option<String>, Option<String>) {
    if let Some(profile) = settings.provider.instance_profile.as_ref().filter(|profile| !profile.is_empty()) {
        return (None, Some(profile.clone()));
    }
    let message = format!(
        "the IAM role of the nodes cannot be derived, because the instance profile stood in Karpenter's global settings: {ROLE_PLACEHOLDER} \
         stands for it"
    );
    report.warn(&settings.field("instanceProfile"), message, "write the name of the node role to spec.role of the EC2NodeClass");
    (Some(ROLE_PLACEHOLDER.to_owned()), None)
}

/// Family and terms: an alias where EKS publishes the images, a family and selectors where they are chosen.
fn images(settings: &Settings<'_>, report: &mut Report<'_>) -> (Option<AmiFamily>, Vec<AmiSelectorTerm>) {
    let family = settings.provider.ami_family.as_deref();
    let field = settings.field("amiFamily");
    let selector = settings.ami_selector.filter(|selector| !selector.is_empty());
    let Some(selector) = selector else {
        let alias = match family {
            None | Some("AL2") => {
                al2_replaced(settings, report);
                "al2023@latest"
            }
            Some("Bottlerocket") => "bottlerocket@latest",
            Some("Windows2019") => "windows2019@latest",
            Some("Windows2022") => "windows2022@latest",
            Some(other) => {
                let hint = "add an amiSelector, or use AL2, Bottlerocket or Windows";
                report.refuse(&field, format!("images of family {other} cannot be found without amiSelector"), hint);
                return (None, Vec::new());
            }
        };
        return (None, vec![AmiSelectorTerm { alias: Some(alias.to_owned()), ..AmiSelectorTerm::default() }]);
    };
    let family = match family {
        None | Some("AL2") => AmiFamily::AL2,
        Some("Bottlerocket") => AmiFamily::Bottlerocket,
        Some("Windows2019") => AmiFamily::Windows2019,
        Some("Windows2022") => AmiFamily::Windows2022,
        Some("Ubuntu") => {
            let message = "there is no Ubuntu family any more: written as AL2, whose user data starts the node in the same way";
            report.warn(&field, message, "check that the image has /etc/eks/bootstrap.sh");
            AmiFamily::AL2
        }
        Some("Custom") => AmiFamily::Custom,
        Some(other) => {
            report.refuse(
                &field,
                format!("unknown family {other:?}"),
                "use AL2, Bottlerocket, Windows2019, Windows2022, Ubuntu or Custom",
            );
            return (None, Vec::new());
        }
    };
    let terms = selector::terms(selector, &settings.field("amiSelector"), true, report);
    report.warn(
        &settings.field("amiSelector"),
        "the newest image that any term selects is used for each architecture; v1alpha1 read several tags as one filter",
        "check that the terms select the images that are meant",
    );
    let term = |term: Term| AmiSelectorTerm {
        tags: term.tags,
        id: term.id,
        name: term.name,
        owner: term.owner,
        ..AmiSelectorTerm::default()
    };
    (Some(family), terms.into_iter().map(term).collect())
}

fn al2_replaced(settings: &Settings<'_>, report: &mut Report<'_>) {
    let message =
        "Amazon Linux 2, the default family of v1alpha1, has no images for Kubernetes 1.33 and later: al2023@latest is used";
    report.warn(&settings.field("amiFamily"), message, "write alias al2@latest to stay on AL2, or pin a version of al2023");
    if settings.user_data.is_some() {
        let message = "user data was written for AL2's bootstrap.sh; AL2023 is set up by nodeadm, which reads a NodeConfig";
        report.warn(
            &settings.field("userData"),
            message,
            "keep shell parts, and move kubelet flags to spec.kubelet or a NodeConfig part",
        );
    }
}

fn metadata_options(settings: &Settings<'_>, report: &mut Report<'_>) -> MetadataOptions {
    let field = settings.field("metadataOptions");
    let Some(old) = &settings.provider.metadata_options else {
        let message = format!("httpPutResponseHopLimit: {HOP_LIMIT} is written out, because the default is 1 now");
        report.warn(&field, message, "lower it to 1 if no pod without host network needs the metadata service");
        return MetadataOptions { http_put_response_hop_limit: HOP_LIMIT, ..MetadataOptions::default() };
    };
    let defaults = MetadataOptions::default();
    let switch = |text: &Option<String>, default| match text.as_deref() {
        Some("enabled") => Switch::Enabled,
        Some("disabled") => Switch::Disabled,
        _ => default,
    };
    if let LegacyMetadataOptions { http_put_response_hop_limit: None, .. } | LegacyMetadataOptions { http_tokens: None, .. } = old
    {
        let message = "fields left out were EC2's to decide; they are httpPutResponseHopLimit: 1 and httpTokens: required now";
        report.warn(&field, message, "write out what is meant");
    }
    MetadataOptions {
        http_endpoint: switch(&old.http_endpoint, defaults.http_endpoint),
        http_protocol_ipv6: switch(&old.http_protocol_ipv6, defaults.http_protocol_ipv6),
        http_put_response_hop_limit: old.http_put_response_hop_limit.unwrap_or(defaults.http_put_response_hop_limit),
        http_tokens: if old.http_tokens.as_deref() == Some("optional") { Tokens::Optional } else { defaults.http_tokens },
    }
}

/// The kubelet's settings, which are part of the class now.
pub(super) fn kubelet(old: &LegacyKubelet, report: &mut Report<'_>) -> KubeletConfiguration {
    if let Some(runtime) = &old.container_runtime {
        let message = format!("{runtime:?} was dropped: containerd is the only container runtime now");
        let hint = if runtime == "containerd" { "" } else { "check that no pod needs the Docker socket" };
        report.warn("spec.kubeletConfiguration.containerRuntime", message, hint);
    }
    KubeletConfiguration {
        cluster_dns: old.cluster_dns.clone(),
        max_pods: old.max_pods,
        pods_per_core: old.pods_per_core,
        system_reserved: old.system_reserved.clone(),
        kube_reserved: old.kube_reserved.clone(),
        eviction_hard: old.eviction_hard.clone(),
        eviction_soft: old.eviction_soft.clone(),
        eviction_soft_grace_period: old.eviction_soft_grace_period.clone(),
        eviction_max_pod_grace_period: old.eviction_max_pod_grace_period,
        image_gc_high_threshold_percent: old.image_gc_high_threshold_percent,
        image_gc_low_threshold_percent: old.image_gc_low_threshold_percent,
        cpu_cfs_quota: old.cpu_cfs_quota,
        other: BTreeMap::new(),
    }
}
