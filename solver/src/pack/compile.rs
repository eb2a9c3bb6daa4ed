//! From snapshot to [`Problem`].

use super::axis::{Axis, times};
use super::group::{Group, Selectors, groups};
use super::host::{Host, Kind, Link};
use super::manners::{Manners, manners};
use super::offers::Offers;
use super::problem::{Candidate, Class, Model, PoolVariant, Problem};
use super::reservation;
use super::row;
use super::settled::Settled;
use super::variant::{Mentions, Variant, variants};
use super::variety;
use crate::{Charges, DaemonSet, InstanceType, NodePool, PodShape, Requirement, Snapshot, Taint, TaintEffect, label};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What compiling starts from: pods in groups, and what runs as their rules see it.
pub(super) struct Draft<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) selectors: Selectors<'s>,
    pub(super) settled: Settled,
    /// With what they must avoid because of pods that run.
    pub(super) groups: Vec<Group>,
    /// What the search charges beyond prices.
    pub(super) charges: Charges,
}

impl<'s> Draft<'s> {
    /// Reads `snapshot`.
    pub(super) fn new(snapshot: &'s Snapshot, charges: Charges) -> Self {
        let selectors = Selectors::new(snapshot);
        let mut groups = groups(snapshot, &selectors);
        let settled = Settled::new(snapshot.nodes(), &selectors);
        for group in &mut groups {
            group.asks = settled.requirements(snapshot, &selectors, group);
        }
        Self { snapshot, selectors, settled, groups, charges }
    }
}

/// Compiles the groups of a draft as they were dealt.
pub(super) fn compile<'s>(draft: &Draft<'s>, groups: &[Group]) -> Problem<'s> {
    let mut problem = plain(draft, groups, &[]);
    order_classes(&mut problem);
    variety::bundle(&mut problem);
    row::arrange(&mut problem, &[]);
    problem
}

/// Compiles groups; classes are in their order, and there are no rows yet. Values that `mentioned` tells apart are told apart.
pub(super) fn plain<'s>(draft: &Draft<'s>, groups: &[Group], mentioned: &[Requirement]) -> Problem<'s> {
    let (snapshot, charges) = (draft.snapshot, draft.charges);
    let choosy: Vec<Arc<PodShape>> = groups.iter().map(choosy).collect();
    let plain: Vec<&PodShape> = choosy.iter().map(|shape| &**shape).collect();
    let axis = Axis::new(snapshot, &plain);
    let daemon_shapes = snapshot.daemon_sets().iter().map(|daemon| &*daemon.shape);
    let mentions = Mentions::new(plain.iter().copied().chain(daemon_shapes), mentioned);
    let mut offers: Vec<Offers<'_>> = Vec::new();
    let mut sources: Vec<&Arc<[InstanceType]>> = Vec::new();
    let mut pending = Vec::new();
    for (pool_index, pool) in snapshot.node_pools().iter().enumerate() {
        // Pools of one node class share their list; the address saves a deep comparison and decides nothing.
        let known =
            sources.iter().position(|source| Arc::ptr_eq(source, &pool.instance_types) || **source == pool.instance_types);
        let list = known.unwrap_or_else(|| {
            sources.push(&pool.instance_types);
            offers.push(Offers::new(&pool.instance_types, charges));
            offers.len() - 1
        });
        pending.extend(variants(pool, &mut offers[list], &mentions).into_iter().map(|variant| (pool_index, list, variant)));
    }
    drop(mentions);
    let manners = manners(snapshot, &draft.selectors, groups);
    let (signatures, wary, signature_of) = signatures(&choosy, &manners);
    drop(plain);
    let members = groups.iter().zip(signature_of).zip(&manners.groups);
    let classes = members.map(|((group, signature), manner)| class(&axis, group, signature, *manner)).collect();
    let problem = Problem {
        snapshot,
        axis,
        classes,
        signatures,
        offers,
        variants: Vec::new(),
        models: Vec::new(),
        candidates: Vec::new(),
        columns: Vec::new(),
        manners,
        rows: Vec::new(),
        slots: Vec::new(),
        offer_indices: Vec::new(),
    };
    let mut compiler =
        Compiler { problem, wary, models: BTreeMap::new(), daemon_lists: BTreeMap::new(), columns: BTreeMap::new() };
    for (pool, list, variant) in pending {
        compiler.add(pool, list, variant);
    }
    compiler.problem
}

/// Distinct constraints; for each the rules in which daemon pods have a part; and which of them each shape has.
fn signatures(shapes: &[Arc<PodShape>], manners: &Manners) -> (Vec<Arc<PodShape>>, Vec<Vec<Link>>, Vec<usize>) {
    let with_daemons: BTreeSet<u32> = manners.daemons.iter().flatten().map(|link| link.rule).collect();
    let (mut signatures, mut wary) = (Vec::new(), Vec::new());
    let mut known: BTreeMap<(Constraints<'_>, Vec<Link>), usize> = BTreeMap::new();
    let of_shapes = shapes.iter().zip(&manners.groups).map(|(shape, manner)| {
        let touching = |link: &&Link| link.kind != Kind::With && with_daemons.contains(&link.rule);
        let links: Vec<Link> = manners.lists[*manner].iter().filter(touching).copied().collect();
        *known.entry((constraints(shape), links)).or_insert_with_key(|(_, links)| {
            signatures.push(shape.clone());
            wary.push(links.clone());
            signatures.len() - 1
        })
    });
    let of_shapes = of_shapes.collect();
    (signatures, wary, of_shapes)
}

/// What of a shape is decided by labels and taints.
type Constraints<'a> = (&'a [Requirement], &'a [Vec<Requirement>], &'a [Vec<Vec<Requirement>>], &'a [crate::Toleration], bool);

fn constraints(shape: &PodShape) -> Constraints<'_> {
    (&shape.node_selector, &shape.node_affinity, &shape.volume_topology, &shape.tolerations, shape.insists)
}

/// The shape of a group with what else a node must satisfy.
fn choosy(group: &Group) -> Arc<PodShape> {
    if group.asks.is_empty() {
        return group.shape.clone();
    }
    let mut shape = PodShape::clone(&group.shape);
    shape.node_selector.extend(group.asks.iter().cloned());
    Arc::new(shape)
}

fn class(axis: &Axis, group: &Group, signature: usize, manner: usize) -> Class {
    let need = axis.need(&group.shape.requests, &group.shape.host_ports);
    let (shape, refused, dealt) = (group.shape.clone(), group.refused.clone(), group.dealt.clone());
    Class { need, shape, signature, manner, row: 0, pods: group.pods.clone(), root: group.root, dealt, refused }
}

/// Highest priority first, then biggest (the share of the roomiest candidate it takes, summed over resources), then first pod.
fn order_classes(problem: &mut Problem<'_>) {
    let width = problem.axis.width();
    let mut most = vec![1_i64; width];
    for model in &problem.models {
        for (most, free) in most.iter_mut().zip(&model.free) {
            *most = (*most).max(*free);
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let size = |class: &Class| class.need.iter().zip(&most).map(|(need, most)| *need as f64 / *most as f64).sum::<f64>();
    problem.classes.sort_by(|a, b| {
        let by_priority = b.shape.priority.cmp(&a.shape.priority);
        by_priority.then_with(|| size(b).total_cmp(&size(a))).then_with(|| a.pods.cmp(&b.pods))
    });
}

/// How a node's taints look to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcome {
    /// All taints are tolerated.
    Full,
    /// All but some `PreferNoSchedule`.
    Reluctant,
    /// Some taint keeps the pod away.
    None,
}

/// Compares taints and tolerations.
pub(super) fn welcome(shape: &PodShape, taints: &[Taint]) -> Welcome {
    taints.iter().filter(|taint| !taint.tolerated_by(&shape.tolerations)).fold(Welcome::Full, |so_far, taint| {
        match (so_far, taint.effect) {
            (Welcome::None, _) | (_, TaintEffect::NoSchedule | TaintEffect::NoExecute) => Welcome::None,
            (_, TaintEffect::PreferNoSchedule) if shape.insists => Welcome::None,
            (_, TaintEffect::PreferNoSchedule) => Welcome::Reluctant,
        }
    })
}

type ModelKey = (usize, usize, Arc<[u32]>);

struct Compiler<'s> {
    problem: Problem<'s>,
    /// By signature: its links to rules in which daemon pods have a part.
    wary: Vec<Vec<Link>>,
    /// By list of offers, instance type and daemonsets; nothing where daemonsets leave no room.
    models: BTreeMap<ModelKey, Option<usize>>,
    daemon_lists: BTreeMap<Vec<u32>, Arc<[u32]>>,
    columns: BTreeMap<FixedBitSet, usize>,
}

impl Compiler<'_> {
    /// Adds the candidates of one variant.
    fn add(&mut self, pool_index: usize, list: usize, variant: Variant) {
        let pool = &self.problem.snapshot.node_pools()[pool_index];
        let mut signatures = Vec::new();
        let mut reluctant = FixedBitSet::with_capacity(self.problem.signatures.len());
        for (index, shape) in self.problem.signatures.iter().enumerate() {
            let welcome = welcome(shape, &pool.taints);
            if welcome == Welcome::None {
                continue;
            }
            let set = matching_pods(&mut self.problem.offers[list], &variant, shape);
            if !set.is_clear() {
                signatures.push((index, set));
                reluctant.set(index, welcome == Welcome::Reluctant);
            }
        }
        let daemons = self.daemons(pool, list, &variant);
        let asked = variety::asked(self.problem.snapshot, pool);
        let counted =
            asked.iter().map(|asked| if &*asked.key == variety::SPOT_TYPES { label::CAPACITY_TYPE } else { &*asked.key });
        // Where the share of a spot pool counts, each is a candidate.
        let of_pools = [label::ZONE, label::CAPACITY_TYPE].into_iter();
        let of_pools = of_pools.filter(|_| self.problem.snapshot.spot_pool_share().is_some());
        let keys = counted.chain([label::RESERVATION]).chain(of_pools);
        let apart: Vec<FixedBitSet> = keys.flat_map(|key| self.problem.offers[list].by_value(key)).collect();
        let sets = signatures.iter().chain(&daemons).map(|(_, set)| set);
        let parts = partition(&variant.offers, sets.chain(&apart));
        let start = self.problem.candidates.len();
        let variant_index = self.problem.variants.len();
        let mut labels = PartLabels::of(&parts, self.problem.signatures.len(), &signatures, &daemons);
        for part in labels.values_mut() {
            self.keep_from_daemons(part);
        }
        let groups = self.group_offers(list, &variant.offers, &parts);
        // A static pool launches nodes that nobody needs, too.
        let static_pool = pool.replicas.is_some();
        let nobody = PartLabels::nobody(self.problem.signatures.len());
        for ((instance_type, part), members) in groups {
            let sample = labels.get(&part).unwrap_or(&nobody);
            if sample.signatures.is_clear() && !static_pool {
                continue;
            }
            let Some(model) = self.model(list, instance_type, &sample.daemons) else { continue };
            if !static_pool && !self.holds_any(model, &sample.signatures) {
                continue;
            }
            let relaxed = self.column(sample.signatures.clone());
            let mut strict = sample.signatures.clone();
            strict.difference_with(&reluctant);
            let strict = self.column(strict);
            self.candidate(list, variant_index, model, [strict, relaxed], members);
        }
        let candidates = start..self.problem.candidates.len();
        let packed = candidates.clone();
        self.problem.variants.push(PoolVariant {
            pool: pool_index,
            offers: list,
            labels: variant.labels,
            belongs: variant.offers,
            asked,
            candidates,
            packed,
        });
    }

    /// Adds a candidate of offers that are alike, those that cost least first.
    fn candidate(&mut self, list: usize, variant: usize, model: usize, [strict, relaxed]: [usize; 2], members: Vec<u32>) {
        let first = self.problem.offer_indices.len();
        let offers = &self.problem.offers[list];
        let offer = offers.list[members[0] as usize];
        let least_price = members.iter().map(|member| offers.list[*member as usize].price).fold(offer.price, i64::min);
        let candidate = Candidate {
            variant,
            model,
            strict,
            relaxed,
            price: offer.price,
            cost: offer.cost,
            least_price,
            offers: first..first + members.len(),
            reservation: reservation::of(self.problem.snapshot, offers, offer),
            bundle: None,
        };
        self.problem.offer_indices.extend(members);
        self.problem.candidates.push(candidate);
    }

    /// Takes away the signatures that cannot share a host with the daemon pods of a part.
    fn keep_from_daemons(&self, part: &mut PartLabels) {
        let host = self.daemon_host(&part.daemons);
        if !host.is_empty() {
            let away: Vec<usize> = part.signatures.ones().filter(|one| host.room(&self.wary[*one], 1) == 0).collect();
            for one in away {
                part.signatures.set(one, false);
            }
        }
    }

    /// A new node with its daemon pods alone.
    fn daemon_host(&self, daemons: &[u32]) -> Host {
        let mut host = Host::default();
        for links in daemons.iter().filter_map(|daemon| self.problem.manners.daemons.get(*daemon as usize)) {
            host.add(links, 1);
        }
        host
    }

    /// The daemonsets that run on nodes of the variant, with the offers on which they do.
    fn daemons(&mut self, pool: &NodePool, list: usize, variant: &Variant) -> Vec<(usize, FixedBitSet)> {
        let compatible = |daemon: &DaemonSet| welcome(&daemon.shape, &pool.taints) != Welcome::None;
        let all = self.problem.snapshot.daemon_sets().iter().enumerate();
        let offers = &mut self.problem.offers[list];
        all.filter(|(_, daemon)| compatible(daemon))
            .map(|(index, daemon)| (index, matching_pods(offers, variant, &daemon.shape)))
            .filter(|(_, set)| !set.is_clear())
            .collect()
    }

    /// Offers by instance type and part, in that order; within a group those that cost least first.
    fn group_offers(&self, list: usize, belongs: &FixedBitSet, parts: &[u32]) -> BTreeMap<(usize, u32), Vec<u32>> {
        let offers = &self.problem.offers[list];
        let mut groups: BTreeMap<(usize, u32), Vec<u32>> = BTreeMap::new();
        for index in belongs.ones() {
            let members = groups.entry((offers.list[index].instance_type, parts[index])).or_default();
            members.push(u32::try_from(index).unwrap_or(u32::MAX));
        }
        for members in groups.values_mut() {
            members.sort_by_key(|index| {
                let offer = offers.list[*index as usize];
                let offering = &offers.types[offer.instance_type].offerings[offer.offering];
                (offer.cost, offer.price, &offering.zone, offering.capacity_type)
            });
        }
        groups
    }

    fn column(&mut self, signatures: FixedBitSet) -> usize {
        let columns = &mut self.problem.columns;
        *self.columns.entry(signatures).or_insert_with_key(|signatures| {
            columns.push(signatures.clone());
            columns.len() - 1
        })
    }

    /// The model of an instance type with these daemonsets; none where they leave no room at all.
    fn model(&mut self, list: usize, instance_type: usize, daemons: &Vec<u32>) -> Option<usize> {
        let daemons = match self.daemon_lists.get(daemons) {
            Some(known) => known.clone(),
            None => self.daemon_lists.entry(daemons.clone()).or_insert_with(|| daemons.as_slice().into()).clone(),
        };
        let host = self.daemon_host(&daemons);
        let problem = &mut self.problem;
        *self.models.entry((list, instance_type, daemons.clone())).or_insert_with(|| {
            let all = problem.snapshot.daemon_sets();
            let mut requested = crate::Resources::new();
            let mut ports = Vec::new();
            for daemon in daemons.iter().filter_map(|index| all.get(*index as usize)) {
                requested.add(&daemon.shape.requests);
                ports.extend(daemon.shape.host_ports.iter().cloned());
            }
            let free = problem.axis.room(&problem.offers[list].types[instance_type].allocatable(), &requested, &ports);
            if free.iter().any(|free| *free < 0) {
                return None;
            }
            problem.models.push(Model { offers: list, instance_type, daemons: daemons.clone(), free, host });
            Some(problem.models.len() - 1)
        })
    }

    /// Whether at least one pod that is welcome fits on the model.
    fn holds_any(&self, model: usize, signatures: &FixedBitSet) -> bool {
        let free = &self.problem.models[model].free;
        self.problem.classes.iter().any(|class| signatures.contains(class.signature) && times(&class.need, free, 1) == 1)
    }
}

/// The offers of the variant whose labels satisfy a pod's selector and affinity, and from which its volumes can be used.
pub(super) fn matching_pods(offers: &mut Offers<'_>, variant: &Variant, shape: &PodShape) -> FixedBitSet {
    let fallback = |key: &str| variant.labels.get(key).map(AsRef::as_ref);
    let mut matching = variant.offers.clone();
    for requirement in &shape.node_selector {
        matching.intersect_with(&offers.matching(requirement, fallback(requirement.key())));
    }
    let affinity = Some(&shape.node_affinity).filter(|terms| !terms.is_empty());
    for terms in affinity.into_iter().chain(&shape.volume_topology) {
        if matching.is_clear() {
            break;
        }
        let mut any = offers.none();
        for term in terms.iter().filter(|term| !term.is_empty()) {
            let mut all = matching.clone();
            for requirement in term {
                all.intersect_with(&offers.matching(requirement, fallback(requirement.key())));
            }
            any.union_with(&all);
        }
        matching = any;
    }
    matching
}

/// Gives two offers the same number exactly when every set holds both or neither.
fn partition<'a>(belongs: &FixedBitSet, sets: impl Iterator<Item = &'a FixedBitSet>) -> Vec<u32> {
    let mut parts = vec![0_u32; belongs.len()];
    let mut distinct: Vec<&FixedBitSet> = sets.filter(|set| *set != belongs).collect();
    distinct.sort_unstable();
    distinct.dedup();
    for set in distinct {
        let mut renamed: BTreeMap<(u32, bool), u32> = BTreeMap::new();
        for index in belongs.ones() {
            let next = u32::try_from(renamed.len()).unwrap_or(u32::MAX);
            parts[index] = *renamed.entry((parts[index], set.contains(index))).or_insert(next);
        }
    }
    parts
}

/// Who runs on the offers of a part.
struct PartLabels {
    signatures: FixedBitSet,
    daemons: Vec<u32>,
}

impl PartLabels {
    fn nobody(width: usize) -> Self {
        Self { signatures: FixedBitSet::with_capacity(width), daemons: Vec::new() }
    }

    fn of(
        parts: &[u32],
        width: usize,
        signatures: &[(usize, FixedBitSet)],
        daemons: &[(usize, FixedBitSet)],
    ) -> BTreeMap<u32, Self> {
        let mut samples: BTreeMap<u32, usize> = BTreeMap::new();
        for (index, part) in parts.iter().enumerate() {
            // An offer outside the variant is in no set; one inside that is in none is of no use.
            if !samples.contains_key(part) && signatures.iter().chain(daemons).any(|(_, set)| set.contains(index)) {
                samples.insert(*part, index);
            }
        }
        samples
            .into_iter()
            .map(|(part, sample)| {
                let mut welcome = FixedBitSet::with_capacity(width);
                for (index, _) in signatures.iter().filter(|(_, set)| set.contains(sample)) {
                    welcome.insert(*index);
                }
                let running = daemons.iter().filter(|(_, set)| set.contains(sample));
                let daemons = running.map(|(index, _)| u32::try_from(*index).unwrap_or(u32::MAX)).collect();
                (part, Self { signatures: welcome, daemons })
            })
            .collect()
    }
}
