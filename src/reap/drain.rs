//! How pods leave a node that is about to go: in which order, by which call, and when nothing holds the instance any more.

use crate::cluster::{Owner, Phase, Pod, PodRef, Protection};
use crate::time::Time;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A pod that still terminates so long after the end of its grace period is given up (Karpenter).
const STUCK: Duration = Duration::from_mins(1);
/// A forced deletion leaves at least so long: zero would take the pod out of the API while it still runs (Karpenter).
const GRACE_MIN: Duration = Duration::from_secs(1);

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drain {
    /// Pods to evict, in order. Disruption budgets may refuse.
    pub evict: Vec<PodRef>,
    /// Pods to delete whatever their budgets say, with the grace period left: the deadline is near.
    pub delete: Vec<(PodRef, Duration)>,
    /// When to look again though nothing has happened.
    pub again: Option<Time>,
    /// Nothing is to leave the node any more: no pod, no volume.
    pub done: bool,
}

/// The next step for the pods of a node. `deadline` is when the instance ends in any case, `volumes` are those attached to the node.
///
/// Order: plain pods, then daemonsets' pods, then critical pods, then critical daemonsets' pods, each when all before are gone. Static
/// pods and pods that tolerate the disruption stay. A pod that asks not to be disrupted waits for its wish to end or for the deadline.
pub fn next(pods: &[&Pod], volumes: &[Arc<str>], now: Time, deadline: Option<Time>) -> Drain {
    let leaving: Vec<&Pod> = pods.iter().copied().filter(|pod| is_drained(pod, now)).collect();
    let mut drain = Drain::default();
    let tier = leaving.iter().map(|pod| tier_of(pod)).min();
    for pod in &leaving {
        let forced = deadline.map(|deadline| Time::from_millis(deadline.millis().saturating_sub(millis(pod.grace))));
        match (forced, pod.deleting) {
            (Some(forced), _) if forced <= now => {
                let left = deadline.map_or(Duration::ZERO, |deadline| deadline.since(now)).max(GRACE_MIN);
                if pod.deleting.is_none_or(|end| end > now.plus(left)) {
                    drain.delete.push((PodRef::from(*pod), left));
                }
            }
            (_, None) if Some(tier_of(pod)) == tier && pod.is_protected(now) => {
                drain.again = earlier(drain.again, protection_end(pod));
            }
            (_, None) if Some(tier_of(pod)) == tier => drain.evict.push(PodRef::from(*pod)),
            _ => {}
        }
        drain.again = earlier(drain.again, forced.filter(|forced| now < *forced));
        drain.again = earlier(drain.again, pod.deleting.map(|end| end.plus(STUCK)));
    }
    let staying: BTreeSet<&Arc<str>> = pods.iter().filter(|pod| !is_drained(pod, now)).flat_map(|pod| &pod.volumes).collect();
    let detached = volumes.iter().all(|volume| staying.contains(volume)) || deadline.is_some_and(|deadline| deadline <= now);
    drain.done = leaving.is_empty() && detached;
    drain.again = earlier(drain.again, deadline.filter(|deadline| now < *deadline && !drain.done));
    drain
}

/// Whether the pod has to leave before the instance may go.
pub fn is_drained(pod: &Pod, now: Time) -> bool {
    let stuck = pod.deleting.is_some_and(|end| end.plus(STUCK) <= now);
    pod.phase != Phase::Finished && pod.owner != Owner::Node && !pod.tolerates_disruption && !stuck
}

/// Lower tiers leave first.
fn tier_of(pod: &Pod) -> (bool, bool) {
    (pod.critical, pod.owner == Owner::DaemonSet)
}

fn protection_end(pod: &Pod) -> Option<Time> {
    match pod.protection {
        Protection::Until(end) => Some(end),
        Protection::None | Protection::Always => None,
    }
}

fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    [a, b].into_iter().flatten().min()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
