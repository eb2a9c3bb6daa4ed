//! Pods one after the other: existing nodes first, then open claims, then a new one. A pod without a place gives up its preferences one
//! by one; then it goes back to the end of the queue, until a whole round has placed nobody.

use super::super::axis::{Amounts, Axis, fits, take};
use super::super::existing::accepts;
use super::claim::{Claim, Guest, within};
use super::class::{Book, Class};
use super::domain::{Domains, Reach};
use super::menu::Menu;
use super::rule::{Kind, Rules};
use crate::{PodShape, PreferencePolicy, Requirement, ResourceName, Snapshot, TaintEffect};
use fixedbitset::FixedBitSet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// All places there are, and who is where.
pub(super) struct Floor<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) menu: Menu<'s>,
    pub(super) classes: Vec<Class>,
    /// What a pod of each class takes.
    needs: Vec<Amounts>,
    /// By class and stance: its signature, and what stands for that and the need.
    asks: Vec<Vec<(usize, usize)>>,
    signatures: Vec<Arc<PodShape>>,
    rules: Rules,
    domains: Domains,
    /// Pools that may be launched from, in Karpenter's order: weight, then name, both descending.
    pools: Vec<usize>,
    /// Items by pool.
    items: Vec<Vec<u32>>,
    /// What is left of each pool's limits.
    pub(super) limits: Vec<Vec<i64>>,
    pub(super) claims: Vec<Claim>,
    /// Claims by pods, those that grew last first among equals: what a stable sort by pods before every pod comes to.
    order: BTreeSet<(u32, i64, usize)>,
    clock: i64,
    hosts: usize,
    /// Room on existing nodes, where they are, and classes and counts placed there.
    room: Vec<Amounts>,
    places: Vec<(Option<usize>, Vec<Option<Reach>>)>,
    pub(super) existing: Vec<Vec<(usize, u32)>>,
    /// For asks and whether relaxed: existing nodes from this one on may have room.
    next_node: BTreeMap<(usize, bool), usize>,
    /// For classes and whether relaxed: the highest weight of a pool that would take them and is not supported.
    barred: [Vec<Option<i32>>; 2],
    /// Pods of each class without a place.
    pub(super) left: Vec<usize>,
}

impl<'s> Floor<'s> {
    /// Nobody placed yet.
    pub(super) fn new(snapshot: &'s Snapshot, policy: PreferencePolicy) -> Self {
        let pools = snapshot.node_pools();
        let soft = |effect: TaintEffect| effect == TaintEffect::PreferNoSchedule;
        let relaxable = pools.iter().flat_map(|pool| &pool.taints).any(|taint| soft(taint.effect));
        let book = Book::new(snapshot);
        let mut classes = book.classes(snapshot, relaxable, policy);
        let axis = Axis::new(snapshot, &classes.iter().map(|class| &*class.shape).collect::<Vec<_>>());
        let needs: Vec<Amounts> = classes.iter().map(|class| axis.need(&class.shape.requests, &class.shape.host_ports)).collect();
        let mut interned = Signatures::default();
        let asks = classes.iter().zip(&needs).map(|(class, need)| interned.asks(class, need)).collect();
        let counted: Vec<Option<usize>> =
            book.rules.iter().map(|rule| rule.counted_nodes.as_ref().map(|shape| interned.number(shape))).collect();
        let (menu, domains) = Menu::new(snapshot, &axis, &interned.list, book.rules.iter().map(|rule| &rule.key).collect());
        classes.iter_mut().flat_map(|class| &mut class.stances).for_each(|stance| stance.locate(&domains));
        let shapes = &interned.list;
        let universe = |key, signature: usize| universe(snapshot, &menu, &domains, &shapes[signature], (key, signature));
        let rules = Rules::new(&book.rules, &domains, &counted, universe);
        let mut order: Vec<usize> = (0..pools.len()).filter(|pool| pools[*pool].is_launched_from()).collect();
        order.sort_by_key(|pool| (Reverse(pools[*pool].weight), Reverse(*pool)));
        let mut items = vec![Vec::new(); pools.len()];
        for (index, item) in (0_u32..).zip(&menu.items) {
            items[item.pool].push(index);
        }
        let limits = pools
            .iter()
            .map(|pool| pool.limits.iter().map(|(name, limit)| limit.saturating_sub(pool.usage.get(name.as_str()))).collect());
        let places: Vec<_> = (0..snapshot.nodes().len()).map(|node| place(snapshot, &domains, node)).collect();
        let mut floor = Self {
            snapshot,
            left: classes.iter().map(|class| class.pods.len()).collect(),
            needs,
            asks,
            rules,
            pools: order,
            items,
            limits: limits.collect(),
            claims: Vec::new(),
            order: BTreeSet::new(),
            clock: 0,
            hosts: domains.key(crate::label::HOSTNAME).map_or(0, |key| domains.count(key)),
            room: snapshot.nodes().iter().map(|node| axis.room(&node.allocatable, &node.requested, &node.host_ports)).collect(),
            places,
            existing: vec![Vec::new(); snapshot.nodes().len()],
            next_node: BTreeMap::new(),
            barred: [Vec::new(), Vec::new()],
            signatures: interned.list,
            menu,
            classes,
            domains,
        };
        floor.barred = [false, true].map(|relaxed| floor.barred(relaxed));
        floor.census(&book);
        floor
    }

    /// Counts the pods that run.
    fn census(&mut self, book: &Book<'_>) {
        for (index, node) in self.snapshot.nodes().iter().enumerate() {
            for pod in &node.running {
                let (counted, _) = book.about(&pod.namespace, &pod.labels);
                let own = super::class::guards(&pod.anti_affinity).filter_map(|rule| book.number(&rule));
                // kube-scheduler leaves pods that are being deleted out of spread alone; Karpenter leaves them out of every rule.
                let sees = |rule: &usize| !pod.terminating || !matches!(book.rules[*rule].kind, Kind::Spread { .. });
                for rule in counted.into_iter().chain(own).filter(sees) {
                    let counts = self.rules.counted_nodes(rule);
                    let key = &book.rules[rule].key;
                    let number = self.domains.key(key).zip(node.labels.get(key));
                    let domain = number.and_then(|(key, value)| self.domains.number(key, value));
                    if let Some(domain) = domain.filter(|_| counts.is_none_or(|one| self.runs_on(index, one))) {
                        self.rules.count(rule, domain, pod.count);
                    }
                }
            }
        }
    }

    /// Whether labels and taints would let pods of a signature on an existing node.
    fn runs_on(&self, node: usize, signature: usize) -> bool {
        let open = crate::Node { schedulable: true, ..self.snapshot.nodes()[node].clone() };
        accepts(&open, &self.signatures[signature], true)
    }

    /// Places pods in Karpenter's order: CPU, then memory, descending, then key.
    pub(super) fn run(&mut self) {
        let mut order = Vec::new();
        let placeable = |shape: &PodShape| shape.not_ready.is_none() && shape.unsupported.is_empty();
        let classes = std::mem::take(&mut self.classes);
        for (index, class) in classes.iter().enumerate().filter(|(_, class)| placeable(&class.shape)) {
            let requests = &class.shape.requests;
            let size = Reverse((requests.get(ResourceName::CPU), requests.get(ResourceName::MEMORY)));
            order.extend(class.pods.iter().map(|pod| (size, *pod, index)));
        }
        order.sort_unstable();
        // With each pod, how many were waiting when it was put back.
        let mut queue: VecDeque<_> = order.into_iter().map(|(size, _, class)| (size, class, None)).collect();
        let (mut run, mut last) = (0, None);
        while let Some((size, class, waiting)) = queue.pop_front() {
            if waiting == Some(queue.len() + 1) {
                break;
            }
            run += usize::from(last.replace(size).is_some_and(|last| last != size));
            if self.settle(class, &classes[class], run) {
                self.left[class] -= 1;
            } else {
                queue.push_back((size, class, Some(queue.len() + 1)));
            }
        }
        self.classes = classes;
    }

    /// Places a pod by the first of its stances that finds room.
    fn settle(&mut self, number: usize, class: &Class, run: usize) -> bool {
        let needs = std::mem::take(&mut self.needs);
        let mut placed = false;
        for (index, stance) in class.stances.iter().enumerate() {
            if stance.relaxed && self.is_barred(number, false, i32::MIN) {
                break;
            }
            let (signature, ask) = self.asks[number][index];
            let guest = Guest { number, class, stance, need: &needs[number], signature, ask, run };
            placed = self.on_existing(guest) || self.on_claim(guest) || self.on_new(guest);
            if placed {
                break;
            }
        }
        self.needs = needs;
        placed
    }

    fn on_existing(&mut self, guest: Guest<'_>) -> bool {
        let (nodes, relaxed) = (self.snapshot.nodes(), guest.stance.relaxed);
        let holds = |room: &[Amounts], node: usize| {
            fits(guest.need, &room[node]) && accepts(&nodes[node], &self.signatures[guest.signature], relaxed)
        };
        let next = self.next_node.entry((guest.ask, relaxed)).or_insert(0);
        *next = (*next..nodes.len()).find(|node| holds(&self.room, *node)).unwrap_or(nodes.len());
        let found = (*next..nodes.len()).find(|node| {
            let (host, reach) = &self.places[*node];
            holds(&self.room, *node) && guest.narrow(&self.rules, reach, *host).is_some()
        });
        let Some(node) = found else { return false };
        take(&mut self.room[node], guest.need, 1);
        match self.existing[node].iter_mut().find(|(known, _)| *known == guest.number) {
            Some((_, count)) => *count += 1,
            None => self.existing[node].push((guest.number, 1)),
        }
        for rule in guest.class.counted.iter().chain(&guest.class.guards) {
            if self.rules.counted_nodes(*rule).is_none_or(|one| self.runs_on(node, one)) {
                let (host, reach) = &self.places[node];
                self.rules.record(*rule, reach, *host);
            }
        }
        true
    }

    /// Whether an unsupported pool comes first for this class, so that a pool of this weight must not take it.
    fn is_barred(&self, class: usize, relaxed: bool, weight: i32) -> bool {
        self.barred[usize::from(relaxed)][class].is_some_and(|least| weight <= least)
    }

    fn on_claim(&mut self, guest: Guest<'_>) -> bool {
        let order = std::mem::take(&mut self.order);
        let found = order.iter().copied().find(|(_, _, index)| {
            !self.is_barred(guest.number, guest.stance.relaxed, self.claims[*index].weight)
                && self.claims[*index].admit(&self.menu, &self.rules, guest)
        });
        self.order = order;
        let Some(entry) = found else { return false };
        self.order.remove(&entry);
        self.clock += 1;
        self.order.insert((self.claims[entry.2].pods, -self.clock, entry.2));
        self.record(guest, entry.2);
        true
    }

    /// Counts a pod on a claim for the rules that are about it.
    fn record(&mut self, guest: Guest<'_>, claim: usize) {
        let claim = &self.claims[claim];
        for rule in guest.class.counted.iter().chain(&guest.class.guards) {
            let counts =
                |signature: usize| claim.items().iter().any(|item| self.menu.items[*item as usize].allows(signature, true));
            if self.rules.counted_nodes(*rule).is_none_or(counts) {
                self.rules.record(*rule, &claim.reach, Some(claim.host));
            }
        }
    }

    fn on_new(&mut self, guest: Guest<'_>) -> bool {
        for pool in 0..self.pools.len() {
            let pool = self.pools[pool];
            let weight = self.snapshot.node_pools()[pool].weight;
            if self.is_barred(guest.number, guest.stance.relaxed, weight) {
                return false;
            }
            let Some(reach) = guest.narrow(&self.rules, &self.reach(pool), Some(self.hosts)) else { continue };
            let holds = |index: &u32| {
                let item = *index as usize;
                fits(guest.need, self.menu.free(item))
                    && self.menu.items[item].allows(guest.signature, guest.stance.relaxed)
                    && within(&self.menu.items[item].domains, &reach)
                    && self.affords(pool, item)
            };
            let left: Vec<u32> = self.items[pool].iter().copied().filter(holds).collect();
            let left = self.menu.varied(&left);
            if left.is_empty() {
                continue;
            }
            self.reserve(pool, &left);
            self.clock += 1;
            self.order.insert((1, self.clock, self.claims.len()));
            self.claims.push(Claim::open(&self.menu, weight, left, guest, (self.hosts, reach)));
            self.hosts += 1;
            self.record(guest, self.claims.len() - 1);
            return true;
        }
        false
    }

    /// Where a pool's own requirements let a node be; `None` for anywhere.
    fn reach(&self, pool: usize) -> Vec<Option<Reach>> {
        let requirements = &self.snapshot.node_pools()[pool].requirements;
        let of_key = |(key, name): (usize, &Arc<str>)| {
            let one: &Requirement = requirements.get(name)?;
            one.finite_values()?;
            Some(self.domains.reach(key, |value| one.allows(value)))
        };
        self.domains.keys().map(of_key).collect()
    }

    fn affords(&self, pool: usize, item: usize) -> bool {
        let limits = self.snapshot.node_pools()[pool].limits.iter().zip(&self.limits[pool]);
        limits.into_iter().all(|((name, _), left)| *left >= 0 && self.menu.capacity(item, name.as_str()) <= *left)
    }

    /// Takes from the pool's limits what the largest of `left` has: nobody knows yet which of them it will be.
    fn reserve(&mut self, pool: usize, left: &[u32]) {
        let limits = self.snapshot.node_pools()[pool].limits.iter().zip(&mut self.limits[pool]);
        for ((name, _), rest) in limits {
            *rest -= left.iter().map(|item| self.menu.capacity(*item as usize, name.as_str())).max().unwrap_or(0);
        }
    }

    /// By class, the highest weight of an unsupported pool that would take its pods.
    fn barred(&self, relaxed: bool) -> Vec<Option<i32>> {
        let mut barred = vec![None; self.classes.len()];
        let pools = self.snapshot.node_pools();
        let unsupported = |pool: usize| !pools[pool].unsupported.is_empty() && pools[pool].replicas.is_none();
        for (index, item) in self.menu.items.iter().enumerate().filter(|(_, item)| unsupported(item.pool)) {
            for (class, barred) in barred.iter_mut().enumerate() {
                let signature = self.asks[class].last().map(|(signature, _)| *signature);
                if signature.is_some_and(|one| item.allows(one, relaxed)) && fits(&self.needs[class], self.menu.free(index)) {
                    *barred = (*barred).max(Some(self.snapshot.node_pools()[item.pool].weight));
                }
            }
        }
        barred
    }
}

/// Where an existing node is.
fn place(snapshot: &Snapshot, domains: &Domains, node: usize) -> (Option<usize>, Vec<Option<Reach>>) {
    let labels = &snapshot.nodes()[node].labels;
    let label = |name: &str| labels.get(name).map(AsRef::as_ref);
    let reach = domains
        .keys()
        .map(|(key, name)| Some(domains.reach(key, |value| value == label(name))).filter(|_| !domains.is_host(key)));
    let host = domains.key(crate::label::HOSTNAME).zip(label(crate::label::HOSTNAME));
    (host.and_then(|(key, name)| domains.number(key, name)), reach.collect())
}

/// The domains of a key in which there are, or could be, nodes for a signature.
fn universe(
    snapshot: &Snapshot,
    menu: &Menu<'_>,
    domains: &Domains,
    shape: &PodShape,
    (key, signature): (usize, usize),
) -> FixedBitSet {
    let mut all = FixedBitSet::with_capacity(domains.count(key));
    let launched = menu.items.iter().filter(|item| item.allows(signature, true));
    all.extend(launched.filter_map(|item| item.domains[key]).map(|domain| domain as usize));
    let open = |node: &crate::Node| accepts(&crate::Node { schedulable: true, ..node.clone() }, shape, true);
    for node in snapshot.nodes().iter().filter(|node| open(node)) {
        let value = domains.keys().find(|(number, _)| *number == key).and_then(|(_, name)| node.labels.get(name));
        all.extend(value.and_then(|value| domains.number(key, value)));
    }
    all
}

/// Distinct combinations of what pods require of a node's labels and tolerate of its taints.
#[derive(Default)]
struct Signatures {
    list: Vec<Arc<PodShape>>,
    known: BTreeMap<Arc<PodShape>, usize>,
    asks: BTreeMap<(usize, Amounts), usize>,
}

impl Signatures {
    /// The signature of a shape.
    fn number(&mut self, shape: &PodShape) -> usize {
        let bare = PodShape {
            node_selector: shape.node_selector.clone(),
            node_affinity: shape.node_affinity.clone(),
            volume_topology: shape.volume_topology.clone(),
            tolerations: shape.tolerations.clone(),
            ..PodShape::default()
        };
        let list = &mut self.list;
        *self.known.entry(Arc::new(bare)).or_insert_with_key(|shape| {
            list.push(shape.clone());
            list.len() - 1
        })
    }

    /// Signature and ask of each stance of a class.
    fn asks(&mut self, class: &Class, need: &Amounts) -> Vec<(usize, usize)> {
        let signatures: Vec<usize> = class.stances.iter().map(|stance| self.number(&stance.shape)).collect();
        let mut ask = |signature| {
            let next = self.asks.len();
            *self.asks.entry((signature, need.clone())).or_insert(next)
        };
        signatures.into_iter().map(|signature| (signature, ask(signature))).collect()
    }
}
