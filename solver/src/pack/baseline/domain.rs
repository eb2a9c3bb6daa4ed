//! Topology domains by number: the values that nodes have, or could have, of each topology key that a rule names.

use super::super::offers::Offers;
use super::super::variant::Variant;
use crate::{Snapshot, label};
use fixedbitset::FixedBitSet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Topology keys and their values, both in order of their names.
#[derive(Debug)]
pub(super) struct Domains {
    keys: Vec<Arc<str>>,
    values: Vec<Vec<Arc<str>>>,
}

impl Domains {
    /// The domains of `keys` on existing nodes and on what pools could launch. A new node is a host of its own, which has no name yet.
    pub(super) fn new(
        snapshot: &Snapshot,
        keys: BTreeSet<&Arc<str>>,
        offers: &[Offers<'_>],
        variants: &[(usize, usize, Variant)],
    ) -> Self {
        let values = keys.iter().map(|key| {
            let mut values: BTreeSet<Arc<str>> =
                snapshot.nodes().iter().filter_map(|node| node.labels.get(*key).cloned()).collect();
            for (_, list, variant) in variants.iter().filter(|_| &***key != label::HOSTNAME) {
                let of_pool = variant.labels.get(*key);
                for index in variant.offers.ones() {
                    let own = offers[*list].value(offers[*list].list[index], key);
                    match (own, of_pool) {
                        (Some(own), _) if !values.contains(own) => {
                            values.insert(own.into());
                        }
                        (None, Some(of_pool)) => {
                            values.insert(of_pool.clone());
                        }
                        _ => {}
                    }
                }
            }
            values.into_iter().collect()
        });
        let values = values.collect();
        Self { keys: keys.into_iter().cloned().collect(), values }
    }

    /// The number of a key.
    pub(super) fn key(&self, name: &str) -> Option<usize> {
        self.keys.binary_search_by(|key| (**key).cmp(name)).ok()
    }

    /// Names, by number.
    pub(super) fn keys(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.keys.iter().enumerate()
    }

    /// Whether a key is the name of the host.
    pub(super) fn is_host(&self, key: usize) -> bool {
        &*self.keys[key] == label::HOSTNAME
    }

    /// How many values a key has; for hosts, those that exist.
    pub(super) fn count(&self, key: usize) -> usize {
        self.values[key].len()
    }

    /// The number of a value.
    pub(super) fn number(&self, key: usize, value: &str) -> Option<usize> {
        self.values[key].binary_search_by(|known| (**known).cmp(value)).ok()
    }

    /// The values that satisfy `allows`, and whether a node without the label does.
    pub(super) fn reach(&self, key: usize, allows: impl Fn(Option<&str>) -> bool) -> Reach {
        let mut values = FixedBitSet::with_capacity(self.count(key));
        for (number, _) in self.values[key].iter().enumerate().filter(|(_, value)| allows(Some(&***value))) {
            values.insert(number);
        }
        Reach { values, absent: allows(None) }
    }
}

/// Domains of one key in which something may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) values: FixedBitSet,
    /// Whether a node without the label will do.
    pub(super) absent: bool,
}

impl Reach {
    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        !self.absent && self.values.is_clear()
    }

    /// Keeps what `other` has, too.
    pub(super) fn meet(&mut self, other: &Self) {
        self.values.intersect_with(&other.values);
        self.absent &= other.absent;
    }

    /// Whether a node with this value, or without the label, is within reach.
    pub(super) fn holds(&self, value: Option<u32>) -> bool {
        value.map_or(self.absent, |value| self.values.contains(value as usize))
    }

    /// The one domain that is left, if it is one.
    pub(super) fn only(&self) -> Option<usize> {
        let mut values = self.values.ones();
        values.next().filter(|_| !self.absent && values.next().is_none())
    }
}
