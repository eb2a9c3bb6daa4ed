//! NodeClaims of the API to typed ones. None is ever left out: a claim that cannot be read would make its instance look like nobody's, and
//! its share of the limits like nothing.

use crate::api::node_claim::ResourceRequirements;
use crate::api::{NodeClaim, NodeClaimSpec, NodeClaimStatus, NodeClassRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a claim; parts that cannot be read are absent, and then nothing narrows what the claim may become.
pub fn read(object: &Value) -> NodeClaim {
    if let Ok(claim) = NodeClaim::deserialize(object) {
        return claim;
    }
    let spec = part(object, "/spec").unwrap_or_else(|| NodeClaimSpec {
        node_class_ref: part(object, "/spec/nodeClassRef").unwrap_or_else(NodeClassRef::default),
        requirements: part(object, "/spec/requirements").unwrap_or_default(),
        resources: ResourceRequirements::default(),
        taints: part(object, "/spec/taints").unwrap_or_default(),
        startup_taints: part(object, "/spec/startupTaints").unwrap_or_default(),
        expire_after: crate::api::period::NEVER.to_owned(),
        termination_grace_period: part(object, "/spec/terminationGracePeriod"),
    });
    let status = part(object, "/status").unwrap_or_else(|| NodeClaimStatus {
        node_name: part(object, "/status/nodeName").unwrap_or_default(),
        provider_id: part(object, "/status/providerID").unwrap_or_default(),
        image_id: part(object, "/status/imageID").unwrap_or_default(),
        capacity: part(object, "/status/capacity").unwrap_or_default(),
        allocatable: part(object, "/status/allocatable").unwrap_or_default(),
        last_pod_event_time: part(object, "/status/lastPodEventTime"),
        conditions: part(object, "/status/conditions").unwrap_or_default(),
    });
    NodeClaim { metadata: part::<ObjectMeta>(object, "/metadata").unwrap_or_default(), spec, status: Some(status) }
}

fn part<T: DeserializeOwned>(object: &Value, path: &str) -> Option<T> {
    object.pointer(path).and_then(|value| T::deserialize(value).ok())
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::cluster::Claim;
    use serde_json::json;

    #[test]
    fn a_claim_with_a_bad_part_keeps_its_identity_and_its_instance() {
        let object = json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"karpenter.sh/nodepool": "p"},
                "annotations": {"windlass.dev/launch": "{\"token\":\"t\",\"index\":0,\"count\":1,\"attempt\":1,\"at\":\"\",\"capacityType\":\"spot\",\"offerings\":[]}"}},
            "spec": {"requirements": "none", "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "c"}},
            "status": {"providerID": "aws:///z/i-1", "conditions": {}}
        });
        let claim = Claim::read(&read(&object));
        assert_eq!((claim.name.as_str(), claim.uid.as_str(), claim.pool.as_str()), ("a", "u", "p"));
        assert_eq!((claim.provider_id(), claim.node_class.name.as_str()), (Some("aws:///z/i-1"), "c"));
        assert_eq!(claim.launch.map(|launch| launch.token), Some("t".to_owned()));
        assert_eq!((claim.expire_after, claim.requirements.iter().count()), (None, 0));
    }

    #[test]
    fn a_good_claim_is_read_as_it_is() {
        let object = json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "a"},
            "spec": {"requirements": [{"key": "k", "operator": "Exists"}], "expireAfter": "1h",
                "nodeClassRef": {"group": "g", "kind": "k", "name": "n"}}
        });
        let claim = read(&object);
        assert_eq!((claim.spec.expire_after.as_str(), claim.spec.requirements.len(), claim.status), ("1h", 1, None));
    }
}
