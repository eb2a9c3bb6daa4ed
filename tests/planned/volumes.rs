//! Volumes, end to end: manifests in, a checked plan out. Each test is named after its rule.

use super::{planned, pool};
use windlass::manifest::Source;
use windlass_solver::Plan;

const CLASS: &str = "
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: gp3}
provisioner: ebs.csi.aws.com
volumeBindingMode: WaitForFirstConsumer
";

/// A node of 4 cores in us-west-2b, named after its host.
fn node(name: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Node
metadata: {{name: {name}, labels: {{topology.kubernetes.io/zone: us-west-2b, kubernetes.io/hostname: {name}}}}}
spec: {{providerID: aws:///us-west-2b/i-{name}}}
status: {{allocatable: {{cpu: 4, memory: 8Gi, pods: 50}}, capacity: {{cpu: 4, memory: 8Gi, pods: 50}}}}
"
    )
}

fn pod(name: &str, claim: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  containers: [{{name: a, resources: {{requests: {{cpu: 100m, memory: 100Mi}}}}}}]
  volumes: [{{name: disk, persistentVolumeClaim: {{claimName: {claim}}}}}]
"
    )
}

fn claim(name: &str, spec: &str) -> String {
    format!("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n")
}

/// A claim `name` and its EBS volume that can be used where `key` is `value`.
fn disk(name: &str, key: &str, value: &str) -> String {
    let claim = claim(name, &format!("volumeName: pv-{name}"));
    format!(
        "{claim}---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: pv-{name}}}
spec:
  csi: {{driver: ebs.csi.aws.com, volumeHandle: vol-{name}}}
  nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: [{{key: {key}, operator: In, values: [{value}]}}]}}]}}}}
"
    )
}

fn set(replicas: u32) -> String {
    format!(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec: {{containers: [{{name: a, resources: {{requests: {{cpu: 10m, memory: 10Mi}}}}}}]}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{storageClassName: gp3, accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"
    )
}

/// The plan for these documents and the pool. Nothing is wrong with any of them.
fn plan(documents: &[String]) -> Plan {
    let pool = pool(&[
        "{key: node.kubernetes.io/instance-type, operator: In, values: [m5.large]}",
        "{key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}",
    ]);
    let text = [&pool, documents].concat().join("\n---\n");
    let (_, plan, found) = planned(&[Source::Stdin(text.into_bytes())]);
    assert_eq!(found, []);
    plan
}

/// Where the pods go: `zone: pods` for new nodes, `node: pods` for others, and `pod: reason: message`.
fn lines(plan: &Plan) -> Vec<String> {
    let names = |pods: &[windlass_solver::ObjectKey]| pods.iter().map(|pod| &*pod.name).collect::<Vec<_>>().join(" ");
    let existing = plan.existing_nodes.iter().map(|place| format!("{}: {}", place.node, names(&place.pods)));
    let new = plan.nodes.iter().map(|node| format!("{}: {}", node.offering.zone, names(&node.pods)));
    let nowhere = plan.unschedulable.iter().map(|entry| format!("{}: {}: {}", entry.pod.name, entry.reason, entry.message));
    existing.chain(new).chain(nowhere).collect()
}

#[test]
fn a_bound_volume_decides_the_zone_of_the_node_and_of_each_alternative() {
    let documents = [
        pod("a", "a"),
        pod("b", "b"),
        disk("a", "topology.kubernetes.io/zone", "us-west-2a"),
        disk("b", "topology.ebs.csi.aws.com/zone", "us-west-2b"),
    ];
    let plan = plan(&documents);
    assert_eq!(lines(&plan), ["us-west-2a: a", "us-west-2b: b"]);
    for node in &plan.nodes {
        assert!(node.alternatives.iter().all(|other| other.zone == node.offering.zone), "{node:?}");
    }
}

#[test]
fn a_volume_in_the_zone_of_an_existing_node_lets_its_pod_go_there() {
    let documents = [
        node("n1"),
        pod("a", "a"),
        pod("b", "b"),
        disk("a", "topology.kubernetes.io/zone", "us-west-2a"),
        disk("b", "topology.kubernetes.io/zone", "us-west-2b"),
    ];
    assert_eq!(lines(&plan(&documents)), ["n1: b", "us-west-2a: a"]);
}

#[test]
fn a_local_volume_ties_its_pod_to_its_machine() {
    let documents = [node("n1"), node("n2"), pod("a", "a"), disk("a", "kubernetes.io/hostname", "n2")];
    assert_eq!(lines(&plan(&documents)), ["n2: a"]);
    let gone = lines(&plan(&[pod("a", "a"), disk("a", "kubernetes.io/hostname", "n2")]));
    assert!(gone[0].starts_with("a: NoMatchingInstanceType: "), "{gone:?}");
    assert!(gone[0].contains("where its volumes can be used (kubernetes.io/hostname In [n2])"), "{gone:?}");
}

#[test]
fn volume_and_node_affinity_must_both_hold() {
    let affine = |zones: &str| {
        pod("a", "a").replace(
            "spec:\n  containers",
            &format!(
                "spec:\n  affinity: {{nodeAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: {{nodeSelectorTerms: [{{matchExpressions: \
                 [{{key: topology.kubernetes.io/zone, operator: In, values: [{zones}]}}]}}]}}}}}}\n  containers"
            ),
        )
    };
    let volume = disk("a", "topology.kubernetes.io/zone", "us-west-2b");
    assert_eq!(lines(&plan(&[affine("us-west-2a, us-west-2b"), volume.clone()])), ["us-west-2b: a"]);
    let apart = plan(&[affine("us-west-2a"), volume]);
    assert_eq!(apart.unschedulable[0].reason.as_str(), "NoMatchingInstanceType");
    assert_eq!(apart.unschedulable[0].funnel.last().unwrap().step, "volumes");
}

#[test]
fn a_class_that_waits_for_its_pod_makes_volumes_where_it_may() {
    let class = format!(
        "{CLASS}allowedTopologies:\n- matchLabelExpressions: [{{key: topology.ebs.csi.aws.com/zone, values: [us-west-2c]}}]\n"
    );
    assert_eq!(lines(&plan(&[pod("a", "a"), claim("a", "storageClassName: gp3"), class])), ["us-west-2c: a"]);
}

#[test]
fn claims_of_a_stateful_set_that_exist_keep_their_zone_and_others_are_made() {
    let documents = [set(3), CLASS.to_owned(), disk("data-db-1", "topology.kubernetes.io/zone", "us-west-2b")];
    assert_eq!(lines(&plan(&documents)), ["us-west-2b: db-0 db-1 db-2"]);
}

#[test]
fn a_pod_whose_claim_is_not_ready_waits_and_others_do_not() {
    let documents = [pod("a", "missing"), pod("b", "b"), disk("b", "topology.kubernetes.io/zone", "us-west-2b")];
    assert_eq!(
        lines(&plan(&documents)),
        [
            "us-west-2b: b",
            "a: VolumeNotReady: PersistentVolumeClaim default/missing does not exist: create it, or add it to the input",
        ]
    );
}

#[test]
fn a_claim_for_one_pod_refuses_the_second() {
    let alone = disk("a", "topology.kubernetes.io/zone", "us-west-2b")
        .replace("volumeName: pv-a", "volumeName: pv-a, accessModes: [ReadWriteOncePod]");
    assert_eq!(
        lines(&plan(&[pod("second", "a"), pod("first", "a"), alone])),
        [
            "us-west-2b: first",
            "second: VolumeNotReady: PersistentVolumeClaim default/a is ReadWriteOncePod, and pod default/first uses it",
        ]
    );
}

/// An m5.large shares 28 attachments among volumes and 3 network interfaces; its root volume leaves 24 to pods.
#[test]
fn a_new_node_attaches_no_more_volumes_than_its_type_can() {
    let plan = plan(&[set(25), CLASS.to_owned()]);
    let counts: Vec<usize> = plan.nodes.iter().map(|node| node.pods.len()).collect();
    assert_eq!((counts.iter().sum::<usize>(), counts.len()), (25, 2));
    for node in &plan.nodes {
        assert_eq!(node.allocatable.get("attachable-volumes-csi-ebs.csi.aws.com"), 24);
    }
}

#[test]
fn an_existing_node_attaches_what_its_csi_node_leaves() {
    let csi = "
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: {name: n1}
spec: {drivers: [{name: ebs.csi.aws.com, nodeID: i-n1, topologyKeys: [], allocatable: {count: 3}}]}
";
    let running = pod("running", "r").replace("spec:\n", "spec:\n  nodeName: n1\n");
    let documents =
        [node("n1"), csi.to_owned(), running, disk("r", "topology.kubernetes.io/zone", "us-west-2b"), set(3), CLASS.to_owned()];
    let plan = plan(&documents);
    assert_eq!(lines(&plan)[0], "n1: db-0 db-1");
    assert_eq!((plan.summary.placed, plan.nodes.len()), (3, 1));
}

#[test]
fn volumes_of_a_driver_without_limit_are_not_counted() {
    let shared = disk("a", "topology.kubernetes.io/region", "us-west-2").replace("ebs.csi.aws.com", "efs.csi.aws.com");
    let documents: Vec<String> = (0..28).map(|index| pod(&format!("p{index:02}"), "a")).chain([node("n1"), shared]).collect();
    let plan = plan(
        &documents
            .iter()
            .map(|text| {
                text.replace(
                    "topology.kubernetes.io/zone: us-west-2b",
                    "topology.kubernetes.io/zone: us-west-2b, topology.kubernetes.io/region: us-west-2",
                )
            })
            .collect::<Vec<_>>(),
    );
    assert_eq!((plan.existing_nodes[0].pods.len(), plan.nodes.len()), (28, 0));
}

#[test]
fn what_is_left_of_volumes_is_refused_by_name() {
    let in_tree = "
apiVersion: v1
kind: Pod
metadata: {name: old}
spec: {containers: [{name: a}], volumes: [{name: disk, awsElasticBlockStore: {volumeID: vol-1}}]}
";
    let fixed = CLASS.replace("ebs.csi.aws.com", "kubernetes.io/no-provisioner");
    let documents = [in_tree.to_owned(), pod("static", "a"), claim("a", "storageClassName: gp3"), fixed];
    let plan = plan(&documents);
    let told: Vec<String> = plan.unschedulable.iter().map(|entry| format!("{}: {}", entry.reason, entry.message)).collect();
    assert!(told[0].starts_with("NotYetSupported: it asks for an in-tree volume without a claim"), "{told:?}");
    assert!(told[1].starts_with("NotYetSupported: it asks for a volume of a class without provisioner"), "{told:?}");
}
