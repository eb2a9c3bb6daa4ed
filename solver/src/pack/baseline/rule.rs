//! Rules about other pods as Karpenter keeps them: one tally of domains per distinct rule, asked at the moment a pod is placed.
//!
//! | rule | where a pod may go |
//! |---|---|
//! | spread | the emptiest domain within `maxSkew`; hosts count from zero, because a new one is always possible |
//! | affinity | domains with a selected pod; if there is none and the pod selects itself, the first by name (Karpenter: any) |
//! | anti-affinity | domains without a selected pod, and without an owner of a rule that selects the pod |
//!
//! Spread and affinity count a pod once its node has only one domain left; anti-affinity counts it in every domain that its node may
//! still get. Nothing is asked again when a later pod changes the tally.

use super::domain::{Domains, Reach};
use crate::{NodePolicy, PodSelector, PodShape, SpreadConstraint, Toleration, TolerationOperator};
use fixedbitset::FixedBitSet;
use std::sync::Arc;

/// What a rule asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// `topologySpreadConstraints`.
    Spread { max_skew: u32, min_domains: Option<u32> },
    /// `podAffinity`.
    With,
    /// `podAntiAffinity`, asked of its owners.
    Apart,
    /// Required `podAntiAffinity`, asked of the pods that it selects: the tally counts its owners.
    Guard,
}

/// A distinct rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rule<'s> {
    pub(super) key: Arc<str>,
    pub(super) kind: Kind,
    pub(super) selector: &'s PodSelector,
    /// Nodes that count: those on which such a pod could run; `None` for all.
    pub(super) counted_nodes: Option<Arc<PodShape>>,
}

/// The nodes that a spread constraint counts, as a pod that could run on them.
pub(super) fn counted_nodes(shape: &PodShape, one: &SpreadConstraint) -> Option<Arc<PodShape>> {
    let by_affinity =
        one.node_affinity_policy == NodePolicy::Honor && !(shape.node_selector.is_empty() && shape.node_affinity.is_empty());
    let by_taints = one.node_taints_policy == NodePolicy::Honor;
    if !by_affinity && !by_taints {
        return None;
    }
    let mut pod = PodShape::default();
    if by_affinity {
        pod.node_selector.clone_from(&shape.node_selector);
        pod.node_affinity.clone_from(&shape.node_affinity);
    }
    pod.tolerations = if by_taints { shape.tolerations.clone() } else { vec![everything()] };
    Some(Arc::new(pod))
}

/// Tolerates every taint.
fn everything() -> Toleration {
    Toleration { key: None, operator: TolerationOperator::Exists, value: "".into(), effect: None }
}

/// A rule with the pods counted for it.
#[derive(Debug)]
struct Tally {
    key: usize,
    kind: Kind,
    is_host: bool,
    /// Which signature `counted_nodes` became.
    counted_nodes: Option<usize>,
    /// Domains that count at all.
    universe: FixedBitSet,
    /// By domain.
    counts: Vec<u32>,
    /// Domains with a pod.
    occupied: usize,
}

/// All rules.
#[derive(Debug)]
pub(super) struct Rules(Vec<Tally>);

impl Rules {
    /// Empty tallies. `universe` says in which domains of a key the nodes are that a signature may run on.
    pub(super) fn new(
        rules: &[Rule<'_>],
        domains: &Domains,
        signatures: &[Option<usize>],
        universe: impl Fn(usize, usize) -> FixedBitSet,
    ) -> Self {
        let tally = |(rule, signature): (&Rule<'_>, &Option<usize>)| {
            let key = domains.key(&rule.key).unwrap_or(usize::MAX);
            let mut all = FixedBitSet::with_capacity(domains.count(key));
            match signature {
                Some(signature) => all.union_with(&universe(key, *signature)),
                None => all.insert_range(..),
            }
            Tally {
                key,
                kind: rule.kind,
                is_host: domains.is_host(key),
                counted_nodes: *signature,
                universe: all,
                counts: vec![0; domains.count(key)],
                occupied: 0,
            }
        };
        Self(rules.iter().zip(signatures).map(tally).collect())
    }

    /// Counts pods in a domain, if the rule counts nodes like theirs.
    pub(super) fn count(&mut self, rule: usize, domain: usize, pods: u32) {
        let tally = &mut self.0[rule];
        if tally.counts.len() <= domain {
            tally.counts.resize(domain + 1, 0);
        }
        tally.occupied += usize::from(tally.counts[domain] == 0 && pods > 0);
        tally.counts[domain] = tally.counts[domain].saturating_add(pods);
    }

    /// Which nodes a rule counts, as a signature.
    pub(super) fn counted_nodes(&self, rule: usize) -> Option<usize> {
        self.0[rule].counted_nodes
    }

    /// The key of a rule.
    pub(super) fn key(&self, rule: usize) -> usize {
        self.0[rule].key
    }

    /// Counts a pod that was placed: `reach` is where its node may still be, by key.
    pub(super) fn record(&mut self, rule: usize, reach: &[Option<Reach>], host: Option<usize>) {
        let Tally { key, kind, is_host, .. } = self.0[rule];
        if is_host {
            if let Some(host) = host {
                self.count(rule, host, 1);
            }
            return;
        }
        let Some(reach) = &reach[key] else { return };
        if matches!(kind, Kind::Apart | Kind::Guard) {
            for domain in reach.values.ones() {
                self.count(rule, domain, 1);
            }
        } else if let Some(domain) = reach.only() {
            self.count(rule, domain, 1);
        }
    }

    /// Whether a rule about hosts lets a pod on this one; `true` for other rules.
    pub(super) fn allows_host(&self, rule: usize, selects_itself: bool, host: Option<usize>) -> bool {
        let tally = &self.0[rule];
        if !tally.is_host {
            return true;
        }
        let Some(host) = host else { return matches!(tally.kind, Kind::Apart | Kind::Guard) };
        let count = tally.counts.get(host).copied().unwrap_or(0);
        match tally.kind {
            Kind::Spread { max_skew, .. } => count.saturating_add(u32::from(selects_itself)) <= max_skew,
            Kind::With => count > 0 || (selects_itself && tally.occupied == 0),
            Kind::Apart | Kind::Guard => count == 0,
        }
    }

    /// The domains that a rule which is not about hosts leaves to a pod that could itself be in those of `pod`, on a node that could be
    /// in those of `node`; `None` for rules about hosts.
    pub(super) fn open(&self, rule: usize, selects_itself: bool, pod: Option<&Reach>, node: Option<&Reach>) -> Option<Reach> {
        let tally = &self.0[rule];
        if tally.is_host {
            return None;
        }
        let own = |domain: &usize| pod.is_none_or(|pod| pod.values.contains(*domain));
        let here = |domain: &usize| own(domain) && node.is_none_or(|node| node.values.contains(*domain));
        let mut left = Reach { values: FixedBitSet::with_capacity(tally.universe.len()), absent: false };
        match tally.kind {
            Kind::Spread { max_skew, min_domains } => {
                left.values.extend(tally.emptiest(max_skew, min_domains, selects_itself, &own, &here));
            }
            Kind::With => {
                let occupied = |domain: &usize| tally.counts[*domain] > 0;
                left.values.extend(tally.universe.ones().filter(|domain| occupied(domain) && here(domain)));
                let starts =
                    selects_itself && (tally.occupied == 0 || !tally.universe.ones().any(|one| occupied(&one) && own(&one)));
                if left.values.is_clear() && starts {
                    left.values.extend(tally.universe.ones().find(here));
                }
            }
            Kind::Apart | Kind::Guard => {
                left.absent = true;
                left.values.extend(tally.universe.ones().filter(|domain| tally.counts[*domain] == 0 && here(domain)));
            }
        }
        Some(left)
    }
}

impl Tally {
    /// The emptiest domain within the skew, the first by name among equals (Karpenter: any).
    fn emptiest(
        &self,
        max_skew: u32,
        min_domains: Option<u32>,
        selects_itself: bool,
        own: &dyn Fn(&usize) -> bool,
        here: &dyn Fn(&usize) -> bool,
    ) -> Option<usize> {
        let possible = || self.universe.ones().filter(own);
        let least = possible().map(|domain| self.counts[domain]).min()?;
        let few = min_domains.is_some_and(|least| possible().count() < least as usize);
        let least = if few { 0 } else { least };
        let grown = |domain: &usize| self.counts[*domain].saturating_add(u32::from(selects_itself));
        let within = self.universe.ones().filter(here).filter(|domain| grown(domain) <= least.saturating_add(max_skew));
        within.min_by_key(|domain| (grown(domain), *domain))
    }
}
