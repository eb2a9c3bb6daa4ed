//! Objects as a cluster hands them out, one at a time: the same reading as of files, without what only files need (expansion of workloads,
//! LimitRanges, which a cluster has applied already).

use super::inventory::{DaemonSet, Inventory, PodSet, Sourced};
use super::reduce::Interner;
use super::{Options, reader};
use crate::api::{EC2NodeClass, NodeClaim, NodeOverlay, NodePool};
use crate::diagnostic::Diagnostic;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSINode, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::Value;
use std::sync::Arc;

/// Objects read between two sweeps of what nobody uses any more.
const SWEEP: usize = 2048;

/// Reads objects and keeps what many of them share once.
#[derive(Debug)]
pub struct Intake {
    options: Options,
    interner: Interner,
    file: Arc<str>,
    reads: usize,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A pod.
    Pod(Sourced<PodSet>),
    /// A daemonset.
    DaemonSet(Sourced<DaemonSet>),
    /// A namespace.
    Namespace(Box<Sourced<Namespace>>),
    /// A node.
    Node(Box<Sourced<Node>>),
    /// A NodePool.
    NodePool(Box<Sourced<NodePool>>),
    /// An EC2NodeClass.
    NodeClass(Box<Sourced<EC2NodeClass>>),
    /// A NodeClaim.
    NodeClaim(Box<Sourced<NodeClaim>>),
    /// A NodeOverlay.
    NodeOverlay(Box<Sourced<NodeOverlay>>),
    /// A priority class.
    PriorityClass(Box<Sourced<PriorityClass>>),
    /// A runtime class.
    RuntimeClass(Box<Sourced<RuntimeClass>>),
    /// A disruption budget.
    PodDisruptionBudget(Box<Sourced<PodDisruptionBudget>>),
    /// A volume claim.
    VolumeClaim(Box<Sourced<PersistentVolumeClaim>>),
    /// A volume.
    Volume(Box<Sourced<PersistentVolume>>),
    /// A storage class.
    StorageClass(Box<Sourced<StorageClass>>),
    /// What CSI drivers say of a node.
    CsiNode(Box<Sourced<CSINode>>),
    /// What a Service or a controller of pods (`Kind/namespace/name`) selects; nothing else of it is kept.
    Selector(Arc<str>, LabelSelector),
}

/// What came of reading an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The object; `None` if it is of no kind that decides, or a finding is an error.
    pub item: Option<Item>,
    /// What is wrong with it.
    pub findings: Vec<Diagnostic>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            options: Options { services: true, ..Options::default() },
            interner: Interner::default(),
            file: "<cluster>".into(),
            reads: 0,
        }
    }
}

impl Intake {
    /// Reads an object with its apiVersion and kind.
    pub fn read(&mut self, object: Value) -> Reading {
        self.reads += 1;
        if self.reads.is_multiple_of(SWEEP) {
            self.interner.sweep();
        }
        let mut inventory = reader::single(&self.options, &mut self.interner, &self.file, object);
        let findings = std::mem::take(&mut inventory.diagnostics);
        Reading { item: Item::of(inventory), findings }
    }
}

impl Item {
    /// The one object of an inventory.
    fn of(all: Inventory) -> Option<Self> {
        let mut found = Vec::new();
        all.into_items(&mut found);
        found.pop()
    }
}

impl Inventory {
    /// Adds an object.
    pub fn add(&mut self, item: Item) {
        match item {
            Item::Pod(one) => self.pods.push(one),
            Item::DaemonSet(one) => self.daemon_sets.push(one),
            Item::Namespace(one) => self.namespaces.push(*one),
            Item::Node(one) => self.nodes.push(*one),
            Item::NodePool(one) => self.node_pools.push(*one),
            Item::NodeClass(one) => self.node_classes.push(*one),
            Item::NodeClaim(one) => self.node_claims.push(*one),
            Item::NodeOverlay(one) => self.node_overlays.push(*one),
            Item::PriorityClass(one) => self.priority_classes.push(*one),
            Item::RuntimeClass(one) => self.runtime_classes.push(*one),
            Item::PodDisruptionBudget(one) => self.pod_disruption_budgets.push(*one),
            Item::VolumeClaim(one) => self.volume_claims.push(*one),
            Item::Volume(one) => self.volumes.push(*one),
            Item::StorageClass(one) => self.storage_classes.push(*one),
            Item::CsiNode(one) => self.csi_nodes.push(*one),
            Item::Selector(owner, selector) => drop(self.selectors.insert(owner, selector)),
        }
    }

    fn into_items(self, found: &mut Vec<Item>) {
        fn boxed<T>(all: Vec<Sourced<T>>, make: fn(Box<Sourced<T>>) -> Item, found: &mut Vec<Item>) {
            found.extend(all.into_iter().map(|one| make(Box::new(one))));
        }
        found.extend(self.pods.into_iter().map(Item::Pod));
        found.extend(self.daemon_sets.into_iter().map(Item::DaemonSet));
        boxed(self.namespaces, Item::Namespace, found);
        boxed(self.nodes, Item::Node, found);
        boxed(self.node_pools, Item::NodePool, found);
        boxed(self.node_classes, Item::NodeClass, found);
        boxed(self.node_claims, Item::NodeClaim, found);
        boxed(self.node_overlays, Item::NodeOverlay, found);
        boxed(self.priority_classes, Item::PriorityClass, found);
        boxed(self.runtime_classes, Item::RuntimeClass, found);
        boxed(self.pod_disruption_budgets, Item::PodDisruptionBudget, found);
        boxed(self.volume_claims, Item::VolumeClaim, found);
        boxed(self.volumes, Item::Volume, found);
        boxed(self.storage_classes, Item::StorageClass, found);
        boxed(self.csi_nodes, Item::CsiNode, found);
        found.extend(self.selectors.into_iter().map(|(owner, selector)| Item::Selector(owner, selector)));
    }
}

#[cfg(test)]
mod tests {
    use super::{Intake, Item};
    use serde_json::json;
    use std::sync::Arc;

    fn pod(name: &str, cpu: &str) -> serde_json::Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu}}}]}})
    }

    #[test]
    fn equal_pods_share_one_spec_and_what_nobody_uses_goes() {
        let mut intake = Intake::default();
        let (one, two) = (intake.read(pod("a", "1")), intake.read(pod("b", "1")));
        let (Some(Item::Pod(one)), Some(Item::Pod(two))) = (one.item, two.item) else { panic!("two pods") };
        assert!(Arc::ptr_eq(&one.value.spec, &two.value.spec));
        drop((one, two));
        for index in 0..3 * super::SWEEP {
            intake.read(pod("c", &format!("{index}m")));
        }
        assert!(intake.interner.len() <= super::SWEEP + 1, "{}", intake.interner.len());
    }

    #[test]
    fn a_bad_object_is_reported_and_does_not_touch_the_next() {
        let mut intake = Intake::default();
        let bad = intake.read(pod("a", "a lot"));
        assert_eq!(bad.item, None);
        assert!(bad.findings[0].to_string().contains("Pod/default/a: spec.containers[0].resources.requests.cpu"), "{bad:?}");
        assert!(intake.read(json!({"kind": 7})).item.is_none());
        assert!(intake.read(json!("text")).item.is_none());
        let good = intake.read(pod("b", "1"));
        assert!(matches!(good.item, Some(Item::Pod(_))) && good.findings.is_empty());
    }
}
