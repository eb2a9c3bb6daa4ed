//! EC2NodeClasses: when their selectors are resolved again, and what is written of it.

use crate::api::condition::{self, ConditionStatus};
use crate::api::{EC2NodeClass, EC2NodeClassStatus};
use crate::cluster::Uid;
use crate::cluster::live::store::READY;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// What a ready class found is looked up again after so long (Karpenter's subnet and AMI refresh: 1 min).
const REFRESH: Duration = Duration::from_mins(1);
/// A class that is not ready is looked at again after so long.
const RETRY: Duration = Duration::from_secs(5);
/// The first pause after a call that failed; it doubles up to [`REFRESH`].
const PAUSE: Duration = Duration::from_secs(1);

/// Finalizer of EC2NodeClasses, Karpenter's: a class stays while NodeClaims refer to it.
pub(super) const FINALIZER: &str = "karpenter.k8s.aws/termination";

/// When each class is due.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: BTreeMap<Uid, (Option<i64>, Instant)>,
    busy: BTreeSet<Uid>,
    failures: BTreeMap<Uid, u32>,
}

impl Schedule {
    /// Whether the class is to be resolved now; if so it is busy until [`Schedule::done`].
    pub(super) fn take(&mut self, uid: &Uid, generation: Option<i64>, now: Instant) -> bool {
        let due = self.due.get(uid).is_none_or(|(known, at)| *known != generation || *at <= now);
        if !due || self.busy.contains(uid) {
            return false;
        }
        self.due.insert(uid.clone(), (generation, now));
        self.busy.insert(uid.clone());
        true
    }

    /// The class was resolved, or could not be.
    pub(super) fn done(&mut self, uid: &Uid, status: Option<&EC2NodeClassStatus>, now: Instant) {
        self.busy.remove(uid);
        let wait = if let Some(status) = status {
            self.failures.remove(uid);
            let ready = condition::status(&status.conditions, READY) == Some(ConditionStatus::True);
            if ready { REFRESH } else { RETRY }
        } else {
            let times = self.failures.entry(uid.clone()).or_default();
            *times = times.saturating_add(1);
            PAUSE.saturating_mul(1 << (*times - 1).min(6)).min(REFRESH)
        };
        if let Some((_, at)) = self.due.get_mut(uid) {
            *at = now + wait;
        }
    }

    /// Forgets classes that are gone.
    pub(super) fn keep(&mut self, known: &BTreeSet<Uid>) {
        self.due.retain(|uid, _| known.contains(uid));
        self.failures.retain(|uid, _| known.contains(uid));
    }
}

/// What becomes of a class's finalizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It is to be added.
    Add,
    /// It is to be taken off: the class is being deleted and nobody needs it.
    Release,
    /// It stays as it is.
    Keep,
}

/// Judges the finalizer; `used` if a NodeClaim refers to the class.
pub(super) fn hold(class: &EC2NodeClass, used: bool) -> Hold {
    let held = class.metadata.finalizers.iter().flatten().any(|one| one == FINALIZER);
    match (class.metadata.deletion_timestamp.is_some(), held) {
        (false, false) => Hold::Add,
        (true, true) if !used => Hold::Release,
        _ => Hold::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::{FINALIZER, Hold, PAUSE, REFRESH, RETRY, Schedule, hold};
    use crate::api::condition::{self, ConditionStatus};
    use crate::api::{EC2NodeClass, EC2NodeClassStatus};
    use crate::cluster::Uid;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;
    use std::collections::BTreeSet;
    use std::time::Instant;

    fn status(ready: ConditionStatus) -> EC2NodeClassStatus {
        let mut status = EC2NodeClassStatus::default();
        condition::set(&mut status.conditions, "Ready", ready, ("", ""), "");
        status
    }

    #[test]
    fn a_class_is_resolved_at_once_when_it_changes_and_now_and_then_else() {
        let (mut schedule, uid, now) = (Schedule::default(), Uid::new("u"), Instant::now());
        assert!(schedule.take(&uid, Some(1), now) && !schedule.take(&uid, Some(2), now), "one at a time");
        schedule.done(&uid, Some(&status(ConditionStatus::True)), now);
        assert!(!schedule.take(&uid, Some(1), now + RETRY) && schedule.take(&uid, Some(2), now + RETRY));
        schedule.done(&uid, Some(&status(ConditionStatus::False)), now);
        assert!(schedule.take(&uid, Some(2), now + RETRY));
        schedule.done(&uid, Some(&status(ConditionStatus::True)), now);
        assert!(schedule.take(&uid, Some(2), now + REFRESH));
    }

    #[test]
    fn failures_are_retried_less_and_less() {
        let (mut schedule, uid, now) = (Schedule::default(), Uid::new("u"), Instant::now());
        for wait in [PAUSE, 2 * PAUSE, 4 * PAUSE] {
            assert!(schedule.take(&uid, None, now + REFRESH));
            schedule.done(&uid, None, now);
            assert!(!schedule.take(&uid, None, now + wait / 2));
            assert!(schedule.take(&uid, None, now + wait));
            schedule.busy.clear();
        }
        schedule.keep(&BTreeSet::new());
        assert!(schedule.due.is_empty() && schedule.failures.is_empty());
    }

    #[test]
    fn a_class_stays_while_it_is_used() {
        let mut class = EC2NodeClass::new("c", crate::api::EC2NodeClassSpec::default());
        assert_eq!(hold(&class, false), Hold::Add);
        class.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        assert_eq!(hold(&class, true), Hold::Keep);
        class.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!((hold(&class, true), hold(&class, false)), (Hold::Keep, Hold::Release));
        class.metadata.finalizers = None;
        assert_eq!(hold(&class, false), Hold::Keep);
    }
}
