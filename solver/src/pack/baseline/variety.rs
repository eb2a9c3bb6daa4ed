//! `minValues` as Karpenter minds them: a claim keeps enough different values, and its node lists them.

use super::menu::Menu;
use crate::plan::{OfferingRef, RelaxedMinValues};
use crate::{MinValues, MinValuesPolicy, NodePool, Offering};
use std::collections::{BTreeMap, BTreeSet};

type Values<'a> = Vec<BTreeSet<&'a str>>;

impl<'s> Menu<'s> {
    /// Of these items of one pool those that have as many values between them as the pool asks for: none where it refuses them.
    pub(super) fn varied(&self, items: &[u32]) -> Vec<u32> {
        let Some(pool) = items.first().map(|item| self.pool(*item as usize)) else { return Vec::new() };
        if pool.min_values.is_empty() || pool.min_values_policy == MinValuesPolicy::BestEffort {
            return items.to_vec();
        }
        let mut variants: BTreeMap<usize, Values<'_>> = BTreeMap::new();
        for item in items.iter().map(|item| *item as usize) {
            let seen = variants.entry(self.items[item].variant).or_insert_with(|| vec![BTreeSet::new(); pool.min_values.len()]);
            for (_, offering) in self.offerings(item) {
                self.add_values(item, offering, seen);
            }
        }
        variants.retain(|_, seen| short(&pool.min_values, seen).next().is_none());
        items.iter().copied().filter(|item| variants.contains_key(&self.items[*item as usize].variant)).collect()
    }

    /// What `bought` lists beside itself, out of `items`: the cheapest offerings that bring the values asked for, and what they lack.
    pub(super) fn alternatives(
        &self,
        item: usize,
        bought: &Offering,
        chosen: &OfferingRef,
        items: &[u32],
    ) -> (Vec<OfferingRef>, Vec<RelaxedMinValues>) {
        let asked = &self.pool(item).min_values[..];
        if asked.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let mut seen: Values<'_> = vec![BTreeSet::new(); asked.len()];
        self.add_values(item, bought, &mut seen);
        let alike =
            items.iter().map(|other| *other as usize).filter(|other| self.items[*other].variant == self.items[item].variant);
        let offers = alike.flat_map(|other| self.offerings(other).map(move |(kind, offering)| (other, kind, offering)));
        let mut all: Vec<_> = offers.map(|(other, kind, offering)| (OfferingRef::of(kind, offering), other, offering)).collect();
        all.sort_by(|a, b| {
            (a.0.capacity_type != chosen.capacity_type, &a.0).cmp(&(b.0.capacity_type != chosen.capacity_type, &b.0))
        });
        let mut kept = Vec::new();
        for (named, other, offering) in all.into_iter().filter(|(named, ..)| named != chosen && named.price >= chosen.price) {
            let mut more = seen.clone();
            self.add_values(other, offering, &mut more);
            let helps = asked
                .iter()
                .zip(seen.iter().zip(&more))
                .any(|(asked, (old, new))| old.len() < asked.count as usize && new.len() > old.len());
            if helps {
                seen = more;
                kept.push(named);
            }
        }
        kept.sort();
        let short = short(asked, &seen).map(|(asked, found)| RelaxedMinValues {
            key: asked.key.clone(),
            asked: asked.count,
            found: u32::try_from(found).unwrap_or(u32::MAX),
        });
        (kept, short.collect())
    }

    fn pool(&self, item: usize) -> &'s NodePool {
        &self.snapshot.node_pools()[self.items[item].pool]
    }

    fn add_values<'a>(&'a self, item: usize, offering: &'a Offering, seen: &mut Values<'a>) {
        let node = self.node(item, offering);
        for (seen, asked) in seen.iter_mut().zip(&self.pool(item).min_values) {
            seen.extend(node.label(&asked.key));
        }
    }
}

fn short<'a>(asked: &'a [MinValues], seen: &'a [BTreeSet<&str>]) -> impl Iterator<Item = (&'a MinValues, usize)> {
    asked.iter().zip(seen).map(|(asked, seen)| (asked, seen.len())).filter(|(asked, found)| *found < asked.count as usize)
}
