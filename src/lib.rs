//! Windlass: a group-less node provisioner for Kubernetes on AWS.
//!
//! ```text
//! files ──manifest──▶ Inventory ─┐
//!                                ├─snapshot─▶ solver::Snapshot ──solve──▶ Plan ──check──▶ cli prints it
//! embedded data ──▶ Catalog ─────┘
//!
//! watches, answers ──Event──▶ engine ──Effect──▶ actuate ──▶ API server, EC2, and the plan above
//! ```
//!
//! Every room has one job: `api` the objects we accept, `manifest` files to typed objects, `catalog` what EC2 sells and for how much,
//! `snapshot` the translation for the solver, `cli` the verbs. Only `cli` prints. `engine` decides the life of nodes with `provision` and
//! `reap`; `actuate` carries it out in a real cluster, `sim` in a made-up one. See ARCHITECTURE.md for who may import whom.

#[cfg(feature = "controller")]
pub mod actuate;
pub mod api;
pub mod catalog;
pub mod cli;
pub mod cloud;
pub mod cluster;
pub mod diagnostic;
pub mod engine;
#[cfg(test)]
mod fixture;
pub mod manifest;
pub mod provision;
pub mod quantity;
pub mod reap;
pub mod sim;
pub mod snapshot;
#[cfg(feature = "controller")]
pub mod telemetry;
pub mod time;
