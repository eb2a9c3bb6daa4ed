//! Operations on whole packings: cost, covering exactly, buying the cheapest bin for what is in it.

use super::instance::{Filling, Instance, Packing};

/// Sum of prices as the search sees them.
pub(super) fn cost(instance: &Instance, packing: &Packing) -> f64 {
    packing.iter().map(|(filling, uses)| instance.cost(filling.bin) * f64::from(*uses)).sum()
}

/// As many uses of `filling` as `left` can take whole, `uses` at most; books them.
pub(super) fn take_whole(left: &mut [u32], filling: &Filling, uses: u32) -> u32 {
    let most = filling.counts.iter().map(|(class, count)| left[*class as usize] / count).min().unwrap_or(0);
    let uses = uses.min(most);
    for (class, count) in &filling.counts {
        left[*class as usize] -= count * uses;
    }
    uses
}

/// One use of what of `filling` is still `left`, in the cheapest bin that holds it; books it. `None` if nothing of it is left.
pub(super) fn take_part(instance: &Instance, left: &mut [u32], filling: &Filling) -> Option<Filling> {
    let counts: Vec<(u32, u32)> = filling
        .counts
        .iter()
        .map(|(class, count)| (*class, left[*class as usize].min(*count)))
        .filter(|(_, count)| *count > 0)
        .collect();
    if counts.is_empty() {
        return None;
    }
    for (class, count) in &counts {
        left[*class as usize] -= count;
    }
    Some(Filling { bin: instance.cheapest(&counts).unwrap_or(filling.bin), counts })
}

/// Equal fillings together, each in the cheapest bin that holds it, in order.
pub(super) fn tidy(instance: &Instance, packing: Packing) -> Packing {
    let mut all = packing;
    for (filling, _) in &mut all {
        filling.bin = instance.cheapest(&filling.counts).unwrap_or(filling.bin);
    }
    all.sort_unstable();
    let mut merged: Packing = Vec::with_capacity(all.len());
    for (filling, uses) in all {
        match merged.last_mut() {
            Some((last, count)) if *last == filling => *count += uses,
            _ => merged.push((filling, uses)),
        }
    }
    merged
}
