use super::next;
use crate::cluster::{Owner, Phase, Pod, PodRef, Protection};
use crate::fixture;
use crate::time::Time;
use std::time::Duration;

const NOW: Time = Time::from_millis(1_000_000);

fn after(seconds: u64) -> Time {
    NOW.plus(Duration::from_secs(seconds))
}

fn pod(name: &str, change: fn(&mut Pod)) -> Pod {
    let mut pod = Pod { phase: Phase::Running, ..fixture::pod(name) };
    change(&mut pod);
    pod
}

fn refs(pods: &[&Pod]) -> Vec<PodRef> {
    pods.iter().map(|pod| PodRef::from(*pod)).collect()
}

#[test]
fn tiers_leave_one_after_the_other() {
    let plain = pod("plain", |_| {});
    let daemon = pod("daemon", |pod| pod.owner = Owner::DaemonSet);
    let critical = pod("critical", |pod| pod.critical = true);
    let last = pod("last", |pod| (pod.critical, pod.owner) = (true, Owner::DaemonSet));
    let order = [&plain, &daemon, &critical, &last];
    for gone in 0..order.len() {
        let step = next(&order[gone..], &[], NOW, None);
        assert_eq!((step.evict, step.done), (refs(&order[gone..=gone]), false));
    }
    let mut leaving = plain.clone();
    leaving.deleting = Some(after(5));
    let step = next(&[&leaving, &daemon], &[], NOW, None);
    assert!(step.evict.is_empty() && !step.done, "the next tier waits until the one before is gone");
}

#[test]
fn static_tolerating_and_finished_pods_stay_and_stuck_ones_are_given_up() {
    let stay = [
        pod("static", |pod| pod.owner = Owner::Node),
        pod("tolerant", |pod| pod.tolerates_disruption = true),
        pod("done", |pod| pod.phase = Phase::Finished),
        pod("stuck", |pod| pod.deleting = Some(Time::from_millis(1_000_000 - 60_000))),
    ];
    let step = next(&stay.iter().collect::<Vec<_>>(), &[], NOW, None);
    assert!(step.done && step.evict.is_empty() && step.delete.is_empty(), "{step:?}");
    let dying = pod("dying", |pod| pod.deleting = Some(NOW));
    let step = next(&[&dying], &[], NOW, None);
    assert_eq!((step.done, step.again), (false, Some(after(60))));
}

#[test]
fn protected_pods_wait_for_their_wish_to_end_and_others_do_not_wait_for_them() {
    let always = pod("always", |pod| pod.protection = Protection::Always);
    let until = pod("until", |pod| pod.protection = Protection::Until(Time::from_millis(1_030_000)));
    let plain = pod("plain", |_| {});
    let step = next(&[&always, &until, &plain], &[], NOW, None);
    assert_eq!((step.evict, step.again), (refs(&[&plain]), Some(after(30))));
    assert_eq!(next(&[&until], &[], after(30), None).evict, refs(&[&until]));
}

#[test]
fn at_its_deadline_each_pod_is_deleted_with_the_time_left_and_never_with_none() {
    let slow = pod("slow", |pod| pod.protection = Protection::Always);
    let quick = pod("quick", |pod| pod.grace = Duration::from_secs(5));
    let step = next(&[&slow, &quick], &[], NOW, Some(after(20)));
    assert_eq!(step.delete, [(PodRef::from(&slow), Duration::from_secs(20))], "30 s of grace do not fit before the deadline");
    assert_eq!(step.evict, refs(&[&quick]));
    let step = next(&[&quick], &[], after(20), Some(after(20)));
    assert_eq!(step.delete, [(PodRef::from(&quick), Duration::from_secs(1))]);
    let mut leaving = quick.clone();
    leaving.deleting = Some(after(21));
    assert!(next(&[&leaving], &[], after(20), Some(after(20))).delete.is_empty(), "it will be gone by then");
}

#[test]
fn volumes_of_pods_that_left_must_be_detached_until_the_deadline() {
    let stays = pod("stays", |pod| (pod.tolerates_disruption, pod.volumes) = (true, vec!["pv-1".into()]));
    let volumes = ["pv-1".into(), "pv-2".into()];
    assert!(!next(&[&stays], &volumes, NOW, None).done);
    assert!(next(&[&stays], &volumes[..1], NOW, None).done, "a pod that stays keeps its volume");
    let step = next(&[&stays], &volumes, NOW, Some(after(9)));
    assert_eq!((step.done, step.again), (false, Some(after(9))));
    assert!(next(&[&stays], &volumes, after(9), Some(after(9))).done);
}
