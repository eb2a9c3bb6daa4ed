//! What a pool leaves open: one variant of the pool for each choice of its custom labels that some pod can tell apart.
//!
//! A pool that requires `team In [a b]` launches nodes of either team, never of both. Values that every pod and daemonset treats alike
//! are one choice, so the number of variants grows with what pods mention and not with what the pool allows.

use super::offers::Offers;
use crate::{Labels, NodePool, PodShape, Requirement, label};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Above this many combinations a pool gets each value once instead of every combination.
const MAX_COMBINATIONS: usize = 1024;

/// Which requirements pods and daemonsets put on which label.
#[derive(Debug, Default)]
pub(super) struct Mentions<'s>(BTreeMap<&'s str, BTreeSet<&'s Requirement>>);

impl<'s> Mentions<'s> {
    /// Collects them.
    pub(super) fn new(shapes: impl Iterator<Item = &'s PodShape>, more: &'s [Requirement]) -> Self {
        let mut all: BTreeMap<&str, BTreeSet<&Requirement>> = BTreeMap::new();
        for shape in shapes {
            for requirement in shape.requirements() {
                all.entry(requirement.key()).or_default().insert(requirement);
            }
        }
        for requirement in more {
            all.entry(requirement.key()).or_default().insert(requirement);
        }
        Self(all)
    }

    fn on(&self, key: &str) -> impl Iterator<Item = &'s Requirement> + '_ {
        self.0.get(key).into_iter().flatten().copied()
    }
}

/// The labels that the pool adds to what an offer defines, and the offers that are then in the pool.
#[derive(Debug)]
pub(super) struct Variant {
    /// Labels of the pool, its name, and the values chosen for its custom requirements.
    pub(super) labels: Labels,
    /// The offers that satisfy the pool's requirements.
    pub(super) offers: FixedBitSet,
}

/// The variants of `pool`; none where its requirements leave no offer.
pub(super) fn variants(pool: &NodePool, offers: &mut Offers<'_>, mentions: &Mentions<'_>) -> Vec<Variant> {
    let mut fixed = pool.labels.clone();
    fixed.insert(label::NODE_POOL.into(), pool.name.as_str().into());
    let mut belongs = offers.all();
    let mut open: Vec<(Arc<str>, Vec<Choice>)> = Vec::new();
    for requirement in pool.requirements.iter() {
        let key = requirement.key();
        let mut fallback = fixed.get(key).cloned();
        if !label::is_well_known(key) && fallback.is_none() {
            let counted = pool.min_values.iter().any(|asked| &*asked.key == key);
            let choices = choices(requirement, mentions, counted);
            let Some(first) = choices.first() else { return Vec::new() };
            fallback.clone_from(first);
            open.push((key.into(), choices));
        }
        belongs.intersect_with(&offers.matching(requirement, fallback.as_deref()));
    }
    if belongs.is_clear() {
        return Vec::new();
    }
    let label_set = |chosen: Vec<Choice>| {
        let mut labels = fixed.clone();
        labels.extend(open.iter().zip(chosen).filter_map(|((key, _), value)| Some((key.clone(), value?))));
        labels
    };
    combinations(&open).into_iter().map(|chosen| Variant { labels: label_set(chosen), offers: belongs.clone() }).collect()
}

/// A value for an open label, or no label where the requirement allows that.
type Choice = Option<Arc<str>>;

/// One choice for each way in which what `requirement` allows differs to pods, or where values are `counted`, to `minValues`.
fn choices(requirement: &Requirement, mentions: &Mentions<'_>, counted: bool) -> Vec<Choice> {
    let key = requirement.key();
    let mut seen: BTreeSet<Vec<bool>> = BTreeSet::new();
    let mut chosen = Vec::new();
    for value in std::iter::once(None).chain(possible_values(requirement, mentions).into_iter().map(Some)) {
        if requirement.allows(value.as_deref()) {
            let answers = mentions.on(key).map(|mention| mention.allows(value.as_deref()));
            let answers: Vec<bool> = answers.chain(counted.then_some(value.is_some())).collect();
            if seen.insert(answers) {
                chosen.push(value);
            }
        }
    }
    chosen
}

/// Values that include one of each kind: the finite list, or what is named anywhere, the ends of every range, and one unnamed value.
fn possible_values(requirement: &Requirement, mentions: &Mentions<'_>) -> Vec<Arc<str>> {
    if let Some(values) = requirement.finite_values() {
        return values.iter().cloned().collect();
    }
    let about = || mentions.on(requirement.key()).chain([requirement]);
    let named: BTreeSet<Arc<str>> = about().flat_map(Requirement::named_values).cloned().collect();
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    for bound in about().flat_map(|one| <[Option<i64>; 2]>::from(one.bounds())).flatten() {
        // The next numbers beyond a bound that nobody names; one more than there are names is always enough.
        let reach = i64::try_from(named.len()).unwrap_or(i64::MAX).saturating_add(1);
        for step in 0..=reach.min(64) {
            numbers.extend([bound.saturating_sub(step), bound.saturating_add(step)]);
        }
    }
    let unnamed = (0..=named.len()).map(|n| if n == 0 { "any".to_owned() } else { format!("any-{n}") });
    let unnamed = unnamed.filter(|text| !named.contains(text.as_str())).take(1);
    let mut values: Vec<Arc<str>> = unnamed.map(Arc::from).collect();
    values.extend(numbers.into_iter().map(|number| Arc::from(number.to_string())));
    values.extend(named);
    values
}

/// Every combination of one value per key, or where there are too many, each value once.
fn combinations(open: &[(Arc<str>, Vec<Choice>)]) -> Vec<Vec<Choice>> {
    let total = open.iter().fold(1_usize, |product, (_, values)| product.saturating_mul(values.len()));
    if total <= MAX_COMBINATIONS {
        return open.iter().fold(vec![Vec::new()], |all, (_, values)| {
            all.iter().flat_map(|start| values.iter().map(|value| [start.clone(), vec![value.clone()]].concat())).collect()
        });
    }
    let first: Vec<Choice> = open.iter().filter_map(|(_, values)| values.first().cloned()).collect();
    let mut all = vec![first.clone()];
    for (position, (_, values)) in open.iter().enumerate() {
        for value in values.iter().skip(1) {
            let mut one = first.clone();
            one[position].clone_from(value);
            all.push(one);
        }
    }
    all
}
