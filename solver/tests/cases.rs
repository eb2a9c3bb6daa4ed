//! The rules of scheduling, one small case each: a snapshot, and the plan it must give, as lines.
//!
//! A line is a new node (`pool type/zone/capacity-type: pods`, with custom labels in braces), an existing node (`node: pods`) or a pod
//! without a place (`pod: reason`). The instance types are those of [`crate::support::kinds`]: `arm` (2 cores, 4 Gi, arm64) is a tenth
//! cheaper than `small` (2 cores, 4 Gi), `large` has 8 cores and 32 Gi at four times the price of `small`; spot costs half; every node
//! takes ten pods.

mod domains;
mod existing;
mod hosts;
mod labels;
mod market;
mod min_values;
mod pools;
mod preferences;
mod priority;
mod reservations;
mod resources;
mod spot_pools;
mod spot_types;
mod static_pools;
mod taints;
mod topology;
mod unsupported;
mod volumes;

use crate::support::solved;
use windlass_solver::{Plan, Snapshot, label::is_well_known};

/// Defines one test per rule.
macro_rules! cases {
    ($($(#[doc = $doc:literal])* $rule:ident: $snapshot:expr => [$($line:literal),* $(,)?];)*) => {
        $($(#[doc = $doc])* #[test] fn $rule() {
            crate::cases::plans(&$snapshot, &[$($line),*]);
        })*
    };
}
use cases;

/// Insists that the snapshot gives this plan.
fn plans(snapshot: &Snapshot, expected: &[&str]) {
    assert_eq!(lines(&solved(snapshot)), expected);
}

fn lines(plan: &Plan) -> Vec<String> {
    let names = |pods: &[windlass_solver::ObjectKey]| pods.iter().map(|pod| &*pod.name).collect::<Vec<_>>().join(" ");
    let new = plan.nodes.iter().map(|node| {
        let custom: Vec<String> =
            node.labels.iter().filter(|(key, _)| !is_well_known(key)).map(|(key, value)| format!("{key}={value}")).collect();
        let custom = if custom.is_empty() { String::new() } else { format!(" {{{}}}", custom.join(" ")) };
        let offering = &node.offering;
        let place = format!("{}/{}/{}", offering.instance_type, offering.zone, offering.capacity_type);
        format!("{} {place}{custom}: {}", node.node_pool, names(&node.pods))
    });
    let existing = plan.existing_nodes.iter().map(|place| format!("{}: {}", place.node, names(&place.pods)));
    let nowhere = plan.unschedulable.iter().map(|entry| format!("{}: {}", entry.pod.name, entry.reason));
    existing.chain(new).chain(nowhere).collect()
}
