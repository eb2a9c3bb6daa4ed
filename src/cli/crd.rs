//! `windlass crd`: prints the CustomResourceDefinitions, or writes them to files.

use super::Failure;
use crate::api::crd::{Definition, definitions};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `windlass crd`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kinds, plurals, short names or full names (nodepools.karpenter.sh); all if none
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Format
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
    /// Write one file per definition (`<group>_<plural>.yaml`) to this folder instead of standard output
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// Formats of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// YAML documents
    Yaml,
    /// One JSON object; a List if there are several
    Json,
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let chosen = choose(&args.names)?;
    if let Some(folder) = &args.out_dir {
        std::fs::create_dir_all(folder).map_err(|why| format!("cannot create {}: {why}", folder.display()))?;
        for definition in &chosen {
            let path = folder.join(file_name(definition, args.output));
            let text = text(&[definition], args.output)?;
            std::fs::write(&path, text).map_err(|why| format!("cannot write {}: {why}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
    } else {
        print!("{}", text(&chosen.iter().collect::<Vec<_>>(), args.output)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// The definitions of those names, sorted by name.
fn choose(names: &[String]) -> Result<Vec<Definition>, Failure> {
    let all = definitions();
    let is_named = |definition: &Definition, name: &str| {
        let name = name.to_lowercase();
        name == definition.name || definition.kind.to_lowercase() == name || definition.aliases.contains(&name)
    };
    if let Some(unknown) = names.iter().find(|name| !all.iter().any(|definition| is_named(definition, name))) {
        let known: Vec<&str> = all.iter().map(|definition| definition.kind.as_str()).collect();
        return Err(format!("no definition is called {unknown:?}; there are {}", known.join(", ")).into());
    }
    Ok(all.into_iter().filter(|definition| names.is_empty() || names.iter().any(|name| is_named(definition, name))).collect())
}

fn file_name(definition: &Definition, format: Format) -> String {
    let (plural, group) = definition.name.split_once('.').unwrap_or((&definition.name, ""));
    let extension = if format == Format::Yaml { "yaml" } else { "json" };
    format!("{group}_{plural}.{extension}")
}

fn text(chosen: &[&Definition], format: Format) -> Result<String, Failure> {
    match (format, chosen) {
        (Format::Yaml, _) => {
            let documents: Result<Vec<String>, _> =
                chosen.iter().map(|definition| serde_saphyr::to_string(&definition.object)).collect();
            Ok(documents?.iter().flat_map(|document| ["---\n", document.trim_end(), "\n"]).collect())
        }
        (Format::Json, [one]) => Ok(serde_json::to_string_pretty(&one.object)? + "\n"),
        (Format::Json, _) => {
            let items: Vec<_> = chosen.iter().map(|definition| &definition.object).collect();
            Ok(serde_json::to_string_pretty(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))? + "\n")
        }
    }
}
