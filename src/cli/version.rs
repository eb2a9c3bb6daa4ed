//! `windlass version`.

use super::{Failure, as_typed, terminal};
use serde::Serialize;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  windlass version
  windlass version -o json";

/// Flags of `windlass version`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
pub(crate) struct Args {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// One line
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    /// Whether this binary can talk to AWS.
    aws: bool,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let text = match args.output {
        Output::Text => format!("windlass {version}"),
        Output::Json => serde_json::to_string_pretty(&Document {
            api_version: "windlass.dev/v1",
            kind: "Version",
            version,
            aws: cfg!(feature = "aws"),
        })?,
    };
    terminal::data(&format!("{text}\n"))?;
    Ok(ExitCode::SUCCESS)
}
