//! Rules about other pods, read from the Kubernetes documentation and asked of a final state: topology spread, pod affinity and pod
//! anti-affinity over any topology key.

use super::oracle::{Place, may_run};
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{
    Labels, Namespaces, Node, NodePolicy, Pod, PodAffinityTerm, PodSelector, PodShape, Snapshot, SpreadConstraint, Taint,
    WhenUnsatisfiable,
};

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// A node, new or not, with its pods.
pub(crate) struct Site<'a> {
    labels: &'a Labels,
    taints: &'a [Taint],
    /// The host, where it has a name.
    host: Option<String>,
    residents: Vec<Resident<'a>>,
    /// Daemon pods whose anti-affinity keeps others away.
    guards: Vec<&'a PodShape>,
}

/// A pod that a rule may be about.
struct Resident<'a> {
    namespace: &'a str,
    labels: &'a Labels,
    count: u64,
    /// Being deleted: spread constraints look past it.
    leaving: bool,
    /// Its own rules, and which of the pods to place it is; `None` for pods that are there anyway.
    placed: Option<(usize, &'a PodShape)>,
}

impl<'a> Site<'a> {
    fn of(labels: &'a Labels, taints: &'a [Taint], host: Option<String>, pods: Vec<(usize, &'a Pod)>) -> Self {
        let resident = |(index, pod): (usize, &'a Pod)| Resident {
            namespace: &pod.key.namespace,
            labels: &pod.labels,
            count: 1,
            leaving: false,
            placed: Some((index, &*pod.shape)),
        };
        Self { labels, taints, host, residents: pods.into_iter().map(resident).collect(), guards: Vec::new() }
    }

    /// An existing node, with what runs there.
    pub(crate) fn existing(node: &'a Node, pods: Vec<(usize, &'a Pod)>) -> Self {
        let mut site = Self::of(&node.labels, &node.taints, node.labels.get(HOST).map(ToString::to_string), pods);
        site.residents.extend(node.running.iter().map(|running| Resident {
            namespace: &running.namespace,
            labels: &running.labels,
            count: u64::from(running.count),
            leaving: running.terminating,
            placed: None,
        }));
        site
    }

    /// A new node, which is a host of its own, with its daemon pods.
    pub(crate) fn new(place: &'a Place<'a>, number: usize, pods: Vec<(usize, &'a Pod)>) -> Self {
        let mut site = Self::of(place.labels(), &place.pool.taints, Some(format!("new node {number}")), pods);
        site.guards.extend(place.daemons().map(|daemon| &*daemon.shape));
        site.residents.extend(place.daemons().map(|daemon| Resident {
            namespace: &daemon.key.namespace,
            labels: &daemon.labels,
            count: 1,
            leaving: false,
            placed: None,
        }));
        site
    }

    fn domain(&self, key: &str) -> Option<&str> {
        if key == HOST { self.host.as_deref() } else { self.labels.get(key).map(AsRef::as_ref) }
    }
}

/// A whole state.
pub(crate) struct Sites<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Every node that could be launched.
    pub(crate) places: &'a [Place<'a>],
    pub(crate) all: Vec<Site<'a>>,
}

fn selects(selector: &PodSelector, namespace: &str, labels: &Labels) -> bool {
    let here = match &selector.namespaces {
        Namespaces::All => true,
        Namespaces::Only(names) => names.contains(namespace),
    };
    let label = |key: &str| labels.get(key).map(AsRef::as_ref);
    here && selector.labels.as_ref().is_some_and(|all| all.iter().all(|one| one.allows(label(one.key()))))
}

fn required(terms: &[PodAffinityTerm]) -> impl Iterator<Item = &PodAffinityTerm> {
    terms.iter().filter(|term| term.weight.is_none())
}

impl Sites<'_> {
    /// Whether required anti-affinity lets a pod in the bin, its own and that of everybody near.
    pub(crate) fn stays_apart(&self, bin: usize, pod: &Pod, index: usize) -> bool {
        let site = &self.all[bin];
        let own = required(&pod.shape.topology.anti_affinity).all(|term| {
            let key = &*term.topology_key;
            let near = |other: &&Site<'_>| site.domain(key).is_some() && other.domain(key) == site.domain(key);
            let mut others = self.all.iter().filter(near).flat_map(|other| &other.residents);
            !others.any(|other| {
                other.placed.is_none_or(|(one, _)| one != index) && selects(&term.selector, other.namespace, other.labels)
            })
        });
        let about = |term: &PodAffinityTerm, there: &Site<'_>| {
            let key = &*term.topology_key;
            site.domain(key).is_some()
                && there.domain(key) == site.domain(key)
                && selects(&term.selector, &pod.key.namespace, &pod.labels)
        };
        let theirs = self.all.iter().all(|other| {
            let placed = other.residents.iter().filter_map(|resident| resident.placed).filter(|(one, _)| *one != index);
            placed.flat_map(|(_, shape)| required(&shape.topology.anti_affinity)).all(|term| !about(term, other))
        });
        let guards = self.snapshot.nodes().iter().zip(&self.all).all(|(node, there)| {
            node.running.iter().flat_map(|running| required(&running.anti_affinity)).all(|term| !about(term, there))
        });
        let daemons = self.all.iter().all(|there| {
            there.guards.iter().flat_map(|shape| required(&shape.topology.anti_affinity)).all(|term| !about(term, there))
        });
        own && theirs && guards && daemons
    }

    /// Whether the rest holds: spread, and an order in which each pod finds those that it must be with.
    pub(crate) fn keep_rules(&self) -> bool {
        self.spread_holds() && self.affinity_holds() && self.zones_are_shared()
    }

    /// Whether pods that must share a zone do, with each other and with those of them that run.
    fn zones_are_shared(&self) -> bool {
        let residents = || self.all.iter().flat_map(|site| site.residents.iter().map(move |one| (site, one)));
        residents().filter_map(|(site, one)| Some((site, one.placed?.1))).all(|(site, shape)| {
            shape.topology.same_zone.iter().all(|selector| {
                let mut others = residents().filter(|(_, other)| selects(selector, other.namespace, other.labels));
                site.domain(ZONE).is_some() && others.all(|(there, _)| there.domain(ZONE) == site.domain(ZONE))
            })
        })
    }

    fn spread_holds(&self) -> bool {
        self.all.iter().all(|site| {
            let shapes = site.residents.iter().filter_map(|resident| resident.placed).map(|(_, shape)| shape);
            let rules = shapes.flat_map(|shape| shape.topology.spread.iter().map(move |one| (shape, one)));
            rules
                .filter(|(_, one)| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule)
                .all(|(shape, one)| self.within_skew(site, shape, one))
        })
    }

    fn within_skew(&self, site: &Site<'_>, shape: &PodShape, one: &SpreadConstraint) -> bool {
        let key = &*one.topology_key;
        let Some(domain) = site.domain(key) else { return false };
        let counts_node = |labels: &Labels, taints: &[Taint]| counted(shape, one, labels, taints);
        let selected = |there: &Site<'_>| -> u64 {
            let staying = there.residents.iter().filter(|resident| !resident.leaving);
            staying.filter(|other| selects(&one.selector, other.namespace, other.labels)).map(|other| other.count).sum()
        };
        if key == HOST {
            // A new host is always possible, so the emptiest has none.
            let here = self.all.iter().filter(|there| there.domain(key) == Some(domain));
            return here.map(selected).sum::<u64>() <= u64::from(one.max_skew);
        }
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for place in self.places.iter().filter(|place| counts_node(place.labels(), &place.pool.taints)) {
            if let Some(value) = place.label(key) {
                counts.entry(value).or_default();
            }
        }
        for there in self.all.iter().filter(|there| counts_node(there.labels, there.taints)) {
            if let Some(value) = there.domain(key) {
                *counts.entry(value).or_default() += selected(there);
            }
        }
        let enough = one.min_domains.is_none_or(|least| counts.len() >= least as usize);
        let least = counts.values().min().copied().filter(|_| enough).unwrap_or(0);
        counts.get(domain).is_some_and(|count| *count <= least + u64::from(one.max_skew))
    }

    /// Whether pods can come one after the other such that each finds, in its domain, a pod that all of its terms select; or nobody
    /// anywhere is such a pod and it is one itself.
    fn affinity_holds(&self) -> bool {
        let mut waiting: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (at, site) in self.all.iter().enumerate() {
            for (which, resident) in site.residents.iter().enumerate() {
                if resident.placed.is_some_and(|(_, shape)| required(&shape.topology.affinity).next().is_some()) {
                    waiting.insert((at, which));
                }
            }
        }
        while !waiting.is_empty() {
            let next = waiting.iter().copied().find(|one| self.finds(*one, &waiting));
            let next = next.or_else(|| waiting.iter().copied().find(|one| self.begins(*one, &waiting)));
            let Some(next) = next else { return false };
            waiting.remove(&next);
        }
        true
    }

    fn terms(&self, (at, which): (usize, usize)) -> Vec<&PodAffinityTerm> {
        let shape = self.all[at].residents[which].placed.map(|(_, shape)| shape);
        shape.map(|shape| required(&shape.topology.affinity).collect()).unwrap_or_default()
    }

    fn finds(&self, one: (usize, usize), waiting: &BTreeSet<(usize, usize)>) -> bool {
        let terms = self.terms(one);
        let own = &self.all[one.0];
        terms.iter().all(|term| {
            let key = &*term.topology_key;
            own.domain(key).is_some()
                && self.present(waiting).any(|(there, other)| {
                    there.domain(key) == own.domain(key)
                        && terms.iter().all(|term| selects(&term.selector, other.namespace, other.labels))
                })
        })
    }

    fn begins(&self, one: (usize, usize), waiting: &BTreeSet<(usize, usize)>) -> bool {
        let terms = self.terms(one);
        let own = &self.all[one.0];
        let all = |resident: &Resident<'_>| terms.iter().all(|term| selects(&term.selector, resident.namespace, resident.labels));
        let on_the_map = |site: &Site<'_>| terms.iter().any(|term| site.domain(&term.topology_key).is_some());
        terms.iter().all(|term| own.domain(&term.topology_key).is_some())
            && all(&own.residents[one.1])
            && !self.present(waiting).any(|(there, other)| on_the_map(there) && all(other))
    }

    fn present(&self, waiting: &BTreeSet<(usize, usize)>) -> impl Iterator<Item = (&Site<'_>, &Resident<'_>)> {
        let numbered = self.all.iter().enumerate();
        let all =
            numbered.flat_map(|(at, site)| site.residents.iter().enumerate().map(move |(which, one)| ((at, which), site, one)));
        all.filter(|(id, _, _)| !waiting.contains(id)).map(|(_, site, one)| (site, one))
    }
}

/// Whether a spread constraint counts a node.
fn counted(shape: &PodShape, one: &SpreadConstraint, labels: &Labels, taints: &[Taint]) -> bool {
    let mut pod = PodShape::default();
    if one.node_affinity_policy == NodePolicy::Honor {
        pod.node_selector.clone_from(&shape.node_selector);
        pod.node_affinity.clone_from(&shape.node_affinity);
    }
    pod.tolerations.clone_from(&shape.tolerations);
    let taints = if one.node_taints_policy == NodePolicy::Honor { taints } else { &[] };
    may_run(&pod, taints, labels, true)
}
