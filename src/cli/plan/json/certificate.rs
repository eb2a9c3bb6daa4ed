//! The object `certificate` of a plan's JSON.

use super::{Minimised, Tenths, Usd, amounts};
use crate::cli::plan::certificate::Class;
use crate::cli::plan::report::{Report, gap_permille};
use serde::Serialize;
use std::collections::BTreeMap;
use windlass_solver::optimize::Bound;
use windlass_solver::plan::{Certificate, Disregarded};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Proof<'a> {
    lower_bound_usd: Usd,
    gap_percent: Tenths,
    #[serde(flatten)]
    minimised: Option<Minimised>,
    status: &'static str,
    method: Option<&'static str>,
    covers: [&'static str; Certificate::COVERED.len()],
    disregards: Vec<&'static str>,
    classes: Vec<PricedClass<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PricedClass<'a> {
    pods: usize,
    owners: Vec<Owner<'a>>,
    requests: BTreeMap<&'a str, String>,
    hourly_marginal_usd: Usd,
    hourly_total_usd: Usd,
}

#[derive(Debug, Serialize)]
struct Owner<'a> {
    name: &'a str,
    pods: usize,
}

pub(super) fn proof<'a>(report: &Report<'_>, classes: &'a [Class<'_>]) -> Proof<'a> {
    let summary = &report.plan.summary;
    let Certificate { method, disregarded, .. } = &report.plan.certificate;
    Proof {
        lower_bound_usd: Usd(summary.lower_bound),
        gap_percent: Tenths(gap_permille(summary.hourly_cost, summary.lower_bound).into()),
        minimised: summary.charged.as_ref().map(Minimised::of),
        status: summary.status.as_str(),
        method: method.map(Bound::as_str),
        covers: Certificate::COVERED,
        disregards: disregarded.iter().copied().map(Disregarded::as_str).collect(),
        classes: classes.iter().map(class).collect(),
    }
}

fn class<'a>(class: &'a Class<'_>) -> PricedClass<'a> {
    PricedClass {
        pods: class.pods,
        owners: class.owners.iter().map(|(name, pods)| Owner { name, pods: *pods }).collect(),
        requests: amounts(class.requests),
        hourly_marginal_usd: Usd(class.marginal),
        hourly_total_usd: Usd(class.total),
    }
}
