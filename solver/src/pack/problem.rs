//! A snapshot in the form that packing works on: classes of identical pods, and candidates to buy.

use super::axis::{Amounts, Axis};
use super::deal::Refusal;
use super::host::{Host, Kind, Link};
use super::manners::Manners;
use super::offers::Offers;
use super::slot::Slot;
use super::variety::Bundle;
use crate::{Labels, MinValues, PodShape, Snapshot};
use fixedbitset::FixedBitSet;
use std::sync::Arc;

/// Pods of one shape.
#[derive(Debug)]
pub(super) struct Class {
    /// What each of them asks for.
    pub(super) shape: Arc<PodShape>,
    /// Which of [`Problem::signatures`] its constraints are.
    pub(super) signature: usize,
    /// Which of [`Manners::lists`] says what they have to do with rules about hosts.
    pub(super) manner: usize,
    /// Index into [`Problem::rows`].
    pub(super) row: usize,
    /// What each takes of a node.
    pub(super) need: Amounts,
    /// Their positions in the snapshot, ascending.
    pub(super) pods: Vec<u32>,
    /// Which group they were part of before anything was dealt, see [`super::group::Group`].
    pub(super) root: usize,
    /// The domain dealt to them, by topology key.
    pub(super) dealt: Vec<Option<u32>>,
    /// Why they are not placed: no domain takes them.
    pub(super) refused: Option<Refusal>,
}

/// Classes that a node cannot tell apart but for rules about pods on one host.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Which of [`Problem::signatures`] their constraints are.
    pub(super) signature: usize,
    /// What each pod takes of a node.
    pub(super) need: Amounts,
    /// Slots of [`Problem::slots`] that each pod takes of a new node.
    pub(super) slots: Vec<(usize, i64)>,
    /// Their priority.
    pub(super) priority: i32,
    /// Whether some new node holds one of their pods.
    pub(super) buyable: bool,
    /// No more of their pods can share a host.
    pub(super) together: u32,
    /// The classes, ascending.
    pub(super) classes: Vec<usize>,
}

/// What a node of some instance type has for pods once its daemon pods run.
#[derive(Debug)]
pub(super) struct Model {
    /// Index into [`Problem::offers`].
    pub(super) offers: usize,
    /// Index into the list of instance types.
    pub(super) instance_type: usize,
    /// Positions of its daemonsets in the snapshot, ascending.
    pub(super) daemons: Arc<[u32]>,
    /// Room for pods.
    pub(super) free: Amounts,
    /// The daemon pods as rules about hosts see them.
    pub(super) host: Host,
}

/// A variant of a pool.
#[derive(Debug)]
pub(super) struct PoolVariant {
    /// Index into the snapshot's pools.
    pub(super) pool: usize,
    /// Index into [`Problem::offers`].
    pub(super) offers: usize,
    /// Labels that its nodes get from the pool.
    pub(super) labels: Labels,
    /// The offers that are in the pool then.
    pub(super) belongs: FixedBitSet,
    /// What its nodes must be able to become: first what the pool asks for, then, of spot nodes, [`super::variety::SPOT_TYPES`].
    pub(super) asked: Vec<MinValues>,
    /// Its part of [`Problem::candidates`].
    pub(super) candidates: std::ops::Range<usize>,
    /// What packing buys: the same, or bundles where nodes must be able to become several things.
    pub(super) packed: std::ops::Range<usize>,
}

/// Offers of one instance type in one variant that no pod can tell apart.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Index into [`Problem::variants`].
    pub(super) variant: usize,
    /// Index into [`Problem::models`].
    pub(super) model: usize,
    /// Index into [`Problem::columns`]: signatures that may run here while `PreferNoSchedule` is heeded.
    pub(super) strict: usize,
    /// The same, once it no longer is.
    pub(super) relaxed: usize,
    /// Price of the offer that is bought: the first, which costs least.
    pub(super) price: i64,
    /// Its price and what is charged beyond it.
    pub(super) cost: i64,
    /// The lowest price of all its offers.
    pub(super) least_price: i64,
    /// Its part of [`Problem::offer_indices`], those that cost least first.
    pub(super) offers: std::ops::Range<usize>,
    /// For reserved capacity, which reservation, by position among the snapshot's.
    pub(super) reservation: Option<usize>,
    /// For a bundle, what its offers have in common; the offers above are then those of the cheapest of them.
    pub(super) bundle: Option<Box<Bundle>>,
}

/// A compiled snapshot.
#[derive(Debug)]
pub(super) struct Problem<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) axis: Axis,
    /// Highest priority first, then biggest first.
    pub(super) classes: Vec<Class>,
    /// Distinct combinations of selector, affinity and tolerations.
    pub(super) signatures: Vec<Arc<PodShape>>,
    pub(super) offers: Vec<Offers<'s>>,
    pub(super) variants: Vec<PoolVariant>,
    pub(super) models: Vec<Model>,
    pub(super) candidates: Vec<Candidate>,
    /// Distinct sets of signatures.
    pub(super) columns: Vec<FixedBitSet>,
    /// Rules about pods on one host.
    pub(super) manners: Manners,
    /// Classes that are one to a market, in the order of their first classes.
    pub(super) rows: Vec<Row>,
    /// Further resources of a new node that stand for rules about hosts.
    pub(super) slots: Vec<Slot>,
    /// Indices into the list of an [`Offers`].
    pub(super) offer_indices: Vec<u32>,
}

impl Problem<'_> {
    /// What pods of `class` have to do with rules about hosts.
    pub(super) fn links(&self, class: usize) -> &[Link] {
        &self.manners.lists[self.classes[class].manner]
    }

    /// Whether pods of `class` must share a host with others.
    pub(super) fn joins(&self, class: usize) -> bool {
        self.links(class).iter().any(|link| link.owner && link.kind == Kind::With)
    }

    /// A node of `candidate` with `load`, as rules about hosts see it; `None` where one of them forbids it.
    pub(super) fn host(&self, candidate: &Candidate, load: &[(usize, u32)]) -> Option<Host> {
        let mut host = self.models[candidate.model].host.clone();
        for (class, count) in load {
            host.add(self.links(*class), *count);
        }
        let keeps = |class: usize| self.links(class).iter().all(|link| host.keeps(*link));
        (host.is_empty() || load.iter().all(|(class, _)| keeps(*class))).then_some(host)
    }

    /// Rows that some new node holds, and their pods.
    pub(super) fn to_buy_for(&self) -> Vec<(usize, u32)> {
        let open = |class: &&usize| self.classes[**class].shape.unsupported.is_empty() && !self.joins(**class);
        let pods = |row: usize| {
            let classes = self.rows[row].classes.iter().filter(open);
            classes.map(|class| u32::try_from(self.classes[*class].pods.len()).unwrap_or(u32::MAX)).fold(0, u32::saturating_add)
        };
        let buyable = (0..self.rows.len()).filter(|row| self.rows[*row].buyable);
        buyable.map(|row| (row, pods(row))).filter(|(_, pods)| *pods > 0).collect()
    }

    /// Whether pods of `class` may run on `candidate` by labels, taints and daemon pods.
    pub(super) fn allows(&self, candidate: &Candidate, class: usize, relaxed: bool) -> bool {
        self.admits(candidate, self.classes[class].signature, relaxed)
    }

    /// Whether pods of a signature may run on `candidate`.
    pub(super) fn admits(&self, candidate: &Candidate, signature: usize, relaxed: bool) -> bool {
        let column = if relaxed { candidate.relaxed } else { candidate.strict };
        self.columns[column].contains(signature)
    }

    /// Room for pods on `candidate`.
    pub(super) fn free<'p>(&'p self, candidate: &'p Candidate) -> &'p [i64] {
        candidate.bundle.as_ref().map_or(&self.models[candidate.model].free, |bundle| &bundle.free)
    }

    /// Whether the pool of `candidate` grows with pods; static pools do not.
    pub(super) fn grows(&self, candidate: &Candidate) -> bool {
        self.snapshot.node_pools()[self.pool(candidate)].replicas.is_none()
    }

    /// The pool of `candidate`, as an index into the snapshot's.
    pub(super) fn pool(&self, candidate: &Candidate) -> usize {
        self.variants[candidate.variant].pool
    }

    /// Capacity of a node of `candidate` in a resource that a limit names, in a bundle that of the largest; a node counts one in `nodes`.
    pub(super) fn capacity(&self, candidate: &Candidate, resource: &str) -> i64 {
        if resource == crate::ResourceName::NODES {
            return 1;
        }
        if let Some(bundle) = &candidate.bundle {
            return bundle.largest(resource);
        }
        let model = &self.models[candidate.model];
        self.offers[model.offers].types[model.instance_type].capacity.get(resource)
    }
}
