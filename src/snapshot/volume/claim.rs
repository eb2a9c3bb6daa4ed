//! A claim to what is known of its disk: the PersistentVolume that it is bound to, else the StorageClass that will make one.

use super::attachment::EBS;
use super::topology;
use super::{Origin, Terms, Wanted};
use crate::api::label;
use crate::manifest::Inventory;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec};
use k8s_openapi::api::storage::v1::StorageClass;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use windlass_solver::{Feature, ObjectKey, Requirement};

/// A class that makes no volumes: the scheduler chooses among those that exist.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
/// The in-tree names of EBS; the CSI driver serves them (CSI migration).
const IN_TREE_EBS: &str = "kubernetes.io/aws-ebs";
/// Marks the class of claims that name none; the second is its old name.
const IS_DEFAULT: [&str; 2] = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
/// Where claims named their class before they had a field for it.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// The node that a claim is being provisioned for.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// What is known of a disk.
#[derive(Debug, Default)]
pub(super) struct Disk<'i> {
    /// All must hold.
    pub(super) topology: Vec<Terms>,
    /// The CSI driver that attaches it.
    pub(super) driver: Option<&'i str>,
}

/// Why a pod cannot be planned with a claim.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotReady(String),
    Unsupported(Feature),
}

/// Everything about storage in the input.
pub(super) struct Storage<'i> {
    claims: BTreeMap<ObjectKey, &'i PersistentVolumeClaim>,
    volumes: BTreeMap<&'i str, &'i PersistentVolume>,
    /// Volumes that are set aside for a claim, by the claim.
    reserved: BTreeMap<ObjectKey, &'i PersistentVolume>,
    classes: BTreeMap<&'i str, &'i StorageClass>,
    default_class: Option<&'i StorageClass>,
    nodes: BTreeMap<&'i str, &'i Node>,
}

impl<'i> Storage<'i> {
    pub(super) fn new(inventory: &'i Inventory) -> Self {
        let claims = inventory.volume_claims.iter().map(|source| &source.value);
        let volumes = || inventory.volumes.iter().map(|source| &source.value);
        let classes = || inventory.storage_classes.iter().map(|source| &source.value);
        let nodes = inventory.nodes.iter().map(|source| &source.value);
        let reserved = volumes().filter_map(|volume| Some((claim_of(volume)?, volume)));
        // Of several defaults the API server takes the newest, then the first by name.
        let newest = |class: &&StorageClass| {
            (Reverse(class.metadata.creation_timestamp.as_ref().map(|time| time.0)), class.metadata.name.clone())
        };
        Self {
            claims: claims.map(|claim| (key_of(claim), claim)).collect(),
            reserved: reserved.collect(),
            volumes: volumes().map(|volume| (volume.metadata.name.as_deref().unwrap_or_default(), volume)).collect(),
            classes: classes().map(|class| (class.metadata.name.as_deref().unwrap_or_default(), class)).collect(),
            default_class: classes().filter(|class| is_default(class)).min_by_key(newest),
            nodes: nodes.map(|node| (node.metadata.name.as_deref().unwrap_or_default(), node)).collect(),
        }
    }

    /// Whether one pod at a time may use the claim.
    pub(super) fn is_exclusive(&self, wanted: &Wanted<'_>) -> bool {
        let made = match wanted.origin {
            Origin::Given => None,
            Origin::Template(spec) | Origin::Ephemeral(spec) => spec,
        };
        let spec = self.claims.get(&wanted.key).map_or(made, |claim| claim.spec.as_ref());
        spec.and_then(|spec| spec.access_modes.as_ref()).is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteOncePod"))
    }

    /// The driver of a disk that is in use, whatever else may be wrong with its claim.
    pub(super) fn driver(&self, wanted: &Wanted<'_>) -> Option<&'i str> {
        let claim = self.claims.get(&wanted.key)?;
        self.bound(&wanted.key, claim.spec.as_ref()).ok()?.and_then(driver_of)
    }

    /// What is known of the disk of a claim that `pod` uses.
    pub(super) fn disk(&self, wanted: &Wanted<'i>, pod: &ObjectKey) -> Result<Disk<'i>, Refusal> {
        let shown = format!("PersistentVolumeClaim {}", wanted.key);
        let claim = self.claims.get(&wanted.key).copied();
        let not_ready = |why: &str| Err(Refusal::NotReady(format!("{shown} {why}")));
        let spec = match (claim, wanted.origin) {
            (Some(claim), _) if claim.metadata.deletion_timestamp.is_some() => {
                return not_ready("is being deleted: create it anew");
            }
            (Some(claim), _) if claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost") => {
                return not_ready("is Lost: the volume that it was bound to is gone");
            }
            (Some(claim), Origin::Ephemeral(_)) if !is_owned_by(claim, pod) => {
                return not_ready("exists but was not made for this pod's ephemeral volume: rename or delete it");
            }
            (Some(claim), _) => claim.spec.as_ref(),
            (None, Origin::Template(made) | Origin::Ephemeral(made)) => made,
            (None, Origin::Given) => return not_ready("does not exist: create it, or add it to the input"),
        };
        if let Some(volume) = self.bound(&wanted.key, spec).map_err(|why| Refusal::NotReady(format!("{shown} {why}")))? {
            let topology = topology::of_volume(volume).map_err(Refusal::NotReady)?;
            return Ok(Disk { topology, driver: driver_of(volume) });
        }
        let class = self.class(claim, spec).map_err(|why| Refusal::NotReady(format!("{shown} {why}")))?;
        let mut disk = to_be_made(class, &shown)?;
        disk.topology.extend(claim.and_then(|claim| self.selected(claim)));
        Ok(disk)
    }

    /// The volume of a claim: the one that it names, else one that is set aside for it.
    fn bound(&self, key: &ObjectKey, spec: Option<&PersistentVolumeClaimSpec>) -> Result<Option<&'i PersistentVolume>, String> {
        let name = spec.and_then(|spec| spec.volume_name.as_deref()).filter(|name| !name.is_empty());
        let Some(name) = name else { return Ok(self.reserved.get(key).copied()) };
        let Some(volume) = self.volumes.get(name).copied() else {
            return Err(format!("is bound to PersistentVolume {name}, which does not exist: add it to the input"));
        };
        match claim_of(volume).filter(|owner| owner != key) {
            Some(owner) => Err(format!("names PersistentVolume {name}, which is bound to {owner}: name another")),
            None => Ok(Some(volume)),
        }
    }

    /// The class of a claim without volume.
    fn class(
        &self,
        claim: Option<&PersistentVolumeClaim>,
        spec: Option<&PersistentVolumeClaimSpec>,
    ) -> Result<&'i StorageClass, String> {
        let old = claim.and_then(|claim| claim.metadata.annotations.as_ref()?.get(OLD_CLASS));
        let Some(name) = old.or_else(|| spec?.storage_class_name.as_ref()) else {
            let none =
                "is not bound and names no StorageClass, and none is marked as the default: name one, or add it to the input";
            return self.default_class.ok_or_else(|| none.to_owned());
        };
        if name.is_empty() {
            return Err("is not bound and asks for no StorageClass: bind it to a PersistentVolume".to_owned());
        }
        let known = self.classes.get(name.as_str()).copied();
        known
            .ok_or_else(|| format!("is not bound, and its StorageClass {name} does not exist: create it, or add it to the input"))
    }

    /// The node that a volume is being made for already; as kube-scheduler has it, the pod must go there.
    fn selected(&self, claim: &PersistentVolumeClaim) -> Option<Terms> {
        let name = claim.metadata.annotations.as_ref()?.get(SELECTED_NODE)?;
        // Once the node is gone, the provisioner gives up and the choice is free again.
        let node = self.nodes.get(name.as_str())?;
        let host = node.metadata.labels.as_ref().and_then(|labels| labels.get(label::HOSTNAME)).unwrap_or(name);
        Some(vec![vec![Requirement::equals(label::HOSTNAME, host)]])
    }
}

/// The disk that a class makes once its pod has a node.
fn to_be_made<'i>(class: &'i StorageClass, claim: &str) -> Result<Disk<'i>, Refusal> {
    let name = class.metadata.name.as_deref().unwrap_or_default();
    if class.volume_binding_mode.as_deref() != Some("WaitForFirstConsumer") {
        return Err(Refusal::NotReady(format!(
            "{claim} is not bound, and StorageClass {name} chooses its place before that of the pod: bind it first, or use \
             volumeBindingMode WaitForFirstConsumer"
        )));
    }
    match class.provisioner.as_str() {
        "" => Err(Refusal::NotReady(format!("{claim} is not bound, and StorageClass {name} has no provisioner"))),
        NO_PROVISIONER => Err(Refusal::Unsupported(Feature::StaticVolume)),
        provisioner => Ok(Disk {
            topology: topology::of_class(class).into_iter().collect(),
            driver: Some(if provisioner == IN_TREE_EBS { EBS } else { provisioner }),
        }),
    }
}

/// The CSI driver of a volume, also of one that is served by it under its in-tree name.
fn driver_of(volume: &PersistentVolume) -> Option<&str> {
    let spec = volume.spec.as_ref()?;
    let in_tree = spec.aws_elastic_block_store.as_ref().map(|_| EBS);
    spec.csi.as_ref().map(|csi| csi.driver.as_str()).or(in_tree)
}

fn claim_of(volume: &PersistentVolume) -> Option<ObjectKey> {
    let reference = volume.spec.as_ref()?.claim_ref.as_ref()?;
    Some(ObjectKey::new(reference.namespace.as_deref()?, reference.name.as_deref()?))
}

fn key_of(claim: &PersistentVolumeClaim) -> ObjectKey {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectKey::new(text(&claim.metadata.namespace), text(&claim.metadata.name))
}

fn is_default(class: &StorageClass) -> bool {
    let annotations = class.metadata.annotations.as_ref();
    IS_DEFAULT.iter().any(|key| annotations.and_then(|all| all.get(*key)).is_some_and(|value| value == "true"))
}

fn is_owned_by(claim: &PersistentVolumeClaim, pod: &ObjectKey) -> bool {
    let owners = claim.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.controller == Some(true) && owner.kind == "Pod" && owner.name == *pod.name)
}
