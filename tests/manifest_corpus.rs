//! Bad manifests: each ends in the finding that its file names, and never changes what becomes of the good ones beside it.
//!
//! In `tests/manifests`, `# expect: TEXT` stands in a bad document and is part of its finding, `# keeps` marks a document whose finding
//! is a warning.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where its input is wrong")]

use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use windlass::diagnostic::Diagnostic;
use windlass::manifest::{Options, Source, read};
use windlass::snapshot::DefaultSpread;
use windlass::snapshot::pod::pods;
use windlass_solver::Pod;

/// The pods to place, and all findings.
fn planned(text: &[u8]) -> (Vec<Pod>, Vec<Diagnostic>) {
    let inventory = read(&[Source::Stdin(text.to_vec())], &Options::default()).expect("standard input can be read");
    let (mut pods, found) = pods(&inventory, &DefaultSpread::default());
    pods.sort_by(|a, b| a.key.cmp(&b.key));
    (pods, inventory.diagnostics.into_iter().chain(found).collect())
}

struct Case<'t> {
    text: &'t str,
    expected: Option<&'t str>,
    keeps: bool,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let case = |text| Case { text, expected: comment(text, "# expect: "), keeps: comment(text, "# keeps").is_some() };
    text.split("---\n").map(case).collect()
}

fn comment<'t>(document: &'t str, start: &str) -> Option<&'t str> {
    document.lines().find_map(|line| line.strip_prefix(start))
}

fn corpus() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let files = fs::read_dir(folder).expect("the corpus is there").map(|entry| entry.expect("readable").path());
    files.map(|path| (path.clone(), fs::read_to_string(path).expect("text"))).collect()
}

#[test]
fn each_bad_document_has_its_finding_and_nothing_else_does() {
    let files = corpus();
    assert!(files.len() >= 3);
    for (path, text) in files {
        let (_, found) = planned(text.as_bytes());
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        let cases = cases(&text);
        let expected: Vec<&str> = cases.iter().filter_map(|case| case.expected).collect();
        for wanted in &expected {
            let count = shown.iter().filter(|one| one.contains(wanted)).count();
            assert_eq!(count, 1, "{}: {wanted}\n{}", path.display(), shown.join("\n"));
        }
        assert_eq!(shown.len(), expected.len(), "{}\n{}", path.display(), shown.join("\n"));
        for one in &found {
            let place = one.place.as_ref().expect("every finding has a place");
            assert!(place.line >= 1 && place.line <= text.lines().count(), "{one}");
        }
    }
}

#[test]
fn good_documents_are_planned_as_if_the_bad_ones_were_absent() {
    for (path, text) in corpus() {
        let good: Vec<&str> =
            cases(&text).into_iter().filter(|case| case.expected.is_none() || case.keeps).map(|case| case.text).collect();
        let (alone, found) = planned(good.join("---\n").as_bytes());
        assert!(found.iter().all(|one| !one.is_error()), "{}", path.display());
        assert!(alone.len() >= 2, "{}", path.display());
        assert_eq!(planned(text.as_bytes()).0, alone, "{}", path.display());
    }
}

#[test]
fn the_order_of_documents_does_not_matter() {
    for (path, text) in corpus() {
        let (pods, _) = planned(text.as_bytes());
        let good: Vec<&str> =
            cases(&text).into_iter().filter(|case| case.expected.is_none() || case.keeps).map(|case| case.text).collect();
        let reversed: Vec<&str> = good.into_iter().rev().collect();
        assert_eq!(planned(reversed.join("\n---\n").as_bytes()).0, pods, "{}", path.display());
    }
}

/// Texts that look like YAML: pieces of the corpus' vocabulary, thrown together.
fn yamlish() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "apiVersion: v1\n",
        "kind: Pod\n",
        "kind: List\n",
        "metadata:\n",
        "  name: a\n",
        "spec:\n",
        "  containers:\n",
        "  - name: a\n",
        "items:\n",
        "- ",
        "---\n",
        "...\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "&a ",
        "*a ",
        "<<: ",
        "!!str ",
        "\"",
        "'",
        "|\n",
        ">\n",
        "#",
        "%YAML 1.2\n",
        "\t",
        " ",
        "\n",
        "\r\n",
        "~",
        "on",
        "0777",
        "1e",
        "é",
        "\u{feff}",
        "\0",
        "? ",
        "\\",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in yamlish()) {
        let _ = planned(text.as_bytes());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = planned(&bytes);
    }

    #[test]
    fn a_damaged_document_leaves_its_neighbours_alone(damage in yamlish().prop_filter("stays one document", |text| {
        !text.contains("---") && !text.contains("...") && !text.trim_start_matches('\u{feff}').trim_start().starts_with('{')
    })) {
        let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: a}}]}}\n");
        let text = format!("{}---\n{damage}\n---\n{}", pod("neighbour-1"), pod("neighbour-2"));
        let (pods, _) = planned(text.as_bytes());
        let names: Vec<&str> = pods.iter().map(|pod| pod.key.name.as_ref()).filter(|name| name.starts_with("neighbour")).collect();
        prop_assert_eq!(names, ["neighbour-1", "neighbour-2"]);
    }
}
