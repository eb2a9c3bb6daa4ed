//! The catalogue file: JSON with `apiVersion: windlass.dev/v1` and `kind: Catalog`, plain or gzip-compressed, one type on a line.
//!
//! It grows only by adding fields. Fields that this version does not know are reported as warnings and otherwise ignored.

use super::error::CatalogError;
use super::hardware::Hardware;
use super::{Catalog, sift};
use crate::diagnostic::Diagnostic;
use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// The `apiVersion` of the file.
pub const API_VERSION: &str = "windlass.dev/v1";
/// The `kind` of the file.
pub const KIND: &str = "Catalog";

/// No catalogue decompresses to more: 30 times the largest region there is. Guards against a gzip bomb.
const MOST_BYTES: u64 = 64 << 20;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogFile {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always [`KIND`].
    pub kind: String,
    /// The region.
    pub region: String,
    /// Where the figures come from.
    #[serde(default)]
    pub sources: Sources,
    /// The region's availability zones.
    #[serde(default)]
    pub zones: Vec<ZoneEntry>,
    /// The types.
    #[serde(default)]
    pub instance_types: Vec<Entry>,
}

/// Where the figures come from, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sources {
    /// On-demand prices.
    pub on_demand: PriceKind,
    /// Spot prices.
    pub spot: PriceKind,
}

/// How much a price can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceKind {
    /// AWS's list price.
    List,
    /// What the market asked when the file was made.
    Market,
    /// Computed from other figures, or of unknown origin.
    #[default]
    Estimate,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneEntry {
    /// The name, `us-west-2b`.
    pub name: String,
    /// The id, `usw2-az1`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// An instance type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name, `m5.large`.
    pub name: String,
    /// The machine.
    #[serde(default)]
    pub hardware: Hardware,
    /// Zones that offer it.
    #[serde(default)]
    pub zones: Vec<String>,
    /// What it costs.
    #[serde(default)]
    pub prices: Prices,
}

/// Prices in US dollars per hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prices {
    /// On demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_demand: Option<PriceText>,
    /// Spot, in zones without a price of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot: Option<PriceText>,
    /// Spot in single zones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub spot_by_zone: BTreeMap<String, PriceText>,
    /// The spot advisor's interruption band, such as `<5%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruption: Option<String>,
}

/// A price as written: a plain decimal in a string, or a JSON number. It is judged later, so that one bad price costs one type its
/// price and not everyone the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "NumberOrText", into = "String")]
pub struct PriceText(pub String);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Text(String),
    Number(serde_json::Number),
}

impl From<NumberOrText> for PriceText {
    fn from(value: NumberOrText) -> Self {
        match value {
            NumberOrText::Text(text) => Self(text),
            NumberOrText::Number(number) => Self(number.to_string()),
        }
    }
}

impl From<PriceText> for String {
    fn from(value: PriceText) -> Self {
        value.0
    }
}

impl CatalogFile {
    /// The file's text: the header, then one line for each type, so that two catalogues compare line by line.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let header = Self { instance_types: Vec::new(), ..self.clone() };
        let mut text = serde_json::to_string(&header)?;
        text.truncate(text.len() - "]}".len());
        for (index, entry) in self.instance_types.iter().enumerate() {
            text.push_str(if index == 0 { "\n" } else { ",\n" });
            text.push_str(&serde_json::to_string(entry)?);
        }
        text.push_str("\n]}\n");
        Ok(text)
    }
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Catalog, CatalogError> {
    let bytes = std::fs::read(path).map_err(|source| CatalogError::Read { path: path.to_owned(), source })?;
    parse(&path.display().to_string(), &bytes)
}

/// Reads a file's bytes, compressed or not. `file` is its name in messages.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Catalog, CatalogError> {
    let mut unpacked = Vec::new();
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        let read = GzDecoder::new(bytes).take(MOST_BYTES).read_to_end(&mut unpacked);
        read.map_err(|why| CatalogError::Gzip { file: file.to_owned(), why })?;
        unpacked.as_slice()
    } else {
        bytes
    };
    let mut unknown = Vec::new();
    let read = deserialize(file, text, &mut unknown)?;
    for (field, found, expected) in [("apiVersion", &read.api_version, API_VERSION), ("kind", &read.kind, KIND)] {
        if found != expected {
            return Err(CatalogError::WrongKind { file: file.to_owned(), field, found: found.clone(), expected });
        }
    }
    let mut catalog = sift::sift(file, read)?;
    catalog.findings.extend(unknown);
    Ok(catalog)
}

/// JSON to the file's types; unknown fields become warnings.
fn deserialize(file: &str, text: &[u8], unknown: &mut Vec<Diagnostic>) -> Result<CatalogFile, CatalogError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let mut note = |path: serde_ignored::Path| {
        unknown.push(Diagnostic::warning("unknown field, ignored").on(format!("Catalog {file}")).field(path.to_string()));
    };
    let read = serde_ignored::deserialize(tracked, &mut note);
    read.and_then(|read| json.end().map(|()| read)).map_err(|error| {
        let path = track.path().to_string();
        // The tracker says `?` where it got no further than an opening brace.
        let field = if path == "?" { ".".to_owned() } else { path };
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or(&text).to_owned();
        CatalogError::Json { file: file.to_owned(), line, column, field, why }
    })
}

#[cfg(test)]
mod tests;
