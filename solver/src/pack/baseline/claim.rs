//! A node that is still every instance type, zone and capacity type that holds its pods.

use super::class::{Class, Stance};
use super::domain::Reach;
use super::menu::Menu;
use super::rule::Rules;

/// An open claim of one pool.
#[derive(Debug)]
pub(super) struct Claim {
    /// Weight of its pool.
    pub(super) weight: i32,
    /// Pods on it.
    pub(super) pods: u32,
    /// Its number among hosts.
    pub(super) host: usize,
    /// By topology key: where it may still be; `None` for anywhere.
    pub(super) reach: Vec<Option<Reach>>,
    /// Items that hold all of its pods, ascending; never empty.
    left: Vec<u32>,
    /// What the pods take together.
    used: Vec<i64>,
    /// The most that one of `left` has of each position: what exceeds it need not be compared with all of them.
    most: Vec<i64>,
    /// Classes and how many pods of each, in the order in which they came.
    load: Vec<(usize, u32)>,
    /// Asks of the run of equal pods `run` that found no room. Room only shrinks, so they never will.
    rejected: Vec<(usize, bool)>,
    run: usize,
}

/// A pod that asks for a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest<'a> {
    /// Number of its class.
    pub(super) number: usize,
    pub(super) class: &'a Class,
    pub(super) stance: &'a Stance,
    /// What it takes of a node.
    pub(super) need: &'a [i64],
    /// The signature of its stance.
    pub(super) signature: usize,
    /// Stands for need and signature.
    pub(super) ask: usize,
    /// Which run of pods of equal CPU and memory it is in.
    pub(super) run: usize,
}

impl Guest<'_> {
    /// Where a node may be once it takes the pod, by key; `None` where a rule about other pods, or its own choice, forbids it.
    pub(super) fn narrow(&self, rules: &Rules, reach: &[Option<Reach>], host: Option<usize>) -> Option<Vec<Option<Reach>>> {
        let asked = || self.stance.rules.iter().chain(&self.class.guarded).copied();
        if !asked().all(|rule| rules.allows_host(rule, self.class.counts_for(rule), host)) {
            return None;
        }
        let mut before = reach.to_vec();
        for (reach, own) in before.iter_mut().zip(&self.stance.node) {
            meet(reach, own.as_ref())?;
        }
        let mut after = before.clone();
        for rule in asked() {
            let key = rules.key(rule);
            let pod = self.stance.pod[key].as_ref();
            if let Some(open) = rules.open(rule, self.class.counts_for(rule), pod, before[key].as_ref()) {
                meet(&mut after[key], Some(&open))?;
            }
        }
        Some(after)
    }
}

/// Keeps of `reach` what is in `other`; `None` where nothing is left.
fn meet(reach: &mut Option<Reach>, other: Option<&Reach>) -> Option<()> {
    if let Some(other) = other {
        match reach {
            Some(reach) => reach.meet(other),
            None => *reach = Some(other.clone()),
        }
    }
    reach.as_ref().is_none_or(|reach| !reach.is_empty()).then_some(())
}

/// Whether an item is where a node may be.
pub(super) fn within(domains: &[Option<u32>], reach: &[Option<Reach>]) -> bool {
    reach.iter().zip(domains).all(|(reach, value)| reach.as_ref().is_none_or(|reach| reach.holds(*value)))
}

impl Claim {
    /// A claim on `left`, which is not empty, for a first pod that each of them takes.
    pub(super) fn open(
        menu: &Menu<'_>,
        weight: i32,
        left: Vec<u32>,
        guest: Guest<'_>,
        place: (usize, Vec<Option<Reach>>),
    ) -> Self {
        let (host, reach) = place;
        let mut claim = Self {
            weight,
            pods: 1,
            host,
            reach,
            left,
            used: guest.need.to_vec(),
            most: Vec::new(),
            load: vec![(guest.number, 1)],
            rejected: Vec::new(),
            run: guest.run,
        };
        claim.most = claim.widest(menu);
        claim
    }

    /// Takes the pod if the rules allow it and some item holds it with the others; gives up the items that do not.
    pub(super) fn admit(&mut self, menu: &Menu<'_>, rules: &Rules, guest: Guest<'_>) -> bool {
        if self.run != guest.run {
            self.run = guest.run;
            self.rejected.clear();
        }
        let ask = (guest.ask, guest.stance.relaxed);
        if self.rejected.contains(&ask) {
            return false;
        }
        let together: Vec<i64> = self.used.iter().zip(guest.need).map(|(used, need)| used.saturating_add(*need)).collect();
        let fits = |room: &[i64]| together.iter().zip(room).all(|(amount, room)| amount <= room);
        if !fits(&self.most) {
            self.rejected.push(ask);
            return false;
        }
        let Some(reach) = guest.narrow(rules, &self.reach, Some(self.host)) else { return false };
        let holds = |index: &u32| {
            let item = *index as usize;
            fits(menu.free(item)) && menu.items[item].allows(guest.signature, guest.stance.relaxed)
        };
        let here = |index: &u32| within(&menu.items[*index as usize].domains, &reach);
        let left: Vec<u32> = self.left.iter().copied().filter(|index| here(index) && holds(index)).collect();
        let left = menu.varied(&left);
        if left.is_empty() {
            if !self.left.iter().any(holds) {
                self.rejected.push(ask);
            }
            return false;
        }
        self.reach = reach;
        self.used = together;
        self.pods += 1;
        match self.load.last_mut() {
            Some((class, count)) if *class == guest.number => *count += 1,
            _ => self.load.push((guest.number, 1)),
        }
        if left.len() < self.left.len() {
            self.left = left;
            self.most = self.widest(menu);
        }
        true
    }

    fn widest(&self, menu: &Menu<'_>) -> Vec<i64> {
        let mut most = vec![0; self.used.len()];
        for index in &self.left {
            for (most, free) in most.iter_mut().zip(menu.free(*index as usize)) {
                *most = (*most).max(*free);
            }
        }
        most
    }

    /// The items left.
    pub(super) fn items(&self) -> &[u32] {
        &self.left
    }

    /// Classes and counts, each class once, ascending.
    pub(super) fn into_load(mut self) -> Vec<(usize, u32)> {
        self.load.sort_unstable();
        self.load.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        self.load
    }
}
