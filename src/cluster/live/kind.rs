//! The kinds that can be watched, and which of them are.

use kube::core::{ApiResource, GroupVersionKind};

/// A kind of object that decides something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1` Namespace.
    Namespace,
    /// `scheduling.k8s.io/v1` PriorityClass.
    PriorityClass,
    /// `node.k8s.io/v1` RuntimeClass.
    RuntimeClass,
    /// `storage.k8s.io/v1` StorageClass.
    StorageClass,
    /// `v1` PersistentVolume.
    Volume,
    /// `v1` PersistentVolumeClaim.
    VolumeClaim,
    /// `storage.k8s.io/v1` CSINode.
    CsiNode,
    /// `storage.k8s.io/v1` VolumeAttachment.
    VolumeAttachment,
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `v1` Service.
    Service,
    /// `v1` ReplicationController.
    ReplicationController,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `karpenter.k8s.aws/v1` EC2NodeClass.
    NodeClass,
    /// `karpenter.sh/v1` NodePool.
    NodePool,
    /// `karpenter.sh/v1alpha1` NodeOverlay.
    NodeOverlay,
    /// `karpenter.sh/v1` NodeClaim.
    NodeClaim,
    /// `v1` Node.
    Node,
    /// `v1` Pod.
    Pod,
}

/// Group, version, kind and plural of a [`Kind`].
type Row = (Kind, [&'static str; 4]);

const ROWS: [Row; 20] = [
    (Kind::Namespace, ["", "v1", "Namespace", "namespaces"]),
    (Kind::PriorityClass, ["scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses"]),
    (Kind::RuntimeClass, ["node.k8s.io", "v1", "RuntimeClass", "runtimeclasses"]),
    (Kind::StorageClass, ["storage.k8s.io", "v1", "StorageClass", "storageclasses"]),
    (Kind::Volume, ["", "v1", "PersistentVolume", "persistentvolumes"]),
    (Kind::VolumeClaim, ["", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"]),
    (Kind::CsiNode, ["storage.k8s.io", "v1", "CSINode", "csinodes"]),
    (Kind::VolumeAttachment, ["storage.k8s.io", "v1", "VolumeAttachment", "volumeattachments"]),
    (Kind::PodDisruptionBudget, ["policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"]),
    (Kind::DaemonSet, ["apps", "v1", "DaemonSet", "daemonsets"]),
    (Kind::Service, ["", "v1", "Service", "services"]),
    (Kind::ReplicationController, ["", "v1", "ReplicationController", "replicationcontrollers"]),
    (Kind::ReplicaSet, ["apps", "v1", "ReplicaSet", "replicasets"]),
    (Kind::StatefulSet, ["apps", "v1", "StatefulSet", "statefulsets"]),
    (Kind::NodeClass, ["karpenter.k8s.aws", "v1", "EC2NodeClass", "ec2nodeclasses"]),
    (Kind::NodePool, ["karpenter.sh", "v1", "NodePool", "nodepools"]),
    (Kind::NodeOverlay, ["karpenter.sh", "v1alpha1", "NodeOverlay", "nodeoverlays"]),
    (Kind::NodeClaim, ["karpenter.sh", "v1", "NodeClaim", "nodeclaims"]),
    (Kind::Node, ["", "v1", "Node", "nodes"]),
    (Kind::Pod, ["", "v1", "Pod", "pods"]),
];

impl Kind {
    /// All of them. What others refer to comes first.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        ROWS.iter().map(|(kind, _)| *kind)
    }

    /// Those that are watched. Who is spread with whom matters only if pods are spread by default.
    pub fn watched(spread_by_default: bool) -> impl Iterator<Item = Self> + Clone {
        Self::all().filter(move |kind| spread_by_default || !kind.is_for_spread())
    }

    /// Whether its objects decide nothing but with whom pods are spread by default. Pods of a Deployment belong to a ReplicaSet.
    pub const fn is_for_spread(self) -> bool {
        matches!(self, Self::Service | Self::ReplicationController | Self::ReplicaSet | Self::StatefulSet)
    }

    fn row(self) -> [&'static str; 4] {
        ROWS.iter().find(|(kind, _)| *kind == self).map_or([""; 4], |(_, row)| *row)
    }

    /// API group, empty for the core.
    pub fn group(self) -> &'static str {
        self.row()[0]
    }

    /// `group/version`, or `v1`.
    pub fn api_version(self) -> String {
        let [group, version, ..] = self.row();
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        self.row()[2]
    }

    /// The resource's name in URLs and rules.
    pub fn plural(self) -> &'static str {
        self.row()[3]
    }

    /// Whether a cluster can do without the kind: its definition need not be installed.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::NodeOverlay)
    }

    /// What the client needs to know of it.
    pub fn resource(self) -> ApiResource {
        let [group, version, kind, plural] = self.row();
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;
    use std::collections::BTreeSet;

    #[test]
    fn each_kind_is_listed_once_and_spelt_as_the_api_does() {
        let all: BTreeSet<Kind> = Kind::all().collect();
        assert_eq!(all.len(), Kind::all().count());
        for kind in all {
            let resource = kind.resource();
            assert_eq!((resource.kind.as_str(), resource.api_version), (kind.name(), kind.api_version()));
            let plural = kind.plural();
            assert!(
                plural.ends_with('s') && plural == plural.to_lowercase() && plural.starts_with(&kind.name().to_lowercase()[..3])
            );
        }
        let only_for_spread: Vec<Kind> = Kind::all().filter(|kind| Kind::watched(false).all(|other| other != *kind)).collect();
        assert_eq!(only_for_spread, [Kind::Service, Kind::ReplicationController, Kind::ReplicaSet, Kind::StatefulSet]);
        assert!(Kind::watched(true).eq(Kind::all()));
        assert_eq!(Kind::Pod.api_version(), "v1");
        assert_eq!(Kind::NodeClass.resource().plural, "ec2nodeclasses");
    }
}
