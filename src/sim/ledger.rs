//! What must never be, looked at with the world's own eyes after every effect, and what must be true in the end.

use super::cluster::SimPod;
use super::scenario::{HORIZON, SILENCE};
use super::world::World;
use crate::api::{NodePool, label};
use crate::cloud::{InstanceId, LAUNCH_TAG, Launch, cluster_tag};
use crate::cluster::claim::Claim;
use crate::cluster::{Owner, Phase, PodRef, Pool, Uid, Write};
use crate::engine::Effect;
use crate::provision::limits;
use crate::reap::empty;
use crate::time::Time;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use windlass_solver::{NodeName, ResourceName, Resources};

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A pool has more than its limits allow.
    OverLimit(String),
    /// A claim has two instances.
    TwoInstances(String),
    /// An instance was launched for claims that do not say so.
    NoIntent(String),
    /// An instance was terminated that is not provably ours and unwanted.
    ForeignKill(String),
    /// A pod was killed past the eviction API although no deadline had come.
    PastBudget(String),
    /// A node went before it had been empty for long enough, or one of a static pool because it was empty.
    TooEarly(String),
    /// A static pool had more claims than it asks for, or fewer although nothing goes wrong.
    Replicas(String),
    /// A pod was bought for twice.
    BoughtTwice(String),
    /// Something is left though nobody wants it.
    Leak(String),
    /// Something was still written long after everything was settled.
    Restless(String),
    /// A pod that fits waits for ever.
    Stranded(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What the world remembers to judge by.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The claim that an instance was launched for.
    owner: BTreeMap<InstanceId, Uid>,
    /// When a pod that keeps its node last came or went.
    activity: BTreeMap<NodeName, Time>,
    /// Why a controller deletes a claim, by its own words.
    pub(super) reasons: BTreeMap<String, &'static str>,
    /// How many nodes the static pool was asked for, since when.
    pub(super) asked: Vec<(Time, usize)>,
    pub(super) last_write: Time,
    pub(super) violations: Vec<Violation>,
}

/// So long a controller may act on what a static pool asked for before: views and calls are late.
const LATE: Duration = Duration::from_mins(1);

impl Ledger {
    /// An empty one for a story about this pool.
    pub(super) fn of(pool: &NodePool) -> Self {
        let asked = Pool::read(pool).replicas.map(|count| (Time::default(), count));
        Self { asked: asked.into_iter().collect(), ..Self::default() }
    }

    /// The most nodes that the static pool asked for lately; `None` for a pool whose nodes follow pods.
    fn most_asked(&self, now: Time) -> Option<usize> {
        let ends = self.asked.iter().skip(1).map(|(until, _)| until.plus(LATE)).chain([Time::from_millis(i64::MAX)]);
        self.asked.iter().zip(ends).filter(|(_, end)| now < *end).map(|((_, count), _)| *count).max()
    }
}

impl World {
    fn violated(&mut self, violation: Violation) {
        if !self.ledger.violations.contains(&violation) {
            self.ledger.violations.push(violation);
        }
    }

    /// A pod that may keep its node came, finished or went.
    pub(super) fn note_activity(&mut self, pod: &SimPod) {
        if let Some(node) = pod.pod.node.clone().filter(|_| pod.pod.owner == Owner::Workload) {
            self.ledger.activity.insert(node, self.now);
        }
    }

    /// Before an effect is carried out.
    pub(super) fn judge(&mut self, index: usize, effect: &Effect) {
        match effect {
            Effect::Terminate(id, _) => self.judge_termination(id),
            Effect::Write(Write::DeletePod(pod, _)) => self.judge_pod_deletion(pod),
            Effect::Write(Write::DeleteClaim(target)) if self.ledger.reasons.get(&target.name) == Some(&"Empty") => {
                self.judge_emptiness(index, &target.name, &target.uid);
            }
            Effect::Write(Write::CreateClaim(object)) if self.replicas.len() == 1 => {
                let claim = Claim::read(object);
                self.judge_purchase(&claim);
            }
            _ => {}
        }
    }

    fn claims(&self) -> Vec<Claim> {
        self.cluster.claims.values().map(Claim::read).collect()
    }

    fn judge_purchase(&mut self, new: &Claim) {
        let waits = |uid: &Uid| self.cluster.pods.values().any(|pod| pod.pod.uid == *uid && pod.pod.node.is_none());
        let expecting = |claim: &Claim| claim.deleting.is_none() && !claim.is("Initialized") && claim.name != new.name;
        let twice: Vec<Uid> = self
            .claims()
            .iter()
            .filter(|claim| expecting(claim))
            .flat_map(|claim| claim.nominated.clone())
            .filter(|uid| new.nominated.contains(uid) && waits(uid))
            .collect();
        for uid in twice {
            self.violated(Violation::BoughtTwice(uid.to_string()));
        }
    }

    fn judge_termination(&mut self, id: &InstanceId) {
        let cluster = cluster_tag(&self.settings.cluster);
        let Some(machine) = self.cloud.machines.get(id) else { return };
        let tags = &machine.instance.tags;
        let ours = tags.get(&cluster).is_some_and(|value| value == "owned") && tags.contains_key(LAUNCH_TAG);
        let (provider_id, token) = (machine.instance.provider_id(), tags.get(LAUNCH_TAG).cloned());
        let wanted = self.claims().into_iter().find(|claim| {
            let has = claim.provider_id() == Some(provider_id.as_str());
            let owner = self.ledger.owner.get(id) == Some(&claim.uid);
            let awaits = owner && claim.provider_id().is_none() && claim.launch.as_ref().map(|one| &one.token) == token.as_ref();
            claim.deleting.is_none() && (has || awaits)
        });
        if !ours || wanted.is_some() {
            self.violated(Violation::ForeignKill(id.to_string()));
        }
        let node = NodeName::new(format!("node-{id}"));
        let deadline = self.deadline(&provider_id);
        let killed = self.cluster.pods.values().find(|pod| {
            pod.pod.node.as_ref() == Some(&node) && empty::keeps(&pod.pod) && pod.pod.deleting.is_none_or(|end| end > self.now)
        });
        let machine_up = self.cluster.nodes.get(&node).is_some_and(|node| node.ready);
        if let Some(pod) = killed.filter(|_| machine_up && deadline.is_none_or(|deadline| self.now < deadline)) {
            let pod = pod.pod.key.to_string();
            self.violated(Violation::PastBudget(pod));
        }
    }

    fn deadline(&self, provider_id: &str) -> Option<Time> {
        self.claims().iter().find(|claim| claim.provider_id() == Some(provider_id))?.deadline
    }

    fn judge_pod_deletion(&mut self, target: &PodRef) {
        let Some(pod) = self.cluster.pods.get(&target.key).filter(|pod| pod.pod.uid == target.uid) else { return };
        let node = pod.pod.node.as_ref().and_then(|name| self.cluster.nodes.get(name));
        let deadline = node.and_then(|node| self.deadline(&node.provider_id));
        let forced = deadline.is_some_and(|deadline| deadline <= self.now.plus(pod.pod.grace));
        if !forced {
            self.violated(Violation::PastBudget(target.key.to_string()));
        }
    }

    fn judge_emptiness(&mut self, index: usize, name: &str, uid: &Uid) {
        let Some(claim) = self.cluster.claims.get(name).map(Claim::read).filter(|claim| claim.uid == *uid) else { return };
        if self.is_standing() {
            self.violated(Violation::TooEarly(name.to_owned()));
            return;
        }
        let Some(after) = self.true_pool.as_ref().map(Pool::read).and_then(|pool| pool.consolidate_after) else { return };
        if claim.deleting.is_some() {
            return;
        }
        let node = NodeName::new(claim.status.node_name.as_str());
        let used = self.cluster.pods.values().any(|pod| pod.pod.node.as_ref() == Some(&node) && empty::keeps(&pod.pod));
        // What came and went while nobody looked cannot be known; a watch may be so much behind.
        let seen = self.replicas.get(index).map(|replica| replica.born).unwrap_or_default();
        let activity = self.ledger.activity.get(&node).filter(|time| **time > seen);
        let lag = Duration::from_secs(5);
        if used || activity.is_some_and(|time| self.now.plus(lag) < time.plus(after)) {
            self.violated(Violation::TooEarly(name.to_owned()));
        }
    }

    /// After a launch was carried out.
    pub(super) fn judge_launch(&mut self, launch: &Launch, new: &[InstanceId]) {
        if new.is_empty() {
            return;
        }
        let mut members: Vec<Claim> = self.claims();
        members.retain(|claim| claim.launch.as_ref().is_some_and(|record| record.token == launch.token));
        members.sort_by_key(|claim| claim.launch.as_ref().map(|record| record.index));
        if members.len() < launch.count {
            self.violated(Violation::NoIntent(launch.token.clone()));
        }
        let mut ids = new.to_vec();
        ids.sort();
        for (id, claim) in ids.iter().zip(&members) {
            self.ledger.owner.insert(id.clone(), claim.uid.clone());
        }
        let mut live: BTreeMap<&Uid, usize> = BTreeMap::new();
        for machine in self.cloud.live() {
            if let Some(owner) = self.ledger.owner.get(&machine.instance.id) {
                *live.entry(owner).or_default() += 1;
            }
        }
        let stays = |uid: &Uid| self.cluster.live_claims().any(|claim| claim.metadata.uid.as_deref() == Some(uid.as_str()));
        let standing = live.keys().filter(|uid| stays(uid)).count();
        let twice: Vec<String> = live.iter().filter(|(_, count)| **count > 1).map(|(uid, _)| uid.to_string()).collect();
        for uid in twice {
            self.violated(Violation::TwoInstances(uid));
        }
        self.judge_limits();
        self.judge_count(standing);
    }

    /// Whether the story is about a static pool.
    pub(super) const fn is_standing(&self) -> bool {
        !self.ledger.asked.is_empty()
    }

    /// After a claim was created. With two leaders there may be too many claims for a moment, but never too many instances.
    pub(super) fn judge_creation(&mut self, write: &Write) {
        if matches!(write, Write::CreateClaim(_)) && self.replicas.len() == 1 {
            self.judge_count(self.cluster.live_claims().count());
        }
    }

    fn judge_count(&mut self, count: usize) {
        if let Some(most) = self.ledger.most_asked(self.now).filter(|most| count > *most) {
            self.violated(Violation::Replicas(format!("{count} instead of {most} at {}", self.now)));
        }
    }

    /// Whether the static pool has exactly what it asks for, as far as its limits let it.
    pub(super) fn judge_replicas(&self) -> bool {
        let Some(pool) = self.true_pool.as_ref().map(Pool::read) else { return true };
        let limit = pool.limits.iter().flatten().find(|(name, _)| name.as_str() == ResourceName::NODES);
        let most = limit.and_then(|(_, limit)| usize::try_from(*limit).ok()).unwrap_or(usize::MAX);
        let live = self.cluster.live_claims().count();
        // A limit holds launches back and ends nothing.
        self.ledger.asked.last().is_none_or(|(_, asked)| live == *asked || (live < *asked && live == most))
    }

    pub(super) fn violate_replicas(&mut self) {
        let live = self.cluster.live_claims().count();
        self.violated(Violation::Replicas(format!("{live} in the end")));
    }

    fn judge_limits(&mut self) {
        let Some(pool) = &self.true_pool else { return };
        let mut usage = Resources::new();
        for machine in self.cloud.live().filter(|machine| machine.instance.tags.contains_key(label::NODE_POOL)) {
            let kind = self.types.iter().find(|kind| kind.name == machine.instance.instance_type);
            usage.add(&kind.map(|kind| kind.capacity.clone()).unwrap_or_default().with(ResourceName::NODES, 1));
        }
        let limits = Pool::read(pool).limits.unwrap_or_default();
        let broken = limits::exceeded(&limits, &usage).map(|name| format!("{name}: {}", usage.get(name.as_str())));
        if let Some(broken) = broken {
            self.violated(Violation::OverLimit(broken));
        }
    }

    /// When faults have stopped for long enough for pods to run, and workloads still want them.
    pub(super) fn judge_end(&mut self) {
        let leaks: Vec<String> = self
            .cloud
            .live()
            .filter(|machine| machine.launch.is_some())
            .map(|machine| format!("instance {}", machine.instance.id))
            .chain(self.cluster.claims.keys().map(|name| format!("claim {name}")))
            .chain(self.cluster.nodes.keys().map(|name| format!("node {name}")))
            .collect();
        for leak in leaks {
            self.violated(Violation::Leak(leak));
        }
        let foreign: Vec<String> = self
            .cloud
            .machines
            .values()
            .filter(|machine| machine.launch.is_none() && machine.instance.state.is_over())
            .map(|machine| machine.instance.id.to_string())
            .collect();
        for id in foreign {
            self.violated(Violation::ForeignKill(id));
        }
        let silent = Time::default().plus(HORIZON.saturating_sub(SILENCE));
        if self.ledger.last_write > silent {
            let last = self.ledger.last_write;
            self.violated(Violation::Restless(last.to_string()));
        }
    }

    /// Pods that wait though nothing stands in their way.
    pub(super) fn judge_waiting(&mut self) {
        let waiting: Vec<String> = self
            .cluster
            .pods
            .values()
            .filter(|pod| pod.pod.phase == Phase::Pending && pod.pod.owner == Owner::Workload)
            .map(|pod| pod.pod.key.to_string())
            .collect();
        for pod in waiting {
            self.violated(Violation::Stranded(pod));
        }
    }
}
