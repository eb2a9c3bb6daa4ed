//! Exhaustive search over whole plans: each pod on an existing node, on a new node of any offering, or nowhere. The rules are those of the
//! Kubernetes documentation, asked of the final state ([`super::rules`]); nothing is shared with the library but data types.

use super::oracle::{Place, clash, may_run, places};
use super::rules::{Site, Sites};
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::{MicroUsd, Node, Pod, Resources, Snapshot};

/// How far a search goes before it gives up.
const MOST_STEPS: u64 = 300_000;

/// Where a pod may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// Anywhere or nowhere.
    Free,
    /// On this existing node.
    On(usize),
    /// On a new node of a pool of this weight.
    New(i32),
}

/// A pod, and where it may go.
pub(crate) type Wish<'a> = (&'a Pod, Whereabouts);

/// A search that took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaveUp;

/// The largest number of pods that find a place, by priority, the highest first: each priority counts before all lower ones. `None`
/// where nothing is better than leaving out `lost`, by priority.
pub(crate) fn fewer_lost(snapshot: &Snapshot, pods: &[&Pod], lost: &[usize]) -> Result<Option<Vec<usize>>, GaveUp> {
    let wishes: Vec<Wish<'_>> = pods.iter().map(|pod| (*pod, Whereabouts::Free)).collect();
    let mut search = Search::new(&wishes, Goal::MorePods { best: None, beat: lost.to_vec() });
    let world = World::new(snapshot, &wishes, false);
    search.run(&world)?;
    let Goal::MorePods { best, .. } = search.goal else { unreachable!() };
    Ok(best)
}

/// The least that new nodes can cost if every wish is granted; `None` where that is no less than `below`.
pub(crate) fn cheaper(snapshot: &Snapshot, wishes: &[Wish<'_>], below: MicroUsd) -> Result<Option<MicroUsd>, GaveUp> {
    let mut search = Search::new(wishes, Goal::Cheaper { best: None, below });
    let world = World::new(snapshot, wishes, true);
    search.run(&world)?;
    let Goal::Cheaper { best, .. } = search.goal else { unreachable!() };
    Ok(best)
}

/// What nodes there are and could be.
struct World<'a> {
    snapshot: &'a Snapshot,
    every_place: Vec<Place<'a>>,
    /// Those that differ in something that matters here.
    kept: Vec<usize>,
}

impl<'a> World<'a> {
    fn new(snapshot: &'a Snapshot, wishes: &[Wish<'_>], money: bool) -> Self {
        let every_place = places(snapshot);
        let kept = distinct(snapshot, wishes, &every_place, money);
        Self { snapshot, every_place, kept }
    }
}

/// One place of each kind: those that the same pods may use, with the same room, in the same domains of every rule, and alike to limits;
/// of those the cheapest.
fn distinct(snapshot: &Snapshot, wishes: &[Wish<'_>], all: &[Place<'_>], money: bool) -> Vec<usize> {
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    for topology in wishes.iter().map(|(pod, _)| &pod.shape.topology) {
        keys.extend(topology.spread.iter().map(|one| &*one.topology_key));
        keys.extend(topology.affinity.iter().chain(&topology.anti_affinity).map(|term| &*term.topology_key));
    }
    let running = snapshot.nodes().iter().flat_map(|node| &node.running);
    keys.extend(running.flat_map(|pod| &pod.anti_affinity).map(|term| &*term.topology_key));
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for (index, place) in all.iter().enumerate() {
        let takes: Vec<bool> = wishes.iter().map(|(pod, _)| place.allows(pod)).collect();
        if takes.contains(&true) {
            let domains: Vec<Option<&str>> = keys.iter().map(|key| place.label(key)).collect();
            let daemons: Vec<_> = place.daemons().map(|daemon| &daemon.key).collect();
            let kind = (&place.pool.name, takes, place.room(), daemons, domains, &place.kind.capacity, place.reservation());
            let best = known.entry(kind).or_insert(index);
            if money && place.price < all[*best].price {
                *best = index;
            }
        }
    }
    let mut kept: Vec<usize> = known.into_values().collect();
    kept.sort_unstable();
    kept
}

#[derive(Debug, Clone, Copy)]
enum Ground {
    Existing(usize),
    New(usize),
}

/// One node with its pods, new or not.
struct Bin {
    ground: Ground,
    pods: Vec<usize>,
    left: Resources,
}

/// What is looked for.
enum Goal {
    /// To leave out fewer pods than `beat`, by priority from the highest.
    MorePods { beat: Vec<usize>, best: Option<Vec<usize>> },
    /// To place all at a lower cost.
    Cheaper { below: MicroUsd, best: Option<MicroUsd> },
}

struct Search<'q> {
    wishes: &'q [Wish<'q>],
    /// Of each wish: which priority it has, the highest being 0.
    levels: Vec<usize>,
    bins: Vec<Bin>,
    lost: Vec<usize>,
    steps: u64,
    goal: Goal,
}

impl<'q> Search<'q> {
    fn new(wishes: &'q [Wish<'q>], goal: Goal) -> Self {
        let priorities: BTreeSet<i32> = wishes.iter().map(|(pod, _)| pod.shape.priority).collect();
        let level = |pod: &Pod| priorities.iter().rev().position(|one| *one == pod.shape.priority).unwrap();
        let levels = wishes.iter().map(|(pod, _)| level(pod)).collect();
        Self { wishes, levels, bins: Vec::new(), lost: vec![0; priorities.len()], steps: 0, goal }
    }

    fn run(&mut self, world: &World<'_>) -> Result<(), GaveUp> {
        let bin = |(index, node): (usize, &Node)| {
            let mut left = node.allocatable.clone();
            left.subtract(&node.requested);
            Bin { ground: Ground::Existing(index), pods: Vec::new(), left }
        };
        self.bins = world.snapshot.nodes().iter().enumerate().map(bin).collect();
        self.descend(world, 0, MicroUsd::ZERO)
    }

    /// Places wishes from `index` on in every way.
    fn descend(&mut self, world: &World<'_>, index: usize, cost: MicroUsd) -> Result<(), GaveUp> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(GaveUp);
        }
        if !self.may_win(cost) {
            return Ok(());
        }
        let Some((pod, whereabouts)) = self.wishes.get(index) else {
            if self.sites(world).keep_rules() {
                self.win(cost);
            }
            return Ok(());
        };
        // Equal pods are interchangeable: each goes no earlier than the one before it, and gets nothing if that one got nothing.
        let twin = index > 0 && alike(self.wishes[index - 1].0, pod) && self.wishes[index - 1].1 == *whereabouts;
        let before = twin.then(|| self.bins.iter().position(|bin| bin.pods.contains(&(index - 1))));
        let (first, least) = match before {
            None => (0, 0),
            Some(None) => (self.bins.len(), usize::MAX),
            Some(Some(bin)) => match self.bins[bin].ground {
                Ground::New(place) if self.bins[bin].pods == [index - 1] => (bin, place),
                _ => (bin, 0),
            },
        };
        for bin in first..self.bins.len() {
            if self.joins(world, bin, index) {
                self.enter(world, bin, index, cost)?;
            }
        }
        for place in world.kept.iter().copied().filter(|place| *place >= least) {
            let one = &world.every_place[place];
            self.bins.push(Bin { ground: Ground::New(place), pods: Vec::new(), left: one.room() });
            let newest = self.bins.len() - 1;
            if self.within_limits(world, one) && self.joins(world, newest, index) {
                self.enter(world, newest, index, cost.plus(one.price))?;
            }
            self.bins.pop();
        }
        if *whereabouts == Whereabouts::Free {
            self.lost[self.levels[index]] += 1;
            self.descend(world, index + 1, cost)?;
            self.lost[self.levels[index]] -= 1;
        }
        Ok(())
    }

    fn enter(&mut self, world: &World<'_>, bin: usize, index: usize, cost: MicroUsd) -> Result<(), GaveUp> {
        let requests = &self.wishes[index].0.shape.requests;
        self.bins[bin].left.subtract(requests);
        self.bins[bin].pods.push(index);
        self.descend(world, index + 1, cost)?;
        self.bins[bin].pods.pop();
        self.bins[bin].left.add(requests);
        Ok(())
    }

    /// Whether a plan that goes on from here can be what is looked for.
    fn may_win(&self, cost: MicroUsd) -> bool {
        match &self.goal {
            Goal::MorePods { beat, best } => self.lost < *best.as_ref().unwrap_or(beat),
            Goal::Cheaper { below, best } => cost < best.unwrap_or(*below),
        }
    }

    fn win(&mut self, cost: MicroUsd) {
        match &mut self.goal {
            Goal::MorePods { best, .. } => *best = Some(self.lost.clone()),
            Goal::Cheaper { best, .. } => *best = Some(cost),
        }
    }

    /// Whether the pod may be in the bin with the pods that are there: what later pods cannot change.
    fn joins(&self, world: &World<'_>, bin: usize, index: usize) -> bool {
        let (pod, whereabouts) = self.wishes[index];
        let Bin { ground, pods, left } = &self.bins[bin];
        let taken = pods.iter().flat_map(|other| &self.wishes[*other].0.shape.host_ports);
        let open = |mut ports: Box<dyn Iterator<Item = &windlass_solver::HostPort> + '_>| {
            !ports.any(|port| pod.shape.host_ports.iter().any(|own| clash(own, port)))
        };
        let welcome = match *ground {
            Ground::Existing(node) => {
                let known = &world.snapshot.nodes()[node];
                matches!(whereabouts, Whereabouts::Free | Whereabouts::On(_))
                    && (whereabouts == Whereabouts::Free || whereabouts == Whereabouts::On(node))
                    && known.schedulable
                    && may_run(&pod.shape, &known.taints, &known.labels, true)
                    && open(Box::new(known.host_ports.iter()))
            }
            Ground::New(place) => {
                let place = &world.every_place[place];
                let weight = match whereabouts {
                    Whereabouts::Free => true,
                    Whereabouts::On(_) => false,
                    Whereabouts::New(weight) => weight == place.pool.weight,
                };
                weight && place.allows(pod) && open(Box::new(place.daemons().flat_map(|daemon| &daemon.shape.host_ports)))
            }
        };
        welcome && pod.shape.requests.fits_in(left) && open(Box::new(taken)) && self.sites(world).stays_apart(bin, pod, index)
    }

    /// Whether the pool of a place that was opened last still keeps its limits, and its reservation has room.
    fn within_limits(&self, world: &World<'_>, place: &Place<'_>) -> bool {
        let mine: Vec<&Place<'_>> = self
            .bins
            .iter()
            .filter_map(|bin| match bin.ground {
                Ground::New(other) => Some(&world.every_place[other]).filter(|other| other.pool.name == place.pool.name),
                Ground::Existing(_) => None,
            })
            .collect();
        let reserved = place.reservation().is_none_or(|id| {
            let all = self.bins.iter().filter_map(|bin| match bin.ground {
                Ground::New(other) => world.every_place[other].reservation(),
                Ground::Existing(_) => None,
            });
            all.filter(|other| *other == id).count() <= world.snapshot.reservations().get(id).map_or(0, |slots| *slots as usize)
        });
        reserved
            && place.pool.limits.iter().all(|(resource, limit)| {
                let name = resource.as_str();
                let used = |one: &&Place<'_>| if name == "nodes" { 1 } else { one.kind.capacity.get(name) };
                place.pool.usage.get(name) + mine.iter().map(used).sum::<i64>() <= *limit
            })
    }

    /// The state as rules about other pods see it.
    fn sites<'a>(&self, world: &'a World<'a>) -> Sites<'a>
    where
        'q: 'a,
    {
        let site = |(number, bin): (usize, &Bin)| {
            let pods = bin.pods.iter().map(|index| (*index, self.wishes[*index].0)).collect();
            match bin.ground {
                Ground::Existing(index) => Site::existing(&world.snapshot.nodes()[index], pods),
                Ground::New(place) => Site::new(&world.every_place[place], number, pods),
            }
        };
        let all = self.bins.iter().enumerate().map(site).collect();
        Sites { snapshot: world.snapshot, places: &world.every_place, all }
    }
}

/// Whether two pods differ in their name alone.
fn alike(a: &Pod, b: &Pod) -> bool {
    a.shape == b.shape && a.labels == b.labels && a.key.namespace == b.key.namespace
}
