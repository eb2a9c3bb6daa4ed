//! The one line that says it all, for the last line of a table and the first of a comment.

use super::report::{HOURS_PER_MONTH, Report, count, gap_permille, hourly, monthly};
use windlass_solver::{Status, Summary};

/// `3 nodes to launch for $0.2720/h ($198.56/month of 730 h), 8 of 8 pods placed; proven lower bound $0.2650/h, gap 2.6%`
pub(crate) fn headline(report: &Report<'_>) -> String {
    let plan = report.plan;
    let Summary { pods, placed, .. } = plan.summary;
    if plan.nodes.is_empty() {
        return match (pods, placed) {
            (0, _) => "nothing to launch, no pods are pending".to_owned(),
            (_, 0) => format!("nothing to launch, none of {} placed", count(pods, "pod")),
            _ => format!("nothing to launch, {placed} of {} placed on existing nodes", count(pods, "pod")),
        };
    }
    let on_existing: usize = plan.existing_nodes.iter().map(|node| node.pods.len()).sum();
    let existing = if on_existing > 0 { format!(" ({on_existing} of them on existing nodes)") } else { String::new() };
    format!(
        "{} to launch for {}, {placed} of {} placed{existing}; {}",
        count(plan.nodes.len(), "node"),
        cost(report),
        count(pods, "pod"),
        proof(&plan.summary)
    )
}

/// `$0.2720/h ($198.56/month of 730 h)`
fn cost(report: &Report<'_>) -> String {
    let cost = report.plan.summary.hourly_cost;
    let tilde = if report.any_estimated() { "~" } else { "" };
    format!("{tilde}${}/h ({tilde}${}/month of {HOURS_PER_MONTH} h)", hourly(cost), monthly(cost))
}

/// How good the plan is known to be. Where something is charged beyond prices, that is what was minimised.
fn proof(summary: &Summary) -> String {
    let (cost, bound, with) = match &summary.charged {
        None => (summary.hourly_cost, summary.lower_bound, String::new()),
        Some(charged) => (charged.cost, charged.lower_bound, format!("${}/h with charges, ", hourly(charged.cost))),
    };
    let gap = gap_permille(cost, bound);
    let bound = format!("{with}proven lower bound ${}/h, gap {}.{}%", hourly(bound), gap / 10, gap % 10);
    match summary.status {
        Status::Optimal => format!("{with}proven to be the cheapest"),
        Status::Feasible => bound,
        Status::Cut => format!("{bound}; the search was cut by --deadline"),
    }
}
