//! NodeOverlays: other prices and devices for instance types, by NodePool.
//!
//! Of overlays that touch the same thing the highest weight counts. Two of one weight that touch the same price or resource conflict, as
//! in Karpenter: the first by name is used, the other is left out with all it says.

use super::template::{self, Amounts, Report};
use crate::api;
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{InstanceType, MicroUsd, NodePool, Offering, Requirement, Requirements, Resources, label};

/// A list of instance types before and after.
type Changed = (Arc<[InstanceType]>, Arc<[InstanceType]>);

/// What becomes of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Price {
    /// It is this.
    Fixed(MicroUsd),
    /// It is so much more; less below zero.
    More(i64),
    /// It is so many millionths of a percent more; less below zero.
    Percent(i64),
}

impl Price {
    fn read(spec: &api::NodeOverlaySpec) -> Result<Option<Self>, String> {
        if let Some(text) = &spec.price {
            let fixed = MicroUsd::parse_dollars(text).ok_or_else(|| format!("{text:?} is no price in dollars per hour"))?;
            return Ok(Some(Self::Fixed(fixed)));
        }
        let Some(text) = &spec.price_adjustment else { return Ok(None) };
        let refused = || format!("{text:?} is no change of a price, such as -0.05 or +10%");
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(refused()),
        };
        let amount = MicroUsd::parse_dollars(rest.strip_suffix('%').unwrap_or(rest)).ok_or_else(refused)?.0 * sign;
        Ok(Some(if rest.ends_with('%') { Self::Percent(amount) } else { Self::More(amount) }))
    }

    /// The price after the change, never below zero, rounded up. There is nothing to change where there is no price.
    fn apply(self, price: Option<MicroUsd>) -> Option<MicroUsd> {
        let changed = match self {
            Self::Fixed(fixed) => return Some(fixed),
            Self::More(more) => i128::from(price?.0) + i128::from(more),
            Self::Percent(percent) => {
                const WHOLE: i128 = 100_000_000;
                let product = i128::from(price?.0) * (WHOLE + i128::from(percent));
                product.div_euclid(WHOLE) + i128::from(product.rem_euclid(WHOLE) > 0)
            }
        };
        Some(MicroUsd(i64::try_from(changed.max(0)).unwrap_or(i64::MAX)))
    }
}

/// An overlay, read.
struct Overlay<'a> {
    source: &'a Sourced<api::NodeOverlay>,
    name: String,
    weight: u32,
    requirements: Requirements,
    price: Option<Price>,
    capacity: Resources,
}

/// Changes prices and devices of the pools' instance types. Returns the names of the overlays that change a price.
pub(super) fn apply(
    sourced: &[&Sourced<api::NodeOverlay>],
    pools: &mut [NodePool],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let mut overlays: Vec<Overlay<'_>> = sourced.iter().filter_map(|source| read(source, diagnostics)).collect();
    overlays.sort_by(|a, b| (Reverse(a.weight), &a.name).cmp(&(Reverse(b.weight), &b.name)));
    let used = without_conflicts(overlays, pools, diagnostics);
    if used.is_empty() {
        // Lists of instance types are large: nothing is copied for nothing.
        return Vec::new();
    }
    let mut made: Vec<Changed> = Vec::new();
    for pool in pools {
        let list: Vec<InstanceType> = pool.instance_types.iter().map(|kind| overlaid(pool, kind, &used)).collect();
        if list[..] == pool.instance_types[..] {
            continue;
        }
        // Pools of one node class go on sharing their list where they still agree.
        let known = made.iter().find(|(before, after)| Arc::ptr_eq(before, &pool.instance_types) && after[..] == list[..]);
        let list: Arc<[InstanceType]> = known.map_or_else(|| list.into(), |(_, after)| Arc::clone(after));
        made.push((Arc::clone(&pool.instance_types), Arc::clone(&list)));
        pool.instance_types = list;
    }
    used.into_iter().filter(|overlay| overlay.price.is_some()).map(|overlay| overlay.name).collect()
}

fn read<'a>(source: &'a Sourced<api::NodeOverlay>, diagnostics: &mut Vec<Diagnostic>) -> Option<Overlay<'a>> {
    let object = &source.value;
    let name = object.metadata.name.clone().unwrap_or_default();
    let mut report = Report::new(&source.place, format!("NodeOverlay/{name}"), diagnostics);
    let mut requirements = Requirements::new();
    for (index, written) in object.spec.requirements.iter().enumerate() {
        match template::requirement(written) {
            Ok(requirement) => requirements.add(requirement),
            Err(message) => report.error(&format!("spec.requirements[{index}]"), message),
        }
    }
    let price = Price::read(&object.spec).unwrap_or_else(|message| {
        report.error("spec.price", message);
        None
    });
    let written = object.spec.capacity.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let Amounts { read: capacity, refused } = template::amounts(written);
    for (name, error) in refused {
        report.error(&format!("spec.capacity.{name}"), error);
    }
    let weight = object.spec.weight.unwrap_or(0);
    let capacity = capacity.into_iter().collect();
    (!report.refused).then_some(Overlay { source, name, weight, requirements, price, capacity })
}

/// What an overlay touches: the price of an offering, or a resource of an instance type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Price(usize, usize, usize),
    Resource(usize, usize, String),
}

/// Leaves out what touches the same as another overlay of its weight, and says so.
fn without_conflicts<'a>(overlays: Vec<Overlay<'a>>, pools: &[NodePool], diagnostics: &mut Vec<Diagnostic>) -> Vec<Overlay<'a>> {
    let mut touched: BTreeMap<(u32, Target), usize> = BTreeMap::new();
    let mut used: Vec<Overlay<'a>> = Vec::new();
    for overlay in overlays {
        let targets = targets(&overlay, pools);
        let mut report = Report::new(&overlay.source.place, format!("NodeOverlay/{}", overlay.name), diagnostics);
        let rival = targets.iter().find_map(|target| touched.get(&(overlay.weight, target.clone())));
        if let Some(rival) = rival.and_then(|index| used.get(*index)) {
            let message = format!(
                "changes what NodeOverlay {} changes at the same weight, so it is left out; give one of them a higher weight",
                rival.name
            );
            report.error("spec.weight", message);
            continue;
        }
        if targets.is_empty() {
            report.warning("spec.requirements", "no offering of a NodePool meets them all, so the overlay changes nothing");
        }
        touched.extend(targets.into_iter().map(|target| ((overlay.weight, target), used.len())));
        used.push(overlay);
    }
    used
}

fn targets(overlay: &Overlay<'_>, pools: &[NodePool]) -> Vec<Target> {
    let mut all = Vec::new();
    for (at, pool) in pools.iter().enumerate() {
        for (number, kind) in pool.instance_types.iter().enumerate() {
            let met: Vec<usize> =
                (0..kind.offerings.len()).filter(|offering| meets(overlay, pool, kind, &kind.offerings[*offering])).collect();
            if overlay.price.is_some() {
                all.extend(met.iter().map(|offering| Target::Price(at, number, *offering)));
            }
            if !met.is_empty() {
                all.extend(overlay.capacity.iter().map(|(name, _)| Target::Resource(at, number, name.to_string())));
            }
        }
    }
    all
}

/// Whether a node of this offering may meet the overlay's requirements: a label that the pool leaves open may have any value it allows.
fn meets(overlay: &Overlay<'_>, pool: &NodePool, kind: &InstanceType, offering: &Offering) -> bool {
    overlay.requirements.iter().all(|requirement| {
        let key = requirement.key();
        let value = match key {
            label::ZONE => Some(offering.zone.as_str()),
            label::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
            label::INSTANCE_TYPE => Some(kind.name.as_str()),
            label::NODE_POOL => Some(pool.name.as_str()),
            _ => [&offering.labels, &kind.labels, &pool.labels].into_iter().find_map(|labels| labels.get(key)).map(AsRef::as_ref),
        };
        let open = || pool.requirements.get(key).filter(|_| !label::is_well_known(key));
        match (value, open()) {
            (None, Some(open)) => !Requirement::intersect(open, requirement).is_empty(),
            _ => requirement.allows(value),
        }
    })
}

fn overlaid(pool: &NodePool, kind: &InstanceType, overlays: &[Overlay<'_>]) -> InstanceType {
    let mut changed = kind.clone();
    // The lightest first, so that the heaviest has the last word; each price is a change of what EC2 asks.
    for overlay in overlays.iter().rev() {
        let mut any = false;
        for (offering, base) in changed.offerings.iter_mut().zip(&kind.offerings) {
            if !meets(overlay, pool, kind, base) {
                continue;
            }
            any = true;
            if let Some(price) = overlay.price {
                offering.price = price.apply(base.price);
            }
        }
        if any {
            for (name, amount) in overlay.capacity.iter() {
                changed.capacity.set(name.clone(), amount);
            }
        }
    }
    changed
}

#[cfg(test)]
mod tests;
