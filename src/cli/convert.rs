//! `windlass convert`: Provisioners and AWSNodeTemplates in, NodePools and EC2NodeClasses out.

mod leftover;

use super::{EXIT_INPUT, Failure, findings, terminal};
use crate::api::convert::{Conversion, Defaults, convert};
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::manifest::{self, Inventory, Source, Sourced};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `windlass convert`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files or folders with manifests, or - for standard input
    #[arg(short, long = "filename", value_name = "PATH", required = true)]
    filename: Vec<PathBuf>,
    /// Format
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
    /// Requirements to add where a Provisioner leaves them out
    #[arg(long, value_enum, default_value_t = Era::V0_31, value_name = "ERA")]
    defaults: Era,
}

/// Formats of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// YAML documents
    Yaml,
    /// One List
    Json,
    /// One name per line
    Name,
}

/// Whose defaults are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Era {
    /// On-demand and amd64
    #[value(name = "v0.13")]
    V0_13,
    /// On-demand, amd64, linux, and instance categories c, m, r of generation 3 and later
    #[value(name = "v0.31")]
    V0_31,
    /// Nothing
    #[value(name = "none")]
    None,
}

impl From<Era> for Defaults {
    fn from(era: Era) -> Self {
        match era {
            Era::V0_13 => Self::V0_13,
            Era::V0_31 => Self::V0_31,
            Era::None => Self::None,
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut piped = Vec::new();
    if args.filename.iter().any(|path| path == Path::new("-")) {
        std::io::stdin().read_to_end(&mut piped).map_err(|why| format!("cannot read standard input: {why}"))?;
    }
    let source = |path: &PathBuf| if path == Path::new("-") { Source::Stdin(piped.clone()) } else { Source::Path(path.clone()) };
    let sources: Vec<Source> = args.filename.iter().map(source).collect();
    let inventory = manifest::read(&sources, &manifest::Options::default())?;
    let mut found = about_ours(&inventory);
    let refused: BTreeSet<String> =
        found.iter().filter(|finding| finding.is_error()).filter_map(|finding| finding.object.clone()).collect();
    let provisioners = kept(&inventory.provisioners, "Provisioner", &refused, |object| &object.metadata);
    let templates = kept(&inventory.aws_node_templates, "AWSNodeTemplate", &refused, |object| &object.metadata);
    if provisioners.is_empty() && templates.is_empty() && found.is_empty() {
        return Err(
            "there is no karpenter.sh/v1alpha5 Provisioner and no karpenter.k8s.aws/v1alpha1 AWSNodeTemplate in the input".into(),
        );
    }
    let conversion = convert(&provisioners, &templates, args.defaults.into());
    found.extend(placed(&conversion.findings, &inventory, &refused));
    found.extend(leftover::find(&inventory, &piped));
    findings::print(&found, findings::Verbosity::Normal);
    terminal::data(&text(&conversion, args.output)?)?;
    Ok(if found.iter().any(Diagnostic::is_error) { ExitCode::from(EXIT_INPUT) } else { ExitCode::SUCCESS })
}

/// What was found while reading what we convert, and what could not be read as anything. An unknown field is an error here: whatever it
/// was meant to say would be lost.
fn about_ours(inventory: &Inventory) -> Vec<Diagnostic> {
    let is_ours = |finding: &&Diagnostic| {
        finding
            .object
            .as_deref()
            .is_none_or(|object| object.starts_with("Provisioner/") || object.starts_with("AWSNodeTemplate/"))
    };
    let strict = |finding: &Diagnostic| {
        let severity = if finding.message.starts_with("unknown field") { Severity::Error } else { finding.severity };
        Diagnostic { severity, ..finding.clone() }
    };
    inventory.diagnostics.iter().filter(is_ours).map(strict).collect()
}

fn kept<T: Clone>(
    all: &[Sourced<T>],
    kind: &str,
    refused: &BTreeSet<String>,
    metadata: impl Fn(&T) -> &kube::core::ObjectMeta,
) -> Vec<T> {
    let is_kept = |object: &T| !refused.contains(&shown(kind, metadata(object)));
    all.iter().map(|sourced| &sourced.value).filter(|object| is_kept(object)).cloned().collect()
}

fn shown(kind: &str, metadata: &kube::core::ObjectMeta) -> String {
    format!("{kind}/{}", metadata.name.as_deref().unwrap_or_default())
}

/// The conversion's findings with the places of their objects. A template that was refused is known already.
fn placed(found: &[Diagnostic], inventory: &Inventory, refused: &BTreeSet<String>) -> Vec<Diagnostic> {
    let provisioners = inventory.provisioners.iter().map(|object| (shown("Provisioner", &object.value.metadata), &object.place));
    let templates =
        inventory.aws_node_templates.iter().map(|object| (shown("AWSNodeTemplate", &object.value.metadata), &object.place));
    let places: BTreeMap<String, &Place> = provisioners.chain(templates).collect();
    let is_news = |finding: &&Diagnostic| finding.object.as_ref().is_none_or(|object| !refused.contains(object));
    let place = |finding: &Diagnostic| {
        let place = finding.object.as_ref().and_then(|object| places.get(object)).map(|place| (*place).clone());
        let mut finding = Diagnostic { place, ..finding.clone() };
        inventory.written.place(&mut finding);
        finding
    };
    found.iter().filter(is_news).map(place).collect()
}

fn text(conversion: &Conversion, format: Format) -> Result<String, Failure> {
    let mut objects = values(&conversion.node_pools)?;
    objects.extend(values(&conversion.node_classes)?);
    Ok(match format {
        Format::Yaml => {
            let documents: Result<Vec<String>, _> = objects.iter().map(serde_saphyr::to_string).collect();
            documents?.iter().flat_map(|document| ["---\n", document.trim_end(), "\n"]).collect()
        }
        Format::Json => serde_json::to_string_pretty(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))? + "\n",
        Format::Name => objects.iter().map(name).collect(),
    })
}

fn values<T: Serialize>(objects: &[T]) -> Result<Vec<Value>, Failure> {
    Ok(objects.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
}

/// `nodepool.karpenter.sh/default`, as kubectl names objects.
fn name(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let group = text("/apiVersion").split('/').next().unwrap_or_default();
    format!("{}.{group}/{}\n", text("/kind").to_lowercase(), text("/metadata/name"))
}
