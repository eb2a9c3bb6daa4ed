//! Launches: what is asked for, what comes back, and what happens when it is asked for again.

use crate::endpoint::Endpoint;
use crate::world::{launch, resolved, types};
use serde_json::json;
use std::collections::BTreeSet;
use windlass::cloud::{Cloud, CloudError, Fulfilment, LAUNCH_TAG};
use windlass_solver::CapacityType::{OnDemand, Reserved, Spot};

fn ids(fulfilment: &Fulfilment) -> BTreeSet<String> {
    fulfilment.instances.iter().map(|instance| instance.id.to_string()).collect()
}

fn shortages(fulfilment: &Fulfilment) -> Vec<String> {
    fulfilment.shortages.iter().map(|s| format!("{}/{}/{}", s.instance_type, s.zone, s.capacity_type)).collect()
}

#[tokio::test]
async fn the_cheapest_offering_is_launched_with_tags_and_listed() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({ "tags": { "team": "a", "karpenter.sh/discovery": "x" } })).await;
    for (capacity_type, token) in [(Spot, "spot"), (OnDemand, "on-demand")] {
        // Dear ones first, and another architecture: EC2 picks, not our order.
        let wanted = launch(&endpoint, token, 2, capacity_type, &["m5.4xlarge/a", "c6g.xlarge/b", "m5.large/b", "m5.large/c"]);
        let answer = cloud.launch(&wanted, &class, &types()).await.unwrap();
        assert_eq!(answer.instances.len(), 2, "{answer:?}");
        assert_eq!(answer.shortages, []);
        for instance in &answer.instances {
            assert_eq!(instance.instance_type.as_str(), "m5.large");
            assert_eq!(instance.capacity_type, capacity_type);
            assert!(["us-west-2b", "us-west-2c"].contains(&instance.zone.as_str()), "{instance:?}");
            assert_eq!(instance.tags["team"], "a");
            assert_eq!(instance.token(endpoint.cluster()), Some(token));
        }
        let listed = cloud.describe().await.unwrap();
        for instance in &answer.instances {
            let found = listed.iter().find(|listed| listed.id == instance.id).unwrap();
            assert_eq!(
                (&found.instance_type, &found.zone, found.capacity_type),
                (&instance.instance_type, &instance.zone, capacity_type)
            );
            assert_eq!(found.image, instance.image);
            assert_eq!(found.token(endpoint.cluster()), Some(token));
            assert_eq!(found.tags["karpenter.sh/nodepool"], "default");
            assert!(!found.state.is_over());
        }
    }
}

#[tokio::test]
async fn a_token_launches_once_even_after_a_restart() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let wanted = launch(&endpoint, "once", 2, Spot, &["m5.large/a"]);
    let first = cloud.launch(&wanted, &class, &types()).await.unwrap();
    assert_eq!(first.instances.len(), 2);
    let again = cloud.launch(&wanted, &class, &types()).await.unwrap();
    assert_eq!(ids(&again), ids(&first));
    let heir = endpoint.cloud().await;
    assert_eq!(ids(&heir.launch(&wanted, &class, &types()).await.unwrap()), ids(&first));
    let other = launch(&endpoint, "once", 3, Spot, &["m5.large/a"]);
    assert_eq!(cloud.launch(&other, &class, &types()).await, Err(CloudError::TokenMismatch));
    assert_eq!(cloud.describe().await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_there_is_is_taken_and_the_rest_is_named() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    endpoint.set(json!({ "pools": [
        { "instanceType": "m5.large", "zone": "us-west-2a", "left": 1 },
        { "instanceType": "m5.large", "left": 0, "code": "MaxSpotInstanceCountExceeded" }
    ] }));
    let part = cloud.launch(&launch(&endpoint, "part", 3, Spot, &["m5.large/a", "m5.large/b"]), &class, &types()).await.unwrap();
    assert_eq!(part.instances.len(), 1);
    assert_eq!(shortages(&part), ["m5.large/us-west-2a/spot", "m5.large/us-west-2b/spot"]);
    let none = cloud.launch(&launch(&endpoint, "none", 1, OnDemand, &["m5.large/a"]), &class, &types()).await.unwrap();
    assert_eq!((none.instances.len(), shortages(&none)), (0, vec!["m5.large/us-west-2a/on-demand".to_owned()]));
    // Elsewhere there is some, and a type that the class has no subnet or image for is known to be none before anybody is asked.
    let all = launch(&endpoint, "other", 1, OnDemand, &["m5.large/a", "m5.large/z", "x9.huge/a", "m5.xlarge/a"]);
    let other = cloud.launch(&all, &class, &types()).await.unwrap();
    assert_eq!(other.instances[0].instance_type.as_str(), "m5.xlarge");
    assert!(shortages(&other).contains(&"m5.large/us-west-2z/on-demand".to_owned()), "{other:?}");
    assert!(shortages(&other).contains(&"x9.huge/us-west-2a/on-demand".to_owned()), "{other:?}");
    endpoint.forget();
    let hopeless = cloud.launch(&launch(&endpoint, "hopeless", 1, OnDemand, &["m5.large/z"]), &class, &types()).await.unwrap();
    assert_eq!((hopeless.instances.len(), shortages(&hopeless).len(), endpoint.count("ec2:CreateFleet")), (0, 1, 0));
}

#[tokio::test]
async fn throttling_and_lost_answers_are_told_apart_and_neither_launches_twice() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let wanted = launch(&endpoint, "throttled", 1, Spot, &["m5.large/a"]);
    endpoint.set(json!({ "faults": [{ "action": "ec2:CreateFleet", "times": 1 }] }));
    assert_eq!(cloud.launch(&wanted, &class, &types()).await, Err(CloudError::Throttled));
    assert_eq!(cloud.describe().await.unwrap(), []);
    assert_eq!(cloud.launch(&wanted, &class, &types()).await.unwrap().instances.len(), 1);
    endpoint.forget();
    let lost = json!({ "action": "ec2:CreateFleet", "code": "InternalError", "status": 500, "times": 1, "when": "after" });
    endpoint.set(json!({ "faults": [lost] }));
    let wanted = launch(&endpoint, "lost", 2, Spot, &["m5.large/a"]);
    assert!(matches!(cloud.launch(&wanted, &class, &types()).await, Err(CloudError::Unknown(_))));
    assert_eq!(endpoint.count("ec2:CreateFleet"), 1, "the engine repeats, nobody else");
    // Whatever has changed since, what is sent again is what was sent.
    let mut changed = class.clone();
    changed.status.as_mut().unwrap().subnets.retain(|subnet| subnet.zone != "us-west-2a");
    let again = cloud.launch(&wanted, &changed, &types()).await.unwrap();
    assert_eq!(again.instances.len(), 2);
    let listed = cloud.describe().await.unwrap();
    let launched: Vec<_> = listed.iter().filter(|instance| instance.tags[LAUNCH_TAG] == "lost").collect();
    assert_eq!(launched.len(), 2);
    let denied = json!({ "action": "ec2:CreateFleet", "code": "UnauthorizedOperation", "message": "no", "status": 403 });
    endpoint.set(json!({ "faults": [denied] }));
    let refused = cloud.launch(&launch(&endpoint, "denied", 1, Spot, &["m5.large/a"]), &class, &types()).await;
    assert_eq!(refused, Err(CloudError::Refused("ec2:CreateFleet failed: UnauthorizedOperation: no".into())));
}

#[tokio::test]
async fn what_cannot_be_launched_is_refused_with_a_reason() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let refusal = async |class: &_, launch: &_| match cloud.launch(launch, class, &types()).await {
        Err(CloudError::Refused(message)) => message,
        other => panic!("{other:?}"),
    };
    let reserved = refusal(&class, &launch(&endpoint, "r", 1, Reserved, &["m5.large/a"])).await;
    assert!(reserved.contains("capacity reservations are not supported yet"), "{reserved}");
    let wanted = launch(&endpoint, "u", 1, Spot, &["m5.large/a"]);
    let unresolved = refusal(&crate::world::class(json!({})), &wanted).await;
    assert!(unresolved.contains("EC2NodeClass default has no subnets or no images yet"), "{unresolved}");
    let mut long = class.clone();
    long.spec.user_data = Some("#".repeat(16_000));
    assert!(refusal(&long, &wanted).await.contains("EC2 takes at most 16384"));
    let mut unknown = class;
    unknown.status.as_mut().unwrap().instance_profile = Some("nobody".into());
    let fruitless = cloud.launch(&wanted, &unknown, &types()).await;
    let Err(CloudError::Fruitless(message)) = &fruitless else { panic!("carried out with nothing but errors: {fruitless:?}") };
    assert!(message.contains("Invalid IAM Instance Profile"), "{message}");
    assert_eq!(cloud.describe().await.unwrap(), []);
}

/// Status may have lost a subnet since the offerings were chosen.
#[tokio::test]
async fn only_zones_with_a_subnet_are_launched_in() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let mut class = resolved(&cloud, json!({})).await;
    class.status.as_mut().unwrap().subnets.retain(|subnet| subnet.zone == "us-west-2a");
    let answer =
        cloud.launch(&launch(&endpoint, "zones", 1, OnDemand, &["m5.large/b", "m5.large/a"]), &class, &types()).await.unwrap();
    assert_eq!(answer.instances[0].zone.as_str(), "us-west-2a");
    assert_eq!(shortages(&answer), ["m5.large/us-west-2b/on-demand"]);
}
