//! What the input holds, typed and with the place of every object.

use super::Written;
use crate::api::{AWSNodeTemplate, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, Provisioner};
use crate::diagnostic::{Diagnostic, Place};
use k8s_openapi::api::core::v1::{LimitRange, Namespace, Node, PersistentVolume, PersistentVolumeClaim, PodSpec};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{Labels, ObjectKey};

/// An object and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The object.
    pub value: T,
    /// Its document.
    pub place: Place,
}

/// Pods that differ in name only: one pod of the input, or those that a workload asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct PodSet {
    /// The object that the pods come from, as `Deployment/default/web` or `Pod/default/web-0`.
    pub owner: Arc<str>,
    /// The pods.
    pub keys: Vec<ObjectKey>,
    /// Their labels.
    pub labels: Arc<Labels>,
    /// The label whose value they have in common with all pods that share their zone ([`super::SAME_ZONE_AS`]).
    pub same_zone_as: Option<Arc<str>>,
    /// Their spec, reduced to what decides and shared by all pods that have the same. `nodeName` is
    /// kept in [`PodState::node`] only.
    pub spec: Arc<PodSpec>,
    /// Claims that come with each pod, as `<claim>-<pod>`: the `volumeClaimTemplates` of a StatefulSet.
    pub claim_templates: Arc<[PersistentVolumeClaim]>,
    /// What the cluster knows about them; the default for pods that do not exist yet.
    pub state: PodState,
}

/// What a cluster has decided about a pod already.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own that the cluster states")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodState {
    /// The node that it is bound to.
    pub node: Option<Arc<str>>,
    /// It has succeeded or failed and holds nothing any more.
    pub terminal: bool,
    /// It is being deleted.
    pub terminating: bool,
    /// It is the mirror of a static pod, or owned by a Node.
    pub mirror: bool,
    /// It asks not to be disrupted (`karpenter.sh/do-not-disrupt: "true"`).
    pub stays: bool,
    /// It is known not to be ready.
    pub unready: bool,
    /// Its controller.
    pub controller: Option<Controller>,
}

/// The owner that manages an object (`metadata.ownerReferences` with `controller: true`). It lives in the object's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Its kind, such as `ReplicaSet`.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its uid, where the reference has one.
    pub uid: Option<Arc<str>>,
}

/// A daemonset: one pod per matching node.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonSet {
    /// Its name.
    pub key: ObjectKey,
    /// The labels of its pods.
    pub labels: Arc<Labels>,
    /// The spec of its pods, reduced as in [`PodSet::spec`].
    pub spec: Arc<PodSpec>,
}

/// Everything that was read. Objects with an error are not in here; their findings are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inventory {
    /// Pods of the input, and the pods of workloads.
    pub pods: Vec<Sourced<PodSet>>,
    /// Daemonsets.
    pub daemon_sets: Vec<Sourced<DaemonSet>>,
    /// Namespaces, for their labels.
    pub namespaces: Vec<Sourced<Namespace>>,
    /// Nodes.
    pub nodes: Vec<Sourced<Node>>,
    /// NodePools, with the API's defaults.
    pub node_pools: Vec<Sourced<NodePool>>,
    /// EC2NodeClasses, with the API's defaults.
    pub node_classes: Vec<Sourced<EC2NodeClass>>,
    /// NodeClaims.
    pub node_claims: Vec<Sourced<NodeClaim>>,
    /// NodeOverlays.
    pub node_overlays: Vec<Sourced<NodeOverlay>>,
    /// Provisioners.
    pub provisioners: Vec<Sourced<Provisioner>>,
    /// AWSNodeTemplates.
    pub aws_node_templates: Vec<Sourced<AWSNodeTemplate>>,
    /// Priority classes.
    pub priority_classes: Vec<Sourced<PriorityClass>>,
    /// Runtime classes.
    pub runtime_classes: Vec<Sourced<RuntimeClass>>,
    /// Limit ranges; already applied to `pods`.
    pub limit_ranges: Vec<Sourced<LimitRange>>,
    /// Disruption budgets.
    pub pod_disruption_budgets: Vec<Sourced<PodDisruptionBudget>>,
    /// Volume claims.
    pub volume_claims: Vec<Sourced<PersistentVolumeClaim>>,
    /// Volumes.
    pub volumes: Vec<Sourced<PersistentVolume>>,
    /// Storage classes.
    pub storage_classes: Vec<Sourced<StorageClass>>,
    /// What CSI drivers say of nodes.
    pub csi_nodes: Vec<Sourced<CSINode>>,
    /// What Services (if they are read) and workloads that keep pods up select, by `Kind/namespace/name`.
    pub selectors: BTreeMap<Arc<str>, LabelSelector>,
    /// Objects of kinds that decide nothing, by `apiVersion kind` (`v1 ConfigMap`).
    pub skipped: BTreeMap<String, usize>,
    /// How Karpenter's kinds were written.
    pub written: Written,
    /// Findings, in the order of the input.
    pub diagnostics: Vec<Diagnostic>,
}
