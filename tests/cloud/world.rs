//! Classes, launches and instance types as a controller would have them.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use windlass::api::{EC2NodeClass, NodeClassRef};
use windlass::catalog::{Catalog, NodeClassSettings};
use windlass::cloud::aws::Aws;
use windlass::cloud::{Cloud, LAUNCH_TAG, Launch, cluster_tag};
use windlass::time::Time;
use windlass_solver::{CapacityType, InstanceType, InstanceTypeName, NodePoolName, Taint, TaintEffect, Zone};

use crate::endpoint::{CLUSTER, Endpoint, REGION};

/// Long after everything that the endpoint has made.
pub(crate) fn later() -> Time {
    Time::parse("2099-01-01T00:00:00Z").unwrap()
}

/// A class that selects the account's subnets and security group and an image by alias; `changes` replace fields of its spec, `null`
/// removes them.
pub(crate) fn class(changes: Value) -> EC2NodeClass {
    let discovery = json!([{ "tags": { "karpenter.sh/discovery": CLUSTER } }]);
    let mut spec = json!({
        "subnetSelectorTerms": discovery, "securityGroupSelectorTerms": discovery,
        "amiSelectorTerms": [{ "alias": "al2023@latest" }], "instanceProfile": format!("{CLUSTER}-node")
    });
    for (field, value) in changes.as_object().unwrap() {
        if value.is_null() {
            spec.as_object_mut().unwrap().remove(field);
        } else {
            spec[field] = value.clone();
        }
    }
    let metadata = json!({ "name": "default", "uid": "0a1b2c3d-0000-4000-8000-000000000001", "generation": 3 });
    serde_json::from_value(json!({
        "apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "metadata": metadata, "spec": spec
    }))
    .unwrap()
}

/// The class with its status.
pub(crate) async fn resolved(cloud: &Aws, changes: Value) -> EC2NodeClass {
    let mut class = class(changes);
    class.status = Some(cloud.resolve(&class, later()).await.unwrap());
    class
}

/// Every type of the region, as AL2023 has them.
pub(crate) fn types() -> Arc<[InstanceType]> {
    static TYPES: LazyLock<Arc<[InstanceType]>> =
        LazyLock::new(|| Catalog::embedded(REGION).unwrap().instance_types(&NodeClassSettings::default()));
    Arc::clone(&TYPES)
}

/// A launch of the offerings, each as `type/zone` with the zone's letter alone. Tests that share a
/// server need tokens of their own.
pub(crate) fn launch(endpoint: &Endpoint, token: &str, count: usize, capacity_type: CapacityType, offerings: &[&str]) -> Launch {
    let offering = |text: &&str| {
        let (kind, letter) = text.split_once('/').unwrap();
        (InstanceTypeName::from(kind), Zone::new(format!("{REGION}{letter}")))
    };
    Launch {
        token: token.to_owned(),
        count,
        pool: NodePoolName::from("default"),
        node_class: NodeClassRef { group: "karpenter.k8s.aws".into(), kind: "EC2NodeClass".into(), name: "default".into() },
        capacity_type,
        offerings: offerings.iter().map(offering).collect(),
        labels: [("karpenter.sh/nodepool".into(), "default".into()), ("team".into(), "a".into())].into(),
        taints: vec![Taint { key: "karpenter.sh/unregistered".into(), value: "".into(), effect: TaintEffect::NoExecute }],
        tags: BTreeMap::from([
            (cluster_tag(endpoint.cluster()), "owned".to_owned()),
            ("karpenter.sh/nodepool".to_owned(), "default".to_owned()),
            (LAUNCH_TAG.to_owned(), token.to_owned()),
        ]),
    }
}
