//! Windlass: a group-less node provisioner for Kubernetes on AWS.
//!
//! ```text
//! files ──manifest──▶ Inventory ─┐
//!                                ├─snapshot─▶ solver::Snapshot ──solve──▶ Plan ──check──▶ cli prints it
//! embedded data ──▶ Catalog ─────┘
//! ```
//!
//! Every room has one job: `api` the objects we accept, `manifest` files to typed objects, `catalog` what EC2 sells and for how much,
//! `snapshot` the translation for the solver, `cli` the verbs. Only `cli` prints. See ARCHITECTURE.md for who may import whom.

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
