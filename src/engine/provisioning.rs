//! From pending pods to claims: who waits, who has a place already, and what is bought for the others.

use super::Engine;
use super::call::Purpose;
use super::effect::Effect;
use super::lifecycle::INITIALIZED;
use super::queue::Key;
use super::settings::Settings;
use crate::api::NodeClaim;
use crate::cluster::{Claim, Uid, Write};
use crate::provision::{Batch, Order, claim, limits, pod_filter};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use windlass_solver::{NodeName, NodePoolName, ObjectKey, Plan, PlannedNode, Resources};

/// Pods that found no place are tried again after so long though nothing has changed.
const PARKED_MAX: Duration = Duration::from_mins(5);
/// Pods whose claim was refused are tried again after so long though nothing has changed.
const REFUSED: Duration = Duration::from_mins(1);

/// Where a pod is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// On the node of this claim.
    Claim(String),
    /// On this node, until then.
    Node(NodeName, Time),
}

/// The state of provisioning.
#[derive(Debug)]
pub(super) struct Provisioner {
    batch: Batch,
    /// Pods that found no place; they are tried again when something has changed that could help.
    parked: BTreeSet<Uid>,
    parked_until: Option<Time>,
    /// Pods that have a place and are not bound yet.
    placed: BTreeMap<Uid, Place>,
    /// Pods of which the scheduler was told that they are meant for this node.
    pub(super) steered: BTreeMap<Uid, NodeName>,
    /// Claims that were decided and are not seen yet.
    creating: BTreeMap<String, Creation>,
    planning: bool,
    /// How many plans were asked for.
    asked: u64,
    /// Claims with an empty node, and the plan that must have come before it goes, by its number.
    held_up: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Creation {
    object: NodeClaim,
    claim: Claim,
}

impl Provisioner {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            batch: Batch::new(settings.batch_idle, settings.batch_max),
            parked: BTreeSet::new(),
            parked_until: None,
            placed: BTreeMap::new(),
            steered: BTreeMap::new(),
            creating: BTreeMap::new(),
            planning: false,
            asked: 0,
            held_up: BTreeMap::new(),
        }
    }

    /// Claims that were decided and are not seen yet.
    pub(super) fn creating(&self) -> impl Iterator<Item = &Claim> {
        self.creating.values().map(|creation| &creation.claim)
    }

    /// Whether a claim of this name was decided and is not seen yet.
    pub(super) fn is_creating(&self, name: &str) -> bool {
        self.creating.contains_key(name)
    }

    /// The claim is seen.
    pub(super) fn created(&mut self, name: &str) {
        self.creating.remove(name);
    }

    /// Whether the pods that waited when the claim's node was first about to go have been planned since: they may need that very node.
    pub(super) fn has_passed_over(&mut self, claim: &str) -> bool {
        let coming = if self.batch.due().is_some() { Some(self.asked + 1) } else { self.planning.then_some(self.asked) };
        let Some(awaited) = self.held_up.get(claim).copied().or(coming) else { return true };
        let done = awaited < self.asked || (awaited == self.asked && !self.planning);
        if done {
            self.held_up.remove(claim);
        } else {
            self.held_up.insert(claim.to_owned(), awaited);
        }
        done
    }

    /// The claim's node need not go, or is gone.
    pub(super) fn let_stay(&mut self, claim: &str) {
        self.held_up.remove(claim);
    }

    /// Pods that are expected on the claim's node and are not bound yet.
    pub(super) fn meant_for(&self, claim: &str) -> impl Iterator<Item = &Uid> {
        self.placed.iter().filter(move |(_, place)| matches!(place, Place::Claim(name) if name == claim)).map(|(uid, _)| uid)
    }

    /// Pods without place are tried again then at the latest.
    pub(super) fn retry_at(&mut self, time: Time) {
        self.parked_until = Some(self.parked_until.map_or(time, |known| known.min(time)));
    }
}

impl Engine {
    /// A pod was seen: it waits for a batch, or needs nothing from us.
    pub(super) fn consider(&mut self, key: &ObjectKey) {
        let Some(pod) = self.view.pod(key) else { return };
        let (uid, wanted) = (pod.uid.clone(), pod_filter::judge(pod).is_ok());
        if !wanted {
            self.dismiss(&uid);
            return;
        }
        let provisioner = &mut self.provisioner;
        if !provisioner.placed.contains_key(&uid) && !provisioner.parked.contains(&uid) {
            provisioner.batch.add(uid, self.now);
            self.queue.now(Key::Batch);
        }
    }

    /// A pod needs no place any more.
    pub(super) fn dismiss(&mut self, uid: &Uid) {
        self.provisioner.batch.remove(uid);
        self.provisioner.parked.remove(uid);
        self.provisioner.steered.remove(uid);
        if let Some(Place::Claim(name)) = self.provisioner.placed.remove(uid) {
            self.queue.now(Key::Claim(name));
        }
    }

    /// Something has changed that could give pods a place that had none.
    pub(super) fn reconsider_parked(&mut self) {
        for uid in std::mem::take(&mut self.provisioner.parked) {
            self.provisioner.batch.add(uid, self.now);
        }
        self.queue.now(Key::Batch);
    }

    /// A claim says for which pods it was made; whoever made it need not be us.
    pub(super) fn remember_nominations(&mut self, claim: &Claim) {
        if self.is_expecting(claim) {
            for uid in &claim.nominated {
                let waits = self.view.pod_by_uid(uid).is_none_or(|pod| pod_filter::judge(pod).is_ok());
                if waits && !self.provisioner.placed.contains_key(uid) {
                    self.provisioner.batch.remove(uid);
                    self.provisioner.parked.remove(uid);
                    self.provisioner.placed.insert(uid.clone(), Place::Claim(claim.name.clone()));
                }
            }
        }
    }

    /// The claim's node will not come: its pods need another place.
    pub(super) fn release_nominations(&mut self, claim: &Claim) {
        if self.provisioner.meant_for(&claim.name).next().is_some() {
            self.queue.now(Key::Batch);
        }
    }

    /// Until when pods are expected on the claim's node; `None` if none is.
    pub(super) fn nomination_ends(&self, claim: &Claim) -> Option<Time> {
        let end = claim.since(INITIALIZED).unwrap_or(self.now).plus(self.settings.nomination);
        let node = self.view.node_of(claim).map(|node| node.name.clone());
        let ends = self.provisioner.placed.values().filter_map(|place| match place {
            Place::Claim(name) => (*name == claim.name).then_some(end),
            Place::Node(name, until) => (Some(name) == node.as_ref()).then_some(*until),
        });
        ends.max().filter(|end| self.now < *end)
    }

    /// Whether pods may still be expected on the claim's node.
    fn is_expecting(&self, claim: &Claim) -> bool {
        let over = claim.since(INITIALIZED).is_some_and(|since| since.plus(self.settings.nomination) <= self.now);
        claim.deleting.is_none() && !over
    }

    fn is_valid(&self, place: &Place) -> bool {
        match place {
            Place::Node(_, until) => self.now < *until,
            Place::Claim(name) => match self.view.claim(name) {
                Some(claim) => self.is_expecting(&claim),
                None => self.provisioner.creating.contains_key(name),
            },
        }
    }

    /// Pods that did not come to their place in time wait again.
    pub(super) fn release_places(&mut self) {
        let stale: Vec<Uid> =
            self.provisioner.placed.iter().filter(|(_, place)| !self.is_valid(place)).map(|(uid, _)| uid.clone()).collect();
        for uid in stale {
            self.provisioner.placed.remove(&uid);
            self.let_loose(&uid);
            if let Some(key) = self.view.pod_by_uid(&uid).map(|pod| pod.key.clone()) {
                self.consider(&key);
            }
        }
    }

    pub(super) fn decide_batch(&mut self) {
        self.release_places();
        if let Some(end) = self.provisioner.placed.values().filter_map(|place| self.ends(place)).min() {
            self.queue.at(Key::Batch, end);
        }
        self.launches.scarcity.forget(self.now);
        if self.provisioner.parked_until.is_some_and(|until| until <= self.now) {
            self.provisioner.parked_until = None;
            self.reconsider_parked();
        }
        if self.provisioner.planning {
            return;
        }
        let (batch, lacking) = (self.provisioner.batch.take(self.now), self.lacking());
        if batch.is_some() || !lacking.is_empty() {
            self.provisioner.planning = true;
            self.provisioner.asked += 1;
            let order = Box::new(Order { lacking, ..self.order(&batch.unwrap_or_default()) });
            self.ask(&Key::Batch, Purpose::Plan, Effect::Plan(order));
        } else if let Some(due) = self.provisioner.batch.due() {
            self.queue.at(Key::Batch, due);
        }
    }

    /// When a place that is valid now may no longer be.
    fn ends(&self, place: &Place) -> Option<Time> {
        match place {
            Place::Node(_, until) => Some(*until),
            Place::Claim(name) => Some(self.view.claim(name)?.since(INITIALIZED)?.plus(self.settings.nomination)),
        }
    }

    fn order(&self, uids: &BTreeSet<Uid>) -> Order {
        let key = |uid: &Uid| self.view.pod_by_uid(uid).map(|pod| pod.key.clone());
        let node = |place: &Place| match place {
            Place::Node(name, _) => name.clone(),
            Place::Claim(name) => {
                let node = self.view.claim(name).and_then(|claim| self.view.node_of(&claim));
                node.map_or_else(|| NodeName::new(name.as_str()), |node| node.name.clone())
            }
        };
        Order {
            pods: uids.iter().filter_map(key).collect(),
            in_flight: self.in_flight(),
            placed: self.provisioner.placed.iter().filter_map(|(uid, place)| Some((key(uid)?, node(place)))).collect(),
            usage: self.view.pools().map(|pool| (pool.name.clone(), self.usage(&pool.name))).collect(),
            scarce: self.launches.scarcity.scarce(self.now).cloned().collect(),
            ..Order::default()
        }
    }

    /// What the pool uses of its limits at the worst, claims that are not seen yet included.
    fn usage(&self, pool: &NodePoolName) -> Resources {
        let types = self.view.types(pool).unwrap_or_default();
        let mut usage = Resources::new();
        let coming = self.provisioner.creating().filter(|claim| self.view.claim(&claim.name).is_none());
        for claim in self.view.claims().map(AsRef::as_ref).chain(coming).filter(|claim| claim.pool == *pool) {
            usage.add(&limits::worst(claim, &types));
        }
        usage
    }

    /// The plan for the batch has come.
    pub(super) fn planned(&mut self, plan: Result<Plan, String>) {
        self.provisioner.planning = false;
        self.queue.now(Key::Batch);
        for claim in self.provisioner.held_up.keys() {
            self.queue.now(Key::Claim(claim.clone()));
        }
        let plan = match plan {
            Ok(plan) => plan,
            Err(message) => {
                // Nothing was placed: the pods are still pending, and all of them are tried again.
                self.publish("Batch".to_owned(), "PlanRefused", message);
                self.provisioner.retry_at(self.now.plus(self.settings.batch_max));
                self.park_unplaced();
                self.rest_short_pools();
                return;
            }
        };
        for existing in &plan.existing_nodes {
            let claim = self.view.claim(existing.node.as_str()).filter(|claim| self.view.node_of(claim).is_none());
            let creating = self.provisioner.creating.contains_key(existing.node.as_str());
            let place = if claim.is_some() || creating {
                Place::Claim(existing.node.to_string())
            } else {
                Place::Node(existing.node.clone(), self.now.plus(self.settings.nomination))
            };
            for pod in &existing.pods {
                self.nominate(pod, place.clone());
            }
        }
        let (mut usages, mut standing) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
        for node in &plan.nodes {
            if self.view.pool(&node.node_pool).is_some_and(|pool| pool.replicas.is_some()) {
                standing.entry(&node.node_pool).or_default().push(node);
                continue;
            }
            let usage = usages.remove(&node.node_pool).unwrap_or_else(|| self.usage(&node.node_pool));
            let usage = self.buy(node, usage);
            usages.insert(node.node_pool.clone(), usage);
        }
        for (pool, nodes) in standing {
            self.keep(pool, &nodes);
        }
        self.rest_short_pools();
        for pod in &plan.unschedulable {
            self.publish(format!("Pod/{}", pod.pod), "FailedScheduling", pod.message.clone());
        }
        self.park_unplaced();
    }

    /// Pods that still wait and were in no batch's plan.
    fn park_unplaced(&mut self) {
        let waiting = self.view.pods().filter(|pod| pod_filter::judge(pod).is_ok()).map(|pod| pod.uid.clone());
        let unplaced: Vec<Uid> = waiting.filter(|uid| !self.provisioner.placed.contains_key(uid)).collect();
        for uid in unplaced {
            if !self.provisioner.batch.contains(&uid) {
                self.provisioner.parked.insert(uid);
            }
        }
        if !self.provisioner.parked.is_empty() {
            let again = self.now.plus(PARKED_MAX);
            self.provisioner.retry_at(again);
            self.queue.at(Key::Batch, self.provisioner.parked_until.unwrap_or(again));
        }
    }

    fn nominate(&mut self, pod: &ObjectKey, place: Place) {
        let Some(uid) = self.view.pod(pod).filter(|pod| pod_filter::judge(pod).is_ok()).map(|pod| pod.uid.clone()) else {
            return;
        };
        let on = match &place {
            Place::Claim(name) => format!("NodeClaim/{name}"),
            Place::Node(name, _) => format!("Node/{name}"),
        };
        self.publish(format!("Pod/{pod}"), "Nominated", format!("expected on {on}"));
        self.provisioner.batch.remove(&uid);
        self.let_loose(&uid);
        self.provisioner.placed.insert(uid, place);
    }

    /// Decides a claim for the planned node, if the pool's limits still have room: others may have been decided since the plan began.
    /// Takes and returns what the pool uses.
    fn buy(&mut self, planned: &PlannedNode, usage: Resources) -> Resources {
        let waits = |key: &ObjectKey| self.view.pod(key).filter(|pod| pod_filter::judge(pod).is_ok()).map(|pod| pod.uid.clone());
        let pods: BTreeSet<Uid> = planned.pods.iter().filter_map(waits).collect();
        let (pool, types) = (self.view.pool(&planned.node_pool), self.view.types(&planned.node_pool));
        let Some((pool, types)) = pool.zip(types).filter(|(pool, _)| !pods.is_empty() && !pool.deleting) else { return usage };
        // The scheduler may have put other pods on the node that was bought for these: that claim lives on under the first name.
        let spent = |known: &Claim| self.view.claim(&known.name).is_some_and(|seen| !self.is_expecting(&seen));
        let decided =
            (0..).map(|turn| claim::claim(planned, pool, &types, &pods, turn)).map(|object| (Claim::read(&object), object));
        let Some((claim, object)) = decided.into_iter().find(|(claim, _)| !spent(claim)) else { return usage };
        let mut grown = usage.clone();
        grown.add(&limits::worst(&claim, &types));
        let fits = pool.limits.as_ref().is_some_and(|limits| limits::exceeded(limits, &grown).is_none());
        let name = claim.name.clone();
        if !fits || self.view.claim(&name).is_some() || self.provisioner.creating.contains_key(&name) {
            return usage;
        }
        self.decide_claim_for(object, &planned.pods);
        grown
    }

    /// The claim is to be created, for these pods among others.
    pub(super) fn decide_claim_for(&mut self, object: NodeClaim, pods: &[ObjectKey]) {
        let claim = Claim::read(&object);
        let name = claim.name.clone();
        self.provisioner.creating.insert(name.clone(), Creation { object, claim });
        for pod in pods {
            self.nominate(pod, Place::Claim(name.clone()));
        }
        self.queue.now(Key::Create(name));
    }

    /// Creates a claim that was decided, unless nobody wants it any more.
    pub(super) fn create(&mut self, name: &str) {
        if self.view.claim(name).is_some() {
            self.provisioner.created(name);
            return;
        }
        let Some(creation) = self.provisioner.creating.get(name) else { return };
        if !self.is_wanted(&creation.claim) {
            self.give_up(name);
            return;
        }
        let write = Write::CreateClaim(Box::new(creation.object.clone()));
        self.ask(&Key::Create(name.to_owned()), Purpose::Create(name.to_owned()), Effect::Write(write));
    }

    /// The API server refuses the claim as it is: its pods wait until something has changed, or for a while.
    pub(super) fn refuse(&mut self, name: &str) {
        let again = self.now.plus(REFUSED);
        let provisioner = &mut self.provisioner;
        if let Some(creation) = provisioner.creating.remove(name) {
            self.standing.rest(creation.claim.pool, again);
        }
        let pods: Vec<Uid> = provisioner.meant_for(name).cloned().collect();
        for uid in pods {
            provisioner.placed.remove(&uid);
            provisioner.parked.insert(uid);
        }
        provisioner.retry_at(again);
        self.queue.at(Key::Batch, again);
    }

    /// The claim will not be created; its pods are tried again later.
    pub(super) fn give_up(&mut self, name: &str) {
        self.provisioner.creating.remove(name);
        self.queue.now(Key::Batch);
    }
}
