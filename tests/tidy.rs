//! The rules of the house that a compiler does not hold: who imports whom, what files are called, how long they get.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where its input is wrong")]

use std::fs;
use std::path::{Path, PathBuf};

/// Folders and what they must not name. Textual: a macro could hide an import, the crate boundary of `solver/` cannot be fooled.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "solver/src",
        &["std::fs", "std::net", "std::env", "std::time", "std::thread", "HashMap", "HashSet", "println!", "async fn", "rand::"],
    ),
    (
        "src/api",
        &["windlass_solver", "crate::cli", "crate::manifest", "crate::snapshot", "crate::catalog", "std::fs", "std::env"],
    ),
    ("src/catalog", &["crate::cli", "crate::manifest", "crate::snapshot", "crate::api", "std::time"]),
    ("src/manifest", &["crate::cli", "crate::snapshot", "crate::catalog", "std::env", "std::time"]),
    ("src/snapshot", &["crate::cli", "std::fs", "std::env", "std::time", "std::net", "async fn", "HashMap", "HashSet"]),
    ("src/cluster", DECIDES),
    ("src/cloud", DECIDES),
    ("src/provision", DECIDES),
    ("src/reap", DECIDES),
    ("src/engine", DECIDES),
    ("src/sim", DECIDES),
    ("src", &["aws_sdk_", "aws_config", "unsafe "]),
];

/// Rooms within those that decide which carry decisions out instead: they may wait for answers.
const CARRIES_OUT: &[&str] = &["src/cloud/aws", "src/cluster/live"];

/// What the rooms that decide must not know: surroundings, clocks, randomness, and the rooms above them.
const DECIDES: &[&str] = &[
    "crate::cli",
    "crate::manifest",
    "kube::",
    "tokio",
    "async fn",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "SystemTime",
    "Instant",
    "rand::",
    "HashMap",
    "HashSet",
];

/// Words that say nothing about what a file does.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "helpers", "helper", "common", "misc", "manager", "handler", "processor", "stuff"];

/// Lines of code (no blanks, comments or inline tests) a file may have. We aim at 400.
const LINES_MAX: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files of a folder and of the module file beside it, sorted.
fn sources(folder: &str) -> Vec<PathBuf> {
    fn walk(at: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(at) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    let module = root().join(format!("{folder}.rs"));
    found.extend(module.is_file().then_some(module));
    found.sort();
    found
}

fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    path.file_stem().is_some_and(|stem| stem == "tests") || inside.components().any(|part| part.as_os_str() == "tests")
}

/// The code of a file: without comments, blank lines and inline tests.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let body = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).map(str::to_owned).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn every_room_imports_only_what_it_may() {
    let mut broken = Vec::new();
    for (folder, words) in FORBIDDEN {
        let exempt = |path: &PathBuf| *words == DECIDES && CARRIES_OUT.iter().any(|room| shown(path).starts_with(room));
        for path in sources(folder).iter().filter(|path| !is_test(path) && !exempt(path)) {
            for line in code(path) {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    broken.push(format!("{}: {folder} must not use {word}: {line}", shown(path)));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_cli_prints() {
    let prints = |path: &PathBuf| code(path).iter().any(|line| line.contains("println!") || line.contains("eprint"));
    let elsewhere = |path: &PathBuf| !shown(path).starts_with("src/cli") && !is_test(path);
    let printing: Vec<_> = sources("src").into_iter().filter(elsewhere).filter(prints).collect();
    assert!(printing.is_empty(), "{printing:?}");
}

#[test]
fn files_are_named_after_what_they_do_and_say_it() {
    let mut broken = Vec::new();
    for path in ["src", "solver/src", "ec2/src", "benches", "tests", "solver/tests"].iter().flat_map(|folder| sources(folder)) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            broken.push(format!("{}: name the file after what it does", shown(&path)));
        }
        let text = fs::read_to_string(&path).unwrap();
        if !text.starts_with("//!") && stem != "tests" {
            broken.push(format!("{}: begins with no //! line that says what it does", shown(&path)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_stay_small() {
    let long: Vec<String> = ["src", "solver/src", "ec2/src"]
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|path| !is_test(path))
        .map(|path| (code(&path).len(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{}: {lines} lines of code, at most {LINES_MAX}: split it", shown(&path)))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// The nearest clippy.toml replaces the root's, so the solver's must repeat its settings.
#[test]
fn the_solvers_clippy_settings_contain_the_roots() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let solver = read("solver/clippy.toml");
    for line in read("clippy.toml").lines().filter(|line| line.contains('=')) {
        assert!(solver.contains(line), "solver/clippy.toml lacks: {line}");
    }
}

#[test]
fn only_the_ec2_crate_links_the_aws_sdk() {
    for path in ["Cargo.toml", "solver/Cargo.toml"] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let package = text.split("[package]").nth(1).unwrap_or_default();
        // A profile may name the crate without depending on it.
        let package = package.split("[profile.").next().unwrap_or_default();
        assert!(!package.contains("aws-"), "{path} must not depend on the AWS SDK");
    }
}
