//! From what was decided to the [`Plan`](crate::Plan) that people and controllers read.

use super::alternatives::{Hand, Stock, bought, chosen, others};
use super::deal::Refusal;
use super::obstacle::{needs_others, obstacle};
use super::problem::{Candidate, Class, Problem};
use super::share::{self, Dealt, SpotRoom};
use super::standing::stands;
use super::state::{NewNode, State};
use crate::explain::{Diagnosis, LimitsLeft, Obstacle, diagnose_beside};
use crate::plan::{ExistingPlacement, OfferingRef, PlannedNode, RelaxedMinValues};
use crate::{InstanceType, Labels, NodeName, ObjectKey, Offering, Options, Reason, Resources, Unschedulable, label};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Hands out the pods of each class in key order.
pub(super) struct Pods<'p, 's> {
    problem: &'p Problem<'s>,
    next: Vec<usize>,
}

impl<'p, 's> Pods<'p, 's> {
    /// All pods still to be handed out.
    pub(super) fn new(problem: &'p Problem<'s>) -> Self {
        Self { problem, next: vec![0; problem.classes.len()] }
    }

    fn take(&mut self, class: usize, count: usize) -> impl Iterator<Item = ObjectKey> + 'p {
        let (problem, from) = (self.problem, self.next[class]);
        self.next[class] = from + count;
        problem.classes[class].pods.iter().skip(from).take(count).map(|pod| problem.snapshot.pods()[*pod as usize].key.clone())
    }

    /// The next pods of each class, sorted.
    pub(super) fn load(&mut self, load: &[(usize, u32)]) -> Vec<ObjectKey> {
        let mut pods: Vec<ObjectKey> = Vec::new();
        for (class, count) in load {
            pods.extend(self.take(*class, *count as usize));
        }
        pods.sort_unstable();
        pods
    }

    fn rest(&mut self, class: usize) -> Vec<ObjectKey> {
        self.take(class, usize::MAX / 2).collect()
    }
}

/// Placements on existing nodes, in the snapshot's order.
pub(super) fn existing(problem: &Problem<'_>, state: &State, pods: &mut Pods<'_, '_>) -> Vec<ExistingPlacement> {
    let nodes = problem.snapshot.nodes().iter().zip(&state.existing).filter(|(_, load)| !load.is_empty());
    nodes.map(|(node, load)| ExistingPlacement { node: node.name.clone(), pods: pods.load(load) }).collect()
}

/// Nodes to launch: by pool in the snapshot's order, dearest first, then by type, zone and pods. Names count within the pool.
pub(super) fn nodes(
    problem: &Problem<'_>,
    state: &State,
    pods: &mut Pods<'_, '_>,
    dealt: Option<&Dealt>,
    options: &Options<'_>,
) -> Vec<PlannedNode> {
    let groups = state.nodes.iter().enumerate().map(|(position, node)| (bought(problem, node), node, position));
    let mut groups: Vec<(usize, &NewNode, usize)> = groups.collect();
    groups.sort_by_key(|(own, node, _)| {
        let candidate = &problem.candidates[*own];
        let (instance_type, offering) = chosen(problem, candidate);
        let first = node.load.iter().map(|(class, _)| problem.classes[*class].pods.first()).min();
        let kind = (&instance_type.name, &offering.zone, offering.capacity_type, *own);
        (problem.pool(candidate), Reverse(candidate.price), kind, first, node.load.clone())
    });
    let standing = |node: &NewNode| stands(problem, node);
    let mut first: Vec<Vec<ObjectKey>> = Vec::new();
    for (_, node, _) in groups.iter().filter(|(_, node, _)| standing(node)) {
        first.extend((0..node.copies).map(|_| pods.load(&node.load)));
    }
    let mut first = first.into_iter();
    let mut choices = choices(problem, state, &groups, dealt, options).into_iter();
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    let mut planned = Vec::new();
    for (own, group, _) in groups {
        let candidate = &problem.candidates[own];
        let template = describe(problem, candidate, chosen(problem, candidate), &group.load);
        for _ in 0..group.copies {
            let index = count.entry(problem.pool(candidate)).or_insert(0);
            let (alternatives, relaxed) = choices.next().unwrap_or_default();
            planned.push(PlannedNode {
                name: NodeName::new(format!("{}-{index}", template.node_pool)),
                alternatives,
                relaxed,
                pods: if standing(group) { first.next().unwrap_or_default() } else { pods.load(&group.load) },
                ..template.clone()
            });
            *index += 1;
        }
    }
    planned
}

/// The alternatives of each node, and the `minValues` that stay short: those that it must have, whatever they cost, and then similar ones
/// as long as limits allow. Where room in spot pools is shared, each node gets one of these after the other.
fn choices(
    problem: &Problem<'_>,
    state: &State,
    groups: &[(usize, &NewNode, usize)],
    dealt: Option<&Dealt>,
    options: &Options<'_>,
) -> Vec<(Vec<OfferingRef>, Vec<RelaxedMinValues>)> {
    let spot = dealt.map_or_else(SpotRoom::default, |dealt| dealt.room(problem.snapshot));
    let mut stock = Stock { budget: state.budget.clone(), spot };
    if dealt.is_some() {
        for (own, group, _) in groups {
            let (instance_type, offering) = chosen(problem, &problem.candidates[*own]);
            let own = OfferingRef::of(instance_type, offering);
            (0..group.copies).for_each(|_| stock.spot.take(&own));
        }
    }
    let mut hands = Vec::new();
    for (own, group, position) in groups {
        let others = Rc::new(others(problem, group, *own, options));
        for _ in 0..group.copies {
            let mut hand = Hand::new(problem, group.candidate, &others);
            if let Some(chosen) = dealt.and_then(|dealt| dealt.needed.get(*position)) {
                hand.take_chosen(&others, chosen, &mut stock);
            } else {
                hand.take_needed(&others, &mut stock);
                hand.take_similar(&others, &mut stock, options.alternatives);
            }
            hands.push((hand, Rc::clone(&others)));
        }
    }
    for most in (1..=options.alternatives).filter(|_| dealt.is_some()) {
        for (hand, others) in &mut hands {
            hand.take_similar(others, &mut stock, most);
        }
    }
    hands.into_iter().map(|(hand, _)| hand.finish()).collect()
}

/// What a node is like that buys `bought`, an offer of `candidate`, for `load`; without its name, its pods and its alternatives.
pub(super) fn describe(
    problem: &Problem<'_>,
    candidate: &Candidate,
    bought: (&InstanceType, &Offering),
    load: &[(usize, u32)],
) -> PlannedNode {
    let (instance_type, offering) = bought;
    let variant = &problem.variants[candidate.variant];
    let pool = &problem.snapshot.node_pools()[variant.pool];
    let mut labels: Labels = variant.labels.clone();
    labels.extend(instance_type.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    for (key, value) in [
        (label::ZONE, offering.zone.as_str()),
        (label::CAPACITY_TYPE, offering.capacity_type.as_str()),
        (label::INSTANCE_TYPE, instance_type.name.as_str()),
        (label::NODE_POOL, pool.name.as_str()),
    ] {
        labels.insert(key.into(), value.into());
    }
    labels.extend(offering.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    let all = problem.snapshot.daemon_sets();
    let daemons = || problem.models[candidate.model].daemons.iter().filter_map(|index| all.get(*index as usize));
    let mut requested = Resources::new();
    for daemon in daemons() {
        requested.add(&daemon.shape.requests);
    }
    for (class, count) in load {
        for (name, amount) in problem.classes[*class].shape.requests.iter() {
            let sum = requested.get(name.as_str()).saturating_add(amount.saturating_mul(i64::from(*count)));
            requested.set(name.clone(), sum);
        }
    }
    PlannedNode {
        name: NodeName::from(""),
        node_pool: pool.name.clone(),
        offering: OfferingRef::of(instance_type, offering),
        alternatives: Vec::new(),
        labels,
        taints: pool.taints.clone(),
        pods: Vec::new(),
        daemon_set_pods: daemons().map(|daemon| daemon.key.clone()).collect(),
        allocatable: instance_type.allocatable(),
        requested,
        relaxed: Vec::new(),
    }
}

/// Pods without a place, by key, each class diagnosed once.
pub(super) fn unschedulable(problem: &Problem<'_>, state: &State, pods: &mut Pods<'_, '_>) -> Vec<Unschedulable> {
    let limits_left = limits_left(problem, state);
    let mut all = Vec::new();
    for class in (0..problem.classes.len()).filter(|class| state.left[*class] > 0) {
        let diagnosis = diagnosis(problem, state, class, &limits_left);
        all.extend(pods.rest(class).into_iter().map(|pod| Unschedulable {
            pod,
            reason: diagnosis.reason,
            message: diagnosis.message.clone(),
            funnel: diagnosis.funnel.clone(),
            would_fit_if: diagnosis.would_fit_if.clone(),
        }));
    }
    all.sort_by(|a, b| a.pod.cmp(&b.pod));
    all
}

fn diagnosis(problem: &Problem<'_>, state: &State, class: usize, limits_left: &LimitsLeft) -> Diagnosis {
    let Class { shape, signature, refused, .. } = &problem.classes[class];
    let asked = &problem.signatures[*signature].node_selector;
    let beside = || diagnose_beside(problem.snapshot, shape, &asked[shape.node_selector.len()..], limits_left);
    if let Some(Refusal { reason, why, capped }) = refused {
        let mut told = beside();
        let limited = *capped && told.reason == Reason::LimitExceeded;
        let (reason, message) = if limited { (told.reason, format!("{}; {why}", told.message)) } else { (*reason, why.clone()) };
        told.meet(Obstacle { reason, step: reason.as_str().to_owned(), message });
        return told;
    }
    let mut diagnosis = beside();
    // Where limits alone leave something, the rules do not.
    let beyond = diagnosis.funnel.last().is_some_and(|step| step.remaining > 0).then_some(&state.budget);
    if diagnosis.is_about_limits()
        && let Some(obstacle) = share::obstacle(problem, state, class).or_else(|| obstacle(problem, beyond, class))
    {
        diagnosis.meet(obstacle);
    }
    if needs_others(problem, class) || problem.classes[class].dealt.iter().any(Option::is_some) {
        diagnosis.would_fit_if = None;
    }
    diagnosis
}

fn limits_left(problem: &Problem<'_>, state: &State) -> LimitsLeft {
    let pools = problem.snapshot.node_pools().iter().enumerate();
    pools
        .map(|(index, pool)| {
            let left = pool.limits.iter().zip(state.budget.of(index)).map(|((name, _), left)| (name.clone(), *left));
            (pool.name.clone(), left.collect())
        })
        .collect()
}
