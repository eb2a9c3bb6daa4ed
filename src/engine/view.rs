//! The objects as the engine last saw them, with the indexes that decisions need.

use crate::cluster::{Claim, Node, Pod, Pool, Uid};
use crate::reap::empty;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use windlass_solver::{InstanceType, NodeName, NodePoolName, ObjectKey};

/// Everything seen. An object is replaced only by a later version of itself.
#[derive(Debug, Default)]
pub(super) struct View {
    pods: BTreeMap<ObjectKey, Pod>,
    keys: BTreeMap<Uid, ObjectKey>,
    on_node: BTreeMap<NodeName, BTreeSet<ObjectKey>>,
    /// When a pod that keeps its node last came or went, as far as this engine saw it happen.
    activity: BTreeMap<NodeName, Time>,
    nodes: BTreeMap<NodeName, Arc<Node>>,
    nodes_by_provider: BTreeMap<Arc<str>, BTreeSet<NodeName>>,
    claims: BTreeMap<String, Arc<Claim>>,
    claims_by_provider: BTreeMap<String, BTreeSet<String>>,
    /// Objects that are gone: an answer that was under way must not bring them back.
    buried: BTreeSet<Uid>,
    burials: VecDeque<Uid>,
    pools: BTreeMap<NodePoolName, Pool>,
    types: BTreeMap<NodePoolName, Arc<[InstanceType]>>,
}

/// So many objects that are gone are remembered, far more than calls can be under way.
const BURIED_MAX: usize = 4096;

impl View {
    /// The object is gone for good.
    pub(super) fn bury(&mut self, uid: &Uid) {
        if self.buried.insert(uid.clone()) {
            self.burials.push_back(uid.clone());
        }
        if self.burials.len() > BURIED_MAX
            && let Some(oldest) = self.burials.pop_front()
        {
            self.buried.remove(&oldest);
        }
    }

    /// Takes a pod in and names the nodes it concerns. Only a change that is `live`, not part of the first list, is activity.
    pub(super) fn put_pod(&mut self, pod: Pod, now: Time, live: bool) -> Vec<NodeName> {
        if self.buried.contains(&pod.uid) {
            return Vec::new();
        }
        let old = self.remove_pod(&pod.key, None, now, false);
        let kept = |pod: &Pod| pod.node.clone().filter(|_| empty::keeps(pod));
        let (before, after) = (old.as_ref().and_then(kept), kept(&pod));
        let changed = before != after || old.as_ref().is_some_and(|old| old.uid != pod.uid);
        let mut nodes: Vec<NodeName> = [old.and_then(|old| old.node), pod.node.clone()].into_iter().flatten().collect();
        nodes.dedup();
        if live && changed {
            self.activity.extend([before, after].into_iter().flatten().map(|node| (node, now)));
        }
        if let Some(node) = &pod.node {
            self.on_node.entry(node.clone()).or_default().insert(pod.key.clone());
        }
        self.keys.insert(pod.uid.clone(), pod.key.clone());
        self.pods.insert(pod.key.clone(), pod);
        nodes
    }

    /// Takes a pod out, if it is the one with this uid.
    pub(super) fn remove_pod(&mut self, key: &ObjectKey, uid: Option<&Uid>, now: Time, live: bool) -> Option<Pod> {
        if uid.is_some_and(|uid| self.pods.get(key).is_none_or(|known| known.uid != *uid)) {
            return None;
        }
        let pod = self.pods.remove(key)?;
        self.keys.remove(&pod.uid);
        if let Some(node) = &pod.node {
            if let Some(keys) = self.on_node.get_mut(node) {
                keys.remove(key);
            }
            if live && empty::keeps(&pod) {
                self.activity.insert(node.clone(), now);
            }
        }
        Some(pod)
    }

    pub(super) fn put_node(&mut self, node: Node) {
        let later = self.nodes.get(&node.name).is_some_and(|known| known.uid == node.uid && known.version > node.version);
        if later || self.buried.contains(&node.uid) {
            return;
        }
        self.take_node(&node.name.clone());
        if !node.provider_id.is_empty() {
            self.nodes_by_provider.entry(node.provider_id.clone()).or_default().insert(node.name.clone());
        }
        self.nodes.insert(node.name.clone(), Arc::new(node));
    }

    pub(super) fn remove_node(&mut self, name: &NodeName, uid: &Uid) {
        if self.nodes.get(name).is_some_and(|node| node.uid == *uid) {
            self.take_node(name);
            self.activity.remove(name);
        }
    }

    fn take_node(&mut self, name: &NodeName) {
        let Some(node) = self.nodes.remove(name) else { return };
        if let Some(names) = self.nodes_by_provider.get_mut(&node.provider_id) {
            names.remove(name);
            if names.is_empty() {
                self.nodes_by_provider.remove(&node.provider_id);
            }
        }
    }

    /// Takes a claim in; `false` if a later version is known.
    pub(super) fn put_claim(&mut self, claim: Claim) -> bool {
        let later = self.claims.get(&claim.name).is_some_and(|known| known.uid == claim.uid && known.version > claim.version);
        if later || self.buried.contains(&claim.uid) {
            return false;
        }
        if let Some(old) = self.claims.get(&claim.name).cloned() {
            self.remove_claim(&old.name, &old.uid);
        }
        if let Some(id) = claim.provider_id() {
            self.claims_by_provider.entry(id.to_owned()).or_default().insert(claim.name.clone());
        }
        self.claims.insert(claim.name.clone(), Arc::new(claim));
        true
    }

    pub(super) fn remove_claim(&mut self, name: &str, uid: &Uid) -> Option<Arc<Claim>> {
        self.claims.get(name).filter(|claim| claim.uid == *uid)?;
        let claim = self.claims.remove(name)?;
        if let Some(names) = claim.provider_id().and_then(|id| self.claims_by_provider.get_mut(id)) {
            names.remove(name);
        }
        Some(claim)
    }

    pub(super) fn put_pool(&mut self, pool: Pool) {
        self.pools.insert(pool.name.clone(), pool);
    }

    pub(super) fn remove_pool(&mut self, name: &NodePoolName) {
        self.pools.remove(name);
    }

    pub(super) fn put_types(&mut self, pool: NodePoolName, types: Arc<[InstanceType]>) {
        self.types.insert(pool, types);
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values()
    }

    pub(super) fn pod(&self, key: &ObjectKey) -> Option<&Pod> {
        self.pods.get(key)
    }

    pub(super) fn pod_by_uid(&self, uid: &Uid) -> Option<&Pod> {
        self.pods.get(self.keys.get(uid)?)
    }

    pub(super) fn pods_on(&self, node: &NodeName) -> Vec<&Pod> {
        self.on_node.get(node).into_iter().flatten().filter_map(|key| self.pods.get(key)).collect()
    }

    pub(super) fn last_activity(&self, node: &NodeName) -> Option<Time> {
        self.activity.get(node).copied()
    }

    pub(super) fn node(&self, name: &NodeName) -> Option<Arc<Node>> {
        self.nodes.get(name).cloned()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    pub(super) fn node_names(&self) -> Vec<NodeName> {
        self.nodes.keys().cloned().collect()
    }

    /// The nodes that say they run on this instance; healthy clusters have one at most.
    pub(super) fn nodes_of(&self, provider_id: &str) -> Vec<Arc<Node>> {
        let names = self.nodes_by_provider.get(provider_id).into_iter().flatten();
        names.filter_map(|name| self.nodes.get(name).cloned()).collect()
    }

    /// The node of a claim, if there is exactly one.
    pub(super) fn node_of(&self, claim: &Claim) -> Option<Arc<Node>> {
        let mut nodes = self.nodes_of(claim.provider_id()?);
        if nodes.len() == 1 { nodes.pop() } else { None }
    }

    pub(super) fn claim(&self, name: &str) -> Option<Arc<Claim>> {
        self.claims.get(name).cloned()
    }

    pub(super) fn claims(&self) -> impl Iterator<Item = &Arc<Claim>> {
        self.claims.values()
    }

    pub(super) fn claim_names(&self) -> Vec<String> {
        self.claims.keys().cloned().collect()
    }

    pub(super) fn claims_of(&self, pool: &NodePoolName) -> Vec<Arc<Claim>> {
        self.claims.values().filter(|claim| claim.pool == *pool).cloned().collect()
    }

    pub(super) fn claim_of(&self, provider_id: &str) -> Option<Arc<Claim>> {
        self.claim(self.claims_by_provider.get(provider_id)?.first()?)
    }

    pub(super) fn pool(&self, name: &NodePoolName) -> Option<&Pool> {
        self.pools.get(name)
    }

    pub(super) fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values()
    }

    pub(super) fn types(&self, pool: &NodePoolName) -> Option<Arc<[InstanceType]>> {
        self.types.get(pool).cloned()
    }
}
