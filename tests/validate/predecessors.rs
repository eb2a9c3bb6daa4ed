//! The v1alpha5 Provisioner and the v1alpha1 AWSNodeTemplate.
#![allow(clippy::too_many_lines)] // Tables of cases are long and read well.

use super::{accepted, errors, provisioner, refused, template, with};
use serde_json::json;

#[test]
fn predecessors() {
    let restricted = "label is restricted: use a well-known label, or one outside of kubernetes.io, k8s.io, karpenter.sh and karpenter.k8s.aws";
    refused(
        provisioner,
        &[
            ("/spec/provider", json!(null), "spec: Invalid value: must specify exactly one of ['provider', 'providerRef']"),
            (
                "/spec/ttlSecondsAfterEmpty",
                json!(-1),
                "spec.ttlSecondsAfterEmpty: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "/spec/labels",
                json!({ "karpenter.sh/provisioner-name": "x" }),
                &format!("spec.labels: Invalid value: {restricted}"),
            ),
            (
                "/spec/requirements",
                json!([{ "key": "topology.kubernetes.io/rack", "operator": "Exists" }]),
                &format!("spec.requirements[0].key: Invalid value: {restricted}"),
            ),
            (
                "/spec/requirements",
                json!([{ "key": "a", "operator": "Gte", "values": ["1"] }]),
                "spec.requirements[0].operator: Unsupported value: \"Gte\": supported values: \"In\", \"NotIn\", \"Exists\", \"DoesNotExist\", \"Gt\", \"Lt\" (did you mean \"Gt\"?)",
            ),
            (
                "/spec/provider/subnetSelector",
                json!({ "aws-ids": "subnet-1", "a": "b" }),
                "spec.provider.subnetSelector: Invalid value: 'aws-ids' is mutually exclusive, cannot be set with other filters",
            ),
            (
                "/spec/provider/launchTemplate",
                json!("x"),
                "spec.provider: Invalid value: 'launchTemplate' and 'securityGroupSelector' are mutually exclusive",
            ),
        ],
    );
    let both =
        with(with(provisioner(), "/spec/consolidation", json!({ "enabled": true })), "/spec/ttlSecondsAfterEmpty", json!(0));
    assert_eq!(
        errors(&both),
        ["spec.ttlSecondsAfterEmpty: Invalid value: 'ttlSecondsAfterEmpty' and 'consolidation.enabled' are mutually exclusive"]
    );
    accepted(
        provisioner,
        &[
            (
                "/spec/labels",
                json!({ "karpenter.sh/capacity-type": "spot", "node.kubernetes.io/role": "x", "kops.k8s.io/x": "y", "team": "z" }),
            ),
            ("/spec/requirements", json!([{ "key": "beta.kubernetes.io/arch", "operator": "In", "values": ["arm64"] }])),
            ("/spec/ttlSecondsAfterEmpty", json!(0)),
        ],
    );
    refused(
        template,
        &[(
            "/spec/amiFamily",
            json!("Custom"),
            "spec.amiSelector: Invalid value: amiSelector is required with amiFamily 'Custom'",
        )],
    );
}
