//! Required pod affinity over any key, alone or together with the host: there must be an order in which each pod finds the pods it asks for.
//!
//! kube-scheduler counts pods that all terms of a pod select at once, and lets a pod be the first of its kind where there are none at
//! all and its terms select the pod itself. So, whatever the order, only one domain can hold pods that nothing else brought there.

use super::{Place, Violation, World, selects};
use crate::topology::on_host;
use crate::{PodAffinityTerm, PodSelector, PodShape, label};
use std::collections::{BTreeMap, BTreeSet};

/// Terms of a pod that ask for the same pods.
type Terms = Vec<PodAffinityTerm>;

pub(super) fn check(world: &World<'_>, found: &mut Vec<Violation>) {
    let owned: Vec<Vec<Terms>> = world.flocks.iter().map(|flock| affinities(&flock.pod.shape)).collect();
    if owned.iter().all(Vec::is_empty) {
        return;
    }
    let rules: BTreeSet<&Terms> = owned.iter().flatten().collect();
    let rules: Vec<&Terms> = rules.into_iter().collect();
    let mut books: Vec<Book<'_>> = rules.iter().map(|terms| Book::new(world, terms)).collect();
    let number: BTreeMap<&Terms, usize> = rules.iter().enumerate().map(|(index, terms)| (*terms, index)).collect();
    let owned: Vec<Vec<usize>> =
        owned.iter().map(|all| all.iter().filter_map(|terms| number.get(terms).copied()).collect()).collect();
    let mut waiting: Vec<usize> = (0..world.flocks.len()).collect();
    loop {
        let before = waiting.len();
        for may_start in [false, true] {
            waiting.retain(|index| {
                let comes = owned[*index].iter().all(|rule| books[*rule].satisfied(world, *index, may_start));
                if comes {
                    for rule in &owned[*index] {
                        if !books[*rule].satisfied(world, *index, false) {
                            books[*rule].start(world, *index);
                        }
                    }
                    for book in &mut books {
                        book.arrive(world, *index);
                    }
                }
                !comes
            });
            if waiting.len() < before {
                break;
            }
        }
        if waiting.len() == before {
            break;
        }
    }
    for index in waiting {
        let flock = &world.flocks[index];
        let Some(book) = owned[index].iter().map(|rule| &books[*rule]).find(|book| !book.satisfied(world, index, true)) else {
            continue;
        };
        let missing = book.terms.iter().find(|term| !book.holds(world, flock.place, term)).or(book.terms.first());
        let Some(term) = missing else { continue };
        found.push(Violation::PodAffinityBroken {
            pod: flock.pod.key.to_string(),
            key: term.topology_key.to_string(),
            domain: world.domain(flock.place, &term.topology_key).unwrap_or("-").to_owned(),
            rule: term.selector.to_string(),
        });
    }
}

fn affinities(shape: &PodShape) -> Vec<Terms> {
    let own: Terms = shape.topology.affinity.iter().filter(|term| !term.is_preferred()).cloned().collect();
    let zone = |selector: &PodSelector| {
        vec![PodAffinityTerm { topology_key: label::ZONE.into(), selector: selector.clone(), weight: None }]
    };
    Some(own)
        .filter(|terms| terms.iter().any(|term| !on_host(&term.topology_key)))
        .into_iter()
        .chain(shape.topology.same_zone.iter().map(zone))
        .collect()
}

/// What is known of one rule while pods arrive.
struct Book<'a> {
    terms: &'a Terms,
    /// Domains by key with pods that all terms select.
    present: BTreeSet<(&'a str, String)>,
    /// Whether such pods run already.
    running: bool,
    /// Domains of the pods that came first.
    started: Option<Vec<Option<String>>>,
}

impl<'a> Book<'a> {
    fn new(world: &World<'_>, terms: &'a Terms) -> Self {
        let mut book = Self { terms, present: BTreeSet::new(), running: false, started: None };
        for node in world.snapshot.nodes() {
            let here = |running: &&crate::RunningPod| {
                terms.iter().all(|term| term.selector.matches(&running.namespace, &running.labels))
            };
            if node.running.iter().any(|running| here(&running)) {
                for term in terms {
                    if let Some(domain) = node.labels.get(&term.topology_key) {
                        book.running = true;
                        book.present.insert((&term.topology_key, domain.to_string()));
                    }
                }
            }
        }
        // Daemon pods come with their node.
        for (place, daemons) in world.places.iter().enumerate() {
            let Place::New(node, _) = daemons else { continue };
            let daemons = world.snapshot.daemon_sets().iter().filter(|daemon| node.daemon_set_pods.contains(&daemon.key));
            for _ in
                daemons.filter(|daemon| terms.iter().all(|term| term.selector.matches(&daemon.key.namespace, &daemon.labels)))
            {
                for term in terms {
                    if let Some(domain) = world.domain(place, &term.topology_key) {
                        book.present.insert((&term.topology_key, domain.to_owned()));
                    }
                }
            }
        }
        book
    }

    fn holds(&self, world: &World<'_>, place: usize, term: &PodAffinityTerm) -> bool {
        world.domain(place, &term.topology_key).is_some_and(|domain| self.present.contains(&(self.key(term), domain.to_owned())))
    }

    fn key(&self, term: &PodAffinityTerm) -> &'a str {
        self.terms.iter().find(|own| own.topology_key == term.topology_key).map_or("", |own| &own.topology_key)
    }

    fn domains(&self, world: &World<'_>, place: usize) -> Vec<Option<String>> {
        self.terms.iter().map(|term| world.domain(place, &term.topology_key).map(str::to_owned)).collect()
    }

    /// Whether a flock finds what it asks for, or may be the first.
    fn satisfied(&self, world: &World<'_>, flock: usize, may_start: bool) -> bool {
        let Some(one) = world.flocks.get(flock) else { return false };
        if self.terms.iter().all(|term| self.holds(world, one.place, term)) {
            return true;
        }
        let itself = self.terms.iter().all(|term| selects(&term.selector, one.pod));
        let domains = self.domains(world, one.place);
        may_start
            && itself
            && !self.running
            && domains.iter().all(Option::is_some)
            && self.started.as_ref().is_none_or(|started| *started == domains)
    }

    fn start(&mut self, world: &World<'_>, flock: usize) {
        let place = world.flocks[flock].place;
        self.started = Some(self.domains(world, place));
    }

    /// Counts a flock that came.
    fn arrive(&mut self, world: &World<'_>, flock: usize) {
        let one = &world.flocks[flock];
        if self.terms.iter().all(|term| selects(&term.selector, one.pod)) {
            for term in self.terms {
                if let Some(domain) = world.domain(one.place, &term.topology_key) {
                    self.present.insert((&term.topology_key, domain.to_owned()));
                }
            }
        }
    }
}
