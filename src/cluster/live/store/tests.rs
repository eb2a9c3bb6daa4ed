use super::Store;
use crate::cluster::live::{Change, Kind, Raw};
use crate::engine::Event;
use crate::snapshot::{DefaultSpread, pod::pods};
use serde_json::{Value, json};
use windlass_solver::ObjectKey;

fn seen(kind: Kind, object: Value) -> Change {
    Change::Seen(kind, Box::new(Raw::new(object)))
}

fn pod(name: &str, uid: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "default", "uid": uid},
        "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}, "status": {}})
}

fn told(store: &mut Store, change: Change) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::Pod(pod) => format!("pod {} {}", pod.key.name, pod.volumes.join(",")),
        Event::PodGone(pod) => format!("pod gone {}", pod.uid),
        Event::Node(node) => format!("node {} {}", node.name, node.volumes.join(",")),
        Event::NodeGone(name, uid) => format!("node gone {name} {uid}"),
        Event::Pool(pool) => format!("pool {}", pool.metadata.name.as_deref().unwrap_or_default()),
        Event::PoolGone(name) => format!("pool gone {name}"),
        Event::Claim(claim) => format!("claim {}", claim.metadata.name.as_deref().unwrap_or_default()),
        other => format!("{other:?}"),
    };
    store.take(change).events.iter().map(name).collect()
}

#[test]
fn what_a_new_list_lacks_is_gone() {
    let mut store = Store::new(Kind::watched(false));
    told(&mut store, Change::Listing(Kind::Pod));
    assert_eq!(told(&mut store, seen(Kind::Pod, pod("a", "1"))), ["pod a "]);
    told(&mut store, seen(Kind::Pod, pod("b", "2")));
    assert!(told(&mut store, Change::Complete(Kind::Pod)).is_empty());
    told(&mut store, Change::Listing(Kind::Pod));
    told(&mut store, seen(Kind::Pod, pod("b", "2")));
    assert_eq!(told(&mut store, Change::Complete(Kind::Pod)), ["pod gone 1"]);
    assert_eq!(store.count(Kind::Pod), 1);
}

#[test]
fn everything_must_have_been_listed() {
    let mut store = Store::new(Kind::watched(false));
    for kind in Kind::watched(false) {
        assert!(!store.is_complete());
        told(&mut store, Change::Listing(kind));
        told(&mut store, Change::Complete(kind));
    }
    assert!(store.is_complete() && store.missing().next().is_none());
}

#[test]
fn of_what_selects_pods_the_selector_alone_is_kept() {
    let mut store = Store::new(Kind::watched(true));
    let object = |name: &str, selector: Value| {
        let template = json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": "not read"}});
        json!({"metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": {"selector": selector, "template": template}})
    };
    let labels = json!({"app": "web"});
    for kind in [Kind::ReplicaSet, Kind::StatefulSet] {
        assert!(store.take(seen(kind, object("web", json!({"matchLabels": labels})))).notices.is_empty());
    }
    for kind in [Kind::Service, Kind::ReplicationController] {
        assert!(store.take(seen(kind, object("web", labels.clone()))).notices.is_empty());
    }
    assert!(store.take(seen(Kind::Service, object("headless", Value::Null))).notices.is_empty());
    let odd = json!({"matchExpressions": [{"key": "app", "operator": "Near", "values": ["web"]}]});
    let told = store.take(seen(Kind::ReplicaSet, object("odd", odd)));
    assert!(told.notices[0].object == "ReplicaSet/shop/odd" && told.notices[0].message.contains("spec.selector"), "{told:?}");

    let inventory = store.inventory();
    let owners: Vec<&str> = inventory.selectors.keys().map(AsRef::as_ref).collect();
    assert_eq!(owners, ["ReplicaSet/shop/web", "ReplicationController/shop/web", "Service/shop/web", "StatefulSet/shop/web"]);
    assert!(inventory.selectors.values().all(|one| one.match_labels == Some([("app".to_owned(), "web".to_owned())].into())));
    assert!(inventory.pods.is_empty(), "the pods of the ReplicaSet are seen themselves");

    store.take(seen(Kind::Service, object("web", json!({"app": "shop"}))));
    let changed = &store.inventory().selectors["Service/shop/web"];
    assert_eq!(changed.match_labels, Some([("app".to_owned(), "shop".to_owned())].into()));
    store.take(Change::Gone(Kind::Service, Box::new(Raw::new(object("web", labels)))));
    assert_eq!(store.inventory().selectors.len(), 3);
}

#[test]
fn the_batch_after_a_service_spreads_its_pods() {
    let mut store = Store::new(Kind::watched(true));
    let mut web = pod("web", "1");
    web["metadata"]["labels"] = json!({"app": "web"});
    told(&mut store, seen(Kind::Pod, web));
    let spread = |store: &Store| pods(&store.inventory(), &DefaultSpread::system()).0[0].shape.topology.spread.len();
    assert_eq!(spread(&store), 0, "nothing selects it");
    let service = json!({"metadata": {"name": "web", "namespace": "default", "uid": "2"}, "spec": {"selector": {"app": "web"}}});
    told(&mut store, seen(Kind::Service, service.clone()));
    assert_eq!(spread(&store), 2);
    told(&mut store, Change::Gone(Kind::Service, Box::new(Raw::new(service))));
    assert_eq!(spread(&store), 0);
}

#[test]
fn a_name_that_is_used_again_is_another_object() {
    let mut store = Store::new(Kind::watched(false));
    told(&mut store, seen(Kind::Pod, pod("a", "1")));
    assert_eq!(told(&mut store, seen(Kind::Pod, pod("a", "2"))), ["pod gone 1", "pod a "]);
    let late = Change::Gone(Kind::Pod, Box::new(Raw::new(pod("a", "1"))));
    assert!(told(&mut store, late).is_empty(), "the one that is gone was replaced");
    assert_eq!(store.count(Kind::Pod), 1);
}

#[test]
fn a_bad_object_is_told_once_and_leaves_the_others_alone() {
    let mut store = Store::new(Kind::watched(false));
    let mut bad = pod("bad", "1");
    bad["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("a lot");
    let first = store.take(seen(Kind::Pod, bad.clone()));
    assert_eq!(first.notices.len(), 1);
    assert!(first.notices[0].message.contains("requests.cpu"), "{:?}", first.notices);
    assert!(store.take(seen(Kind::Pod, bad)).notices.is_empty());
    told(&mut store, seen(Kind::Pod, pod("good", "2")));
    assert_eq!(store.inventory().pods.len(), 1);
    assert!(store.flaw(Kind::Pod, &ObjectKey::new("default", "bad")).is_some());
}

#[test]
fn an_object_that_does_nothing_is_told() {
    let mut store = Store::new(Kind::watched(false));
    let budget = |spec| {
        seen(Kind::PodDisruptionBudget, json!({"metadata": {"name": "b", "namespace": "default", "uid": "1"}, "spec": spec}))
    };
    let told = store.take(budget(json!({"maxUnavailable": 1})));
    let notices: Vec<_> = told.notices.iter().map(|notice| (notice.object.as_str(), notice.reason)).collect();
    assert_eq!(notices, [("PodDisruptionBudget/default/b", "Doubtful")]);
    assert_eq!(store.inventory().pod_disruption_budgets.len(), 1, "it is used all the same");
    assert!(store.take(budget(json!({"maxUnavailable": 1, "selector": {}}))).notices.is_empty());
}

#[test]
fn a_pool_that_cannot_be_read_is_taken_away() {
    let mut store = Store::new(Kind::watched(false));
    let pool = |requirements: Value| {
        json!({"metadata": {"name": "p", "uid": "1"}, "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "c"}, "requirements": requirements}}}})
    };
    assert_eq!(told(&mut store, seen(Kind::NodePool, pool(json!([])))), ["pool p"]);
    assert_eq!(told(&mut store, seen(Kind::NodePool, pool(json!("all")))), ["pool gone p"]);
    assert!(store.inventory().node_pools.is_empty());
}

#[test]
fn volumes_reach_the_pods_and_nodes_that_have_them() {
    let mut store = Store::new(Kind::watched(false));
    let mut user = pod("a", "1");
    user["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]);
    assert_eq!(told(&mut store, seen(Kind::Pod, user)), ["pod a "]);
    told(&mut store, seen(Kind::Pod, pod("b", "2")));
    let claim = |volume: &str| {
        seen(
            Kind::VolumeClaim,
            json!({"metadata": {"name": "disk", "namespace": "default", "uid": "3"}, "spec": {"volumeName": volume}}),
        )
    };
    assert_eq!(told(&mut store, claim("pv-1")), ["pod a pv-1"]);
    assert!(told(&mut store, claim("pv-1")).is_empty());
    told(&mut store, seen(Kind::Node, json!({"metadata": {"name": "n", "uid": "4", "resourceVersion": "1"}})));
    let attachment =
        json!({"metadata": {"name": "x", "uid": "5"}, "spec": {"nodeName": "n", "source": {"persistentVolumeName": "pv-1"}}});
    assert_eq!(told(&mut store, seen(Kind::VolumeAttachment, attachment.clone())), ["node n pv-1"]);
    assert_eq!(told(&mut store, Change::Gone(Kind::VolumeAttachment, Box::new(Raw::new(attachment)))), ["node n "]);
}

#[test]
fn a_class_is_ready_only_once_it_is_resolved() {
    let mut store = Store::new(Kind::watched(false));
    let class = json!({"metadata": {"name": "c", "uid": "1"}, "spec": {
        "amiSelectorTerms": [{"alias": "al2023@latest"}], "instanceProfile": "p", "subnetSelectorTerms": [{"id": "subnet-1"}],
        "securityGroupSelectorTerms": [{"id": "sg-1"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-22T12:00:00Z"}]}});
    let told = store.take(seen(Kind::NodeClass, class));
    assert!(told.notices.is_empty(), "{told:?}");
    assert!(store.ready_class("c").unwrap_err().contains("not ready"), "what others wrote does not count");
    assert!(store.ready_class("d").unwrap_err().contains("no valid EC2NodeClass"));
    let (uid, found) = store.classes().next().map(|(uid, class)| (uid.clone(), class)).unwrap();
    assert_eq!(found.status, None);
    let mut status = crate::api::EC2NodeClassStatus::default();
    crate::api::condition::set(&mut status.conditions, "Ready", crate::api::condition::ConditionStatus::True, ("", ""), "");
    store.resolve(&uid, status);
    assert!(store.ready_class("c").is_ok());
}
