//! EC2NodeClasses: selectors, and settings of the machine and the kubelet.
#![allow(clippy::too_many_lines)] // Tables of cases are long and read well.

use super::{accepted, errors, node_class, refused, warnings, with};
use serde_json::{Value, json};
use windlass::api::admit;

#[test]
fn node_class_selectors() {
    let alias = "'alias' is mutually exclusive, cannot be set with a combination of other fields in a selector term";
    refused(
        node_class,
        &[
            (
                "/spec/subnetSelectorTerms",
                json!([]),
                "spec.subnetSelectorTerms: Invalid value: subnetSelectorTerms cannot be empty",
            ),
            (
                "/spec/subnetSelectorTerms/0",
                json!({}),
                "spec.subnetSelectorTerms[0]: Invalid value: expected at least one, got none, ['tags', 'id']",
            ),
            (
                "/spec/subnetSelectorTerms/0/id",
                json!("subnet-1"),
                "spec.subnetSelectorTerms[0]: Invalid value: 'id' is mutually exclusive, cannot be set with a combination of other fields in a selector term",
            ),
            (
                "/spec/subnetSelectorTerms/0",
                json!({ "id": "net-1" }),
                "spec.subnetSelectorTerms[0].id: Invalid value: \"net-1\": should match '^subnet-[0-9a-z]+$'",
            ),
            (
                "/spec/subnetSelectorTerms/0/tags",
                json!({ "a": "" }),
                "spec.subnetSelectorTerms[0].tags: Invalid value: empty tag keys or values aren't supported",
            ),
            (
                "/spec/amiSelectorTerms",
                json!([{ "alias": "al2023@latest" }, { "id": "ami-1" }]),
                "spec.amiSelectorTerms: Invalid value: 'alias' is mutually exclusive, cannot be set with other amiSelectorTerms",
            ),
            (
                "/spec/amiSelectorTerms/0",
                json!({ "alias": "al2023@latest", "owner": "self" }),
                &format!("spec.amiSelectorTerms[0]: Invalid value: {alias}"),
            ),
            (
                "/spec/amiSelectorTerms/0/alias",
                json!("al2023"),
                "spec.amiSelectorTerms[0].alias: Invalid value: 'alias' is improperly formatted, must match the format 'family@version'",
            ),
            (
                "/spec/amiSelectorTerms/0/alias",
                json!("windows2022@v1"),
                "spec.amiSelectorTerms[0].alias: Invalid value: windows families may only specify version 'latest'",
            ),
            (
                "/spec/amiSelectorTerms/0",
                json!({ "id": "ami-1" }),
                "spec.amiFamily: Invalid value: must specify amiFamily if amiSelectorTerms does not contain an alias",
            ),
            (
                "/spec/amiFamily",
                json!("AL2"),
                "spec.amiFamily: Invalid value: if set, amiFamily must be 'AL2023' or 'Custom' when using an al2023 alias",
            ),
            ("/spec/role", json!(null), "spec: Invalid value: must specify exactly one of ['role', 'instanceProfile']"),
            ("/spec/instanceProfile", json!("p"), "spec: Invalid value: must specify exactly one of ['role', 'instanceProfile']"),
            ("/spec/role", json!(""), "spec.role: Invalid value: role cannot be empty"),
            (
                "/spec/placementGroupSelector",
                json!({ "name": "a", "id": "pg-1" }),
                "spec.placementGroupSelector: Invalid value: 'name' and 'id' are mutually exclusive",
            ),
            (
                "/spec/capacityReservationSelectorTerms",
                json!([{ "id": "cr-1", "ownerID": "123456789012" }]),
                "spec.capacityReservationSelectorTerms[0]: Invalid value: 'id' is mutually exclusive, cannot be set with a combination of other fields in a selector term",
            ),
        ],
    );
    accepted(
        node_class,
        &[
            ("/spec/amiFamily", json!("Custom")),
            ("/spec/amiFamily", json!("AL2023")),
            ("/spec/amiSelectorTerms/0/alias", json!("bottlerocket@v1.20.0")),
        ],
    );
}

#[test]
fn node_class_settings() {
    let tags = |count: usize| -> Value {
        (0..count).map(|index| (format!("k{index}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let interface =
        |card: i64, device: i64, kind: &str| json!({ "networkCardIndex": card, "deviceIndex": device, "interfaceType": kind });
    refused(
        node_class,
        &[
            ("/spec/tags", tags(51), "spec.tags: Too many: 51: must have at most 45 entries"),
            (
                "/spec/tags",
                json!({ "kubernetes.io/cluster/x": "owned" }),
                "spec.tags: Invalid value: tag contains a restricted tag matching kubernetes.io/cluster/",
            ),
            ("/spec/tags", json!({ "aws:x": "y" }), "spec.tags: Invalid value: tag contains a restricted tag matching aws:"),
            ("/spec/tags", json!({ "": "y" }), "spec.tags: Invalid value: empty tag keys aren't supported"),
            ("/spec/tags", json!({ "x".repeat(129): "y" }), "spec.tags: Invalid value: tag keys may have at most 128 characters"),
            ("/spec/tags", json!({ "a": "b\u{0}" }), "spec.tags[a]: Invalid value: tags must not have control characters"),
            (
                "/spec/userData",
                json!("x".repeat(16_385)),
                &format!("spec.userData: Too long: \"{}\"...: may not be longer than 16384 characters", "x".repeat(80)),
            ),
            ("/spec/userData", json!("é".repeat(10_000)), "spec.userData: Too long: 20000 bytes: EC2 takes at most 16384"),
            (
                "/spec/blockDeviceMappings",
                json!([{ "rootVolume": true }, { "rootVolume": true }]),
                "spec.blockDeviceMappings: Invalid value: must have only one blockDeviceMappings with rootVolume",
            ),
            (
                "/spec/blockDeviceMappings",
                json!([{ "ebs": {} }]),
                "spec.blockDeviceMappings[0].ebs: Invalid value: snapshotID or volumeSize must be defined",
            ),
            (
                "/spec/blockDeviceMappings",
                json!([{ "ebs": { "volumeSize": "20Gi", "volumeInitializationRate": 100 } }]),
                "spec.blockDeviceMappings[0].ebs: Invalid value: snapshotID must be set when volumeInitializationRate is set",
            ),
            (
                "/spec/kubelet",
                json!({ "evictionSoft": { "memory.available": "5%" } }),
                "spec.kubelet.evictionSoft: Invalid value: each key of evictionSoft needs one in evictionSoftGracePeriod",
            ),
            (
                "/spec/kubelet",
                json!({ "evictionSoftGracePeriod": { "memory.available": "1m" } }),
                "spec.kubelet.evictionSoftGracePeriod: Invalid value: each key of evictionSoftGracePeriod needs one in evictionSoft",
            ),
            (
                "/spec/kubelet",
                json!({ "kubeReserved": { "gpu": "1" } }),
                "spec.kubelet.kubeReserved: Invalid value: valid keys for kubeReserved are ['cpu','memory','ephemeral-storage','pid']",
            ),
            (
                "/spec/kubelet",
                json!({ "imageGCHighThresholdPercent": 50, "imageGCLowThresholdPercent": 50 }),
                "spec.kubelet: Invalid value: imageGCHighThresholdPercent must be greater than imageGCLowThresholdPercent",
            ),
            (
                "/spec/kubelet",
                json!({ "maxPods": -1 }),
                "spec.kubelet.maxPods: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "/spec/kubelet",
                json!({ "registerWithTaints": [] }),
                "spec.kubelet.registerWithTaints: Forbidden: use spec.template.spec.taints of the NodePool",
            ),
            (
                "/spec/metadataOptions",
                json!({ "httpPutResponseHopLimit": 65 }),
                "spec.metadataOptions.httpPutResponseHopLimit: Invalid value: 65: must be less than or equal to 64",
            ),
            (
                "/spec/connectionTracking",
                json!({}),
                "spec.connectionTracking: Invalid value: at least one of tcpEstablishedTimeout, udpStreamTimeout, or udpTimeout must be set",
            ),
            (
                "/spec/networkInterfaces",
                json!([interface(0, 1, "interface")]),
                "spec.networkInterfaces: Invalid value: networkInterfaces must include a primary interface with interfaceType='interface'",
            ),
            (
                "/spec/networkInterfaces",
                json!([interface(0, 0, "interface"), interface(0, 0, "efa-only")]),
                "spec.networkInterfaces: Invalid value: networkInterfaces must not have duplicate networkCardIndex and deviceIndex pairs",
            ),
            (
                "/spec/instanceStorePolicy",
                json!("RAID10"),
                "spec.instanceStorePolicy: Unsupported value: \"RAID10\": supported values: \"RAID0\" (did you mean \"RAID0\"?)",
            ),
        ],
    );
    accepted(
        node_class,
        &[
            ("/spec/tags", tags(45)),
            ("/spec/tags", json!({ "größe": "\u{202e}klein" })),
            (
                "/spec/blockDeviceMappings",
                json!([{ "deviceName": "/dev/xvda", "rootVolume": true, "ebs": { "volumeSize": "64T", "volumeType": "gp3" } }]),
            ),
            (
                "/spec/kubelet",
                json!({ "maxPods": 20, "systemReserved": { "cpu": "100m", "memory": "1Gi" }, "evictionHard": { "nodefs.available": "10.5%" } }),
            ),
        ],
    );
    let open = with(node_class(), "/spec/kubelet", json!({ "serializeImagePulls": false }));
    assert_eq!(errors(&open), [""; 0]);
    assert!(warnings(&open)[0].starts_with("spec.kubelet[serializeImagePulls]: is not modelled"), "{:?}", warnings(&open));
    let object = admit("karpenter.k8s.aws/v1", "EC2NodeClass", &open).unwrap().object;
    assert_eq!(object["spec"]["kubelet"]["serializeImagePulls"], false, "unknown settings are kept");
}
