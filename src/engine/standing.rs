//! Static pools: as many claims as they ask for, whatever pods there are.
//!
//! What a pool lacks is planned like a node for pods, so that it is the cheapest that the pool allows, and so that pods find its room. The
//! names of its claims are counted: who decides the same again, after a crash or beside us, asks for objects that exist. Before a claim is
//! launched, and before one is given up, all claims are listed afresh.

use super::Engine;
use super::call::Purpose;
use super::effect::Effect;
use super::queue::Key;
use crate::cluster::{Claim, Pool, Uid};
use crate::provision::{claim, pod_filter, standing};
use crate::reap::surplus::Disturbance;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{NodePoolName, ObjectKey, PlannedNode};

/// A pool that was not given all it lacks is planned again after so long though nothing has changed.
const AGAIN: Duration = Duration::from_secs(30);

/// Pools that could not be given what they lack, each with the time until which it is left alone.
#[derive(Debug, Default)]
pub(super) struct Standing(BTreeMap<NodePoolName, Time>);

impl Standing {
    /// The pool is left alone until then.
    pub(super) fn rest(&mut self, pool: NodePoolName, until: Time) {
        self.0.insert(pool, until);
    }

    /// Something has changed that may help the pool.
    pub(super) fn wake(&mut self, pool: &NodePoolName) {
        self.0.remove(pool);
    }
}

impl Engine {
    /// Something has changed that may give the pool too many claims.
    pub(super) fn look_at_pool(&mut self, name: &NodePoolName) {
        if self.view.pool(name).is_some_and(|pool| pool.replicas.is_some()) {
            self.queue.now(Key::Pool(name.clone()));
        }
    }

    /// How many nodes each static pool lacks, of those that are not left alone.
    pub(super) fn lacking(&mut self) -> BTreeMap<NodePoolName, usize> {
        let usable = self.view.pools().filter(|pool| self.view.types(&pool.name).is_some());
        let mut lacking: BTreeMap<NodePoolName, usize> = usable.map(|pool| (pool.name.clone(), self.lacks(pool))).collect();
        lacking.retain(|name, count| match self.standing.0.get(name) {
            Some(until) if *count > 0 && self.now < *until => {
                self.queue.at(Key::Batch, *until);
                false
            }
            _ => *count > 0,
        });
        lacking
    }

    fn lacks(&self, pool: &Pool) -> usize {
        if pool.replicas.is_none() { 0 } else { standing::lacking(pool, self.claims_to_come(&pool.name)) }
    }

    /// The claims of a pool, those that are being created included.
    fn claims_to_come(&self, pool: &NodePoolName) -> impl Iterator<Item = &Claim> {
        let coming = self.provisioner.creating().filter(|claim| self.view.claim(&claim.name).is_none());
        self.view.claims().map(AsRef::as_ref).chain(coming).filter(move |claim| claim.pool == *pool)
    }

    /// Decides claims for the nodes that were planned for a static pool, as many as it still lacks.
    pub(super) fn keep(&mut self, name: &NodePoolName, planned: &[&PlannedNode]) {
        let (pool, types) = (self.view.pool(name), self.view.types(name));
        let Some((pool, types)) = pool.zip(types) else { return };
        let count = self.lacks(pool);
        let taken = |name: &String| self.view.claim(name).is_some() || self.provisioner.is_creating(name);
        let free = (0..).map(|number| claim::standing_name(pool, number)).filter(|name| !taken(name));
        let waits = |key: &ObjectKey| self.view.pod(key).filter(|pod| pod_filter::judge(pod).is_ok()).map(|pod| pod.uid.clone());
        let decided: Vec<_> = planned
            .iter()
            .zip(free)
            .take(count)
            .map(|(planned, name)| {
                let pods: BTreeSet<Uid> = planned.pods.iter().filter_map(waits).collect();
                claim::named(&name, planned, pool, &types, &pods)
            })
            .collect();
        for (object, planned) in decided.into_iter().zip(planned) {
            self.decide_claim_for(object, &planned.pods);
        }
    }

    /// Pools that still lack nodes after a plan are left alone for a while.
    pub(super) fn rest_short_pools(&mut self) {
        let until = self.now.plus(AGAIN);
        for name in self.lacking().into_keys() {
            self.standing.rest(name, until);
            self.queue.at(Key::Batch, until);
        }
    }

    /// Whether a claim that is about to be created is still wanted: by pods, or by its static pool.
    pub(super) fn is_wanted(&self, claim: &Claim) -> bool {
        match self.view.pool(&claim.pool).and_then(|pool| pool.replicas) {
            Some(replicas) => self.claims_to_come(&claim.pool).filter(|claim| claim.deleting.is_none()).count() <= replicas,
            None => self.provisioner.meant_for(&claim.name).next().is_some(),
        }
    }

    /// A static pool with too many claims: which there are is read afresh before any is given up.
    pub(super) fn decide_pool(&mut self, name: &NodePoolName) {
        if self.surplus(name, false) > 0 {
            self.ask(&Key::Pool(name.clone()), Purpose::Muster(name.clone()), Effect::ListClaims);
        }
    }

    /// How many claims the pool has too many, by what is seen.
    fn surplus(&self, name: &NodePoolName, given_up_too: bool) -> usize {
        let Some(replicas) = self.view.pool(name).filter(|pool| !pool.deleting).and_then(|pool| pool.replicas) else { return 0 };
        let counts = |claim: &&Arc<Claim>| {
            claim.pool == *name && claim.deleting.is_none() && (given_up_too || !self.memos.get(&claim.uid).given_up)
        };
        self.view.claims().filter(counts).count().saturating_sub(replicas)
    }

    /// The fresh list has come: those whose end disturbs least are given up.
    pub(super) fn mustered(&mut self, name: &NodePoolName, listed: &[Claim]) {
        let Some(replicas) = self.view.pool(name).and_then(|pool| pool.replicas) else { return };
        let stays = |claim: &&Claim| claim.pool == *name && claim.deleting.is_none() && !self.memos.get(&claim.uid).given_up;
        let live: Vec<&Claim> = listed.iter().filter(stays).collect();
        let seen =
            |claim: &&Claim| self.view.claim(&claim.name).filter(|known| known.uid == claim.uid && known.deleting.is_none());
        let mut known: Vec<(Disturbance, Arc<Claim>)> =
            live.iter().filter_map(seen).map(|claim| (self.disturbance(&claim), claim)).collect();
        known.sort_by(|(a, _), (b, _)| a.cmp(b));
        // Of those that are not seen yet nothing is known but that they are new: they are looked at once they are seen.
        let count = known.len().saturating_sub(replicas);
        for (_, claim) in known.into_iter().take(count) {
            self.give_up_claim(&claim);
        }
    }

    fn disturbance(&self, claim: &Claim) -> Disturbance {
        let node = self.view.node_of(claim);
        let pods = node.as_ref().map(|node| self.view.pods_on(&node.name)).unwrap_or_default();
        let expected = self.provisioner.meant_for(&claim.name).count();
        Disturbance::of(claim, node.as_deref(), &pods, expected, self.now)
    }

    /// The pool has one claim too many, and this is to go.
    pub(super) fn give_up_claim(&mut self, claim: &Claim) {
        self.memos.of(&claim.uid).given_up = true;
        self.queue.now(Key::Claim(claim.name.clone()));
    }

    /// Deletes a claim that was given up, unless the pool needs it again. Returns whether it does.
    pub(super) fn lets_go(&mut self, claim: &Claim) -> bool {
        if !self.memos.get(&claim.uid).given_up {
            return false;
        }
        let goes = self.surplus(&claim.pool, true) > 0;
        if goes {
            self.delete_claim(claim, "Overprovisioned", "its NodePool asks for fewer nodes");
        } else {
            self.memos.of(&claim.uid).given_up = false;
        }
        goes
    }
}
