//! Pod specs reduced to what decides, and everything that many pods have in common kept once.

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use windlass_solver::Labels;

/// Keeps one copy of equal names, label sets and pod specs.
#[derive(Debug, Default)]
pub(super) struct Interner {
    names: BTreeSet<Arc<str>>,
    labels: BTreeSet<Arc<Labels>>,
    /// By their JSON, since the API's types have no order.
    specs: BTreeMap<String, Arc<PodSpec>>,
}

impl Interner {
    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Arc<str> = text.into();
        self.names.insert(name.clone());
        name
    }

    pub(super) fn labels(&mut self, labels: Option<&BTreeMap<String, String>>) -> Arc<Labels> {
        let made: Labels = labels.into_iter().flatten().map(|(key, value)| (self.name(key), self.name(value))).collect();
        if let Some(known) = self.labels.get(&made) {
            return known.clone();
        }
        let made = Arc::new(made);
        self.labels.insert(made.clone());
        made
    }

    /// Forgets what nobody but the interner has any more.
    pub(super) fn sweep(&mut self) {
        self.specs.retain(|_, spec| Arc::strong_count(spec) > 1);
        self.labels.retain(|labels| Arc::strong_count(labels) > 1);
        self.names.retain(|name| Arc::strong_count(name) > 1);
    }

    /// How many specs are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.specs.len()
    }

    /// The spec, reduced.
    pub(super) fn spec(&mut self, spec: PodSpec) -> Arc<PodSpec> {
        let reduced = reduce(spec);
        // A spec that was read from JSON can be written as JSON; if not, it is merely not shared.
        let Ok(text) = serde_json::to_string(&reduced) else { return Arc::new(reduced) };
        self.specs.entry(text).or_insert_with(|| Arc::new(reduced)).clone()
    }
}

/// Drops what decides nothing: images, commands, environment, probes, mounts, volumes without a disk of their own, and `nodeName`,
/// which would make every running pod different.
fn reduce(spec: PodSpec) -> PodSpec {
    let on_host = spec.host_network == Some(true);
    let containers = |all: Vec<Container>| all.into_iter().map(|one| reduce_container(one, on_host)).collect();
    PodSpec {
        affinity: spec.affinity,
        containers: containers(spec.containers),
        init_containers: spec.init_containers.filter(|all| !all.is_empty()).map(containers),
        host_network: on_host.then_some(true),
        node_selector: spec.node_selector.filter(|all| !all.is_empty()),
        os: spec.os,
        overhead: spec.overhead,
        priority: spec.priority,
        priority_class_name: spec.priority_class_name,
        resource_claims: spec.resource_claims.filter(|all| !all.is_empty()),
        resources: spec.resources,
        runtime_class_name: spec.runtime_class_name,
        scheduling_gates: spec.scheduling_gates.filter(|all| !all.is_empty()),
        tolerations: spec.tolerations.filter(|all| !all.is_empty()),
        topology_spread_constraints: spec.topology_spread_constraints.filter(|all| !all.is_empty()),
        volumes: spec.volumes.map(|all| all.into_iter().filter(has_disk).collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        ..PodSpec::default()
    }
}

fn reduce_container(container: Container, on_host: bool) -> Container {
    let on_node = |port: &k8s_openapi::api::core::v1::ContainerPort| on_host || port.host_port.is_some_and(|port| port != 0);
    Container {
        name: container.name,
        ports: container.ports.map(|all| all.into_iter().filter(on_node).collect::<Vec<_>>()).filter(|all| !all.is_empty()),
        resources: container.resources,
        restart_policy: container.restart_policy,
        ..Container::default()
    }
}

/// Whether a volume is a disk that is bound to a topology or counted against what a node can attach.
fn has_disk(volume: &Volume) -> bool {
    volume.persistent_volume_claim.is_some()
        || volume.ephemeral.is_some()
        || volume.aws_elastic_block_store.is_some()
        || volume.gce_persistent_disk.is_some()
        || volume.azure_disk.is_some()
        || volume.cinder.is_some()
        || volume.vsphere_volume.is_some()
        || volume.photon_persistent_disk.is_some()
        || volume.portworx_volume.is_some()
        || volume.scale_io.is_some()
        || volume.storageos.is_some()
        || volume.iscsi.is_some()
        || volume.rbd.is_some()
        || volume.fc.is_some()
}

#[cfg(test)]
mod tests {
    use super::Interner;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn pods_that_differ_in_nothing_that_decides_share_one_spec() {
        let mut interner = Interner::default();
        let mut spec = |image: &str, volume: serde_json::Value, node: &str| {
            let spec = json!({
                "nodeName": node, "serviceAccountName": image, "tolerations": [], "volumes": [volume],
                "containers": [{"name": "a", "image": image, "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": 1}}}]
            });
            interner.spec(serde_json::from_value(spec).unwrap())
        };
        let one = spec("x", json!({"name": "token-1", "projected": {}}), "n1");
        let two = spec("y", json!({"name": "token-2", "emptyDir": {}}), "n2");
        let other = spec("x", json!({"name": "disk", "persistentVolumeClaim": {"claimName": "c"}}), "n1");
        assert!(Arc::ptr_eq(&one, &two));
        assert!(!Arc::ptr_eq(&one, &other));
        assert_eq!((one.node_name.as_ref(), one.containers[0].ports.as_ref(), one.volumes.as_ref()), (None, None, None));
        assert_eq!(other.volumes.as_ref().map(Vec::len), Some(1));
    }
}
