//! The one task that owns the store and the engine.

use super::carry::{Carrier, Outcome, Shadow, Work};
use super::classes::{FINALIZER, Hold, Schedule, hold};
use super::measure;
use super::pools::{Ledger, Verdict, class_of};
use super::record::Recorder;
use super::survey::{Lens, Planned, Survey, Types};
use crate::api::condition::ConditionStatus;
use crate::api::{EC2NodeClass, EC2NodeClassStatus, NodePoolStatus, label};
use crate::cloud::{Cloud, CloudError};
use crate::cluster::Uid;
use crate::cluster::live::store::{DOUBTED, READY};
use crate::cluster::live::{Calls, Change, Kind, Store, Wrote};
use crate::engine::{Answer, CallId, Effect, Engine, Event, Notice, Written};
use crate::provision::Order;
use crate::telemetry::{Health, Telemetry, names};
use crate::time::Time;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};
use windlass_solver::Plan;

/// How often classes, surveys and statuses are looked after.
const CHORES: Duration = Duration::from_millis(250);
/// How often the status of pools is compared with what they have.
const STATUSES: Duration = Duration::from_secs(2);
/// How often what launches left behind is swept up.
const SWEEP: Duration = Duration::from_mins(5);

/// The result of a task of our own.
pub(super) enum Chore {
    Surveyed(Survey),
    Planned(CallId, Box<Planned>),
    Resolved(Uid, Result<EC2NodeClassStatus, CloudError>),
    PoolStatusFailed(Uid),
    /// This process leads from now on.
    Leading,
}

/// Where the control task's news come from.
pub(super) struct Inbox {
    pub(super) changes: mpsc::Receiver<Change>,
    pub(super) outcomes: mpsc::UnboundedReceiver<(CallId, Outcome)>,
    pub(super) chores: mpsc::UnboundedReceiver<Chore>,
    pub(super) stop: oneshot::Receiver<()>,
}

/// What the control task works with.
pub(super) struct Tools<C> {
    pub(super) calls: Calls,
    pub(super) cloud: Arc<C>,
    pub(super) carrier: Carrier<C>,
    pub(super) lens: Lens,
    pub(super) shadow: Shadow,
    /// Events to be written.
    pub(super) events: mpsc::Sender<k8s_openapi::api::events::v1::Event>,
    pub(super) chores: mpsc::UnboundedSender<Chore>,
    pub(super) outcomes: mpsc::UnboundedSender<(CallId, Outcome)>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) health: Arc<Health>,
}

/// The task's state.
#[allow(clippy::struct_excessive_bools, reason = "independent facts about how far the process got")]
pub(super) struct Control<C> {
    tools: Tools<C>,
    engine: Engine,
    store: Store,
    types: Types,
    recorder: Recorder,
    schedule: Schedule,
    /// Classes that were looked up at least once, with or without success.
    attempted: BTreeSet<Uid>,
    ledger: Ledger,
    /// Something has changed that decides what pools can launch.
    stale: bool,
    surveying: bool,
    surveyed: bool,
    leading: bool,
    begun: bool,
    statuses: Instant,
    swept: Instant,
    /// What watches that do not work last said.
    failing: BTreeMap<Kind, String>,
}

/// Whether warnings about the object are told. About others there would be too many: nodes come and go, and so does what they lack.
fn is_doubted(object: &str) -> bool {
    object.split_once('/').is_some_and(|(kind, _)| DOUBTED.iter().any(|doubted| doubted.name() == kind))
}

fn now() -> Time {
    Time::from(Timestamp::now())
}

impl<C: Cloud + 'static> Control<C> {
    pub(super) fn new(tools: Tools<C>, settings: crate::engine::Settings, store: Store) -> Self {
        let start = Instant::now();
        Self {
            tools,
            engine: Engine::new(settings, now()),
            store,
            types: Types::new(),
            recorder: Recorder::default(),
            schedule: Schedule::default(),
            attempted: BTreeSet::new(),
            ledger: Ledger::default(),
            stale: true,
            surveying: false,
            surveyed: false,
            leading: false,
            begun: false,
            statuses: start,
            swept: start,
            failing: BTreeMap::new(),
        }
    }

    /// Works until it is told to stop.
    pub(super) async fn run(mut self, mut inbox: Inbox) {
        let mut chores = tokio::time::interval(CHORES);
        chores.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let wake = self.engine.wakes().map_or(Duration::from_hours(1), |time| time.since(now()));
            tokio::select! {
                biased;
                _ = &mut inbox.stop => return,
                Some((id, outcome)) = inbox.outcomes.recv() => self.answered(id, outcome),
                Some(chore) = inbox.chores.recv() => self.chore(chore),
                _ = chores.tick() => self.look_after(),
                Some(change) = inbox.changes.recv() => self.changed(change),
                () = tokio::time::sleep(wake) => self.feed(Event::Tick),
            }
        }
    }

    fn feed(&mut self, event: Event) {
        for (id, effect) in self.engine.step(now(), event) {
            self.dispatch(id, effect);
        }
    }

    fn changed(&mut self, change: Change) {
        if let Change::Failed(kind, error) = &change {
            let known = self.failing.insert(*kind, error.clone());
            if known.as_ref() == Some(error) {
                debug!(kind = kind.name(), error, "a watch fails still");
            } else {
                warn!(kind = kind.name(), error, "a watch failed; it begins again, and this is not said again until it works");
            }
            self.tools.telemetry.count(names::WATCH_FAILURES, &[("kind", kind.name().to_owned())], 1);
        }
        if let Change::Complete(kind) | Change::Seen(kind, _) = &change {
            self.failing.remove(kind);
        }
        if let Change::Gone(Kind::NodeClaim, raw) = &change {
            let pool = raw.object.pointer("/metadata/labels").and_then(|labels| labels.get(label::NODE_POOL)?.as_str());
            let labels = [("nodepool", pool.unwrap_or_default().to_owned())];
            self.tools.telemetry.count(names::NODECLAIMS_TERMINATED, &labels, 1);
        }
        let told = self.store.take(change);
        let decides = matches!(told.touched, Some(Kind::NodePool | Kind::NodeClass | Kind::NodeOverlay));
        self.stale |= decides && told.differs;
        for notice in told.notices {
            self.publish(&notice);
        }
        for event in told.events {
            self.feed(event);
        }
    }

    fn dispatch(&mut self, id: CallId, effect: Effect) {
        match effect {
            Effect::Publish(notice) => self.publish(&notice),
            Effect::Plan(order) => self.plan(id, order),
            Effect::Launch(launch) => {
                let class = self.store.ready_class(&launch.node_class.name);
                match (class, self.types.get(&launch.pool)) {
                    (Ok(class), Some(types)) => {
                        let work = Work::Launch(launch, Box::new(class), Arc::clone(types));
                        self.tools.carrier.start(id, work);
                    }
                    (class, _) => {
                        let why = class.err().unwrap_or_else(|| format!("NodePool {} is not ready", launch.pool));
                        let refused = Answer::Launched(Err(CloudError::Refused(why)));
                        let _ = self.tools.outcomes.send((id, Outcome::Answer(Box::new(refused))));
                    }
                }
            }
            Effect::Write(_) | Effect::ListClaims | Effect::ListPods(_) => self.tools.carrier.start(id, Work::Cluster(effect)),
            Effect::Describe | Effect::Terminate(..) => self.tools.carrier.start(id, Work::Cloud(effect)),
        }
    }

    fn answered(&mut self, id: CallId, outcome: Outcome) {
        let answer = match outcome {
            Outcome::Answer(answer) => *answer,
            Outcome::Wrote(result) => Answer::Wrote(result.map(|wrote| match wrote {
                Wrote::Claim(claim) => Written::Claim(claim),
                Wrote::Node(raw) => Written::Node(Box::new(self.store.node(&raw.object))),
                Wrote::Nothing => Written::Nothing,
            })),
            Outcome::Pods(listed) => {
                Answer::Pods(listed.map(|pods| pods.iter().map(|raw| self.store.pod(&raw.object)).collect()))
            }
        };
        self.feed(Event::Answer(id, answer));
    }

    fn plan(&self, id: CallId, order: Box<Order>) {
        let (lens, inventory) = (self.tools.lens.clone(), self.store.inventory());
        let chores = self.tools.chores.clone();
        tokio::spawn(async move {
            let planned = tokio::task::spawn_blocking(move || lens.plan(&order, &inventory)).await;
            let planned = planned.unwrap_or_else(|error| Planned {
                plan: Err(format!("the solver failed: {error}")),
                survey: Survey::default(),
                took: Duration::ZERO,
            });
            let _ = chores.send(Chore::Planned(id, Box::new(planned)));
        });
    }

    fn chore(&mut self, chore: Chore) {
        match chore {
            Chore::Surveyed(survey) => {
                (self.surveying, self.surveyed) = (false, true);
                self.take_survey(survey);
                self.begin();
            }
            Chore::Planned(id, planned) => {
                let Planned { plan, survey, took } = *planned;
                self.tools.telemetry.planned(took);
                self.tell_plan(&plan, took);
                self.take_survey(survey);
                self.feed(Event::Answer(id, Answer::Planned(plan.map(Box::new))));
            }
            Chore::Resolved(uid, result) => self.resolved(&uid, result),
            Chore::PoolStatusFailed(uid) => self.ledger.failed(&uid),
            Chore::Leading => {
                self.leading = true;
                self.begin();
            }
        }
    }

    fn tell_plan(&self, plan: &Result<Plan, String>, took: Duration) {
        let result = match plan {
            Ok(plan) => {
                let (nodes, existing, unplaced) = (plan.nodes.len(), plan.existing_nodes.len(), plan.unschedulable.len());
                info!(nodes, existing, unschedulable = unplaced, millis = took.as_millis(), "planned");
                let unplaced = u32::try_from(unplaced).map_or(f64::INFINITY, f64::from);
                self.tools.telemetry.set(names::PLAN_PODS_UNSCHEDULABLE, &[], unplaced);
                "done"
            }
            Err(error) => {
                warn!(error, "no plan");
                "refused"
            }
        };
        self.tools.telemetry.count(names::PLANS, &[("result", result.to_owned())], 1);
    }

    fn take_survey(&mut self, survey: Survey) {
        for finding in &survey.findings {
            let Some(object) = finding.object.clone().filter(|object| finding.is_error() || is_doubted(object)) else { continue };
            let what = finding.field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
            let reason = if finding.is_error() { "Invalid" } else { "Doubtful" };
            self.publish(&Notice { object, reason, message: format!("{what}{}", finding.message) });
        }
        for (pool, types) in survey.types {
            if self.types.get(&pool).is_none_or(|known| *known != types) {
                debug!(%pool, types = types.len(), "instance types");
                self.types.insert(pool.clone(), Arc::clone(&types));
                self.feed(Event::Types(pool, types));
            }
        }
    }

    /// The engine decides from now on, once everything it needs is known and this process leads.
    fn begin(&mut self) {
        if self.leading && self.surveyed && !self.begun && self.store.is_complete() {
            self.begun = true;
            info!(pods = self.store.count(Kind::Pod), nodes = self.store.count(Kind::Node), "deciding");
            self.feed(Event::Synced);
        }
    }

    fn publish(&mut self, notice: &Notice) {
        measure::notice(&self.tools.telemetry, notice);
        if let Some(event) = self.recorder.event(notice, &self.store, Instant::now()) {
            // A full queue loses the Event: it informs, nothing depends on it.
            let _ = self.tools.events.try_send(event);
        }
    }

    /// What is to be done now and then.
    fn look_after(&mut self) {
        let now = Instant::now();
        self.tools.health.beat(now);
        if !self.store.is_complete() {
            return;
        }
        self.tools.health.set_ready();
        self.resolve_classes(now);
        let known: BTreeSet<Uid> = self.store.classes().map(|(uid, _)| uid.clone()).collect();
        if self.stale && !self.surveying && known.is_subset(&self.attempted) {
            (self.stale, self.surveying) = (false, true);
            let (lens, inventory, chores) = (self.tools.lens.clone(), self.store.inventory(), self.tools.chores.clone());
            tokio::spawn(async move {
                let survey = tokio::task::spawn_blocking(move || lens.survey(&inventory)).await.unwrap_or_default();
                let _ = chores.send(Chore::Surveyed(survey));
            });
        }
        if now.duration_since(self.statuses) >= STATUSES {
            self.statuses = now;
            measure::view(&self.tools.telemetry, &self.store, &self.engine, self.leading);
            self.judge_pools(now);
        }
        if !self.begun || self.tools.shadow == Shadow::On {
            return;
        }
        if now.duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.sweep();
        }
    }

    fn resolve_classes(&mut self, now: Instant) {
        let all: Vec<(Uid, EC2NodeClass)> = self.store.classes().map(|(uid, class)| (uid.clone(), class)).collect();
        self.schedule.keep(&all.iter().map(|(uid, _)| uid.clone()).collect());
        for (uid, mut class) in all {
            if !self.schedule.take(&uid, class.metadata.generation, now) {
                continue;
            }
            if class.status.is_none() {
                // Conditions that hold on keep their time, also over a restart.
                class.status = self.store.written_class(&uid).and_then(|written| written.status.clone());
            }
            if self.tools.shadow == Shadow::On
                && let Some(role) = class.spec.role.take()
            {
                // For a role an instance profile would be made; one that is named is only looked at.
                class.spec.instance_profile = Some(role);
            }
            let (cloud, chores) = (Arc::clone(&self.tools.cloud), self.tools.chores.clone());
            tokio::spawn(async move {
                let at = Time::from(Timestamp::now());
                let asked = tokio::spawn(async move { cloud.resolve(&class, at).await }).await;
                let _ =
                    chores.send(Chore::Resolved(uid, asked.unwrap_or_else(|error| Err(CloudError::Unknown(error.to_string())))));
            });
        }
    }

    fn resolved(&mut self, uid: &Uid, result: Result<EC2NodeClassStatus, CloudError>) {
        self.attempted.insert(uid.clone());
        self.schedule.done(uid, result.as_ref().ok(), Instant::now());
        let Some(written) = self.store.written_class(uid) else { return };
        let name = written.metadata.name.clone().unwrap_or_default();
        let status = match result {
            Ok(status) => status,
            Err(error) => {
                warn!(class = name, %error, "an EC2NodeClass could not be resolved");
                return;
            }
        };
        let differs = written.status.as_ref() != Some(&status);
        let known = self.store.classes().find(|(other, _)| *other == uid).and_then(|(_, class)| class.status);
        if known.as_ref() != Some(&status) {
            self.stale = true;
            let ready = status.conditions.iter().find(|one| one.type_ == READY);
            if let Some(ready) = ready.filter(|one| one.status != ConditionStatus::True) {
                let message = ready.message.clone();
                self.publish(&Notice { object: format!("EC2NodeClass/{name}"), reason: "NotReady", message });
            }
        }
        self.store.resolve(uid, status.clone());
        if differs && self.leading && self.tools.shadow == Shadow::Off {
            let (calls, uid) = (self.tools.calls.clone(), uid.clone());
            tokio::spawn(async move {
                let status = serde_json::to_value(status).ok();
                if let Err(error) = calls.set_status(Kind::NodeClass, (&name, &uid), move |_| status).await {
                    warn!(class = name, %error, "the status of an EC2NodeClass could not be written");
                }
            });
        }
    }

    /// What each pool has goes into metrics and, if we lead, into its status.
    fn judge_pools(&mut self, now: Instant) {
        let mut all = Vec::new();
        for (uid, name, read) in self.store.pools() {
            let invalid = read.err().map(str::to_owned);
            let class = match read {
                Ok(pool) => class_of(pool).and_then(|name| self.store.ready_class(name)),
                Err(why) => Err(why.to_owned()),
            };
            let verdict = Verdict::of(name, self.store.claims(), class.as_ref().map_err(Clone::clone), invalid);
            all.push((uid.clone(), name, read.ok(), verdict));
        }
        measure::pools(&self.tools.telemetry, all.iter().map(|(_, name, pool, verdict)| (*name, *pool, verdict)));
        if self.begun && self.tools.shadow == Shadow::Off {
            let due: Vec<_> = all.into_iter().filter(|(uid, _, _, verdict)| self.ledger.take(uid, verdict, now)).collect();
            for (uid, name, _, verdict) in due {
                self.write_pool_status(uid, name.to_owned(), verdict);
            }
            self.hold_classes();
        }
    }

    fn write_pool_status(&self, uid: Uid, name: String, verdict: Verdict) {
        let (calls, chores) = (self.tools.calls.clone(), self.tools.chores.clone());
        tokio::spawn(async move {
            let at = Timestamp::now();
            let change = move |known: &serde_json::Value| {
                let before = NodePoolStatus::deserialize(&known["status"]).unwrap_or_default();
                let generation = known["metadata"]["generation"].as_i64();
                let after = verdict.status(before.clone(), generation, &Time::from(at).to_string());
                (before != after).then(|| serde_json::to_value(after).ok()).flatten()
            };
            if let Err(error) = calls.set_status(Kind::NodePool, (&name, &uid), change).await {
                debug!(pool = name, %error, "the status of a NodePool could not be written");
                let _ = chores.send(Chore::PoolStatusFailed(uid));
            }
        });
    }

    /// Classes stay while claims refer to them.
    fn hold_classes(&self) {
        let used: BTreeSet<&str> = self.store.claims().map(|claim| claim.spec.node_class_ref.name.as_str()).collect();
        for (uid, class) in self.store.classes() {
            let name = class.metadata.name.clone().unwrap_or_default();
            let held = match hold(&class, used.contains(name.as_str())) {
                Hold::Add => true,
                Hold::Release => false,
                Hold::Keep => continue,
            };
            let (calls, uid) = (self.tools.calls.clone(), uid.clone());
            tokio::spawn(async move {
                if let Err(error) = calls.set_finalizer(Kind::NodeClass, (&name, &uid), FINALIZER, held).await {
                    debug!(class = name, %error, "the finalizer of an EC2NodeClass could not be changed");
                }
            });
        }
    }

    fn sweep(&self) {
        let classes: Vec<EC2NodeClass> = self.store.classes().map(|(_, class)| class).collect();
        let cloud = Arc::clone(&self.tools.cloud);
        tokio::spawn(async move {
            match cloud.sweep(&classes, Time::from(Timestamp::now())).await {
                Ok(swept) if swept.templates.is_empty() && swept.profiles.is_empty() => {}
                Ok(swept) => info!(templates = ?swept.templates, profiles = ?swept.profiles, "swept"),
                Err(error) => warn!(%error, "sweeping failed"),
            }
        });
    }
}
