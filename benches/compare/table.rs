//! Measurements as Markdown.

use super::measure::{Row, Side, percent_over};
use super::online::Arrivals;
use super::workload::mix::REAL_KARPENTER;
use std::time::Duration;

/// A table of docs/benchmarks.md.
pub(crate) enum Section {
    /// Workloads under a name.
    Solved(&'static str, Vec<Row>),
    /// The recorded pods, beside real Karpenter.
    Real(Vec<Row>),
    /// Streams of pods.
    Online(Vec<Arrivals>),
}

impl Section {
    /// What marks its place in the document.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Solved(name, _) => name,
            Self::Real(_) => "real",
            Self::Online(_) => "online",
        }
    }

    /// The table; `None` where nothing was measured.
    pub(crate) fn markdown(&self) -> Option<String> {
        let (head, lines): (&str, Vec<String>) = match self {
            Self::Solved(_, rows) => (HEAD, rows.iter().map(line).collect()),
            Self::Real(rows) => (REAL_HEAD, rows.iter().filter_map(real).collect()),
            Self::Online(all) => (ONLINE_HEAD, all.iter().map(arrivals).collect()),
        };
        (!lines.is_empty()).then(|| format!("{head}\n{}\n", lines.join("\n")))
    }
}

/// The head of a table of workloads.
pub(crate) const HEAD: &str = "\
| workload | pods | nodes | $/h | gap to bound | Karpenter's nodes | its $/h | ours to its | time | its time | heap | its heap | allocations | its allocations |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

const REAL_HEAD: &str = "\
| pods | $/h | its algorithm here | real Karpenter | ours to real | time | real Karpenter's | times faster | heap | real Karpenter's memory |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

const ONLINE_HEAD: &str = "\
| stream | pods | nodes | $/h | over all at once | Karpenter's nodes | its $/h | over all at once | ours to its | worst batch | its worst |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[allow(clippy::cast_precision_loss)]
fn memory(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The price, and how many pods it leaves out.
fn cost(side: &Side) -> String {
    let left_out = if side.unplaced > 0 { format!(" ({} pods left out)", side.unplaced) } else { String::new() };
    format!("{:.2}{left_out}", side.cost.dollars())
}

/// A workload.
pub(crate) fn line(row: &Row) -> String {
    let Row { name, pods, ours, karpenter, .. } = row;
    let difference = if row.compares() { format!("{:+.1} %", row.difference()) } else { "-".to_owned() };
    format!(
        "| {name} | {pods} | {} | {} | {:.2} % | {} | {} | {difference} | {} | {} | {} | {} | {} | {} |",
        ours.nodes,
        cost(ours),
        row.gap(),
        karpenter.nodes,
        cost(karpenter),
        time(ours.time),
        time(karpenter.time),
        memory(ours.peak),
        memory(karpenter.peak),
        ours.allocations,
        karpenter.allocations,
    )
}

/// A recorded run, beside what real Karpenter made of it.
fn real(row: &Row) -> Option<String> {
    let run = REAL_KARPENTER.iter().find(|run| run.pods == row.pods)?;
    let ours = row.ours.cost.dollars();
    let memory_of_run = run.memory.map_or_else(|| "-".to_owned(), |mib| format!("{mib} MiB"));
    Some(format!(
        "| {} | {} | {} | {:.2} | {:+.1} % | {} | {} s | {:.0} | {} | {memory_of_run} |",
        row.pods,
        cost(&row.ours),
        cost(&row.karpenter),
        run.cost,
        100.0 * (ours / run.cost - 1.0),
        time(row.ours.time),
        run.seconds,
        run.seconds / row.ours.time.as_secs_f64(),
        memory(row.ours.peak),
    ))
}

/// A stream.
pub(crate) fn arrivals(one: &Arrivals) -> String {
    let Arrivals { name, pods, bound, ours, karpenter } = one;
    let over = |cost| format!("{:+.1} %", percent_over(cost, *bound));
    let name = name.trim_start_matches("online, ");
    let compares = ours.unplaced == karpenter.unplaced;
    let difference = if compares { format!("{:+.1} %", percent_over(ours.cost, karpenter.cost)) } else { "-".to_owned() };
    format!(
        "| {name} | {pods} | {} | {:.2} | {} | {} | {:.2} | {} | {difference} | {} | {} |",
        ours.nodes,
        ours.cost.dollars(),
        over(ours.cost),
        karpenter.nodes,
        karpenter.cost.dollars(),
        over(karpenter.cost),
        time(ours.worst),
        time(karpenter.worst),
    )
}
