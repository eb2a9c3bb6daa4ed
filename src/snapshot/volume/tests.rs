use crate::manifest::{Inventory, Options, Source, read};
use crate::snapshot::pod::{DefaultSpread, bound, pods};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::PodShape;

const EBS: &str = "attachable-volumes-csi-ebs.csi.aws.com";

fn inventory(objects: &[Value]) -> Inventory {
    let text: String = objects.iter().map(ToString::to_string).collect();
    let inventory = read(&[Source::Stdin(text.into_bytes())], &Options::default()).unwrap();
    assert_eq!(inventory.diagnostics, []);
    inventory
}

/// The shapes of the pending pods, by name.
fn shapes(objects: &[Value]) -> BTreeMap<String, Arc<PodShape>> {
    let (pods, found) = pods(&inventory(objects), &DefaultSpread::default());
    assert_eq!(found, []);
    pods.into_iter().map(|pod| (pod.key.name.to_string(), pod.shape)).collect()
}

/// `object` with the fields of `patch`, below the top level merged.
fn with(object: Value, patch: Value) -> Value {
    crate::snapshot::fixture::patched(object, patch)
}

fn pod(name: &str, claims: &[&str]) -> Value {
    let volumes: Vec<Value> =
        claims.iter().map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}})).collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "a"}], "volumes": volumes}})
}

fn claim(name: &str, spec: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}});
    object["spec"] = spec;
    object
}

fn bound_claim(name: &str) -> Value {
    claim(name, json!({"volumeName": format!("pv-{name}"), "accessModes": ["ReadWriteOnce"]}))
}

/// The volume that [`bound_claim`] names.
fn volume(claim: &str, spec: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": format!("pv-{claim}")}});
    object["spec"] = spec;
    object
}

fn in_zone(key: &str, zone: &str) -> Value {
    json!({"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": key, "operator": "In", "values": [zone]}]}]}}})
}

fn class(name: &str, patch: Value) -> Value {
    let base = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer"});
    with(base, patch)
}

fn default_class(name: &str, created: &str) -> Value {
    let annotations = json!({"storageclass.kubernetes.io/is-default-class": "true"});
    class(
        name,
        json!({"metadata": {"annotations": annotations, "creationTimestamp": created},
        "allowedTopologies": [{"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": [name]}]}]}),
    )
}

/// Each volume of the shape, as `a or b`.
fn shown(shape: &PodShape) -> Vec<String> {
    let term = |term: &Vec<windlass_solver::Requirement>| term.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    shape.volume_topology.iter().map(|terms| terms.iter().map(term).collect::<Vec<_>>().join(" or ")).collect()
}

/// What the one pod with the claim `c` is told.
fn refusal(objects: &[Value]) -> String {
    let all: Vec<Value> = objects.iter().cloned().chain([pod("p", &["c"])]).collect();
    let shape = &shapes(&all)["p"];
    assert_eq!((shape.unsupported.len(), shown(shape).len()), (0, 0));
    shape.not_ready.as_deref().unwrap_or("ready").to_owned()
}

#[test]
fn a_bound_volume_restricts_the_pod_by_its_affinity_labels_and_id() {
    let zone = "topology.kubernetes.io/zone In [us-west-2a]";
    let labelled =
        |labels: Value| with(volume("c", json!({"nfs": {"server": "s", "path": "/"}})), json!({"metadata": {"labels": labels}}));
    for (volume, expected) in [
        (volume("c", in_zone("topology.kubernetes.io/zone", "us-west-2a")), vec![zone]),
        (volume("c", in_zone("topology.ebs.csi.aws.com/zone", "us-west-2a")), vec![zone]),
        (volume("c", in_zone("kubernetes.io/hostname", "node-1")), vec!["kubernetes.io/hostname In [node-1]"]),
        (labelled(json!({"failure-domain.beta.kubernetes.io/zone": "us-west-2a"})), vec![zone]),
        (
            labelled(
                json!({"topology.kubernetes.io/zone": "us-west-2a__us-west-2b", "topology.kubernetes.io/region": "us-west-2", "team": "x"}),
            ),
            vec!["topology.kubernetes.io/region In [us-west-2]", "topology.kubernetes.io/zone In [us-west-2a us-west-2b]"],
        ),
        (volume("c", json!({"awsElasticBlockStore": {"volumeID": "aws://us-west-2a/vol-1"}})), vec![zone]),
        (volume("c", json!({"awsElasticBlockStore": {"volumeID": "vol-1"}})), vec![]),
        (volume("c", json!({"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"}})), vec![]),
    ] {
        let shapes = shapes(&[pod("p", &["c"]), bound_claim("c"), volume.clone()]);
        assert_eq!(
            (shown(&shapes["p"]), shapes["p"].not_ready.as_deref()),
            (expected.iter().map(ToString::to_string).collect(), None),
            "{volume}"
        );
    }
    // A volume that is set aside for a claim is the claim's.
    let mut aside = volume("c", in_zone("topology.kubernetes.io/zone", "us-west-2a"));
    aside["spec"]["claimRef"] = json!({"namespace": "default", "name": "c"});
    assert_eq!(shown(&shapes(&[pod("p", &["c"]), claim("c", json!({})), aside])["p"]), [zone]);
}

#[test]
fn a_class_that_waits_restricts_the_pod_to_its_topologies() {
    let allowed = json!([
        {"matchLabelExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "values": ["b", "a"]}]},
        {"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": ["c"]}, {"key": "x", "values": ["y"]}]}]);
    let objects =
        [pod("p", &["c"]), claim("c", json!({"storageClassName": "gp3"})), class("gp3", json!({"allowedTopologies": allowed}))];
    let expected = "topology.kubernetes.io/zone In [a b] or topology.kubernetes.io/zone In [c], x In [y]";
    assert_eq!(shown(&shapes(&objects)["p"]), [expected]);
    let anywhere = [pod("p", &["c"]), claim("c", json!({"storageClassName": "gp3"})), class("gp3", json!({}))];
    let shape = &shapes(&anywhere)["p"];
    assert_eq!((shown(shape).len(), shape.not_ready.as_deref(), shape.requests.get(EBS)), (0, None, 1));
}

#[test]
fn the_newest_default_class_serves_claims_that_name_none() {
    let objects = [
        pod("p", &["c"]),
        claim("c", json!({})),
        default_class("old", "2024-01-01T00:00:00Z"),
        default_class("z-new", "2025-01-01T00:00:00Z"),
        default_class("a-new", "2025-01-01T00:00:00Z"),
        class("plain", json!({})),
    ];
    assert_eq!(shown(&shapes(&objects)["p"]), ["topology.kubernetes.io/zone In [a-new]"]);
}

#[test]
fn a_claim_that_is_being_provisioned_for_a_node_keeps_its_pod_there() {
    let claimed = with(
        claim("c", json!({"storageClassName": "gp3"})),
        json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}),
    );
    let objects = [
        pod("p", &["c"]),
        claimed.clone(),
        class("gp3", json!({})),
        crate::snapshot::fixture::node(json!({"metadata": {"name": "n1"}})),
    ];
    assert_eq!(shown(&shapes(&objects)["p"]), ["kubernetes.io/hostname In [n1]"]);
    assert_eq!(shown(&shapes(&[pod("p", &["c"]), claimed, class("gp3", json!({}))])["p"]), Vec::<String>::new());
}

#[test]
fn claims_that_are_not_ready_say_why() {
    let deleting =
        json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes.io/pvc-protection"]}});
    let mut taken = volume("c", json!({}));
    taken["spec"]["claimRef"] = json!({"namespace": "other", "name": "c"});
    let of_class = |name: &str| claim("c", json!({"storageClassName": name}));
    for (objects, expected) in [
        (vec![], "PersistentVolumeClaim default/c does not exist: create it, or add it to the input"),
        (vec![with(bound_claim("c"), deleting)], "is being deleted"),
        (vec![with(bound_claim("c"), json!({"status": {"phase": "Lost"}}))], "is Lost"),
        (vec![bound_claim("c")], "is bound to PersistentVolume pv-c, which does not exist"),
        (vec![bound_claim("c"), taken], "names PersistentVolume pv-c, which is bound to other/c"),
        (vec![of_class("gp3")], "is not bound, and its StorageClass gp3 does not exist"),
        (
            vec![of_class("gp3"), class("gp3", json!({"volumeBindingMode": "Immediate"}))],
            "StorageClass gp3 chooses its place before",
        ),
        (vec![of_class("gp3"), class("gp3", json!({"volumeBindingMode": null}))], "StorageClass gp3 chooses its place before"),
        (vec![of_class("gp3"), class("gp3", json!({"provisioner": ""}))], "StorageClass gp3 has no provisioner"),
        (vec![of_class(""), default_class("gp3", "2025-01-01T00:00:00Z")], "asks for no StorageClass"),
        (vec![claim("c", json!({})), class("gp3", json!({}))], "names no StorageClass, and none is marked as the default"),
        (
            vec![
                bound_claim("c"),
                volume(
                    "c",
                    json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Near"}]}]}}}),
                ),
            ],
            "the node affinity of PersistentVolume pv-c cannot be read: \"Near\" is no operator",
        ),
    ] {
        let told = refusal(&objects);
        assert!(told.contains(expected), "{told:?} instead of {expected:?}");
    }
}

#[test]
fn a_class_without_provisioner_is_refused_by_name() {
    let local = class("local", json!({"provisioner": "kubernetes.io/no-provisioner"}));
    let shapes = shapes(&[pod("p", &["c"]), claim("c", json!({"storageClassName": "local"})), local]);
    assert_eq!(shapes["p"].unsupported, [windlass_solver::Feature::StaticVolume]);
}

#[test]
fn claims_of_a_stateful_set_follow_from_its_pods_names() {
    let template = json!([{"metadata": {"name": "disk"}, "spec": {"storageClassName": "gp3", "accessModes": ["ReadWriteOnce"]}}]);
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "volumeClaimTemplates": template,
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a"}]}}}});
    let objects = [
        set.clone(),
        bound_claim("disk-db-1"),
        volume("disk-db-1", in_zone("topology.kubernetes.io/zone", "z")),
        class("gp3", json!({})),
    ];
    let all = shapes(&objects);
    let zones: Vec<_> = all.values().map(|shape| (shown(shape).concat(), shape.requests.get(EBS))).collect();
    assert_eq!(zones, [(String::new(), 1), ("topology.kubernetes.io/zone In [z]".to_owned(), 1), (String::new(), 1)]);
    assert!(Arc::ptr_eq(&all["db-0"], &all["db-2"]));
    let without_class = shapes(&[set]);
    assert!(
        without_class["db-2"]
            .not_ready
            .as_ref()
            .unwrap()
            .contains("PersistentVolumeClaim default/disk-db-2 is not bound, and its StorageClass gp3")
    );
}

#[test]
fn ephemeral_volumes_are_claims_of_their_own_pod() {
    let ephemeral = json!({"spec": {"volumes": [{"name": "cache", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "gp3"}}}}]}});
    let mine = with(
        claim("p-cache", json!({"volumeName": "pv-p-cache"})),
        json!({"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": true}]}}),
    );
    let p = with(pod("p", &[]), ephemeral);
    let zone = volume("p-cache", in_zone("topology.kubernetes.io/zone", "z"));
    assert_eq!(shapes(&[p.clone(), class("gp3", json!({}))])["p"].requests.get(EBS), 1);
    assert_eq!(shown(&shapes(&[p.clone(), mine, zone.clone()])["p"]), ["topology.kubernetes.io/zone In [z]"]);
    let other = shapes(&[p, bound_claim("p-cache"), zone]);
    assert!(other["p"].not_ready.as_ref().unwrap().contains("was not made for this pod's ephemeral volume"));
}

#[test]
fn a_claim_for_one_pod_goes_to_the_first_by_name_unless_one_runs() {
    let alone = [
        claim("c", json!({"volumeName": "pv-c", "accessModes": ["ReadWriteOncePod"]})),
        volume("c", in_zone("topology.kubernetes.io/zone", "z")),
    ];
    let refused = |objects: Vec<Value>| -> Vec<(String, Option<String>)> {
        let all: Vec<Value> = objects.into_iter().chain(alone.clone()).collect();
        shapes(&all).into_iter().map(|(name, shape)| (name, shape.not_ready.as_ref().map(ToString::to_string))).collect()
    };
    let told =
        |holder: &str| Some(format!("PersistentVolumeClaim default/c is ReadWriteOncePod, and pod default/{holder} uses it"));
    let found = refused(vec![pod("b", &["c"]), pod("a", &["c"])]);
    assert_eq!(found, [("a".to_owned(), None), ("b".to_owned(), told("a"))]);
    let running = with(pod("z", &["c"]), json!({"spec": {"nodeName": "n"}}));
    assert_eq!(refused(vec![pod("a", &["c"]), running.clone()]), [("a".to_owned(), told("z"))]);
    let finished = with(running, json!({"status": {"phase": "Succeeded"}}));
    assert_eq!(refused(vec![pod("a", &["c"]), finished]), [("a".to_owned(), None)]);
}

#[test]
fn attachments_count_once_per_claim_and_node_where_pods_run() {
    let running = |name: &str, claims: &[&str], node: &str| with(pod(name, claims), json!({"spec": {"nodeName": node}}));
    let disk = |name: &str| [bound_claim(name), volume(name, in_zone("topology.kubernetes.io/zone", "z"))];
    let mut objects = vec![
        running("a", &["c", "d"], "n1"),
        running("b", &["c"], "n1"),
        running("e", &["c", "shared"], "n2"),
        bound_claim("shared"),
        volume("shared", json!({"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-1"}})),
    ];
    objects.extend(disk("c").into_iter().chain(disk("d")));
    let taken = |objects: &[Value], resource: &str| -> Vec<i64> {
        bound(&inventory(objects)).values().map(|pods| pods.iter().map(|pod| pod.requests.get(resource)).sum()).collect()
    };
    assert_eq!(taken(&objects, EBS), [2, 1]);
    // Volumes of another driver count where some node limits them.
    let efs = "attachable-volumes-csi-efs.csi.aws.com";
    assert_eq!(taken(&objects, efs), [0, 0]);
    objects.push(json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": {"name": "n2"},
        "spec": {"drivers": [{"name": "efs.csi.aws.com", "nodeID": "i", "topologyKeys": [], "allocatable": {"count": 5}}]}}));
    assert_eq!(taken(&objects, efs), [0, 1]);
}
