//! `--default-spread`: from a word, a file or the thing itself to the spread that pods get by default.

use crate::snapshot::DefaultSpread;

/// Reads `none`, `system`, a path, or what starts with `{` or `[`.
pub(super) fn read(text: &str) -> Result<DefaultSpread, String> {
    match text {
        "none" => Ok(DefaultSpread::default()),
        "system" => Ok(DefaultSpread::system()),
        _ if text.starts_with(['{', '[']) => DefaultSpread::parse(text),
        path => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("neither none, system nor a file: {error}"))?;
            DefaultSpread::parse(&text)
        }
    }
}
