//! Objects for the tests of rooms that decide: one good object of each kind, to be changed by the test.

use crate::api::condition::{self, ConditionStatus};
use crate::cluster::{Claim, Owner, Phase, Pod, Pool, Protection, Uid};
use serde_json::{Value, json};
use std::time::Duration;
use windlass_solver::ObjectKey;

/// A pod `default/<name>` that the scheduler found no node for.
pub(crate) fn pod(name: &str) -> Pod {
    Pod {
        key: ObjectKey::new("default", name),
        uid: Uid::new(format!("uid-{name}")),
        node: None,
        phase: Phase::Pending,
        unschedulable: true,
        gated: false,
        preempting: false,
        refuses_pools: false,
        owner: Owner::Workload,
        deleting: None,
        grace: Duration::from_secs(30),
        protection: Protection::None,
        critical: false,
        tolerates_disruption: false,
        volumes: Vec::new(),
    }
}

/// A NodePool whose nodes may be of any type.
pub(crate) fn pool_object(name: &str) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name, "uid": format!("uid-{name}")},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}}}
    })
}

/// The same, read.
pub(crate) fn pool(name: &str) -> Pool {
    Pool::read(&serde_json::from_value(pool_object(name)).unwrap())
}

/// A claim of pool `default`, made at noon on 2026-11-22.
pub(crate) fn claim(name: &str) -> Claim {
    let object = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {
            "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1", "creationTimestamp": "2026-11-22T12:00:00Z",
            "labels": {"karpenter.sh/nodepool": "default"}, "finalizers": ["karpenter.sh/termination"]},
        "spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "expireAfter": "Never",
            "requirements": []}
    });
    Claim::read(&serde_json::from_value(object).unwrap())
}

/// Sets a condition that is true since `time`.
pub(crate) fn condition(claim: &mut Claim, type_: &str, time: &str) {
    condition::set(&mut claim.status.conditions, type_, ConditionStatus::True, ("", ""), time);
}
