//! What the rules about pods that share a host make of one host, kept up to date pod by pod.
//!
//! A rule counts pods on a host: those that it is about (*selected*) and those that carry it (*owners*). All rules are asked of the
//! final state, so that no order of binding can break them:
//!
//! | rule | holds on a host where |
//! |---|---|
//! | anti-affinity | no owner meets a selected pod other than itself |
//! | spread | there is no owner, or at most `maxSkew` pods are selected: a new host is always possible, so the emptiest counts as empty |
//! | affinity | each owner came to a selected pod, or began the first group of them |

/// What a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Required anti-affinity.
    Apart,
    /// Spread, with its `maxSkew`.
    Spread(u32),
    /// Required affinity.
    With,
}

/// What a pod has to do with a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Link {
    /// Number of the rule.
    pub(super) rule: u32,
    pub(super) kind: Kind,
    /// Whether the rule is about the pod.
    pub(super) selected: bool,
    /// Whether the pod carries the rule.
    pub(super) owner: bool,
}

impl Link {
    /// How many such pods may share a host whatever else is there; `None` where the rule sets no bound.
    pub(super) const fn most(self) -> Option<u32> {
        match self.kind {
            Kind::Apart if self.selected && self.owner => Some(1),
            Kind::Spread(skew) if self.selected && self.owner => Some(skew),
            _ => None,
        }
    }
}

/// Pods on a host that one rule sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Tally {
    rule: u32,
    /// Pods that the rule is about; for a spread without those that are being deleted.
    pub(super) selected: u32,
    /// Pods that carry it.
    pub(super) owners: u32,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Host {
    /// By rule, without empty ones.
    tallies: Vec<Tally>,
    /// Whether it lacks a host name: it is no domain, and pods that ask for one stay away.
    pub(super) nameless: bool,
}

impl Host {
    /// A host where no pod is.
    pub(super) const fn empty(nameless: bool) -> Self {
        Self { tallies: Vec::new(), nameless }
    }

    /// Whether no rule sees anything here.
    pub(super) fn is_empty(&self) -> bool {
        self.tallies.is_empty()
    }

    /// What a rule sees.
    pub(super) fn tally(&self, rule: u32) -> Tally {
        let found = self.tallies.binary_search_by_key(&rule, |tally| tally.rule);
        found.map_or(Tally { rule, ..Tally::default() }, |at| self.tallies[at])
    }

    /// How many more pods with these `links` may come, `wanted` at most.
    pub(super) fn room(&self, links: &[Link], wanted: u32) -> u32 {
        links.iter().fold(wanted, |least, link| if least == 0 { 0 } else { least.min(self.under(*link, false)) })
    }

    /// The same for pods that begin a group: they may be the first that their own affinity asks for.
    pub(super) fn room_to_begin(&self, links: &[Link], wanted: u32) -> u32 {
        links.iter().fold(wanted, |least, link| least.min(self.under(*link, true)))
    }

    fn under(&self, link: Link, begins: bool) -> u32 {
        let tally = self.tally(link.rule);
        let unless = |forbidden: bool, room: u32| if forbidden { 0 } else { room };
        match (link.kind, link.owner, link.selected) {
            (Kind::Apart, true, true) => unless(tally.selected > 0 || tally.owners > 0, 1),
            (Kind::Apart, true, false) => unless(tally.selected > 0, u32::MAX),
            (Kind::Apart, false, _) => unless(tally.owners > 0, u32::MAX),
            (Kind::Spread(skew), true, true) => unless(self.nameless, skew.saturating_sub(tally.selected)),
            (Kind::Spread(skew), true, false) => unless(self.nameless || tally.selected > skew, u32::MAX),
            (Kind::Spread(skew), false, _) if tally.owners > 0 => skew.saturating_sub(tally.selected),
            (Kind::With, true, selected) => unless(self.nameless || tally.selected == 0 && !(begins && selected), u32::MAX),
            (Kind::Spread(_) | Kind::With, false, _) => u32::MAX,
        }
    }

    /// Whether a rule holds for a pod that is here.
    pub(super) fn keeps(&self, link: Link) -> bool {
        let tally = self.tally(link.rule);
        match link.kind {
            Kind::Apart if link.owner => tally.selected == u32::from(link.selected),
            Kind::Apart => tally.owners == 0,
            Kind::Spread(skew) => tally.owners == 0 || tally.selected <= skew,
            Kind::With => !link.owner || tally.selected > 0,
        }
    }

    /// Pods with these links come.
    pub(super) fn add(&mut self, links: &[Link], count: u32) {
        if count == 0 {
            return;
        }
        for link in links {
            let by = |yes: bool| if yes { count } else { 0 };
            self.count(link.rule, by(link.selected), by(link.owner));
        }
    }

    /// A rule sees more pods.
    pub(super) fn count(&mut self, rule: u32, selected: u32, owners: u32) {
        if selected == 0 && owners == 0 {
            return;
        }
        let at = self.tallies.binary_search_by_key(&rule, |tally| tally.rule).unwrap_or_else(|at| {
            self.tallies.insert(at, Tally { rule, ..Tally::default() });
            at
        });
        let tally = &mut self.tallies[at];
        tally.selected = tally.selected.saturating_add(selected);
        tally.owners = tally.owners.saturating_add(owners);
    }

    /// One pod with these links, which was added before, goes.
    pub(super) fn remove(&mut self, links: &[Link]) {
        for link in links {
            if let Ok(at) = self.tallies.binary_search_by_key(&link.rule, |tally| tally.rule) {
                let tally = &mut self.tallies[at];
                tally.selected = tally.selected.saturating_sub(u32::from(link.selected));
                tally.owners = tally.owners.saturating_sub(u32::from(link.owner));
                if tally.selected == 0 && tally.owners == 0 {
                    self.tallies.remove(at);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, Kind, Link};

    fn link(kind: Kind, selected: bool, owner: bool) -> [Link; 1] {
        [Link { rule: 7, kind, selected, owner }]
    }

    #[test]
    fn anti_affinity_binds_both_ways() {
        let (own, other) = (link(Kind::Apart, true, true), link(Kind::Apart, true, false));
        let foreign = link(Kind::Apart, false, true);
        let mut host = Host::default();
        assert_eq!((host.room(&own, 5), host.room(&other, 5), host.room(&foreign, 5)), (1, 5, 5));
        host.add(&other, 2);
        assert_eq!((host.room(&own, 5), host.room(&other, 5), host.room(&foreign, 5)), (0, 5, 0));
        host.remove(&other);
        host.remove(&other);
        assert!(host.is_empty());
        host.add(&foreign, 3);
        assert_eq!((host.room(&own, 5), host.room(&other, 5), host.room(&foreign, 5)), (0, 0, 5));
    }

    #[test]
    fn a_spread_bounds_what_it_selects_once_an_owner_is_there() {
        let kind = Kind::Spread(2);
        let (own, other, foreign) = (link(kind, true, true), link(kind, true, false), link(kind, false, true));
        let mut host = Host::default();
        assert_eq!((host.room(&own, 5), host.room(&other, 5), host.room(&foreign, 5)), (2, 5, 5));
        host.add(&other, 2);
        assert_eq!((host.room(&own, 5), host.room(&other, 5), host.room(&foreign, 5)), (0, 5, 5));
        host.add(&foreign, 1);
        assert_eq!(host.room(&other, 5), 0);
        host.add(&other, 1);
        assert_eq!(host.room(&foreign, 5), 0);
        let nameless = Host { nameless: true, ..Host::default() };
        assert_eq!((nameless.room(&own, 5), nameless.room(&other, 5)), (0, 5));
    }

    #[test]
    fn affinity_joins_what_it_selects_or_begins() {
        let (own, other) = (link(Kind::With, true, true), link(Kind::With, false, true));
        let mut host = Host::default();
        assert_eq!((host.room(&own, 5), host.room_to_begin(&own, 5), host.room_to_begin(&other, 5)), (0, 5, 0));
        host.add(&own, 1);
        assert_eq!((host.room(&own, 5), host.room(&other, 5)), (5, 5));
    }
}
