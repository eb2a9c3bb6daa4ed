//! The offers of one list of instance types, and which of them satisfy a requirement, as bitsets that are computed once.

use crate::{Charges, InstanceType, Requirement, label};
use fixedbitset::FixedBitSet;
use std::collections::{BTreeMap, BTreeSet};

/// An offering that can be bought: available and priced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// Index into the list of instance types.
    pub(super) instance_type: usize,
    /// Index into the type's offerings.
    pub(super) offering: usize,
    /// Micro dollars per hour.
    pub(super) price: i64,
    /// The price and what is charged beyond it.
    pub(super) cost: i64,
}

/// Which offers a requirement leaves.
#[derive(Debug)]
struct Answer {
    /// Those that define the label with an allowed value.
    allowed: FixedBitSet,
    /// Those that do not define the label: the pool may.
    undefined: FixedBitSet,
}

/// The offers of one list of instance types.
#[derive(Debug)]
pub(super) struct Offers<'s> {
    /// The instance types.
    pub(super) types: &'s [InstanceType],
    /// All offers, by type, then as the type lists them.
    pub(super) list: Vec<Offer>,
    /// Keys that a type, or an offering, defines.
    type_keys: BTreeSet<&'s str>,
    offering_keys: BTreeSet<&'s str>,
    answers: BTreeMap<Requirement, Answer>,
}

impl<'s> Offers<'s> {
    /// Lists what can be bought of `types`.
    pub(super) fn new(types: &'s [InstanceType], charges: Charges) -> Self {
        let mut list = Vec::new();
        for (index, instance_type) in types.iter().enumerate() {
            for (offering, one) in instance_type.offerings.iter().enumerate() {
                if let Some(price) = one.price.filter(|price| one.available && price.0 >= 0) {
                    let cost = price.plus(charges.of(one)).0;
                    list.push(Offer { instance_type: index, offering, price: price.0, cost });
                }
            }
        }
        let type_keys = types.iter().flat_map(|t| t.labels.keys()).map(AsRef::as_ref).chain([label::INSTANCE_TYPE]).collect();
        let offering_keys = types
            .iter()
            .flat_map(|t| &t.offerings)
            .flat_map(|offering| offering.labels.keys())
            .map(AsRef::as_ref)
            .chain([label::ZONE, label::CAPACITY_TYPE])
            .collect();
        Self { types, list, type_keys, offering_keys, answers: BTreeMap::new() }
    }

    /// Every offer.
    pub(super) fn all(&self) -> FixedBitSet {
        let mut all = FixedBitSet::with_capacity(self.list.len());
        all.insert_range(..);
        all
    }

    /// No offer.
    pub(super) fn none(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.list.len())
    }

    /// The offers whose nodes satisfy `requirement` where the pool sets the label to `fallback` on nodes that would lack it.
    pub(super) fn matching(&mut self, requirement: &Requirement, fallback: Option<&str>) -> FixedBitSet {
        let key = requirement.key();
        if key == label::HOSTNAME {
            return if allows_any_host(requirement) { self.all() } else { self.none() };
        }
        if !self.defines(key) {
            return if requirement.allows(fallback) { self.all() } else { self.none() };
        }
        if !self.answers.contains_key(requirement) {
            let answer = self.answer(requirement);
            self.answers.insert(requirement.clone(), answer);
        }
        let Some(answer) = self.answers.get(requirement) else { return self.none() };
        let mut matching = answer.allowed.clone();
        if requirement.allows(fallback) {
            matching.union_with(&answer.undefined);
        }
        matching
    }

    /// Whether an instance type or an offering of the list defines the label.
    pub(super) fn defines(&self, key: &str) -> bool {
        self.type_keys.contains(key) || self.offering_keys.contains(key)
    }

    fn answer(&self, requirement: &Requirement) -> Answer {
        let mut answer = Answer { allowed: self.none(), undefined: self.none() };
        let per_offer = self.offering_keys.contains(requirement.key());
        let mut known: Option<(usize, Option<bool>)> = None;
        for (index, offer) in self.list.iter().enumerate() {
            let verdict = match known {
                Some((instance_type, verdict)) if instance_type == offer.instance_type && !per_offer => verdict,
                _ => self.value(*offer, requirement.key()).map(|value| requirement.allows(Some(value))),
            };
            known = Some((offer.instance_type, verdict));
            match verdict {
                Some(true) => answer.allowed.insert(index),
                Some(false) => {}
                None => answer.undefined.insert(index),
            }
        }
        answer
    }

    /// For a label that offerings define: the offers of each value. Offers of one type have the same value of any other label.
    pub(super) fn by_value(&self, key: &str) -> Vec<FixedBitSet> {
        let mut sets: BTreeMap<&str, FixedBitSet> = BTreeMap::new();
        if self.offering_keys.contains(key) {
            for (index, offer) in self.list.iter().enumerate() {
                if let Some(value) = self.value(*offer, key) {
                    sets.entry(value).or_insert_with(|| self.none()).insert(index);
                }
            }
        }
        sets.into_values().collect()
    }

    /// The value of a label on a node of this offer, as far as the offer defines it.
    pub(super) fn value(&self, offer: Offer, key: &str) -> Option<&'s str> {
        let instance_type = &self.types[offer.instance_type];
        let offering = &instance_type.offerings[offer.offering];
        offering.labels.get(key).map(AsRef::as_ref).or(match key {
            label::ZONE => Some(offering.zone.as_str()),
            label::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
            label::INSTANCE_TYPE => Some(instance_type.name.as_str()),
            _ => instance_type.labels.get(key).map(AsRef::as_ref),
        })
    }
}

/// Whether a host name that nobody knows yet satisfies the requirement: only "any" and "any but" do.
fn allows_any_host(requirement: &Requirement) -> bool {
    requirement.finite_values().is_none() && requirement.bounds() == (None, None)
}
