//! Stand-ins for the machines' own side: they boot, join, become ready, lose their startup taint, or do not.

use super::cluster::SimPod;
use super::world::{Happening, World};
use crate::cloud::InstanceId;
use crate::cluster::{Node, Owner, Phase, Pod, Protection, Uid};
use std::sync::Arc;
use std::time::Duration;
use windlass_solver::{NodeName, ObjectKey, Resources, Taint, TaintEffect};

fn not_ready() -> Taint {
    Taint { key: "node.kubernetes.io/not-ready".into(), value: "".into(), effect: TaintEffect::NoSchedule }
}

impl World {
    /// A machine was launched: it will join, unless it is one of those that do not.
    pub(super) fn boot(&mut self, id: &InstanceId) {
        let (joins, dies) = {
            let (never, dies) = self.faults().map_or((0, 0), |faults| (faults.never_joins, faults.dies));
            (!self.random.chance(never), self.random.chance(dies))
        };
        if joins {
            let wait = self.random.between(15_000, 60_000);
            self.after(wait, Happening::Join(id.clone()));
        }
        if dies {
            let wait = self.random.between(1_000, 300_000);
            self.after(wait, Happening::Die(id.clone()));
        }
    }

    /// The kubelet registers its Node.
    pub(super) fn join(&mut self, id: &InstanceId) {
        let Some(machine) = self.cloud.live().find(|machine| machine.instance.id == *id) else { return };
        let Some(launch) = machine.launch.clone() else { return };
        let name = NodeName::new(format!("node-{id}"));
        let provider_id: Arc<str> = machine.instance.provider_id().into();
        let version = self.cluster.next();
        let mut labels = launch.labels;
        labels.insert("kubernetes.io/hostname".into(), name.as_str().into());
        let node = Node {
            name: name.clone(),
            uid: Uid::new(format!("node-{version}")),
            version,
            deleting: None,
            held: false,
            provider_id,
            labels,
            taints: launch.taints.into_iter().chain([not_ready()]).collect(),
            ready: false,
            allocatable: Resources::new(),
            protected: false,
            volumes: Vec::new(),
        };
        self.cluster.nodes.insert(name.clone(), node);
        self.cluster.put_node(&name);
        let wait = self.random.between(2_000, 15_000);
        self.after(wait, Happening::Ready(id.clone()));
    }

    /// The node becomes ready, and the daemonset's pod starts on it.
    pub(super) fn ready(&mut self, id: &InstanceId) {
        let Some(machine) = self.cloud.live().find(|machine| machine.instance.id == *id) else { return };
        let kind = self.types.iter().find(|kind| kind.name == machine.instance.instance_type);
        let Some(allocatable) = kind.map(windlass_solver::InstanceType::allocatable) else { return };
        let name = NodeName::new(format!("node-{id}"));
        let Some(node) = self.cluster.nodes.get_mut(&name) else { return };
        node.ready = true;
        node.allocatable = allocatable;
        node.taints.retain(|taint| *taint != not_ready());
        self.cluster.put_node(&name);
        self.start_daemon(&name);
        self.after(Duration::from_secs(4), Happening::Started(id.clone()));
    }

    /// Whatever the startup taint waits for is up.
    pub(super) fn started(&mut self, id: &InstanceId) {
        let name = NodeName::new(format!("node-{id}"));
        let Some(node) = self.cluster.nodes.get_mut(&name) else { return };
        node.taints.retain(|taint| taint.key.as_ref() != "example.com/net");
        self.cluster.put_node(&name);
    }

    /// The machine has ended: its node is not ready any more.
    pub(super) fn lost(&mut self, id: &InstanceId) {
        let name = NodeName::new(format!("node-{id}"));
        if let Some(node) = self.cluster.nodes.get_mut(&name) {
            node.ready = false;
            self.cluster.put_node(&name);
        }
    }

    fn start_daemon(&mut self, node: &NodeName) {
        let key = ObjectKey::new("kube-system", format!("proxy-{node}"));
        let pod = Pod {
            key: key.clone(),
            uid: Uid::new(format!("pod-{}", self.cluster.next())),
            node: Some(node.clone()),
            phase: Phase::Running,
            unschedulable: false,
            gated: false,
            preempting: false,
            refuses_pools: false,
            owner: Owner::DaemonSet,
            deleting: None,
            grace: Duration::from_secs(2),
            protection: Protection::None,
            critical: true,
            tolerates_disruption: false,
            volumes: Vec::new(),
        };
        let shape = Arc::clone(&self.daemon.shape);
        self.cluster.pods.insert(key.clone(), SimPod { pod, shape, wave: usize::MAX, lasts: None, nominated: None });
        self.cluster.put_pod(&key);
    }
}
