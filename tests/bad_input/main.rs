//! Bad input, end to end: every flaw ends in a finding with its place or in an explained refusal, nothing panics, and the other objects
//! are planned as if the flawed one were absent.
//!
//! A line marked `# <--` in a flawed document is the line that the finding must name.
// A test fails by panicking, also in the functions it calls.
#![allow(clippy::unwrap_used)]

mod catalogs;
mod nodes;
mod pods;
mod pools;
mod quantities;
mod selectors;

use std::path::PathBuf;
use std::sync::OnceLock;
use windlass::catalog::Catalog;
use windlass::diagnostic::{Diagnostic, Severity};
use windlass::manifest::{self, Source};
use windlass::snapshot::{self, Settings};
use windlass_solver::{Options, Plan, Reason, check, solve};

/// What must become of a flawed document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// An error, and as if it were absent.
    Refused,
    /// A warning, and as if it were absent.
    Harmless,
    /// Its pod `default/bad` has no place for this reason; the others are as if it were absent.
    NoPlace(Reason),
    /// A warning at most, and its pod `default/bad` is placed.
    Placed,
}

/// A flawed document: what it shows, its text, a part of the finding (of the pod's message for [`Fate::NoPlace`]), its fate.
pub(crate) type Case = (&'static str, String, &'static str, Fate);

/// What came out of reading, translating and solving.
pub(crate) struct Outcome {
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) plan: Plan,
}

pub(crate) fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::embedded("us-west-2").unwrap())
}

/// The good part of every input: a pool, a node, a daemonset and two workloads.
pub(crate) fn base() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad_input/base.yaml"))
}

/// Plans the good part with these files beside it.
pub(crate) fn outcome(files: &[(&str, &str)], catalog: &Catalog) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = vec![Source::Path(base())];
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        sources.push(Source::Path(path));
    }
    let inventory = manifest::read(&sources, &manifest::Options::default()).unwrap();
    let taken = snapshot::take(&inventory, catalog, &Settings::default());
    let plan = solve(&taken.snapshot, &Options::default());
    assert_eq!(check(&taken.snapshot, &plan), Vec::new());
    Outcome { findings: inventory.diagnostics.into_iter().chain(taken.diagnostics).collect(), plan }
}

/// The plan of the good part alone.
pub(crate) fn good() -> &'static Plan {
    static GOOD: OnceLock<Plan> = OnceLock::new();
    GOOD.get_or_init(|| {
        let outcome = outcome(&[], catalog());
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        assert_eq!(outcome.plan.summary.placed, outcome.plan.summary.pods);
        assert!(!outcome.plan.nodes.is_empty() && !outcome.plan.existing_nodes.is_empty());
        outcome.plan
    })
}

/// One error says that `object` is defined differently in two places.
pub(crate) fn expect_twice(outcome: &Outcome, object: &str) {
    let told: Vec<String> = outcome.findings.iter().filter(|one| one.is_error()).map(ToString::to_string).collect();
    let [first, ..] = &told[..] else { panic!("{object}: no error") };
    assert!(first.contains(&format!("{object}: metadata.name: is defined differently at ")), "{told:?}");
    assert!(first.contains("base.yaml:") && first.contains(".yaml:"), "{told:?}");
    assert_eq!(told.iter().filter(|one| one.contains("is defined differently")).count(), 1, "{told:?}");
}

/// Runs every case and reports all that fail.
pub(crate) fn run(cases: &[Case]) {
    let failures: Vec<String> =
        cases.iter().filter_map(|case| verdict(case).err().map(|why| format!("{}: {why}", case.0))).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn verdict((_, text, expected, fate): &Case) -> Result<(), String> {
    let outcome = outcome(&[("bad.yaml", text)], catalog());
    match fate {
        Fate::Refused => has_finding(&outcome, text, expected, Severity::Error)?,
        Fate::Harmless => has_finding(&outcome, text, expected, Severity::Warning)?,
        Fate::Placed if !expected.is_empty() => has_finding(&outcome, text, expected, Severity::Warning)?,
        Fate::Placed | Fate::NoPlace(_) => {}
    }
    if *fate != Fate::Refused
        && let Some(error) = outcome.findings.iter().find(|finding| finding.is_error())
    {
        return Err(format!("an error was reported: {error}"));
    }
    let bad = |pod: &windlass_solver::ObjectKey| pod.to_string() == "default/bad";
    let given = outcome.plan.unschedulable.iter().find(|pod| bad(&pod.pod));
    match (fate, given) {
        (Fate::NoPlace(reason), Some(pod)) if pod.reason == *reason && pod.message.contains(expected) => {}
        (Fate::NoPlace(_), None) => return Err("the pod is not reported as unschedulable".into()),
        (_, Some(pod)) => return Err(format!("the pod has no place: {} {}", pod.reason, pod.message)),
        (_, None) => {}
    }
    if *fate == Fate::Placed {
        let placed =
            outcome.plan.nodes.iter().flat_map(|node| &node.pods).chain(outcome.plan.existing_nodes.iter().flat_map(|n| &n.pods));
        return if placed.into_iter().any(bad) { Ok(()) } else { Err("the pod was not placed".into()) };
    }
    let mut rest = outcome.plan;
    rest.unschedulable.retain(|pod| !bad(&pod.pod));
    let same =
        rest.nodes == good().nodes && rest.existing_nodes == good().existing_nodes && rest.unschedulable == good().unschedulable;
    let same_cost = rest.summary.hourly_cost == good().summary.hourly_cost && rest.summary.placed == good().summary.placed;
    if same && same_cost { Ok(()) } else { Err(format!("the others are planned differently: {:?}", rest.summary)) }
}

fn has_finding(outcome: &Outcome, text: &str, expected: &str, severity: Severity) -> Result<(), String> {
    let line = text.lines().position(|line| line.contains("# <--")).map(|index| index + 1);
    let matches = |finding: &&Diagnostic| {
        let place = finding.place.as_ref().filter(|place| place.file.ends_with("bad.yaml"));
        finding.severity == severity
            && finding.to_string().contains(expected)
            && place.is_some_and(|place| line.is_none_or(|line| line == place.line))
    };
    if outcome.findings.iter().any(|finding| matches(&finding)) {
        return Ok(());
    }
    let all: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    Err(format!("no {severity:?} at line {line:?} with {expected:?} in:\n    {}", all.join("\n    ")))
}

/// A pod `bad` with this as the value of its CPU request.
pub(crate) fn pod_requesting(cpu: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n  containers:\n    - name: c\n      image: i\n      \
         resources:\n        requests:\n          cpu: {cpu} # <--\n"
    )
}

/// A pod `bad` that requests nothing, with these lines in its spec (indented by two).
pub(crate) fn pod_with(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: bad\nspec:\n{spec}  containers:\n    - name: c\n      image: i\n")
}

#[test]
fn the_good_part_is_good() {
    assert_eq!(good().summary.pods, 8);
}
