//! The command line: one file per verb, and the only place that prints.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done (for `plan`: every pod placed), 2 usage or
//! input error, 3 planned but some pods are unschedulable.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod catalog;
mod convert;
mod crd;
mod plan;

use clap::{CommandFactory, Parser, Subcommand};
use std::process::ExitCode;

/// Usage or input error.
pub(crate) const EXIT_INPUT: u8 = 2;

/// What ends a verb early. It is printed as `error: ...` with its causes, and the process exits with 2.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The command line of `windlass`, also for completions and the reference in docs/.
#[derive(Debug, Parser)]
#[command(name = "windlass", bin_name = bin_name(), version, about, long_about = None, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show which EC2 machines would be launched for a set of manifests, for how much, and why
    Plan(plan::Args),
    /// Turn karpenter.sh/v1alpha5 Provisioners into NodePools and EC2NodeClasses
    Convert(convert::Args),
    /// Print the CustomResourceDefinitions
    Crd(crd::Args),
    /// List instance types, prices and what is allocatable on them; build a catalogue
    Catalog(catalog::Args),
    /// Print a shell completion script
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the version
    Version,
}

/// `kubectl windlass` where kubectl runs us as its plugin, else `windlass`.
fn bin_name() -> &'static str {
    let plugin = std::env::args_os().next().is_some_and(|path| {
        std::path::Path::new(&path).file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("kubectl-windlass"))
    });
    if plugin { "kubectl windlass" } else { "windlass" }
}

/// Runs the verb that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.verb {
        Verb::Plan(args) => plan::run(&args),
        Verb::Convert(args) => convert::run(&args),
        Verb::Crd(args) => crd::run(&args),
        Verb::Catalog(args) => catalog::run(&args),
        Verb::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "windlass", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Version => {
            println!("windlass {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        let mut cause = failure.source();
        while let Some(inner) = cause {
            eprintln!("  because: {inner}");
            cause = inner.source();
        }
        ExitCode::from(EXIT_INPUT)
    })
}
