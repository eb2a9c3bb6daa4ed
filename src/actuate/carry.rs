//! Carries one effect out. Whatever happens, there is one answer.

use crate::api::{EC2NodeClass, NodeClaim, label};
use crate::cloud::{Cloud, CloudError, Fulfilment, Launch};
use crate::cluster::live::{Calls, Raw, Wrote};
use crate::cluster::{Refusal, Write};
use crate::engine::{Answer, CallId, Effect, Proof};
use crate::telemetry::{Telemetry, names};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tracing::{info, warn};
use windlass_solver::InstanceType;

/// Calls of the API server under way at a time.
const CLUSTER_CALLS: usize = 64;
/// Calls of the cloud under way at a time; its own limits come on top.
const CLOUD_CALLS: usize = 16;
/// Terminations under way at a time; those that are asked for together are one call.
const TERMINATIONS: usize = 256;
/// How long a shadow lets the engine believe that a call is under way.
const SHADOW: Duration = Duration::from_secs(10);

/// Whether anything is carried out at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shadow {
    /// Decisions are made and published, and nothing is written or launched.
    On,
    /// Decisions are carried out.
    Off,
}

/// What became of an effect, before the store has read it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// An answer as it is.
    Answer(Box<Answer>),
    /// A write, with the object as the API returned it.
    Wrote(Result<Wrote, Refusal>),
    /// A list of pods.
    Pods(Result<Vec<Raw>, Refusal>),
}

/// What an effect needs besides itself.
pub(super) enum Work {
    /// A call of the API server.
    Cluster(Effect),
    /// A launch, with its class, and the types that the class makes.
    Launch(Box<Launch>, Box<EC2NodeClass>, Arc<[InstanceType]>),
    /// Another call of the cloud.
    Cloud(Effect),
}

const fn word(error: &CloudError) -> &'static str {
    match error {
        CloudError::Throttled => "throttled",
        CloudError::Unknown(_) => "unknown",
        CloudError::TokenMismatch => "token_mismatch",
        CloudError::Refused(_) => "refused",
        CloudError::Fruitless(_) => "fruitless",
    }
}

impl Outcome {
    /// How it went, in one word.
    const fn result(&self) -> &'static str {
        let refusal = match self {
            Self::Wrote(Err(refusal)) | Self::Pods(Err(refusal)) => refusal,
            Self::Answer(answer) => match &**answer {
                Answer::Wrote(Err(refusal)) | Answer::Claims(Err(refusal)) | Answer::Pods(Err(refusal)) => refusal,
                Answer::Launched(Err(error)) | Answer::Instances(Err(error)) | Answer::Terminated(Err(error)) => {
                    return word(error);
                }
                _ => return "ok",
            },
            _ => return "ok",
        };
        match refusal {
            Refusal::Conflict => "conflict",
            Refusal::NotFound => "not_found",
            Refusal::Exists => "exists",
            Refusal::NotNow => "not_now",
            Refusal::Invalid(_) => "refused",
            Refusal::Unknown => "unknown",
        }
    }
}

impl Work {
    /// The call, in one word.
    const fn name(&self) -> &'static str {
        match self {
            Self::Launch(..) => "Launch",
            Self::Cluster(effect) | Self::Cloud(effect) => match effect {
                Effect::Write(write) => write.name(),
                Effect::ListClaims => "ListClaims",
                Effect::ListPods(_) => "ListPods",
                Effect::Describe => "Describe",
                Effect::Terminate(..) => "Terminate",
                Effect::Launch(_) => "Launch",
                Effect::Plan(_) => "Plan",
                Effect::Publish(_) => "Publish",
            },
        }
    }
}

/// Carries effects out, several at a time.
pub(super) struct Carrier<C> {
    calls: Calls,
    cloud: Arc<C>,
    shadow: Shadow,
    cluster_room: Arc<Semaphore>,
    cloud_room: Arc<Semaphore>,
    exit_room: Arc<Semaphore>,
    answers: mpsc::UnboundedSender<(CallId, Outcome)>,
    telemetry: Arc<Telemetry>,
}

impl<C: Cloud + 'static> Carrier<C> {
    pub(super) fn new(
        calls: Calls,
        cloud: Arc<C>,
        shadow: Shadow,
        answers: mpsc::UnboundedSender<(CallId, Outcome)>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        let (cluster_room, cloud_room) = (Arc::new(Semaphore::new(CLUSTER_CALLS)), Arc::new(Semaphore::new(CLOUD_CALLS)));
        let exit_room = Arc::new(Semaphore::new(TERMINATIONS));
        Self { calls, cloud, shadow, cluster_room, cloud_room, exit_room, answers, telemetry }
    }

    /// Starts an effect. Its answer comes by itself.
    pub(super) fn start(&self, id: CallId, work: Work) {
        let (kind, room) = match &work {
            Work::Cluster(effect) => (Asked::of(effect), &self.cluster_room),
            Work::Launch(..) => (Asked::Launch, &self.cloud_room),
            Work::Cloud(effect @ Effect::Terminate(..)) => (Asked::of(effect), &self.exit_room),
            Work::Cloud(effect) => (Asked::of(effect), &self.cloud_room),
        };
        let (calls, cloud, room) = (self.calls.clone(), Arc::clone(&self.cloud), Arc::clone(room));
        let shadow = self.shadow == Shadow::On && kind.changes_something();
        let (answers, telemetry) = (self.answers.clone(), Arc::clone(&self.telemetry));
        let (name, counting) = (work.name(), Arc::clone(&self.telemetry));
        tokio::spawn(async move {
            let carried = tokio::spawn(async move {
                if shadow {
                    tokio::time::sleep(SHADOW).await;
                    return kind.failed();
                }
                // Only a closed semaphore refuses, and nobody closes this one.
                let _room = room.acquire().await;
                if kind.changes_something() && !calls.may_write() {
                    warn!(?kind, "not carried out: the lease is too old");
                    return kind.failed();
                }
                carry(&calls, cloud.as_ref(), work, &telemetry).await
            });
            let outcome = carried.await.unwrap_or_else(|error| {
                warn!(%error, ?kind, "a call ended without answer");
                kind.failed()
            });
            let result = if shadow { "dry_run" } else { outcome.result() };
            counting.count(names::EFFECTS, &[("effect", name.to_owned()), ("result", result.to_owned())], 1);
            // The receiver is gone only when the process ends.
            let _ = answers.send((id, outcome));
        });
    }
}

/// Which call it is, to answer it if it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Write,
    Claims,
    Pods,
    Launch,
    Describe,
    Terminate,
}

impl Asked {
    const fn of(effect: &Effect) -> Self {
        match effect {
            Effect::Write(_) | Effect::Plan(_) | Effect::Publish(_) => Self::Write,
            Effect::ListClaims => Self::Claims,
            Effect::ListPods(_) => Self::Pods,
            Effect::Launch(_) => Self::Launch,
            Effect::Describe => Self::Describe,
            Effect::Terminate(..) => Self::Terminate,
        }
    }

    const fn changes_something(self) -> bool {
        matches!(self, Self::Write | Self::Launch | Self::Terminate)
    }

    /// The answer to a call of which nobody knows whether it was carried out.
    fn failed(self) -> Outcome {
        let unknown = || CloudError::Unknown("it was not carried out to its end".to_owned());
        let answer = match self {
            Self::Write => return Outcome::Wrote(Err(Refusal::Unknown)),
            Self::Pods => return Outcome::Pods(Err(Refusal::Unknown)),
            Self::Claims => Answer::Claims(Err(Refusal::Unknown)),
            Self::Launch => Answer::Launched(Err(unknown())),
            Self::Describe => Answer::Instances(Err(unknown())),
            Self::Terminate => Answer::Terminated(Err(unknown())),
        };
        Outcome::Answer(Box::new(answer))
    }
}

async fn carry(calls: &Calls, cloud: &impl Cloud, work: Work, telemetry: &Telemetry) -> Outcome {
    let answer = match work {
        Work::Launch(launch, class, types) => {
            let result = cloud.launch(&launch, &class, &types).await;
            tell_launch(telemetry, &launch, &result);
            Answer::Launched(result)
        }
        Work::Cluster(Effect::Write(write)) => {
            let name = write.name();
            let created = if let Write::CreateClaim(claim) = &write { pool_of(claim) } else { None };
            let result = calls.write(write).await;
            if let (Ok(_), Some(pool)) = (&result, created) {
                telemetry.count(names::NODECLAIMS_CREATED, &[("nodepool", pool)], 1);
            }
            if let Err(Refusal::Invalid(message)) = &result {
                warn!(write = name, message, "the API server refuses a write");
            }
            return Outcome::Wrote(result);
        }
        Work::Cluster(Effect::ListPods(node)) => return Outcome::Pods(calls.list_pods(&node).await),
        Work::Cluster(Effect::ListClaims) => Answer::Claims(calls.list_claims().await),
        Work::Cloud(Effect::Describe) => Answer::Instances(cloud.describe().await),
        Work::Cloud(Effect::Terminate(id, proof)) => {
            let result = cloud.terminate(&id).await;
            match &result {
                Ok(()) => {
                    let why = if matches!(proof, Proof::Orphan(_)) { "orphan" } else { "claim" };
                    telemetry.count(names::INSTANCES_TERMINATED, &[("reason", why.to_owned())], 1);
                    info!(instance = %id, why, "terminated");
                }
                Err(error) => warn!(instance = %id, %error, "termination failed"),
            }
            Answer::Terminated(result)
        }
        // Neither a call of the cluster nor of the cloud: the control task has no such work.
        Work::Cluster(effect) | Work::Cloud(effect) => return Asked::of(&effect).failed(),
    };
    Outcome::Answer(Box::new(answer))
}

fn pool_of(claim: &NodeClaim) -> Option<String> {
    claim.metadata.labels.as_ref()?.get(label::NODE_POOL).cloned()
}

fn tell_launch(telemetry: &Telemetry, launch: &Launch, result: &Result<Fulfilment, CloudError>) {
    let pool = ("nodepool", launch.pool.to_string());
    let failed = |reason: &str, by: usize| {
        let labels = [("capacity_type", launch.capacity_type.to_string()), ("reason", reason.to_owned())];
        telemetry.count(names::LAUNCH_FAILURES, &labels, u64::try_from(by).unwrap_or(0));
    };
    match result {
        Ok(done) => {
            let (launched, short) = (done.instances.len(), done.shortages.len());
            info!(pool = %launch.pool, token = launch.token, asked = launch.count, launched, short, "launched");
            let labels = [pool, ("capacity_type", launch.capacity_type.to_string())];
            telemetry.count(names::INSTANCES_LAUNCHED, &labels, u64::try_from(launched).unwrap_or(0));
            failed("insufficient_capacity", launch.count.saturating_sub(launched));
        }
        Err(error) => {
            warn!(pool = %launch.pool, token = launch.token, %error, "launch failed");
            failed(word(error), launch.count);
        }
    }
}
