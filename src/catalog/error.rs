//! Why there is no catalogue.

use std::path::PathBuf;

/// What kept a catalogue from being read, built or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The binary carries no data for the region.
    #[error(
        "no catalogue for region {region:?} in this binary, only for {known}; build one with `windlass catalog build --region {region}` \
         and pass it with --catalog"
    )]
    UnknownRegion {
        /// The region asked for.
        region: String,
        /// The regions there are.
        known: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A gzip file that does not decompress.
    #[error("{file}: not a valid gzip file: {why}; get it anew or rebuild it with `windlass catalog build`")]
    Gzip {
        /// The file.
        file: String,
        /// Why.
        why: std::io::Error,
    },
    /// Not the JSON of a catalogue.
    #[error("{file}:{line}:{column}: {field}: {why}")]
    Json {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The JSON path, such as `instanceTypes[3].hardware.vcpus`; `.` for the document.
        field: String,
        /// What was expected.
        why: String,
    },
    /// JSON of another kind or version.
    #[error(
        "{file}: {field}: {found:?} is not {expected:?}; a catalogue of this version is needed, as `windlass catalog build` writes it"
    )]
    WrongKind {
        /// The file.
        file: String,
        /// `apiVersion` or `kind`.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What must.
        expected: &'static str,
    },
    /// A catalogue without a field that it cannot do without.
    #[error("{file}: {field}: {why}")]
    Unusable {
        /// The file.
        file: String,
        /// The field.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A row of a price table.
    #[error("{file}:{line}: {why}")]
    Row {
        /// The table.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        why: String,
    },
    /// The EC2 API did not answer as needed.
    #[error("cannot describe the instance types of {region} at {endpoint}")]
    Endpoint {
        /// The endpoint, or `EC2` for the real one.
        endpoint: String,
        /// The region.
        region: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
