//! `windlass catalog show`.

use super::record::{PriceKinds, Record, price};
use super::{Source, judge, open};
use crate::catalog::file::API_VERSION;
use crate::catalog::{Catalog, NodeClassSettings};
use crate::cli::{Failure, as_typed, terminal};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;
use windlass_solver::Offering;

const EXAMPLES: &str = "\
Examples:
  windlass catalog show c6g.xlarge
  windlass catalog show g5.xlarge --ami-family Bottlerocket -o yaml";

/// Flags of `windlass catalog show`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
pub(crate) struct Args {
    /// Name of the instance type
    #[arg(value_name = "TYPE")]
    name: String,

    #[command(flatten)]
    source: Source,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t, help_heading = "Output")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// As YAML
    Yaml,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    region: &'a str,
    ami_family: &'static str,
    prices: PriceKinds,
    #[serde(flatten)]
    record: &'a Record,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let catalog = open(args.source.region.as_deref(), args.source.catalog.as_deref())?;
    let settings = NodeClassSettings { ami_family: args.source.ami_family, ..NodeClassSettings::default() };
    let code = judge(&catalog);
    let Some((listed, instance)) = catalog.resolved(&settings).find(|(listed, _)| listed.name.as_str() == args.name) else {
        return Err(unknown(&catalog, &args.name).into());
    };
    let offerings: Vec<&Offering> = instance.offerings.iter().collect();
    let record = Record::new(listed, &instance, &offerings, &settings);
    let document = Document {
        api_version: API_VERSION,
        kind: "InstanceType",
        region: catalog.region(),
        ami_family: settings.ami_family.as_str(),
        prices: PriceKinds::of(&catalog),
        record: &record,
    };
    terminal::data(&match args.output {
        Output::Text => text(&catalog, &document),
        Output::Json => serde_json::to_string_pretty(&document)? + "\n",
        Output::Yaml => serde_saphyr::to_string(&document)?,
    })?;
    Ok(code)
}

/// Says which types of the family there are.
fn unknown(catalog: &Catalog, name: &str) -> String {
    let family = format!("{}.", name.split('.').next().unwrap_or_default());
    let known = catalog.types().iter().map(|listed| listed.name.as_str()).filter(|known| known.starts_with(&family));
    let known: Vec<&str> = known.collect();
    let hint = if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) };
    format!("{} has no instance type {name:?}{hint}", catalog.region())
}

fn text(catalog: &Catalog, document: &Document) -> String {
    let (record, sources) = (document.record, catalog.sources());
    let mut text = format!("{} in {}\n", record.name, document.region);
    let _ = writeln!(text, "\nPrices in USD per hour, ~ marks estimates:");
    let _ = writeln!(text, "  on-demand  {}", price(record.on_demand, sources.on_demand));
    let interruption =
        record.interruption.as_ref().map(|band| format!(" ({band} of instances interrupted in a month)")).unwrap_or_default();
    let _ = writeln!(text, "  spot       {}{interruption}", price(record.spot, sources.spot));
    let _ = writeln!(text, "\nZones: {}", record.zones.join(", "));
    let _ = writeln!(text, "\nFor pods on {}:", document.ami_family);
    if record.usable {
        columns(&mut text, &record.allocatable);
    } else {
        let _ = writeln!(text, "  no node of this image family can be of this type");
    }
    let _ = writeln!(text, "\nCapacity:");
    columns(&mut text, &record.capacity);
    let _ = writeln!(text, "\nLabels:");
    columns(&mut text, &record.labels);
    text
}

fn columns(text: &mut String, pairs: &BTreeMap<String, String>) {
    let width = pairs.keys().map(String::len).max().unwrap_or_default();
    for (key, value) in pairs {
        let _ = writeln!(text, "{}", format!("  {key:width$}  {value}").trim_end());
    }
}
