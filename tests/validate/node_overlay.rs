//! The v1alpha1 NodeOverlay.

use serde_json::{Value, json};
use windlass::api::validate;

#[test]
fn node_overlays_are_judged() {
    let overlay = |spec: Value| json!({"apiVersion": "karpenter.sh/v1alpha1", "kind": "NodeOverlay", "metadata": {"name": "o"}, "spec": spec});
    let judged = |spec: Value| {
        let found = validate("karpenter.sh/v1alpha1", "NodeOverlay", &overlay(spec)).unwrap();
        found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    for good in [
        json!({"requirements": []}),
        json!({"requirements": [{"key": "karpenter.sh/nodepool", "operator": "In", "values": ["a"]}], "price": "0.25"}),
        json!({"requirements": [], "priceAdjustment": "-12.5%", "weight": 10000, "capacity": {"smarter-devices/fuse": 1}}),
    ] {
        assert_eq!(judged(good.clone()), "", "{good}");
    }
    for (bad, expected) in [
        (json!({"price": "1"}), "spec.requirements: Required value"),
        (json!({"requirements": [], "price": "1", "priceAdjustment": "+1"}), "cannot set both 'price' and 'priceAdjustment'"),
        (json!({"requirements": [], "price": "-1"}), "spec.price"),
        (json!({"requirements": [], "priceAdjustment": "10%"}), "spec.priceAdjustment"),
        (json!({"requirements": [], "priceAdjustment": "-101%"}), "spec.priceAdjustment"),
        (json!({"requirements": [], "weight": 0}), "spec.weight"),
        (json!({"requirements": [], "capacity": {"memory": "1Gi"}}), "only extended resources can be overlaid"),
        (json!({"requirements": [], "capacity": {"habana.ai/gaudi": "8"}}), "the hardware decides it"),
        (json!({"requirements": [{"key": "a", "operator": "Exists", "minValues": 2}]}), "minValues mean nothing here"),
    ] {
        let found = judged(bad.clone());
        assert!(found.contains(expected), "{bad}: {found}");
    }
}
