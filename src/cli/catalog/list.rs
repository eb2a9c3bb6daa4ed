//! `windlass catalog list`.

use super::record::{PriceKinds, Record, price};
use super::{Source, filter, judge, open};
use crate::catalog::file::{API_VERSION, PriceKind};
use crate::catalog::{Catalog, NodeClassSettings};
use crate::cli::grid::{Align, Grid};
use crate::cli::{Failure, as_typed, terminal};
use crate::quantity;
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;
use windlass_solver::{Operator, Requirements};

const EXAMPLES: &str = "\
Examples:
  windlass catalog list --arch arm64 --min-cpu 4 --max-cpu 8 --sort price
  windlass catalog list --gpu --zone us-west-2b --capacity-type spot
  windlass catalog list --requirement 'karpenter.k8s.aws/instance-generation Gt 6' -o name
  windlass catalog list --region us-east-1 --family m7g,c7g -o json";

/// Flags of `windlass catalog list`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES))]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,

    #[command(flatten)]
    filter: filter::Filter,

    /// Order of the list; what is equal goes by name
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    sort: Sort,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t, help_heading = "Output")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Sort {
    /// By name
    #[default]
    Name,
    /// Cheapest first, by the lowest price of the offerings shown; types without price last
    Price,
    /// Fewest vCPUs first
    Cpu,
    /// Least memory first
    Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// Columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// Everything, for programs
    Json,
    /// Everything, as YAML
    Yaml,
    /// A Markdown table
    Markdown,
    /// Names only
    Name,
}

/// The list as a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    region: &'a str,
    ami_family: &'static str,
    prices: PriceKinds,
    items: &'a [Record],
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let requirements = args.filter.requirements()?;
    let catalog = open(args.source.region.as_deref(), args.source.catalog.as_deref())?;
    let settings = NodeClassSettings { ami_family: args.source.ami_family, ..NodeClassSettings::default() };
    refuse_unknown_labels(&catalog, &requirements, &settings)?;
    let code = judge(&catalog);
    let mut records: Vec<Record> = Vec::new();
    for (listed, instance) in catalog.resolved(&settings) {
        let offerings = filter::matching(&instance, &requirements);
        if !offerings.is_empty() {
            records.push(Record::new(listed, &instance, &offerings, &settings));
        }
    }
    match args.sort {
        Sort::Name => {}
        Sort::Price => records.sort_by_key(|record| (record.lowest_price().is_none(), record.lowest_price())),
        Sort::Cpu => records.sort_by_key(|record| record.vcpus),
        Sort::Memory => records.sort_by_key(|record| record.memory_mib),
    }
    terminal::data(&text(args.output, &catalog, &settings, &records)?)?;
    terminal::note(&summary(args.output, &catalog, &records));
    Ok(code)
}

/// A positive requirement on a label that no type has matches nothing; that is a typing error and not an answer.
fn refuse_unknown_labels(catalog: &Catalog, requirements: &Requirements, settings: &NodeClassSettings) -> Result<(), Failure> {
    for requirement in requirements.iter().filter(|requirement| !requirement.allows(None)) {
        let key = requirement.key();
        let exists: Requirements =
            [windlass_solver::Requirement::new(key, Operator::Exists, &[] as &[&str])?].into_iter().collect();
        if !catalog.resolved(settings).any(|(_, instance)| !filter::matching(&instance, &exists).is_empty()) {
            return Err(format!("no instance type of {} has the label {key:?}", catalog.region()).into());
        }
    }
    Ok(())
}

fn text(output: Output, catalog: &Catalog, settings: &NodeClassSettings, records: &[Record]) -> Result<String, Failure> {
    let document = Document {
        api_version: API_VERSION,
        kind: "InstanceTypeList",
        region: catalog.region(),
        ami_family: settings.ami_family.as_str(),
        prices: PriceKinds::of(catalog),
        items: records,
    };
    Ok(match output {
        Output::Table => grid(catalog, records, false).text(),
        Output::Wide => grid(catalog, records, true).text(),
        Output::Markdown => grid(catalog, records, false).markdown(),
        Output::Json => serde_json::to_string_pretty(&document)? + "\n",
        Output::Yaml => serde_saphyr::to_string(&document)?,
        Output::Name => records.iter().flat_map(|record| [record.name.as_str(), "\n"]).collect(),
    })
}

fn grid(catalog: &Catalog, records: &[Record], wide: bool) -> Grid {
    let sources = catalog.sources();
    let mut columns = vec![
        ("Type", Align::Left),
        ("Arch", Align::Left),
        ("vCPU", Align::Right),
        ("Memory", Align::Right),
        ("On-demand", Align::Right),
        ("Spot", Align::Right),
        ("CPU for pods", Align::Right),
        ("Memory for pods", Align::Right),
        ("Pods", Align::Right),
        ("Zones", Align::Left),
    ];
    if wide {
        columns.extend([("Interruption", Align::Left), ("GPU", Align::Left), ("Accelerator", Align::Left)]);
        columns.extend([("Local disk GB", Align::Right), ("Network Mbps", Align::Right), ("EBS Mbps", Align::Right)]);
    }
    let mut grid = Grid::new(columns);
    for record in records {
        let allocatable = |name: &str| record.allocatable.get(name).cloned().unwrap_or_else(|| "-".to_owned());
        let mut cells = vec![
            record.name.clone(),
            record.architecture.unwrap_or("-").to_owned(),
            record.vcpus.to_string(),
            memory(record.memory_mib),
            price(record.on_demand, sources.on_demand),
            price(record.spot, sources.spot),
            allocatable("cpu"),
            allocatable("memory"),
            allocatable("pods"),
            short_zones(catalog.region(), &record.zones),
        ];
        if wide {
            let label = |key: &str| {
                record.labels.get(&format!("karpenter.k8s.aws/instance-{key}")).cloned().unwrap_or_else(|| "-".into())
            };
            let counted = |kind: &str| match label(&format!("{kind}-count")).as_str() {
                "-" => "-".to_owned(),
                count => format!("{count} x {}", label(&format!("{kind}-name"))),
            };
            cells.extend([record.interruption.clone().unwrap_or_else(|| "-".into()), counted("gpu"), counted("accelerator")]);
            cells.extend([label("local-nvme"), label("network-bandwidth"), label("ebs-bandwidth")]);
        }
        grid.row(cells);
    }
    grid
}

fn memory(mebibytes: u64) -> String {
    i64::try_from(mebibytes).map_or_else(|_| "-".to_owned(), |mib| quantity::display("memory", mib.saturating_mul(1 << 20)))
}

/// `a,b` for the zones us-west-2a and us-west-2b of us-west-2; names that are not made so stand as they are.
fn short_zones(region: &str, zones: &[String]) -> String {
    let letters: Option<Vec<&str>> = zones.iter().map(|zone| zone.strip_prefix(region)).collect();
    letters.map_or_else(|| zones.join(","), |letters| letters.join(","))
}

/// What the table does not say by itself.
fn summary(output: Output, catalog: &Catalog, records: &[Record]) -> String {
    let unpriced = records.iter().filter(|record| record.lowest_price().is_none()).count();
    let mut text = format!("{} of {} instance types of {}", records.len(), catalog.types().len(), catalog.region());
    if unpriced > 0 {
        let _ = write!(text, "; {unpriced} without a price are never chosen");
    }
    let marked = matches!(output, Output::Table | Output::Wide | Output::Markdown);
    let estimated = [catalog.sources().on_demand, catalog.sources().spot].contains(&PriceKind::Estimate);
    if marked && estimated && unpriced < records.len() {
        text += "; USD per hour, ~ marks estimates";
    }
    text + "\n"
}
