//! The command line: one file per verb, and the only place that prints.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 done (for `plan`: every pod placed), 2 usage or
//! input error, 3 planned but some pods are unschedulable; 1 is an internal error. `plan --detailed-exitcode` has its own.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod catalog;
mod completion;
mod convert;
mod crd;
mod default_spread;
pub(crate) mod findings;
pub(crate) mod grid;
mod plan;
mod run;
pub(crate) mod terminal;
mod version;

use clap::{CommandFactory, Parser, Subcommand};
use owo_colors::OwoColorize;
use std::fmt::Write;
use std::process::ExitCode;

/// A fault of ours; with `--detailed-exitcode` any error.
pub(crate) const EXIT_ERROR: u8 = 1;

/// Usage or input error.
pub(crate) const EXIT_INPUT: u8 = 2;

const CONVERT_EXAMPLES: &str = "\
Examples:
  # Files to files
  windlass convert -f provisioners.yaml > nodepools.yaml

  # What a cluster has
  kubectl get provisioners,awsnodetemplates -o yaml | windlass convert -f -

  # What the NodePools would launch
  windlass convert -f provisioners.yaml | windlass plan -f - -f workloads.yaml";

const CRD_EXAMPLES: &str = "\
Examples:
  # What they are
  windlass crd

  # What would change in a cluster
  windlass crd | kubectl diff -f -

  # Install them
  windlass crd | kubectl apply --server-side -f -";

/// What ends a verb early. It is printed as `error: ...` with its causes, and the process exits with 2.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The command line of `windlass`, also for completions and the reference in docs/.
#[derive(Debug, Parser)]
#[command(name = "windlass", bin_name = bin_name(), version, about, long_about = None)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,

    /// When to colour the output
    #[arg(long, value_enum, default_value_t, global = true, value_name = "WHEN", help_heading = "Output")]
    color: terminal::Color,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show which EC2 machines would be launched for a set of manifests, for how much, and why
    Plan(plan::Args),
    /// Run the controller: launch nodes for pods that fit nowhere, remove nodes that are empty or expired
    Run(Box<run::Args>),
    /// Turn karpenter.sh/v1alpha5 Provisioners into NodePools and EC2NodeClasses
    #[command(after_help = as_typed(CONVERT_EXAMPLES))]
    Convert(convert::Args),
    /// Print the CustomResourceDefinitions
    #[command(after_help = as_typed(CRD_EXAMPLES))]
    Crd(crd::Args),
    /// List instance types, prices and what is allocatable on them; build a catalogue
    Catalog(catalog::Args),
    /// Print a script that completes this command on a shell's or kubectl's command line
    Completion(completion::Args),
    /// Print the version
    Version(version::Args),
}

impl Verb {
    /// The exit code where the verb ends early.
    const fn failed(&self) -> u8 {
        match self {
            Self::Plan(args) if args.detailed_exitcode() => EXIT_ERROR,
            Self::Run(_) => EXIT_ERROR,
            _ => EXIT_INPUT,
        }
    }
}

/// `kubectl windlass` where kubectl runs us as its plugin, else `windlass`.
fn bin_name() -> &'static str {
    let plugin = std::env::args_os().next().is_some_and(|path| {
        std::path::Path::new(&path).file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("kubectl-windlass"))
    });
    if plugin { "kubectl windlass" } else { "windlass" }
}

/// Text of a help page, with the command's name as the user types it.
fn as_typed(text: &str) -> String {
    text.replace("windlass ", &format!("{} ", bin_name()))
}

/// Runs the verb that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => return usage(&refused),
    };
    cli.color.choose();
    let failed = cli.verb.failed();
    let result = match cli.verb {
        Verb::Plan(args) => plan::run(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Convert(args) => convert::run(&args),
        Verb::Crd(args) => crd::run(&args),
        Verb::Catalog(args) => catalog::run(&args),
        Verb::Completion(args) => completion::run(&args, &mut Cli::command()),
        Verb::Version(args) => version::run(&args),
    };
    result.unwrap_or_else(|failure| {
        terminal::note(&told(&*failure));
        ExitCode::from(failed)
    })
}

/// Prints help, version or what is wrong with the arguments.
fn usage(refused: &clap::Error) -> ExitCode {
    let _ = refused.print();
    if !refused.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // Nothing was parsed, but whoever asks for terraform's codes must not read 2 as "nodes to launch".
    let detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    ExitCode::from(if detailed { EXIT_ERROR } else { EXIT_INPUT })
}

/// `error: ...`, then its causes.
fn told(failure: &dyn std::error::Error) -> String {
    let mut text = format!("{} {failure}\n", "error:".red().bold());
    let mut cause = failure.source();
    while let Some(inner) = cause {
        let _ = writeln!(text, "  because: {inner}");
        cause = inner.source();
    }
    text
}
