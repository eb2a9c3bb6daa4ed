//! docs/cli.md shows the help pages as they are, every verb has examples, and completions complete.
//!
//! After a change of flags: `UPDATE_GOLDEN=1 cargo test --test cli_reference`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test may panic in its helper functions, too.

use assert_cmd::Command;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const MARK: &str = "<!-- From here on: the help pages, written by tests/cli_reference.rs. -->\n";
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn windlass(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    // Help is wrapped at the width of the terminal, or else of COLUMNS, or else at 100.
    let output = command.env_remove("COLUMNS").env("NO_COLOR", "1").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs below `path`, as its help page lists them.
fn verbs(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let names = list.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every help page, the command's own first.
fn pages() -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(path) = waiting.pop() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = windlass(&arguments);
        let below = verbs(&help).into_iter().rev();
        waiting.extend(below.map(|verb| path.iter().cloned().chain([verb]).collect()));
        found.push((path, help));
    }
    found
}

#[test]
fn the_reference_shows_every_help_page_as_it_is() {
    let mut reference = String::new();
    for (path, help) in pages() {
        let title = [&["windlass".to_owned()][..], &path].concat().join(" ");
        let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        let _ = write!(reference, "\n## {title}\n\n```text\n{}\n```\n", lines.join("\n"));
    }
    let path: PathBuf = root().join("docs/cli.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (prose, written) = text.split_once(MARK).expect("docs/cli.md has a line that marks the generated part");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{prose}{MARK}{reference}")).unwrap();
        return;
    }
    assert!(written == reference, "docs/cli.md is out of date: UPDATE_GOLDEN=1 cargo test --test cli_reference");
}

#[test]
fn every_verb_has_examples_to_copy() {
    for (path, help) in pages().iter().filter(|(_, help)| verbs(help).is_empty()) {
        let examples = help.split("Examples:\n").nth(1).unwrap_or_default();
        assert!(examples.contains("windlass "), "windlass {} --help shows no example", path.join(" "));
    }
}

#[test]
fn kubectl_names_itself_in_the_plugins_help() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("kubectl-windlass");
    std::fs::copy(env!("CARGO_BIN_EXE_windlass"), &plugin).unwrap();
    let output = Command::new(&plugin).args(["plan", "-h"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("Usage: kubectl windlass plan"), "{help}");
    assert!(help.contains("| kubectl windlass plan -f nodepools.yaml -f -"), "{help}");
}

/// What kubectl is told when these words are typed; none where there is no `sh` to ask.
fn completed(words: &[&str]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("kubectl_complete-windlass");
    std::fs::write(&script, windlass(&["completion", "kubectl"])).unwrap();
    let output = std::process::Command::new("sh").arg(&script).args(words).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect())
}

#[test]
fn kubectl_completes_verbs_flags_and_values() {
    for (words, candidates) in [
        (&["pl"][..], &["plan", ":4"][..]),
        (&["plan", "--ob"], &["--objective", ":4"]),
        (&["plan", "-q", "-o", "ma"], &["markdown", ":4"]),
        (&["plan", "-f", ""], &[":0"]),
        (&["--color", "never", "comp"], &["completion", ":4"]),
        (&["completion", "z"], &["zsh", ":4"]),
    ] {
        let Some(found) = completed(words) else { return };
        assert_eq!(found, candidates, "{words:?}");
    }
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = windlass(&["completion", shell]);
        assert!(script.contains("windlass") && script.contains("plan"), "{shell}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(windlass(&["version"]), format!("windlass {}\n", env!("CARGO_PKG_VERSION")));
    let json: serde_json::Value = serde_json::from_str(&windlass(&["version", "-o", "json"])).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&json["apiVersion"], &json["kind"]), (&"windlass.dev/v1".into(), &"Version".into()));
}
