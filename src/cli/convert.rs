//! `windlass convert`.

use super::Failure;
use std::process::ExitCode;

/// Flags of `windlass convert`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("convert is not built yet".into())
}
