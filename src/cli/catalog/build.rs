//! `windlass catalog build`.

use crate::cli::{Failure, as_typed};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  windlass catalog build --region eu-west-1 --on-demand prices.csv --spot-advisor advisor.csv --out eu-west-1.json.gz
  windlass plan --catalog eu-west-1.json.gz -f manifests/";

/// Flags of `windlass catalog build`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
#[cfg_attr(
    not(feature = "aws"),
    allow(dead_code, reason = "parsed, so that the answer is about AWS support and not about flags")
)]
pub(crate) struct Args {
    /// Region to describe
    #[arg(long, value_name = "REGION")]
    region: String,

    /// URL of an EC2 API to ask instead of AWS's own
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,

    /// On-demand prices: CSV with the columns instance_type,usd_per_hour
    #[arg(long, value_name = "CSV")]
    on_demand: PathBuf,

    /// Spot advisor: CSV with the columns region,instance_type,savings_percent,interruption_band
    #[arg(long, value_name = "CSV")]
    spot_advisor: PathBuf,

    /// Branch interfaces for pods with security groups: CSV with the columns instance_type,branch_interfaces
    #[arg(long, value_name = "CSV")]
    branch_interfaces: Option<PathBuf>,

    /// File to write; compressed if its name ends in .gz
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Says that this binary cannot.
#[cfg(not(feature = "aws"))]
pub(crate) fn run(_args: &Args) -> Result<ExitCode, Failure> {
    Err("this windlass was built without AWS support, which `catalog build` needs to ask the EC2 API; \
         build it with `cargo build --release --features aws`"
        .into())
}

/// Runs it.
#[cfg(feature = "aws")]
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    use crate::catalog::{build, from_ec2, price_table};
    use crate::cli::findings::{self, Verbosity};
    use crate::cli::terminal;

    // The tables first: a typing error in them should not cost minutes of asking EC2.
    let tables = build::Tables {
        on_demand: price_table::on_demand(&args.on_demand)?,
        advice: price_table::spot_advisor(&args.spot_advisor, &args.region)?,
        branch_interfaces: args.branch_interfaces.as_deref().map(price_table::branch_interfaces).transpose()?.unwrap_or_default(),
    };
    let described = from_ec2::describe(&args.region, args.endpoint_url.as_deref())?;
    let (file, warnings) = build::build(described, &tables);
    findings::print(&warnings, Verbosity::Normal);
    if file.instance_types.is_empty() {
        return Err(format!("EC2 offers no instance type in {:?}: is that a region, and enabled?", args.region).into());
    }
    build::write(&file, &args.out)?;
    let offered: usize = file.instance_types.iter().map(|entry| entry.zones.len()).sum();
    let (types, zones, out) = (file.instance_types.len(), file.zones.len(), args.out.display());
    terminal::note(&format!("{out}: {types} instance types, offered {offered} times in {zones} zones of {}\n", args.region));
    Ok(ExitCode::SUCCESS)
}
