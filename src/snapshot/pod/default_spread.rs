//! The spread of pods that say nothing of it: `defaultConstraints` of kube-scheduler's plugin `PodTopologySpread`.
//!
//! Such pods are spread among those that a Service and their controller select together with them; a pod that nothing selects is not
//! spread at all. Karpenter knows nothing of this, so that nodes it makes may not suit such a scheduler.

use super::shape::{Note, note};
use super::topology::{NamespaceBook, Reader};
use crate::manifest::{self, Inventory, PodSet};
use k8s_openapi::api::core::v1::TopologySpreadConstraint;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{Labels, Namespaces, PodSelector, Requirement, SpreadConstraint};

/// Kinds of controllers whose selector counts (kube-scheduler, `DefaultSelector`). Pods of a Deployment belong to a ReplicaSet; before they
/// exist, the Deployment stands for it.
const CONTROLLERS: [&str; 4] = ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"];

/// The label by which a Deployment tells its ReplicaSets apart
/// (kubernetes.io/docs/concepts/workloads/controllers/deployment, "Pod-template-hash label").
const TEMPLATE_HASH: &str = "pod-template-hash";

/// What the scheduler does by itself (kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints, "Built-in default
/// constraints"): topology key, maxSkew; both ScheduleAnyway.
const SYSTEM: [(&str, i32); 2] = [("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5)];

/// How pods without `topologySpreadConstraints` are spread. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DefaultSpread(Vec<SpreadConstraint>);

impl DefaultSpread {
    /// Whether nothing is spread.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What kube-scheduler does unless it is told otherwise (`defaultingType: System`).
    pub fn system() -> Self {
        let constraint = |(key, max_skew): (&str, i32)| TopologySpreadConstraint {
            max_skew,
            topology_key: key.to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            ..TopologySpreadConstraint::default()
        };
        Self::of(&SYSTEM.map(constraint)).unwrap_or_default()
    }

    /// Reads a KubeSchedulerConfiguration, the arguments of its plugin `PodTopologySpread`, or a list of constraints, in YAML or JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read = manifest::value(text)?;
        if read.get("profiles").is_some() || kind_of(&read) == Some("KubeSchedulerConfiguration") {
            return Self::of_configuration(&read);
        }
        if read.is_array() { Self::of_list(&read) } else { Self::of_arguments(&read) }
    }

    /// The profile of pods that name no scheduler counts.
    fn of_configuration(read: &Value) -> Result<Self, String> {
        let profiles = read.get("profiles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let name = |profile: &&Value| {
            profile.get("schedulerName").and_then(Value::as_str).unwrap_or("default-scheduler") == "default-scheduler"
        };
        let Some(profile) = profiles.iter().find(name) else {
            return if profiles.is_empty() { Ok(Self::system()) } else { Err("has no profile of default-scheduler".to_owned()) };
        };
        let points = profile.get("plugins").and_then(Value::as_object);
        let disabled = points.into_iter().flatten().filter_map(|(_, point)| point.get("disabled")?.as_array()).flatten();
        if let Some(plugin) = disabled.filter_map(|one| one.get("name")?.as_str()).find(|name| ["*", PLUGIN].contains(name)) {
            return Err(format!("disables the plugin {plugin:?}; say none, or give the constraints alone"));
        }
        let configured = profile.get("pluginConfig").and_then(Value::as_array).into_iter().flatten();
        let mut arguments = configured.filter(|one| one.get("name").and_then(Value::as_str) == Some(PLUGIN));
        arguments.next().and_then(|one| one.get("args")).map_or_else(|| Ok(Self::system()), Self::of_arguments)
    }

    fn of_arguments(arguments: &Value) -> Result<Self, String> {
        let fields = arguments
            .as_object()
            .ok_or("expected a KubeSchedulerConfiguration, PodTopologySpreadArgs, or a list of constraints")?;
        let known = ["apiVersion", "kind", "defaultConstraints", "defaultingType"];
        if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown field {key:?}; expected {}", known[2..].join(" or ")));
        }
        if let Some(kind) = kind_of(arguments).filter(|kind| *kind != "PodTopologySpreadArgs") {
            return Err(format!("kind {kind} is neither KubeSchedulerConfiguration nor PodTopologySpreadArgs"));
        }
        let given = Self::of_list(fields.get("defaultConstraints").unwrap_or(&Value::Null))?;
        match fields.get("defaultingType").and_then(Value::as_str).unwrap_or("System") {
            "List" => Ok(given),
            "System" if given.is_empty() => Ok(Self::system()),
            "System" => Err("defaultConstraints need defaultingType: List".to_owned()),
            other => Err(format!("defaultingType {other:?} is none of List, System")),
        }
    }

    fn of_list(list: &Value) -> Result<Self, String> {
        if list.is_null() {
            return Ok(Self::default());
        }
        for (index, one) in list.as_array().into_iter().flatten().enumerate() {
            let known = ["maxSkew", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy", "topologyKey", "whenUnsatisfiable"];
            if let Some(key) = one.as_object().and_then(|one| one.keys().find(|key| !known.contains(&key.as_str()))) {
                return Err(format!(
                    "defaultConstraints[{index}].{key}: not a field of default constraints; known are {}",
                    known.join(", ")
                ));
            }
        }
        let written: Vec<TopologySpreadConstraint> =
            serde_json::from_value(list.clone()).map_err(|error| format!("defaultConstraints: {error}"))?;
        Self::of(&written)
    }

    /// Constraints, with a selector still to come.
    fn of(written: &[TopologySpreadConstraint]) -> Result<Self, String> {
        let (namespace, labels, book) = (Arc::from(""), Labels::new(), NamespaceBook::new(&Inventory::default()));
        let mut reader = Reader::new(&namespace, &labels, &book);
        let constraints: Vec<_> = written.iter().enumerate().filter_map(|(index, one)| reader.spread(index, one)).collect();
        if let Some(error) = reader.errors.first() {
            let field = error.field.replacen("topologySpreadConstraints", "defaultConstraints", 1);
            return Err(format!("{field}: {}", error.message));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = constraints.iter().find(|one| !seen.insert((&one.topology_key, one.when_unsatisfiable))) {
            return Err(format!("defaultConstraints: {} is there twice with the same whenUnsatisfiable", twice.topology_key));
        }
        Ok(Self(constraints))
    }
}

/// The plugin of kube-scheduler.
const PLUGIN: &str = "PodTopologySpread";

fn kind_of(value: &Value) -> Option<&str> {
    value.get("kind").and_then(Value::as_str)
}

/// A namespace, labels and an owner: pods that have them in common have the same selector.
type Alike = (Arc<str>, Arc<Labels>, Arc<str>);

/// Who is spread with whom.
pub(super) struct Selectors<'i> {
    constraints: &'i [SpreadConstraint],
    /// Of Services, by namespace: labels that all must hold.
    services: BTreeMap<&'i str, Vec<Vec<Requirement>>>,
    /// Of controllers, as `Kind/namespace/name`.
    controllers: BTreeMap<&'i str, Vec<Requirement>>,
    known: BTreeMap<Alike, (Vec<SpreadConstraint>, Option<Note>)>,
}

impl<'i> Selectors<'i> {
    pub(super) fn new(inventory: &'i Inventory, spread: &'i DefaultSpread) -> Self {
        let (namespace, labels, book) = (Arc::from(""), Labels::new(), NamespaceBook::new(&Inventory::default()));
        let mut reader = Reader::new(&namespace, &labels, &book);
        let (mut services, mut controllers): (BTreeMap<_, Vec<_>>, _) = (BTreeMap::new(), BTreeMap::new());
        for (owner, selector) in &inventory.selectors {
            let requirements = reader.requirements("", selector);
            match owner.split('/').collect::<Vec<_>>()[..] {
                ["Service", namespace, _] => services.entry(namespace).or_default().push(requirements),
                _ => drop(controllers.insert(owner.as_ref(), requirements)),
            }
        }
        Self { constraints: &spread.0, services, controllers, known: BTreeMap::new() }
    }

    /// The constraints that pods get, and what is to be said about it.
    pub(super) fn spread(&mut self, set: &PodSet, namespace: &Arc<str>) -> (Vec<SpreadConstraint>, Option<Note>) {
        let controller = set.state.controller.as_ref();
        let owner = controller.map_or_else(|| set.owner.clone(), |one| format!("{}/{namespace}/{}", one.kind, one.name).into());
        let alike = (namespace.clone(), set.labels.clone(), owner);
        if let Some(known) = self.known.get(&alike) {
            return known.clone();
        }
        let (selector, warning) = self.selector(&alike);
        let spread = if selector.is_empty() {
            Vec::new()
        } else {
            let selector = PodSelector { namespaces: Namespaces::Only([namespace.clone()].into()), labels: Some(selector) };
            self.constraints.iter().map(|one| SpreadConstraint { selector: selector.clone(), ..one.clone() }).collect()
        };
        self.known.insert(alike, (spread.clone(), warning.clone()));
        (spread, warning)
    }

    /// What the Services of a pod and its controller ask for, together.
    fn selector(&self, (namespace, labels, owner): &Alike) -> (Vec<Requirement>, Option<Note>) {
        let holds = |one: &Requirement| one.allows(labels.get(one.key()).map(AsRef::as_ref));
        let services = self.services.get(namespace.as_ref()).into_iter().flatten();
        let mut all: Vec<Requirement> = services.filter(|service| service.iter().all(holds)).flatten().cloned().collect();
        let mut warning = None;
        let kind = owner.split('/').next().unwrap_or_default();
        match (self.controllers.get(owner.as_ref()), labels.get(TEMPLATE_HASH)) {
            (Some(selector), _) => all.extend_from_slice(selector),
            // No two ReplicaSets share it.
            (None, Some(hash)) if kind == "ReplicaSet" => all.push(Requirement::equals(TEMPLATE_HASH, hash)),
            (None, _) if CONTROLLERS.contains(&kind) => {
                let message = format!(
                    "{owner} is not in the input, so that Services alone decide with whom its pods are spread by default"
                );
                warning = Some(Note { hint: Some(format!("add the {kind}")), ..note("topologySpreadConstraints", message) });
            }
            (None, _) => {}
        }
        all.sort();
        all.dedup();
        (all, warning)
    }
}

#[cfg(test)]
mod tests;
