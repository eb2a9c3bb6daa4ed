//! `windlass catalog`: what EC2 sells, for how much, and what of it pods can use.

mod build;
mod filter;
mod list;
mod record;
mod show;

use super::findings::{self, Verbosity};
use super::{EXIT_INPUT, Failure};
use crate::catalog::{AmiFamily, Catalog};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `windlass catalog`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List instance types, prices and what pods can use of them
    List(Box<list::Args>),
    /// Show everything about one instance type
    Show(Box<show::Args>),
    /// Build a catalogue file from the EC2 API and price tables
    Build(Box<build::Args>),
}

/// Which catalogue is read, and for which nodes.
#[derive(Debug, clap::Args)]
struct Source {
    /// Region of an embedded catalogue [default: us-west-2]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Catalogue file to read instead of an embedded one
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,

    /// Image family that allocatable amounts are computed for: AL2, AL2023, Bottlerocket, Custom, Windows2019, Windows2022, Windows2025
    #[arg(long, value_name = "FAMILY", default_value = "AL2023", value_parser = ami_family)]
    ami_family: AmiFamily,
}

fn ami_family(text: &str) -> Result<AmiFamily, String> {
    AmiFamily::parse(text)
        .ok_or_else(|| "expected AL2, AL2023, Bottlerocket, Custom, Windows2019, Windows2022 or Windows2025".to_owned())
}

/// Opens the catalogue of a region, or a file. A file that is about another region than the one asked for is refused.
pub(crate) fn open(region: Option<&str>, file: Option<&Path>) -> Result<Catalog, Failure> {
    let Some(path) = file else { return Ok(Catalog::embedded(region.unwrap_or(Catalog::DEFAULT_REGION))?) };
    let catalog = Catalog::read(path)?;
    match region {
        Some(wanted) if wanted != catalog.region() => {
            Err(format!("{} is the catalogue of {}, not of {wanted}", path.display(), catalog.region()).into())
        }
        _ => Ok(catalog),
    }
}

/// Reports what is wrong in the catalogue; the exit code says whether a type was lost to it.
fn judge(catalog: &Catalog) -> ExitCode {
    findings::print(catalog.findings(), Verbosity::Normal);
    let lost = catalog.findings().iter().any(crate::diagnostic::Diagnostic::is_error);
    if lost { ExitCode::from(EXIT_INPUT) } else { ExitCode::SUCCESS }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    match &args.verb {
        Verb::List(args) => list::run(args),
        Verb::Show(args) => show::run(args),
        Verb::Build(args) => build::run(args),
    }
}
