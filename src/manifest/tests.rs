use super::{Inventory, Options, Source, read};
use std::sync::Arc;

fn inventory(text: &str) -> Inventory {
    read(&[Source::Stdin(text.as_bytes().to_vec())], &Options::default()).unwrap()
}

fn pods(inventory: &Inventory) -> Vec<String> {
    let mut all: Vec<String> = inventory.pods.iter().flat_map(|set| set.value.keys.iter().map(ToString::to_string)).collect();
    all.sort();
    all
}

fn findings(inventory: &Inventory) -> Vec<String> {
    inventory.diagnostics.iter().map(ToString::to_string).collect()
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n{more}spec:\n  containers:\n  - name: a\n    resources: {{requests: {{cpu: 1}}}}\n"
    )
}

fn workload(api_version: &str, kind: &str, name: &str, metadata: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n{metadata}spec:\n  {spec}\n  selector: {{matchLabels: {{app: x}}}}\n  template:\n    metadata: {{labels: {{app: x}}}}\n    spec: {{containers: [{{name: a}}]}}\n"
    )
}

fn owned_by(kind: &str, name: &str, uid: &str) -> String {
    format!("  ownerReferences: [{{apiVersion: v1, kind: {kind}, name: {name}, uid: {uid:?}, controller: true}}]\n")
}

#[test]
fn reads_pods_and_shares_what_they_have_in_common() {
    let found = inventory(&format!(
        "{}{}{}",
        pod("a", "  labels: {x: z}\n"),
        pod("b", "  namespace: ns\n  labels: {x: z}\n"),
        pod("c", "")
    ));
    assert_eq!(findings(&found), Vec::<String>::new());
    assert_eq!(pods(&found), ["default/a", "default/c", "ns/b"]);
    assert!(Arc::ptr_eq(&found.pods[0].value.spec, &found.pods[2].value.spec));
    assert!(Arc::ptr_eq(&found.pods[0].value.labels, &found.pods[1].value.labels));
    assert_eq!((found.pods[1].place.document, found.pods[1].place.line), (2, 12));
    assert_eq!(found.pods[0].value.owner.as_ref(), "Pod/default/a");
}

#[test]
fn block_flow_json_and_list_forms_read_alike() {
    let block = inventory(&pod("a", "  labels:\n    x: z\n"));
    let flow = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: z}}\nspec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}\n";
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"z"}},"spec":{"containers":[{"name":"a","resources":{"requests":{"cpu":1}}}]}}"#;
    let indent = |text: &str| format!("  {}", text.trim_start_matches("---\n").lines().collect::<Vec<_>>().join("\n  "));
    let list = format!("apiVersion: v1\nkind: List\nitems:\n-{}", &indent(&pod("a", "  labels:\n    x: z\n"))[1..]);
    let typed = format!(
        "{{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [{}]}}",
        json.replace("\"apiVersion\":\"v1\",\"kind\":\"Pod\",", "")
    );
    let anchored = format!("apiVersion: v1\nkind: List\nitems:\n- &x {json}\n");
    for text in [flow, json, &list, &typed, &anchored] {
        let found = inventory(text);
        assert_eq!(findings(&found), Vec::<String>::new(), "{text}");
        assert_eq!(found.pods.len(), 1, "{text}");
        assert_eq!(found.pods[0].value, block.pods[0].value, "{text}");
    }
}

#[test]
fn workloads_expand_and_are_numbered() {
    let text = [
        workload("apps/v1", "Deployment", "web", "", "replicas: 2"),
        workload("apps/v1", "StatefulSet", "db", "", "ordinals: {start: 3}"),
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {parallelism: 3, completions: 5, template: {spec: {containers: [{name: a}]}}}\nstatus: {succeeded: 4}\n".into(),
        "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: over}\nspec: {template: {spec: {containers: [{name: a}]}}}\nstatus: {conditions: [{type: Complete, status: \"True\"}]}\n".into(),
        "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: x, jobTemplate: {spec: {parallelism: 2, template: {spec: {containers: [{name: a}]}}}}}\n".into(),
        "---\napiVersion: v1\nkind: PodTemplate\nmetadata: {name: form}\ntemplate: {spec: {containers: [{name: a}]}}\n".into(),
        "---\napiVersion: v1\nkind: ReplicationController\nmetadata: {name: old}\nspec: {template: {spec: {containers: [{name: a}]}}}\n".into(),
        workload("apps/v1", "DaemonSet", "agent", "", "minReadySeconds: 1"),
        workload("apps/v1", "Deployment", "db", "", "replicas: 4"),
        pod("web-0", ""),
    ]
    .concat();
    let found = inventory(&text);
    assert_eq!(findings(&found), Vec::<String>::new());
    assert_eq!(
        pods(&found),
        [
            "default/db-0",
            "default/db-1",
            "default/db-2",
            "default/db-3",
            "default/db-deployment-0",
            "default/db-deployment-1",
            "default/db-deployment-2",
            "default/db-deployment-3",
            "default/form-0",
            "default/nightly-0",
            "default/nightly-1",
            "default/old-0",
            "default/once-0",
            "default/web-0",
            "default/web-deployment-0",
            "default/web-deployment-1",
        ]
        .into_iter()
        .filter(|name| !matches!(*name, "default/db-0" | "default/db-1" | "default/db-2"))
        .collect::<Vec<_>>()
    );
    assert_eq!(found.daemon_sets[0].value.key.to_string(), "default/agent");
}

#[test]
fn a_dump_counts_each_pod_once() {
    let deployment = workload("apps/v1", "Deployment", "web", "  uid: d\n", "replicas: 2");
    let replica_set =
        workload("apps/v1", "ReplicaSet", "web-1", &format!("  uid: r\n{}", owned_by("Deployment", "web", "d")), "replicas: 2");
    let old = workload("apps/v1", "ReplicaSet", "web-0", &owned_by("Deployment", "web", "d"), "replicas: 0");
    let member = |name: &str| pod(name, &owned_by("ReplicaSet", "web-1", "r"));
    let all = [deployment.clone(), replica_set.clone(), old.clone(), member("web-1-a"), member("web-1-b")].concat();
    let found = inventory(&all);
    assert_eq!(findings(&found), Vec::<String>::new());
    assert_eq!(pods(&found), ["default/web-1-a", "default/web-1-b"]);

    // Without the pods, the Deployment alone expands; without it, its ReplicaSets do.
    assert_eq!(
        pods(&inventory(&[deployment.clone(), replica_set.clone(), old.clone()].concat())),
        ["default/web-0", "default/web-1"]
    );
    assert_eq!(pods(&inventory(&[replica_set.clone(), old].concat())), ["default/web-1-0", "default/web-1-1"]);

    // Fewer pods than asked for: the input wins, visibly.
    let found = inventory(&[deployment.clone(), replica_set.clone(), member("web-1-a")].concat());
    assert_eq!(pods(&found), ["default/web-1-a"]);
    assert!(findings(&found)[0].contains("asks for 2 pods, and 1 are in the input"), "{:?}", findings(&found));

    // Another uid is another object of the same name; a loop of owners expands once.
    let stranger = pod("p", &owned_by("ReplicaSet", "web-1", "other"));
    assert_eq!(pods(&inventory(&[replica_set, stranger].concat())), ["default/p", "default/web-1-0", "default/web-1-1"]);
    let (a, b) = (
        workload("apps/v1", "ReplicaSet", "a", &owned_by("ReplicaSet", "b", ""), "replicas: 1"),
        workload("apps/v1", "ReplicaSet", "b", &owned_by("ReplicaSet", "a", ""), "replicas: 1"),
    );
    assert_eq!(pods(&inventory(&[a, b].concat())).len(), 1);
}

#[test]
fn the_state_of_pods_is_kept() {
    let text = [
        pod("run", "").replace(
            "spec:\n",
            "status: {phase: Running, containerStatuses: [{name: a, allocatedResources: {cpu: 2}}]}\nspec:\n  nodeName: n1\n",
        ),
        pod("done", "").replace("spec:\n", "status: {phase: Succeeded}\nspec:\n"),
        pod("going", "  deletionTimestamp: \"2026-01-01T00:00:00Z\"\n"),
        pod("static", "  annotations: {kubernetes.io/config.mirror: x}\n"),
        pod("agent", &owned_by("DaemonSet", "agent", "")),
    ]
    .concat();
    let found = inventory(&text);
    assert_eq!(findings(&found), Vec::<String>::new());
    let state = |index: usize| &found.pods[index].value.state;
    assert_eq!(state(0).node.as_deref(), Some("n1"));
    let requests = found.pods[0].value.spec.containers[0].resources.as_ref().unwrap().requests.as_ref().unwrap();
    assert_eq!(requests["cpu"].0, "2");
    assert!(state(1).terminal && state(2).terminating && state(3).mirror);
    assert_eq!(state(4).controller.as_ref().map(|owner| owner.kind.as_ref()), Some("DaemonSet"));
}

#[test]
fn limit_ranges_fill_in_and_refuse() {
    let range = "---\napiVersion: v1\nkind: LimitRange\nmetadata: {name: r}\nspec: {limits: [{type: Container, default: {memory: 2Gi}, defaultRequest: {cpu: 100m}, max: {cpu: 2}}, {type: Pod, max: {memory: 3Gi}}]}\n";
    let plain = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec: {containers: [{name: a}]}\n";
    let wide = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: wide}\nspec: {containers: [{name: a}, {name: b}]}\n";
    let big = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec: {containers: [{name: a, resources: {requests: {cpu: 3}, limits: {cpu: 4}}}]}\n";
    let elsewhere = big.replace("{name: big}", "{name: big, namespace: ns}");
    let found = inventory(&[plain, range, wide, big, &elsewhere].concat());
    assert_eq!(pods(&found), ["default/plain", "ns/big"]);
    let resources = found.pods[0].value.spec.containers[0].resources.clone().unwrap();
    let shown = |amounts: Option<std::collections::BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>| {
        amounts.unwrap().into_iter().map(|(name, amount)| format!("{name}={}", amount.0)).collect::<Vec<_>>()
    };
    assert_eq!(shown(resources.requests), ["cpu=100m", "memory=2Gi"]);
    assert_eq!(shown(resources.limits), ["cpu=2", "memory=2Gi"]);
    let messages = findings(&found);
    assert_eq!(messages.len(), 2, "{messages:?}");
    assert!(
        messages[0].contains("Pod/default/wide: spec.containers.memory: a LimitRange allows at most 3Gi memory for a pod"),
        "{messages:?}"
    );
    assert!(
        messages[1].contains("Pod/default/big: spec.containers[0].resources.cpu: a LimitRange allows at most 2 cpu"),
        "{messages:?}"
    );
}

#[test]
fn findings_name_file_document_line_and_field() {
    let text = format!(
        "# first\n{}---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: b\nspec:\n  containers:\n  - name: a\n    resources:\n      requests:\n        cpu: 1x\n",
        pod("a", "")
    );
    let found = inventory(&text);
    assert_eq!(
        findings(&found),
        [
            "<stdin>:21 (document 2): Pod/default/b: spec.containers[0].resources.requests.cpu: \"1x\" is not a quantity; expected a number with an optional unit, such as 500m, 1.5, 2Gi or 1e3"
        ]
    );
    assert_eq!(pods(&found), ["default/a"]);
}

#[test]
fn kinds_that_decide_nothing_are_counted_and_old_ones_refused() {
    let text = "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: ConfigMap\n---\napiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: old}\n---\nkind: Pod\n---\na: 1\n---\n- 1\n";
    let found = inventory(text);
    assert_eq!(found.skipped.into_iter().collect::<Vec<_>>(), [("v1 ConfigMap".to_owned(), 2)]);
    let shown: Vec<String> =
        found.diagnostics.iter().map(|one| format!("{one} ({})", one.hint.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        shown,
        [
            "<stdin>:7 (document 3): Deployment/old: apiVersion: extensions/v1beta1 Deployment is not served any more (use apiVersion: apps/v1)",
            "<stdin>:11 (document 4): apiVersion: is missing (every Kubernetes object has an apiVersion and a kind)",
            "<stdin>:13 (document 5): apiVersion: is missing (every Kubernetes object has an apiVersion and a kind)",
            "<stdin>:15 (document 6): expected an object with apiVersion and kind ()",
        ]
    );
}

#[test]
fn names_are_checked_made_up_and_unique() {
    let text = format!(
        "{}{}{}{}{}",
        pod("a", ""),
        pod("a", ""),
        pod("A_b", ""),
        pod("\"\"", "  generateName: g-\n"),
        pod("~", "  generateName: g-\n")
    );
    let found = inventory(&text);
    let [first, second, third] = &pods(&found)[..] else { panic!("{:?}", pods(&found)) };
    assert_eq!(first, "default/a");
    assert!(second.starts_with("default/g-") && third.starts_with("default/g-") && second != third, "{second} {third}");
    let messages = findings(&found);
    assert!(messages[0].contains("\"A_b\" must be at most 253 lowercase letters"), "{messages:?}");
    assert!(messages[1].contains("Pod/default/a: metadata.name: is defined again at <stdin>:"), "{messages:?}");
    assert_eq!(messages.len(), 2);
}

/// Jobs of a CI system have a generated name; what each asks for must not change hands when the documents do.
#[test]
fn generated_names_stay_with_their_content() {
    let job = |cpu: u8| {
        format!(
            "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{generateName: ci-}}\nspec:\n  template:\n    spec: {{containers: [{{name: a, resources: {{requests: {{cpu: {cpu}}}}}}}]}}\n"
        )
    };
    let pod = |label: &str| pod("", &format!("  generateName: g-\n  labels: {{x: {label}}}\n"));
    let documents = [job(1), job(2), pod("u"), pod("v"), pod("v")];
    let told = |documents: Vec<String>| {
        let found = inventory(&documents.concat());
        assert_eq!(findings(&found), Vec::<String>::new());
        let mut all: Vec<_> = found
            .pods
            .iter()
            .flat_map(|set| set.value.keys.iter().map(|key| (key.to_string(), set.value.labels.clone(), set.value.spec.clone())))
            .map(|(name, labels, spec)| format!("{name} {labels:?} {:?}", spec.containers[0].resources))
            .collect();
        all.sort();
        all
    };
    let forward = told(documents.to_vec());
    assert_eq!(forward.len(), 5);
    assert_eq!(told(documents.iter().rev().cloned().collect()), forward);
}

#[test]
fn karpenters_kinds_are_validated() {
    let pool = "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: p}\nspec:\n  template:\n    spec:\n      nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: c}\n      requirements: [{key: kubernetes.io/arch, operator: In, values: [arm64]}]\n";
    let found = inventory(pool);
    assert_eq!((findings(&found), found.node_pools.len()), (Vec::new(), 1));
    let found = inventory(&pool.replace("operator: In", "operator: Within"));
    assert_eq!(found.node_pools.len(), 0);
    assert!(findings(&found)[0].contains("spec.template.spec.requirements[0].operator"), "{:?}", findings(&found));
    assert_eq!(found.diagnostics[0].place.as_ref().unwrap().line, 8);
}

/// Equal definitions count once; of different ones none is used, whichever comes first. One that is refused anyway is no rival.
#[test]
fn what_is_defined_twice_is_settled_whatever_the_order() {
    let workload = |kind: &str, name: &str, cpu: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{containers: [{{name: a, resources: {{requests: {{cpu: {cpu}}}}}}}]}}\n"
        )
    };
    let class = |name: &str, value: u8| {
        format!("---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: {value}\n")
    };
    let mut documents = vec![
        pod("same", ""),
        pod("same", ""),
        pod("differs", ""),
        pod("differs", "  labels: {a: b}\n"),
        workload("Deployment", "same", "1"),
        workload("Deployment", "same", "1"),
        workload("Deployment", "differs", "1"),
        workload("Deployment", "differs", "2"),
        workload("Deployment", "flawed", "1x"),
        workload("Deployment", "flawed", "1"),
        workload("DaemonSet", "differs", "1"),
        workload("DaemonSet", "differs", "2"),
        class("same", 1),
        class("same", 1),
        class("differs", 1),
        class("differs", 2),
    ];
    for _ in 0..documents.len() {
        documents.rotate_left(1);
        let mut orders = [documents.clone(), documents.clone()];
        orders[1].reverse();
        for documents in orders {
            let found = inventory(&documents.concat());
            let mut kept = pods(&found);
            kept.sort();
            assert_eq!(kept, ["default/flawed-0", "default/same", "default/same-0"]);
            assert_eq!((found.daemon_sets.len(), found.priority_classes.len()), (0, 1));
            let mut told: Vec<String> = found
                .diagnostics
                .iter()
                .map(|one| format!("{:?} {} {}", one.severity, one.object.as_deref().unwrap(), one.field.as_deref().unwrap()))
                .collect();
            told.sort();
            assert_eq!(
                told,
                [
                    "Error DaemonSet/default/differs metadata.name",
                    "Error Deployment/default/differs metadata.name",
                    "Error Deployment/default/flawed spec.template.spec.containers[0].resources.requests.cpu",
                    "Error Pod/default/differs metadata.name",
                    "Error PriorityClass/differs metadata.name",
                    "Warning Deployment/default/same metadata.name",
                    "Warning Pod/default/same metadata.name",
                    "Warning PriorityClass/same metadata.name",
                ]
            );
        }
    }
}

#[test]
fn one_error_names_all_places_of_a_name() {
    let found = inventory(&[pod("a", ""), pod("a", "  labels: {a: b}\n"), pod("a", "")].concat());
    let [told] = &findings(&found)[..] else { panic!("{:?}", findings(&found)) };
    assert!(told.starts_with("<stdin>:2 (document 1): Pod/default/a: metadata.name: is defined differently at "), "{told}");
    assert!(told.contains("(document 2) and ") && told.ends_with("(document 3), so none of them is used"), "{told}");
}
