//! `--certificate`: what stands behind the lower bound, and what each kind of pod adds to the cost.

use super::report::{Report, count, gap_permille, hourly};
use crate::cli::grid::Align::{Left, Right};
use crate::cli::grid::Grid;
use crate::quantity;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::optimize::Bound;
use windlass_solver::plan::{Certificate, Disregarded};
use windlass_solver::{MicroUsd, ObjectKey, Plan, ResourceName, Resources, Snapshot};

/// Kinds of pods that a table shows.
pub(super) const SHOWN: usize = 20;

/// Workloads named of each kind of pod.
const OWNERS: usize = 2;

/// Pods on new nodes that ask for the same.
#[derive(Debug)]
pub(crate) struct Class<'a> {
    /// Their workloads, or the pods themselves where there is none, with the number of pods of each.
    pub owners: BTreeMap<Arc<str>, usize>,
    /// How many they are.
    pub pods: usize,
    /// What each requests.
    pub requests: &'a Resources,
    /// What one more of them adds to the cost.
    pub marginal: MicroUsd,
    /// What all of them add.
    pub total: MicroUsd,
}

/// The classes of the plan's certificate, those that add most to the cost first.
pub(super) fn classes<'a>(snapshot: &'a Snapshot, plan: &Plan, owners: &BTreeMap<ObjectKey, Arc<str>>) -> Vec<Class<'a>> {
    let mut classes = Vec::with_capacity(plan.certificate.classes.len());
    for priced in &plan.certificate.classes {
        let pods = || priced.pods.iter().filter_map(|position| snapshot.pods().get(*position as usize));
        let Some(first) = pods().next() else { continue };
        let mut of: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for pod in pods() {
            let owner = owners.get(&pod.key).cloned().unwrap_or_else(|| format!("Pod/{}", pod.key).into());
            *of.entry(owner).or_insert(0) += 1;
        }
        let (requests, marginal) = (&first.shape.requests, priced.marginal);
        classes.push(Class { owners: of, pods: priced.pods.len(), requests, marginal, total: priced.total() });
    }
    classes
}

/// Label and text of what is known about the bound.
pub(super) fn facts(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let Certificate { method, disregarded, .. } = &report.plan.certificate;
    let summary = &report.plan.summary;
    let bound = |cost: MicroUsd, bound: MicroUsd| {
        let gap = gap_permille(cost, bound);
        format!("${}/h, gap {}.{}%", hourly(bound), gap / 10, gap % 10)
    };
    let status = summary.status.as_str();
    let price = bound(summary.hourly_cost, summary.lower_bound);
    let bounds = match &summary.charged {
        None => vec![("lower bound", format!("{price}, {status}"))],
        Some(charged) => {
            vec![("lower bound", price), ("with charges", format!("{}, {status}", bound(charged.cost, charged.lower_bound)))]
        }
    };
    let left: Vec<&str> = disregarded.iter().copied().map(Disregarded::as_str).collect();
    let more = [
        ("proven by", how(*method).to_owned()),
        ("covers", Certificate::COVERED.join(", ")),
        ("disregards", if left.is_empty() { "nothing that this input has".to_owned() } else { left.join(", ") }),
    ];
    bounds.into_iter().chain(more).collect()
}

/// The method in a sentence.
const fn how(method: Option<Bound>) -> &'static str {
    match method {
        None => "no new node is needed",
        Some(Bound::Exhaustive) => "exhaustive search: every way to place the pods was looked at",
        Some(Bound::ResourcePrices) => {
            "resource prices: at one price per unit of each resource, no offering costs less than it holds"
        }
        Some(Bound::ClassPrices) => {
            "class prices: at one price per kind of pod, no offering costs less than what fits on it is worth"
        }
    }
}

/// One row for each kind of pod, at most `shown`.
pub(super) fn grid(classes: &[Class<'_>], shown: usize) -> Grid {
    let columns = [("Workload", Left), ("Pods", Right), ("CPU", Right), ("Memory", Right)];
    let mut grid = Grid::new(columns.into_iter().chain([("$/h each", Right), ("$/h", Right)]));
    for class in classes.iter().take(shown) {
        let amount = |name: &str| quantity::display(name, class.requests.get(name));
        grid.row([
            who(class),
            class.pods.to_string(),
            amount(ResourceName::CPU),
            amount(ResourceName::MEMORY),
            hourly(class.marginal),
            hourly(class.total),
        ]);
    }
    grid
}

/// `Deployment/shop/web, Job/shop/report and 3 more`
fn who(class: &Class<'_>) -> String {
    let named: Vec<&str> = class.owners.keys().take(OWNERS).map(AsRef::as_ref).collect();
    let more = class.owners.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

/// What a table leaves out; nothing where it shows all.
pub(super) fn rest(classes: &[Class<'_>], shown: usize) -> Option<String> {
    let hidden = classes.get(shown..).filter(|hidden| !hidden.is_empty())?;
    let pods = hidden.iter().map(|class| class.pods).sum();
    Some(format!("and {} with {} (-o json lists all)", count(hidden.len(), "more kind"), count(pods, "pod")))
}
