//! Findings about the user's input, printed to standard error: errors first, each kind of finding once.
//!
//! A thousand Deployments with the same unknown field are one mistake. Findings that differ only in object and place are printed once,
//! with the first place, and the others are counted and named as far as one line holds them.

use super::terminal::{self, visible};
use crate::diagnostic::{Diagnostic, Severity};
use owo_colors::OwoColorize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many objects are named behind "and N more".
const NAMED: usize = 3;

/// Which findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Errors only.
    Quiet,
    /// Errors and warnings.
    Normal,
}

/// Prints `findings` to standard error.
pub(crate) fn print(findings: &[Diagnostic], verbosity: Verbosity) {
    terminal::note(&render(findings, verbosity));
}

/// The findings as text, with colours.
fn render(findings: &[Diagnostic], verbosity: Verbosity) -> String {
    let mut text = String::new();
    for (first, others) in grouped(findings) {
        let word = match first.severity {
            Severity::Error => "error:".red().bold().to_string(),
            Severity::Warning if verbosity == Verbosity::Quiet => continue,
            Severity::Warning => "warning:".yellow().bold().to_string(),
        };
        let _ = writeln!(text, "{word} {}", visible(&first.to_string()));
        if !others.is_empty() {
            let _ = writeln!(text, "  {}", visible(&more(&others)));
        }
        if let Some(hint) = &first.hint {
            let _ = writeln!(text, "  {} {}", "hint:".cyan(), visible(hint));
        }
    }
    text
}

/// Findings of one kind together: the first by place, then the others. Errors come first, then the order is that of the first places.
fn grouped(findings: &[Diagnostic]) -> Vec<(&Diagnostic, Vec<&Diagnostic>)> {
    let mut kinds: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
    for finding in findings {
        kinds.entry((finding.severity, &finding.field, &finding.message, &finding.hint)).or_default().push(finding);
    }
    let mut groups: Vec<(&Diagnostic, Vec<&Diagnostic>)> = kinds
        .into_values()
        .filter_map(|mut same| {
            same.sort_by_key(|finding| (&finding.place, &finding.object));
            same.dedup();
            let mut same = same.into_iter();
            same.next().map(|first| (first, same.collect()))
        })
        .collect();
    groups.sort_by_key(|(first, _)| (first.severity, &first.place, &first.object, &first.field));
    groups
}

/// `and 7 more like this: Deployment/default/b, Deployment/default/c, Deployment/default/d, ...`
fn more(others: &[&Diagnostic]) -> String {
    let mut text = format!("and {} more like this", others.len());
    let names: Vec<String> = others
        .iter()
        .take(NAMED)
        .filter_map(|finding| finding.object.clone().or_else(|| finding.place.as_ref().map(ToString::to_string)))
        .collect();
    if !names.is_empty() {
        let rest = if others.len() > names.len() { ", ..." } else { "" };
        let _ = write!(text, ": {}{rest}", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Verbosity, render};
    use crate::diagnostic::{Diagnostic, Place};

    fn place(line: usize) -> Place {
        Place { file: "web.yaml".into(), document: line / 10 + 1, line }
    }

    fn plain(findings: &[Diagnostic], verbosity: Verbosity) -> String {
        anstream::adapter::strip_str(&render(findings, verbosity)).to_string()
    }

    #[test]
    fn prints_errors_first_and_a_repeated_warning_once() {
        let unknown = |n: usize| {
            Diagnostic::warning("unknown field")
                .at(place(n * 10))
                .on(format!("Deployment/default/w{n}"))
                .field("spec.replica")
                .hint("did you mean replicas?")
        };
        let mut findings: Vec<Diagnostic> = (0..6).rev().map(unknown).collect();
        findings.push(Diagnostic::error("not a quantity").at(place(70)).on("Pod/default/p").field("spec.cpu"));
        assert_eq!(
            plain(&findings, Verbosity::Normal),
            "error: web.yaml:70 (document 8): Pod/default/p: spec.cpu: not a quantity\n\
             warning: web.yaml:0 (document 1): Deployment/default/w0: spec.replica: unknown field\n  \
             and 5 more like this: Deployment/default/w1, Deployment/default/w2, Deployment/default/w3, ...\n  \
             hint: did you mean replicas?\n"
        );
        assert_eq!(plain(&findings, Verbosity::Quiet).lines().count(), 1);
    }
}
