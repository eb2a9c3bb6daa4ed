//! Pods that say nothing of spread are spread as the scheduler that will bind them would.

use super::{planned_with, pool};
use std::collections::BTreeMap;
use windlass::manifest::Source;
use windlass::snapshot::{DefaultSpread, Settings};
use windlass_solver::label::ZONE;
use windlass_solver::{Labels, Plan, Snapshot};

fn deployment(name: &str, replicas: u32) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  \
         selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      \
         containers: [{{name: c, image: i, resources: {{requests: {{cpu: 1, memory: 1Gi}}}}}}]\n"
    )
}

fn plan(spread: DefaultSpread) -> (Snapshot, Plan) {
    let zones = "{key: topology.kubernetes.io/zone, operator: In, values: [us-west-2a, us-west-2b, us-west-2c]}";
    let sizes = "{key: karpenter.k8s.aws/instance-cpu, operator: In, values: [\"16\"]}";
    let documents = [&pool(&[zones, sizes])[..], &[deployment("web", 9), deployment("api", 6)]].concat().join("---\n");
    let settings = Settings { default_spread: spread, ..Settings::default() };
    let (snapshot, plan, found) = planned_with(&[Source::Stdin(documents.into_bytes())], &settings);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((plan.summary.placed, plan.unschedulable.len()), (15, 0));
    (snapshot, plan)
}

/// How many pods of a workload have each value of a label of their nodes.
fn counts(plan: &Plan, workload: &str, of: impl Fn(&Labels, &str) -> String) -> Vec<usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for node in &plan.nodes {
        let pods = node.pods.iter().filter(|pod| pod.name.starts_with(workload)).count();
        *counts.entry(of(&node.labels, node.name.as_str())).or_default() += pods;
    }
    counts.into_values().collect()
}

#[test]
fn constraints_of_a_list_bind_every_workload_by_itself() {
    let list = "[{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule}]";
    let (_, plan) = plan(DefaultSpread::parse(list).unwrap());
    let zone = |labels: &Labels, _: &str| labels[ZONE].to_string();
    assert_eq!((counts(&plan, "web", zone), counts(&plan, "api", zone)), (vec![3, 3, 3], vec![2, 2, 2]));
    assert!(plan.dropped.is_empty());
}

#[test]
fn the_systems_constraints_are_preferences() {
    let host = |_: &Labels, name: &str| name.to_owned();
    let most = |plan: &Plan| counts(plan, "web", host).into_iter().max().unwrap();
    let (_, spread) = plan(DefaultSpread::system());
    assert_eq!(most(&spread), 3);
    let (_, together) = plan(DefaultSpread::default());
    assert!(most(&together) > 3 && together.summary.hourly_cost < spread.summary.hourly_cost);
}
