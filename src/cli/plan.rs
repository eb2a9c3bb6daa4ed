//! `windlass plan`: manifests in, a priced and explained plan out, without a cluster and without an AWS account.
//!
//! ```text
//! files ─manifest─▶ Inventory ─snapshot─▶ Snapshot ─search─▶ Plan ─check─▶ Report ─▶ table, wide, json, yaml, markdown or name
//!                       └──────── region ─▶ Catalog ─┘
//! ```

mod against;
mod certificate;
mod fault;
mod group;
mod headline;
mod input;
mod json;
mod markdown;
mod name;
mod region;
mod relaxed;
mod report;
mod search;
mod subject;
mod table;
mod why;
mod yaml;

use super::convert::Era;
use super::{EXIT_ERROR, EXIT_INPUT, Failure, as_typed, terminal};
use crate::snapshot::DefaultSpread;
use against::{Against, Peer};
use input::Input;
use owo_colors::OwoColorize;
use report::Report;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use windlass_solver::{Charges, Explanation, MicroUsd, Options, Plan, Snapshot, check, explain};

/// Some pods have no place.
const EXIT_UNSCHEDULABLE: u8 = 3;

/// With `--detailed-exitcode`: every pod has a place, and nodes are launched for it.
const EXIT_LAUNCH: u8 = 2;

/// Examples under `--help`.
const EXAMPLES: &str = "\
Examples:
  # What would a rendered chart cost?
  helm template my-chart | windlass plan -f nodepools.yaml -f -

  # A cluster as it is now, and why one pod has no place
  kubectl get nodes,pods,daemonsets,nodepools,ec2nodeclasses -A -o yaml |
    windlass plan -f - --explain default/web-0

  # In CI: a comment, the plan as JSON, and exit code 2 if nodes are launched
  windlass plan -f deploy/ -o markdown --out plan.json --detailed-exitcode";

/// Exit codes under `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  every pod has a place
  1  internal error
  2  usage or input error; if an object was left out, the plan of the others is still printed
  3  some pods are unschedulable
With --detailed-exitcode:
  0  every pod has a place and nothing is launched
  1  error of any kind
  2  every pod has a place and nodes are launched
  3  some pods are unschedulable";

/// Flags of `windlass plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = as_typed(EXAMPLES), after_long_help = as_typed(&format!("{EXAMPLES}\n\n{EXIT_CODES}")))]
pub(crate) struct Args {
    /// File, directory (read recursively) or - for standard input; YAML or JSON, several documents, kubectl lists
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true, help_heading = "Input")]
    files: Vec<PathBuf>,

    /// Namespace of objects that name none [default: default]
    #[arg(short, long, help_heading = "Input")]
    namespace: Option<String>,

    /// AWS region whose instance types and prices are used
    ///
    /// Without this flag it is the region of the zones that the input names, if they all belong to one, or us-west-2 if it names none.
    #[arg(long, help_heading = "Input")]
    region: Option<String>,

    /// Catalogue of instance types and prices to use instead of the built-in one; see `windlass catalog build`
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    catalog: Option<PathBuf>,

    /// Release of Karpenter whose defaults Provisioners get; NodePools need none
    #[arg(long, value_enum, default_value_t = Era::V0_31, value_name = "ERA", help_heading = "Input")]
    defaults: Era,

    /// What becomes of nodes that cannot have the minValues of their NodePool
    #[arg(long, value_enum, default_value_t, value_name = "POLICY", help_heading = "Input")]
    min_values_policy: MinValuesPolicy,

    /// What becomes of preferences: preferred node affinity, preferred pod (anti-)affinity and ScheduleAnyway spread
    #[arg(long, value_enum, default_value_t, ignore_case = true, value_name = "POLICY", help_heading = "Input")]
    preference_policy: PreferencePolicy,

    /// How kube-scheduler spreads pods that have no topologySpreadConstraints: none, system, a file, or the text of one [default: none]
    ///
    /// `system` is what it does unless it is configured otherwise: prefer at most 3 more pods of a kind on one node than on another, and 5
    /// in one zone. A file, or text that is JSON or has several lines, holds a KubeSchedulerConfiguration, the arguments of its plugin
    /// PodTopologySpread, or a list of constraints. Whom a pod is spread with is said by its Services and its ReplicaSet, StatefulSet or ReplicationController.
    #[arg(long, value_parser = super::default_spread::read, value_name = "SPREAD", help_heading = "Input")]
    default_spread: Option<DefaultSpread>,

    /// Form of the plan on standard output
    #[arg(short, long, value_enum, default_value_t, help_heading = "Output")]
    output: Output,

    /// Write the plan as JSON to this file, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,

    /// Say why a pod (namespace/name, or a name that only one pod has) or a planned node is where it is; may be repeated
    #[arg(long, value_name = "POD", help_heading = "Output")]
    explain: Vec<String>,

    /// Say what proves the lower bound, and what each kind of pod adds to the cost
    #[arg(long, help_heading = "Output")]
    certificate: bool,

    /// Show the bill of another algorithm on the same input beside ours
    #[arg(long, value_enum, value_name = "ALGORITHM", help_heading = "Output")]
    against: Option<Peer>,

    /// What to minimise once as many pods as possible are placed
    #[arg(long, value_enum, default_value_t, help_heading = "Search")]
    objective: Objective,

    /// Count each node this much dearer than its price, in dollars per hour: its root volume, licences, addresses
    ///
    /// For example 0.0022 for the 20 GiB gp3 root volume that EC2NodeClasses give a node unless they say otherwise. It makes for fewer and
    /// larger nodes and is never part of `hourlyCostUsd`; `objectiveUsd` contains it.
    #[arg(long, value_name = "USD", value_parser = dollars, default_value = "0", help_heading = "Search")]
    node_charge: MicroUsd,

    /// Count a spot price as price x (1 + FACTOR x share of such instances that EC2 takes back in a month) [0 = price alone]
    ///
    /// The share is the middle of the spot advisor's band: 2.5, 7.5, 12.5 or 17.5 %, and 25 % above the last band and where nobody knows.
    /// FACTOR is what an interruption costs you, in months of the node's price. It is never part of `hourlyCostUsd`; `objectiveUsd`
    /// contains it.
    #[arg(long, value_name = "FACTOR", value_parser = hundredths, default_value = "0", help_heading = "Search")]
    spot_risk: u32,

    /// Launch a spot node only if so many instance types, its own included, hold its pods on spot
    ///
    /// EC2 takes the one that it is least likely to take back. Pods are packed for it, and more alternatives are listed where needed.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=50), help_heading = "Search")]
    spot_min_types: u32,

    /// Allow one instance type in one zone at most this share of the spot nodes, in percent, rounded up
    ///
    /// EC2 takes back spot instances of one type in one zone together. Nodes that run or are on their way count; a node may become each of
    /// its alternatives, and counts for each. Nodes beyond the share become the next cheapest type or zone, or go on demand. 100 asks for
    /// nothing.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Search")]
    spot_pool_share: u32,

    /// Varies how ties are broken; equal seeds give equal plans
    #[arg(long, default_value_t = 0, help_heading = "Search")]
    seed: u64,

    /// Stop the search after this time, such as 10s or 1m30s, and print the best plan so far (its status is `cut`)
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = "Search")]
    deadline: Option<Duration>,

    /// Most search steps after the first plan; unlike --deadline, equal steps give equal plans.
    ///
    /// By default they grow with the pods: 50,000 up to 1,000 pods, 40 more for each pod beyond, 400,000 at most.
    #[arg(long, help_heading = "Search")]
    steps: Option<u64>,

    /// Tell by the exit code whether nodes would be launched: 0 no, 2 yes, 3 some pods are unschedulable, 1 error
    #[arg(long, help_heading = "Output")]
    detailed_exitcode: bool,

    /// Print no warnings, notes or progress
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

impl Args {
    /// Whether terraform's exit codes are asked for.
    pub(super) const fn detailed_exitcode(&self) -> bool {
        self.detailed_exitcode
    }

    fn options(&self) -> Options<'static> {
        Options {
            objective: self.objective.into(),
            charges: Charges { node: self.node_charge, spot_risk_percent: self.spot_risk },
            seed: self.seed,
            steps: self.steps,
            preferences: self.preference_policy.into(),
            ..Options::default()
        }
    }
}

/// The form of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// For people: identical nodes on one row
    #[default]
    Table,
    /// For people: each node, with alternatives, requested and allocatable resources
    Wide,
    /// For programs; docs/plan.schema.json describes it
    Json,
    /// The same structure as JSON
    Yaml,
    /// For comments on pull requests
    Markdown,
    /// node/NAME, one a line
    Name,
}

/// Karpenter's setting of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum MinValuesPolicy {
    /// They are not launched
    #[default]
    Strict,
    /// They are launched with as many values as there are, and the plan says so
    #[value(alias = "besteffort")]
    BestEffort,
}

impl From<MinValuesPolicy> for windlass_solver::MinValuesPolicy {
    fn from(policy: MinValuesPolicy) -> Self {
        match policy {
            MinValuesPolicy::Strict => Self::Strict,
            MinValuesPolicy::BestEffort => Self::BestEffort,
        }
    }
}

/// Karpenter's setting of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum PreferencePolicy {
    /// They are kept wherever their pods find a place with them, and given up one by one otherwise
    #[default]
    Respect,
    /// They decide nothing
    Ignore,
}

impl From<PreferencePolicy> for windlass_solver::PreferencePolicy {
    fn from(policy: PreferencePolicy) -> Self {
        match policy {
            PreferencePolicy::Respect => Self::Respect,
            PreferencePolicy::Ignore => Self::Ignore,
        }
    }
}

/// What to minimise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Objective {
    /// Price, then nodes
    #[default]
    Cost,
    /// Nodes, then price
    Nodes,
}

impl From<Objective> for windlass_solver::Objective {
    fn from(objective: Objective) -> Self {
        match objective {
            Objective::Cost => Self::Cost,
            Objective::Nodes => Self::Nodes,
        }
    }
}

/// Reads `10s`, `1m30s`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration =
        text.parse().map_err(|_| "expected a duration such as 10s, 500ms or 1m30s".to_owned())?;
    Duration::try_from(duration).map_err(|_| "must not be negative".to_owned())
}

/// Reads dollars per hour such as `0.0022`, at most $1,000.
pub(crate) fn dollars(text: &str) -> Result<MicroUsd, String> {
    let read = MicroUsd::parse_dollars(text).filter(|amount| *amount <= MicroUsd(1_000_000_000));
    read.ok_or_else(|| "expected dollars per hour as a plain decimal such as 0.0022, at most 1000".to_owned())
}

/// Reads a factor such as `0.5`, from 0 to 1,000, in hundredths rounded up.
pub(crate) fn hundredths(text: &str) -> Result<u32, String> {
    let micros = MicroUsd::parse_dollars(text).map(|amount| (amount.0 + 9_999) / 10_000);
    let read = micros.and_then(|hundredths| u32::try_from(hundredths).ok()).filter(|hundredths| *hundredths <= 100_000);
    read.ok_or_else(|| "expected a factor such as 0.5 or 2, at most 1000".to_owned())
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let extras =
        [("--explain", !args.explain.is_empty()), ("--certificate", args.certificate), ("--against", args.against.is_some())];
    if let Some((flag, _)) = extras.iter().find(|(_, given)| *given && args.output == Output::Name) {
        return Err(format!("{flag} has nothing to say with -o name; choose another output").into());
    }
    let input = Input::read(args)?;
    input.tell(args);
    let snapshot = &input.taken.snapshot;
    let (plan, took) = search::run(snapshot, &args.options(), args.deadline, args.quiet);
    let violations = check(snapshot, &plan);
    if !violations.is_empty() {
        terminal::note(&fault::report(&violations));
        return Ok(ExitCode::from(EXIT_ERROR));
    }
    let relaxed: Vec<String> = relaxed::notes(&plan).collect();
    if !args.quiet {
        for note in &relaxed {
            terminal::note(&format!("{} {note}\n", "note:".dimmed()));
        }
    }
    let notes = [input.taken.notes.clone(), relaxed].concat();
    let explanations = explanations(args, snapshot, &plan)?;
    let against = args.against.map(|peer| Against::of(peer, snapshot, &plan, args.preference_policy.into()));
    if let Some(against) = against.as_ref().filter(|against| !against.faults.is_empty()) {
        terminal::note(&fault::report(&against.faults));
        return Ok(ExitCode::from(EXIT_ERROR));
    }
    let classes = args.certificate.then(|| certificate::classes(snapshot, &plan, &input.owners));
    let report = Report {
        plan: &plan,
        explanations: &explanations,
        findings: &input.findings,
        notes: &notes,
        owners: &input.owners,
        estimated: &input.estimated,
        certificate: classes.as_deref(),
        against: against.as_ref(),
    };
    if let Some(path) = &args.out {
        let written = File::create(path).and_then(|mut file| json::write(&report, &mut file));
        written.map_err(|error| format!("--out {}: {error}", path.display()))?;
    }
    print(&report, args.output)?;
    if !args.quiet {
        tell_end(&report, args.output, took);
    }
    Ok(ExitCode::from(exit_code(&plan, input.is_incomplete(), args.detailed_exitcode)))
}

/// What a reader of standard error should know at the end: people who look at tables have seen the headline.
fn tell_end(report: &Report<'_>, output: Output, took: Duration) {
    let note = "note:".dimmed();
    if matches!(output, Output::Json | Output::Yaml | Output::Name) {
        terminal::note(&format!("{note} {}\n", headline::headline(report)));
    }
    let steps = report.plan.summary.steps;
    terminal::note(&format!("{note} searched {steps} steps in {} ms\n", took.as_millis()));
}

/// What `--explain` asks for.
fn explanations(args: &Args, snapshot: &Snapshot, plan: &Plan) -> Result<Vec<Explanation>, Failure> {
    let asked = args.explain.iter();
    asked
        .map(|text| {
            let subject = subject::resolve(text, args.namespace.as_deref(), snapshot, plan)?;
            explain(snapshot, plan, &subject).ok_or_else(|| format!("--explain {text}: nothing is known about it").into())
        })
        .collect()
}

/// By the table in [`EXIT_CODES`]. An object that was left out weighs more than a pod without a place: the plan is not the one asked for.
fn exit_code(plan: &Plan, incomplete: bool, detailed: bool) -> u8 {
    match (incomplete, plan.unschedulable.is_empty()) {
        (true, _) if detailed => EXIT_ERROR,
        (true, _) => EXIT_INPUT,
        (false, false) => EXIT_UNSCHEDULABLE,
        (false, true) if detailed && !plan.nodes.is_empty() => EXIT_LAUNCH,
        (false, true) => 0,
    }
}

/// Prints the report. JSON can be large and goes out as it is made.
fn print(report: &Report<'_>, output: Output) -> Result<(), Failure> {
    if output == Output::Json {
        return terminal::stream(|to| json::write(report, to));
    }
    terminal::data(&render(report, output)?)
}

/// The report in the form asked for.
fn render(report: &Report<'_>, output: Output) -> Result<String, Failure> {
    Ok(match output {
        Output::Table => table::render(report, table::Detail::Table),
        Output::Wide => table::render(report, table::Detail::Wide),
        Output::Json => {
            let mut text = Vec::new();
            json::write(report, &mut text)?;
            String::from_utf8(text)?
        }
        Output::Yaml => yaml::render(report)?,
        Output::Markdown => markdown::render(report),
        Output::Name => name::render(report),
    })
}

#[cfg(test)]
mod tests;
