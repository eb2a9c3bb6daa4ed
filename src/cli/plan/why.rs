//! Answers to `--explain` for people.

use super::report::{Report, count, hourly};
use crate::cli::grid::Align::{Left, Right};
use crate::cli::grid::Grid;
use owo_colors::OwoColorize;
use std::fmt::Write;
use windlass_solver::Explanation;
use windlass_solver::MicroUsd;
use windlass_solver::explain::{NodeExplanation, Outcome, PodExplanation};
use windlass_solver::plan::{FunnelStep, OfferingRef};

/// What `~` means.
pub(super) const ESTIMATE: &str = "~ is an estimated price.";

/// Title and body of an explanation, with colours.
pub(super) fn render(report: &Report<'_>, explanation: &Explanation) -> (String, String) {
    match explanation {
        Explanation::Pod(pod) => {
            (format!("Why pod {}", pod.pod), facts(&pod_facts(report, pod)) + "\n" + &funnel(&pod.funnel).text())
        }
        Explanation::Node(node) => {
            (format!("Why node {}", node.node), facts(&node_facts(report, node)) + "\n" + &funnel(&node.funnel).text())
        }
    }
}

/// Label and text of what is known about a pod.
pub(super) fn pod_facts(report: &Report<'_>, pod: &PodExplanation) -> Vec<(&'static str, String)> {
    let mut facts = match &pod.outcome {
        Outcome::Existing(node) => vec![("goes to", format!("{node}, which exists"))],
        Outcome::New(node, offering) => vec![("goes to", format!("{node}, a new {}", report.offering(offering)))],
        Outcome::Unschedulable(reason, message) => vec![("goes nowhere", format!("{reason}: {message}"))],
    };
    let alone = pod.cheapest_alone.as_ref().map(|offering| report.offering(offering));
    facts.extend(pod.dropped_preferences.iter().map(|one| ("gave up", one.clone())));
    facts.extend(pod.binding.clone().map(|binding| ("binding", binding)));
    facts.extend(alone.map(|offering| ("cheapest alone", offering)));
    facts.extend(pod.marginal.map(|price| ("one more adds", format!("${}/h, by the certificate", hourly(price)))));
    if let Outcome::New(_, offering) = &pod.outcome {
        facts.extend(pod.runner_up.as_ref().map(|next| ("node's runner-up", runner_up(report, next, offering))));
    }
    facts.extend(pod.would_fit_if.clone().map(|change| ("would fit if", change)));
    facts
}

/// Label and text of what is known about a node.
pub(super) fn node_facts(report: &Report<'_>, node: &NodeExplanation) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("is", format!("a new {}, nodepool {}", report.offering(&node.offering), node.node_pool)),
        ("chosen from", count(node.candidates, "offering")),
    ];
    facts.extend(node.runner_up.as_ref().map(|next| ("runner-up", runner_up(report, next, &node.offering))));
    facts.extend(node.binding.clone().map(|binding| ("binding", binding)));
    facts
}

/// The next choice and what it costs beyond the one that was bought.
fn runner_up(report: &Report<'_>, next: &OfferingRef, bought: &OfferingRef) -> String {
    let more = next.price.0.saturating_sub(bought.price.0);
    let sign = if more < 0 { "-" } else { "+" };
    format!("{}: {sign}${}/h", report.offering(next), hourly(MicroUsd(more.saturating_abs())))
}

/// One fact a line, labels aligned.
pub(super) fn facts(facts: &[(&'static str, String)]) -> String {
    let width = facts.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (label, fact) in facts {
        let label = format!("{label:width$}");
        let _ = writeln!(text, "{}  {fact}", label.cyan());
    }
    text
}

/// How the offerings ran out.
pub(super) fn funnel(steps: &[FunnelStep]) -> Grid {
    let mut grid = Grid::new([("Offerings left", Right), ("After", Left)]);
    for step in steps {
        grid.row([step.remaining.to_string(), step.step.clone()]);
    }
    grid
}
