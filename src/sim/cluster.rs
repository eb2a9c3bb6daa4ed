//! The API server: objects with versions, preconditions, finalizers, disruption budgets, and watch events.

use crate::api::{NodeClaim, NodePool, label};
use crate::cluster::{ClaimChange, Node, NodeChange, Owner, Phase, Pod, PodRef, Refusal, Target, Uid, Version, Write};
use crate::engine::{Event, Written};
use crate::time::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{NodeName, NodePoolName, ObjectKey, PodShape};

/// A pod with what only its world knows.
#[derive(Debug, Clone)]
pub(super) struct SimPod {
    pub(super) pod: Pod,
    pub(super) shape: Arc<PodShape>,
    /// The wave it belongs to.
    pub(super) wave: usize,
    pub(super) lasts: Option<Duration>,
    /// Where the scheduler tries it first.
    pub(super) nominated: Option<NodeName>,
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    version: Version,
    pub(super) pods: BTreeMap<ObjectKey, SimPod>,
    pub(super) nodes: BTreeMap<NodeName, Node>,
    pub(super) claims: BTreeMap<String, NodeClaim>,
    pub(super) pool: Option<NodePool>,
    /// How many pods of each wave must be available, by its PodDisruptionBudget.
    pub(super) min_available: BTreeMap<usize, usize>,
    /// Changes since they were last taken.
    pub(super) events: Vec<Event>,
    /// Pods that are gone when their grace period is over.
    pub(super) leaving: Vec<(PodRef, Time)>,
}

impl Cluster {
    /// One with nothing but a pool.
    pub(super) fn with(pool: NodePool) -> Self {
        Self { pool: Some(pool), ..Self::default() }
    }

    /// The next version; uids are made of it, too.
    pub(super) fn next(&mut self) -> Version {
        self.version += 1;
        self.version
    }

    /// Every object, as a first list shows it.
    pub(super) fn everything(&self) -> Vec<Event> {
        let pool = self.pool.iter().map(|pool| Event::Pool(Box::new(pool.clone())));
        let claims = self.claims.values().map(|claim| Event::Claim(Box::new(claim.clone())));
        let nodes = self.nodes.values().map(|node| Event::Node(Box::new(node.clone())));
        let pods = self.pods.values().map(|pod| Event::Pod(Box::new(pod.pod.clone())));
        pool.chain(claims).chain(nodes).chain(pods).collect()
    }

    pub(super) fn write(&mut self, write: Write, now: Time) -> Result<Written, Refusal> {
        match write {
            Write::CreateClaim(object) => self.create_claim(*object, now),
            Write::ChangeClaim(change) => self.change_claim(change),
            Write::SetClaimStatus(target, status) => {
                let claim = self.claim(&target)?;
                claim.status = Some(*status);
                Ok(self.put_claim(&target.name))
            }
            Write::DeleteClaim(target) => {
                let claim = self.claim(&target)?;
                claim.metadata.deletion_timestamp.get_or_insert(ApiTime(now.whole_second().timestamp()));
                Ok(self.put_claim(&target.name))
            }
            Write::ChangeNode(change) => self.change_node(change),
            Write::DeleteNode(target) => {
                let node = self.node(&target)?;
                node.deleting.get_or_insert(now);
                Ok(self.put_node(&NodeName::new(target.name)))
            }
            Write::Nominate(pod, node) => {
                let known = self.pods.get_mut(&pod.key).filter(|known| known.pod.uid == pod.uid);
                known.ok_or(Refusal::NotFound)?.nominated = node;
                Ok(Written::Nothing)
            }
            Write::Evict(pod) => self.evict(&pod, now),
            Write::DeletePod(pod, grace) => {
                self.pod(&pod)?;
                self.end_pod(&pod, now, grace);
                Ok(Written::Nothing)
            }
        }
    }

    fn create_claim(&mut self, mut object: NodeClaim, now: Time) -> Result<Written, Refusal> {
        let name = object.metadata.name.clone().unwrap_or_default();
        if self.claims.contains_key(&name) {
            return Err(Refusal::Exists);
        }
        object.metadata.uid = Some(format!("claim-{}", self.next()));
        object.metadata.creation_timestamp = Some(ApiTime(now.timestamp()));
        // Without its owner, the garbage collector deletes it at once.
        object.metadata.deletion_timestamp = self.pool.is_none().then(|| ApiTime(now.whole_second().timestamp()));
        self.claims.insert(name.clone(), object);
        Ok(self.put_claim(&name))
    }

    fn change_claim(&mut self, change: ClaimChange) -> Result<Written, Refusal> {
        let metadata = &mut self.claim(&change.claim)?.metadata;
        let labels = metadata.labels.get_or_insert_default();
        labels.extend(change.labels.iter().map(|(key, value)| (key.to_string(), value.to_string())));
        metadata.annotations.get_or_insert_default().extend(change.annotations);
        if change.release {
            metadata.finalizers = None;
        }
        Ok(self.put_claim(&change.claim.name))
    }

    fn change_node(&mut self, change: NodeChange) -> Result<Written, Refusal> {
        let node = self.node(&change.node)?;
        if !change.holds(&node.taints) {
            return Err(Refusal::Conflict);
        }
        node.labels.extend(change.labels);
        if let Some(taints) = change.taints {
            node.taints = taints;
        }
        node.held = change.held.unwrap_or(node.held);
        Ok(self.put_node(&NodeName::new(change.node.name)))
    }

    /// The eviction API: refuses what a disruption budget forbids.
    fn evict(&mut self, target: &PodRef, now: Time) -> Result<Written, Refusal> {
        let pod = self.pod(target)?;
        let (wave, grace, waits) = (pod.wave, pod.pod.grace, pod.pod.phase == Phase::Pending);
        if pod.pod.deleting.is_some() {
            return Ok(Written::Nothing);
        }
        let least = self.min_available.get(&wave).copied().unwrap_or(0);
        if !waits && self.available(wave) <= least && least > 0 {
            return Err(Refusal::NotNow);
        }
        self.end_pod(target, now, grace);
        Ok(Written::Nothing)
    }

    /// Pods of the wave that run and are not being deleted.
    pub(super) fn available(&self, wave: usize) -> usize {
        let up = |pod: &&SimPod| pod.wave == wave && pod.pod.phase == Phase::Running && pod.pod.deleting.is_none();
        self.pods.values().filter(|pod| pod.pod.owner == Owner::Workload).filter(up).count()
    }

    fn end_pod(&mut self, target: &PodRef, now: Time, grace: Duration) {
        let Some(known) = self.pods.get_mut(&target.key) else { return };
        let end = now.plus(grace);
        known.pod.deleting = Some(known.pod.deleting.map_or(end, |before| before.min(end)));
        let pod = known.pod.clone();
        self.events.push(Event::Pod(Box::new(pod)));
        self.leaving.push((target.clone(), end));
    }

    /// Takes a pod out.
    pub(super) fn remove_pod(&mut self, target: &PodRef) -> Option<SimPod> {
        self.pods.get(&target.key).filter(|pod| pod.pod.uid == target.uid)?;
        self.events.push(Event::PodGone(target.clone()));
        self.pods.remove(&target.key)
    }

    /// Announces a changed pod.
    pub(super) fn put_pod(&mut self, key: &ObjectKey) {
        if let Some(pod) = self.pods.get(key) {
            self.events.push(Event::Pod(Box::new(pod.pod.clone())));
        }
    }

    /// Gives a changed node its next version and announces it; one that nothing holds any more goes, and its pods with it.
    pub(super) fn put_node(&mut self, name: &NodeName) -> Written {
        let version = self.next();
        let Some(node) = self.nodes.get_mut(name) else { return Written::Nothing };
        node.version = version;
        let node = node.clone();
        if node.deleting.is_some() && !node.held {
            self.nodes.remove(name);
            self.events.push(Event::NodeGone(name.clone(), node.uid));
            let on: Vec<PodRef> =
                self.pods.values().filter(|pod| pod.pod.node.as_ref() == Some(name)).map(|pod| PodRef::from(&pod.pod)).collect();
            self.leaving.extend(on.into_iter().map(|pod| (pod, Time::default())));
            return Written::Nothing;
        }
        self.events.push(Event::Node(Box::new(node.clone())));
        Written::Node(Box::new(node))
    }

    fn put_claim(&mut self, name: &str) -> Written {
        let version = self.next();
        let Some(claim) = self.claims.get_mut(name) else { return Written::Nothing };
        claim.metadata.resource_version = Some(version.to_string());
        let object = claim.clone();
        let held = object.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == label::TERMINATION_FINALIZER);
        if object.metadata.deletion_timestamp.is_some() && !held {
            self.claims.remove(name);
            self.events.push(Event::ClaimGone(name.to_owned(), Uid::new(object.metadata.uid.unwrap_or_default())));
            return Written::Nothing;
        }
        self.events.push(Event::Claim(Box::new(object.clone())));
        Written::Claim(Box::new(object))
    }

    /// A user asks a static pool for so many nodes.
    pub(super) fn scale(&mut self, replicas: usize) {
        if let Some(pool) = &mut self.pool {
            pool.spec.replicas = i64::try_from(replicas).ok();
            self.events.push(Event::Pool(Box::new(pool.clone())));
        }
    }

    /// Claims that are not being deleted.
    pub(super) fn live_claims(&self) -> impl Iterator<Item = &NodeClaim> {
        self.claims.values().filter(|claim| claim.metadata.deletion_timestamp.is_none())
    }

    /// A user deletes the pool: the garbage collector deletes its claims.
    pub(super) fn delete_pool(&mut self, now: Time) {
        self.pool = None;
        self.events.push(Event::PoolGone(NodePoolName::from("default")));
        for name in self.claims.keys().cloned().collect::<Vec<_>>() {
            self.delete_claim(&name, now);
        }
    }

    /// A user or the garbage collector deletes a claim.
    pub(super) fn delete_claim(&mut self, name: &str, now: Time) {
        if let Some(claim) = self.claims.get_mut(name) {
            claim.metadata.deletion_timestamp.get_or_insert(ApiTime(now.whole_second().timestamp()));
            self.put_claim(name);
        }
    }

    fn claim(&mut self, target: &Target) -> Result<&mut NodeClaim, Refusal> {
        let claim = self.claims.get_mut(&target.name).ok_or(Refusal::NotFound)?;
        let metadata = &claim.metadata;
        if metadata.uid.as_deref() != Some(target.uid.as_str()) {
            return Err(Refusal::NotFound);
        }
        let current = metadata.resource_version.as_deref().and_then(|text| text.parse::<Version>().ok());
        if target.version.is_some() && target.version != current { Err(Refusal::Conflict) } else { Ok(claim) }
    }

    fn node(&mut self, target: &Target) -> Result<&mut Node, Refusal> {
        let node = self.nodes.get_mut(&NodeName::new(target.name.as_str())).ok_or(Refusal::NotFound)?;
        if node.uid != target.uid {
            return Err(Refusal::NotFound);
        }
        if target.version.is_some_and(|version| version != node.version) { Err(Refusal::Conflict) } else { Ok(node) }
    }

    fn pod(&self, target: &PodRef) -> Result<&SimPod, Refusal> {
        self.pods.get(&target.key).filter(|pod| pod.pod.uid == target.uid).ok_or(Refusal::NotFound)
    }
}
