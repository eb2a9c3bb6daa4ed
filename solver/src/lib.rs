//! The pure packing core of Windlass.
//!
//! ```text
//! Snapshot ──solve──▶ Plan ──check──▶ [Violation]
//!     └───────────explain(subject)──▶ Explanation
//! ```
//!
//! A [`Snapshot`] holds everything a decision depends on; a [`Plan`] holds everything that was decided. No function here reads a
//! clock, a file, the environment or a random source: equal snapshot and [`Options`] give equal plans, byte for byte.

pub mod check;
pub mod explain;
pub mod instance_type;
pub mod label;
mod labels;
pub mod name;
pub mod node;
pub mod node_pool;
pub mod optimize;
pub mod options;
pub mod pack;
pub mod plan;
pub mod pod;
mod predicate;
pub mod preference;
pub mod requirement;
pub mod resources;
pub mod snapshot;
pub mod taint;
pub mod topology;
pub mod units;

pub use check::{Violation, check};
pub use explain::{Explanation, NodeExplanation, PodExplanation, Subject, explain};
pub use instance_type::{CapacityType, InstanceType, Interruption, Offering, Overhead};
pub use labels::Labels;
pub use name::{InstanceTypeName, NodeName, NodePoolName, ObjectKey, Zone};
pub use node::{Node, RunningPod};
pub use node_pool::{MinValues, MinValuesPolicy, NodePool};
pub use options::{Charges, Objective, Options};
pub use pack::{baseline, solve};
pub use plan::{Plan, PlannedNode, Reason, Status, Summary, Unschedulable};
pub use pod::{DaemonSet, Feature, HostPort, Pod, PodShape, Protocol};
pub use preference::{NodePreference, Preference, PreferencePolicy};
pub use requirement::{Operator, Requirement, RequirementError, Requirements};
pub use resources::{ResourceName, Resources};
pub use snapshot::{Snapshot, SnapshotBuilder, SnapshotError, SpotInUse, SpotPool};
pub use taint::{Taint, TaintEffect, Toleration, TolerationOperator};
pub use topology::{Namespaces, NodePolicy, PodAffinityTerm, PodSelector, SpreadConstraint, Topology, WhenUnsatisfiable};
pub use units::MicroUsd;
