//! From a claim to its instance: counted against limits, grouped with its like, recorded, asked for, and asked for again elsewhere.

use super::Engine;
use super::call::{Purpose, pause};
use super::effect::Effect;
use super::lifecycle::LAUNCHED;
use super::memo::Fate;
use super::queue::Key;
use crate::api::condition::ConditionStatus;
use crate::api::{NodeClassRef, label};
use crate::cloud::{Fulfilment, Instance, LAUNCH_TAG, Launch, cluster_tag};
use crate::cluster::claim::{self, LAUNCH};
use crate::cluster::node::unregistered;
use crate::cluster::{Claim, ClaimChange, LaunchRecord, Uid, Write};
use crate::provision::digest::digest;
use crate::provision::market::{self, Window};
use crate::provision::{Scarcity, limits, standing};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{Labels, NodePoolName, Taint};

/// Most instances of one call: a failure of it must not hold up too many.
const GROUP_MAX: usize = 100;
/// Claims that were decided together are launched together: the first of them waits so long for the others to be created.
const GATHER: std::time::Duration = std::time::Duration::from_millis(250);
/// Letters of a client token; EC2 allows 64.
const TOKEN_DIGEST: usize = 25;

/// Launches under way and what was learnt from them.
#[derive(Debug, Default)]
pub(super) struct Launches {
    pub(super) scarcity: Scarcity,
    /// By token, until each of their claims knows what became of it.
    groups: BTreeMap<String, Group>,
    /// Claims that can be launched, with how many launches were decided for each before.
    ready: BTreeMap<String, u32>,
    /// Since when any can.
    ready_since: Option<Time>,
    /// Claims that wait until their pool's limits have been counted.
    waiting: BTreeSet<String>,
    /// Those of them that existed when the list was asked for.
    counting: Option<BTreeSet<String>>,
}

/// Claims that are launched in one call.
#[derive(Debug)]
pub(super) struct Group {
    /// Their names and uids, in the order of their indexes.
    members: Vec<(String, Uid)>,
    launch: Launch,
    /// Members on which the launch is not recorded yet, with the record.
    unrecorded: BTreeMap<String, LaunchRecord>,
    /// The call may have been carried out.
    sent: bool,
}

/// Claims that can be launched in one call: nothing about their nodes differs.
type Alike = (NodePoolName, NodeClassRef, Labels, Vec<Taint>, Vec<Taint>, Window);

impl Launches {
    /// Whether a call with this token is being prepared or under way.
    pub(super) fn is_open(&self, token: &str) -> bool {
        self.groups.contains_key(token)
    }

    /// The claim is gone.
    pub(super) fn forget(&mut self, claim: &str) {
        self.ready.remove(claim);
        self.waiting.remove(claim);
    }

    /// The launch that is still to be recorded on the claim.
    fn unrecorded(&self, claim: &str) -> Option<LaunchRecord> {
        self.groups.values().find_map(|group| group.unrecorded.get(claim)).cloned()
    }
}

impl Group {
    /// A launch that was recorded by somebody before and is repeated.
    pub(super) const fn again(members: Vec<(String, Uid)>, launch: Launch) -> Self {
        Self { members, launch, unrecorded: BTreeMap::new(), sent: true }
    }
}

impl Engine {
    /// The next step of a claim without instance.
    pub(super) fn launch(&mut self, claim: &Arc<Claim>) {
        let key = Key::Claim(claim.name.clone());
        let end = claim.created.plus(self.settings.launch_timeout);
        if let Some(record) = self.launches.unrecorded(&claim.name) {
            self.write_record(claim, &record);
            return;
        }
        let fate = claim.launch.as_ref().and_then(|record| self.memos.get(&claim.uid).fate_of(&record.token).cloned());
        if let Some(Fate::Instance(instance)) = &fate {
            self.adopt(claim, instance);
            return;
        }
        // Whatever is under way: a call that is refused again and again must not hold the claim's pods for ever.
        if end <= self.now {
            self.delete_claim(claim, "LaunchTimeout", "it could not be launched in time");
            return;
        }
        self.queue.at(key, end);
        if claim.launch.as_ref().is_some_and(|record| self.launches.is_open(&record.token)) {
            // The answer wakes the claim.
            return;
        }
        if let Some(flaw) = &claim.flaw {
            self.set_condition(claim, LAUNCHED, ConditionStatus::False, ("Invalid", flaw));
            return;
        }
        if let Some(rests) = self.memos.get(&claim.uid).rests.filter(|rests| self.now < *rests) {
            self.queue.at(Key::Claim(claim.name.clone()), rests);
            return;
        }
        match &claim.launch {
            None => self.prepare(claim, 0),
            Some(record) if fate.is_some() => self.prepare(claim, record.attempt),
            Some(record) => self.recover(claim, record),
        }
    }

    /// The claim is to be launched once its pool's limits are known to have room for it.
    fn prepare(&mut self, claim: &Claim, attempts: u32) {
        let Some(pool) = self.view.pool(&claim.pool) else { return };
        if self.view.types(&claim.pool).is_none() {
            return;
        }
        if pool.is_limited() && !self.memos.get(&claim.uid).admitted {
            self.launches.waiting.insert(claim.name.clone());
            self.queue.now(Key::Admission);
        } else {
            self.launches.ready.insert(claim.name.clone(), attempts);
        }
    }

    pub(super) fn ask_admission(&mut self) {
        let waiting = self.launches.waiting.clone();
        if !waiting.is_empty() {
            self.launches.counting = Some(waiting);
            self.ask(&Key::Admission, Purpose::Admit, Effect::ListClaims);
        }
    }

    /// The list of all claims has come that admits or refuses those that existed when it was asked for.
    pub(super) fn admit(&mut self, listed: &[Claim]) {
        let counted = self.launches.counting.take().unwrap_or_default();
        let pools: BTreeSet<NodePoolName> =
            listed.iter().filter(|claim| counted.contains(&claim.name)).map(|claim| claim.pool.clone()).collect();
        self.launches.waiting.retain(|name| self.view.claim(name).is_some_and(|claim| claim.deleting.is_none()));
        for name in pools {
            let Some(pool) = self.view.pool(&name) else { continue };
            let (limits, replicas) = (pool.limits.clone(), pool.replicas);
            let types = self.view.types(&name).unwrap_or_default();
            let mut verdict = limits::admit(&name, limits.as_deref(), listed, &types, &counted);
            if let Some(replicas) = replicas {
                let admitted = self.admit_replicas(&name, replicas, listed, &counted);
                verdict.admitted.retain(|name| admitted.contains(name));
            }
            for name in verdict.admitted {
                let Some(claim) = self.view.claim(&name) else { continue };
                self.memos.of(&claim.uid).admitted = true;
                self.launches.waiting.remove(&name);
                self.queue.now(Key::Claim(name));
            }
            for name in verdict.surplus {
                let Some(claim) = self.view.claim(&name).filter(|claim| claim.provider_id().is_none()) else { continue };
                self.launches.waiting.remove(&name);
                self.delete_claim(&claim, "LimitExceeded", "the limits of its NodePool have no room for it");
            }
        }
        if !self.launches.waiting.is_empty() {
            // What was deleted must be gone before others are admitted.
            self.queue.at(Key::Admission, self.now.plus(std::time::Duration::from_secs(1)));
        }
    }

    /// Which of the waiting claims of a static pool are not too many. Those that are go.
    fn admit_replicas(
        &mut self,
        pool: &NodePoolName,
        replicas: usize,
        listed: &[Claim],
        counted: &BTreeSet<String>,
    ) -> BTreeSet<String> {
        let leaving = listed.iter().filter(|claim| self.memos.get(&claim.uid).given_up).map(|claim| claim.name.clone());
        let verdict = standing::admit(pool, replicas, listed, counted, &leaving.collect());
        for name in verdict.surplus {
            if let Some(claim) = self.view.claim(&name) {
                self.give_up_claim(&claim);
            }
        }
        verdict.admitted
    }

    /// Groups what can be launched and records it. A claim with nothing left to try is given up: its pods are planned anew.
    pub(super) fn form_launches(&mut self) {
        if self.launches.ready.is_empty() {
            return;
        }
        let gathered = self.launches.ready_since.get_or_insert(self.now).plus(GATHER);
        if self.provisioner.creating().next().is_some() && self.now < gathered {
            self.queue.at(Key::Batch, gathered);
            return;
        }
        self.launches.ready_since = None;
        let mut groups: BTreeMap<Alike, Vec<(Arc<Claim>, u32)>> = BTreeMap::new();
        for (name, attempts) in std::mem::take(&mut self.launches.ready) {
            let idle = |claim: &Arc<Claim>| {
                claim.deleting.is_none() && claim.provider_id().is_none() && !self.calls.is_busy(&Key::Claim(name.clone()))
            };
            let Some(claim) = self.view.claim(&name).filter(idle) else { continue };
            let offerings = market::offerings(&claim.requirements, &self.view.types(&claim.pool).unwrap_or_default());
            let Some(window) = market::window(&offerings, &self.launches.scarcity, self.now) else {
                self.delete_claim(&claim, "InsufficientCapacity", "EC2 has none of the instances it could be");
                continue;
            };
            let (pool, class) = (claim.pool.clone(), claim.node_class.clone());
            let alike = (pool, class, launch_labels(&claim), claim.taints.clone(), claim.startup_taints.clone(), window);
            groups.entry(alike).or_default().push((claim, attempts));
        }
        for ((.., window), members) in groups {
            for members in members.chunks(GROUP_MAX) {
                self.record(&window, members);
            }
        }
    }

    fn record(&mut self, window: &Window, members: &[(Arc<Claim>, u32)]) {
        let offerings: Vec<String> = window.offerings.iter().map(|(kind, zone)| format!("{kind}/{zone}")).collect();
        // Equal tokens mean equal calls, whoever makes them.
        let mut parts: Vec<String> = members.iter().map(|(claim, attempts)| format!("{}/{attempts}", claim.uid)).collect();
        parts.extend([window.capacity_type.to_string(), offerings.join(" ")]);
        let token = digest(parts.iter().map(String::as_str), TOKEN_DIGEST);
        let record = |index: usize, attempts: u32| LaunchRecord {
            token: token.clone(),
            index,
            count: members.len(),
            attempt: attempts.saturating_add(1),
            at: self.now.to_string(),
            capacity_type: window.capacity_type.to_string(),
            offerings: offerings.clone(),
        };
        let records: Vec<LaunchRecord> =
            members.iter().enumerate().map(|(index, (_, attempts))| record(index, *attempts)).collect();
        let first = members.first().zip(records.first()).and_then(|((claim, _), record)| self.launch_of(claim, record));
        let Some(launch) = first else { return };
        let group = Group {
            members: members.iter().map(|(claim, _)| (claim.name.clone(), claim.uid.clone())).collect(),
            launch,
            unrecorded: members.iter().map(|(claim, _)| claim.name.clone()).zip(records.iter().cloned()).collect(),
            sent: false,
        };
        self.launches.groups.insert(token, group);
        for ((claim, _), record) in members.iter().zip(&records) {
            let memo = self.memos.of(&claim.uid);
            (memo.fate, memo.lost) = (None, None);
            self.write_record(claim, record);
        }
    }

    /// Writes the launch on a claim, unless it stands there already or somebody else has decided another one.
    fn write_record(&mut self, claim: &Claim, record: &LaunchRecord) {
        let known = claim.launch.as_ref();
        if known.is_some_and(|known| known.token == record.token) {
            self.recorded(&claim.name, &record.token);
            return;
        }
        let text = serde_json::to_string(record).ok().filter(|_| known.map_or(0, |known| known.attempt) < record.attempt);
        let Some(text) = text else {
            self.call_off(&record.token);
            return;
        };
        let annotations = BTreeMap::from([(LAUNCH.to_owned(), text)]);
        let change = ClaimChange { claim: claim.exactly(), labels: Labels::new(), annotations, release: false };
        let purpose = Purpose::Record(claim.name.clone(), record.token.clone());
        self.ask(&Key::Claim(claim.name.clone()), purpose, Effect::Write(Write::ChangeClaim(change)));
    }

    /// The launch that a record stands for; the same record always gives the same launch.
    pub(super) fn launch_of(&self, claim: &Claim, record: &LaunchRecord) -> Option<Launch> {
        let mut tags = BTreeMap::from([
            (cluster_tag(&self.settings.cluster), "owned".to_owned()),
            ("eks:eks-cluster-name".to_owned(), self.settings.cluster.clone()),
            (label::NODE_POOL.to_owned(), claim.pool.to_string()),
            (label::NODE_CLASS.to_owned(), claim.node_class.name.clone()),
            (LAUNCH_TAG.to_owned(), record.token.clone()),
        ]);
        if record.count == 1 {
            tags.insert("karpenter.sh/nodeclaim".to_owned(), claim.name.clone());
        }
        let mut taints: Vec<Taint> = claim.taints.iter().chain(&claim.startup_taints).cloned().collect();
        taints.push(unregistered());
        Some(Launch {
            token: record.token.clone(),
            count: record.count,
            pool: claim.pool.clone(),
            node_class: claim.node_class.clone(),
            capacity_type: record.capacity_type()?,
            offerings: record.offerings(),
            labels: launch_labels(claim),
            taints,
            tags,
        })
    }

    /// The launch is recorded on a claim. Once it is on all, the call is made.
    pub(super) fn recorded(&mut self, name: &str, token: &str) {
        let Some(group) = self.launches.groups.get_mut(token) else { return };
        group.unrecorded.remove(name);
        if group.unrecorded.is_empty() {
            self.queue.now(Key::Launch(token.to_owned()));
        }
    }

    /// A claim that is on its way out takes part in no launch that is not complete.
    pub(super) fn withdraw(&mut self, claim: &str) {
        if let Some(record) = self.launches.unrecorded(claim) {
            self.call_off(&record.token);
        }
    }

    /// This engine will not make the call. Whoever has it recorded finds out what has become of it: somebody else may have made it.
    fn call_off(&mut self, token: &str) {
        let Some(group) = self.launches.groups.remove(token) else { return };
        for (name, _) in group.members {
            self.queue.now(Key::Claim(name));
        }
    }

    /// Takes a group in that is to be sent again.
    pub(super) fn resend(&mut self, token: &str, group: Group) {
        self.launches.groups.insert(token.to_owned(), group);
        self.queue.now(Key::Launch(token.to_owned()));
    }

    pub(super) fn send(&mut self, token: &str) {
        let Some(group) = self.launches.groups.get_mut(token).filter(|group| group.unrecorded.is_empty()) else { return };
        let wanted = |(name, uid): &(String, Uid)| {
            self.view
                .claim(name)
                .is_some_and(|claim| claim.uid == *uid && claim.deleting.is_none() && claim.provider_id().is_none())
        };
        if !group.members.iter().any(wanted) {
            // Nobody wants it any more. If it may have been carried out, EC2's lists will tell.
            if group.sent {
                self.lose(token);
            } else {
                self.call_off(token);
            }
            return;
        }
        group.sent = true;
        let launch = Box::new(group.launch.clone());
        self.ask(&Key::Launch(token.to_owned()), Purpose::Launch(token.to_owned()), Effect::Launch(launch));
    }

    /// EC2 has answered.
    pub(super) fn launched(&mut self, token: &str, mut answer: Fulfilment) {
        let Some(group) = self.launches.groups.get(token) else { return };
        answer.instances.sort_by(|a, b| a.id.cmp(&b.id));
        let kind = group.launch.capacity_type;
        for instance in &answer.instances {
            let key = (instance.instance_type.clone(), instance.zone.clone(), instance.capacity_type);
            self.launches.scarcity.launched(&key);
        }
        let mut refused: Vec<_> = answer.shortages.into_iter().map(|s| (s.instance_type, s.zone, s.capacity_type)).collect();
        if refused.is_empty() && answer.instances.len() < group.members.len() {
            // Fewer than asked for without a reason: none of what was asked for is to be had.
            refused.extend(group.launch.offerings.iter().map(|(name, zone)| (name.clone(), zone.clone(), kind)));
        }
        for offering in refused {
            self.launches.scarcity.refused(offering, self.now);
        }
        if let Some(end) = self.launches.scarcity.next_end(self.now) {
            self.provisioner.retry_at(end);
            self.queue.at(Key::Batch, end);
        }
        self.settle(token, &answer.instances);
    }

    /// Each member learns which instance is its own, if any.
    fn settle(&mut self, token: &str, instances: &[Instance]) {
        let Some(group) = self.launches.groups.remove(token) else { return };
        for (index, (name, uid)) in group.members.iter().enumerate() {
            let fate = instances.get(index).map_or(Fate::Missed, |instance| Fate::Instance(Box::new(instance.clone())));
            self.memos.of(uid).fate = Some((token.to_owned(), fate));
            self.queue.now(Key::Claim(name.clone()));
        }
    }

    /// The outcome cannot be learnt from the call any more, only from EC2's lists.
    pub(super) fn lose(&mut self, token: &str) {
        let Some(group) = self.launches.groups.remove(token) else { return };
        for (name, uid) in group.members {
            self.memos.of(&uid).lost = Some(self.now);
            self.queue.now(Key::Claim(name));
        }
    }

    /// EC2 has carried the call out and launched nothing, and not for lack of capacity: people must be told. The same token would get the
    /// same answer for ever, so each member is launched anew, after a pause that grows with its attempts.
    pub(super) fn fruitless(&mut self, token: &str, message: &str) {
        self.refused(token, message);
        let members = self.launches.groups.get(token).map(|group| group.members.clone()).unwrap_or_default();
        for (name, uid) in members {
            let attempts = self.view.claim(&name).and_then(|claim| Some(claim.launch.as_ref()?.attempt)).unwrap_or(0);
            let rests = self.now.plus(pause(attempts, uid.as_str()));
            self.memos.of(&uid).rests = Some(rests);
        }
        self.settle(token, &[]);
    }

    /// EC2 refuses the call as it is: people must be told.
    pub(super) fn refused(&mut self, token: &str, message: &str) {
        let members = self.launches.groups.get(token).map(|group| group.members.clone()).unwrap_or_default();
        let claims: Vec<_> = members.iter().filter_map(|(name, _)| self.view.claim(name)).collect();
        for claim in claims.iter().filter(|claim| claim.provider_id().is_none()) {
            self.publish(format!("NodeClaim/{}", claim.name), "LaunchFailed", message.to_owned());
            if !self.calls.is_busy(&Key::Claim(claim.name.clone())) {
                self.set_condition(claim, LAUNCHED, ConditionStatus::Unknown, ("LaunchFailed", message));
            }
        }
    }

    /// Writes down which instance the claim has got: first its labels, then the status, which ends the launch.
    fn adopt(&mut self, claim: &Claim, instance: &Instance) {
        let types = self.view.types(&claim.pool).unwrap_or_default();
        let kind = types.iter().find(|kind| kind.name == instance.instance_type);
        let mut labels = kind.map(|kind| kind.labels.clone()).unwrap_or_default();
        labels.insert(label::INSTANCE_TYPE.into(), instance.instance_type.as_str().into());
        labels.insert(label::ZONE.into(), instance.zone.as_str().into());
        labels.insert(label::CAPACITY_TYPE.into(), instance.capacity_type.as_str().into());
        if labels.iter().any(|(key, value)| claim.labels.get(key) != Some(value)) {
            let change = ClaimChange { claim: claim.exactly(), labels, annotations: BTreeMap::new(), release: false };
            self.write(&Key::Claim(claim.name.clone()), Write::ChangeClaim(change));
            return;
        }
        let mut status = claim.status.clone();
        status.provider_id = instance.provider_id();
        status.image_id.clone_from(&instance.image);
        if let Some(kind) = kind {
            status.capacity = claim::list(&kind.capacity);
            status.allocatable = claim::list(&kind.allocatable());
        }
        self.put_condition(&mut status, LAUNCHED, ConditionStatus::True, (LAUNCHED, ""));
        self.set_status(claim, status);
    }
}

/// Labels that the kubelet registers with: those that do not depend on which instance it becomes. The others come when the node is
/// registered.
fn launch_labels(claim: &Claim) -> Labels {
    let mut labels = claim.node_labels();
    labels.retain(|key, _| {
        [label::NODE_POOL, label::NODE_CLASS, label::CAPACITY_TYPE].contains(&key.as_ref())
            || !windlass_solver::label::is_well_known(key)
    });
    labels
}
