//! The controller without its surroundings: events in, effects out, no I/O, no clock, no randomness.
//!
//! ```text
//! watches, answers, time ──Event──▶ view ─▶ queue of objects ─▶ one small decision each ──Effect──▶ API server, EC2
//!                                                 ▲ timers                                              │
//!                                                 └────────────────────────── Answer ◀──────────────────┘
//! ```
//!
//! Each decision looks at the state of one object and asks for at most the next step; what was asked for and is not answered keeps the
//! object busy. Nothing that matters is kept only here: a new engine that is shown the same objects goes on where an old one was
//! stopped, whatever was under way. The object is written before EC2 is called, EC2 is called under a token that stands in the object,
//! and what an old view could get wrong is read afresh first.

mod answer;
mod call;
mod drain;
mod effect;
mod in_flight;
mod launch;
mod lifecycle;
mod listing;
mod memo;
mod provisioning;
mod queue;
mod reap;
mod recover;
mod settings;
mod standing;
mod steer;
mod terminate;
mod view;

pub use effect::{Answer, CallId, Effect, Event, Notice, Proof, Written};
pub use settings::Settings;

use crate::cluster::{Claim, Pod};
use crate::provision::{Ignored, pod_filter};
use crate::time::Time;
use call::{Calls, Purpose};
use queue::{Key, Queue};
use std::sync::Arc;
use windlass_solver::ObjectKey;

/// The controller's decisions. Fed by [`Engine::step`]; two engines that are fed the same do the same.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    now: Time,
    synced: bool,
    view: view::View,
    queue: Queue,
    calls: Calls,
    memos: memo::Memos,
    provisioner: provisioning::Provisioner,
    launches: launch::Launches,
    evictions: drain::Evictions,
    listing: listing::Listing,
    standing: standing::Standing,
}

impl Engine {
    /// A controller that knows nothing yet. It decides nothing before [`Event::Synced`].
    pub fn new(settings: Settings, now: Time) -> Self {
        Self {
            provisioner: provisioning::Provisioner::new(&settings),
            settings,
            now,
            synced: false,
            view: view::View::default(),
            queue: Queue::default(),
            calls: Calls::default(),
            memos: memo::Memos::default(),
            launches: launch::Launches::default(),
            evictions: drain::Evictions::default(),
            listing: listing::Listing::default(),
            standing: standing::Standing::default(),
        }
    }

    /// Takes in what happened and returns what is to be done, in order. Each effect but [`Effect::Publish`] must be answered, if only by
    /// an error.
    pub fn step(&mut self, now: Time, event: Event) -> Vec<(CallId, Effect)> {
        self.now = self.now.max(now);
        self.take_in(event);
        if self.synced {
            self.decide();
        }
        self.calls.take()
    }

    /// When to call [`Engine::step`] with [`Event::Tick`] if nothing else happens.
    pub fn wakes(&self) -> Option<Time> {
        if self.synced { self.queue.next() } else { None }
    }

    /// Pods that are given no node, each with why.
    pub fn ignored(&self) -> impl Iterator<Item = (&ObjectKey, Ignored)> {
        self.view.pods().filter_map(|pod| Some((&pod.key, pod_filter::judge(pod).err()?)))
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::Pod(pod) => self.pod_seen(*pod),
            Event::PodGone(pod) => {
                self.view.bury(&pod.uid);
                self.pod_gone(&pod.key, Some(&pod.uid));
            }
            Event::Node(node) => {
                self.queue.now(Key::Node(node.name.clone()));
                self.view.put_node(*node);
            }
            Event::NodeGone(name, uid) => {
                self.queue.now(Key::Node(name.clone()));
                self.view.bury(&uid);
                self.view.remove_node(&name, &uid);
            }
            Event::Claim(object) => self.claim_seen(Claim::read(&object)),
            Event::ClaimGone(name, uid) => {
                self.view.bury(&uid);
                self.claim_gone(&name, &uid);
            }
            Event::Pool(object) => {
                let pool = crate::cluster::Pool::read(&object);
                self.wake_pool(&pool.name);
                self.put_pool(pool);
                self.reconsider_parked();
            }
            Event::PoolGone(name) => {
                self.standing.wake(&name);
                self.view.remove_pool(&name);
            }
            Event::Types(pool, types) => {
                self.wake_pool(&pool);
                self.standing.wake(&pool);
                self.view.put_types(pool, types);
                self.reconsider_parked();
            }
            Event::Synced => self.begin(),
            Event::Answer(id, answer) => self.answered(id, answer),
            Event::Tick => {}
        }
    }

    /// Everything is known: now every object is looked at once.
    fn begin(&mut self) {
        self.synced = true;
        self.queue.now(Key::Listing);
        self.queue.now(Key::Batch);
        for name in self.view.claim_names() {
            self.queue.now(Key::Claim(name));
        }
        for name in self.view.node_names() {
            self.queue.now(Key::Node(name));
        }
        let pools: Vec<_> = self.view.pools().map(|pool| pool.name.clone()).collect();
        for name in pools {
            self.look_at_pool(&name);
        }
        let keys: Vec<ObjectKey> = self.view.pods().map(|pod| pod.key.clone()).collect();
        for key in keys {
            self.consider(&key);
        }
    }

    fn decide(&mut self) {
        self.queue.advance(self.now);
        while !self.queue.is_idle() {
            self.decide_queued();
            self.form_launches();
        }
    }

    fn decide_queued(&mut self) {
        while let Some(key) = self.queue.pop() {
            if self.calls.is_busy(&key) {
                continue;
            }
            if let Some(until) = self.calls.waits(&key).filter(|until| self.now < *until) {
                self.queue.at(key, until);
                continue;
            }
            match &key {
                Key::Claim(name) => self.decide_claim(name),
                Key::Node(name) => self.decide_node(name),
                Key::Launch(token) => self.send(token),
                Key::Create(name) => self.create(name),
                Key::Pool(name) => self.decide_pool(name),
                Key::Admission => self.ask_admission(),
                Key::Batch => self.decide_batch(),
                Key::Listing => self.describe(),
            }
        }
    }

    fn put_pool(&mut self, pool: crate::cluster::Pool) {
        let name = pool.name.clone();
        if self.view.pool(&name) != Some(&pool) {
            self.standing.wake(&name);
        }
        self.view.put_pool(pool);
        self.look_at_pool(&name);
    }

    fn wake_pool(&mut self, pool: &windlass_solver::NodePoolName) {
        for claim in self.view.claims_of(pool) {
            self.queue.now(Key::Claim(claim.name.clone()));
        }
    }

    fn pod_seen(&mut self, pod: Pod) {
        let key = pod.key.clone();
        for node in self.view.put_pod(pod, self.now, self.synced) {
            self.queue.now(Key::Node(node));
        }
        if self.synced {
            self.consider(&key);
        }
    }

    fn pod_gone(&mut self, key: &ObjectKey, uid: Option<&crate::cluster::Uid>) {
        let Some(pod) = self.view.remove_pod(key, uid, self.now, self.synced) else { return };
        self.evictions.forget(&pod.uid);
        self.dismiss(&pod.uid);
        if let Some(node) = pod.node {
            self.queue.now(Key::Node(node));
        }
    }

    fn claim_seen(&mut self, claim: Claim) {
        if !self.view.put_claim(claim.clone()) {
            return;
        }
        self.provisioner.created(&claim.name);
        self.remember_nominations(&claim);
        self.look_at_pool(&claim.pool);
        self.queue.now(Key::Claim(claim.name));
        self.queue.now(Key::Batch);
    }

    fn claim_gone(&mut self, name: &str, uid: &crate::cluster::Uid) {
        let Some(claim) = self.view.remove_claim(name, uid) else { return };
        self.memos.forget(&claim.uid);
        self.withdraw(name);
        self.launches.forget(name);
        self.provisioner.let_stay(name);
        for node in self.view.nodes_of(&claim.status.provider_id) {
            self.queue.now(Key::Node(node.name.clone()));
        }
        self.queue.now(Key::Batch);
        self.reconsider_parked();
    }

    /// The claim of a node, by provider id.
    fn claim_of(&self, provider_id: &str) -> Option<Arc<Claim>> {
        self.view.claim_of(provider_id)
    }

    /// Asks for something on behalf of `key`, which is busy until the answer comes.
    fn ask(&mut self, key: &Key, purpose: Purpose, effect: Effect) {
        self.calls.ask(Some(key.clone()), purpose, effect);
    }
}

#[cfg(test)]
mod tests;
