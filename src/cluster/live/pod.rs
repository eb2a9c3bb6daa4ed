//! Pods of the API to plain ones. Pure; a field that cannot be read counts as absent.

use crate::api::{label, period};
use crate::cluster::node::disrupted;
use crate::cluster::{Owner, Phase, Pod, Protection, Uid};
use crate::time::Time;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{ObjectKey, TaintEffect, Toleration, TolerationOperator};

/// `spec.terminationGracePeriodSeconds` where it is not set (Kubernetes API).
const GRACE: u64 = 30;
/// Marks the API's copy of a static pod (kubernetes.io/docs/reference/labels-annotations-taints).
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Priority classes of pods that leave a node last.
const CRITICAL: [&str; 2] = ["system-cluster-critical", "system-node-critical"];

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnerReference {
    kind: String,
    controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tolerated {
    key: Option<String>,
    operator: Option<String>,
    value: Option<String>,
    effect: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Expression {
    key: String,
    operator: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Term {
    match_expressions: Vec<Expression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
    reason: Option<String>,
}

/// The part of a value at a JSON pointer; the default where it is absent or of another type.
fn part<T: serde::de::DeserializeOwned + Default>(object: &Value, path: &str) -> T {
    object.pointer(path).and_then(|value| T::deserialize(value).ok()).unwrap_or_default()
}

fn text<'a>(object: &'a Value, path: &str) -> Option<&'a str> {
    object.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Reads a pod. `volume` gives the PersistentVolume that a claim of the pod's namespace is bound to, by the claim's name.
pub fn read(object: &Value, volume: impl Fn(&ObjectKey) -> Option<Arc<str>>) -> Pod {
    let key = ObjectKey::new(
        text(object, "/metadata/namespace").unwrap_or_default(),
        text(object, "/metadata/name").unwrap_or_default(),
    );
    let conditions: Vec<Condition> = part(object, "/status/conditions");
    let unschedulable = conditions.iter().any(|condition| {
        condition.type_ == "PodScheduled" && condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
    });
    Pod {
        uid: Uid::new(text(object, "/metadata/uid").unwrap_or_default()),
        node: text(object, "/spec/nodeName").map(Into::into),
        phase: match text(object, "/status/phase") {
            Some("Succeeded" | "Failed") => Phase::Finished,
            Some("Running") => Phase::Running,
            _ => Phase::Pending,
        },
        unschedulable,
        gated: !part::<Vec<Value>>(object, "/spec/schedulingGates").is_empty(),
        preempting: text(object, "/status/nominatedNodeName").is_some(),
        refuses_pools: refuses_pools(object),
        owner: owner(object),
        deleting: text(object, "/metadata/deletionTimestamp").and_then(Time::parse),
        grace: Duration::from_secs(
            object.pointer("/spec/terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(GRACE),
        ),
        protection: protection(object),
        critical: text(object, "/spec/priorityClassName").is_some_and(|name| CRITICAL.contains(&name)),
        tolerates_disruption: tolerates_disruption(object),
        volumes: claims(object).filter_map(|claim| volume(&ObjectKey::new(key.namespace.clone(), claim))).collect(),
        key,
    }
}

/// Names of the PersistentVolumeClaims that a pod uses, those made for it included.
pub fn claims(object: &Value) -> impl Iterator<Item = String> + '_ {
    let volumes = object.pointer("/spec/volumes").and_then(Value::as_array).into_iter().flatten();
    let pod = text(object, "/metadata/name").unwrap_or_default();
    volumes.filter_map(move |volume| {
        let named = text(volume, "/persistentVolumeClaim/claimName").map(str::to_owned);
        // The claim of an ephemeral volume is called <pod>-<volume> (Kubernetes API).
        let made = || volume.get("ephemeral").and_then(|_| text(volume, "/name")).map(|name| format!("{pod}-{name}"));
        named.or_else(made)
    })
}

fn owner(object: &Value) -> Owner {
    let owners: Vec<OwnerReference> = part(object, "/metadata/ownerReferences");
    let controller = owners.iter().find(|owner| owner.controller == Some(true)).map(|owner| owner.kind.as_str());
    let is_mirror = object.pointer("/metadata/annotations").is_some_and(|all| all.get(MIRROR).is_some());
    match controller {
        Some("Node") => Owner::Node,
        _ if is_mirror => Owner::Node,
        Some("DaemonSet") => Owner::DaemonSet,
        _ => Owner::Workload,
    }
}

/// Whether every node that the pod may run on has no pool. Karpenter leaves such pods to others.
fn refuses_pools(object: &Value) -> bool {
    let terms: Vec<Term> =
        part(object, "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms");
    let refuses = |expression: &Expression| expression.key == label::NODE_POOL && expression.operator == "DoesNotExist";
    !terms.is_empty() && terms.iter().all(|term| term.match_expressions.iter().any(refuses))
}

/// A duration counts from the pod's start, and for ever before it (karpenter-core, pod/scheduling.go).
fn protection(object: &Value) -> Protection {
    let annotations = object.pointer("/metadata/annotations");
    let set = |key: &str| annotations.and_then(|all| all.get(key)).and_then(Value::as_str);
    match set(label::DO_NOT_DISRUPT) {
        Some("true") => Protection::Always,
        None if set(label::DO_NOT_EVICT) == Some("true") => Protection::Always,
        Some(duration) => match period::seconds(duration) {
            Ok(Some(seconds)) => text(object, "/status/startTime")
                .and_then(Time::parse)
                .map_or(Protection::Always, |start| Protection::Until(start.plus(Duration::from_secs(seconds)))),
            Ok(None) | Err(_) => Protection::None,
        },
        None => Protection::None,
    }
}

fn tolerates_disruption(object: &Value) -> bool {
    let all: Vec<Tolerated> = part(object, "/spec/tolerations");
    all.into_iter().filter_map(toleration).any(|one| one.tolerates(&disrupted()))
}

/// `None` for an operator or effect that does not exist.
fn toleration(written: Tolerated) -> Option<Toleration> {
    Some(Toleration {
        key: written.key.filter(|key| !key.is_empty()).map(Into::into),
        operator: match written.operator.as_deref() {
            None | Some("" | "Equal") => TolerationOperator::Equal,
            Some("Exists") => TolerationOperator::Exists,
            Some(_) => return None,
        },
        value: written.value.unwrap_or_default().into(),
        effect: match written.effect.filter(|effect| !effect.is_empty()) {
            None => None,
            Some(effect) => Some(TaintEffect::parse(&effect)?),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{claims, read};
    use crate::cluster::{Owner, Phase, Pod, Protection};
    use crate::time::Time;
    use serde_json::{Value, json};
    use std::time::Duration;
    use windlass_solver::ObjectKey;

    fn object() -> Value {
        json!({
            "metadata": {"name": "web-0", "namespace": "shop", "uid": "u"},
            "spec": {"containers": [{"name": "a"}]},
            "status": {"phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}
        })
    }

    fn with(change: impl Fn(&mut Value)) -> Pod {
        let mut object = object();
        change(&mut object);
        read(&object, |_| None)
    }

    #[test]
    fn a_pending_pod_is_read() {
        let pod = with(|_| {});
        assert_eq!((pod.key, pod.uid.as_str()), (ObjectKey::new("shop", "web-0"), "u"));
        assert_eq!((pod.node, pod.phase, pod.unschedulable), (None, Phase::Pending, true));
        assert_eq!((pod.owner, pod.deleting, pod.grace), (Owner::Workload, None, Duration::from_secs(30)));
        assert_eq!((pod.protection, pod.critical, pod.tolerates_disruption), (Protection::None, false, false));
        assert!(!pod.gated && !pod.preempting && !pod.refuses_pools);
    }

    #[test]
    fn each_fact_is_read_from_its_field() {
        assert!(!with(|pod| pod["status"]["conditions"][0]["reason"] = json!("SchedulingGated")).unschedulable);
        assert!(with(|pod| pod["spec"]["schedulingGates"] = json!([{"name": "g"}])).gated);
        assert!(with(|pod| pod["status"]["nominatedNodeName"] = json!("n")).preempting);
        assert_eq!(with(|pod| pod["spec"]["nodeName"] = json!("n")).node.unwrap().as_str(), "n");
        assert_eq!(with(|pod| pod["status"]["phase"] = json!("Failed")).phase, Phase::Finished);
        assert_eq!(with(|pod| pod["spec"]["terminationGracePeriodSeconds"] = json!(5)).grace, Duration::from_secs(5));
        assert!(with(|pod| pod["spec"]["priorityClassName"] = json!("system-node-critical")).critical);
        let deleted = with(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-11-22T12:00:00Z"));
        assert_eq!(deleted.deleting, Time::parse("2026-11-22T12:00:00Z"));
    }

    #[test]
    fn owners_are_told_apart() {
        let owned = |kind: &str, controller: bool| {
            with(|pod| pod["metadata"]["ownerReferences"] = json!([{"kind": kind, "controller": controller, "name": "x"}])).owner
        };
        assert_eq!(owned("DaemonSet", true), Owner::DaemonSet);
        assert_eq!(owned("Node", true), Owner::Node);
        assert_eq!((owned("ReplicaSet", true), owned("DaemonSet", false)), (Owner::Workload, Owner::Workload));
        assert_eq!(with(|pod| pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "h"})).owner, Owner::Node);
    }

    #[test]
    fn protection_counts_from_the_start() {
        let protection = |text: &str, start: Option<&str>| {
            with(|pod| {
                pod["metadata"]["annotations"] = json!({"karpenter.sh/do-not-disrupt": text});
                if let Some(start) = start {
                    pod["status"]["startTime"] = json!(start);
                }
            })
            .protection
        };
        assert_eq!(protection("true", None), Protection::Always);
        assert_eq!(protection("1h", None), Protection::Always);
        let end = Time::parse("2026-11-22T13:00:00Z").unwrap();
        assert_eq!(protection("1h", Some("2026-11-22T12:00:00Z")), Protection::Until(end));
        assert_eq!((protection("false", None), protection("soon", None)), (Protection::None, Protection::None));
    }

    #[test]
    fn a_pod_refuses_pools_only_if_all_its_alternatives_do() {
        let refuses = |terms: Value| {
            with(|pod| {
                pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                    json!({"nodeSelectorTerms": terms});
            })
            .refuses_pools
        };
        let none = json!({"matchExpressions": [{"key": "karpenter.sh/nodepool", "operator": "DoesNotExist"}]});
        let other = json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]});
        assert!(refuses(json!([none])));
        assert!(!refuses(json!([none, other])) && !refuses(json!([])));
    }

    #[test]
    fn tolerating_the_disruption_takes_the_right_key_and_effect() {
        let tolerates = |toleration: Value| with(|pod| pod["spec"]["tolerations"] = json!([toleration])).tolerates_disruption;
        assert!(tolerates(json!({"operator": "Exists"})));
        assert!(tolerates(json!({"key": "karpenter.sh/disrupted", "operator": "Exists", "effect": "NoSchedule"})));
        assert!(tolerates(json!({"key": "karpenter.sh/disrupted"})));
        assert!(!tolerates(json!({"operator": "Exists", "effect": "NoExecute"})));
        assert!(!tolerates(json!({"key": "other", "operator": "Exists"})));
        assert!(!tolerates(json!({"key": "karpenter.sh/disrupted", "operator": "Like"})));
    }

    #[test]
    fn volumes_are_found_through_their_claims() {
        let mut pod = object();
        pod["spec"]["volumes"] = json!([
            {"name": "a", "persistentVolumeClaim": {"claimName": "disk"}}, {"name": "b", "ephemeral": {}},
            {"name": "c", "emptyDir": {}}
        ]);
        assert_eq!(claims(&pod).collect::<Vec<_>>(), ["disk", "web-0-b"]);
        let known = |claim: &ObjectKey| (*claim == ObjectKey::new("shop", "disk")).then(|| "pv-1".into());
        assert_eq!(read(&pod, known).volumes, ["pv-1".into()]);
    }

    #[test]
    fn nonsense_counts_as_absent() {
        for odd in [json!(null), json!({"spec": 3, "status": [], "metadata": {"ownerReferences": "x", "annotations": 4}})] {
            assert_eq!(read(&odd, |_| None).owner, Owner::Workload);
        }
        assert!(!with(|pod| pod["status"]["conditions"] = json!([{"type": 4}])).unschedulable);
    }
}
