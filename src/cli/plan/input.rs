//! From the flags to everything a plan starts from: manifests read, region chosen, catalogue loaded, snapshot taken.

use super::{Args, region};
use crate::catalog::Catalog;
use crate::catalog::file::PriceKind;
use crate::cli::findings::{self, Verbosity};
use crate::cli::plan::report::count;
use crate::cli::{Failure, terminal};
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Inventory, Source};
use crate::snapshot::{self, Ignored, Settings, Taken};
use owo_colors::OwoColorize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use windlass_solver::{CapacityType, ObjectKey};

/// What a plan starts from.
pub(super) struct Input {
    /// The solver's input.
    pub taken: Taken,
    /// Everything that was found wrong on the way.
    pub findings: Vec<Diagnostic>,
    /// The workload of each pod.
    pub owners: BTreeMap<ObjectKey, Arc<str>>,
    /// Capacity types whose prices are estimates.
    pub estimated: Vec<CapacityType>,
    /// What else the user should know.
    notes: Vec<String>,
}

impl Input {
    /// Reads it.
    pub(super) fn read(args: &Args) -> Result<Self, Failure> {
        let default_spread = args.default_spread.clone().unwrap_or_default();
        let mut reading = manifest::Options { services: !default_spread.is_empty(), ..manifest::Options::default() };
        if let Some(namespace) = &args.namespace {
            reading.namespace = namespace.as_str().into();
        }
        let inventory = manifest::read(&sources(&args.files)?, &reading)?;
        let mut notes = Vec::new();
        let catalog = catalog(args, &inventory, &mut notes)?;
        let settings = Settings {
            defaults: args.defaults.into(),
            min_values_policy: args.min_values_policy.into(),
            default_spread,
            spot_min_types: args.spot_min_types,
            spot_pool_share: args.spot_pool_share,
            ..Settings::default()
        };
        let taken = snapshot::take(&inventory, &catalog, &settings);
        let mut findings = inventory.diagnostics.clone();
        findings.extend(catalog.findings().iter().cloned());
        findings.extend(taken.diagnostics.iter().cloned());
        notes.extend(skipped(&inventory));
        notes.extend(ignored(taken.ignored));
        notes.extend(taken.notes.iter().cloned());
        let owners = owners(&inventory);
        Ok(Self { taken, findings, owners, estimated: estimated(&catalog), notes })
    }

    /// Prints findings and notes to standard error.
    pub(super) fn tell(&self, args: &Args) {
        findings::print(&self.findings, if args.quiet { Verbosity::Quiet } else { Verbosity::Normal });
        if !args.quiet {
            self.notes.iter().for_each(|note| terminal::note(&format!("{} {note}\n", "note:".dimmed())));
        }
    }

    /// Whether an object was left out.
    pub(super) fn is_incomplete(&self) -> bool {
        self.findings.iter().any(Diagnostic::is_error)
    }
}

/// Standard input can be read once only.
fn sources(files: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    if files.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err("-f - can be given once only: standard input ends with its first reader".into());
    }
    files
        .iter()
        .map(|path| {
            if path.as_os_str() != "-" {
                return Ok(Source::Path(path.clone()));
            }
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| format!("cannot read standard input: {error}"))?;
            Ok(Source::Stdin(bytes))
        })
        .collect()
}

/// A catalogue file brings its region; else the region decides about the catalogue.
fn catalog(args: &Args, inventory: &Inventory, notes: &mut Vec<String>) -> Result<Catalog, Failure> {
    if args.catalog.is_some() {
        return crate::cli::catalog::open(args.region.as_deref(), args.catalog.as_deref());
    }
    let choice = region::choose(args.region.as_deref(), &region::zones(inventory))?;
    notes.extend(choice.note);
    crate::cli::catalog::open(Some(&choice.region), None)
}

fn estimated(catalog: &Catalog) -> Vec<CapacityType> {
    let sources = catalog.sources();
    let kinds = [(CapacityType::OnDemand, sources.on_demand), (CapacityType::Spot, sources.spot)];
    kinds.into_iter().filter(|(_, kind)| *kind == PriceKind::Estimate).map(|(capacity_type, _)| capacity_type).collect()
}

fn owners(inventory: &Inventory) -> BTreeMap<ObjectKey, Arc<str>> {
    let sets = inventory.pods.iter().map(|source| &source.value);
    sets.flat_map(|set| set.keys.iter().map(|key| (key.clone(), set.owner.clone()))).collect()
}

/// `skipped 4 objects of kinds that decide nothing: 3 v1 ConfigMap, 1 v1 Service`
fn skipped(inventory: &Inventory) -> Option<String> {
    let number: usize = inventory.skipped.values().sum();
    let kinds: Vec<String> = inventory.skipped.iter().map(|(kind, number)| format!("{number} {kind}")).collect();
    (number > 0).then(|| format!("skipped {} of kinds that decide nothing: {}", count(number, "object"), kinds.join(", ")))
}

/// `need no place: 12 running pods, 1 finished pod`
fn ignored(ignored: Ignored) -> Option<String> {
    let Ignored { bound, finished, deleting, gated, of_nodes } = ignored;
    let counted = [
        (bound, "running pod"),
        (finished, "finished pod"),
        (deleting, "deleted pod"),
        (gated, "gated pod"),
        (of_nodes, "daemon or static pod"),
    ];
    let counted: Vec<String> =
        counted.into_iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(number, noun)).collect();
    (!counted.is_empty()).then(|| format!("need no place: {}", counted.join(", ")))
}
