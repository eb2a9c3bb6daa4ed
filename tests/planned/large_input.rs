//! A large input, end to end: 20,000 pods of 50 shapes as Deployments are all planned, and neither the order of documents nor their
//! spread over files changes a thing.

use super::{planned, pool};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use windlass::manifest::Source;
use windlass_solver::{Plan, Snapshot};

const SHAPES: usize = 50;
const REPLICAS: usize = 400;

/// Pools and workloads, a document each.
fn documents() -> Vec<String> {
    let zones = "{key: topology.kubernetes.io/zone, operator: In, values: [us-west-2a, us-west-2b, us-west-2c]}";
    let mut all: Vec<String> = pool(&[zones]).to_vec();
    for shape in 0..SHAPES {
        let cpu = 100 + 150 * (shape % 10);
        let memory = 128 << (shape % 6);
        let mut selector = String::new();
        match shape % 5 {
            0 => selector.push_str("      nodeSelector: {karpenter.sh/capacity-type: on-demand}\n"),
            1 => selector.push_str("      nodeSelector: {kubernetes.io/arch: arm64}\n"),
            2 => {
                writeln!(
                    selector,
                    "      nodeSelector: {{topology.kubernetes.io/zone: us-west-2{}}}",
                    ["a", "b", "c"][shape % 3]
                )
                .unwrap();
            }
            _ => {}
        }
        all.push(format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: shape-{shape:02}}}\nspec:\n  replicas: {REPLICAS}\n  \
             selector: {{matchLabels: {{shape: s{shape}}}}}\n  template:\n    metadata: {{labels: {{shape: s{shape}}}}}\n    spec:\n{selector}      \
             containers: [{{name: c, image: i, resources: {{requests: {{cpu: {cpu}m, memory: {memory}Mi}}}}}}]\n"
        ));
    }
    all
}

/// The plan of these documents, dealt out to `files` files in turn.
fn dealt_out(documents: &[String], files: usize) -> (Snapshot, Plan) {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = vec![String::new(); files];
    for (index, document) in documents.iter().enumerate() {
        write!(texts[index % files], "---\n{document}").unwrap();
    }
    let paths: Vec<PathBuf> = (0..files).map(|index| folder.path().join(format!("{index}.yaml"))).collect();
    for (path, text) in paths.iter().zip(&texts) {
        std::fs::write(path, text).unwrap();
    }
    let sources: Vec<Source> = paths.into_iter().map(Source::Path).collect();
    let (snapshot, plan, found) = planned(&sources);
    assert!(found.is_empty(), "{found:?}");
    (snapshot, plan)
}

#[test]
fn twenty_thousand_pods_are_planned_whatever_the_order_of_the_input() {
    let mut documents = documents();
    let (snapshot, plan) = dealt_out(&documents, 1);
    assert_eq!(
        (plan.summary.pods, plan.summary.placed),
        (SHAPES * REPLICAS, SHAPES * REPLICAS),
        "{:?}",
        plan.unschedulable.first()
    );
    let placed: BTreeSet<_> = plan.nodes.iter().flat_map(|node| &node.pods).collect();
    assert_eq!(placed.len(), SHAPES * REPLICAS, "each pod once");
    assert!(plan.summary.lower_bound <= plan.summary.hourly_cost);

    // A fixed shuffle: each document swaps with one at a pseudo-random place.
    let mut state: usize = 7;
    for index in 0..documents.len() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = (state >> 33) % documents.len();
        documents.swap(index, other);
    }
    assert!(dealt_out(&documents, 7) == (snapshot, plan), "the shuffled input gives another plan");
}
