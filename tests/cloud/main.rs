//! The real cloud against an endpoint that speaks EC2's protocol and behaves like EC2 (tests/ec2).
#![cfg(feature = "aws")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "`json!` is written where it is used")]

mod endpoint;
mod launching;
mod listing;
mod pages;
mod permissions;
mod resolving;
mod templates;
mod world;
