//! Reading manifests: files, directories and standard input become an [`Inventory`] of typed objects with their places.
//!
//! ```text
//! bytes ──document──▶ documents ──yaml, json──▶ values ──field──▶ typed objects ──admission──▶ checked ──reduce──▶ shared specs
//!                                                                                                   owner, limit_range ─▶ Inventory
//! ```
//!
//! Each document is split off, parsed and judged on its own: what is wrong with one never changes what is read of another.

mod admission;
mod buffer;
mod document;
mod field;
mod files;
mod generate;
mod intake;
pub mod inventory;
mod json;
mod kind;
mod limit_range;
mod line;
mod owner;
mod pod;
mod reader;
mod reduce;
pub(crate) mod requests;
mod same_zone;
mod scalar;
mod selecting;
mod service;
mod syntax;
mod tracked;
mod twice;
mod workload;
mod written;
mod yaml;

pub use files::{ReadError, Source};
pub use intake::{Intake, Item, Reading};
pub use inventory::{Controller, DaemonSet, Inventory, PodSet, PodState, Sourced};
pub use same_zone::SAME_ZONE_AS;
pub(crate) use workload::spec_path;
pub use written::Written;

use std::sync::Arc;

/// How manifests are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The namespace of objects that name none, where their kind has namespaces.
    pub namespace: Arc<str>,
    /// Whether Services decide anything: if not, they are skipped.
    pub services: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { namespace: "default".into(), services: false }
    }
}

/// Reads all sources into one inventory. Fails only where a source cannot be read at all; what is wrong in a file is a diagnostic of
/// the inventory.
pub fn read(sources: &[Source], options: &Options) -> Result<Inventory, ReadError> {
    let mut reader = reader::Reader::new(options);
    for source in sources {
        match source {
            Source::Stdin(bytes) => reader.file("<stdin>", bytes),
            Source::Path(path) => {
                for file in files::files(path)? {
                    let bytes = files::contents(&file)?;
                    reader.file(&file.display().to_string(), &bytes);
                }
            }
        }
    }
    Ok(reader.finish())
}

/// Reads one document, in YAML or JSON, of whatever it is. The failure says on which line.
pub(crate) fn value(text: &str) -> Result<serde_json::Value, String> {
    let read = yaml::value(text).map_err(|failure| format!("line {}: {}", failure.line, failure.message))?;
    read.ok_or_else(|| "is empty".to_owned())
}

#[cfg(test)]
mod tests;
