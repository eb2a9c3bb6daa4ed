//! Leaves out bins that another bin makes pointless: at least as roomy, at most as dear, and open to the same classes.

use super::instance::{Instance, fits};
use fixedbitset::FixedBitSet;

/// The bins that no other bin beats, in order. Of equal bins the first stays. What a beaten bin can hold, the one that beats it can
/// hold too, so neither the optimum nor a lower bound changes.
pub(super) fn undominated(instance: &Instance) -> Vec<usize> {
    let open: Vec<FixedBitSet> = (0..instance.bins())
        .map(|bin| instance.most(bin).iter().enumerate().filter(|(_, most)| **most > 0).map(|(class, _)| class).collect())
        .collect();
    let mut kept: Vec<usize> = Vec::new();
    // Bins come by price, so what beats a bin stands before it, or right behind it at the same price.
    for bin in 0..instance.bins() {
        let beats = |other: usize, bin: usize| {
            fits(instance.capacity(bin), instance.capacity(other)) && open[bin].is_subset(&open[other])
        };
        if open[bin].is_clear() || kept.iter().any(|other| beats(*other, bin)) {
            continue;
        }
        kept.retain(|other| instance.price[*other] < instance.price[bin] || !beats(bin, *other));
        kept.push(bin);
    }
    kept
}
