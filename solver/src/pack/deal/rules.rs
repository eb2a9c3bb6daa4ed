//! The rules about the domains of one topology key, and what each group of pods has to do with them.

use super::super::compile::Draft;
use super::super::group::Group;
use super::terrain::{Terrain, eligible};
use crate::topology::on_host;
use crate::{
    NodePolicy, Operator, PodAffinityTerm, PodSelector, PodShape, Requirement, SpreadConstraint, WhenUnsatisfiable, label,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The nodes that a spread constraint counts: those that its pods could select, by its policies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Filter {
    /// Selector, affinity and tolerations; nothing else.
    pub(super) shape: PodShape,
    /// Whether taints count.
    pub(super) taints: NodePolicy,
}

impl Filter {
    fn new(one: &SpreadConstraint, owner: &PodShape) -> Self {
        let mut shape = PodShape::default();
        if one.node_affinity_policy == NodePolicy::Honor {
            shape.node_selector.clone_from(&owner.node_selector);
            shape.node_affinity.clone_from(&owner.node_affinity);
        }
        if one.node_taints_policy == NodePolicy::Honor {
            shape.tolerations.clone_from(&owner.tolerations);
        }
        // A node counts only if it is in a domain of each constraint of the pod (kube-scheduler).
        let required = owner.topology.spread.iter().filter(|one| is_required(one));
        shape
            .node_selector
            .extend(required.filter_map(|one| Requirement::new(&one.topology_key, Operator::Exists, &[] as &[&str]).ok()));
        shape.node_selector.sort();
        shape.node_selector.dedup();
        Self { shape, taints: one.node_taints_policy }
    }
}

/// A spread constraint of pods that see the same nodes.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) constraint: SpreadConstraint,
    /// Domains that count, ascending.
    pub(super) universe: Vec<usize>,
    /// Whether there is an empty domain whatever is dealt.
    pub(super) endless: bool,
    /// Pods that run there, by domain of the key.
    pub(super) running: Vec<i64>,
}

/// Required affinity: kube-scheduler asks for pods that all terms of a pod select at once, in the domain of each term.
#[derive(Debug)]
pub(super) struct With {
    pub(super) selectors: Vec<PodSelector>,
    /// Pods that run, by domain of the key.
    pub(super) running: Vec<i64>,
    /// Whether any run in a domain of any of the terms: then no pod may be the first of all.
    pub(super) met: bool,
}

/// What a group has to do with the rules, by their numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    /// Spread constraints that it has.
    pub(super) spreads: Vec<usize>,
    /// Spread constraints that count it, and whether they do wherever it is.
    pub(super) counted: Vec<(usize, bool)>,
    /// Anti-affinity that it has.
    pub(super) aparts: Vec<usize>,
    /// Anti-affinity that selects it.
    pub(super) repelled: Vec<usize>,
    /// Affinity that it has, and whether it selects the group itself.
    pub(super) withs: Vec<(usize, bool)>,
    /// Affinity of others that selects it.
    pub(super) wanted: Vec<usize>,
}

impl Role {
    pub(super) fn is_empty(&self) -> bool {
        !self.has_rule() && self.counted.is_empty() && self.repelled.is_empty() && self.wanted.is_empty()
    }

    /// Whether the group itself has a rule.
    pub(super) fn has_rule(&self) -> bool {
        !self.spreads.is_empty() || !self.aparts.is_empty() || !self.withs.is_empty()
    }
}

/// All rules about one key.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) spreads: Vec<Spread>,
    pub(super) aparts: Vec<PodSelector>,
    pub(super) withs: Vec<With>,
    /// By group, before dealing.
    pub(super) roles: Vec<Role>,
}

/// Whether it must be kept.
pub(super) fn is_required(one: &SpreadConstraint) -> bool {
    one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule
}

/// Required affinity of a shape as lists of terms that hold for the same pods: its own terms; each group that shares a zone; and each
/// preference that is insisted on.
pub(super) fn affinities(shape: &PodShape) -> Vec<Vec<PodAffinityTerm>> {
    let required: Vec<PodAffinityTerm> = shape.topology.affinity.iter().filter(|term| !term.is_preferred()).cloned().collect();
    let zone = |selector: &PodSelector| {
        vec![PodAffinityTerm { topology_key: label::ZONE.into(), selector: selector.clone(), weight: None }]
    };
    let own = Some(required).filter(|terms| !terms.is_empty());
    let company = shape.topology.company.iter().map(|term| vec![term.clone()]);
    own.into_iter().chain(shape.topology.same_zone.iter().map(zone)).chain(company).collect()
}

/// The keys other than the host's that live groups have rules about: the zone first, then by name.
pub(super) fn keys(groups: &[Group]) -> Vec<Arc<str>> {
    let mut keys: Vec<Arc<str>> = Vec::new();
    for group in groups.iter().filter(|group| group.shape.unsupported.is_empty()) {
        let topology = &group.shape.topology;
        let terms = topology.affinity.iter().chain(&topology.anti_affinity).filter(|term| !term.is_preferred());
        let spreads = topology.spread.iter().filter(|one| is_required(one));
        keys.extend(terms.map(|term| &term.topology_key).chain(spreads.map(|one| &one.topology_key)).cloned());
        keys.extend(topology.company.iter().map(|term| term.topology_key.clone()));
        keys.extend(topology.same_zone.first().map(|_| label::ZONE.into()));
    }
    keys.retain(|key| !on_host(key));
    keys.sort_by(|a, b| (&**a != label::ZONE, a).cmp(&(&**b != label::ZONE, b)));
    keys.dedup();
    keys
}

/// Collects rules.
pub(super) struct Collector<'a, 's> {
    pub(super) draft: &'a Draft<'s>,
    pub(super) terrain: &'a mut Terrain<'s>,
    /// Groups whose rules bind.
    pub(super) live: &'a [bool],
    pub(super) key: usize,
}

impl Collector<'_, '_> {
    /// The rules about the key.
    pub(super) fn collect(mut self) -> Rules {
        let mut rules =
            Rules { spreads: Vec::new(), aparts: Vec::new(), withs: Vec::new(), roles: vec![Role::default(); self.live.len()] };
        let key = self.terrain.keys[self.key].clone();
        let mut spreads: BTreeMap<(SpreadConstraint, Filter), usize> = BTreeMap::new();
        let mut aparts: BTreeMap<u32, usize> = BTreeMap::new();
        let mut withs: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        let groups = &self.draft.groups;
        for index in (0..groups.len()).filter(|index| self.live[*index]) {
            let shape = &groups[index].shape;
            for one in shape.topology.spread.iter().filter(|one| is_required(one) && one.topology_key == key) {
                let identity = (one.clone(), Filter::new(one, shape));
                let rule = spreads.get(&identity).copied().unwrap_or_else(|| {
                    rules.spreads.push(self.spread(one, &identity.1));
                    spreads.insert(identity, rules.spreads.len() - 1);
                    rules.spreads.len() - 1
                });
                rules.roles[index].spreads.push(rule);
            }
            for term in shape.topology.anti_affinity.iter().filter(|term| !term.is_preferred() && term.topology_key == key) {
                let rule = *aparts.entry(self.draft.selectors.index(&term.selector)).or_insert_with(|| {
                    rules.aparts.push(term.selector.clone());
                    rules.aparts.len() - 1
                });
                rules.roles[index].aparts.push(rule);
            }
            for terms in affinities(shape).iter().filter(|terms| terms.iter().any(|term| term.topology_key == key)) {
                let selectors = self.numbers(terms);
                let itself = selectors.iter().all(|selector| groups[index].selected_by(*selector));
                let rule = withs.get(&selectors).copied().unwrap_or_else(|| {
                    rules.withs.push(self.with(terms, &selectors));
                    withs.insert(selectors, rules.withs.len() - 1);
                    rules.withs.len() - 1
                });
                rules.roles[index].withs.push((rule, itself));
            }
        }
        self.selected(&mut rules, &spreads, &aparts, &withs);
        rules
    }

    fn numbers(&self, terms: &[PodAffinityTerm]) -> Vec<u32> {
        let mut numbers: Vec<u32> = terms.iter().map(|term| self.draft.selectors.index(&term.selector)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn spread(&mut self, one: &SpreadConstraint, filter: &Filter) -> Spread {
        let nodes = self.draft.snapshot.nodes();
        let universe = self.terrain.universe(filter, self.key);
        let endless = self.terrain.is_endless(filter, self.key);
        let mut running = vec![0; self.terrain.values[self.key].len()];
        for (node, staying) in self.draft.settled.staying(self.draft.selectors.index(&one.selector)) {
            if let Some(domain) = self.terrain.domain_of(node, self.key).filter(|_| eligible(filter, &nodes[node])) {
                running[domain] += i64::try_from(staying).unwrap_or(i64::MAX);
            }
        }
        Spread { constraint: one.clone(), universe, endless, running }
    }

    fn with(&self, terms: &[PodAffinityTerm], selectors: &[u32]) -> With {
        let mut running = vec![0; self.terrain.values[self.key].len()];
        let mut met = false;
        for resident in self.draft.settled.selected_by_all(selectors) {
            let labels = &self.draft.snapshot.nodes()[resident.node].labels;
            met |= terms.iter().any(|term| labels.contains_key(&term.topology_key));
            if let Some(domain) = self.terrain.domain_of(resident.node, self.key) {
                running[domain] += i64::try_from(resident.all).unwrap_or(i64::MAX);
            }
        }
        With { selectors: terms.iter().map(|term| term.selector.clone()).collect(), running, met }
    }

    /// Which groups the rules select.
    fn selected(
        &mut self,
        rules: &mut Rules,
        spreads: &BTreeMap<(SpreadConstraint, Filter), usize>,
        aparts: &BTreeMap<u32, usize>,
        withs: &BTreeMap<Vec<u32>, usize>,
    ) {
        let draft = self.draft;
        let mut known: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        for index in (0..self.live.len()).filter(|index| self.live[*index]) {
            let group = &draft.groups[index];
            for ((one, filter), rule) in spreads {
                if group.selected_by(draft.selectors.index(&one.selector)) {
                    let signature = self.terrain.problem.classes[index].signature;
                    let verdict = known.entry((signature, *rule));
                    let surely = *verdict.or_insert_with(|| self.terrain.all_eligible(index, filter, self.key));
                    rules.roles[index].counted.push((*rule, surely));
                }
            }
            let role = &mut rules.roles[index];
            role.repelled.extend(aparts.iter().filter(|(selector, _)| group.selected_by(**selector)).map(|(_, rule)| *rule));
            let wanted = withs.iter().filter(|(all, _)| all.iter().all(|selector| group.selected_by(*selector)));
            // Where such pods run already, others need not be tied to them.
            role.wanted.extend(wanted.map(|(_, rule)| *rule).filter(|rule| !rules.withs[*rule].met));
        }
    }
}
