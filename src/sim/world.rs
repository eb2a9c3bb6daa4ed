//! The world itself: virtual time, what happens next, and effects on their way.

use super::cloud::Cloud;
use super::cluster::Cluster;
use super::faults::{Crash, Faults, Moment};
use super::ledger::{Ledger, Violation};
use super::market;
use super::random::Random;
use super::replica::Replica;
use super::scenario::{CALM, END, HORIZON, RETIRED, Scenario};
use crate::api::NodePool;
use crate::cloud::{CloudError, InstanceId};
use crate::cluster::{PodRef, Refusal, Write};
use crate::engine::{Answer, CallId, Effect, Event, Settings};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{DaemonSet, InstanceType, ObjectKey, Options, PodShape, Resources};

/// How often a static pool is looked at again before it must have what it asks for.
const RETIREMENTS: u32 = 3;

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Happening {
    /// A watch event reaches a process, in one of its lives.
    Deliver(usize, u32, Box<Event>),
    /// An effect reaches the cluster or the cloud.
    Arrive(usize, u32, CallId, Box<Effect>),
    Wake(usize, u32),
    Start(usize),
    Kill(usize),
    Join(InstanceId),
    Ready(InstanceId),
    Started(InstanceId),
    Die(InstanceId),
    Schedule,
    PodStopped(PodRef),
    PodDone(PodRef),
    Wave(usize),
    UserDeletes,
    /// A user asks the static pool for so many nodes.
    Scale(usize),
    End,
    /// The static pool is deleted, once it has what it asks for or was looked at so many times.
    Retire(u32),
    /// Nothing goes wrong any more.
    Calm,
}

/// What came of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// Effects of the first controller until nothing is written any more, and one: what comes later are regular lists.
    pub effects: u64,
    /// Machines launched.
    pub launched: usize,
    /// Pods of the workload that had a place when it ended.
    pub bound: usize,
    /// A digest of everything that happened; equal stories have equal digests.
    pub digest: u64,
}

/// Replaces an effect by others: a mistake planted to see that it is noticed.
pub type Tamper = fn(&Effect) -> Vec<Effect>;

/// A simulated world.
#[derive(Debug)]
pub struct World {
    pub(super) scenario: Scenario,
    pub(super) settings: Settings,
    pub(super) now: Time,
    pub(super) random: Random,
    queue: BTreeMap<(Time, u64), Happening>,
    made: u64,
    pub(super) cluster: Cluster,
    pub(super) cloud: Cloud,
    pub(super) types: Arc<[InstanceType]>,
    pub(super) daemon: DaemonSet,
    pub(super) replicas: Vec<Replica>,
    pub(super) ledger: Ledger,
    /// The pool whose limits count, whatever the engine is shown.
    pub(super) true_pool: Option<NodePool>,
    pub(super) tamper: Option<Tamper>,
    scheduled: bool,
    effects: u64,
    /// Effects of the first controller until the last write of anybody.
    settled: u64,
    bound: usize,
    digest: u64,
}

impl World {
    /// The beginning of a story.
    pub fn new(scenario: Scenario) -> Self {
        let shape = PodShape { requests: Resources::new().with("cpu", 100).with("pods", 1), ..PodShape::default() };
        let replicas = if scenario.faults.second_leader { 2 } else { 1 };
        let pool = scenario.pool.clone();
        Self {
            random: Random::new(scenario.seed()),
            settings: Settings { cluster: "sim".to_owned(), ..Settings::default() },
            now: Time::default(),
            queue: BTreeMap::new(),
            made: 0,
            cluster: Cluster::with(pool.clone()),
            cloud: Cloud::new(),
            types: market::types(),
            daemon: DaemonSet { key: ObjectKey::new("kube-system", "proxy"), labels: Arc::default(), shape: Arc::new(shape) },
            replicas: (0..replicas).map(|_| Replica::default()).collect(),
            ledger: Ledger::of(&pool),
            true_pool: Some(pool),
            tamper: None,
            scheduled: false,
            effects: 0,
            settled: 0,
            bound: 0,
            digest: 0,
            scenario,
        }
    }

    /// Plants a mistake between the engine and the world.
    #[must_use]
    pub fn tampered(mut self, tamper: Tamper) -> Self {
        self.tamper = Some(tamper);
        self
    }

    /// Shows the engine another pool than the one that counts: a mistake in reading.
    #[must_use]
    pub fn misread(mut self, change: fn(&mut NodePool)) -> Self {
        if let Some(pool) = &mut self.cluster.pool {
            change(pool);
        }
        self
    }

    /// Lets EC2 forget its client tokens, as if each call came with a new one.
    #[must_use]
    pub const fn forgetful(mut self) -> Self {
        self.cloud.forgetful = true;
        self
    }

    /// Changes the engine's settings.
    #[must_use]
    pub fn settings(mut self, change: fn(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// Tells the story to its end.
    pub fn run(mut self) -> Outcome {
        for index in 0..self.replicas.len() {
            self.after(Duration::from_millis(10), Happening::Start(index));
        }
        for (index, wave) in self.scenario.waves.iter().map(|wave| wave.at).enumerate().collect::<Vec<_>>() {
            self.after(wave, Happening::Wave(index));
        }
        for at in self.scenario.deletions.clone() {
            self.after(at, Happening::UserDeletes);
        }
        for (at, replicas) in self.scenario.scalings.clone() {
            self.after(at, Happening::Scale(replicas));
        }
        for _ in 0..self.scenario.faults.kills {
            let (at, index) = (self.random.between(1_000, 600_000), self.random.below(2));
            let index = usize::try_from(index).unwrap_or(0).min(self.replicas.len() - 1);
            self.after(at, Happening::Kill(index));
        }
        self.after(END, Happening::End);
        self.after(CALM, Happening::Calm);
        let horizon = Time::default().plus(HORIZON);
        while let Some(((time, made), happening)) = self.queue.pop_first().filter(|((time, _), _)| *time <= horizon) {
            self.now = time;
            self.digest =
                self.digest.rotate_left(5) ^ made ^ u64::try_from(time.millis()).unwrap_or(0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.happen(happening);
            self.follow_up();
        }
        self.judge_end();
        Outcome {
            violations: self.ledger.violations,
            effects: self.settled + 1,
            launched: self.cloud.machines.values().filter(|machine| machine.launch.is_some()).count(),
            bound: self.bound,
            digest: self.digest,
        }
    }

    pub(super) fn at(&mut self, time: Time, happening: Happening) {
        self.made += 1;
        self.queue.insert((time, self.made), happening);
    }

    pub(super) fn after(&mut self, wait: Duration, happening: Happening) {
        self.at(self.now.plus(wait), happening);
    }

    /// What can go wrong now.
    pub(super) fn faults(&self) -> Option<Faults> {
        (self.now < Time::default().plus(CALM)).then(|| self.scenario.faults.clone())
    }

    /// Whether the users have gone home.
    pub(super) fn is_over(&self) -> bool {
        self.now >= Time::default().plus(END)
    }

    fn happen(&mut self, happening: Happening) {
        let alive = |world: &Self, index: usize, life: u32| world.replicas.get(index).is_some_and(|replica| replica.life == life);
        match happening {
            Happening::Deliver(index, life, event) if alive(self, index, life) => self.feed(index, *event),
            Happening::Wake(index, life) if alive(self, index, life) => self.feed(index, Event::Tick),
            Happening::Arrive(index, life, call, effect) if alive(self, index, life) => self.arrive(index, life, call, &effect),
            Happening::Deliver(..) | Happening::Wake(..) | Happening::Arrive(..) | Happening::Calm => {}
            Happening::Start(index) => self.start_replica(index),
            Happening::Kill(index) => self.kill_replica(index),
            Happening::Join(id) => self.join(&id),
            Happening::Ready(id) => self.ready(&id),
            Happening::Started(id) => self.started(&id),
            Happening::Die(id) => self.end_machine(&id),
            Happening::Schedule => {
                self.scheduled = false;
                self.schedule_pods();
            }
            Happening::PodStopped(pod) => self.pod_stopped(&pod),
            Happening::PodDone(pod) => self.pod_done(&pod),
            Happening::Wave(index) => self.start_wave(index),
            Happening::UserDeletes => self.user_deletes(),
            Happening::Scale(replicas) => {
                self.cluster.scale(replicas);
                self.ledger.asked.push((self.now, replicas));
            }
            Happening::Retire(tries) => self.retire(tries),
            Happening::End => {
                self.bound = self.cluster.pods.values().filter(|pod| pod.pod.node.is_some() && pod.wave != usize::MAX).count();
                if self.scenario.is_calm() {
                    self.judge_waiting();
                }
                self.end_workloads();
                if self.is_standing() {
                    self.at(Time::default().plus(RETIRED), Happening::Retire(0));
                } else {
                    self.cluster.delete_pool(self.now);
                }
            }
        }
    }

    /// A static pool goes. A claim may have ended just now: then it is looked at again a little later.
    fn retire(&mut self, tries: u32) {
        if self.judge_replicas() {
            self.cluster.delete_pool(self.now);
        } else if tries < RETIREMENTS {
            self.after(Duration::from_secs(20), Happening::Retire(tries + 1));
        } else {
            self.violate_replicas();
            self.cluster.delete_pool(self.now);
        }
    }

    fn user_deletes(&mut self) {
        let names: Vec<String> = self.cluster.claims.keys().cloned().collect();
        let count = u64::try_from(names.len()).unwrap_or(0);
        let index = usize::try_from(self.random.below(count)).unwrap_or(0);
        if let Some(name) = names.get(index) {
            self.cluster.delete_claim(name, self.now);
        }
    }

    /// What follows from every change: watches, graceful ends, the scheduler's next round.
    fn follow_up(&mut self) {
        for (pod, time) in std::mem::take(&mut self.cluster.leaving) {
            self.at(time.max(self.now), Happening::PodStopped(pod));
        }
        if self.cluster.events.is_empty() {
            return;
        }
        self.broadcast();
        if !self.scheduled {
            self.scheduled = true;
            self.after(Duration::from_millis(200), Happening::Schedule);
        }
    }

    /// An effect sets out.
    pub(super) fn depart(&mut self, index: usize, life: u32, call: CallId, effect: Effect) {
        if let Effect::Publish(notice) = &effect {
            if let Some(name) = notice.object.strip_prefix("NodeClaim/") {
                self.ledger.reasons.insert(name.to_owned(), notice.reason);
            }
            return;
        }
        let number = self.effects;
        if index == 0 {
            self.effects += 1;
        }
        if index == 0 && self.scenario.faults.crash == Some(Crash { effect: number, moment: Moment::Before }) {
            self.kill_replica(0);
            return;
        }
        if index == 0 && self.scenario.faults.crash == Some(Crash { effect: number, moment: Moment::After }) {
            self.carry_out(index, &effect);
            self.kill_replica(0);
            return;
        }
        let wait = self.random.between(2, 60);
        self.after(wait, Happening::Arrive(index, life, call, Box::new(effect)));
    }

    fn arrive(&mut self, index: usize, life: u32, call: CallId, effect: &Effect) {
        let faults = self.faults().unwrap_or_default();
        let mut roll = |rate: u64| !matches!(effect, Effect::Plan(_)) && self.random.chance(rate);
        let (refused, lost, unheard) = (roll(faults.refused), roll(faults.lost_before), roll(faults.lost_after));
        let answer = if refused {
            failure(effect, Refusal::NotNow, CloudError::Throttled)
        } else if lost {
            failure(effect, Refusal::Unknown, CloudError::Unknown(String::new()))
        } else {
            let answer = self.carry_out(index, effect);
            if unheard { failure(effect, Refusal::Unknown, CloudError::Unknown(String::new())) } else { answer }
        };
        let wait = self.random.between(2, 60);
        self.after(wait, Happening::Deliver(index, life, Box::new(Event::Answer(call, answer))));
    }

    fn carry_out(&mut self, index: usize, effect: &Effect) -> Answer {
        self.judge(index, effect);
        if matches!(effect, Effect::Write(_) | Effect::Launch(_) | Effect::Terminate(..)) {
            self.ledger.last_write = self.now;
            self.settled = self.effects;
        }
        match effect {
            Effect::Plan(order) => {
                let options = Options { steps: Some(0), ..Options::default() };
                Answer::Planned(order.plan(&self.survey(), &options).map(Box::new).map_err(|error| error.to_string()))
            }
            Effect::Write(write) => {
                let answer = self.cluster.write(Write::clone(write), self.now);
                self.judge_creation(write);
                Answer::Wrote(answer)
            }
            Effect::ListClaims => Answer::Claims(Ok(self.cluster.claims.values().cloned().collect())),
            Effect::ListPods(node) => {
                let on = self.cluster.pods.values().filter(|pod| pod.pod.node.as_ref() == Some(node));
                Answer::Pods(Ok(on.map(|pod| pod.pod.clone()).collect()))
            }
            Effect::Launch(launch) => {
                let faults = self.faults();
                let result = self.cloud.launch(launch, self.now, faults.as_ref(), &mut self.random);
                Answer::Launched(result.map(|(answer, new)| {
                    self.judge_launch(launch, &new);
                    for id in &new {
                        self.boot(id);
                    }
                    answer
                }))
            }
            Effect::Describe => Answer::Instances(Ok(self.cloud.describe(&self.settings.cluster, self.now))),
            Effect::Terminate(id, _) => {
                self.end_machine(id);
                Answer::Terminated(Ok(()))
            }
            Effect::Publish(_) => Answer::Terminated(Ok(())),
        }
    }

    fn end_machine(&mut self, id: &InstanceId) {
        self.cloud.end(id, self.now);
        self.lost(id);
    }
}

/// The answer to a call that failed.
fn failure(effect: &Effect, refusal: Refusal, error: CloudError) -> Answer {
    match effect {
        Effect::ListClaims => Answer::Claims(Err(refusal)),
        Effect::ListPods(_) => Answer::Pods(Err(refusal)),
        Effect::Launch(_) => Answer::Launched(Err(error)),
        Effect::Describe => Answer::Instances(Err(error)),
        Effect::Terminate(..) => Answer::Terminated(Err(error)),
        Effect::Write(_) | Effect::Plan(_) | Effect::Publish(_) => Answer::Wrote(Err(refusal)),
    }
}
