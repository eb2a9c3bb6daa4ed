//! What `minValues` and least instance types of spot nodes make of a pool: whether the offerings that hold a pod differ enough.

use super::survey::{Bench, Step, Survey, Surveyor, reference};
use crate::plan::OfferingRef;
use crate::predicate::Candidate;
use crate::{CapacityType, Labels, MinValues, MinValuesPolicy, NodePoolName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A label of which what holds the pod has too few values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Uniform {
    pub(super) pool: NodePoolName,
    pub(super) key: Arc<str>,
    pub(super) asked: u32,
    pub(super) found: usize,
}

/// What a survey had found before it came to a pool.
pub(super) struct Before {
    open: usize,
    limits: usize,
    cheapest: Option<OfferingRef>,
}

impl Before {
    pub(super) fn of(found: &Survey) -> Self {
        let limits = found.removed.get(&Step::Limits).copied().unwrap_or(0);
        Self { open: found.open, limits, cheapest: found.cheapest.clone() }
    }
}

impl Surveyor<'_> {
    /// Whether the pool launches nothing that is too uniform.
    pub(super) fn is_strict(&self) -> bool {
        self.pool.min_values_policy == MinValuesPolicy::Strict && !self.pool.min_values.is_empty()
    }

    /// Takes back the offerings of the pool that would hold the pod, where they do not differ enough.
    pub(super) fn refuse_uniform(&self, before: Before, found: &mut Survey) {
        let limited = found.removed.get(&Step::Limits).copied().unwrap_or(0) - before.limits;
        let removed = found.open - before.open + limited;
        if !self.is_strict() || removed == 0 {
            return;
        }
        let shortest = |limited: bool| self.variants.iter().map(|open| self.short(open, limited)).min_by_key(Vec::len);
        if shortest(false).is_none_or(|short| short.is_empty()) {
            if shortest(true).is_some_and(|short| !short.is_empty()) {
                // Each of them alone is within the limits, but too few are.
                *found.removed.entry(Step::Limits).or_default() += found.open - before.open;
                (found.open, found.cheapest) = (before.open, before.cheapest);
            }
            return;
        }
        let shortest = shortest(false).unwrap_or_default();
        found.uniform.extend(shortest);
        found.open = before.open;
        found.cheapest = before.cheapest;
        found.lacking.retain(|(pool, _), _| *pool != self.pool.name);
        *found.removed.entry(Step::MinValues).or_default() += removed;
        match before.limits {
            0 => found.removed.remove(&Step::Limits),
            limits => found.removed.insert(Step::Limits, limits),
        };
    }

    /// Takes back the spot offerings of the pool that would hold the pod, where they are of too few instance types.
    pub(super) fn refuse_few_spot_types(&self, before: &Before, found: &mut Survey) {
        if self.spot_min_types <= 1 || found.open == before.open {
            return;
        }
        let holding: Vec<Vec<OfferingRef>> = self.variants.iter().map(|open| self.holding(open)).collect();
        let is_spot = |one: &&OfferingRef| one.capacity_type == CapacityType::Spot;
        let types =
            |all: &Vec<OfferingRef>| all.iter().filter(is_spot).map(|one| &one.instance_type).collect::<BTreeSet<_>>().len();
        let most = holding.iter().map(types).max().unwrap_or(0);
        let spot: BTreeSet<&OfferingRef> = holding.iter().flatten().filter(is_spot).collect();
        if spot.is_empty() || most >= self.spot_min_types as usize {
            return;
        }
        found.spot_types = found.spot_types.max(most);
        found.open -= spot.len();
        *found.removed.entry(Step::SpotTypes).or_default() += spot.len();
        if found.cheapest.as_ref().is_some_and(|cheapest| spot.contains(cheapest)) {
            let others = holding.iter().flatten().filter(|one| one.capacity_type != CapacityType::Spot);
            found.cheapest = others.chain(&before.cheapest).min().cloned();
            found.tightest = None;
        }
    }

    /// The offerings within limits that hold the pod where open labels have these values.
    fn holding(&self, open: &Labels) -> Vec<OfferingRef> {
        let mut all = Vec::new();
        for instance_type in self.pool.instance_types.iter() {
            let bench = Bench { allocatable: instance_type.allocatable(), limits: self.limit_obstacles(instance_type) };
            for offering in &instance_type.offerings {
                let candidate = Candidate { pool: self.pool, instance_type, offering, open };
                if self.judge(&candidate, &bench, &mut Survey::default()).is_none() {
                    all.extend(reference(instance_type, offering));
                }
            }
        }
        all
    }

    /// The keys of which too few values are left, within limits or not.
    fn short(&self, open: &Labels, limited: bool) -> Vec<Uniform> {
        let mut values: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); self.pool.min_values.len()];
        for instance_type in self.pool.instance_types.iter() {
            let limits = if limited { self.limit_obstacles(instance_type) } else { Vec::new() };
            let bench = Bench { allocatable: instance_type.allocatable(), limits };
            for offering in &instance_type.offerings {
                let candidate = Candidate { pool: self.pool, instance_type, offering, open };
                if self.judge(&candidate, &bench, &mut Survey::default()).is_none() {
                    for (values, MinValues { key, .. }) in values.iter_mut().zip(&self.pool.min_values) {
                        values.extend(candidate.label(key));
                    }
                }
            }
        }
        let all = self.pool.min_values.iter().zip(values).map(|(MinValues { key, count }, values)| Uniform {
            pool: self.pool.name.clone(),
            key: key.clone(),
            asked: *count,
            found: values.len(),
        });
        all.filter(|one| one.found < one.asked as usize).collect()
    }
}
