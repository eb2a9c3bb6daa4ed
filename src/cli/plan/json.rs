//! The plan as JSON: `windlass.dev/v1`, kind `Plan`, as docs/plan.schema.json describes it.
//!
//! Fields are only ever added. Equal input gives equal bytes, so nothing here depends on time, on the place of an object in its file or
//! on the order of files: that is also why the duration of the search is printed on standard error and is no field.

mod against;
mod certificate;
mod explanation;

use super::report::{Report, gap_permille};
use crate::diagnostic::{Diagnostic, Severity};
use crate::quantity;
use against::{Comparison, comparison};
use certificate::{Proof, proof};
use explanation::{Explained, explained};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use windlass_solver::plan::{Charged, ExistingPlacement, FunnelStep, OfferingRef};
use windlass_solver::{CapacityType, MicroUsd, ObjectKey, Plan, PlannedNode, Resources, Taint, Unschedulable};

/// Writes indented JSON with a newline at the end. A large plan is tens of megabytes, so that it is never held as text.
pub(crate) fn write(report: &Report<'_>, to: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = BufWriter::with_capacity(1 << 16, to);
    serde_json::to_writer_pretty(&mut buffer, &document(report))?;
    buffer.write_all(b"\n")?;
    buffer.flush()
}

/// The whole document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    summary: Summary,
    nodes: NewNodes<'a>,
    existing_nodes: Vec<ExistingNode<'a>>,
    unschedulable: Vec<UnschedulablePod<'a>>,
    /// Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped_preferences: Vec<DroppedPreferences<'a>>,
    warnings: Vec<Warning<'a>>,
    notes: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    explanations: Vec<Explained<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Proof<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Comparison>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    pods: usize,
    placed: usize,
    unschedulable: usize,
    new_nodes: usize,
    hourly_cost_usd: Usd,
    lower_bound_usd: Usd,
    gap_percent: Tenths,
    #[serde(flatten)]
    minimised: Option<Minimised>,
    status: &'static str,
    solver: Solver,
}

/// Only where something is charged beyond prices.
#[derive(Debug, Serialize)]
struct Minimised {
    #[serde(rename = "objectiveUsd")]
    cost: Usd,
    #[serde(rename = "objectiveLowerBoundUsd")]
    lower_bound: Usd,
    #[serde(rename = "objectiveGapPercent")]
    gap_percent: Tenths,
}

impl Minimised {
    fn of(charged: &Charged) -> Self {
        Self {
            cost: Usd(charged.cost),
            lower_bound: Usd(charged.lower_bound),
            gap_percent: Tenths(gap_permille(charged.cost, charged.lower_bound).into()),
        }
    }
}

#[derive(Debug, Serialize)]
struct Solver {
    steps: u64,
}

/// Made one by one while they are written.
struct NewNodes<'a>(&'a Report<'a>);

impl Serialize for NewNodes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.plan.nodes.iter().map(|planned| node(self.0, planned)))
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NewNode<'a> {
    name: &'a str,
    node_pool: &'a str,
    #[serde(flatten)]
    offering: Offering<'a>,
    alternatives: Vec<Offering<'a>>,
    labels: BTreeMap<&'a str, &'a str>,
    taints: Vec<NodeTaint<'a>>,
    pods: Vec<Key<'a>>,
    daemon_set_pods: Vec<Key<'a>>,
    allocatable: BTreeMap<&'a str, String>,
    requested: BTreeMap<&'a str, String>,
    /// Only where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relaxed_min_values: Vec<RelaxedMinValues<'a>>,
}

#[derive(Debug, Serialize)]
struct RelaxedMinValues<'a> {
    key: &'a str,
    asked: u32,
    found: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Offering<'a> {
    instance_type: &'a str,
    zone: &'a str,
    capacity_type: &'static str,
    hourly_price_usd: Usd,
    /// Only where it is true.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    price_estimated: bool,
}

#[derive(Debug, Serialize)]
struct NodeTaint<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    effect: &'static str,
}

#[derive(Debug, Serialize)]
struct ExistingNode<'a> {
    name: &'a str,
    pods: Vec<Key<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnschedulablePod<'a> {
    pod: Key<'a>,
    reason: &'static str,
    message: &'a str,
    funnel: Vec<Step<'a>>,
    would_fit_if: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct DroppedPreferences<'a> {
    preferences: &'a [String],
    pods: Vec<Key<'a>>,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    step: &'a str,
    remaining: usize,
}

/// A finding without its line: moving a document must not change the plan's bytes.
#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Warning<'a> {
    object: &'a str,
    message: &'a str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// `namespace/name`.
#[derive(Debug)]
struct Key<'a>(&'a ObjectKey);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// Dollars as a decimal number with exactly the digits of the micro-dollars, such as `0.136`.
///
/// Dividing an integer by a million gives the double nearest to the decimal, and the shortest text of that double is the decimal again
/// for up to 15 digits: exact below a billion dollars an hour.
#[derive(Debug)]
struct Usd(MicroUsd);

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal(serializer, self.0.0, 1_000_000)
    }
}

/// Tenths, as a decimal number such as `2.6`.
#[derive(Debug)]
struct Tenths(i64);

impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        decimal(serializer, self.0, 10)
    }
}

#[allow(clippy::cast_precision_loss)] // The comment at `Usd` says up to where this is exact.
fn decimal<S: Serializer>(serializer: S, amount: i64, unit: i64) -> Result<S::Ok, S::Error> {
    if amount % unit == 0 {
        serializer.serialize_i64(amount / unit)
    } else {
        serializer.serialize_f64(amount as f64 / unit as f64)
    }
}

/// Builds the document from a report.
pub(super) fn document<'a>(report: &'a Report<'a>) -> Document<'a> {
    let plan = report.plan;
    Document {
        api_version: "windlass.dev/v1",
        kind: "Plan",
        summary: summary(plan),
        nodes: NewNodes(report),
        existing_nodes: plan.existing_nodes.iter().map(existing_node).collect(),
        unschedulable: plan.unschedulable.iter().map(unschedulable).collect(),
        dropped_preferences: plan
            .dropped
            .iter()
            .map(|one| DroppedPreferences { preferences: &one.preferences, pods: keys(&one.pods) })
            .collect(),
        warnings: warnings(report.findings),
        notes: report.notes,
        explanations: report.explanations.iter().map(|answer| explained(report, answer)).collect(),
        certificate: report.certificate.map(|classes| proof(report, classes)),
        against: report.against.map(|against| comparison(plan, against)),
    }
}

fn summary(plan: &Plan) -> Summary {
    let summary = &plan.summary;
    Summary {
        pods: summary.pods,
        placed: summary.placed,
        unschedulable: plan.unschedulable.len(),
        new_nodes: plan.nodes.len(),
        hourly_cost_usd: Usd(summary.hourly_cost),
        lower_bound_usd: Usd(summary.lower_bound),
        gap_percent: Tenths(gap_permille(summary.hourly_cost, summary.lower_bound).into()),
        minimised: summary.charged.as_ref().map(Minimised::of),
        status: summary.status.as_str(),
        solver: Solver { steps: summary.steps },
    }
}

fn node<'a>(report: &Report<'_>, node: &'a PlannedNode) -> NewNode<'a> {
    NewNode {
        name: node.name.as_str(),
        node_pool: node.node_pool.as_str(),
        offering: offering(report, &node.offering),
        alternatives: node.alternatives.iter().map(|alternative| offering(report, alternative)).collect(),
        labels: node.labels.iter().map(|(key, value)| (&**key, &**value)).collect(),
        taints: node.taints.iter().map(taint).collect(),
        pods: keys(&node.pods),
        daemon_set_pods: keys(&node.daemon_set_pods),
        allocatable: amounts(&node.allocatable),
        requested: amounts(&node.requested),
        relaxed_min_values: node
            .relaxed
            .iter()
            .map(|one| RelaxedMinValues { key: &one.key, asked: one.asked, found: one.found })
            .collect(),
    }
}

fn offering<'a>(report: &Report<'_>, offering: &'a OfferingRef) -> Offering<'a> {
    let capacity_type: CapacityType = offering.capacity_type;
    Offering {
        instance_type: offering.instance_type.as_str(),
        zone: offering.zone.as_str(),
        capacity_type: capacity_type.as_str(),
        hourly_price_usd: Usd(offering.price),
        price_estimated: report.estimated(capacity_type),
    }
}

fn taint(taint: &Taint) -> NodeTaint<'_> {
    NodeTaint { key: &taint.key, value: &taint.value, effect: taint.effect.as_str() }
}

fn keys(pods: &[ObjectKey]) -> Vec<Key<'_>> {
    pods.iter().map(Key).collect()
}

fn amounts(resources: &Resources) -> BTreeMap<&str, String> {
    resources.iter().map(|(name, amount)| (name.as_str(), quantity::display(name.as_str(), amount))).collect()
}

fn existing_node(placement: &ExistingPlacement) -> ExistingNode<'_> {
    ExistingNode { name: placement.node.as_str(), pods: keys(&placement.pods) }
}

fn unschedulable(pod: &Unschedulable) -> UnschedulablePod<'_> {
    UnschedulablePod {
        pod: Key(&pod.pod),
        reason: pod.reason.as_str(),
        message: &pod.message,
        funnel: steps(&pod.funnel),
        would_fit_if: pod.would_fit_if.as_deref(),
    }
}

fn steps(funnel: &[FunnelStep]) -> Vec<Step<'_>> {
    funnel.iter().map(|step| Step { step: &step.step, remaining: step.remaining }).collect()
}

fn warnings(findings: &[Diagnostic]) -> Vec<Warning<'_>> {
    let mut all: Vec<Warning<'_>> = findings.iter().map(warning).collect();
    all.sort();
    all.dedup();
    all
}

fn warning(finding: &Diagnostic) -> Warning<'_> {
    let file = finding.place.as_ref().map_or("", |place| &*place.file);
    Warning {
        object: finding.object.as_deref().unwrap_or(file),
        message: &finding.message,
        severity: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        field: finding.field.as_deref(),
        hint: finding.hint.as_deref(),
    }
}
