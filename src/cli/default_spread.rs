//! `--default-spread`: from a word, a file or the thing itself to the spread that pods get by default.

use crate::snapshot::DefaultSpread;

/// Reads `none`, `system`, a path, or what starts with `{` or `[` or has several lines.
pub(super) fn read(text: &str) -> Result<DefaultSpread, String> {
    match text.trim() {
        "none" => Ok(DefaultSpread::default()),
        "system" => Ok(DefaultSpread::system()),
        trimmed if trimmed.starts_with(['{', '[']) || text.contains('\n') => DefaultSpread::parse(text),
        path => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("neither none, system nor a file: {error}"))?;
            DefaultSpread::parse(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::snapshot::DefaultSpread;

    #[test]
    fn words_text_and_paths_are_told_apart() {
        assert_eq!(read("none"), Ok(DefaultSpread::default()));
        assert_eq!(read("system\n"), Ok(DefaultSpread::system()));
        let json = r#"[{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}]"#;
        let yaml = "defaultingType: List\ndefaultConstraints:\n- maxSkew: 1\n  topologyKey: topology.kubernetes.io/zone\n  whenUnsatisfiable: DoNotSchedule\n";
        let strict = read(json);
        assert!(strict.as_ref().is_ok_and(|spread| !spread.is_empty()), "{strict:?}");
        assert_eq!(read(yaml), strict);
        assert_eq!(read("defaultingType: System\n"), Ok(DefaultSpread::system()));
        assert!(read("there/is/no/such.yaml").is_err_and(|error| error.contains("neither none, system nor a file")));
        assert!(read("").is_err());
    }
}
