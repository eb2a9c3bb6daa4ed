//! `windlass crd`.

use super::Failure;
use std::process::ExitCode;

/// Flags of `windlass crd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("crd is not built yet".into())
}
