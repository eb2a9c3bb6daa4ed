//! A pod's spec to the solver's shape. Equal specs are translated once, and equal shapes are one.

use super::default_spread::{DefaultSpread, Selectors};
use super::topology::{NamespaceBook, Reader, has_rules};
use crate::api::label;
use crate::manifest::requests;
use crate::manifest::{Inventory, PodSet, Sourced};
use k8s_openapi::api::core::v1::{Affinity, NodeSelectorTerm, PodSpec, Toleration as Tolerated, Volume};
use k8s_openapi::api::node::v1::RuntimeClass;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{
    Feature, HostPort, Labels, Namespaces, NodePreference, Operator, PodSelector, PodShape, Protocol, Requirement, ResourceName,
    Resources, SpreadConstraint, TaintEffect, Toleration, TolerationOperator, Topology,
};

/// Priority classes that every cluster has (k8s.io/kubernetes/pkg/apis/scheduling).
const SYSTEM_PRIORITIES: [(&str, i32); 2] = [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];

/// A finding on a field below a pod's spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::snapshot) struct Note {
    pub field: String,
    pub message: String,
    pub hint: Option<String>,
}

pub(super) fn note(field: &str, message: String) -> Note {
    Note { field: field.to_owned(), message, hint: None }
}

/// What became of a spec.
#[derive(Debug, Clone, Default)]
pub(in crate::snapshot) struct Translated {
    /// `None` if there are errors, or the pod wants no node of a pool.
    pub shape: Option<Arc<PodShape>>,
    /// What it takes up where it runs already, whatever the errors.
    pub requests: Resources,
    pub host_ports: Vec<HostPort>,
    /// Its rules about other pods, which bind where it runs already, too.
    pub topology: Topology,
    pub errors: Vec<Note>,
    pub warnings: Vec<Note>,
}

/// The address of a spec, which the inventory keeps alive, and where rules about other pods depend on them, namespace, labels and the
/// label that pods of one zone share, and the spread that they get by default.
type Identity = (usize, Option<(Arc<str>, Arc<Labels>, Option<Arc<str>>)>, Vec<SpreadConstraint>);

/// Translates specs.
pub(in crate::snapshot) struct Shapes<'i> {
    inventory: &'i Inventory,
    namespaces: NamespaceBook,
    selectors: Option<Selectors<'i>>,
    known: BTreeMap<Identity, Translated>,
    shared: BTreeSet<Arc<PodShape>>,
}

impl<'i> Shapes<'i> {
    pub(in crate::snapshot) fn new(inventory: &'i Inventory) -> Self {
        let (known, shared) = (BTreeMap::new(), BTreeSet::new());
        Self { inventory, namespaces: NamespaceBook::new(inventory), selectors: None, known, shared }
    }

    /// Gives this spread to pods that have none of their own.
    pub(in crate::snapshot) fn spread_by_default(mut self, spread: &'i DefaultSpread) -> Self {
        self.selectors = (!spread.is_empty()).then(|| Selectors::new(self.inventory, spread));
        self
    }

    /// The translation for a set of pods of the inventory, which are all in one namespace.
    pub(in crate::snapshot) fn of_set(&mut self, set: &'i PodSet, namespace: &Arc<str>) -> &Translated {
        let bare = set.spec.topology_spread_constraints.is_none();
        let (spread, warning) = match self.selectors.as_mut().filter(|_| bare) {
            Some(selectors) => selectors.spread(set, namespace),
            None => (Vec::new(), None),
        };
        self.with(&set.spec, (namespace, &set.labels), set.same_zone_as.as_ref(), (spread, warning))
    }

    /// The translation of a spec of the inventory, for pods of a namespace with these labels.
    pub(in crate::snapshot) fn of(&mut self, spec: &'i Arc<PodSpec>, namespace: &Arc<str>, labels: &Arc<Labels>) -> &Translated {
        self.with(spec, (namespace, labels), None, (Vec::new(), None))
    }

    /// The same, where `same_zone_as` is the label that pods of one zone share, and with the spread that they get by default.
    fn with(
        &mut self,
        spec: &'i Arc<PodSpec>,
        (namespace, labels): (&Arc<str>, &Arc<Labels>),
        same_zone_as: Option<&Arc<str>>,
        (spread, warning): (Vec<SpreadConstraint>, Option<Note>),
    ) -> &Translated {
        let ruled = has_rules(spec) || same_zone_as.is_some();
        let place = ruled.then(|| (namespace.clone(), labels.clone(), same_zone_as.cloned()));
        let identity: Identity = (Arc::as_ptr(spec).addr(), place, spread);
        if !self.known.contains_key(&identity) {
            let mut made = Translated::default();
            let unresolved = self.rules(spec, namespace, labels, &mut made);
            made.topology.spread.extend_from_slice(&identity.2);
            made.warnings.extend(warning);
            made.topology.same_zone.extend(same_zone_as.and_then(|key| {
                let labels = vec![Requirement::equals(key, labels.get(key)?)];
                Some(PodSelector { namespaces: Namespaces::Only([namespace.clone()].into()), labels: Some(labels) })
            }));
            if let Some(mut shape) = translate(spec, self.inventory, &mut made) {
                shape.unsupported.extend(unresolved);
                shape.unsupported.sort_unstable();
                shape.unsupported.dedup();
                made.shape = Some(self.share(shape));
            }
            self.known.insert(identity.clone(), made);
        }
        &self.known[&identity]
    }

    /// Reads rules about other pods; the features that have one that cannot be resolved.
    fn rules(&self, spec: &PodSpec, namespace: &Arc<str>, labels: &Labels, made: &mut Translated) -> BTreeSet<Feature> {
        let mut reader = Reader::new(namespace, labels, &self.namespaces);
        made.topology = reader.read(spec);
        made.errors.append(&mut reader.errors);
        made.warnings.append(&mut reader.warnings);
        reader.unresolved
    }

    /// The shape, one for all that are equal.
    pub(in crate::snapshot) fn share(&mut self, shape: PodShape) -> Arc<PodShape> {
        if let Some(known) = self.shared.get(&shape) {
            return known.clone();
        }
        let shape = Arc::new(shape);
        self.shared.insert(shape.clone());
        shape
    }
}

fn translate(spec: &PodSpec, inventory: &Inventory, made: &mut Translated) -> Option<PodShape> {
    let runtime = runtime_class(spec, inventory, made);
    let priority = priority(spec, inventory, made);
    let overhead = spec.overhead.as_ref().or(runtime.and_then(|class| class.overhead.as_ref()?.pod_fixed.as_ref()));
    made.host_ports = host_ports(spec);
    match requests::of(spec, overhead) {
        Ok(requests) => made.requests = requests,
        Err(error) => {
            made.requests = Resources::new().with(error.resource(), i64::MAX).with(ResourceName::PODS, 1);
            made.errors.push(note("containers", error.to_string()));
        }
    }
    let scheduling = runtime.and_then(|class| class.scheduling.as_ref());
    let extra_selector = scheduling.and_then(|scheduling| scheduling.node_selector.as_ref());
    let mut node_selector = selector(spec, extra_selector, made);
    let node_affinity = required_affinity(spec.affinity.as_ref(), made);
    let node_preferences = preferred_affinity(spec.affinity.as_ref(), made);
    node_selector.sort();
    node_selector.dedup();
    let extra_tolerations = scheduling.and_then(|scheduling| scheduling.tolerations.as_deref()).unwrap_or_default();
    let mut tolerations: Vec<Toleration> =
        spec.tolerations.iter().flatten().chain(extra_tolerations).filter_map(toleration).collect();
    tolerations.sort();
    tolerations.dedup();
    warn_of_labels(&node_selector, &node_affinity, made);
    if !made.errors.is_empty() || wants_no_pool(&node_selector, &node_affinity, made) {
        return None;
    }
    let (requests, host_ports, topology) = (made.requests.clone(), made.host_ports.clone(), made.topology.clone());
    let (unsupported, volume_topology) = (unsupported(spec), Vec::new());
    Some(PodShape {
        requests,
        priority,
        node_selector,
        node_affinity,
        node_preferences,
        tolerations,
        host_ports,
        volume_topology,
        topology,
        unsupported,
        ..PodShape::default()
    })
}

/// `runtimeClassName`, as the admission plugin RuntimeClass resolves it.
fn runtime_class<'i>(spec: &PodSpec, inventory: &'i Inventory, made: &mut Translated) -> Option<&'i RuntimeClass> {
    let name = spec.runtime_class_name.as_deref().filter(|name| !name.is_empty())?;
    let named = |source: &&Sourced<RuntimeClass>| source.value.metadata.name.as_deref() == Some(name);
    let found = inventory.runtime_classes.iter().find(named).map(|source| &source.value);
    if found.is_none() {
        if inventory.runtime_classes.is_empty() {
            let message = format!("no RuntimeClass is in the input; {name} is taken to have no overhead and no scheduling rules");
            made.warnings.push(note("runtimeClassName", message));
        } else {
            made.errors.push(note("runtimeClassName", format!("there is no RuntimeClass {name} in the input")));
        }
    }
    found
}

/// `priorityClassName`, as the admission plugin Priority resolves it.
fn priority(spec: &PodSpec, inventory: &Inventory, made: &mut Translated) -> i32 {
    if let Some(priority) = spec.priority {
        return priority;
    }
    let classes = inventory.priority_classes.iter().map(|source| &source.value);
    let Some(name) = spec.priority_class_name.as_deref().filter(|name| !name.is_empty()) else {
        // Of several defaults the API server takes the lowest.
        return classes.filter(|class| class.global_default == Some(true)).filter_map(|class| class.value).min().unwrap_or(0);
    };
    let known = SYSTEM_PRIORITIES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let named = |class: &k8s_openapi::api::scheduling::v1::PriorityClass| class.metadata.name.as_deref() == Some(name);
    let found = known.or_else(|| classes.into_iter().find(|class| named(class)).and_then(|class| class.value));
    if found.is_none() {
        if inventory.priority_classes.is_empty() {
            let message = format!("no PriorityClass is in the input; {name} is taken as priority 0");
            made.warnings.push(note("priorityClassName", message));
        } else {
            made.errors.push(note("priorityClassName", format!("there is no PriorityClass {name} in the input")));
        }
    }
    found.unwrap_or(0)
}

fn selector(spec: &PodSpec, extra: Option<&BTreeMap<String, String>>, made: &mut Translated) -> Vec<Requirement> {
    let mut required = Vec::new();
    for (key, value) in spec.node_selector.iter().flatten() {
        required.push(Requirement::equals(label::normalize(key), value));
    }
    for (key, value) in extra.into_iter().flatten() {
        if spec.node_selector.as_ref().and_then(|own| own.get(key)).is_some_and(|own| own != value) {
            let message = format!("{key} conflicts with the node selector of the RuntimeClass, which asks for {value:?}");
            made.errors.push(note("nodeSelector", message));
        }
        required.push(Requirement::equals(label::normalize(key), value));
    }
    // The kubelet of another system refuses the pod.
    if let Some(os) = spec.os.as_ref().filter(|os| os.name != "linux") {
        required.push(Requirement::equals(label::OS, &os.name));
    }
    required
}

/// Terms of which one must hold.
fn required_affinity(affinity: Option<&Affinity>, made: &mut Translated) -> Vec<Vec<Requirement>> {
    let node = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let required = node.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_ref());
    let mut terms: Vec<Vec<Requirement>> =
        required.into_iter().flat_map(|all| &all.node_selector_terms).map(|one| term(one, made)).collect();
    terms.sort();
    terms.dedup();
    terms
}

/// Terms that should hold. One without requirements is a no-op (Kubernetes API).
fn preferred_affinity(affinity: Option<&Affinity>, made: &mut Translated) -> Vec<NodePreference> {
    let node = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let preferred = node.and_then(|node| node.preferred_during_scheduling_ignored_during_execution.as_deref());
    let mut all = Vec::new();
    for one in preferred.into_iter().flatten() {
        let requirements = term(&one.preference, made);
        all.extend((!requirements.is_empty()).then_some(NodePreference { weight: one.weight, requirements }));
    }
    all
}

fn term(term: &NodeSelectorTerm, made: &mut Translated) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    for written in term.match_expressions.iter().flatten() {
        let values = written.values.as_deref().unwrap_or_default();
        let read = Operator::parse(&written.operator).ok_or_else(|| format!("{:?} is no operator", written.operator)).and_then(
            |operator| Requirement::new(label::normalize(&written.key), operator, values).map_err(|error| error.to_string()),
        );
        match read {
            Ok(requirement) => requirements.push(requirement),
            Err(message) => made.errors.push(note("affinity.nodeAffinity", message)),
        }
    }
    requirements.sort();
    requirements.dedup();
    requirements
}

pub(in crate::snapshot) fn toleration(written: &Tolerated) -> Option<Toleration> {
    let text = |text: Option<&String>| text.filter(|text| !text.is_empty()).map(|text| Arc::from(text.as_str()));
    let operator = match written.operator.as_deref().unwrap_or_default() {
        "" | "Equal" => TolerationOperator::Equal,
        "Exists" => TolerationOperator::Exists,
        _ => return None,
    };
    let effect = match written.effect.as_deref().unwrap_or_default() {
        "" => None,
        effect => Some(TaintEffect::parse(effect)?),
    };
    let value = written.value.as_deref().unwrap_or_default().into();
    Some(Toleration { key: text(written.key.as_ref()), operator, value, effect })
}

/// Ports on the node, of containers only; with `hostNetwork` every container port is one.
fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let on_host = spec.host_network == Some(true);
    let mut ports = Vec::new();
    for port in spec.containers.iter().filter_map(|container| container.ports.as_ref()).flatten() {
        let number = port.host_port.filter(|port| *port != 0).or(on_host.then_some(port.container_port));
        let Some(number) = number.and_then(|number| u16::try_from(number).ok()) else { continue };
        let protocol = match port.protocol.as_deref() {
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            _ => Protocol::Tcp,
        };
        ports.push(HostPort { port: number, protocol, ip: port.host_ip.as_deref().unwrap_or_default().into() });
    }
    ports.sort();
    ports.dedup();
    ports
}

/// Features that the solver refuses, beside those of rules about other pods.
fn unsupported(spec: &PodSpec) -> Vec<Feature> {
    let some = |present: bool, feature: Feature| present.then_some(feature);
    let any = |count: Option<usize>| count.is_some_and(|count| count > 0);
    let claims = |resources: &k8s_openapi::api::core::v1::ResourceRequirements| any(resources.claims.as_ref().map(Vec::len));
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let claimed = containers.filter_map(|container| container.resources.as_ref()).any(claims);
    let features: BTreeSet<Feature> = [
        some(spec.volumes.iter().flatten().any(is_in_tree), Feature::InTreeVolume),
        some(claimed || any(spec.resource_claims.as_ref().map(Vec::len)), Feature::ResourceClaim),
    ]
    .into_iter()
    .flatten()
    .collect();
    features.into_iter().collect()
}

/// A disk that is no claim; of all others, manifests keep none.
fn is_in_tree(volume: &Volume) -> bool {
    volume.persistent_volume_claim.is_none() && volume.ephemeral.is_none()
}

/// Karpenter leaves alone a pod that asks for a node of no pool. So do we, but say so.
fn wants_no_pool(selector: &[Requirement], affinity: &[Vec<Requirement>], made: &mut Translated) -> bool {
    let refuses = |requirement: &Requirement| {
        requirement.key() == label::NODE_POOL
            && requirement.allows_absent()
            && requirement.finite_values().is_some_and(BTreeSet::is_empty)
    };
    let none = selector.iter().any(refuses) || (!affinity.is_empty() && affinity.iter().all(|term| term.iter().any(refuses)));
    if none {
        let message = format!("{} DoesNotExist: the pod wants a node of no NodePool, so it is not planned", label::NODE_POOL);
        made.warnings.push(note("affinity.nodeAffinity", message));
    }
    none
}

/// Labels in the domains of Kubernetes, Karpenter and AWS that no new node gets. Karpenter refuses pods that ask for them.
fn warn_of_labels(selector: &[Requirement], affinity: &[Vec<Requirement>], made: &mut Translated) {
    let keys: BTreeSet<&str> = selector.iter().chain(affinity.iter().flatten()).map(Requirement::key).collect();
    for key in keys {
        if windlass_solver::label::is_well_known(key) && !label::is_well_known(key) && key != label::HOSTNAME {
            let message =
                format!("{key} is in a reserved domain and not a label that new nodes get; Karpenter would refuse the pod");
            let at = if selector.iter().any(|requirement| requirement.key() == key) {
                "nodeSelector"
            } else {
                "affinity.nodeAffinity"
            };
            made.warnings.push(note(at, message));
        }
    }
}
