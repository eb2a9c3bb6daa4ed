//! An independent judge of plans: it shares data types with `pack` and no code.

use crate::{Plan, Snapshot};

/// A rule that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Placeholder.
    #[error("x")]
    X,
}

/// All rules that `plan` breaks on `snapshot`; empty for a valid plan.
pub fn check(_snapshot: &Snapshot, _plan: &Plan) -> Vec<Violation> {
    Vec::new()
}
