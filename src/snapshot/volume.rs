//! Volumes of pods: from where each can be used, what it takes of a node's attachments, and whether it is ready at all.
//!
//! ```text
//! PodSet ──▶ claims of a pod ──claim──▶ PersistentVolume or StorageClass ──topology──▶ terms of labels
//!                │                              └──attachment──▶ a resource `attachable-volumes-csi-<driver>`
//!                └── ReadWriteOncePod: who has the claim first
//! ```
//!
//! kube-scheduler's plugins VolumeBinding, VolumeZone, VolumeRestrictions and NodeVolumeLimits set the rules; where Karpenter knows
//! less (the host name of local volumes, attachments of new nodes), theirs hold.

pub(super) mod attachment;
mod claim;
mod topology;

use super::pod::{Leaving, Standing, standing};
use crate::manifest::{Inventory, PodSet};
use claim::Storage;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec, Volume};
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{Feature, ObjectKey, PodShape, Requirement, Resources};

/// Terms of which at least one must hold.
type Terms = Vec<Vec<Requirement>>;

/// What all volumes of a pod ask for together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Needs {
    topology: BTreeSet<Terms>,
    pub(super) attachments: Resources,
    features: BTreeSet<Feature>,
    not_ready: Option<String>,
}

impl Needs {
    /// The shape of a pod that is otherwise like `base`.
    pub(super) fn shape(self, base: &PodShape) -> PodShape {
        let mut shape = base.clone();
        shape.requests.add(&self.attachments);
        shape.volume_topology = self.topology.into_iter().collect();
        let features: BTreeSet<Feature> = shape.unsupported.into_iter().chain(self.features).collect();
        shape.unsupported = features.into_iter().collect();
        shape.not_ready = self.not_ready.map(Into::into);
        shape
    }
}

/// A claim that a pod uses.
struct Wanted<'i> {
    key: ObjectKey,
    origin: Origin<'i>,
}

/// Where a claim comes from. One that comes with its pod will be like the spec, if it does not exist already.
#[derive(Clone, Copy)]
enum Origin<'i> {
    /// Somebody makes it.
    Given,
    /// The StatefulSet of the pod makes it.
    Template(Option<&'i PersistentVolumeClaimSpec>),
    /// It is made for a generic ephemeral volume, and belongs to this pod alone.
    Ephemeral(Option<&'i PersistentVolumeClaimSpec>),
}

/// Looks up the volumes of pods.
pub(super) struct Volumes<'i> {
    storage: Storage<'i>,
    attachable: BTreeSet<&'i str>,
    /// Which pod has each claim that only one pod may use. Pods that run go first, then the order of keys decides.
    holders: BTreeMap<ObjectKey, (bool, ObjectKey)>,
}

impl<'i> Volumes<'i> {
    pub(super) fn new(inventory: &'i Inventory) -> Self {
        let (storage, leaving) = (Storage::new(inventory), Leaving::new(inventory));
        let mut holders: BTreeMap<ObjectKey, (bool, ObjectKey)> = BTreeMap::new();
        for set in inventory.pods.iter().map(|source| &source.value).filter(|set| has_claims(set)) {
            let waits = match standing(set, &leaving) {
                Standing::Bound => false,
                Standing::Pending => true,
                _ => continue,
            };
            for (key, wanted) in set.keys.iter().flat_map(|key| of_set(set, key).into_iter().map(move |one| (key, one))) {
                if storage.is_exclusive(&wanted) {
                    let this = (waits, key.clone());
                    let holder = holders.entry(wanted.key).or_insert_with(|| this.clone());
                    *holder = this.min(holder.clone());
                }
            }
        }
        Self { storage, attachable: attachment::drivers(inventory), holders }
    }

    /// What the volumes of a pod of the set ask for.
    pub(super) fn needs(&self, set: &'i PodSet, pod: &ObjectKey) -> Needs {
        self.together(of_set(set, pod), pod)
    }

    /// Attachments that a pod of a daemonset takes. Its volumes keep it from no node here: it is planned for wherever it may come.
    pub(super) fn daemon_attachments(&self, spec: &'i PodSpec, daemon_set: &ObjectKey) -> Resources {
        self.together(wanted(spec, &[], daemon_set), daemon_set).attachments
    }

    fn together(&self, all: Vec<Wanted<'i>>, pod: &ObjectKey) -> Needs {
        let mut needs = Needs::default();
        for wanted in all {
            if let Some((_, holder)) = self.holders.get(&wanted.key).filter(|(_, holder)| holder != pod) {
                let why = format!("PersistentVolumeClaim {} is ReadWriteOncePod, and pod {holder} uses it", wanted.key);
                needs.not_ready.get_or_insert(why);
                continue;
            }
            match self.storage.disk(&wanted, pod) {
                Ok(disk) => {
                    needs.topology.extend(disk.topology);
                    if let Some(resource) = disk.driver.and_then(|driver| self.resource(driver)) {
                        needs.attachments.add(&Resources::new().with(&resource, 1));
                    }
                }
                Err(claim::Refusal::NotReady(why)) => {
                    needs.not_ready.get_or_insert(why);
                }
                Err(claim::Refusal::Unsupported(feature)) => {
                    needs.features.insert(feature);
                }
            }
        }
        needs
    }

    /// Attachments that pods of the set take on the node they run on. A claim that was counted for another pod there (it is in
    /// `attached`) takes none.
    pub(super) fn taken(&self, set: &'i PodSet, pod: &ObjectKey, attached: &mut BTreeSet<ObjectKey>) -> Resources {
        let mut taken = Resources::new();
        for wanted in of_set(set, pod) {
            let resource = self.storage.driver(&wanted).and_then(|driver| self.resource(driver));
            if let Some(resource) = resource.filter(|_| attached.insert(wanted.key)) {
                taken.add(&Resources::new().with(&resource, 1));
            }
        }
        taken
    }

    /// The resource that counts attachments of a driver, where some node limits them.
    fn resource(&self, driver: &str) -> Option<String> {
        self.attachable.contains(driver).then(|| attachment::resource(driver))
    }
}

/// Whether pods of the set use claims.
pub(super) fn has_claims(set: &PodSet) -> bool {
    let on_claim = |volume: &Volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some();
    !set.claim_templates.is_empty() || set.spec.volumes.iter().flatten().any(on_claim)
}

/// The claims of a pod of the set.
fn of_set<'i>(set: &'i PodSet, pod: &ObjectKey) -> Vec<Wanted<'i>> {
    wanted(&set.spec, &set.claim_templates, pod)
}

/// The claims of one pod, each once.
fn wanted<'i>(spec: &'i PodSpec, templates: &'i [PersistentVolumeClaim], pod: &ObjectKey) -> Vec<Wanted<'i>> {
    let key = |name: String| ObjectKey::new(pod.namespace.clone(), name);
    let mut all: Vec<Wanted<'i>> = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        if let Some(source) = &volume.persistent_volume_claim {
            all.push(Wanted { key: key(source.claim_name.clone()), origin: Origin::Given });
        } else if let Some(source) = &volume.ephemeral {
            // kubernetes.io/docs/concepts/storage/ephemeral-volumes, "PersistentVolumeClaim naming".
            let made = source.volume_claim_template.as_ref().map(|template| &template.spec);
            all.push(Wanted { key: key(format!("{}-{}", pod.name, volume.name)), origin: Origin::Ephemeral(made) });
        }
    }
    for template in templates {
        // kubernetes.io/docs/concepts/workloads/controllers/statefulset, "Stable Storage".
        let name = template.metadata.name.as_deref().unwrap_or_default();
        let origin = Origin::Template(template.spec.as_ref());
        all.push(Wanted { key: key(format!("{name}-{}", pod.name)), origin });
    }
    let mut seen = BTreeSet::new();
    all.retain(|one| seen.insert(one.key.clone()));
    all
}

#[cfg(test)]
mod tests;
