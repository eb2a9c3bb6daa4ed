//! Calls that are under way, and the pauses after calls that failed.

use super::effect::{CallId, Effect};
use super::queue::Key;
use crate::cloud::InstanceId;
use crate::cluster::Uid;
use crate::provision::digest::digest;
use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_solver::{NodeName, NodePoolName};

/// The pause after a first failure; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A plan for the batch.
    Plan,
    /// The creation of a claim, by name.
    Create(String),
    /// A write whose effect will be seen on the object.
    Write,
    /// The record of a launch on a claim: its name and the token.
    Record(String, String),
    /// A launch, by token.
    Launch(String),
    /// The list that admits waiting claims.
    Admit,
    /// The list by which a static pool gives claims up.
    Muster(NodePoolName),
    /// The list that judges instances which no known claim explains.
    Census(BTreeMap<InstanceId, String>),
    /// The list of pods of a claim's node: the claim's name and the node.
    Recheck(String, NodeName),
    /// A hint to the scheduler, which it may also do without.
    Nominate,
    /// An eviction or forced deletion, by the pod's uid.
    Evict(Uid),
    /// The list of instances, asked for at this time.
    Describe(Time),
    /// The termination of a claim's instance, by the claim's name.
    Terminate(String),
    /// The termination of an orphan.
    TerminateOrphan,
}

/// Calls under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    made: u64,
    open: BTreeMap<CallId, (Option<Key>, Purpose)>,
    busy: BTreeMap<Key, u32>,
    pauses: BTreeMap<Key, (u32, Time)>,
    effects: Vec<(CallId, Effect)>,
}

impl Calls {
    /// Makes a call; `key`, if given, is busy until the answer.
    pub(super) fn ask(&mut self, key: Option<Key>, purpose: Purpose, effect: Effect) {
        self.made += 1;
        let id = CallId(self.made);
        if let Some(key) = &key {
            *self.busy.entry(key.clone()).or_default() += 1;
        }
        self.open.insert(id, (key, purpose));
        self.effects.push((id, effect));
    }

    /// Says something that needs no answer.
    pub(super) fn tell(&mut self, effect: Effect) {
        self.made += 1;
        self.effects.push((CallId(self.made), effect));
    }

    /// The effects since the last time.
    pub(super) fn take(&mut self) -> Vec<(CallId, Effect)> {
        std::mem::take(&mut self.effects)
    }

    /// The call that is answered; `None` for a call that was answered before.
    pub(super) fn close(&mut self, id: CallId) -> Option<(Option<Key>, Purpose)> {
        let (key, purpose) = self.open.remove(&id)?;
        if let Some(key) = &key
            && let Some(count) = self.busy.get_mut(key)
        {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(key);
            }
        }
        Some((key, purpose))
    }

    /// Whether a call for this key is under way.
    pub(super) fn is_busy(&self, key: &Key) -> bool {
        self.busy.contains_key(key)
    }

    /// Until when the key is left alone after failures.
    pub(super) fn waits(&self, key: &Key) -> Option<Time> {
        self.pauses.get(key).map(|(_, until)| *until)
    }

    /// A call for this key failed. Returns until when the key is left alone.
    pub(super) fn failed(&mut self, key: &Key, now: Time) -> Time {
        let times = self.pauses.get(key).map_or(0, |(times, _)| *times);
        let until = now.plus(pause(times, &format!("{key:?}")));
        self.pauses.insert(key.clone(), (times.saturating_add(1), until));
        until
    }

    /// A call for this key succeeded.
    pub(super) fn succeeded(&mut self, key: &Key) {
        self.pauses.remove(key);
    }
}

/// The pause after that many failures before this one: doubling, and spread by up to a half so that what failed together is not
/// repeated together.
pub(super) fn pause(times: u32, who: &str) -> Duration {
    let whole = PAUSE_MIN.saturating_mul(1 << times.min(10)).min(PAUSE_MAX);
    let drawn = digest([who, &times.to_string()], 2).bytes().fold(0_u32, |sum, letter| (sum * 31 + u32::from(letter)) % 512);
    whole.saturating_sub(whole * drawn / 1024)
}
