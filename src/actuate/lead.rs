//! One leader at a time, by a Lease. Who holds it is decided by its version and by clocks that measure how long it did not change: nobody's
//! wall clock is trusted, as in client-go.

use crate::cluster::Refusal;
use crate::cluster::live::Fence;
use crate::cluster::live::refusal::ask;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

/// How long a lease that nobody renews is respected (client-go's default).
const DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long gives up (client-go's default).
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// Between attempts (client-go's default).
const RETRY: Duration = Duration::from_secs(2);

/// The candidate, and what it knows of the lease.
#[derive(Debug)]
pub struct Election {
    identity: String,
    /// The version that was seen last, and since when.
    seen: Option<(String, Instant)>,
}

/// What to do about a lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Write this spec: create it, or replace exactly the version that was judged.
    Write(Box<LeaseSpec>),
    /// Somebody else leads.
    Wait,
}

impl Election {
    /// A candidate of this name, which no other process may have.
    pub const fn new(identity: String) -> Self {
        Self { identity, seen: None }
    }

    /// Judges the lease as it is; `now` is this process's own clock, `wall` goes into the record for people.
    pub fn step(&mut self, lease: Option<&Lease>, now: Instant, wall: Timestamp) -> Step {
        let Some(lease) = lease else { return Step::Write(Box::new(self.spec(None, wall))) };
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(known, _)| *known != version) {
            self.seen = Some((version, now));
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let respected = seconds.map_or(DURATION, Duration::from_secs);
        let expired = self.seen.as_ref().is_some_and(|(_, since)| now.duration_since(*since) >= respected);
        if holder == self.identity || holder.is_empty() || expired {
            Step::Write(Box::new(self.spec(Some(&spec), wall)))
        } else {
            Step::Wait
        }
    }

    fn spec(&self, known: Option<&LeaseSpec>, wall: Timestamp) -> LeaseSpec {
        let ours = known.is_some_and(|spec| spec.holder_identity.as_deref() == Some(self.identity.as_str()));
        let transitions = known.and_then(|spec| spec.lease_transitions).unwrap_or(0);
        let acquired = known.and_then(|spec| spec.acquire_time.clone()).filter(|_| ours);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(acquired.unwrap_or(MicroTime(wall))),
            renew_time: Some(MicroTime(wall)),
            lease_transitions: Some(if ours || known.is_none() { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }
}

/// The lease in the cluster.
#[derive(Clone)]
pub(super) struct Seat {
    api: Api<Lease>,
    name: String,
    fence: Arc<Fence>,
}

impl Seat {
    pub(super) fn new(client: Client, namespace: &str, name: &str, fence: Arc<Fence>) -> Self {
        Self { api: Api::namespaced(client, namespace), name: name.to_owned(), fence }
    }

    /// One attempt to get or keep the lease. `Ok(true)`: it is ours.
    async fn attempt(&self, election: &mut Election) -> Result<bool, Refusal> {
        let known = ask(self.api.get_opt(&self.name)).await?;
        let Step::Write(spec) = election.step(known.as_ref(), Instant::now(), Timestamp::now()) else { return Ok(false) };
        let written = match known {
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let lease = Lease { metadata, spec: Some(*spec) };
                ask(self.api.create(&PostParams::default(), &lease)).await
            }
            Some(mut lease) => {
                lease.spec = Some(*spec);
                ask(self.api.replace(&self.name, &PostParams::default(), &lease)).await
            }
        };
        match written {
            Ok(_) => Ok(true),
            // Somebody else was faster; the next look shows whom to wait for.
            Err(Refusal::Conflict | Refusal::Exists) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Gives the lease back, so that the next one need not wait.
    pub(super) async fn release(&self, identity: &str) {
        let Ok(Some(mut lease)) = ask(self.api.get_opt(&self.name)).await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(identity) {
            return;
        }
        (spec.holder_identity, spec.lease_duration_seconds) = (Some(String::new()), Some(1));
        if let Err(error) = ask(self.api.replace(&self.name, &PostParams::default(), &lease)).await {
            warn!(%error, "the lease could not be released");
        }
    }

    /// Competes for the lease, says so once it is ours, and returns when it is lost.
    pub(super) async fn hold(self, identity: String, mut won: impl FnMut()) {
        let mut election = Election::new(identity);
        let mut renewed: Option<Instant> = None;
        loop {
            let asked = Fence::moment();
            let held = within_deadline(self.attempt(&mut election), renewed).await;
            if held == Ok(true) {
                self.fence.renewed(asked);
            }
            match (held, renewed) {
                (Ok(true), None) => {
                    info!(lease = self.name, "leading");
                    renewed = Some(Instant::now());
                    won();
                }
                (Ok(true), Some(_)) => renewed = Some(Instant::now()),
                (Ok(false), Some(_)) => {
                    warn!(lease = self.name, "somebody else holds the lease");
                    return;
                }
                (Err(error), Some(_)) => warn!(lease = self.name, %error, "the lease could not be renewed"),
                (Ok(false), None) => debug!(lease = self.name, "somebody else leads"),
                (Err(error), None) => warn!(lease = self.name, %error, "the lease cannot be read or written"),
            }
            if renewed.is_some_and(|renewed| renewed.elapsed() >= DEADLINE) {
                return;
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// An attempt must not outlast the time by which the lease must be renewed.
async fn within_deadline<T>(attempt: impl Future<Output = Result<T, Refusal>>, renewed: Option<Instant>) -> Result<T, Refusal> {
    let left = renewed.map_or(DEADLINE, |renewed| DEADLINE.saturating_sub(renewed.elapsed()));
    tokio::time::timeout(left, attempt).await.unwrap_or(Err(Refusal::Unknown))
}

#[cfg(test)]
mod tests {
    use super::{DURATION, Election, Lease, LeaseSpec, Step, Timestamp};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use std::time::{Duration, Instant};

    fn lease(version: &str, holder: &str, seconds: i32) -> Lease {
        Lease {
            metadata: ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(seconds),
                lease_transitions: Some(3),
                ..LeaseSpec::default()
            }),
        }
    }

    fn writes(step: &Step) -> Option<&LeaseSpec> {
        match step {
            Step::Write(spec) => Some(spec),
            Step::Wait => None,
        }
    }

    #[test]
    fn a_lease_that_is_missing_or_released_is_taken() {
        let mut election = Election::new("me".to_owned());
        let made = election.step(None, Instant::now(), Timestamp::UNIX_EPOCH);
        assert_eq!(writes(&made).and_then(|spec| spec.holder_identity.as_deref()), Some("me"));
        assert_eq!(writes(&made).and_then(|spec| spec.lease_transitions), Some(0));
        let taken = election.step(Some(&lease("5", "", 1)), Instant::now(), Timestamp::UNIX_EPOCH);
        assert_eq!(writes(&taken).and_then(|spec| spec.lease_transitions), Some(4));
    }

    #[test]
    fn a_lease_is_taken_over_only_after_it_did_not_change_for_its_whole_duration() {
        let mut election = Election::new("me".to_owned());
        let start = Instant::now();
        let mut at = |version: &str, seconds: u64| {
            let step =
                election.step(Some(&lease(version, "other", 15)), start + Duration::from_secs(seconds), Timestamp::UNIX_EPOCH);
            writes(&step).is_some()
        };
        assert!(!at("1", 0) && !at("1", 14));
        assert!(!at("2", 15), "it was renewed, however old its times are");
        assert!(!at("2", 29));
        assert!(at("2", 30));
    }

    #[test]
    fn a_holder_renews_without_counting_as_a_change_of_leader() {
        let mut election = Election::new("me".to_owned());
        let step = election.step(Some(&lease("1", "me", 15)), Instant::now(), Timestamp::UNIX_EPOCH);
        let spec = writes(&step).unwrap();
        assert_eq!((spec.lease_transitions, spec.lease_duration_seconds), (Some(3), Some(15)));
        assert_eq!(DURATION, Duration::from_secs(15));
    }
}
