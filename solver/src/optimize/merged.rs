//! Classes that no bin tells apart, taken as one.

use super::instance::{Counts, Filling, Instance, Packing};
use std::collections::BTreeMap;

/// An instance with fewer classes.
pub(super) struct Merged {
    pub(super) instance: Instance,
    /// By class: the classes of the whole that it stands for, and how many of each.
    members: Vec<Vec<(u32, u32)>>,
}

impl Merged {
    /// A packing as one of the whole.
    pub(super) fn back(&self, packing: &Packing) -> Packing {
        let mut left = self.members.clone();
        let mut all = Packing::new();
        for (filling, uses) in packing {
            let mut uses = *uses;
            while uses > 0 {
                let alike = |(class, count): &(u32, u32)| match left[*class as usize].last() {
                    Some((_, left)) if left >= count => left / count,
                    _ => 1,
                };
                let times = filling.counts.iter().map(alike).min().unwrap_or(1).clamp(1, uses);
                let mut counts = Counts::new();
                for (class, count) in &filling.counts {
                    take(&mut left[*class as usize], *count, times, &mut counts);
                }
                counts.sort_unstable();
                all.push((Filling { bin: self.instance.bin_origin(filling.bin), counts }, times));
                uses -= times;
            }
        }
        all
    }

    /// Prices per class as prices of `classes` of the whole.
    pub(super) fn prices(&self, prices: &[i64], classes: usize) -> Vec<i64> {
        let mut all = vec![0; classes];
        for (members, price) in self.members.iter().zip(prices) {
            for (class, _) in members {
                all[*class as usize] = *price;
            }
        }
        all
    }
}

/// Takes `count` for each of `times` fillings: many times from the last member, or once from several.
fn take(left: &mut Vec<(u32, u32)>, count: u32, times: u32, counts: &mut Counts) {
    let mut wanted = count;
    while wanted > 0 {
        let Some((class, rest)) = left.last_mut() else { return };
        let taken = wanted.min(*rest);
        if taken > 0 {
            counts.push((*class, taken));
            *rest -= if times > 1 { taken * times } else { taken };
            wanted -= taken;
        }
        if *rest == 0 {
            left.pop();
        }
    }
}

/// The whole with fewer classes; `None` where a bin tells every class from every other.
pub(super) fn merged(whole: &Instance) -> Option<Merged> {
    let mut members: Vec<Vec<(u32, u32)>> = Vec::new();
    let mut known = BTreeMap::new();
    for class in 0..whole.classes() {
        let doors: Vec<bool> = (0..whole.bins()).map(|bin| whole.most(bin)[class] > 0).collect();
        let own = if whole.is_free(class) { usize::MAX } else { class };
        let one = *known.entry((whole.size(class), doors, own)).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[one].push((class as u32, whole.demand[class]));
    }
    if members.len() == whole.classes() {
        return None;
    }
    let bins: Vec<usize> = (0..whole.bins()).collect();
    let classes: Vec<(usize, u32)> = members
        .iter()
        .map(|members| (members[0].0 as usize, members.iter().map(|(_, count)| *count).fold(0, u32::saturating_add)))
        .collect();
    let instance = whole.part(&bins, &classes, |class, bin| whole.most(bin)[class] > 0);
    Some(Merged { instance, members })
}
