//! The solver's snapshot of the simulated cluster: pods, nodes and the pool as they are, without what only the engine knows.

use super::world::World;
use crate::api::label;
use crate::cluster::claim::Claim;
use crate::cluster::{Node, Pool};
use crate::provision::pod_filter;
use crate::snapshot::{is_ephemeral, template};
use std::sync::Arc;
use windlass_solver::{NodePool, Pod, Resources, Snapshot, Taint};

impl World {
    /// Everything that decides where pods can go.
    pub(super) fn survey(&self) -> Snapshot {
        let waiting = self.cluster.pods.values().filter(|pod| pod_filter::judge(&pod.pod).is_ok());
        let pods = waiting.map(|pod| Pod { key: pod.pod.key.clone(), labels: Arc::default(), shape: Arc::clone(&pod.shape) });
        let claims: Vec<Claim> = self.cluster.claims.values().map(Claim::read).collect();
        let mut builder = Snapshot::builder().pods(pods).daemon_set(self.daemon.clone());
        for node in self.cluster.nodes.values() {
            builder = builder.node(self.surveyed(node, &claims));
        }
        if let Some(object) = &self.cluster.pool {
            let pool = Pool::read(object);
            let spec = &pool.template.spec;
            builder = builder.node_pool(NodePool {
                name: pool.name.clone(),
                weight: 0,
                replicas: pool.replicas.and_then(|count| u32::try_from(count).ok()),
                min_values: Vec::new(),
                min_values_policy: windlass_solver::node_pool::MinValuesPolicy::default(),
                labels: template::labels(&pool.template.metadata.labels),
                requirements: spec.requirements.iter().filter_map(|written| template::requirement(written).ok()).collect(),
                taints: template::taints(&spec.taints),
                startup_taints: template::taints(&spec.startup_taints),
                limits: pool.limits.unwrap_or_default(),
                usage: Resources::new(),
                instance_types: Arc::clone(&self.types),
                unsupported: Vec::new(),
            });
        }
        builder.build().unwrap_or_default()
    }

    fn surveyed(&self, node: &Node, claims: &[Claim]) -> windlass_solver::Node {
        let claim = claims.iter().find(|claim| claim.provider_id() == Some(node.provider_id.as_ref()));
        let initialized = node.is(label::INITIALIZED);
        let startup = claim.map_or(&[][..], |claim| &claim.startup_taints);
        let lasting = |taint: &&Taint| initialized || !(startup.contains(taint) || is_ephemeral(taint));
        let mut labels = claim.map(Claim::node_labels).unwrap_or_default();
        labels.extend(node.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        let expected = claim.filter(|_| !initialized && node.allocatable.is_empty()).map(|claim| claim.allocatable.clone());
        let mut requested = self.used(&node.name);
        let has_daemon =
            self.cluster.pods.values().any(|pod| pod.wave == usize::MAX && pod.pod.node.as_ref() == Some(&node.name));
        if !has_daemon {
            requested.add(&self.daemon.shape.requests);
        }
        windlass_solver::Node {
            name: node.name.clone(),
            node_pool: claim.map(|claim| claim.pool.clone()),
            labels,
            taints: node.taints.iter().filter(lasting).cloned().collect(),
            allocatable: expected.unwrap_or_else(|| node.allocatable.clone()),
            requested,
            host_ports: Vec::new(),
            schedulable: node.deleting.is_none() && claim.is_some_and(|claim| claim.deleting.is_none()),
            initialized,
            pods: Vec::new(),
            running: Vec::new(),
        }
    }
}
