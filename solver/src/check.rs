//! An independent judge of plans: it shares data types with `pack` and no code.
//!
//! Every rule is asked of the chosen offering and of each alternative, because EC2 picks among them. That pools of a higher weight come
//! first, and that a plan is cheap, are the packer's aims and not rules here: a plan may be dear and still be valid.

mod companions;
mod domains;
mod existing;
mod ground;
mod limits;
mod min_values;
mod neighbours;
mod new_node;
mod placement;
mod replicas;
mod reservations;
mod spot_pools;
mod spot_types;
mod summary;
mod violation;

pub use violation::Violation;

use crate::{Plan, Snapshot};
use placement::Placements;

/// All rules that `plan` breaks on `snapshot`; empty for a valid plan. The order is that of the plan, so equal input gives equal output.
pub fn check(snapshot: &Snapshot, plan: &Plan) -> Vec<Violation> {
    let mut violations = Vec::new();
    let placements = Placements::collect(snapshot, plan, &mut violations);
    existing::check(snapshot, plan, &placements, &mut violations);
    new_node::check(snapshot, plan, &placements, &mut violations);
    neighbours::check(snapshot, plan, &placements, &mut violations);
    companions::check(snapshot, plan, &placements, &mut violations);
    domains::check(snapshot, plan, &placements, &mut violations);
    limits::check(snapshot, plan, &mut violations);
    min_values::check(snapshot, plan, &mut violations);
    spot_pools::check(snapshot, plan, &mut violations);
    spot_types::check(snapshot, plan, &mut violations);
    reservations::check(snapshot, plan, &mut violations);
    replicas::check(snapshot, plan, &mut violations);
    summary::check(snapshot, plan, &mut violations);
    violations
}
