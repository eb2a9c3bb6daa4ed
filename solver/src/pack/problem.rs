//! A snapshot in the form that packing works on: classes of identical pods, and candidates to buy.

use super::apart::Refusal;
use super::axis::{Amounts, Axis};
use super::offers::Offers;
use crate::{Labels, PodShape, Snapshot};
use fixedbitset::FixedBitSet;
use std::sync::Arc;

/// Pods of one shape.
#[derive(Debug)]
pub(super) struct Class {
    /// What each of them asks for.
    pub(super) shape: Arc<PodShape>,
    /// Which of [`Problem::signatures`] its constraints are.
    pub(super) signature: usize,
    /// Why they are refused for what the snapshot makes of their rules about other pods.
    pub(super) refused: Option<Refusal>,
    /// What each takes of a node.
    pub(super) need: Amounts,
    /// Their positions in the snapshot, ascending.
    pub(super) pods: Vec<u32>,
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
    /// Its part of [`Problem::candidates`].
    pub(super) candidates: std::ops::Range<usize>,
}

/// Offers of one instance type in one variant that no pod can tell apart.
#[derive(Debug)]
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
    /// Slots in use on each existing node.
    pub(super) taken: Vec<Vec<(usize, i64)>>,
    /// Indices into the list of an [`Offers`].
    pub(super) offer_indices: Vec<u32>,
}

impl Problem<'_> {
    /// Whether pods of `class` may run on `candidate` by labels and taints.
    pub(super) fn allows(&self, candidate: &Candidate, class: usize, relaxed: bool) -> bool {
        let column = if relaxed { candidate.relaxed } else { candidate.strict };
        self.columns[column].contains(self.classes[class].signature)
    }

    /// Room for pods on `candidate`.
    pub(super) fn free(&self, candidate: &Candidate) -> &[i64] {
        &self.models[candidate.model].free
    }

    /// The pool of `candidate`, as an index into the snapshot's.
    pub(super) fn pool(&self, candidate: &Candidate) -> usize {
        self.variants[candidate.variant].pool
    }

    /// Capacity of a node of `candidate` in a resource that a limit names; a node counts one in `nodes`.
    pub(super) fn capacity(&self, candidate: &Candidate, resource: &str) -> i64 {
        if resource == crate::ResourceName::NODES {
            return 1;
        }
        let model = &self.models[candidate.model];
        self.offers[model.offers].types[model.instance_type].capacity.get(resource)
    }
}
