//! Writes to the API server, each with the preconditions that its decision was based on; and the lists that must not be older than the
//! question.

use super::fence::Fence;
use super::kind::Kind;
use super::raw::{FIELD_MANAGER, Raw};
use super::refusal::ask;
use super::{claim, node};
use crate::api::{self, NodeClaim, NodeClaimStatus, label};
use crate::cluster::{ClaimChange, NodeChange, PodRef, Refusal, Target, Uid, Write};
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::NodeName;

/// Objects on one page of a list.
const PAGE: u32 = 500;
/// Attempts to change a node as it is at the moment.
const CHANGES: usize = 3;

/// The object after a write, where the API returns it.
#[derive(Debug, Clone)]
pub enum Wrote {
    /// A claim.
    Claim(Box<NodeClaim>),
    /// A node.
    Node(Box<Raw>),
    /// Nothing of interest.
    Nothing,
}

/// Calls of the API server.
#[derive(Clone)]
pub struct Calls {
    client: Client,
    fence: Arc<Fence>,
}

impl Calls {
    /// Calls by this client, which must not retry on its own: the engine decides when to try again.
    pub fn new(client: Client) -> Self {
        Self { client, fence: Arc::new(Fence::open()) }
    }

    /// The same, writing only while the fence is open.
    #[must_use]
    pub fn behind(self, fence: Arc<Fence>) -> Self {
        Self { fence, ..self }
    }

    /// Whether writes are made at the moment.
    pub fn may_write(&self) -> bool {
        self.fence.is_open()
    }

    /// A write behind a closed fence is not made. To whoever asked it is one without answer: somebody else may have made it.
    fn pass(&self) -> Result<(), Refusal> {
        if self.may_write() { Ok(()) } else { Err(Refusal::Unknown) }
    }

    /// All objects of a kind without namespace.
    pub fn api(&self, kind: Kind) -> Api<Raw> {
        Api::all_with(self.client.clone(), &kind.resource())
    }

    fn pods(&self, pod: &PodRef) -> Api<k8s_openapi::api::core::v1::Pod> {
        Api::namespaced(self.client.clone(), &pod.key.namespace)
    }

    /// Carries a write out.
    pub async fn write(&self, write: Write) -> Result<Wrote, Refusal> {
        self.pass()?;
        match write {
            Write::CreateClaim(object) => self.create_claim(&object).await,
            Write::ChangeClaim(change) => self.change_claim(change).await,
            Write::SetClaimStatus(target, status) => self.set_claim_status(&target, &status).await,
            Write::DeleteClaim(target) => self.delete(Kind::NodeClaim, &target).await,
            Write::ChangeNode(change) => self.change_node(change).await,
            Write::DeleteNode(target) => self.delete(Kind::Node, &target).await,
            Write::Nominate(pod, node) => self.nominate(&pod, node.as_ref()).await,
            Write::Evict(pod) => self.evict(&pod).await,
            Write::DeletePod(pod, grace) => self.delete_pod(&pod, grace).await,
        }
    }

    async fn create_claim(&self, object: &NodeClaim) -> Result<Wrote, Refusal> {
        let body = serde_json::to_value(object).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let made = ask(self.api(Kind::NodeClaim).create(&PostParams::default(), &Raw::new(body))).await?;
        Ok(written(Kind::NodeClaim, made.object))
    }

    async fn change_claim(&self, change: ClaimChange) -> Result<Wrote, Refusal> {
        let mut metadata = identity(&change.claim);
        if change.release {
            let known = self.current(Kind::NodeClaim, &change.claim).await?;
            metadata["finalizers"] = without(&known, label::TERMINATION_FINALIZER);
            metadata["resourceVersion"] = known["metadata"]["resourceVersion"].clone();
        }
        if !change.labels.is_empty() {
            metadata["labels"] = change.labels.iter().map(|(key, value)| (key.to_string(), json!(value.as_ref()))).collect();
        }
        if !change.annotations.is_empty() {
            metadata["annotations"] = change.annotations.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
        }
        self.patch(Kind::NodeClaim, &change.claim.name, metadata, None).await
    }

    /// The status as a whole: what it does not have is gone afterwards.
    async fn set_claim_status(&self, target: &Target, status: &NodeClaimStatus) -> Result<Wrote, Refusal> {
        let mut metadata = identity(target);
        metadata["name"] = json!(target.name);
        let status = serde_json::to_value(status).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let body = json!({"apiVersion": api::CORE_V1, "kind": "NodeClaim", "metadata": metadata, "status": status});
        let call = self.api(Kind::NodeClaim);
        let made = ask(call.replace_status(&target.name, &PostParams::default(), &Raw::new(body))).await?;
        Ok(written(Kind::NodeClaim, made.object))
    }

    async fn change_node(&self, change: NodeChange) -> Result<Wrote, Refusal> {
        for _ in 1..CHANGES {
            match self.try_to_change_node(&change).await {
                // Most likely the kubelet has written its status in between.
                Err(Refusal::Conflict) => {}
                answer => return answer,
            }
        }
        self.try_to_change_node(&change).await
    }

    async fn try_to_change_node(&self, change: &NodeChange) -> Result<Wrote, Refusal> {
        let known = self.current(Kind::Node, &change.node).await?;
        if !change.holds(&node::taints(&known)) {
            return Err(Refusal::Conflict);
        }
        let (metadata, spec) = node_patch(&known, change);
        self.patch(Kind::Node, &change.node.name, metadata, spec).await
    }

    /// The object as it is now, if it is still the one that is meant.
    async fn current(&self, kind: Kind, target: &Target) -> Result<Value, Refusal> {
        let known = ask(self.api(kind).get(&target.name)).await?;
        if known.uid() != target.uid.as_str() {
            return Err(Refusal::NotFound);
        }
        if target.version.is_some_and(|version| version != node::version(&known.object)) {
            return Err(Refusal::Conflict);
        }
        Ok(known.object)
    }

    async fn patch(&self, kind: Kind, name: &str, metadata: Value, spec: Option<Value>) -> Result<Wrote, Refusal> {
        self.pass()?;
        let mut body = json!({ "metadata": metadata });
        if let Some(spec) = spec {
            body["spec"] = spec;
        }
        let made = ask(self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(body))).await?;
        Ok(written(kind, made.object))
    }

    async fn delete(&self, kind: Kind, target: &Target) -> Result<Wrote, Refusal> {
        let made = ask(self.api(kind).delete(&target.name, &only(target.uid.as_str(), target.version))).await?;
        Ok(made.left().map_or(Wrote::Nothing, |object| written(kind, object.object)))
    }

    async fn nominate(&self, pod: &PodRef, node: Option<&NodeName>) -> Result<Wrote, Refusal> {
        let body = json!({"metadata": {"uid": pod.uid.as_str()}, "status": {"nominatedNodeName": node.map(NodeName::as_str)}});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match ask(self.pods(pod).patch_status(&pod.key.name, &params, &Patch::Merge(body))).await {
            // The scheduler was faster.
            Err(Refusal::Invalid(message)) if message.contains("already bound") => Ok(Wrote::Nothing),
            answer => answer.map(|_| Wrote::Nothing),
        }
    }

    async fn evict(&self, pod: &PodRef) -> Result<Wrote, Refusal> {
        let params = EvictParams { delete_options: Some(only(pod.uid.as_str(), None)), ..EvictParams::default() };
        ask(self.pods(pod).evict(&pod.key.name, &params)).await?;
        Ok(Wrote::Nothing)
    }

    async fn delete_pod(&self, pod: &PodRef, grace: Duration) -> Result<Wrote, Refusal> {
        let grace = u32::try_from(grace.as_secs()).unwrap_or(u32::MAX).max(1);
        let params = DeleteParams { grace_period_seconds: Some(grace), ..only(pod.uid.as_str(), None) };
        ask(self.pods(pod).delete(&pod.key.name, &params)).await?;
        Ok(Wrote::Nothing)
    }

    /// Replaces an object's status by what `change` makes of it; `None` leaves it alone. The object must not change meanwhile.
    pub async fn set_status(
        &self,
        kind: Kind,
        (name, uid): (&str, &Uid),
        change: impl FnOnce(&Value) -> Option<Value> + Send,
    ) -> Result<(), Refusal> {
        let target = Target { name: name.to_owned(), uid: uid.clone(), version: None };
        let known = self.current(kind, &target).await?;
        let Some(status) = change(&known) else { return Ok(()) };
        let version = known["metadata"]["resourceVersion"].clone();
        self.pass()?;
        let metadata = json!({"name": name, "uid": uid.as_str(), "resourceVersion": version});
        let body = json!({"apiVersion": kind.api_version(), "kind": kind.name(), "metadata": metadata, "status": status});
        ask(self.api(kind).replace_status(name, &PostParams::default(), &Raw::new(body))).await?;
        Ok(())
    }

    /// Adds a finalizer to an object, or takes it off.
    pub async fn set_finalizer(&self, kind: Kind, (name, uid): (&str, &Uid), finalizer: &str, held: bool) -> Result<(), Refusal> {
        let target = Target { name: name.to_owned(), uid: uid.clone(), version: None };
        let known = self.current(kind, &target).await?;
        let mut all = without(&known, finalizer);
        if let Some(all) = all.as_array_mut().filter(|_| held) {
            all.push(json!(finalizer));
        }
        let mut metadata = identity(&target);
        metadata["resourceVersion"] = known["metadata"]["resourceVersion"].clone();
        metadata["finalizers"] = all;
        self.patch(kind, name, metadata, None).await.map(drop)
    }

    /// All claims, not older than the moment of the call.
    pub async fn list_claims(&self) -> Result<Vec<NodeClaim>, Refusal> {
        let listed = list(&self.api(Kind::NodeClaim), ListParams::default()).await?;
        Ok(listed.iter().map(|raw| claim::read(&raw.object)).collect())
    }

    /// The pods on a node, not older than the moment of the call.
    pub async fn list_pods(&self, node: &NodeName) -> Result<Vec<Raw>, Refusal> {
        list(&self.api(Kind::Pod), ListParams::default().fields(&format!("spec.nodeName={node}"))).await
    }
}

/// A list without `resourceVersion` is answered by a quorum; later pages belong to the same moment.
async fn list(api: &Api<Raw>, params: ListParams) -> Result<Vec<Raw>, Refusal> {
    let mut params = params.limit(PAGE);
    let mut all = Vec::new();
    loop {
        let page = ask(api.list(&params)).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// Metadata that name an object by uid, and by version where it counts.
fn identity(target: &Target) -> Value {
    let mut metadata = json!({ "uid": target.uid.as_str() });
    if let Some(version) = target.version {
        metadata["resourceVersion"] = json!(version.to_string());
    }
    metadata
}

fn only(uid: &str, version: Option<u64>) -> DeleteParams {
    let resource_version = version.map(|version| version.to_string());
    DeleteParams { preconditions: Some(Preconditions { uid: Some(uid.to_owned()), resource_version }), ..DeleteParams::default() }
}

/// The finalizers but one. A merge patch replaces lists as a whole, so the version must be a precondition.
fn without(object: &Value, finalizer: &str) -> Value {
    let all = object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    all.filter(|one| one.as_str() != Some(finalizer)).cloned().collect()
}

/// What changes of a node: metadata and spec of a merge patch on the object as it is.
fn node_patch(known: &Value, change: &NodeChange) -> (Value, Option<Value>) {
    let mut metadata = identity(&change.node);
    metadata["resourceVersion"] = known["metadata"]["resourceVersion"].clone();
    if !change.labels.is_empty() {
        metadata["labels"] = change.labels.iter().map(|(key, value)| (key.to_string(), json!(value.as_ref()))).collect();
    }
    match change.held {
        Some(false) => metadata["finalizers"] = without(known, label::TERMINATION_FINALIZER),
        Some(true) if !node::is_held(known, label::TERMINATION_FINALIZER) => {
            let mut all = without(known, label::TERMINATION_FINALIZER);
            if let Some(all) = all.as_array_mut() {
                all.push(json!(label::TERMINATION_FINALIZER));
            }
            metadata["finalizers"] = all;
        }
        Some(true) | None => {}
    }
    if let Some(owner) = &change.owner {
        let known = known.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let mut owners: Vec<Value> = known.filter(|one| one["uid"] != json!(owner.uid.as_str())).cloned().collect();
        owners.push(json!({
            "apiVersion": api::CORE_V1, "kind": "NodeClaim", "name": owner.name, "uid": owner.uid.as_str(), "blockOwnerDeletion": true
        }));
        metadata["ownerReferences"] = Value::Array(owners);
    }
    let spec = change.taints.as_ref().map(|taints| {
        let known: Vec<&Value> = known.pointer("/spec/taints").and_then(Value::as_array).into_iter().flatten().collect();
        let taints: Vec<Value> = taints
            .iter()
            .map(|taint| {
                let mut made = Map::from_iter([
                    ("key".to_owned(), json!(taint.key.as_ref())),
                    ("effect".to_owned(), json!(taint.effect.as_str())),
                ]);
                if !taint.value.is_empty() {
                    made.insert("value".to_owned(), json!(taint.value.as_ref()));
                }
                // A taint that stays keeps `timeAdded`, from which tolerations count.
                let same = |one: &&&Value| made.iter().all(|(key, value)| one.get(key) == Some(value));
                known.iter().find(same).map_or_else(|| Value::Object(made.clone()), |one| (**one).clone())
            })
            .collect();
        json!({ "taints": taints })
    });
    (metadata, spec)
}

/// The object after a write; nothing if nothing holds it any more.
fn written(kind: Kind, object: Value) -> Wrote {
    let finalizers = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null());
    let named = object.pointer("/metadata/uid").is_some();
    if !named || (deleting && finalizers.is_none_or(Vec::is_empty)) {
        return Wrote::Nothing;
    }
    match kind {
        Kind::NodeClaim => Wrote::Claim(Box::new(claim::read(&object))),
        Kind::Node => Wrote::Node(Box::new(Raw::new(object))),
        _ => Wrote::Nothing,
    }
}

#[cfg(test)]
mod tests;
