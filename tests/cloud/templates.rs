//! Launch templates: what instances get from them, made once, removed when unused, made again when needed.

use crate::endpoint::Endpoint;
use crate::world::{class, later, launch, resolved, types};
use serde_json::json;
use windlass::cloud::aws::{Aws, Settings};
use windlass::cloud::{Cloud, Swept};
use windlass::time::Time;
use windlass_solver::CapacityType::{OnDemand, Spot};

const CREATE: &str = "ec2:CreateLaunchTemplate";

#[tokio::test]
async fn launches_that_say_the_same_share_a_template() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({})).await;
    let go = async |token: &str, class: &_, offerings: &[&str]| {
        let answer = cloud.launch(&launch(&endpoint, token, 1, OnDemand, offerings), class, &types()).await.unwrap();
        assert_eq!(answer.instances.len(), 1, "{token}: {answer:?}");
    };
    // Types with as many pods start from one template, whatever the token, type and zone.
    go("one", &class, &["m5.large/a", "c5.large/b"]).await;
    go("two", &class, &["r5.large/c"]).await;
    assert_eq!(endpoint.count(CREATE), 1);
    // More pods, and another architecture: one more each.
    go("three", &class, &["m5.xlarge/a", "m6g.xlarge/b"]).await;
    assert_eq!(endpoint.count(CREATE), 3);
    let mut changed = class.clone();
    changed.spec.user_data = Some("#!/bin/bash\necho hello".into());
    go("four", &changed, &["m5.large/a"]).await;
    assert_eq!(endpoint.count(CREATE), 4);
    // A new controller finds what is there.
    let heir = endpoint.cloud().await;
    let answer = heir.launch(&launch(&endpoint, "five", 1, OnDemand, &["m5.large/a"]), &class, &types()).await.unwrap();
    assert_eq!((answer.instances.len(), endpoint.count(CREATE)), (1, 5), "asked once, and told that it exists");
}

#[tokio::test]
async fn unused_templates_go_and_come_back() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let classes = [resolved(&cloud, json!({})).await];
    let go = async |token: &str| {
        let answer = cloud.launch(&launch(&endpoint, token, 1, Spot, &["m5.large/a"]), &classes[0], &types()).await.unwrap();
        assert_eq!(answer.instances.len(), 1, "{token}: {answer:?}");
    };
    go("unused").await;
    assert_eq!(cloud.sweep(&classes, later()).await.unwrap(), Swept::default(), "we have used it just now");
    let heir = endpoint.cloud().await;
    let soon = Time::from_millis(0);
    assert_eq!(heir.sweep(&classes, soon).await.unwrap(), Swept::default(), "too new: a predecessor may be about to use it");
    let swept = heir.sweep(&classes, later()).await.unwrap();
    assert_eq!(swept.templates.len(), 1, "{swept:?}");
    assert!(swept.templates[0].starts_with("windlass/"), "{swept:?}");
    assert_eq!(heir.sweep(&classes, later()).await.unwrap(), Swept::default());
    // Somebody has removed what we know to be there.
    endpoint.forget();
    go("again").await;
    assert_eq!((endpoint.count(CREATE), endpoint.count("ec2:CreateFleet")), (1, 2));
}

#[tokio::test]
async fn what_a_class_says_reaches_the_instance() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(
        &cloud,
        json!({
            "amiSelectorTerms": [{ "alias": "bottlerocket@latest" }], "detailedMonitoring": true, "associatePublicIPAddress": false,
            "instanceStorePolicy": "RAID0", "connectionTracking": { "udpTimeout": 45 }, "ipPrefixCount": 1,
            "metadataOptions": { "httpTokens": "optional", "httpPutResponseHopLimit": 2 },
            "blockDeviceMappings": [
                { "deviceName": "/dev/xvda", "ebs": { "volumeSize": "4Gi", "volumeType": "gp3", "encrypted": true } },
                { "deviceName": "/dev/xvdb", "ebs": { "volumeSize": "100G", "volumeType": "gp3", "throughput": 200, "iops": 4000 } }
            ],
            "kubelet": { "maxPods": 20 }, "tags": { "team": "a" }, "userData": "[settings.host-containers.admin]\nenabled = true\n"
        }),
    )
    .await;
    let wanted = launch(&endpoint, "all", 1, OnDemand, &["m5.large/a"]);
    let id = cloud.launch(&wanted, &class, &types()).await.unwrap().instances[0].id.to_string();
    let seen = endpoint.instance(&id);
    assert_eq!(seen["Monitoring"]["State"], "enabled", "{seen}");
    assert_eq!(
        (&seen["MetadataOptions"]["HttpTokens"], &seen["MetadataOptions"]["HttpPutResponseHopLimit"]),
        (&json!("optional"), &json!(2))
    );
    assert!(seen["IamInstanceProfile"]["Arn"].as_str().unwrap().ends_with("/windlass-test-node"), "{seen}");
    assert_eq!(seen["SecurityGroups"][0]["GroupName"], "windlass-test-nodes");
    let mut sizes: Vec<_> = seen["Volumes"].as_array().unwrap().iter().map(|volume| volume["Size"].as_u64().unwrap()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [4, 94], "100 GB are 93.1 GiB");
    for volume in seen["Volumes"].as_array().unwrap() {
        assert!(volume["Tags"].as_array().unwrap().contains(&json!({ "Key": "team", "Value": "a" })), "{volume}");
    }
    let user_data = seen["UserData"].as_str().unwrap();
    assert!(
        user_data.contains("[settings.host-containers.admin]")
            && user_data.contains(&format!("cluster-name = {:?}", endpoint.cluster())),
        "{user_data}"
    );
    assert!(
        user_data.contains("max-pods = ") && user_data.contains("\"karpenter.sh/unregistered\" = [\":NoExecute\"]"),
        "{user_data}"
    );
    assert!(user_data.contains("api-server = \"https://127.0.0.1:6443\""), "{user_data}");
}

/// By the node simulator's reading of the images' documents, which is not ours.
#[tokio::test]
async fn images_of_every_family_understand_their_user_data() {
    let endpoint = Endpoint::start();
    let given = Settings { kubernetes_version: Some("1.32".into()), ..endpoint.settings() };
    let cloud = Aws::connect(&given).await.unwrap();
    for (family, custom) in [
        ("AL2023", "#!/bin/bash\necho 'hello'"),
        (
            "AL2",
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n\n--b--\n",
        ),
        ("Bottlerocket", "[settings.kubernetes.node-labels]\nmine = \"yes\"\n"),
    ] {
        let kubelet = json!({
            "maxPods": 20, "systemReserved": { "cpu": "100m" }, "kubeReserved": { "memory": "1Gi" },
            "evictionHard": { "memory.available": "5%" }
        });
        let alias = format!("{}@latest", family.to_lowercase());
        let spec = json!({ "amiSelectorTerms": [{ "alias": alias }], "kubelet": kubelet, "userData": custom });
        let class = resolved(&cloud, spec).await;
        let wanted = launch(&endpoint, family, 1, OnDemand, &["m5.large/a"]);
        let id = cloud.launch(&wanted, &class, &types()).await.unwrap().instances[0].id.to_string();
        let seen = &endpoint.instance(&id)["Kubelet"];
        assert_eq!((&seen["family"], &seen["cluster"]), (&json!(family), &json!(endpoint.cluster())), "{seen}");
        assert_eq!((&seen["api_server"], &seen["authority"]), (&json!("https://127.0.0.1:6443"), &json!("bm9uZQ==")), "{seen}");
        assert_eq!(seen["max_pods"], 29, "as the instance type has it: {seen}");
        assert_eq!(seen["system_reserved"], json!({ "cpu": "100m" }));
        assert_eq!(seen["kube_reserved"], json!({ "memory": "1Gi" }));
        assert_eq!(seen["eviction_hard"], json!({ "memory.available": "5%" }));
        assert_eq!(seen["taints"], json!([{ "key": "karpenter.sh/unregistered", "effect": "NoExecute" }]));
        let mut labels = json!({ "karpenter.sh/nodepool": "default", "team": "a", "karpenter.sh/do-not-sync-taints": "true" });
        if family == "Bottlerocket" {
            labels["mine"] = json!("yes");
        }
        assert_eq!(seen["labels"], labels);
    }
}

#[tokio::test]
async fn a_custom_image_gets_its_user_data_and_nothing_else() {
    let endpoint = Endpoint::start();
    let cloud = endpoint.cloud().await;
    let class = resolved(&cloud, json!({ "amiFamily": "Custom", "userData": "as is" })).await;
    let id = cloud.launch(&launch(&endpoint, "c", 1, OnDemand, &["m5.large/a"]), &class, &types()).await.unwrap().instances[0]
        .id
        .to_string();
    assert_eq!(endpoint.instance(&id)["UserData"], "as is");
    let plain = class_without_user_data(&cloud).await;
    let id = cloud.launch(&launch(&endpoint, "p", 1, OnDemand, &["m5.large/a"]), &plain, &types()).await.unwrap().instances[0]
        .id
        .to_string();
    assert_eq!(endpoint.instance(&id)["UserData"], json!(null));
}

async fn class_without_user_data(cloud: &Aws) -> windlass::api::EC2NodeClass {
    let mut class = class(json!({ "amiFamily": "Custom" }));
    class.status = Some(cloud.resolve(&class, later()).await.unwrap());
    class
}
