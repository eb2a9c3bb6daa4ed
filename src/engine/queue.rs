//! What is to be looked at, now or later. Ordered, so that equal events give equal effects.

use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{NodeName, NodePoolName};

/// Something that is decided on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A NodeClaim and its node, by the claim's name.
    Claim(String),
    /// A Node, by name.
    Node(NodeName),
    /// A launch that is to be sent, by token.
    Launch(String),
    /// A claim that is to be created, by name.
    Create(String),
    /// A static pool, by name.
    Pool(NodePoolName),
    /// Claims that wait until the limits have been counted.
    Admission,
    /// The batch of pods.
    Batch,
    /// The list of instances.
    Listing,
}

/// Keys to look at.
#[derive(Debug, Default)]
pub(super) struct Queue {
    dirty: BTreeSet<Key>,
    timers: BTreeSet<(Time, Key)>,
    times: BTreeMap<Key, Time>,
}

impl Queue {
    /// To be looked at in this step.
    pub(super) fn now(&mut self, key: Key) {
        self.dirty.insert(key);
    }

    /// To be looked at no later than `time`.
    pub(super) fn at(&mut self, key: Key, time: Time) {
        match self.times.get(&key) {
            Some(known) if *known <= time => return,
            Some(known) => {
                let known = *known;
                self.timers.remove(&(known, key.clone()));
            }
            None => {}
        }
        self.times.insert(key.clone(), time);
        self.timers.insert((time, key));
    }

    /// Moves what is due into this step.
    pub(super) fn advance(&mut self, now: Time) {
        while let Some((_, key)) = self.timers.first().filter(|(time, _)| *time <= now).cloned() {
            self.timers.pop_first();
            self.times.remove(&key);
            self.dirty.insert(key);
        }
    }

    /// The next key of this step.
    pub(super) fn pop(&mut self) -> Option<Key> {
        self.dirty.pop_first()
    }

    /// Whether this step has nothing more to look at.
    pub(super) fn is_idle(&self) -> bool {
        self.dirty.is_empty()
    }

    /// When the next timer runs out.
    pub(super) fn next(&self) -> Option<Time> {
        self.timers.first().map(|(time, _)| *time)
    }
}
