//! Manifests in, a checked plan out: a large input, pods that share a zone, and volumes. One pool on the catalogue of us-west-2 for all.
// A test fails by panicking, also in the functions it calls.
#![allow(clippy::unwrap_used)]

mod default_spread;
mod large_input;
mod same_zone;
mod volumes;

use std::sync::OnceLock;
use windlass::catalog::Catalog;
use windlass::diagnostic::Diagnostic;
use windlass::manifest::{self, Source};
use windlass::snapshot::{self, Settings};
use windlass_solver::{Options, Plan, Snapshot, check, solve};

/// An EC2NodeClass, and a NodePool on it with these requirements, one a line.
fn pool(requirements: &[&str]) -> [String; 2] {
    let class = "apiVersion: karpenter.k8s.aws/v1\nkind: EC2NodeClass\nmetadata: {name: default}\nspec:\n  role: node\n  \
                 amiSelectorTerms: [{alias: al2023@latest}]\n  subnetSelectorTerms: [{tags: {a: b}}]\n  \
                 securityGroupSelectorTerms: [{tags: {a: b}}]\n";
    let requirements = requirements.join(", ");
    let pool = format!(
        "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: default}}\nspec:\n  template:\n    spec:\n      nodeClassRef: \
         {{group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}}\n      requirements: [{requirements}]\n"
    );
    [class.to_owned(), pool]
}

/// The plan of these sources, which keeps every rule, and what was found on the way.
fn planned(sources: &[Source]) -> (Snapshot, Plan, Vec<Diagnostic>) {
    planned_with(sources, &Settings::default())
}

/// The same with these settings.
fn planned_with(sources: &[Source], settings: &Settings) -> (Snapshot, Plan, Vec<Diagnostic>) {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    let catalog = CATALOG.get_or_init(|| Catalog::embedded("us-west-2").unwrap());
    let options = manifest::Options { services: true, ..manifest::Options::default() };
    let inventory = manifest::read(sources, &options).unwrap();
    let taken = snapshot::take(&inventory, catalog, settings);
    let plan = solve(&taken.snapshot, &Options::default());
    assert_eq!(check(&taken.snapshot, &plan), Vec::new());
    let found = inventory.diagnostics.into_iter().chain(taken.diagnostics).collect();
    (taken.snapshot, plan, found)
}
