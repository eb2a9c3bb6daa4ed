//! The solver seen from outside: snapshots in, plans out. One binary, so a new file here needs its `mod` line below.
//!
//! - `explanations`: `explain` says what the plan shows.
//! - `violations`: `check` finds each kind of broken rule.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input should fail there")]

mod explanations;
#[allow(dead_code, reason = "the properties that use the rest come with the packer")]
mod support;
mod violations;
