//! One controller process: an engine, its watches with their delays, and its death and return.

use super::world::{Happening, World};
use crate::engine::{Engine, Event};
use crate::time::Time;
use std::time::Duration;
use windlass_solver::NodePoolName;

/// A process.
#[derive(Debug, Default)]
pub(super) struct Replica {
    pub(super) engine: Option<Engine>,
    /// Counts its lives: what was meant for an earlier one is lost.
    pub(super) life: u32,
    pub(super) born: Time,
    /// When the last event of each kind of object reaches it; events of one kind never overtake each other.
    latest: [Time; 4],
    woken: Option<Time>,
}

impl World {
    /// A process starts: it lists everything, then watches.
    pub(super) fn start_replica(&mut self, index: usize) {
        let Some(replica) = self.replicas.get_mut(index) else { return };
        replica.life += 1;
        replica.born = self.now;
        replica.latest = [self.now; 4];
        replica.woken = None;
        replica.engine = Some(Engine::new(self.settings.clone(), self.now));
        let mut first = vec![Event::Types(NodePoolName::from("default"), self.types.clone())];
        first.extend(self.cluster.everything());
        first.push(Event::Synced);
        for event in first {
            self.feed(index, event);
        }
    }

    /// A process is killed. It comes back a little later.
    pub(super) fn kill_replica(&mut self, index: usize) {
        let Some(replica) = self.replicas.get_mut(index) else { return };
        if replica.engine.take().is_some() {
            replica.life += 1;
            let wait = self.random.between(500, 20_000);
            self.after(wait, Happening::Start(index));
        }
    }

    /// The engine takes an event in; what it asks for sets out.
    pub(super) fn feed(&mut self, index: usize, event: Event) {
        let now = self.now;
        let Some(replica) = self.replicas.get_mut(index) else { return };
        let life = replica.life;
        let Some(engine) = replica.engine.as_mut() else { return };
        let effects = engine.step(now, event);
        let wakes = engine.wakes();
        for (call, effect) in effects {
            for effect in self.tamper.map_or_else(|| vec![effect.clone()], |tamper| tamper(&effect)) {
                self.depart(index, life, call, effect);
            }
        }
        let Some(replica) = self.replicas.get_mut(index).filter(|replica| replica.life == life) else { return };
        if let Some(time) = wakes.filter(|time| replica.woken.is_none_or(|woken| *time < woken || woken <= now)) {
            replica.woken = Some(time.max(now));
            self.at(time.max(now), Happening::Wake(index, life));
        }
    }

    /// What changed in the cluster reaches every process, sooner or later.
    pub(super) fn broadcast(&mut self) {
        let lag = self.faults().map_or(0, |faults| faults.lag);
        for event in std::mem::take(&mut self.cluster.events) {
            let kind = match event {
                Event::Pod(_) | Event::PodGone(_) => 0,
                Event::Node(_) | Event::NodeGone(..) => 1,
                Event::Claim(_) | Event::ClaimGone(..) => 2,
                _ => 3,
            };
            for index in 0..self.replicas.len() {
                let delay = Duration::from_millis(5 + self.random.below(lag + 1));
                let Some(replica) = self.replicas.get_mut(index).filter(|replica| replica.engine.is_some()) else { continue };
                let time = self.now.plus(delay).max(replica.latest[kind]);
                replica.latest[kind] = time;
                let life = replica.life;
                self.at(time, Happening::Deliver(index, life, Box::new(event.clone())));
            }
        }
    }
}
