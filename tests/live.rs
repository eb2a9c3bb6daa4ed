//! Calls of a real API server: what each write does, and what it is refused for.
#![cfg(feature = "controller")]
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may panic in its helper functions, too.

use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use windlass::api::{NodeClaim, NodeClaimStatus, crd};
use windlass::cluster::live::{Calls, Kind, Raw, Store, Wrote, connect, watch};
use windlass::cluster::{ClaimChange, NodeChange, PodRef, Refusal, Target, Uid, Write};
use windlass_solver::{Labels, ObjectKey, Taint, TaintEffect};

/// A control plane that ends with the test.
struct ControlPlane {
    server: Child,
    kubeconfig: String,
    _folder: tempfile::TempDir,
}

impl ControlPlane {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/controlplane");
        let mut server = Command::new(script)
            .arg("serve")
            .arg("--dir")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut kubeconfig = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut kubeconfig).unwrap();
        assert!(!kubeconfig.trim().is_empty(), "the control plane did not start");
        Self { server, kubeconfig: kubeconfig.trim().to_owned(), _folder: folder }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// Tries until it is so.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    for _ in 0..600 {
        if let Some(found) = ask().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never: {what}");
}

async fn install(client: &Client) {
    let gvk = kube::core::GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let api: Api<Raw> = Api::all_with(client.clone(), &kube::core::ApiResource::from_gvk(&gvk));
    for definition in crd::definitions() {
        api.create(&PostParams::default(), &Raw::new(definition.object)).await.unwrap();
    }
    let claims = Calls::new(client.clone()).api(Kind::NodeClaim);
    eventually("NodeClaims are served", || async { claims.list(&kube::api::ListParams::default()).await.ok() }).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "shop"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "shop");
    eventually("the namespace has its account", || async { accounts.get("default").await.ok() }).await;
}

fn claim(name: &str) -> NodeClaim {
    serde_json::from_value(json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
        "metadata": {"name": name, "finalizers": ["karpenter.sh/termination", "example.com/other"]},
        "spec": {"requirements": [{"key": "a", "operator": "Exists"}],
            "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "c"}}
    }))
    .unwrap()
}

fn target(claim: &NodeClaim) -> Target {
    let metadata = &claim.metadata;
    Target {
        name: metadata.name.clone().unwrap(),
        uid: Uid::new(metadata.uid.clone().unwrap()),
        version: metadata.resource_version.as_ref().and_then(|version| version.parse().ok()),
    }
}

fn change(claim: Target) -> ClaimChange {
    let annotations = BTreeMap::from([("windlass.dev/x".to_owned(), "y".to_owned())]);
    ClaimChange { claim, labels: Labels::new(), annotations, release: false }
}

async fn wrote_claim(calls: &Calls, write: Write) -> Result<NodeClaim, Refusal> {
    match calls.write(write).await? {
        Wrote::Claim(claim) => Ok(*claim),
        other => panic!("no claim: {other:?}"),
    }
}

async fn claims_are_written_with_preconditions(calls: &Calls) {
    let made = wrote_claim(calls, Write::CreateClaim(Box::new(claim("a")))).await.unwrap();
    assert_eq!(calls.write(Write::CreateClaim(Box::new(claim("a")))).await.unwrap_err(), Refusal::Exists);
    let mut bad = claim("b");
    bad.spec.node_class_ref.name = String::new();
    let refused = calls.write(Write::CreateClaim(Box::new(bad))).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Invalid(why) if why.contains("name may not be empty")), "{refused:?}");

    let changed = wrote_claim(calls, Write::ChangeClaim(change(target(&made)))).await.unwrap();
    assert_eq!(changed.metadata.annotations.as_ref().unwrap()["windlass.dev/x"], "y");
    let late = calls.write(Write::ChangeClaim(change(target(&made)))).await.unwrap_err();
    assert_eq!(late, Refusal::Conflict, "the version has changed");
    let other = Target { uid: Uid::new("00000000-0000-0000-0000-000000000000"), version: None, ..target(&made) };
    assert_eq!(calls.write(Write::ChangeClaim(change(other.clone()))).await.unwrap_err(), Refusal::NotFound);
    assert_eq!(calls.write(Write::DeleteClaim(other.clone())).await.unwrap_err(), Refusal::NotFound);

    let mut status =
        NodeClaimStatus { provider_id: "aws:///z/i-1".to_owned(), node_name: "n".to_owned(), ..NodeClaimStatus::default() };
    let set = Write::SetClaimStatus(target(&changed), Box::new(status.clone()));
    let with_status = wrote_claim(calls, set.clone()).await.unwrap();
    assert_eq!((with_status.status.as_ref(), &with_status.spec), (Some(&status), &made.spec));
    assert_eq!(calls.write(set).await.unwrap_err(), Refusal::Conflict);
    status.node_name = String::new();
    let set = Write::SetClaimStatus(target(&with_status), Box::new(status.clone()));
    assert_eq!(wrote_claim(calls, set).await.unwrap().status, Some(status.clone()), "what a status lacks is gone");
    let set = Write::SetClaimStatus(other, Box::new(status));
    assert_eq!(calls.write(set).await.unwrap_err(), Refusal::NotFound);

    let deleted = wrote_claim(calls, Write::DeleteClaim(Target { version: None, ..target(&made) })).await.unwrap();
    assert!(deleted.metadata.deletion_timestamp.is_some());
    let listed = calls.list_claims().await.unwrap();
    assert_eq!(listed.len(), 1);
    let release = ClaimChange { release: true, ..change(target(&listed[0])) };
    let released = wrote_claim(calls, Write::ChangeClaim(release)).await.unwrap();
    assert_eq!(released.metadata.finalizers, Some(vec!["example.com/other".to_owned()]), "that of others stays");
    let api = calls.api(Kind::NodeClaim);
    let free = json!({"metadata": {"finalizers": null}});
    api.patch("a", &PatchParams::default(), &Patch::Merge(free)).await.unwrap();
    assert!(calls.list_claims().await.unwrap().is_empty());
    assert_eq!(calls.write(Write::DeleteClaim(target(&made))).await.unwrap_err(), Refusal::NotFound);
}

async fn nodes_are_changed_and_deleted(calls: &Calls) {
    let api = calls.api(Kind::Node);
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "finalizers": ["example.com/other"]},
        "spec": {"providerID": "aws:///z/i-1", "taints": [{"key": "karpenter.sh/unregistered", "effect": "NoExecute"}]}});
    let made = api.create(&PostParams::default(), &Raw::new(node)).await.unwrap();
    let name = |raw: &Raw| Target {
        name: "n".to_owned(),
        uid: Uid::new(raw.uid()),
        version: raw.object["metadata"]["resourceVersion"].as_str().unwrap().parse().ok(),
    };
    let mut labels = Labels::new();
    labels.insert("karpenter.sh/registered".into(), "true".into());
    let taint = Taint { key: "team".into(), value: "a".into(), effect: TaintEffect::NoSchedule };
    let owner = Target { name: "c".to_owned(), uid: Uid::new("11111111-1111-1111-1111-111111111111"), version: None };
    let change = |raw: &Raw| NodeChange {
        node: name(raw),
        labels: labels.clone(),
        taints: Some(vec![taint.clone()]),
        seen: windlass::cluster::live::node::read(&raw.object, Vec::new()).taints,
        held: Some(true),
        owner: Some(owner.clone()),
    };
    // The control plane taints a node that does not report, perhaps just now.
    let mut current = made.clone();
    let changed = loop {
        match calls.write(Write::ChangeNode(change(&current))).await {
            Ok(Wrote::Node(changed)) => break changed,
            Err(Refusal::Conflict) => current = api.get("n").await.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let metadata = &changed.object["metadata"];
    assert_eq!(metadata["labels"]["karpenter.sh/registered"], "true");
    assert_eq!(metadata["finalizers"], json!(["example.com/other", "karpenter.sh/termination"]));
    assert_eq!(metadata["ownerReferences"][0]["name"], "c");
    // What the control plane adds is beside ours.
    let taints: Vec<&Value> = changed.object["spec"]["taints"].as_array().unwrap().iter().collect();
    assert!(taints.iter().any(|one| one["key"] == "team") && taints.iter().all(|one| one["key"] != "karpenter.sh/unregistered"));
    let stale = calls.write(Write::ChangeNode(change(&made))).await.unwrap_err();
    assert_eq!(stale, Refusal::Conflict);
    let foreign = Target { uid: Uid::new("00000000-0000-0000-0000-000000000000"), version: None, ..name(&made) };
    assert_eq!(calls.write(Write::DeleteNode(foreign)).await.unwrap_err(), Refusal::NotFound);
    let Wrote::Node(deleted) = calls.write(Write::DeleteNode(Target { version: None, ..name(&made) })).await.unwrap() else {
        panic!("the finalizer holds it")
    };
    assert!(deleted.object["metadata"]["deletionTimestamp"].is_string());
}

async fn evictions_keep_budgets(calls: &Calls, client: &Client) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "shop");
    let pod = json!({"metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"nodeName": "n", "containers": [{"name": "a", "image": "x"}]}});
    let made = pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    // A pod that is pending may always be evicted.
    let running = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status("web", &PatchParams::default(), &Patch::Merge(running)).await.unwrap();
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(client.clone(), "shop");
    let budget = json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    budgets.create(&PostParams::default(), &serde_json::from_value(budget).unwrap()).await.unwrap();
    eventually("the budget is counted", || async {
        let counted = budgets.get("web").await.ok()?.status.is_some_and(|status| status.expected_pods == Some(1));
        counted.then_some(())
    })
    .await;
    let key = ObjectKey::new("shop", "web");
    let web = PodRef { key: key.clone(), uid: Uid::new(made.metadata.uid.unwrap()) };
    assert_eq!(calls.write(Write::Evict(web.clone())).await.unwrap_err(), Refusal::NotNow);
    let other = PodRef { key: key.clone(), uid: Uid::new("00000000-0000-0000-0000-000000000000") };
    assert_eq!(calls.write(Write::DeletePod(other, Duration::ZERO)).await.unwrap_err(), Refusal::NotFound);
    let listed = calls.list_pods(&"n".into()).await.unwrap();
    assert_eq!(listed.iter().map(Raw::key).collect::<Vec<_>>(), [key]);
    assert!(calls.list_pods(&"elsewhere".into()).await.unwrap().is_empty());
    calls.write(Write::DeletePod(web, Duration::from_secs(5))).await.unwrap();
    let deleted = pods.get("web").await.unwrap();
    assert_eq!(deleted.metadata.deletion_grace_period_seconds, Some(5));
}

/// A store that is fed by watches knows all kinds, also while one object makes no sense.
async fn watches_complete_the_store(client: &Client) {
    let pools = Calls::new(client.clone()).api(Kind::NodePool);
    for (name, limit) in [("good", "100"), ("absurd", "9999999999999999999999E")] {
        let pool = json!({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
            "spec": {"limits": {"cpu": limit}, "template": {"spec": {"requirements": [],
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "c"}}}}});
        pools.create(&PostParams::default(), &Raw::new(pool)).await.unwrap();
    }
    let (to, mut from) = tokio::sync::mpsc::channel(64);
    for kind in Kind::all() {
        tokio::spawn(watch(client.clone(), kind, to.clone()));
    }
    let mut store = Store::new(Kind::all());
    let mut notices = Vec::new();
    while !store.is_complete() {
        let change = tokio::time::timeout(Duration::from_mins(1), from.recv()).await.expect("watches go on").unwrap();
        notices.extend(store.take(change).notices);
    }
    assert_eq!((store.count(Kind::NodePool), store.inventory().node_pools.len()), (2, 1), "{notices:?}");
    assert!(notices.iter().any(|notice| notice.object == "NodePool/absurd"), "{notices:?}");
    assert!(store.count(Kind::Namespace) >= 4 && store.count(Kind::PriorityClass) == 2);
}

#[test]
fn a_real_api_server_understands_every_call() {
    let plane = ControlPlane::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = connect(Some(Path::new(&plane.kubeconfig))).await.unwrap();
        let calls = Calls::new(client.clone());
        install(&client).await;
        claims_are_written_with_preconditions(&calls).await;
        nodes_are_changed_and_deleted(&calls).await;
        evictions_keep_budgets(&calls, &client).await;
        watches_complete_the_store(&client).await;
    });
}
