use super::super::pods;
use super::DefaultSpread;
use crate::manifest::{Inventory, Options, Source, read};
use serde_json::{Value, json};
use windlass_solver::{Pod, WhenUnsatisfiable};

fn inventory(objects: &[Value]) -> Inventory {
    let text: String = objects.iter().map(ToString::to_string).collect();
    let options = Options { services: true, ..Options::default() };
    let inventory = read(&[Source::Stdin(text.into_bytes())], &options).unwrap();
    assert_eq!(inventory.diagnostics, []);
    inventory
}

/// A pod of namespace `shop` with these labels, of a controller if one is given.
fn pod(name: &str, labels: &Value, controller: Option<(&str, &str)>) -> Value {
    let mut metadata = json!({"name": name, "namespace": "shop", "labels": labels});
    if let Some((kind, name)) = controller {
        let owner = json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true});
        metadata["ownerReferences"] = json!([owner]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "a"}]}})
}

fn service(name: &str, namespace: &str, selector: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector}})
}

fn workload(kind: &str, name: &str, replicas: u32, labels: &Value) -> Value {
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a"}]}});
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}})
}

fn planned(objects: &[Value]) -> (Vec<Pod>, Vec<String>) {
    let (pods, found) = pods(&inventory(objects), &DefaultSpread::system());
    (pods, found.iter().map(ToString::to_string).collect())
}

/// Each constraint of a pod in words.
fn shown(pod: &Pod) -> Vec<String> {
    let all = pod.shape.topology.spread.iter();
    all.map(|one| format!("{} {} {:?} among {}", one.topology_key, one.max_skew, one.when_unsatisfiable, one.selector)).collect()
}

fn among(selector: &str) -> [String; 2] {
    [("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5)]
        .map(|(key, skew)| format!("{key} {skew} ScheduleAnyway among {selector}"))
}

#[test]
fn pods_of_a_deployment_get_the_systems_constraints_with_its_selector() {
    let (pods, notes) = planned(&[workload("Deployment", "web", 2, &json!({"app": "web", "version": "2"}))]);
    assert_eq!((pods.len(), notes.len()), (2, 0));
    assert_eq!(shown(&pods[0]), among("pods with app In [web]"));
    assert_eq!(pods[0].shape, pods[1].shape);
}

#[test]
fn selectors_of_services_and_of_the_controller_hold_together() {
    let labels = json!({"app": "db", "tier": "data"});
    let objects = [
        workload("StatefulSet", "db", 1, &labels),
        service("data", "shop", &json!({"tier": "data"})),
        service("other", "shop", &json!({"tier": "front"})),
        service("elsewhere", "garage", &json!({"tier": "data", "x": "y"})),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "external", "namespace": "shop"},
            "spec": {"type": "ExternalName", "externalName": "example.com"}}),
    ];
    let (pods, notes) = planned(&objects);
    assert_eq!(shown(&pods[0]), among("pods with app In [db], tier In [data]"));
    assert_eq!(notes.len(), 0);
}

#[test]
fn pods_that_nothing_selects_and_pods_with_constraints_of_their_own_get_none() {
    let mut own = pod("own", &json!({"app": "web"}), None);
    own["spec"]["topologySpreadConstraints"] = json!([{"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]);
    let objects = [
        service("web", "shop", &json!({"app": "web"})),
        own,
        pod("alone", &json!({"app": "x"}), None),
        pod("job", &json!({}), Some(("Job", "j"))),
    ];
    let (pods, notes) = planned(&objects);
    let found: Vec<_> = pods.iter().map(|pod| (pod.key.name.as_ref(), shown(pod))).collect();
    let rack = vec!["rack 1 DoNotSchedule among pods with app In [web]".to_owned()];
    assert_eq!(found, [("own", rack), ("alone", Vec::new()), ("job", Vec::new())]);
    assert_eq!(notes.len(), 0);
}

#[test]
fn a_controller_that_is_not_in_the_input_is_told_by_the_template_hash_or_missed() {
    let hashed = pod("web-1", &json!({"app": "web", "pod-template-hash": "5d"}), Some(("ReplicaSet", "web-5d")));
    let (pods, notes) = planned(&[hashed]);
    assert_eq!((shown(&pods[0]), notes.len()), (among("pods with pod-template-hash In [5d]").to_vec(), 0));

    let (pods, notes) = planned(&[pod("db-0", &json!({"app": "db"}), Some(("StatefulSet", "db")))]);
    assert_eq!(shown(&pods[0]).len(), 0);
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("StatefulSet/shop/db is not in the input"), "{notes:?}");
}

#[test]
fn constraints_are_read_from_a_configuration_its_arguments_or_a_list() {
    let list = "[{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, minDomains: 3}]";
    let arguments = format!("{{kind: PodTopologySpreadArgs, defaultingType: List, defaultConstraints: {list}}}");
    let profile = format!("{{pluginConfig: [{{name: PodTopologySpread, args: {arguments}}}]}}");
    let other = "{schedulerName: packer, pluginConfig: []}";
    let configuration = format!("kind: KubeSchedulerConfiguration\nprofiles: [{other}, {profile}]\n");
    for text in [list.to_owned(), arguments, configuration] {
        let read = DefaultSpread::parse(&text).unwrap();
        let [one] = &read.0[..] else { panic!("{text}: {read:?}") };
        assert_eq!((one.max_skew, one.min_domains, one.when_unsatisfiable), (1, Some(3), WhenUnsatisfiable::DoNotSchedule));
    }
    for text in ["defaultingType: System", "kind: KubeSchedulerConfiguration", "profiles: [{schedulerName: default-scheduler}]"] {
        assert_eq!(DefaultSpread::parse(text), Ok(DefaultSpread::system()), "{text}");
    }
    assert!(DefaultSpread::parse("defaultingType: List").unwrap().is_empty());
    assert!(DefaultSpread::parse("[]").unwrap().is_empty());
    assert_eq!(DefaultSpread::system().0.len(), 2);
}

#[test]
fn what_kube_scheduler_refuses_is_refused_with_its_field() {
    let one = "{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}";
    for (text, expected) in [
        ("", "is empty"),
        ("a: [", "line "),
        ("7", "expected a KubeSchedulerConfiguration"),
        (
            "[{maxSkew: 0, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
            "defaultConstraints[0].maxSkew: 0 is not 1 or more",
        ),
        ("[{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: Never}]", "defaultConstraints[0].whenUnsatisfiable"),
        ("[{maxSkew: 1, topologyKey: '', whenUnsatisfiable: DoNotSchedule}]", "defaultConstraints[0].topologyKey: is missing"),
        ("[{maxSkew: 1, labelSelector: {}}]", "defaultConstraints[0].labelSelector: not a field of default constraints"),
        ("[7]", "defaultConstraints: "),
        (&format!("[{one}, {one}]"), "zone is there twice"),
        (&format!("defaultConstraints: [{one}]"), "need defaultingType: List"),
        ("defaultingType: Some", "is none of List, System"),
        ("defaultConstraint: []", "unknown field \"defaultConstraint\""),
        ("kind: Pod", "kind Pod is neither"),
        ("profiles: [{schedulerName: mine}]", "has no profile of default-scheduler"),
        ("profiles: [{plugins: {score: {disabled: [{name: PodTopologySpread}]}}}]", "disables the plugin \"PodTopologySpread\""),
    ] {
        let error = DefaultSpread::parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
