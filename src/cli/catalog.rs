//! `windlass catalog`.

use super::Failure;
use std::process::ExitCode;

/// Flags of `windlass catalog`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs it.
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("catalog is not built yet".into())
}
