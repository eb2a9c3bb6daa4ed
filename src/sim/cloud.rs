//! EC2 as the engine meets it: idempotent by token, without capacity at times, and slow to show what it has.

use super::faults::Faults;
use super::random::Random;
use crate::cloud::{CloudError, Fulfilment, Instance, InstanceId, InstanceState, Launch, Shortage, cluster_tag};
use crate::provision::scarcity::OfferingKey;
use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_solver::{CapacityType, InstanceTypeName, Zone};

/// How long an instance is shutting down.
const SHUTDOWN: Duration = Duration::from_secs(20);
/// How long a terminated instance is still listed.
const LISTED: Duration = Duration::from_hours(1);

/// A machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) instance: Instance,
    /// What it was launched with.
    pub(super) launch: Option<Launch>,
    visible: Time,
    ended: Option<Time>,
}

/// All machines.
#[derive(Debug, Default)]
pub(super) struct Cloud {
    pub(super) machines: BTreeMap<InstanceId, Machine>,
    tokens: BTreeMap<String, (Launch, Fulfilment)>,
    empty: BTreeMap<OfferingKey, Time>,
    /// Client tokens mean nothing: a planted mistake.
    pub(super) forgetful: bool,
}

impl Cloud {
    /// With two machines that are none of the engine's business.
    pub(super) fn new() -> Self {
        let mut cloud = Self::default();
        for (id, tags) in [
            ("i-foreign", BTreeMap::new()),
            (
                "i-neighbour",
                BTreeMap::from([(cluster_tag("other"), "owned".into()), (crate::cloud::LAUNCH_TAG.into(), "t".into())]),
            ),
        ] {
            let id = InstanceId::new(id);
            let instance = Instance {
                id: id.clone(),
                instance_type: InstanceTypeName::from("m1.large"),
                zone: Zone::from("zone-a"),
                capacity_type: CapacityType::OnDemand,
                state: InstanceState::Running,
                image: "ami-1".into(),
                tags,
            };
            cloud.machines.insert(id, Machine { instance, launch: None, visible: Time::default(), ended: None });
        }
        cloud
    }

    /// CreateFleet. Returns the instances that are new, too.
    pub(super) fn launch(
        &mut self,
        launch: &Launch,
        now: Time,
        faults: Option<&Faults>,
        random: &mut Random,
    ) -> Result<(Fulfilment, Vec<InstanceId>), CloudError> {
        if let Some((known, answer)) = self.tokens.get(&launch.token).filter(|_| !self.forgetful) {
            return if known == launch { Ok((answer.clone(), Vec::new())) } else { Err(CloudError::TokenMismatch) };
        }
        let mut answer = Fulfilment::default();
        let mut new = Vec::new();
        for (instance_type, zone) in &launch.offerings {
            let key = (instance_type.clone(), zone.clone(), launch.capacity_type);
            while answer.instances.len() < launch.count && self.has(&key, now, faults, random) {
                let instance = self.start(launch, &key, now, faults, random);
                new.push(instance.id.clone());
                answer.instances.push(instance);
            }
            if answer.instances.len() < launch.count {
                let (instance_type, zone, capacity_type) = key;
                answer.shortages.push(Shortage { instance_type, zone, capacity_type });
            }
        }
        self.tokens.insert(launch.token.clone(), (launch.clone(), answer.clone()));
        Ok((answer, new))
    }

    fn has(&mut self, key: &OfferingKey, now: Time, faults: Option<&Faults>, random: &mut Random) -> bool {
        if self.empty.get(key).is_some_and(|until| now < *until) {
            return false;
        }
        if faults.is_some_and(|faults| random.chance(faults.empty)) {
            self.empty.insert(key.clone(), now.plus(random.between(10_000, 200_000)));
            return false;
        }
        true
    }

    fn start(&mut self, launch: &Launch, key: &OfferingKey, now: Time, faults: Option<&Faults>, random: &mut Random) -> Instance {
        let instance = Instance {
            id: InstanceId::new(format!("i-{:016x}", random.bits())),
            instance_type: key.0.clone(),
            zone: key.1.clone(),
            capacity_type: key.2,
            state: InstanceState::Running,
            image: "ami-1".into(),
            tags: launch.tags.clone(),
        };
        let hidden = faults.map_or(0, |faults| u64::try_from(faults.invisible.as_millis()).unwrap_or(0));
        let visible = now.plus(Duration::from_millis(random.below(hidden + 1)));
        let machine = Machine { instance: instance.clone(), launch: Some(launch.clone()), visible, ended: None };
        self.machines.insert(instance.id.clone(), machine);
        instance
    }

    /// DescribeInstances with the cluster's tag.
    pub(super) fn describe(&mut self, cluster: &str, now: Time) -> Vec<Instance> {
        for machine in self.machines.values_mut() {
            if machine.ended.is_some_and(|ended| ended.plus(SHUTDOWN) <= now) {
                machine.instance.state = InstanceState::Terminated;
            }
        }
        let tag = cluster_tag(cluster);
        let listed = |machine: &&Machine| {
            machine.visible <= now
                && machine.instance.tags.contains_key(&tag)
                && machine.ended.is_none_or(|ended| now < ended.plus(LISTED))
        };
        self.machines.values().filter(listed).map(|machine| machine.instance.clone()).collect()
    }

    /// TerminateInstances, or the end of a machine for other reasons.
    pub(super) fn end(&mut self, id: &InstanceId, now: Time) {
        if let Some(machine) = self.machines.get_mut(id).filter(|machine| machine.ended.is_none()) {
            machine.ended = Some(now);
            machine.instance.state = InstanceState::ShuttingDown;
        }
    }

    /// Machines that exist.
    pub(super) fn live(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values().filter(|machine| machine.ended.is_none())
    }
}
