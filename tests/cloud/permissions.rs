//! The calls that are made are the calls that are listed, and so those that the IAM policy allows.

use crate::endpoint::{CLUSTER, Endpoint};
use crate::world::{class, later, launch, types};
use serde_json::json;
use std::collections::BTreeSet;
use windlass::cloud::Cloud;
use windlass::cloud::aws::Action;
use windlass::time::Time;
use windlass_solver::CapacityType::Spot;

/// Everything a controller does, from its start to the end of its last class.
#[tokio::test]
async fn every_listed_call_is_made_and_no_other() {
    let endpoint = Endpoint::alone();
    let cloud = endpoint.cloud().await;
    let mut class = class(json!({ "instanceProfile": null, "role": format!("{CLUSTER}-node") }));
    cloud.resolve(&class, Time::from_millis(0)).await.unwrap();
    class.status = Some(cloud.resolve(&class, later()).await.unwrap());
    let launched = cloud.launch(&launch(&endpoint, "t", 1, Spot, &["m5.large/a"]), &class, &types()).await.unwrap();
    cloud.describe().await.unwrap();
    let used = cloud.sweep(&[], later()).await.unwrap();
    assert_eq!(used.profiles, Vec::<String>::new(), "an instance uses it");
    cloud.terminate(&launched.instances[0].id).await.unwrap();
    let swept = endpoint.cloud().await.sweep(&[], later()).await.unwrap();
    assert_eq!((swept.templates.len(), swept.profiles.len()), (1, 1));
    let made: BTreeSet<String> = endpoint.calls().as_object().unwrap().keys().cloned().collect();
    let listed: BTreeSet<String> = Action::ALL.iter().map(|action| action.as_str().to_owned()).collect();
    assert_eq!(made, listed);
}
