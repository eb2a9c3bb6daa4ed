//! How many volumes nodes can attach, as an integer resource per driver, so that packing, bound and check need no rule of their own.
//!
//! An existing node has what its CSINode states, else what its instance type has. A new node has what EC2 documents for EBS, see
//! [`crate::catalog::attachment`], and for another driver the least that any CSINode of the input states. Where nothing is known there is
//! no limit, as in kube-scheduler. A claim that several new pods of one node share counts for each of them, which is the safe side;
//! kube-scheduler counts it once.

use crate::catalog::{Catalog, NodeClassSettings, attachment};
use crate::manifest::Inventory;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{DaemonSet, InstanceType, Pod, Resources};

/// The CSI driver of EBS.
pub(in crate::snapshot) const EBS: &str = "ebs.csi.aws.com";
/// What the resource of a driver is called (k8s.io/kubernetes/pkg/volume/util, `GetCSIAttachLimitKey`).
const PREFIX: &str = "attachable-volumes-csi-";
/// No limit: the most that a CSINode can state.
const UNLIMITED: i64 = i32::MAX as i64;

pub(super) fn resource(driver: &str) -> String {
    format!("{PREFIX}{driver}")
}

/// The drivers whose volumes are counted: EBS, and those that some CSINode limits.
pub(super) fn drivers(inventory: &Inventory) -> BTreeSet<&str> {
    counts(inventory).map(|(_, driver, _)| driver).chain([EBS]).collect()
}

/// Node, driver and limit.
fn counts(inventory: &Inventory) -> impl Iterator<Item = (&str, &str, i64)> {
    inventory.csi_nodes.iter().flat_map(|source| {
        let name = source.value.metadata.name.as_deref().unwrap_or_default();
        let drivers = source.value.spec.drivers.iter();
        drivers.filter_map(move |driver| {
            let count = driver.allocatable.as_ref()?.count?;
            Some((name, driver.name.as_str(), i64::from(count.max(0))))
        })
    })
}

/// The limits of nodes for the drivers that pods of the input use.
#[derive(Debug, Default)]
pub(in crate::snapshot) struct Limits {
    /// By resource: by node, and the least of all nodes.
    stated: BTreeMap<String, (BTreeMap<String, i64>, Option<i64>)>,
}

impl Limits {
    pub(in crate::snapshot) fn new(inventory: &Inventory, pods: &[Pod], daemon_sets: &[DaemonSet]) -> Self {
        let shapes = pods.iter().map(|pod| &pod.shape).chain(daemon_sets.iter().map(|daemon| &daemon.shape));
        let mut stated: BTreeMap<String, (BTreeMap<String, i64>, Option<i64>)> = BTreeMap::new();
        let mut last = std::ptr::null();
        for shape in shapes {
            // Neighbours mostly share their shape.
            if std::ptr::eq(Arc::as_ptr(shape), last) {
                continue;
            }
            last = Arc::as_ptr(shape);
            for (name, _) in shape.requests.iter().filter(|(name, _)| name.as_str().starts_with(PREFIX)) {
                stated.entry(name.to_string()).or_default();
            }
        }
        for (node, driver, count) in counts(inventory) {
            if let Some((nodes, least)) = stated.get_mut(&resource(driver)) {
                nodes.insert(node.to_owned(), count);
                *least = Some(least.map_or(count, |least| least.min(count)));
            }
        }
        Self { stated }
    }

    /// The instance types with what new nodes can attach.
    pub(in crate::snapshot) fn add_to_types(
        &self,
        types: Arc<[InstanceType]>,
        catalog: &Catalog,
        settings: &NodeClassSettings,
    ) -> Arc<[InstanceType]> {
        if self.stated.is_empty() {
            return types;
        }
        let ebs = resource(EBS);
        let hardware: BTreeMap<&str, _> = catalog.types().iter().map(|one| (one.name.as_str(), &one.hardware)).collect();
        let with_limits = |kind: &InstanceType| {
            let mut kind = kind.clone();
            for (name, (_, least)) in &self.stated {
                let machine = hardware.get(kind.name.as_str()).filter(|_| *name == ebs);
                let limit = machine.map(|machine| attachment::volumes(machine, settings)).or(*least).unwrap_or(UNLIMITED);
                kind.capacity.set(name.as_str(), limit);
            }
            kind
        };
        types.iter().map(with_limits).collect()
    }

    /// Adds what an existing node can attach; `known` is the capacity of its instance type.
    pub(in crate::snapshot) fn add_to_node(&self, node: &str, known: Option<&Resources>, allocatable: &mut Resources) {
        for (name, (nodes, _)) in &self.stated {
            let of_type = || known.map(|capacity| capacity.get(name));
            allocatable.set(name.as_str(), nodes.get(node).copied().or_else(of_type).unwrap_or(UNLIMITED));
        }
    }
}
