//! From the rules of pods, daemonsets and pods that run to numbered rules, and to what each group of pods has to do with them.

use super::group::{Group, Selectors};
use super::host::{Host, Kind, Link};
use crate::{PodShape, Snapshot, Topology, WhenUnsatisfiable, label};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A rule about pods on one host: owners of equal rules share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// The selectors that a pod must satisfy, all of them, for the rule to be about it; ascending.
    selectors: Vec<u32>,
}

/// All rules about hosts of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Manners {
    pub(super) rules: Vec<Rule>,
    /// Distinct lists of links, by rule; the first is empty.
    pub(super) lists: Vec<Box<[Link]>>,
    /// By group: index into `lists`.
    pub(super) groups: Vec<usize>,
    /// By daemonset: the links of its pod.
    pub(super) daemons: Vec<Box<[Link]>>,
    /// Hosts that exist, with what runs there.
    pub(super) hosts: Vec<Host>,
    /// By existing node: which of `hosts` it is. Nodes that share a name, or have none, count as one host, on the safe side.
    pub(super) host_of: Vec<usize>,
}

/// The rules of a shape about hosts.
fn rules_of<'a>(topology: &'a Topology, selectors: &'a Selectors<'_>) -> impl Iterator<Item = Rule> + 'a {
    let on_host = |key: &Arc<str>| &**key == label::HOSTNAME;
    let apart = topology
        .anti_affinity
        .iter()
        .filter(move |term| on_host(&term.topology_key) && !term.is_preferred())
        .map(|term| Rule { kind: Kind::Apart, selectors: vec![selectors.index(&term.selector)] });
    let spread = topology
        .spread
        .iter()
        .filter(move |one| on_host(&one.topology_key) && one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule)
        .map(|one| Rule { kind: Kind::Spread(one.max_skew), selectors: vec![selectors.index(&one.selector)] });
    // kube-scheduler looks for pods that match every term at once. Preferences that are insisted on are rules of their own, but a pod
    // joins one host only: there they are one rule with what is required, which is stricter.
    let own = || topology.affinity.iter().filter(|term| !term.is_preferred());
    let company = || topology.company.iter().filter(|term| on_host(&term.topology_key));
    let own = move || own().filter(move |_| own().any(|term| on_host(&term.topology_key)));
    let required = || own().chain(company());
    let with = required().next().is_some().then(|| {
        let all: BTreeSet<u32> = required().map(|term| selectors.index(&term.selector)).collect();
        Rule { kind: Kind::With, selectors: all.into_iter().collect() }
    });
    apart.chain(spread).chain(with)
}

/// Numbers the rules and looks at everybody with them.
pub(super) fn manners(snapshot: &Snapshot, selectors: &Selectors<'_>, groups: &[Group]) -> Manners {
    let mut numbers: BTreeMap<Rule, u32> = BTreeMap::new();
    let daemons = || snapshot.daemon_sets().iter().map(|daemon| &*daemon.shape);
    // A daemon pod's own affinity does not keep other pods off its host.
    let binding =
        |shape: &PodShape| -> Vec<Rule> { rules_of(&shape.topology, selectors).filter(|rule| rule.kind != Kind::With).collect() };
    let pending = groups.iter().filter(|group| group.shape.unsupported.is_empty());
    let mut all: BTreeSet<Rule> = pending.flat_map(|group| rules_of(&group.shape.topology, selectors)).collect();
    all.extend(daemons().flat_map(binding));
    let guards = snapshot.nodes().iter().flat_map(|node| &node.running).flat_map(|running| &running.anti_affinity);
    let guards = guards.filter(|term| &*term.topology_key == label::HOSTNAME && !term.is_preferred());
    all.extend(guards.map(|term| Rule { kind: Kind::Apart, selectors: vec![selectors.index(&term.selector)] }));
    numbers.extend((0..).zip(&all).map(|(number, rule)| (rule.clone(), number)));
    let mut book = Book { rules: all.into_iter().collect(), numbers, by_selector: BTreeMap::new() };
    for (number, rule) in (0_u32..).zip(&book.rules) {
        if let Some(first) = rule.selectors.first() {
            book.by_selector.entry(*first).or_default().push(number);
        }
    }
    let mut known: BTreeMap<Box<[Link]>, usize> = BTreeMap::from([(Box::default(), 0)]);
    let mut lists: Vec<Box<[Link]>> = vec![Box::default()];
    let of_groups = groups
        .iter()
        .map(|group| {
            let refused = !group.shape.unsupported.is_empty();
            let own = if refused { Vec::new() } else { rules_of(&group.shape.topology, selectors).collect() };
            let links = book.links(group.selected(), &own);
            *known.entry(links).or_insert_with_key(|links| {
                lists.push(links.clone());
                lists.len() - 1
            })
        })
        .collect();
    let of_daemons = snapshot.daemon_sets().iter().map(|daemon| {
        let selected = selectors.matching(&daemon.key.namespace, &daemon.labels);
        book.links(&selected, &binding(&daemon.shape))
    });
    let of_daemons = of_daemons.collect();
    let (hosts, host_of) = book.hosts(snapshot, selectors);
    Manners { rules: book.rules, lists, groups: of_groups, daemons: of_daemons, hosts, host_of }
}

/// Rules by number, and by one of their selectors.
struct Book {
    rules: Vec<Rule>,
    numbers: BTreeMap<Rule, u32>,
    by_selector: BTreeMap<u32, Vec<u32>>,
}

impl Book {
    /// The rules that are about a pod which satisfies these selectors.
    fn about<'b>(&'b self, selected: &'b [u32]) -> impl Iterator<Item = u32> + 'b {
        let candidates = selected.iter().filter_map(|selector| self.by_selector.get(selector)).flatten().copied();
        candidates
            .filter(|rule| self.rules[*rule as usize].selectors.iter().all(|selector| selected.binary_search(selector).is_ok()))
    }

    fn links(&self, selected: &[u32], own: &[Rule]) -> Box<[Link]> {
        let mut roles: BTreeMap<u32, (bool, bool)> = BTreeMap::new();
        for rule in self.about(selected) {
            roles.entry(rule).or_default().0 = true;
        }
        for rule in own.iter().filter_map(|rule| self.numbers.get(rule)) {
            roles.entry(*rule).or_default().1 = true;
        }
        let link =
            |(rule, (selected, owner)): (u32, (bool, bool))| Link { rule, kind: self.rules[rule as usize].kind, selected, owner };
        roles.into_iter().map(link).collect()
    }

    fn hosts(&self, snapshot: &Snapshot, selectors: &Selectors<'_>) -> (Vec<Host>, Vec<usize>) {
        let mut hosts: Vec<Host> = Vec::new();
        let mut by_name: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let mut host_of = Vec::with_capacity(snapshot.nodes().len());
        for node in snapshot.nodes() {
            let name = node.labels.get(label::HOSTNAME).map(AsRef::as_ref);
            let index = *by_name.entry(name).or_insert_with(|| {
                hosts.push(Host::empty(name.is_none()));
                hosts.len() - 1
            });
            host_of.push(index);
            if self.rules.is_empty() {
                continue;
            }
            for running in &node.running {
                for rule in self.about(&selectors.matching(&running.namespace, &running.labels)) {
                    let spread = matches!(self.rules[rule as usize].kind, Kind::Spread(_));
                    hosts[index].count(rule, if spread && running.terminating { 0 } else { running.count }, 0);
                }
                let guards = running
                    .anti_affinity
                    .iter()
                    .filter(|term| name.is_some() && &*term.topology_key == label::HOSTNAME && !term.is_preferred());
                for term in guards {
                    let rule = Rule { kind: Kind::Apart, selectors: vec![selectors.index(&term.selector)] };
                    if let Some(rule) = self.numbers.get(&rule) {
                        hosts[index].count(*rule, 0, running.count);
                    }
                }
            }
        }
        (hosts, host_of)
    }
}
