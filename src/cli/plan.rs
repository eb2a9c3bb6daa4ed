//! `windlass plan`.

use super::Failure;
use std::process::ExitCode;

/// Flags of `windlass plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("plan is not built yet".into())
}
