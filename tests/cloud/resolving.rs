//! EC2NodeClasses: what their selectors find, and what their conditions say when something is missing.

use crate::endpoint::{CLUSTER, Endpoint};
use crate::world::{class, later};
use serde_json::{Value, json};
use windlass::api::EC2NodeClassStatus;
use windlass::api::condition::ConditionStatus;
use windlass::cloud::aws::{Aws, Settings};
use windlass::cloud::{Cloud, CloudError};
use windlass::time::Time;

async fn status(cloud: &Aws, changes: Value) -> EC2NodeClassStatus {
    cloud.resolve(&class(changes), later()).await.unwrap()
}

/// Status and message of a condition.
fn condition<'a>(status: &'a EC2NodeClassStatus, name: &str) -> (ConditionStatus, &'a str) {
    let found = status.conditions.iter().find(|condition| condition.type_ == name).unwrap();
    assert!(!found.reason.is_empty() && found.observed_generation == Some(3), "{found:?}");
    (found.status, &found.message)
}

const CONDITIONS: [&str; 6] =
    ["SubnetsReady", "SecurityGroupsReady", "AMIsReady", "InstanceProfileReady", "ValidationSucceeded", "Ready"];

#[tokio::test]
async fn everything_is_found() {
    let endpoint = Endpoint::alone();
    let cloud = endpoint.cloud().await;
    let status = status(&cloud, json!({})).await;
    for name in CONDITIONS {
        assert_eq!(condition(&status, name), (ConditionStatus::True, ""), "{name}");
    }
    let zones: Vec<&str> = status.subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    assert_eq!(zones.len(), 4);
    assert!(status.subnets.iter().all(|subnet| subnet.zone_id.as_deref().unwrap().starts_with("usw2-az")));
    assert_eq!(status.security_groups[0].name.as_deref(), Some("windlass-test-nodes"));
    assert_eq!(status.instance_profile.as_deref(), Some("windlass-test-node"));
    let names: Vec<&str> = status.amis.iter().map(|ami| ami.name.as_deref().unwrap()).collect();
    assert_eq!(names.len(), 5, "standard and nvidia for two architectures, neuron for one: {names:?}");
    assert!(names.iter().all(|name| name.ends_with("-1.37-v20261015")), "{names:?}");
    assert_eq!((endpoint.count("ssm:GetParameter"), endpoint.count("eks:DescribeCluster")), (6, 2), "an upgrade would be seen");
    // Nothing has changed: nothing changes, the times of transition included.
    let mut known = class(json!({}));
    known.status = Some(status.clone());
    let again = cloud.resolve(&known, Time::parse("2100-01-01T00:00:00Z").unwrap()).await.unwrap();
    assert_eq!(again, status);
    assert_eq!(endpoint.count("ssm:GetParameter"), 6, "what SSM said a moment ago is not asked for again");
}

#[tokio::test]
async fn reservations_that_are_not_used_are_mentioned() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let mut class = class(json!({ "capacityReservationSelectorTerms": [{ "id": "cr-0123" }] }));
    let status = cloud.resolve(&class, later()).await.unwrap();
    let (found, message) = condition(&status, "CapacityReservationsReady");
    assert!(found == ConditionStatus::False && message.contains("not supported yet"), "{message}");
    assert_eq!(condition(&status, "Ready"), (ConditionStatus::True, ""));
    class.status = Some(status);
    class.spec.capacity_reservation_selector_terms.clear();
    let status = cloud.resolve(&class, later()).await.unwrap();
    assert!(status.conditions.iter().all(|condition| condition.type_ != "CapacityReservationsReady"));
}

#[tokio::test]
async fn what_is_missing_is_said_and_what_to_do() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let nobody = json!([{ "tags": { "karpenter.sh/discovery": "nobody" } }]);
    for (changes, name, expected) in [
        (json!({ "subnetSelectorTerms": nobody }), "SubnetsReady", "subnetSelectorTerms find no subnet in us-west-2"),
        (json!({ "subnetSelectorTerms": [{ "id": "subnet-0123" }] }), "SubnetsReady", "find no subnet"),
        (json!({ "securityGroupSelectorTerms": nobody }), "SecurityGroupsReady", "find no security group"),
        (
            json!({ "securityGroupSelectorTerms": [{ "name": "nobody" }] }),
            "SecurityGroupsReady",
            "check their tags, ids and names",
        ),
        (json!({ "amiSelectorTerms": [{ "alias": "al2@latest" }] }), "AMIsReady", "no AL2 image for Kubernetes 1.37"),
        (json!({ "amiSelectorTerms": [{ "alias": "al2023@v20200101" }] }), "AMIsReady", "check the release"),
        (json!({ "amiSelectorTerms": [{ "alias": "windows2022@latest" }] }), "AMIsReady", "Windows2022 is not supported yet"),
        (json!({ "amiSelectorTerms": [{ "id": "ami-0123" }], "amiFamily": "AL2023" }), "AMIsReady", "find no available image"),
        (
            json!({ "amiSelectorTerms": [{ "ssmParameter": "/none" }], "amiFamily": "Custom" }),
            "AMIsReady",
            "find no available image",
        ),
        (
            json!({ "instanceProfile": null, "role": "nobody" }),
            "InstanceProfileReady",
            "no instance profile can be made for role nobody",
        ),
        (
            json!({ "placementGroupSelector": { "name": "x" } }),
            "ValidationSucceeded",
            "placementGroupSelector is not supported yet",
        ),
        (
            json!({ "kubelet": { "registerWithTaints": [] } }),
            "ValidationSucceeded",
            "registerWithTaints is taken from the NodePool",
        ),
        (
            json!({ "amiSelectorTerms": [{ "alias": "bottlerocket@latest" }], "userData": "#!/bin/bash\necho hello" }),
            "ValidationSucceeded",
            "it is no TOML",
        ),
    ] {
        let status = status(&cloud, changes.clone()).await;
        let (found, message) = condition(&status, name);
        assert_eq!(found, ConditionStatus::False, "{changes}");
        assert!(message.contains(expected), "{changes}: {message}");
        let (ready, message) = condition(&status, "Ready");
        assert_eq!(ready, ConditionStatus::False);
        assert!(message.contains(expected), "{changes}: {message}");
        let others = CONDITIONS.iter().filter(|other| ![name, "Ready"].contains(other));
        for other in others.filter(|other| **other != "ValidationSucceeded") {
            assert_eq!(condition(&status, other).0, ConditionStatus::True, "{changes}: {other}");
        }
    }
}

#[tokio::test]
async fn images_are_found_in_every_way_and_the_newest_comes_first() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let names = async |terms: Value, family: &str| {
        let status = status(&cloud, json!({ "amiSelectorTerms": terms, "amiFamily": family })).await;
        assert_eq!(condition(&status, "AMIsReady"), (ConditionStatus::True, ""), "{terms}");
        status.amis.into_iter().map(|ami| (ami.id, ami.name.unwrap(), ami.requirements)).collect::<Vec<_>>()
    };
    let folder = "/aws/service/eks/optimized-ami/1.37/amazon-linux-2023/x86_64/standard";
    let old = format!("{folder}/amazon-eks-node-al2023-x86_64-standard-1.37-v20260901/image_id");
    let one = names(json!([{ "ssmParameter": old }]), "AL2023").await;
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].1, "amazon-eks-node-al2023-x86_64-standard-1.37-v20260901");
    assert_eq!(one[0].2[0].values, ["amd64"]);
    let both = names(json!([{ "name": "amazon-eks-node-al2023-x86_64-standard-1.37-*" }]), "AL2023").await;
    let order: Vec<&str> = both.iter().map(|(_, name, _)| name.rsplit('-').next().unwrap()).collect();
    assert_eq!(order, ["v20261015", "v20260901"], "newest first");
    assert_eq!(names(json!([{ "id": one[0].0 }]), "Custom").await.len(), 1);
    let pinned = names(json!([{ "alias": "bottlerocket@v1.50.0" }]), "Bottlerocket").await;
    assert!(pinned.iter().all(|(_, name, _)| name.ends_with("-v1.50.0")), "{pinned:?}");
    // Nobody else's image is taken because it has the name.
    let foreign =
        status(&cloud, json!({ "amiSelectorTerms": [{ "name": "*", "owner": "999999999999" }], "amiFamily": "Custom" })).await;
    assert_eq!(condition(&foreign, "AMIsReady").0, ConditionStatus::False);
}

#[tokio::test]
async fn a_role_gets_an_instance_profile_that_goes_with_its_class() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let role = format!("{CLUSTER}-node");
    let class = class(json!({ "instanceProfile": null, "role": role }));
    let early = cloud.resolve(&class, Time::from_millis(0)).await.unwrap();
    let (found, message) = condition(&early, "InstanceProfileReady");
    assert!(found == ConditionStatus::False && message.contains("EC2 may not know it yet"), "{message}");
    endpoint.forget();
    let status = cloud.resolve(&class, later()).await.unwrap();
    assert_eq!(condition(&status, "Ready"), (ConditionStatus::True, ""));
    assert_eq!(endpoint.count("iam:CreateInstanceProfile"), 0, "made before");
    let name = status.instance_profile.clone().unwrap();
    assert!(name.starts_with(&format!("{}_", endpoint.cluster())), "{name}");
    assert_eq!(cloud.sweep(&[class], later()).await.unwrap().profiles, Vec::<String>::new());
    assert_eq!(cloud.sweep(&[], later()).await.unwrap().profiles, [name]);
    assert_eq!(cloud.sweep(&[], later()).await.unwrap().profiles, Vec::<String>::new());
}

#[tokio::test]
async fn what_aws_does_not_answer_leaves_the_status_alone() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    endpoint.set(json!({ "faults": [{ "action": "ec2:DescribeSubnets", "times": 1 }] }));
    assert_eq!(cloud.resolve(&class(json!({})), later()).await, Err(CloudError::Throttled));
    endpoint
        .set(json!({ "faults": [{ "action": "ssm:GetParameter", "code": "InternalServerError", "status": 500, "times": 1 }] }));
    assert!(matches!(cloud.resolve(&class(json!({})), later()).await, Err(CloudError::Unknown(_))));
    let denied =
        json!({ "action": "ec2:DescribeSecurityGroups", "code": "UnauthorizedOperation", "message": "no", "status": 403 });
    endpoint.set(json!({ "faults": [denied] }));
    let status = status(&cloud, json!({})).await;
    let (found, message) = condition(&status, "SecurityGroupsReady");
    assert_eq!((found, message), (ConditionStatus::False, "ec2:DescribeSecurityGroups failed: UnauthorizedOperation: no"));
}

#[tokio::test]
async fn settings_come_before_eks() {
    let endpoint = Endpoint::alone();
    let given = Settings {
        cluster_endpoint: Some("https://example.com".into()),
        certificate_authority: Some("Y2E=".into()),
        service_cidr: Some("172.20.0.0/16".into()),
        kubernetes_version: Some("v1.36.2".into()),
        ..endpoint.settings()
    };
    let cloud = Aws::connect(&given).await.unwrap();
    assert_eq!((endpoint.calls(), cloud.region()), (json!({}), "us-west-2"), "nobody is asked");
    let status = status(&cloud, json!({})).await;
    assert!(status.amis.iter().all(|ami| ami.name.as_deref().unwrap().contains("-1.36-")), "{:?}", status.amis);
    let nameless = Aws::connect(&Settings { cluster: String::new(), ..endpoint.settings() }).await.unwrap_err();
    assert!(nameless.to_string().contains("the cluster has no name"), "{nameless}");
    let unknown = Aws::connect(&Settings { cluster: "other".into(), ..endpoint.settings() }).await.unwrap_err();
    assert!(matches!(&unknown, CloudError::Refused(message) if message.contains("eks:DescribeCluster")), "{unknown}");
}
