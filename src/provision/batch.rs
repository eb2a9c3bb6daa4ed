//! The batch window: pods that become pending together are placed together.

use crate::cluster::Uid;
use crate::time::Time;
use std::collections::BTreeSet;
use std::time::Duration;

/// Karpenter's `--batch-idle-duration`: a batch ends when no new pod has come for so long.
pub const IDLE: Duration = Duration::from_secs(1);
/// Karpenter's `--batch-max-duration`: and at the latest after so long.
pub const MAX: Duration = Duration::from_secs(10);

/// Pods that wait to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    idle: Duration,
    max: Duration,
    pods: BTreeSet<Uid>,
    opened: Time,
    last: Time,
}

impl Batch {
    /// An empty one with these durations.
    pub const fn new(idle: Duration, max: Duration) -> Self {
        Self { idle, max, pods: BTreeSet::new(), opened: Time::from_millis(0), last: Time::from_millis(0) }
    }

    /// Adds a pod. One that is in already does not extend the window.
    pub fn add(&mut self, pod: Uid, now: Time) {
        if self.pods.is_empty() {
            self.opened = now;
        }
        if self.pods.insert(pod) {
            self.last = now;
        }
    }

    /// Takes a pod out that needs no place any more.
    pub fn remove(&mut self, pod: &Uid) {
        self.pods.remove(pod);
    }

    /// Whether the pod waits.
    pub fn contains(&self, pod: &Uid) -> bool {
        self.pods.contains(pod)
    }

    /// When the window closes; `None` while no pod waits.
    pub fn due(&self) -> Option<Time> {
        (!self.pods.is_empty()).then(|| self.last.plus(self.idle).min(self.opened.plus(self.max)))
    }

    /// The pods, if the window has closed by now. The next pod opens a new one.
    pub fn take(&mut self, now: Time) -> Option<BTreeSet<Uid>> {
        self.due().filter(|due| *due <= now).map(|_| std::mem::take(&mut self.pods))
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, IDLE, MAX};
    use crate::cluster::Uid;
    use crate::time::Time;

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn closes_a_second_after_the_last_new_pod() {
        let mut batch = Batch::new(IDLE, MAX);
        assert_eq!((batch.due(), batch.take(at(99_000))), (None, None));
        batch.add(Uid::new("a"), at(0));
        batch.add(Uid::new("b"), at(900));
        batch.add(Uid::new("a"), at(1_800));
        assert_eq!(batch.due(), Some(at(1_900)), "a pod that waits already does not extend the window");
        assert_eq!(batch.take(at(1_899)), None);
        assert_eq!(batch.take(at(1_900)).unwrap().len(), 2);
        assert_eq!(batch.due(), None);
        batch.add(Uid::new("c"), at(50_000));
        assert_eq!(batch.due(), Some(at(51_000)), "the next pod opens a new window");
    }

    #[test]
    fn closes_after_ten_seconds_however_many_come() {
        let mut batch = Batch::new(IDLE, MAX);
        for step in 0..30 {
            batch.add(Uid::new(format!("pod-{step}")), at(step * 500));
        }
        assert_eq!(batch.due(), Some(at(10_000)));
    }

    #[test]
    fn forgets_a_pod_that_needs_no_place_any_more() {
        let mut batch = Batch::new(IDLE, MAX);
        batch.add(Uid::new("a"), at(0));
        batch.remove(&Uid::new("a"));
        assert_eq!(batch.due(), None);
    }
}
