//! Topology spread, pod affinity and pod anti-affinity: from the API's fields to rules whose selectors depend on nothing else.
//!
//! Namespaces become names, `matchLabelKeys` and `mismatchLabelKeys` become requirements with the pod's own values (a key that the pod
//! lacks is left out, as in kube-scheduler and the API server).

use super::shape::{Note, note};
use crate::api::label;
use crate::manifest::Inventory;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::{
    Feature, Labels, Namespaces, NodePolicy, Operator, PodAffinityTerm, PodSelector, Requirement, SpreadConstraint, Topology,
    WhenUnsatisfiable,
};

/// The label that every namespace has (kubernetes.io/docs/reference/labels-annotations-taints).
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Whether a spec has any of these rules.
pub(super) fn has_rules(spec: &core::PodSpec) -> bool {
    let affinity = spec.affinity.as_ref();
    let with = affinity.is_some_and(|affinity| affinity.pod_affinity.is_some() || affinity.pod_anti_affinity.is_some());
    with || spec.topology_spread_constraints.as_ref().is_some_and(|all| !all.is_empty())
}

/// Every namespace of the input with its labels; `None` where only its pods are there.
pub(super) struct NamespaceBook(BTreeMap<Arc<str>, Option<Labels>>);

impl NamespaceBook {
    pub(super) fn new(inventory: &Inventory) -> Self {
        let mut all: BTreeMap<Arc<str>, Option<Labels>> = BTreeMap::new();
        for key in inventory.pods.iter().filter_map(|source| source.value.keys.first()) {
            all.entry(key.namespace.clone()).or_insert(None);
        }
        for daemon in &inventory.daemon_sets {
            all.entry(daemon.value.key.namespace.clone()).or_insert(None);
        }
        for source in &inventory.namespaces {
            let metadata = &source.value.metadata;
            let Some(name) = metadata.name.as_deref() else { continue };
            let mut labels: Labels =
                metadata.labels.iter().flatten().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect();
            labels.insert(NAMESPACE_NAME.into(), name.into());
            all.insert(name.into(), Some(labels));
        }
        Self(all)
    }

    /// The namespaces that a selector selects, or one whose labels would have to be known.
    fn select(&self, wanted: &[Requirement]) -> Result<Namespaces, Arc<str>> {
        if wanted.is_empty() {
            return Ok(Namespaces::All);
        }
        let mut selected = BTreeSet::new();
        for (name, labels) in &self.0 {
            let own = [(NAMESPACE_NAME.into(), name.clone())].into();
            let known = labels.as_ref().unwrap_or(&own);
            let holds = |one: &&Requirement| one.allows(known.get(one.key()).map(AsRef::as_ref));
            let unknown = |one: &&Requirement| labels.is_none() && one.key() != NAMESPACE_NAME;
            if wanted.iter().filter(|one| !unknown(one)).any(|one| !holds(&one)) {
                continue;
            }
            if wanted.iter().any(|one| unknown(&one)) {
                return Err(name.clone());
            }
            selected.insert(name.clone());
        }
        Ok(Namespaces::Only(selected))
    }
}

/// The pod whose rules are read.
pub(super) struct Reader<'a> {
    pub(super) namespace: &'a Arc<str>,
    pub(super) labels: &'a Labels,
    pub(super) book: &'a NamespaceBook,
    pub(super) errors: Vec<Note>,
    pub(super) warnings: Vec<Note>,
    /// Features with a rule that cannot be resolved.
    pub(super) unresolved: BTreeSet<Feature>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(namespace: &'a Arc<str>, labels: &'a Labels, book: &'a NamespaceBook) -> Self {
        let (errors, warnings, unresolved) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { namespace, labels, book, errors, warnings, unresolved }
    }

    /// The rules of a spec.
    pub(super) fn read(&mut self, spec: &core::PodSpec) -> Topology {
        let spread = spec.topology_spread_constraints.iter().flatten().enumerate();
        let mut topology =
            Topology { spread: spread.filter_map(|(index, one)| self.spread(index, one)).collect(), ..Topology::default() };
        let Some(affinity) = &spec.affinity else { return topology };
        if let Some(with) = &affinity.pod_affinity {
            let (required, preferred) = (
                &with.required_during_scheduling_ignored_during_execution,
                &with.preferred_during_scheduling_ignored_during_execution,
            );
            topology.affinity =
                self.terms("affinity.podAffinity", Feature::PodAffinity, required.as_deref(), preferred.as_deref());
        }
        if let Some(apart) = &affinity.pod_anti_affinity {
            let (required, preferred) = (
                &apart.required_during_scheduling_ignored_during_execution,
                &apart.preferred_during_scheduling_ignored_during_execution,
            );
            topology.anti_affinity =
                self.terms("affinity.podAntiAffinity", Feature::PodAntiAffinity, required.as_deref(), preferred.as_deref());
        }
        topology
    }

    fn error(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(note(field, message.into()));
    }

    pub(super) fn spread(&mut self, index: usize, written: &core::TopologySpreadConstraint) -> Option<SpreadConstraint> {
        let at = format!("topologySpreadConstraints[{index}]");
        let before = self.errors.len();
        let when_unsatisfiable = match written.when_unsatisfiable.as_str() {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            other => {
                self.error(&format!("{at}.whenUnsatisfiable"), format!("{other:?} is none of DoNotSchedule, ScheduleAnyway"));
                WhenUnsatisfiable::DoNotSchedule
            }
        };
        let max_skew = u32::try_from(written.max_skew).unwrap_or(0);
        if max_skew == 0 {
            self.error(&format!("{at}.maxSkew"), format!("{} is not 1 or more", written.max_skew));
        }
        let min_domains = written.min_domains.map(|count| u32::try_from(count).unwrap_or(0));
        if min_domains == Some(0) {
            self.error(&format!("{at}.minDomains"), "must be 1 or more");
        } else if min_domains.is_some() && when_unsatisfiable == WhenUnsatisfiable::ScheduleAnyway {
            self.error(&format!("{at}.minDomains"), "is allowed with whenUnsatisfiable DoNotSchedule only");
        }
        let node_affinity_policy =
            self.policy(&format!("{at}.nodeAffinityPolicy"), written.node_affinity_policy.as_deref(), NodePolicy::Honor);
        let node_taints_policy =
            self.policy(&format!("{at}.nodeTaintsPolicy"), written.node_taints_policy.as_deref(), NodePolicy::Ignore);
        let keys = [(Operator::In, written.match_label_keys.as_deref()), (Operator::NotIn, None)];
        let labels = self.selector(&at, written.label_selector.as_ref(), keys);
        let namespaces = Namespaces::Only([self.namespace.clone()].into());
        let topology_key = self.key(&at, &written.topology_key);
        (self.errors.len() == before).then_some(SpreadConstraint {
            topology_key,
            max_skew,
            when_unsatisfiable,
            min_domains,
            node_affinity_policy,
            node_taints_policy,
            selector: PodSelector { namespaces, labels },
        })
    }

    fn policy(&mut self, at: &str, written: Option<&str>, default: NodePolicy) -> NodePolicy {
        match written {
            None => default,
            Some("Honor") => NodePolicy::Honor,
            Some("Ignore") => NodePolicy::Ignore,
            Some(other) => {
                self.error(at, format!("{other:?} is none of Honor, Ignore"));
                default
            }
        }
    }

    fn key(&mut self, at: &str, written: &str) -> Arc<str> {
        if written.is_empty() {
            self.error(&format!("{at}.topologyKey"), "is missing");
        }
        label::normalize(written).into()
    }

    fn terms(
        &mut self,
        at: &str,
        feature: Feature,
        required: Option<&[core::PodAffinityTerm]>,
        preferred: Option<&[core::WeightedPodAffinityTerm]>,
    ) -> Vec<PodAffinityTerm> {
        let required = required.into_iter().flatten().map(|term| (term, None));
        let preferred = preferred.into_iter().flatten().map(|one| (&one.pod_affinity_term, Some(one.weight)));
        let mut terms = Vec::new();
        for (written, weight) in required.chain(preferred) {
            if let Some(weight) = weight.filter(|weight| !(1..=100).contains(weight)) {
                self.error(at, format!("weight {weight} is not in 1..=100"));
            }
            let keys =
                [(Operator::In, written.match_label_keys.as_deref()), (Operator::NotIn, written.mismatch_label_keys.as_deref())];
            let labels = self.selector(at, written.label_selector.as_ref(), keys);
            let namespaces = self.namespaces(at, feature, written);
            let topology_key = self.key(at, &written.topology_key);
            terms.push(PodAffinityTerm { topology_key, selector: PodSelector { namespaces, labels }, weight });
        }
        terms.sort();
        terms.dedup();
        terms
    }

    /// The namespaces listed and those selected; the pod's own where neither is given.
    fn namespaces(&mut self, at: &str, feature: Feature, written: &core::PodAffinityTerm) -> Namespaces {
        let listed: BTreeSet<Arc<str>> = written.namespaces.iter().flatten().map(|name| name.as_str().into()).collect();
        let Some(selector) = &written.namespace_selector else {
            return Namespaces::Only(if listed.is_empty() { [self.namespace.clone()].into() } else { listed });
        };
        let wanted = self.requirements(&format!("{at}.namespaceSelector"), selector);
        match self.book.select(&wanted) {
            Ok(Namespaces::Only(selected)) => Namespaces::Only(&listed | &selected),
            Ok(Namespaces::All) => Namespaces::All,
            Err(name) => {
                let message = format!("selects namespaces by labels, and Namespace {name} is not in the input: add it");
                self.warnings.push(note(&format!("{at}.namespaceSelector"), message));
                self.unresolved.insert(feature);
                Namespaces::All
            }
        }
    }

    fn selector(
        &mut self,
        at: &str,
        written: Option<&LabelSelector>,
        keys: [(Operator, Option<&[String]>); 2],
    ) -> Option<Vec<Requirement>> {
        let Some(written) = written else {
            if keys.iter().any(|(_, keys)| keys.is_some_and(|keys| !keys.is_empty())) {
                self.error(at, "matchLabelKeys and mismatchLabelKeys need a labelSelector");
            }
            return None;
        };
        let mut all = self.requirements(&format!("{at}.labelSelector"), written);
        for (operator, keys) in keys {
            for key in keys.into_iter().flatten() {
                let value = self.labels.get(key.as_str());
                all.extend(value.and_then(|value| Requirement::new(key, operator, std::slice::from_ref(value)).ok()));
            }
        }
        all.sort();
        all.dedup();
        Some(all)
    }

    pub(super) fn requirements(&mut self, at: &str, written: &LabelSelector) -> Vec<Requirement> {
        let equal = written.match_labels.iter().flatten().map(|(key, value)| Requirement::equals(key, value));
        let mut all: Vec<Requirement> = equal.collect();
        for one in written.match_expressions.iter().flatten() {
            let values = one.values.as_deref().unwrap_or_default();
            let operator = match one.operator.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    self.error(at, format!("operator {other:?} is none of In, NotIn, Exists, DoesNotExist"));
                    continue;
                }
            };
            match Requirement::new(&one.key, operator, values) {
                Ok(requirement) => all.push(requirement),
                Err(error) => self.error(at, error.to_string()),
            }
        }
        all.sort();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests;
