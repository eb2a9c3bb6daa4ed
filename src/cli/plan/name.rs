//! The names of the nodes to launch, as `kubectl -o name` prints them.

use super::report::Report;

/// `node/<name>`, one a line.
pub(crate) fn render(report: &Report<'_>) -> String {
    report.plan.nodes.iter().flat_map(|node| ["node/", node.name.as_str(), "\n"]).collect()
}
