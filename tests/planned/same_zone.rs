//! Pods that share a zone without naming it (`windlass.dev/same-zone-as`), end to end: manifests in, a checked plan out.

use super::{planned, pool};
use std::collections::BTreeSet;
use windlass::manifest::Source;
use windlass_solver::Plan;

/// Machines of four cores, so that each pod of [`spark`] has one to itself.
const FOUR_CORES: &str = "{key: karpenter.k8s.aws/instance-cpu, operator: In, values: ['4']}";

/// A pod of three cores as Spark on Kubernetes makes them, annotated.
fn spark(name: &str, app: &str, role: &str, spec: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: spark
  labels: {{spark-app-selector: {app}, spark-role: {role}}}
  annotations: {{windlass.dev/same-zone-as: spark-app-selector}}
spec:
  containers: [{{name: spark, resources: {{requests: {{cpu: 3, memory: 4Gi}}}}}}]
  {spec}
"
    )
}

/// An application of a driver and three executors, which start with `app`.
fn application(app: &str, driver: &str) -> Vec<String> {
    let executors = (1..=3).map(|index| spark(&format!("{app}-exec-{index}"), app, "executor", ""));
    executors.chain([spark(&format!("{app}-driver"), app, "driver", driver)]).collect()
}

fn read(pods: &[String]) -> Vec<Source> {
    let pool = pool(&[FOUR_CORES]);
    vec![Source::Stdin(pool.iter().chain(pods).cloned().collect::<Vec<_>>().join("\n---\n").into_bytes())]
}

/// The zones of new nodes with pods whose names start with `app`.
fn zones(plan: &Plan, app: &str) -> BTreeSet<String> {
    let of_app = plan.nodes.iter().filter(|node| node.pods.iter().any(|pod| pod.name.starts_with(app)));
    of_app.map(|node| node.offering.zone.to_string()).collect()
}

#[test]
fn an_application_goes_to_the_zone_of_the_one_that_names_it() {
    let pods =
        [application("here", "nodeSelector: {topology.kubernetes.io/zone: us-west-2c}"), application("there", "")].concat();
    let (_, plan, found) = planned(&read(&pods));
    assert_eq!((found, plan.unschedulable.len(), plan.nodes.len()), (Vec::new(), 0, 8));
    assert_eq!(zones(&plan, "here"), ["us-west-2c".to_owned()].into());
    assert_eq!(zones(&plan, "there").len(), 1);
}

#[test]
fn an_application_that_names_two_zones_is_refused_and_not_torn_apart() {
    let mut pods = application("torn", "nodeSelector: {topology.kubernetes.io/zone: us-west-2c}");
    pods.push(spark("torn-exec-4", "torn", "executor", "nodeSelector: {topology.kubernetes.io/zone: us-west-2b}"));
    let (_, plan, _) = planned(&read(&pods));
    assert_eq!((zones(&plan, "torn"), plan.unschedulable.len()), (["us-west-2c".to_owned()].into(), 1));
    assert_eq!(plan.unschedulable[0].pod.to_string(), "spark/torn-exec-4");
}

#[test]
fn executors_follow_a_driver_that_runs() {
    let mut pods = application("late", "nodeName: node-1");
    pods.push(
        "
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {topology.kubernetes.io/zone: us-west-2b, kubernetes.io/hostname: node-1}}
spec: {providerID: aws:///us-west-2b/i-1}
status: {allocatable: {cpu: 4, memory: 8Gi, pods: 50}, capacity: {cpu: 4, memory: 8Gi, pods: 50}}
"
        .to_owned(),
    );
    let (_, plan, _) = planned(&read(&pods));
    assert_eq!((zones(&plan, "late"), plan.nodes.len()), (["us-west-2b".to_owned()].into(), 3));
}

#[test]
fn applications_of_one_name_in_two_namespaces_have_nothing_in_common() {
    let one = application("app", "nodeSelector: {topology.kubernetes.io/zone: us-west-2c}");
    let other = spark("other-exec", "app", "executor", "nodeSelector: {topology.kubernetes.io/zone: us-west-2b}");
    let other = other.replace("namespace: spark", "namespace: elsewhere");
    let (_, plan, _) = planned(&read(&[one, vec![other]].concat()));
    assert_eq!((plan.unschedulable.len(), zones(&plan, "other")), (0, ["us-west-2b".to_owned()].into()));
}

#[test]
fn a_template_may_say_it_and_a_label_that_is_not_there_is_an_error() {
    let deployment = |key: &str| {
        format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: spark}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}, annotations: {{windlass.dev/same-zone-as: {key}}}}}
    spec: {{containers: [{{name: a, resources: {{requests: {{cpu: 3, memory: 4Gi}}}}}}]}}
"
        )
    };
    let (snapshot, plan, found) = planned(&read(&[deployment("app")]));
    assert_eq!((zones(&plan, "web").len(), plan.nodes.len(), found), (1, 2, Vec::new()));
    assert_eq!(snapshot.pods()[0].shape.topology.same_zone.len(), 1);
    let (snapshot, _, found) = planned(&read(&[deployment("team"), spark("alone", "alone", "driver", "")]));
    assert_eq!(snapshot.pods().len(), 1);
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    let at = "spec.template.metadata.annotations[windlass.dev/same-zone-as]";
    assert!(texts.len() == 1 && texts[0].contains(at) && texts[0].contains("\"team\" is no label of the pod"), "{texts:?}");
    let pod = spark("bad", "bad", "driver", "").replace("same-zone-as: spark-app-selector", "same-zone-as: ''");
    let (snapshot, _, found) = planned(&read(&[pod]));
    assert_eq!((snapshot.pods().len(), found.len()), (0, 1));
}
