//! Nodes without pods that are worth keeping them for.

use crate::cluster::claim::EMPTY;
use crate::cluster::{Claim, Phase, Pod, Pool};
use crate::time::Time;

/// Whether the pod keeps its node: it runs or will run, and does not come and go with the node.
pub fn keeps(pod: &Pod) -> bool {
    pod.phase != Phase::Finished && !pod.is_of_node()
}

/// Since when the claim's node is known to be empty, as written in its status: the transition of condition `Empty`, or the last pod
/// event where that is later. The clock thus survives a restart.
pub fn since(claim: &Claim) -> Option<Time> {
    let marked = claim.since(EMPTY)?;
    let event = claim.status.last_pod_event_time.as_deref().and_then(Time::parse);
    Some(event.map_or(marked, |event| marked.max(event)))
}

/// When the node of an initialized claim has been empty for long enough; `None` while it is not empty, and for `Never`.
pub fn due(claim: &Claim, pool: &Pool) -> Option<Time> {
    if !claim.is("Initialized") || claim.deleting.is_some() {
        return None;
    }
    Some(since(claim)?.plus(pool.consolidate_after?))
}

#[cfg(test)]
mod tests {
    use super::{due, keeps, since};
    use crate::cluster::{Owner, Phase};
    use crate::fixture::{claim, condition, pod, pool};
    use crate::time::Time;
    use std::time::Duration;

    #[test]
    fn finished_daemon_and_static_pods_keep_no_node() {
        assert!(keeps(&pod("a")));
        let mut terminating = pod("a");
        terminating.deleting = Some(Time::from_millis(0));
        assert!(keeps(&terminating), "it still runs");
        for (phase, owner) in
            [(Phase::Finished, Owner::Workload), (Phase::Running, Owner::DaemonSet), (Phase::Running, Owner::Node)]
        {
            let mut pod = pod("a");
            (pod.phase, pod.owner) = (phase, owner);
            assert!(!keeps(&pod), "{pod:?}");
        }
    }

    #[test]
    fn the_clock_starts_when_the_last_pod_left_and_only_after_initialization() {
        let (mut claim, mut pool) = (claim("a"), pool("default"));
        pool.consolidate_after = Some(Duration::from_secs(30));
        condition(&mut claim, "Empty", "2026-11-22T12:00:00Z");
        assert_eq!(due(&claim, &pool), None, "not initialized");
        condition(&mut claim, "Initialized", "2026-11-22T11:00:00Z");
        assert_eq!(due(&claim, &pool), Time::parse("2026-11-22T12:00:30Z"));
        claim.status.last_pod_event_time = Some("2026-11-22T12:00:05Z".to_owned());
        assert_eq!(since(&claim), Time::parse("2026-11-22T12:00:05Z"));
        claim.status.last_pod_event_time = Some("2026-11-22T10:00:05Z".to_owned());
        assert_eq!(since(&claim), Time::parse("2026-11-22T12:00:00Z"));
        pool.consolidate_after = Some(Duration::ZERO);
        assert_eq!(due(&claim, &pool), since(&claim));
        pool.consolidate_after = None;
        assert_eq!(due(&claim, &pool), None, "Never");
    }

    #[test]
    fn a_node_with_pods_is_never_due() {
        let (mut claim, pool) = (claim("a"), pool("default"));
        condition(&mut claim, "Initialized", "2026-11-22T11:00:00Z");
        claim.status.last_pod_event_time = Some("2026-11-22T10:00:05Z".to_owned());
        assert_eq!(due(&claim, &pool), None);
    }
}
