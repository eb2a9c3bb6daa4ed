//! The engine among its surroundings: what happens is told to it, what it asks for is carried out.
//!
//! ```text
//! watches ─Change─▶ ┌───────── control ─────────┐ ─Effect─▶ carry ─▶ API server, EC2, solver
//! answers ────────▶ │ Store ─Event─▶ Engine     │                │
//! time, lease ────▶ └───────────────────────────┘ ◀───Outcome────┘
//!                        ├─ classes: EC2NodeClasses resolved, their status
//!                        └─ pools: instance types, status of NodePools
//! ```
//!
//! One task owns the store and the engine; all else are tasks that it starts and that send it their results. Nothing is lost with the
//! process: the engine goes on from what is written in the cluster.

mod carry;
mod classes;
mod control;
mod lead;
mod measure;
mod pools;
mod record;
mod start;
mod survey;

pub use carry::Shadow;
pub use lead::Election;
pub use start::{RunError, Settings, run};
