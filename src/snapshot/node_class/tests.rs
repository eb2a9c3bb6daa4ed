use super::{Classes, Limits, PREFIX_DELEGATION, Surroundings, classes};
use crate::diagnostic::Diagnostic;
use crate::snapshot::Settings;
use crate::snapshot::fixture::{catalog, node_class, shown, sourced};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use windlass_solver::InstanceType;

struct Read {
    classes: Classes,
    unresolved: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
}

fn read_all(objects: Vec<Value>) -> Read {
    let (mut unresolved, mut diagnostics) = (BTreeSet::new(), Vec::new());
    let objects: Vec<_> = objects.into_iter().map(sourced).collect();
    let objects: Vec<_> = objects.iter().collect();
    let around = Surroundings { catalog: catalog(), settings: &Settings::default(), limits: &Limits::default() };
    let classes = classes(&objects, around, &mut unresolved, &mut diagnostics);
    Read { classes, unresolved, diagnostics }
}

fn read(patch: Value) -> Read {
    read_all(vec![node_class(patch)])
}

impl Read {
    fn types(&self) -> &Arc<[InstanceType]> {
        &self.classes["default"].as_ref().unwrap_or_else(|why| panic!("{why}")).instance_types
    }

    fn find(&self, name: &str) -> Option<&InstanceType> {
        self.types().iter().find(|kind| kind.name.as_str() == name)
    }

    fn capacity(&self, name: &str, resource: &str) -> i64 {
        self.find(name).unwrap().capacity.get(resource)
    }
}

#[test]
fn the_kubelets_settings_change_what_a_node_holds() {
    let plain = read(json!({}));
    let tuned = read(json!({"spec": {"kubelet": {
        "maxPods": 17,
        "kubeReserved": {"memory": "1Gi", "pid": 1000},
        "systemReserved": {"cpu": "100m"},
        "evictionHard": {"memory.available": "5%"},
        "evictionSoft": {"memory.available": "50%"}, "evictionSoftGracePeriod": {"memory.available": "1m"}}}}));
    assert_eq!((plain.capacity("m5.large", "pods"), tuned.capacity("m5.large", "pods")), (29, 17));
    let overhead = &tuned.find("m5.large").unwrap().overhead;
    assert_eq!(overhead.kube_reserved.get("memory"), 1 << 30);
    assert_eq!((overhead.kube_reserved.get("cpu"), overhead.kube_reserved.get("pid")), (70, 0));
    assert_eq!(overhead.system_reserved.get("cpu"), 100);
    let memory = tuned.capacity("m5.large", "memory");
    assert!((overhead.eviction_threshold.get("memory") - memory / 20).abs() <= 1);
    assert_eq!(shown(&tuned.diagnostics), "");
}

#[test]
fn volumes_and_local_disks_decide_ephemeral_storage() {
    let volume = |device: &str| json!({"spec": {"blockDeviceMappings": [{"deviceName": device, "ebs": {"volumeSize": "100Gi", "volumeType": "gp3"}}]}});
    assert_eq!(read(volume("/dev/xvda")).capacity("m5.large", "ephemeral-storage"), 100 << 30);
    assert_eq!(read(volume("/dev/sdb")).capacity("m5.large", "ephemeral-storage"), 20 << 30);
    let raid = read(json!({"spec": {"instanceStorePolicy": "RAID0"}}));
    assert_eq!(raid.capacity("m5.large", "ephemeral-storage"), 20 << 30);
    assert!(raid.capacity("i4i.2xlarge", "ephemeral-storage") > 1_800_000_000_000);
}

#[test]
fn the_family_comes_from_field_or_alias() {
    assert!(read(json!({})).find("a1.xlarge").is_none(), "AL2023 does not start on the first Graviton");
    assert!(read(json!({"spec": {"amiSelectorTerms": [{"alias": "al2@latest"}]}})).find("a1.xlarge").is_some());
    let windows = read(json!({"spec": {"amiSelectorTerms": [{"alias": "windows2022@latest"}]}}));
    assert_eq!(windows.find("m5.large").unwrap().labels.get("kubernetes.io/os").map(AsRef::as_ref), Some("windows"));
    assert!(windows.find("m6g.large").is_none());
    let none = read(json!({"spec": {"amiSelectorTerms": [{"id": "ami-0"}]}}));
    assert!(none.classes["default"].is_err());
    assert!(
        shown(&none.diagnostics).contains("EC2NodeClass/default: spec.amiFamily: is missing"),
        "{}",
        shown(&none.diagnostics)
    );
}

#[test]
fn resolved_images_restrict_types_and_resolved_subnets_restrict_zones() {
    let resolved = read(json!({"status": {
        "amis": [{"id": "ami-0", "requirements": [
            {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]},
            {"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "DoesNotExist"}]}],
        "subnets": [{"id": "subnet-0", "zone": "us-west-2b", "zoneID": "usw2-az1"}]}}));
    assert!(resolved.find("m6g.large").is_some() && resolved.find("m5.large").is_none() && resolved.find("g5g.xlarge").is_none());
    let zones: BTreeSet<_> =
        resolved.types().iter().flat_map(|kind| &kind.offerings).map(|offering| offering.zone.as_str()).collect();
    assert_eq!(zones, BTreeSet::from(["us-west-2b"]));
    assert!(resolved.unresolved.is_empty());

    let open = read(json!({}));
    assert!(open.find("m6g.large").is_some() && open.find("m5.large").is_some());
    assert_eq!(open.unresolved, BTreeSet::from(["default".to_owned()]));
}

#[test]
fn an_image_of_ones_own_without_status_is_assumed_to_boot_everywhere_and_says_so() {
    let own = read(json!({"spec": {"amiFamily": "AL2023", "amiSelectorTerms": [{"id": "ami-0"}]}}));
    assert!(own.find("m6g.large").is_some() && own.find("m5.large").is_some());
    assert!(shown(&own.diagnostics).contains("status.amis: is empty, so every architecture is assumed"));
    assert!(!own.diagnostics[0].is_error());
}

#[test]
fn a_subnet_in_a_zone_of_another_region_is_pointed_out() {
    let foreign = read(json!({"status": {"subnets": [{"id": "subnet-0", "zone": "eu-west-1a"}]}}));
    assert!(foreign.types().iter().all(|kind| kind.offerings.is_empty()));
    assert!(shown(&foreign.diagnostics).contains("zone eu-west-1a is not a zone of us-west-2"));
}

#[test]
fn prefix_delegation_is_asked_for_by_annotation() {
    let with = |value: &str| read(json!({"metadata": {"annotations": {PREFIX_DELEGATION: value}}}));
    assert_eq!((with("false").capacity("m5.large", "pods"), with("true").capacity("m5.large", "pods")), (29, 110));
    let odd = with("yes");
    assert!(odd.classes["default"].is_err() && shown(&odd.diagnostics).contains("\"yes\" is neither \"true\" nor \"false\""));
}

#[test]
fn features_of_the_hardware_leave_out_types_without_them() {
    let tracked = read(json!({"spec": {"connectionTracking": {"udpTimeout": 30}}}));
    assert!(tracked.find("m4.large").is_none() && tracked.find("m5.large").is_some());
    let fabric = read(json!({"spec": {"networkInterfaces": [
        {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
        {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"}]}}));
    assert!(fabric.find("m5.large").is_none());
    assert_eq!(fabric.capacity("c5n.18xlarge", "vpc.amazonaws.com/efa"), 1);
}

#[test]
fn what_decides_and_is_not_known_is_refused_or_warned_about() {
    for (patch, expected, refused) in [
        (json!({"spec": {"placementGroupSelector": {"name": "pg"}}}), "spec.placementGroupSelector: is not supported", true),
        (
            json!({"spec": {"kubelet": {"kubeReserved": {"cpu": "-1"}}}}),
            "spec.kubelet.kubeReserved.cpu: \"-1\" is negative",
            true,
        ),
        (
            json!({"spec": {"kubelet": {"evictionHard": {"memory.available": "200%"}}}}),
            "evictionHard.memory.available: \"200%\"",
            true,
        ),
        (json!({"spec": {"kubelet": {"reservedSystemCPUs": "0-1"}}}), "spec.kubelet.reservedSystemCPUs: is not modelled", false),
    ] {
        let read = read(patch);
        let messages = shown(&read.diagnostics);
        assert!(
            messages.starts_with("input.yaml:7 (document 1): EC2NodeClass/default: ") && messages.contains(expected),
            "{messages}"
        );
        assert_eq!(read.classes["default"].is_err(), refused, "{messages}");
    }
}

#[test]
fn classes_that_agree_about_types_share_their_list() {
    let named = |name: &str, patch: Value| {
        let mut class = node_class(json!({"metadata": {"name": name}}));
        crate::snapshot::fixture::merge(&mut class, patch);
        class
    };
    let read = read_all(vec![
        named("a", json!({"spec": {"role": "one", "tags": {"x": "y"}}})),
        named("b", json!({"spec": {"role": "two", "userData": "echo"}})),
        named("c", json!({"spec": {"kubelet": {"maxPods": 20}}})),
    ]);
    let list = |name: &str| Arc::clone(&read.classes[name].as_ref().unwrap_or_else(|why| panic!("{why}")).instance_types);
    assert!(Arc::ptr_eq(&list("a"), &list("b")) && !Arc::ptr_eq(&list("a"), &list("c")));
}
