//! The cluster as the watches have shown it: reduced objects for the snapshot, and events for the engine.

use super::kind::Kind;
use super::raw::Raw;
use super::watch::Change;
use super::{claim, node, pod};
use crate::api::condition::{self, ConditionStatus};
use crate::api::{EC2NodeClass, EC2NodeClassStatus, NodeClaim, NodePool};
use crate::cluster::{Node, Pod, PodRef, Uid};
use crate::engine::{Event, Notice};
use crate::manifest::{Intake, Inventory, Item};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{NodeName, NodePoolName, ObjectKey};

/// What is known of the cluster.
#[derive(Debug)]
pub struct Store {
    /// Kinds that are watched.
    watched: BTreeSet<Kind>,
    intake: Intake,
    kept: BTreeMap<(Kind, ObjectKey), Kept>,
    /// Kinds that are being listed, with what was listed so far.
    listing: BTreeMap<Kind, BTreeSet<ObjectKey>>,
    complete: BTreeSet<Kind>,
    /// The PersistentVolume of each bound claim.
    bound: BTreeMap<ObjectKey, Arc<str>>,
    /// Attachments by name: node and PersistentVolume.
    attached: BTreeMap<Arc<str>, (Arc<str>, Arc<str>)>,
    /// What the selectors of each EC2NodeClass found, by the class's uid.
    resolved: BTreeMap<Uid, EC2NodeClassStatus>,
}

/// An object.
#[derive(Debug)]
struct Kept {
    uid: Uid,
    /// For the snapshot; `None` if something is wrong with it.
    item: Option<Item>,
    /// For the engine, where it must be told again when a volume of it changes.
    plain: Plain,
    /// What was last said to be wrong with it.
    flaw: Option<String>,
}

#[derive(Debug)]
enum Plain {
    Node(Box<Node>),
    /// A pod with volumes, and their claims.
    Pod(Box<Pod>, Vec<ObjectKey>),
    Other,
}

/// What a change means for others.
#[derive(Debug, Default)]
pub struct Told {
    /// For the engine.
    pub events: Vec<Event>,
    /// For people: objects that are left out, and why.
    pub notices: Vec<Notice>,
    /// The kind, if a list of it is complete or an object of it was seen.
    pub touched: Option<Kind>,
    /// Whether more than a status is different now.
    pub differs: bool,
}

impl Store {
    /// Knows nothing yet, and will be told of these kinds.
    pub fn new(watched: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            watched: watched.into_iter().collect(),
            intake: Intake::default(),
            kept: BTreeMap::new(),
            listing: BTreeMap::new(),
            complete: BTreeSet::new(),
            bound: BTreeMap::new(),
            attached: BTreeMap::new(),
            resolved: BTreeMap::new(),
        }
    }

    /// Kinds that are watched.
    pub fn watched(&self) -> impl Iterator<Item = Kind> + '_ {
        self.watched.iter().copied()
    }

    /// Takes in what a watch tells.
    pub fn take(&mut self, change: Change) -> Told {
        let mut told = Told::default();
        match change {
            Change::Listing(kind) => drop(self.listing.insert(kind, BTreeSet::new())),
            Change::Seen(kind, raw) => {
                if let Some(listed) = self.listing.get_mut(&kind) {
                    listed.insert(raw.key());
                }
                told.touched = Some(kind);
                self.seen(kind, *raw, &mut told);
            }
            Change::Gone(kind, raw) => {
                told.touched = Some(kind);
                let same = self.kept.get(&(kind, raw.key())).is_some_and(|kept| kept.uid.as_str() == raw.uid());
                if same {
                    told.differs = true;
                    self.gone(kind, &raw.key(), &mut told);
                }
            }
            Change::Complete(kind) => {
                told.touched = Some(kind);
                let listed = self.listing.remove(&kind).unwrap_or_default();
                let known = self.kept.range((kind, ObjectKey::new("", ""))..).take_while(|((other, _), _)| *other == kind);
                let vanished: Vec<ObjectKey> =
                    known.map(|((_, key), _)| key.clone()).filter(|key| !listed.contains(key)).collect();
                for key in vanished {
                    told.differs = true;
                    self.gone(kind, &key, &mut told);
                }
                self.complete.insert(kind);
            }
            Change::Failed(..) => {}
        }
        told
    }

    /// Whether every kind that is watched has been listed once.
    pub fn is_complete(&self) -> bool {
        self.missing().next().is_none()
    }

    /// Kinds of which no complete list has come yet.
    pub fn missing(&self) -> impl Iterator<Item = Kind> + '_ {
        self.watched().filter(|kind| !self.complete.contains(kind))
    }

    fn seen(&mut self, kind: Kind, raw: Raw, told: &mut Told) {
        let (key, uid) = (raw.key(), Uid::new(raw.uid()));
        let replaced = self.kept.get(&(kind, key.clone())).is_some_and(|kept| kept.uid != uid);
        if replaced {
            self.gone(kind, &key, told);
        }
        let object = raw.typed(kind);
        let plain = self.tell(kind, &key, &object, told);
        let reading = if kind == Kind::VolumeAttachment { None } else { Some(self.intake.read(object)) };
        let (item, findings) = reading.map_or((None, Vec::new()), |reading| (reading.item, reading.findings));
        let errors = findings.iter().filter(|finding| finding.is_error());
        let flaw: Option<String> = errors.map(what).reduce(|all, one| format!("{all}; {one}"));
        let known = self.kept.get(&(kind, key.clone())).and_then(|kept| kept.flaw.as_ref());
        if let Some(message) = flaw.as_ref().filter(|message| known != Some(message)) {
            let object = shown(kind, &key);
            told.notices.push(Notice { object, reason: "Invalid", message: format!("it is left out: {message}") });
        }
        for doubt in findings.iter().filter(|finding| DOUBTED.contains(&kind) && !finding.is_error()) {
            told.notices.push(Notice { object: shown(kind, &key), reason: "Doubtful", message: what(doubt) });
        }
        let before = self.kept.insert((kind, key.clone()), Kept { uid, item, plain, flaw });
        let after = self.kept.get(&(kind, key)).and_then(|kept| kept.item.as_ref());
        told.differs |=
            !before.as_ref().and_then(|kept| kept.item.as_ref()).zip(after).is_some_and(|(a, b)| decides_the_same(a, b));
    }

    /// Tells the engine of an object, and of others that it changes.
    fn tell(&mut self, kind: Kind, key: &ObjectKey, object: &Value, told: &mut Told) -> Plain {
        match kind {
            Kind::Pod => {
                let read = self.pod(object);
                told.events.push(Event::Pod(Box::new(read.clone())));
                let claims: Vec<ObjectKey> =
                    pod::claims(object).map(|name| ObjectKey::new(key.namespace.clone(), name)).collect();
                return if claims.is_empty() { Plain::Other } else { Plain::Pod(Box::new(read), claims) };
            }
            Kind::Node => {
                let read = self.node(object);
                told.events.push(Event::Node(Box::new(read.clone())));
                return Plain::Node(Box::new(read));
            }
            Kind::NodeClaim => told.events.push(Event::Claim(Box::new(claim::read(object)))),
            Kind::NodePool => {
                if let Ok(pool) = NodePool::deserialize(object) {
                    told.events.push(Event::Pool(Box::new(pool)));
                } else {
                    // What cannot be read must neither launch nor disrupt anything.
                    told.events.push(Event::PoolGone(NodePoolName::new(key.name.clone())));
                }
            }
            Kind::VolumeClaim => {
                let volume = object.pointer("/spec/volumeName").and_then(Value::as_str).filter(|name| !name.is_empty());
                self.bind(key, volume.map(Arc::from), told);
            }
            Kind::VolumeAttachment => {
                let text = |path: &str| object.pointer(path).and_then(Value::as_str).map(Arc::from);
                let ends = text("/spec/nodeName").zip(text("/spec/source/persistentVolumeName"));
                self.attach(&key.name, ends, told);
            }
            _ => {}
        }
        Plain::Other
    }

    fn gone(&mut self, kind: Kind, key: &ObjectKey, told: &mut Told) {
        let Some(kept) = self.kept.remove(&(kind, key.clone())) else { return };
        match kind {
            Kind::Pod => told.events.push(Event::PodGone(PodRef { key: key.clone(), uid: kept.uid })),
            Kind::Node => told.events.push(Event::NodeGone(NodeName::new(key.name.clone()), kept.uid)),
            Kind::NodeClaim => told.events.push(Event::ClaimGone(key.name.to_string(), kept.uid)),
            Kind::NodePool => told.events.push(Event::PoolGone(NodePoolName::new(key.name.clone()))),
            Kind::NodeClass => drop(self.resolved.remove(&kept.uid)),
            Kind::VolumeClaim => self.bind(key, None, told),
            Kind::VolumeAttachment => self.attach(&key.name, None, told),
            _ => {}
        }
    }

    /// A pod, with the volumes that its claims are bound to.
    pub fn pod(&self, object: &Value) -> Pod {
        pod::read(object, |claim| self.bound.get(claim).cloned())
    }

    /// A node, with the volumes that are attached to it.
    pub fn node(&self, object: &Value) -> Node {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        node::read(object, self.attached_to(name))
    }

    fn attached_to(&self, node: &str) -> Vec<Arc<str>> {
        let on = self.attached.values().filter(|(other, _)| other.as_ref() == node);
        let mut volumes: Vec<Arc<str>> = on.map(|(_, volume)| volume.clone()).collect();
        volumes.sort();
        volumes
    }

    /// A claim is bound to a volume, or to none any more: pods that use it are told again.
    fn bind(&mut self, claim: &ObjectKey, volume: Option<Arc<str>>, told: &mut Told) {
        let changed = match volume {
            Some(volume) => self.bound.insert(claim.clone(), volume.clone()).as_ref() != Some(&volume),
            None => self.bound.remove(claim).is_some(),
        };
        if !changed {
            return;
        }
        let first = ObjectKey::new(claim.namespace.clone(), "");
        let pods = self.kept.range_mut((Kind::Pod, first)..);
        for ((_, key), kept) in pods.take_while(|((kind, key), _)| *kind == Kind::Pod && key.namespace == claim.namespace) {
            if let Plain::Pod(pod, claims) = &mut kept.plain
                && claims.contains(claim)
            {
                debug_assert_eq!(*key, pod.key);
                pod.volumes = claims.iter().filter_map(|claim| self.bound.get(claim).cloned()).collect();
                told.events.push(Event::Pod(pod.clone()));
            }
        }
    }

    /// A volume is attached to a node, or no longer: the node is told again.
    fn attach(&mut self, name: &Arc<str>, ends: Option<(Arc<str>, Arc<str>)>, told: &mut Told) {
        let old = match &ends {
            Some(ends) => self.attached.insert(name.clone(), ends.clone()),
            None => self.attached.remove(name),
        };
        if old == ends {
            return;
        }
        let nodes: BTreeSet<Arc<str>> = old.into_iter().chain(ends).map(|(node, _)| node).collect();
        for node in nodes {
            let volumes = self.attached_to(&node);
            if let Some(Kept { plain: Plain::Node(known), .. }) = self.kept.get_mut(&(Kind::Node, ObjectKey::new("", node))) {
                known.volumes = volumes;
                told.events.push(Event::Node(known.clone()));
            }
        }
    }

    /// Notes what the selectors of a class found.
    pub fn resolve(&mut self, class: &Uid, status: EC2NodeClassStatus) {
        self.resolved.insert(class.clone(), status);
    }

    /// The classes that can be read, each with what its selectors found, if that is known.
    pub fn classes(&self) -> impl Iterator<Item = (&Uid, EC2NodeClass)> {
        self.of(Kind::NodeClass).filter_map(|kept| match &kept.item {
            Some(Item::NodeClass(class)) => {
                let status = self.resolved.get(&kept.uid).cloned();
                Some((&kept.uid, EC2NodeClass { status, ..class.value.clone() }))
            }
            _ => None,
        })
    }

    /// The class with this uid, with its status as the API server has it.
    pub fn written_class(&self, uid: &Uid) -> Option<&EC2NodeClass> {
        self.of(Kind::NodeClass).find(|kept| kept.uid == *uid).and_then(|kept| match &kept.item {
            Some(Item::NodeClass(class)) => Some(&class.value),
            _ => None,
        })
    }

    /// A class as launches need it: resolved and ready. Else why not.
    pub fn ready_class(&self, name: &str) -> Result<EC2NodeClass, String> {
        let found = self.classes().find(|(_, class)| class.metadata.name.as_deref() == Some(name));
        let (_, class) = found.ok_or_else(|| format!("there is no valid EC2NodeClass named {name}"))?;
        let conditions = class.status.as_ref().map_or(&[][..], |status| &status.conditions);
        match condition::status(conditions, READY) {
            Some(ConditionStatus::True) => Ok(class),
            _ => Err(format!("EC2NodeClass {name} is not ready")),
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Kept> {
        let from = self.kept.range((kind, ObjectKey::new("", ""))..);
        from.take_while(move |((other, _), _)| *other == kind).map(|(_, kept)| kept)
    }

    /// Every NodePool: its uid and name, and itself if it can be read, else why not.
    pub fn pools(&self) -> impl Iterator<Item = (&Uid, &str, Result<&NodePool, &str>)> {
        let from = self.kept.range((Kind::NodePool, ObjectKey::new("", ""))..);
        from.take_while(|((kind, _), _)| *kind == Kind::NodePool).map(|((_, key), kept)| {
            let read = match &kept.item {
                Some(Item::NodePool(pool)) => Ok(&pool.value),
                _ => Err(kept.flaw.as_deref().unwrap_or("it cannot be read")),
            };
            (&kept.uid, key.name.as_ref(), read)
        })
    }

    /// Every claim that can be read.
    pub fn claims(&self) -> impl Iterator<Item = &NodeClaim> {
        self.items(Kind::NodeClaim).filter_map(|item| match item {
            Item::NodeClaim(claim) => Some(&claim.value),
            _ => None,
        })
    }

    /// The uid of an object.
    pub fn uid(&self, kind: Kind, key: &ObjectKey) -> Option<&Uid> {
        self.kept.get(&(kind, key.clone())).map(|kept| &kept.uid)
    }

    /// What is wrong with an object, if it is left out.
    pub fn flaw(&self, kind: Kind, key: &ObjectKey) -> Option<&str> {
        self.kept.get(&(kind, key.clone())).and_then(|kept| kept.flaw.as_deref())
    }

    /// The objects of a kind that can be read.
    pub fn items(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        self.of(kind).filter_map(|kept| kept.item.as_ref())
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.of(kind).count()
    }

    /// Everything that decides where pods go. Claims without node are left out: the engine knows which nodes are to come. A class counts
    /// as ready only if its selectors were resolved by us, and a pool whatever its status says: we are who writes it.
    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for item in self.kept.values().filter_map(|kept| kept.item.as_ref()) {
            match item {
                Item::NodeClass(_) | Item::NodeClaim(_) => {}
                Item::NodePool(pool) => {
                    let mut pool = pool.clone();
                    pool.value.status = None;
                    inventory.add(Item::NodePool(pool));
                }
                other => inventory.add(other.clone()),
            }
        }
        let nodes: BTreeSet<&str> = self.nodes().map(|node| node.provider_id.as_ref()).collect();
        for kept in self.of(Kind::NodeClaim) {
            if let Some(Item::NodeClaim(claim)) = &kept.item
                && claim.value.status.as_ref().is_some_and(|status| nodes.contains(status.provider_id.as_str()))
            {
                inventory.node_claims.push((**claim).clone());
            }
        }
        for kept in self.of(Kind::NodeClass) {
            if let Some(Item::NodeClass(class)) = &kept.item {
                let mut class = (**class).clone();
                class.value.status = Some(self.resolved.get(&kept.uid).cloned().unwrap_or_else(unresolved));
                inventory.node_classes.push(class);
            }
        }
        inventory
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.of(Kind::Node).filter_map(|kept| match &kept.plain {
            Plain::Node(node) => Some(node.as_ref()),
            _ => None,
        })
    }
}

/// Condition: the object can be used.
pub const READY: &str = "Ready";

/// Kinds about whose objects warnings are told, too: people write them one by one, and wonder why they have no effect.
pub const DOUBTED: [Kind; 4] = [Kind::NodePool, Kind::NodeClass, Kind::NodeOverlay, Kind::PodDisruptionBudget];

/// The status of a class that was not looked at yet: not ready.
fn unresolved() -> EC2NodeClassStatus {
    let mut status = EC2NodeClassStatus::default();
    let why = ("AwaitingReconciliation", "its subnets, security groups and images are not resolved yet");
    condition::set(&mut status.conditions, READY, ConditionStatus::False, why, "1970-01-01T00:00:00Z");
    status
}

/// `Pod/default/web-0` or `Node/n`.
pub fn shown(kind: Kind, key: &ObjectKey) -> String {
    if key.namespace.is_empty() { format!("{}/{}", kind.name(), key.name) } else { format!("{}/{key}", kind.name()) }
}

/// Whether two states of an object differ in nothing but what is written of it: version and status.
fn decides_the_same(a: &Item, b: &Item) -> bool {
    fn of(item: &Item) -> Option<&ObjectMeta> {
        match item {
            Item::NodePool(one) => Some(&one.value.metadata),
            Item::NodeClass(one) => Some(&one.value.metadata),
            Item::NodeOverlay(one) => Some(&one.value.metadata),
            _ => None,
        }
    }
    of(a).zip(of(b)).is_some_and(|(a, b)| {
        let deleting = |one: &ObjectMeta| one.deletion_timestamp.is_some();
        (a.generation, deleting(a), &a.annotations) == (b.generation, deleting(b), &b.annotations)
    })
}

/// A finding without its object, which is known.
fn what(finding: &crate::diagnostic::Diagnostic) -> String {
    match &finding.field {
        Some(field) => format!("{field}: {}", finding.message),
        None => finding.message.clone(),
    }
}

#[cfg(test)]
mod tests;
