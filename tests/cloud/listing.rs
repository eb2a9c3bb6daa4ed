//! The list of instances, and their end.

use crate::endpoint::Endpoint;
use crate::world::{launch, resolved, types};
use serde_json::json;
use windlass::cloud::{Cloud, CloudError, InstanceId, InstanceState};
use windlass_solver::CapacityType::OnDemand;

#[tokio::test]
async fn an_instance_ends_once_and_stays_listed() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let answer = cloud.launch(&launch(&endpoint, "ends", 2, OnDemand, &["m5.large/a"]), &class, &types()).await.unwrap();
    let (gone, kept) = (&answer.instances[0].id, &answer.instances[1].id);
    for _ in 0..2 {
        assert_eq!(cloud.terminate(gone).await, Ok(()));
    }
    assert_eq!(cloud.terminate(&InstanceId::new("i-00000000000000000")).await, Ok(()), "what is not there is gone");
    let listed = cloud.describe().await.unwrap();
    let state = |id: &InstanceId| listed.iter().find(|instance| instance.id == *id).map(|instance| instance.state);
    assert!(state(gone).unwrap().is_over(), "{listed:?}");
    assert_eq!(state(kept), Some(InstanceState::Running));
    endpoint.set(json!({ "faults": [{ "action": "ec2:TerminateInstances", "times": 1 }] }));
    assert_eq!(cloud.terminate(kept).await, Err(CloudError::Throttled));
    let denied = json!({ "action": "ec2:DescribeInstances", "code": "UnauthorizedOperation", "message": "no", "status": 403 });
    endpoint.set(json!({ "faults": [denied] }));
    let refused = cloud.describe().await;
    assert_eq!(refused, Err(CloudError::Refused("ec2:DescribeInstances failed: UnauthorizedOperation: no".into())));
}

#[tokio::test]
async fn another_clusters_instances_are_not_listed() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let mut foreign = launch(&endpoint, "foreign", 1, OnDemand, &["m5.large/a"]);
    foreign.tags.remove(&windlass::cloud::cluster_tag(endpoint.cluster()));
    foreign.tags.insert("kubernetes.io/cluster/other".into(), "owned".into());
    assert_eq!(cloud.launch(&foreign, &class, &types()).await.unwrap().instances.len(), 1);
    assert_eq!(cloud.describe().await.unwrap(), []);
}

#[tokio::test]
async fn instances_that_end_together_end_in_one_call_and_one_that_is_gone_holds_none_up() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let answer = cloud.launch(&launch(&endpoint, "together", 4, OnDemand, &["m5.large/a"]), &class, &types()).await.unwrap();
    let ids: Vec<InstanceId> = answer.instances.iter().map(|instance| instance.id.clone()).collect();
    endpoint.forget();
    let nobody = InstanceId::new("i-00000000000000000");
    let ended = tokio::join!(cloud.terminate(&ids[0]), cloud.terminate(&ids[1]));
    assert_eq!(ended, (Ok(()), Ok(())));
    assert_eq!(endpoint.count("ec2:TerminateInstances"), 1);
    let ended = tokio::join!(cloud.terminate(&ids[2]), cloud.terminate(&nobody), cloud.terminate(&ids[3]));
    assert_eq!(ended, (Ok(()), Ok(()), Ok(())));
    let listed = cloud.describe().await.unwrap();
    let over = |id: &InstanceId| listed.iter().any(|instance| instance.id == *id && instance.state.is_over());
    assert!(ids.iter().all(over), "{listed:?}");
}
