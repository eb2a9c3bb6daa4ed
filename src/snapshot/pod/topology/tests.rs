use super::super::{DefaultSpread, bound, pods};
use crate::manifest::{Inventory, Options, Source, read};
use serde_json::{Value, json};
use std::sync::Arc;
use windlass_solver::{Feature, Namespaces, NodePolicy, PodSelector, PodShape, WhenUnsatisfiable};

fn inventory(objects: &[Value]) -> Inventory {
    let text: String = objects.iter().map(ToString::to_string).collect();
    let inventory = read(&[Source::Stdin(text.into_bytes())], &Options::default()).unwrap();
    assert_eq!(inventory.diagnostics, []);
    inventory
}

fn pod(extra: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "a"}]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    let metadata = json!({"name": "p", "namespace": "shop", "labels": {"app": "web", "pod-template-hash": "abc"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn namespace(name: &str, team: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}}})
}

fn shape(extra: &Value, others: &[Value]) -> (Arc<PodShape>, Vec<String>) {
    let all: Vec<Value> = others.iter().cloned().chain([pod(extra)]).collect();
    let (pods, found) = pods(&inventory(&all), &DefaultSpread::default());
    (pods[0].shape.clone(), found.iter().map(ToString::to_string).collect())
}

fn only(names: &[&str]) -> Namespaces {
    Namespaces::Only(names.iter().map(|name| Arc::from(*name)).collect())
}

fn shown(selector: &PodSelector) -> String {
    selector.to_string()
}

#[test]
fn a_spread_is_translated_with_the_api_defaults() {
    let constraint = json!({"maxSkew": 2, "topologyKey": "failure-domain.beta.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}});
    let (found, notes) = shape(&json!({"topologySpreadConstraints": [constraint]}), &[]);
    let one = &found.topology.spread[0];
    assert_eq!((&*one.topology_key, one.max_skew, one.min_domains), ("topology.kubernetes.io/zone", 2, None));
    assert_eq!(one.when_unsatisfiable, WhenUnsatisfiable::ScheduleAnyway);
    assert_eq!((one.node_affinity_policy, one.node_taints_policy), (NodePolicy::Honor, NodePolicy::Ignore));
    assert_eq!(one.selector.namespaces, only(&["shop"]));
    assert_eq!(shown(&one.selector), "pods with app In [web], x DoesNotExist");
    assert_eq!((found.unsupported.len(), notes), (0, Vec::<String>::new()));
}

#[test]
fn policies_and_least_domains_are_read() {
    let constraint = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 3,
        "nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": "Honor", "labelSelector": {}});
    let (found, _) = shape(&json!({"topologySpreadConstraints": [constraint]}), &[]);
    let one = &found.topology.spread[0];
    assert_eq!(
        (one.min_domains, one.node_affinity_policy, one.node_taints_policy),
        (Some(3), NodePolicy::Ignore, NodePolicy::Honor)
    );
    assert_eq!((shown(&one.selector).as_str(), found.unsupported.len()), ("all pods", 0));
}

/// Keys that the pod lacks are left out.
#[test]
fn label_keys_become_requirements_with_the_pods_own_values() {
    let selector = json!({"matchLabels": {"app": "web"}});
    let constraint = json!({"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector, "matchLabelKeys": ["pod-template-hash", "absent"]});
    let term =
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector, "mismatchLabelKeys": ["pod-template-hash"]});
    let anti = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    let (found, _) = shape(&json!({"topologySpreadConstraints": [constraint], "affinity": anti}), &[]);
    assert_eq!(shown(&found.topology.spread[0].selector), "pods with app In [web], pod-template-hash In [abc]");
    assert_eq!(shown(&found.topology.anti_affinity[0].selector), "pods with app In [web], pod-template-hash NotIn [abc]");
}

#[test]
fn namespaces_are_resolved_to_names() {
    let namespaces = |term: &Value, others: &[Value]| {
        let mut term = term.clone();
        term["topologyKey"] = "kubernetes.io/hostname".into();
        let anti = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
        let (found, notes) = shape(&json!({"affinity": anti}), others);
        (found.topology.anti_affinity[0].selector.namespaces.clone(), found.unsupported.clone(), notes)
    };
    let known = [namespace("shop", "a"), namespace("bank", "b"), namespace("desk", "b")];
    let team = |value: &str| json!({"namespaceSelector": {"matchLabels": {"team": value}}});
    for (term, expected) in [
        (json!({}), only(&["shop"])),
        (json!({"namespaces": ["bank", "desk"]}), only(&["bank", "desk"])),
        (json!({"namespaceSelector": {}}), Namespaces::All),
        (team("b"), only(&["bank", "desk"])),
        (team("nobody"), only(&[])),
        (json!({"namespaces": ["shop"], "namespaceSelector": {"matchLabels": {"team": "b"}}}), only(&["bank", "desk", "shop"])),
        (json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "bank"}}}), only(&["bank"])),
    ] {
        assert_eq!(namespaces(&term, &known), (expected, Vec::new(), Vec::new()), "{term}");
    }
    // Without the Namespace its name is all that is known of it.
    let by_name = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}});
    assert_eq!(namespaces(&by_name, &[]), (only(&["shop"]), Vec::new(), Vec::new()));
    let (_, refused, notes) = namespaces(&team("b"), &[]);
    assert_eq!(refused, [Feature::PodAntiAffinity]);
    assert!(notes[0].contains("selects namespaces by labels, and Namespace shop is not in the input: add it"), "{notes:?}");
}

#[test]
fn terms_without_a_selector_select_nobody_and_weights_make_preferences() {
    let term = json!({"topologyKey": "kubernetes.io/hostname"});
    let anti =
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": term}]}});
    let (found, _) = shape(&json!({"affinity": anti}), &[]);
    let term = &found.topology.anti_affinity[0];
    assert_eq!((term.weight, shown(&term.selector).as_str()), (Some(7), "no pods"));
    assert_eq!((found.unsupported.len(), found.has_preferences()), (0, true));
}

/// Equal specs of two namespaces are two shapes where a rule is about the pod's own namespace.
#[test]
fn one_spec_in_two_namespaces_has_rules_about_each() {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {}});
    let one = pod(&json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}));
    let mut two = one.clone();
    two["metadata"]["namespace"] = "bank".into();
    let (pods, _) = pods(&inventory(&[one, two]), &DefaultSpread::default());
    let namespaces: Vec<_> = pods.iter().map(|pod| pod.shape.topology.anti_affinity[0].selector.namespaces.clone()).collect();
    assert_eq!(namespaces, [only(&["shop"]), only(&["bank"])]);
}

#[test]
fn pods_that_run_keep_their_labels_and_required_anti_affinity() {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {}});
    let anti = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term],
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]}});
    let mut running = pod(&json!({"nodeName": "n", "affinity": anti}));
    running["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let nodes = bound(&inventory(&[running]));
    let pod = &nodes["n"][0];
    assert_eq!((pod.anti_affinity.len(), pod.terminating, pod.labels["app"].as_ref()), (1, true, "web"));
}
