//! What EC2 has, by its own lists: how often they are asked for, what being missing means, and instances that nobody claims.

use super::Engine;
use super::call::Purpose;
use super::effect::{Effect, Proof};
use super::queue::Key;
use crate::api::NodeClaim;
use crate::cloud::{Instance, InstanceId};
use crate::cluster::Claim;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Between lists when nothing is expected (Karpenter's garbage collection: 2 min).
pub(super) const REGULAR: Duration = Duration::from_mins(1);
/// Between lists when something is expected.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// The last list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    asked: Option<Time>,
    instances: BTreeMap<InstanceId, Instance>,
    /// Claimed instances that were not in it: the times at which the first and the last list without them were asked for.
    absent: BTreeMap<InstanceId, (Time, Time)>,
    wanted: Option<Time>,
    census: bool,
}

/// What is known of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It exists.
    Live,
    /// It is shutting down or has ended: there is no way back.
    Over,
    /// It is missing from lists that were asked for between these times. That alone proves nothing.
    Absent { first: Time, last: Time },
    /// No list says anything yet.
    Unknown,
}

impl Listing {
    /// What the lists say.
    pub(super) fn seen(&self, id: &InstanceId) -> Seen {
        match (self.instances.get(id), self.absent.get(id)) {
            (Some(instance), _) if instance.state.is_over() => Seen::Over,
            (Some(_), _) => Seen::Live,
            (None, Some((first, last))) => Seen::Absent { first: *first, last: *last },
            (None, None) => Seen::Unknown,
        }
    }

    /// When the last list was asked for.
    pub(super) const fn asked(&self) -> Option<Time> {
        self.asked
    }

    /// The instances of a launch, by id, those that are over included.
    pub(super) fn of_launch(&self, token: &str, cluster: &str) -> Vec<&Instance> {
        self.instances.values().filter(|instance| instance.token(cluster) == Some(token)).collect()
    }
}

impl Engine {
    /// A list that is asked for at `time` or later would help.
    pub(super) fn want_listing(&mut self, time: Time) {
        let soonest = self.listing.asked.map_or(self.now, |asked| asked.plus(SOON)).max(time);
        let wanted = self.listing.wanted.map_or(soonest, |wanted| wanted.min(soonest));
        self.listing.wanted = Some(wanted);
        self.queue.at(Key::Listing, wanted);
    }

    pub(super) fn describe(&mut self) {
        let regular = self.listing.asked.map_or(self.now, |asked| asked.plus(REGULAR));
        let due = self.listing.wanted.map_or(regular, |wanted| wanted.min(regular));
        if self.now < due {
            self.queue.at(Key::Listing, due);
            return;
        }
        self.listing.wanted = None;
        self.ask(&Key::Listing, Purpose::Describe(self.now), Effect::Describe);
    }

    /// A list has come.
    pub(super) fn listed(&mut self, asked: Time, instances: Vec<Instance>) {
        self.listing.asked = Some(asked);
        self.listing.instances = instances.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
        let claimed = self.view.claims().filter_map(|claim| claim.provider_id());
        let joined = self.view.nodes().map(|node| node.provider_id.as_ref());
        let known: BTreeSet<InstanceId> = claimed.chain(joined).filter_map(InstanceId::of_provider_id).collect();
        let mut absent = BTreeMap::new();
        for id in known {
            if !self.listing.instances.contains_key(&id) {
                let first = self.listing.absent.get(&id).map_or(asked, |(first, _)| *first);
                absent.insert(id, (first, asked));
            }
        }
        self.listing.absent = absent;
        self.queue.at(Key::Listing, asked.plus(REGULAR));
        for claim in self.view.claim_names() {
            self.queue.now(Key::Claim(claim));
        }
        for node in self.view.node_names() {
            self.queue.now(Key::Node(node));
        }
        self.suspect();
    }

    /// Instances of ours that no known claim explains are judged by a list of claims that is younger than they are.
    fn suspect(&mut self) {
        let cluster = &self.settings.cluster;
        let live = self.listing.instances.values().filter(|instance| !instance.state.is_over());
        let ours = live.filter_map(|instance| Some((instance, instance.token(cluster)?)));
        let claims: Vec<_> = self.view.claims().map(AsRef::as_ref).collect();
        let suspects: BTreeMap<InstanceId, String> = ours
            .filter(|(instance, token)| !self.launches.is_open(token) && !is_explained(&claims, instance, token))
            .map(|(instance, token)| (instance.id.clone(), token.to_owned()))
            .collect();
        if !suspects.is_empty() && !self.listing.census {
            self.listing.census = true;
            self.calls.ask(None, Purpose::Census(suspects), Effect::ListClaims);
        }
    }

    /// The list of claims has come: what it does not explain is an orphan.
    pub(super) fn judge_suspects(&mut self, suspects: &BTreeMap<InstanceId, String>, listed: Option<&[NodeClaim]>) {
        self.listing.census = false;
        let Some(listed) = listed else { return };
        let claims: Vec<Claim> = listed.iter().map(Claim::read).collect();
        let claims: Vec<&Claim> = claims.iter().collect();
        for (id, token) in suspects {
            let Some(instance) = self.listing.instances.get(id) else { continue };
            if !self.launches.is_open(token) && !is_explained(&claims, instance, token) {
                let effect = Effect::Terminate(id.clone(), Proof::Orphan(token.clone()));
                self.calls.ask(None, Purpose::TerminateOrphan, effect);
                self.publish(format!("Instance/{id}"), "Orphaned", "no NodeClaim stands for it; it is terminated".to_owned());
            }
        }
    }
}

/// Whether a claim stands for the instance, or may still take it: its last launch was this one, and it has no instance yet.
fn is_explained(claims: &[&Claim], instance: &Instance, token: &str) -> bool {
    let id = instance.provider_id();
    claims.iter().any(|claim| match claim.provider_id() {
        Some(known) => known == id,
        None => claim.launch.as_ref().is_some_and(|record| record.token == token),
    })
}
