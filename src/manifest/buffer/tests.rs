use crate::manifest::{Inventory, Options, Source, read};
use std::fmt::Write as _;

const DEPLOYMENT: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 10
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      priorityClassName: high
      containers: [{name: a, resources: {requests: {cpu: 500m, memory: 1Gi}}}]
      volumes: [{name: disk, persistentVolumeClaim: {claimName: c}}]
";
const TEMPLATE: &str = "---
apiVersion: v1
kind: PodTemplate
metadata: {name: spare}
template:
  metadata: {labels: {app: spare}}
  spec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}
";

fn inventory(documents: &[&str], spec: &str) -> Inventory {
    let mut text: String = documents.concat();
    let _ = write!(
        text,
        "---\napiVersion: autoscaling.x-k8s.io/v1beta1\nkind: CapacityBuffer\nmetadata: {{name: room}}\nspec: {spec}\n"
    );
    read(&[Source::Stdin(text.into_bytes())], &Options::default()).unwrap()
}

/// The pods of the buffer, if nothing is wrong.
fn size(documents: &[&str], spec: &str) -> usize {
    let found = inventory(documents, spec);
    assert_eq!(findings(&found), Vec::<String>::new(), "{spec}");
    let sets = found.pods.iter().filter(|set| &*set.value.owner == "CapacityBuffer/default/room");
    sets.map(|set| set.value.keys.len()).sum()
}

fn findings(inventory: &Inventory) -> Vec<String> {
    inventory.diagnostics.iter().map(ToString::to_string).collect()
}

const OF_WEB: &str = "scalableRef: {apiGroup: apps, kind: Deployment, name: web}";

#[test]
fn a_buffer_is_room_for_pods_that_give_way_and_need_no_volume() {
    let found = inventory(&[DEPLOYMENT], &format!("{{{OF_WEB}, replicas: 3}}"));
    assert_eq!(findings(&found), Vec::<String>::new());
    let set = found.pods.iter().find(|set| &*set.value.owner == "CapacityBuffer/default/room").unwrap();
    let keys: Vec<String> = set.value.keys.iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["default/room-0", "default/room-1", "default/room-2"]);
    let spec = &set.value.spec;
    assert_eq!((spec.priority, spec.priority_class_name.as_deref()), (Some(i32::MIN), None));
    assert!(spec.volumes.as_ref().is_none_or(Vec::is_empty));
    assert_eq!(set.value.labels.get("app").map(AsRef::as_ref), Some("web"));
    let web = found.pods.iter().find(|set| &*set.value.owner == "Deployment/default/web").unwrap();
    assert_eq!((web.value.keys.len(), web.value.spec.volumes.as_ref().map(Vec::len)), (10, Some(1)));
}

#[test]
fn the_size_is_the_larger_of_replicas_and_share_within_limits() {
    for (fields, pods) in [
        ("replicas: 0", 0),
        ("percentage: 15", 2),
        ("percentage: 0", 1),
        ("replicas: 3, percentage: 15", 3),
        ("replicas: 1, percentage: 50", 5),
        ("replicas: 8, limits: {cpu: 2}", 4),
        ("replicas: 8, limits: {cpu: 2, memory: 3Gi}", 3),
        ("limits: {memory: 2560Mi}", 2),
        ("replicas: 8, limits: {nvidia.com/gpu: 1}", 8),
    ] {
        assert_eq!(size(&[DEPLOYMENT], &format!("{{{OF_WEB}, {fields}}}")), pods, "{fields}");
    }
}

#[test]
fn a_template_that_a_buffer_uses_is_no_pod_of_its_own() {
    let found = inventory(&[TEMPLATE], "{podTemplateRef: {name: spare}, replicas: 2}");
    let owners: Vec<(&str, usize)> = found.pods.iter().map(|set| (&*set.value.owner, set.value.keys.len())).collect();
    assert_eq!(owners, [("CapacityBuffer/default/room", 2)]);
}

#[test]
fn what_makes_no_sense_is_said_and_changes_nothing_else() {
    for (spec, message) in [
        ("{replicas: 1}", "spec: needs either podTemplateRef or scalableRef"),
        ("{podTemplateRef: {name: spare}}", "spec: says not how large it is"),
        ("{podTemplateRef: {name: spare}, percentage: 10}", "spec.percentage: a PodTemplate has no replicas"),
        ("{podTemplateRef: {name: other}, replicas: 1}", "there is no PodTemplate/default/other in the input"),
        ("{podTemplateRef: {name: spare}, replicas: -1}", "spec.replicas: -1 is negative"),
        (
            "{podTemplateRef: {name: spare}, replicas: 1, provisioningStrategy: x}",
            "spec.provisioningStrategy: \"x\" is not supported",
        ),
        ("{podTemplateRef: {name: spare}, limits: {memory: 1Gi}}", "spec.limits: none of these resources is requested"),
        ("{podTemplateRef: {name: spare}, replicas: 200000}", "room for 200000 pods; at most 150000"),
        ("{scalableRef: {apiGroup: x.io, kind: Job, name: a}, replicas: 1}", "spec.scalableRef.kind: x.io/Job is not supported"),
        ("{podTemplateRef: {name: spare}, replicas: 1, replica: 2}", "replica"),
    ] {
        let found = inventory(&[TEMPLATE, DEPLOYMENT], spec);
        let all = findings(&found);
        assert!(all.len() == 1 && all[0].contains(message), "{spec}: {all:?}");
        assert!(found.pods.iter().any(|set| &*set.value.owner == "Deployment/default/web" && set.value.keys.len() == 10));
    }
}
