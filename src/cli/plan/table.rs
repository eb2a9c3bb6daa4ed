//! The plan for a terminal: what would be launched, what has no place, and one summary line, in terraform's manner.
//!
//! `table` shows identical nodes on one row and cuts long lists; `wide` shows each node and everything.

use super::group::{Refused, extended_resources, fill, refused, same_nodes, totals};
use super::headline::headline;
use super::report::{Report, count, hourly, mark, monthly};
use super::why;
use super::{against, certificate};
use crate::cli::grid::Align::{Left, Right};
use crate::cli::grid::Grid;
use crate::quantity;
use owo_colors::OwoColorize;
use std::fmt::Write;
use windlass_solver::{Plan, PlannedNode, ResourceName, Resources};

/// Rows of existing nodes, and groups of unschedulable pods, that `table` shows.
const SHOWN: usize = 10;

/// Workloads named of each group of unschedulable pods.
pub(super) const OWNERS: usize = 4;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Groups.
    Table,
    /// Everything.
    Wide,
}

/// The whole report, with colours.
pub(crate) fn render(report: &Report<'_>, detail: Detail) -> String {
    let plan = report.plan;
    let mut text = String::new();
    if !plan.nodes.is_empty() {
        let nodes = if detail == Detail::Wide { each_node(report) } else { grouped_nodes(report) };
        section(&mut text, "Nodes to launch", &nodes.text());
        if plan.nodes.len() > 1 {
            section(&mut text, "Totals", &sums(report).text());
        }
    }
    if !plan.existing_nodes.is_empty() {
        section(&mut text, "Existing nodes used", &existing(plan, detail));
    }
    if !plan.unschedulable.is_empty() {
        let title = format!("Unschedulable: {} of {}", plan.unschedulable.len(), count(plan.summary.pods, "pod"));
        section(&mut text, &title.red().to_string(), &unschedulable(report, detail));
    }
    for explanation in report.explanations {
        let (title, body) = why::render(report, explanation);
        section(&mut text, &title, &body);
    }
    if let Some(classes) = report.certificate {
        let shown = if detail == Detail::Wide { usize::MAX } else { certificate::SHOWN };
        let more = certificate::rest(classes, shown).map_or_else(String::new, |more| more + "\n");
        let body = why::facts(&certificate::facts(report));
        let grid = if classes.is_empty() { String::new() } else { format!("\n{}", certificate::grid(classes, shown).text()) };
        section(&mut text, "Certificate", &(body + &grid + &more));
    }
    if let Some(against) = report.against {
        let body = against::grid(report, against).text() + &against::verdict(report, against) + "\n";
        section(&mut text, &format!("Against {}", against.peer.name()), &body);
    }
    if report.any_estimated() {
        let _ = writeln!(text, "{}\n", why::ESTIMATE.dimmed());
    }
    let _ = writeln!(text, "{} {}.", "Plan:".bold(), headline(report));
    text
}

fn section(text: &mut String, title: &str, body: &str) {
    let _ = writeln!(text, "{}\n{body}", title.bold());
}

/// One row for each kind of node.
pub(super) fn grouped_nodes(report: &Report<'_>) -> Grid {
    let extended = extended_resources(report.plan);
    let columns = [("NodePool", Left), ("Type", Left), ("Zone", Left), ("Capacity", Left), ("Nodes", Right), ("$/h each", Right)];
    let more = [("$/h", Right), ("Pods", Right), ("CPU", Right), ("Memory", Right)];
    let others = extended.iter().map(|name| (name.as_str(), Right));
    let mut grid = Grid::new(columns.into_iter().chain(more).chain(others));
    for group in same_nodes(report.plan) {
        let offering = &group.first.offering;
        let cells = [
            group.first.node_pool.to_string(),
            offering.instance_type.to_string(),
            offering.zone.to_string(),
            offering.capacity_type.to_string(),
            group.nodes.to_string(),
            report.price(offering),
            mark(hourly(group.cost()), report.estimated(offering.capacity_type)),
            group.pods.to_string(),
            group.fill(ResourceName::CPU),
            group.fill(ResourceName::MEMORY),
        ];
        let others = extended.iter().map(|name| share(&group.requested, &group.allocatable, name.as_str()));
        grid.row(cells.into_iter().chain(others));
    }
    grid
}

/// `7/8`, for things that are counted; `-` where there are none.
fn share(used: &Resources, room: &Resources, resource: &str) -> String {
    if room.get(resource) > 0 { format!("{}/{}", used.get(resource), room.get(resource)) } else { "-".to_owned() }
}

/// One row for each node.
fn each_node(report: &Report<'_>) -> Grid {
    let mut grid = Grid::new([
        ("Name", Left),
        ("NodePool", Left),
        ("Type", Left),
        ("Zone", Left),
        ("Capacity", Left),
        ("$/h", Right),
        ("Alternatives", Right),
        ("Pods", Right),
        ("DaemonSets", Right),
        ("CPU", Right),
        ("Memory", Right),
        ("Requested", Left),
        ("Allocatable", Left),
    ]);
    for node in &report.plan.nodes {
        grid.row(node_cells(report, node));
    }
    grid
}

fn node_cells(report: &Report<'_>, node: &PlannedNode) -> [String; 13] {
    [
        node.name.to_string(),
        node.node_pool.to_string(),
        node.offering.instance_type.to_string(),
        node.offering.zone.to_string(),
        node.offering.capacity_type.to_string(),
        report.price(&node.offering),
        node.alternatives.len().to_string(),
        node.pods.len().to_string(),
        node.daemon_set_pods.len().to_string(),
        fill(&node.requested, &node.allocatable, ResourceName::CPU),
        fill(&node.requested, &node.allocatable, ResourceName::MEMORY),
        amounts(&node.requested),
        amounts(&node.allocatable),
    ]
}

/// `cpu=2150m,memory=1833Mi,pods=5`
fn amounts(resources: &Resources) -> String {
    let all: Vec<String> =
        resources.iter().map(|(name, amount)| format!("{name}={}", quantity::display(name.as_str(), amount))).collect();
    all.join(",")
}

/// Sums per pool, zone and capacity type.
pub(super) fn sums(report: &Report<'_>) -> Grid {
    let mut grid =
        Grid::new([("By", Left), ("Name", Left), ("Nodes", Right), ("Pods", Right), ("$/h", Right), ("$/month", Right)]);
    for total in totals(report) {
        grid.row([
            total.scope.to_owned(),
            total.name,
            total.nodes.to_string(),
            total.pods.to_string(),
            mark(hourly(total.cost), total.estimated),
            mark(monthly(total.cost), total.estimated),
        ]);
    }
    grid
}

fn existing(plan: &Plan, detail: Detail) -> String {
    let shown = if detail == Detail::Wide { usize::MAX } else { SHOWN };
    let mut grid = Grid::new([("Node", Left), ("Pods", Right)]);
    for node in plan.existing_nodes.iter().take(shown) {
        grid.row([node.node.to_string(), node.pods.len().to_string()]);
    }
    let rest = plan.existing_nodes.iter().skip(shown);
    let (nodes, pods) = rest.fold((0, 0), |(nodes, pods), node| (nodes + 1, pods + node.pods.len()));
    let more = if nodes > 0 { format!("and {} with {}\n", count(nodes, "more node"), count(pods, "pod")) } else { String::new() };
    grid.text() + &more
}

fn unschedulable(report: &Report<'_>, detail: Detail) -> String {
    let groups = refused(report);
    let (shown, owners) = if detail == Detail::Wide { (groups.len(), usize::MAX) } else { (SHOWN.min(groups.len()), OWNERS) };
    let mut text = String::new();
    for group in &groups[..shown] {
        let _ = writeln!(text, "{}", group.who(owners));
        let _ = writeln!(text, "  {}: {}", group.reason.yellow(), group.message);
        if let Some(change) = group.would_fit_if {
            let _ = writeln!(text, "  {} {change}", "would fit if:".cyan());
        }
    }
    if shown < groups.len() {
        let pods = groups[shown..].iter().map(Refused::pods).sum();
        let _ = writeln!(
            text,
            "and {} for {} (-o wide lists all)",
            count(pods, "more pod"),
            count(groups.len() - shown, "more reason")
        );
    }
    text
}
