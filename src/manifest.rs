//! Reading manifests: files, directories and standard input become an [`Inventory`] of typed objects with their places.

pub mod inventory;

pub use inventory::{Controller, DaemonSet, Inventory, PodSet, PodState, Sourced};
