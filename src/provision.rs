//! Which nodes to buy: from pending pods to NodeClaims. Pure: time, objects and plans come in as values.
//!
//! ```text
//! pods ─pod_filter─▶ batch ─order─▶ solver::Snapshot ─solve, check─▶ Plan ─claim, limits─▶ NodeClaims
//!                             ▲ in-flight nodes, nominated pods, scarcity
//! NodeClaim ─market─▶ offerings to try, cheapest first ─▶ launch
//! ```

pub mod batch;
pub mod claim;
pub mod digest;
pub mod limits;
pub mod market;
pub mod order;
pub mod pod_filter;
pub mod scarcity;
pub mod standing;

pub use batch::Batch;
pub use order::{InFlight, Order};
pub use pod_filter::Ignored;
pub use scarcity::Scarcity;
