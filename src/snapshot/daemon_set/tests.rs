use super::daemon_sets;
use crate::manifest::{Options, Source, read};
use windlass_solver::{Taint, TaintEffect};

#[test]
fn daemonsets_carry_requests_ports_and_the_controllers_tolerations() {
    let text = r#"{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "kube-system"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
            "hostNetwork": true, "priorityClassName": "system-node-critical", "nodeSelector": {"beta.kubernetes.io/os": "linux"},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}],
            "containers": [{"name": "a", "ports": [{"containerPort": 9100}], "resources": {"requests": {"cpu": "100m"}}}]}}}}"#;
    let inventory = read(&[Source::Stdin(text.into())], &Options::default()).unwrap();
    let (sets, found) = daemon_sets(&inventory);
    assert_eq!(found, []);
    let shape = &sets[0].shape;
    assert_eq!(sets[0].key.to_string(), "kube-system/agent");
    assert_eq!((shape.requests.get("cpu"), shape.requests.get("pods"), shape.priority), (100, 1, 2_000_001_000));
    assert_eq!(shape.host_ports[0].port, 9100);
    assert_eq!(shape.node_selector[0].to_string(), "kubernetes.io/os In [linux]");
    assert!(shape.has_preferences() && shape.unsupported.is_empty());
    let taint = |key: &str, effect| Taint { key: key.into(), value: "".into(), effect };
    assert!(taint("node.kubernetes.io/not-ready", TaintEffect::NoExecute).tolerated_by(&shape.tolerations));
    assert!(taint("node.kubernetes.io/network-unavailable", TaintEffect::NoSchedule).tolerated_by(&shape.tolerations));
    assert!(!taint("team", TaintEffect::NoSchedule).tolerated_by(&shape.tolerations));
}
