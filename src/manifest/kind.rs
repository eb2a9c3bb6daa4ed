//! The kinds that decide something, and their versions.

use super::admission;
use super::field::{Finding, join};
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;

/// Kinds that are read beside workloads: API version, kind, whether its objects live in a namespace.
const KINDS: [(&str, &str, bool); 19] = [
    ("v1", "Pod", true),
    ("v1", "Namespace", false),
    ("v1", "Node", false),
    ("v1", super::service::KIND, true),
    ("v1", "LimitRange", true),
    ("v1", "PersistentVolumeClaim", true),
    ("v1", "PersistentVolume", false),
    ("storage.k8s.io/v1", "StorageClass", false),
    ("storage.k8s.io/v1", "CSINode", false),
    ("policy/v1", "PodDisruptionBudget", true),
    ("autoscaling.x-k8s.io/v1beta1", super::buffer::KIND, true),
    ("scheduling.k8s.io/v1", "PriorityClass", false),
    ("node.k8s.io/v1", "RuntimeClass", false),
    ("karpenter.sh/v1", "NodePool", false),
    ("karpenter.sh/v1", "NodeClaim", false),
    ("karpenter.sh/v1alpha1", "NodeOverlay", false),
    ("karpenter.k8s.aws/v1", "EC2NodeClass", false),
    ("karpenter.sh/v1alpha5", "Provisioner", false),
    ("karpenter.k8s.aws/v1alpha1", "AWSNodeTemplate", false),
];

/// Groups in which a known kind is an older version of it, and not somebody else's kind of the same name.
const GROUPS: [&str; 10] = [
    "",
    "apps",
    "autoscaling.x-k8s.io",
    "extensions",
    "batch",
    "policy",
    "storage.k8s.io",
    "scheduling.k8s.io",
    "node.k8s.io",
    "karpenter.sh",
];

/// What an API version and kind mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A kind that is read.
    Known(&'static str),
    /// A kind that is read in another version only.
    OtherVersion(&'static str),
    /// A kind that decides nothing here.
    Unknown,
}

pub(super) fn find(api_version: &str, kind: &str) -> Found {
    let known = KINDS.iter().map(|(version, kind, _)| (*version, *kind)).chain(super::workload::KINDS);
    let mut other = None;
    for (version, name) in known.filter(|(_, name)| *name == kind) {
        if version == api_version {
            return Found::Known(name);
        }
        other = Some(version);
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    match other {
        Some(version) if GROUPS.contains(&group) || group == "karpenter.k8s.aws" => Found::OtherVersion(version),
        _ => Found::Unknown,
    }
}

pub(super) fn is_namespaced(kind: &str) -> bool {
    KINDS.iter().find(|(_, name, _)| *name == kind).is_none_or(|(_, _, namespaced)| *namespaced)
}

/// Karpenter's kinds, which `api` validates.
pub(super) fn is_ours(kind: &str) -> bool {
    matches!(kind, "NodePool" | "NodeClaim" | "NodeOverlay" | "EC2NodeClass" | "Provisioner" | "AWSNodeTemplate")
}

/// A kind of Kubernetes that is kept as it is.
pub(super) trait Checked: DeserializeOwned {
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// Checks the fields that decide.
    fn check(&self, _found: &mut Vec<Finding>) {}
}

macro_rules! unchecked {
    ($($kind:ty),*) => {
        $(impl Checked for $kind {
            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        })*
    };
}

// Nodes come from a cluster, where amounts that make no sense do occur: their translation judges them.
unchecked!(Namespace, Node, PersistentVolumeClaim, PersistentVolume, StorageClass, CSINode);

impl Checked for PriorityClass {
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn check(&self, found: &mut Vec<Finding>) {
        // The API server reserves what is above for its own classes (scheduling.k8s.io, HighestUserDefinablePriority).
        const HIGHEST: i32 = 1_000_000_000;
        let system = self.metadata.name.as_deref().is_some_and(|name| name.starts_with("system-"));
        match self.value {
            None => found.push(Finding::error("value", "is missing")),
            Some(value) if value > HIGHEST && !system => {
                found.push(Finding::error("value", format!("{value} is above {HIGHEST}, the highest for a class of one's own")));
            }
            Some(_) => {}
        }
    }
}

impl Checked for RuntimeClass {
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn check(&self, found: &mut Vec<Finding>) {
        if let Some(overhead) = self.overhead.as_ref().and_then(|overhead| overhead.pod_fixed.as_ref()) {
            admission::resource_list(overhead, "overhead.podFixed", found);
        }
        if let Some(scheduling) = &self.scheduling {
            admission::labels(scheduling.node_selector.as_ref(), "scheduling.nodeSelector", found);
            admission::tolerations(scheduling.tolerations.as_deref(), "scheduling.tolerations", found);
        }
    }
}

impl Checked for PodDisruptionBudget {
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn check(&self, found: &mut Vec<Finding>) {
        match self.spec.as_ref().and_then(|spec| spec.selector.as_ref()) {
            Some(selector) => admission::label_selector(selector, "spec.selector", found),
            None => found.push(
                Finding::warning("spec.selector", "is missing, so that no pod is protected")
                    .hint("{} selects all of the namespace"),
            ),
        }
    }
}

impl Checked for LimitRange {
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn check(&self, found: &mut Vec<Finding>) {
        for (index, item) in self.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
            let at = format!("spec.limits[{index}]");
            if !matches!(item.type_.as_str(), "Container" | "Pod" | "PersistentVolumeClaim") {
                let message = format!("{:?} is none of Container, Pod, PersistentVolumeClaim", item.type_);
                found.push(Finding::error(join(&at, "type"), message));
            }
            for (name, amounts) in [
                ("default", &item.default),
                ("defaultRequest", &item.default_request),
                ("max", &item.max),
                ("min", &item.min),
                ("maxLimitRequestRatio", &item.max_limit_request_ratio),
            ] {
                if let Some(amounts) = amounts {
                    admission::resource_list(amounts, &join(&at, name), found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, find, is_namespaced};

    #[test]
    fn tells_old_versions_from_other_peoples_kinds() {
        for (api_version, kind, expected) in [
            ("v1", "Pod", Found::Known("Pod")),
            ("apps/v1", "Deployment", Found::Known("Deployment")),
            ("extensions/v1beta1", "Deployment", Found::OtherVersion("apps/v1")),
            ("apps/v1beta2", "StatefulSet", Found::OtherVersion("apps/v1")),
            ("batch/v1beta1", "CronJob", Found::OtherVersion("batch/v1")),
            ("policy/v1beta1", "PodDisruptionBudget", Found::OtherVersion("policy/v1")),
            ("karpenter.sh/v1beta1", "NodePool", Found::OtherVersion("karpenter.sh/v1")),
            ("karpenter.k8s.aws/v1beta1", "EC2NodeClass", Found::OtherVersion("karpenter.k8s.aws/v1")),
            ("v1", "Deployment", Found::OtherVersion("apps/v1")),
            ("v1", "ConfigMap", Found::Unknown),
            ("example.com/v1", "Deployment", Found::Unknown),
            ("example.com/v1", "Node", Found::Unknown),
        ] {
            assert_eq!(find(api_version, kind), expected, "{api_version} {kind}");
        }
        assert!(is_namespaced("Pod") && is_namespaced("Deployment") && !is_namespaced("Node") && !is_namespaced("NodePool"));
    }
}
