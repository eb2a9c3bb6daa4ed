use super::{Answer, CallId, Effect, Engine, Event, Settings, Written};
use crate::api::{NodeClaim, NodePool};
use crate::cloud::CloudError;
use crate::cluster::claim::LAUNCH;
use crate::cluster::node::{disrupted, unregistered};
use crate::cluster::{LaunchRecord, Node, NodeChange, Pod, PodRef, Refusal, Uid, Write};
use crate::fixture;
use crate::provision::Ignored;
use crate::time::Time;
use std::collections::BTreeSet;
use std::time::Duration;
use windlass_solver::plan::{ExistingPlacement, OfferingRef};
use windlass_solver::{
    CapacityType, InstanceType, InstanceTypeName, Labels, MicroUsd, NodeName, NodePoolName, ObjectKey, Offering, Options,
    Overhead, PlannedNode, Resources, Snapshot, Zone, solve,
};

fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

fn pool() -> NodePool {
    serde_json::from_value(fixture::pool_object("default")).unwrap()
}

fn engine() -> Engine {
    Engine::new(Settings { cluster: "test".to_owned(), ..Settings::default() }, at(0))
}

/// One that has seen pool `default` and nothing else.
fn with_pool() -> Engine {
    let mut engine = engine();
    engine.step(at(0), Event::Pool(Box::new(pool())));
    engine.step(at(0), Event::Types(NodePoolName::from("default"), Vec::new().into()));
    engine.step(at(0), Event::Synced);
    engine
}

fn pod(name: &str) -> Event {
    Event::Pod(Box::new(fixture::pod(name)))
}

fn plans(effects: &[(CallId, Effect)]) -> usize {
    effects.iter().filter(|(_, effect)| matches!(effect, Effect::Plan(_))).count()
}

#[test]
fn nothing_is_decided_before_everything_was_seen() {
    let mut engine = engine();
    assert!(engine.step(at(0), pod("a")).is_empty());
    assert!(engine.step(at(60_000), Event::Tick).is_empty());
    assert_eq!(engine.wakes(), None);
    let effects = engine.step(at(60_000), Event::Synced);
    assert!(matches!(effects.as_slice(), [(_, Effect::Describe)]), "{effects:?}");
    assert_eq!(engine.wakes(), Some(at(61_000)), "the batch of the pod that waits");
}

#[test]
fn pods_that_come_together_are_planned_together_and_only_once() {
    let mut engine = with_pool();
    assert_eq!(plans(&engine.step(at(100), pod("a"))), 0);
    assert_eq!(plans(&engine.step(at(900), pod("b"))), 0);
    let effects = engine.step(at(1_900), Event::Tick);
    let orders: Vec<_> = effects
        .iter()
        .filter_map(|(id, effect)| match effect {
            Effect::Plan(order) => Some((*id, order.pods.len())),
            _ => None,
        })
        .collect();
    assert!(matches!(orders.as_slice(), [(_, 2)]), "{orders:?}");
    engine.step(at(1_950), pod("c"));
    assert_eq!(plans(&engine.step(at(20_000), Event::Tick)), 0, "one plan at a time");
    let refused = Answer::Planned(Err("a mistake".to_owned()));
    assert_eq!(plans(&engine.step(at(20_100), Event::Answer(orders[0].0, refused))), 1, "and the next batch at once");
}

#[test]
fn an_answer_counts_once() {
    let mut engine = engine();
    let effects = engine.step(at(0), Event::Synced);
    let id = effects[0].0;
    assert!(engine.step(at(10), Event::Answer(id, Answer::Instances(Ok(Vec::new())))).is_empty());
    assert!(engine.step(at(20), Event::Answer(id, Answer::Instances(Ok(Vec::new())))).is_empty());
    assert_eq!(engine.wakes(), Some(at(60_000)), "the next regular list");
}

#[test]
fn ignored_pods_say_why() {
    let mut engine = engine();
    engine.step(at(0), Event::Pod(Box::new(Pod { gated: true, ..fixture::pod("gated") })));
    engine.step(at(0), pod("wanted"));
    let ignored: Vec<_> = engine.ignored().map(|(key, why)| (key.to_string(), why)).collect();
    assert_eq!(ignored, [("default/gated".to_owned(), Ignored::Gated)]);
}

/// A claim that is expired is deleted, by uid; a write that fails is repeated after a pause, and a late answer to a claim that is gone
/// does not bring it back.
#[test]
fn an_expired_claim_is_deleted_until_it_is_gone() {
    let mut engine = engine();
    let made = at(0).to_string();
    let object = |version: &str| -> NodeClaim {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {"name": "a", "uid": "uid-a", "resourceVersion": version, "creationTimestamp": made,
                "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "default"}},
            "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
                "expireAfter": "60s", "requirements": []}
        }))
        .unwrap()
    };
    engine.step(at(0), Event::Claim(Box::new(object("1"))));
    engine.step(at(0), Event::Synced);
    let deletion = |effects: Vec<(CallId, Effect)>| {
        effects.into_iter().find_map(|(id, effect)| match effect {
            Effect::Write(Write::DeleteClaim(target)) => Some((id, target)),
            _ => None,
        })
    };
    assert_eq!(deletion(engine.step(at(59_999), Event::Tick)), None);
    let (id, target) = deletion(engine.step(at(60_000), Event::Tick)).unwrap();
    assert_eq!((target.name.as_str(), target.uid.as_str()), ("a", "uid-a"));
    assert_eq!(deletion(engine.step(at(60_001), Event::Tick)), None, "one call at a time");
    assert_eq!(deletion(engine.step(at(60_002), Event::Answer(id, Answer::Wrote(Err(Refusal::Unknown))))), None, "not at once");
    let again = at(60_002).plus(Duration::from_secs(1));
    let (id, _) = deletion(engine.step(again, Event::Tick)).unwrap();
    engine.step(again, Event::ClaimGone("a".to_owned(), target.uid));
    let late = Answer::Wrote(Ok(Written::Claim(Box::new(object("2")))));
    engine.step(again, Event::Answer(id, late));
    assert_eq!(deletion(engine.step(at(90_000), Event::Tick)), None);
}

/// EC2 may refuse a launch for ever. The claim is given up all the same, so that its pods are planned anew.
#[test]
fn a_launch_that_is_refused_again_and_again_ends() {
    let mut engine = engine();
    let made = at(0).to_string();
    let record = LaunchRecord {
        token: "token".to_owned(),
        index: 0,
        count: 1,
        attempt: 1,
        at: made.clone(),
        capacity_type: "spot".to_owned(),
        offerings: vec!["large/us-west-2a".to_owned()],
    };
    let object = serde_json::json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "a", "uid": "uid-a", "resourceVersion": "1", "creationTimestamp": made,
            "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "default"},
            "annotations": {LAUNCH: serde_json::to_string(&record).unwrap()}},
        "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}
    });
    engine.step(at(0), Event::Claim(Box::new(serde_json::from_value(object).unwrap())));
    let mut effects = engine.step(at(0), Event::Synced);
    let (mut launches, mut deleted, mut now) = (0, None, at(0));
    let end = at(0).plus(Settings::default().launch_timeout);
    while deleted.is_none() && now < end.plus(Duration::from_mins(1)) {
        for (id, effect) in std::mem::take(&mut effects) {
            let answer = match effect {
                Effect::Launch(_) => Answer::Launched(Err(CloudError::Refused("no".to_owned()))),
                Effect::Write(Write::DeleteClaim(target)) => {
                    deleted = Some(target.name);
                    continue;
                }
                Effect::Write(_) => Answer::Wrote(Err(Refusal::Unknown)),
                Effect::Describe => Answer::Instances(Ok(Vec::new())),
                _ => continue,
            };
            launches += usize::from(matches!(answer, Answer::Launched(_)));
            effects.extend(engine.step(now, Event::Answer(id, answer)));
        }
        if effects.is_empty() && deleted.is_none() {
            now = engine.wakes().unwrap();
            effects = engine.step(now, Event::Tick);
        }
    }
    // The claim may just be left alone after the failed write of its condition.
    assert_eq!((deleted.as_deref(), now.since(end) < Duration::from_secs(30)), (Some("a"), true), "{now:?}");
    assert!(launches > 5, "{launches}");
}

/// The scheduler may put other pods on a node than those that it was bought for; that claim stays, and those pods get another.
#[test]
fn pods_whose_node_went_to_others_are_bought_for_again() {
    let mut engine = with_pool();
    engine.step(at(100), pod("a"));
    let first = buy(&mut engine, at(1_100)).unwrap();
    engine.step(at(2_000), launched(&first, &["Launched", "Registered", "Initialized"]));
    assert_eq!(buy(&mut engine, at(10_000)), None, "the pod is expected there");
    engine.step(at(22_000), Event::Tick);
    let second = buy(&mut engine, at(23_000)).unwrap();
    assert_ne!(first.metadata.name, second.metadata.name);
}

/// The claim as it was created at 2 s, with an instance, and conditions that hold since then.
fn launched(claim: &NodeClaim, conditions: &[&str]) -> Event {
    let made = at(2_000).to_string();
    let condition =
        |kind| serde_json::json!({"type": kind, "status": "True", "lastTransitionTime": made, "reason": kind, "message": ""});
    let mut object = serde_json::to_value(claim).unwrap();
    let metadata = serde_json::json!({"uid": "uid-claim", "resourceVersion": "1", "creationTimestamp": made});
    object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    let conditions: Vec<_> = conditions.iter().map(condition).collect();
    object["status"] = serde_json::json!({"providerID": "aws:///us-west-2a/i-1", "conditions": conditions});
    Event::Claim(Box::new(serde_json::from_value(object).unwrap()))
}

/// A node may take pods once it is registered: before that, the scheduler is told whom it is for. That it refuses holds nothing up, and
/// a pod that did not come is let loose again.
#[test]
fn the_scheduler_is_told_for_whom_a_node_is_before_it_takes_any_pod() {
    for heard in [true, false] {
        let mut engine = with_pool();
        engine.step(at(100), pod("a"));
        let claim = buy(&mut engine, at(1_100)).unwrap();
        engine.step(at(2_000), launched(&claim, &["Launched"]));
        let [_, Event::Node(node)] = empty_node() else { panic!("a claim and its node") };
        let joined = Node { held: false, taints: vec![unregistered()], ..*node };
        let effects = engine.step(at(3_000), Event::Node(Box::new(joined)));
        let [(id, nomination)] = writes(&effects)[..] else { panic!("{effects:?}") };
        let pod = PodRef { key: ObjectKey::new("default", "a"), uid: Uid::new("uid-a") };
        assert_eq!(*nomination, Write::Nominate(pod.clone(), Some(NodeName::from("n"))));
        let answer = if heard { Ok(Written::Nothing) } else { Err(Refusal::Invalid("pods/status: forbidden".to_owned())) };
        let effects = engine.step(at(3_010), Event::Answer(id, Answer::Wrote(answer)));
        assert!(matches!(writes(&effects)[..], [(_, Write::ChangeNode(_))]), "and now it is registered: {effects:?}");
        engine.step(at(4_000), launched(&claim, &["Launched", "Registered", "Initialized"]));
        let effects = engine.step(at(40_000), Event::Tick);
        assert!(writes(&effects).iter().any(|(_, write)| **write == Write::Nominate(pod.clone(), None)), "{effects:?}");
    }
}

fn writes(effects: &[(CallId, Effect)]) -> Vec<(CallId, &Write)> {
    effects.iter().filter_map(|(id, effect)| if let Effect::Write(write) = effect { Some((*id, write)) } else { None }).collect()
}

/// A node of pool `default` that has joined and is empty since its start, with its claim `c`.
fn empty_node() -> [Event; 2] {
    let made = at(0).to_string();
    let condition =
        |kind| serde_json::json!({"type": kind, "status": "True", "lastTransitionTime": made, "reason": kind, "message": ""});
    let conditions = ["Launched", "Registered", "Initialized", "Empty"].map(condition);
    let claim = serde_json::json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "c", "uid": "uid-c", "resourceVersion": "1", "creationTimestamp": made,
            "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "default"}},
        "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "expireAfter": "Never", "requirements": []},
        "status": {"providerID": "aws:///us-west-2a/i-1", "nodeName": "n", "conditions": conditions}
    });
    let node = Node {
        name: NodeName::from("n"),
        uid: Uid::new("uid-n"),
        version: 1,
        deleting: None,
        held: true,
        provider_id: "aws:///us-west-2a/i-1".into(),
        labels: Labels::new(),
        taints: Vec::new(),
        ready: true,
        allocatable: Resources::new(),
        protected: false,
        volumes: Vec::new(),
    };
    [Event::Claim(Box::new(serde_json::from_value(claim).unwrap())), Event::Node(Box::new(node))]
}

/// With `consolidateAfter: 0s` a new leader sees an empty node and a pod that was to go there and is not bound yet.
#[test]
fn an_empty_node_stays_until_pods_that_wait_have_been_planned() {
    for needed in [true, false] {
        let mut engine = engine();
        let reaped = |effects: &[(CallId, Effect)]| {
            let tainted = |change: &NodeChange| change.taints.iter().flatten().any(|taint| *taint == disrupted());
            effects.iter().any(|(_, effect)| matches!(effect, Effect::Write(Write::ChangeNode(change)) if tainted(change)))
        };
        let mut pool = pool();
        pool.spec.disruption.consolidate_after = "0s".to_owned();
        engine.step(at(100_000), Event::Pool(Box::new(pool)));
        engine.step(at(100_000), Event::Types(NodePoolName::from("default"), Vec::new().into()));
        for event in empty_node().into_iter().chain([pod("a")]) {
            engine.step(at(100_000), event);
        }
        assert!(!reaped(&engine.step(at(100_000), Event::Synced)), "the pod may need it");
        let effects = engine.step(at(101_000), Event::Tick);
        let id = effects.iter().find_map(|(id, effect)| matches!(effect, Effect::Plan(_)).then_some(*id)).unwrap();
        assert!(!reaped(&effects) && !reaped(&engine.step(at(101_100), pod("b"))), "the plan is not known yet");
        let mut plan = solve(&Snapshot::default(), &Options::default());
        if needed {
            plan.existing_nodes.push(ExistingPlacement { node: NodeName::from("n"), pods: vec![ObjectKey::new("default", "a")] });
        }
        let effects = engine.step(at(101_200), Event::Answer(id, Answer::Planned(Ok(Box::new(plan)))));
        assert_eq!(reaped(&effects), !needed, "pod b came later, and the node need not wait for it");
    }
}

/// Carries out the plan that is due, a node for pod `default/a`: the claim that the engine then writes.
fn buy(engine: &mut Engine, now: Time) -> Option<NodeClaim> {
    ask_for_claim(engine, now).map(|(_, object)| object)
}

/// The same, with the call that creates the claim.
fn ask_for_claim(engine: &mut Engine, now: Time) -> Option<(CallId, NodeClaim)> {
    let effects = engine.step(now, Event::Tick);
    answer_plan(engine, now, &effects)
}

/// The same for a plan that was asked for.
fn answer_plan(engine: &mut Engine, now: Time, effects: &[(CallId, Effect)]) -> Option<(CallId, NodeClaim)> {
    let id = effects.iter().find_map(|(id, effect)| matches!(effect, Effect::Plan(_)).then_some(*id))?;
    let mut plan = solve(&Snapshot::default(), &Options::default());
    plan.nodes.push(PlannedNode {
        name: NodeName::from("default-0"),
        node_pool: NodePoolName::from("default"),
        offering: OfferingRef {
            price: MicroUsd(1),
            instance_type: InstanceTypeName::from("large"),
            zone: Zone::from("us-west-2a"),
            capacity_type: CapacityType::Spot,
        },
        alternatives: Vec::new(),
        labels: Labels::new(),
        taints: Vec::new(),
        pods: vec![ObjectKey::new("default", "a")],
        daemon_set_pods: Vec::new(),
        allocatable: Resources::new(),
        requested: Resources::new(),
        relaxed: Vec::new(),
    });
    let answer = Answer::Planned(Ok(Box::new(plan)));
    engine.step(now, Event::Answer(id, answer)).into_iter().find_map(|(id, effect)| match effect {
        Effect::Write(Write::CreateClaim(object)) => Some((id, *object)),
        _ => None,
    })
}

/// The API server does not take the claim. Planning at once would give the same claim again.
#[test]
fn pods_of_a_claim_that_is_refused_wait_before_they_are_planned_again() {
    let mut engine = with_pool();
    engine.step(at(100), pod("a"));
    let (id, _) = ask_for_claim(&mut engine, at(1_100)).unwrap();
    let refused = Answer::Wrote(Err(Refusal::Invalid("spec.x: bad".to_owned())));
    let effects = engine.step(at(1_200), Event::Answer(id, refused));
    let told = |(_, effect): &(CallId, Effect)| matches!(effect, Effect::Publish(notice) if notice.reason == "Invalid");
    assert!(effects.iter().any(told), "{effects:?}");
    for second in 2..61 {
        assert_eq!(plans(&engine.step(at(second * 1_000), Event::Tick)), 0, "after {second} s");
    }
    engine.step(at(61_200), Event::Tick);
    assert_eq!(plans(&engine.step(at(62_200), Event::Tick)), 1);
}

/// Nobody waits for a node of a static pool: it is asked for at once, and not again and again if it is refused.
#[test]
fn a_static_pool_whose_claim_is_refused_is_left_alone_for_a_minute() {
    let mut engine = engine();
    let mut object = fixture::pool_object("default");
    object["spec"]["replicas"] = serde_json::json!(1);
    let pool = Box::new(serde_json::from_value::<NodePool>(object).unwrap());
    engine.step(at(0), Event::Pool(pool.clone()));
    engine.step(at(0), Event::Types(NodePoolName::from("default"), Vec::new().into()));
    let effects = engine.step(at(0), Event::Synced);
    let (id, claim) = answer_plan(&mut engine, at(100), &effects).unwrap();
    assert!(claim.metadata.annotations.unwrap()["windlass.dev/nominated-pods"].is_empty());
    engine.step(at(200), Event::Answer(id, Answer::Wrote(Err(Refusal::Invalid("spec.x: bad".to_owned())))));
    for second in 1..60 {
        engine.step(at(second * 1_000), Event::Pool(pool.clone()));
        assert_eq!(plans(&engine.step(at(second * 1_000), Event::Tick)), 0, "after {second} s");
    }
    assert_eq!(plans(&engine.step(at(60_200), Event::Tick)), 1);
}

/// A pool that changes may be mended: then the pods do not wait.
#[test]
fn pods_of_a_claim_that_is_refused_are_planned_again_when_the_pool_changes() {
    let mut engine = with_pool();
    engine.step(at(100), pod("a"));
    let (id, _) = ask_for_claim(&mut engine, at(1_100)).unwrap();
    engine.step(at(1_200), Event::Answer(id, Answer::Wrote(Err(Refusal::Invalid("spec.x: bad".to_owned())))));
    engine.step(at(5_000), Event::Pool(Box::new(pool())));
    assert_eq!(plans(&engine.step(at(6_000), Event::Tick)), 1);
}

/// EC2 carries a launch out and launches nothing: the same token would get the same answer again.
#[test]
fn a_launch_that_got_only_errors_is_made_anew_under_another_token_after_a_pause() {
    let mut engine = engine();
    let offering = |zone: &str| Offering {
        zone: Zone::from(zone),
        capacity_type: CapacityType::OnDemand,
        price: Some(MicroUsd(1)),
        available: true,
        interruption: None,
        labels: Labels::new(),
    };
    let large = InstanceType {
        name: InstanceTypeName::from("large"),
        labels: Labels::new(),
        capacity: Resources::new().with("cpu", 2_000),
        overhead: Overhead::default(),
        offerings: vec![offering("us-west-2a")],
    };
    let types = vec![large].into();
    engine.step(at(0), Event::Pool(Box::new(pool())));
    engine.step(at(0), Event::Types(NodePoolName::from("default"), types));
    engine.step(at(0), Event::Claim(Box::new(new_claim(1, None))));
    let mut launches: Vec<(Time, String)> = Vec::new();
    let mut told = 0;
    let mut version = 1;
    let mut pending = engine.step(at(0), Event::Synced);
    for tick in 1..400 {
        let now = at(tick * 100);
        let mut next = Vec::new();
        for (id, effect) in std::mem::take(&mut pending) {
            let answer = match effect {
                Effect::Launch(launch) => {
                    launches.push((now, launch.token.clone()));
                    Answer::Launched(Err(CloudError::Fruitless("CreateFleet: SomethingElse: no".to_owned())))
                }
                Effect::Write(Write::ChangeClaim(change)) => {
                    version += 1;
                    let record = change.annotations.values().next().cloned();
                    Answer::Wrote(Ok(Written::Claim(Box::new(new_claim(version, record)))))
                }
                Effect::Write(_) => Answer::Wrote(Err(Refusal::Conflict)),
                Effect::Describe => Answer::Instances(Ok(Vec::new())),
                Effect::Publish(notice) => {
                    told += usize::from(notice.reason == "LaunchFailed");
                    continue;
                }
                other => panic!("{other:?}"),
            };
            next.extend(engine.step(now, Event::Answer(id, answer)));
        }
        next.extend(engine.step(now, Event::Tick));
        pending = next;
    }
    let tokens: BTreeSet<&str> = launches.iter().map(|(_, token)| token.as_str()).collect();
    assert_eq!(tokens.len(), launches.len(), "{launches:?}");
    assert!((3..10).contains(&launches.len()), "more and more seldom: {launches:?}");
    assert_eq!(told, launches.len());
}

/// Claim `c` of pool `default`, which can be anything, with the launch that is recorded on it.
fn new_claim(version: u64, record: Option<String>) -> NodeClaim {
    let annotations = record.map(|text| serde_json::json!({"windlass.dev/launch": text}));
    serde_json::from_value(serde_json::json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": "c", "uid": "uid-c", "resourceVersion": version.to_string(), "creationTimestamp": at(0).to_string(),
            "finalizers": ["karpenter.sh/termination"], "labels": {"karpenter.sh/nodepool": "default"}, "annotations": annotations},
        "spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"},
            "expireAfter": "Never", "requirements": []}
    }))
    .unwrap()
}
