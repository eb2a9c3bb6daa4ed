//! Answers to `--explain` as JSON.

use super::{Key, Offering, Step, Usd, offering, steps};
use crate::cli::plan::report::Report;
use serde::Serialize;
use windlass_solver::Explanation;
use windlass_solver::explain::{NodeExplanation, Outcome, PodExplanation};

/// An element of `explanations`; `kind` tells which.
#[derive(Debug, Serialize)]
#[serde(tag = "kind")]
pub(super) enum Explained<'a> {
    Pod(ExplainedPod<'a>),
    Node(ExplainedNode<'a>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedPod<'a> {
    pod: Key<'a>,
    /// `existingNode`, `newNode` or `unschedulable`.
    outcome: &'static str,
    node: Option<&'a str>,
    offering: Option<Offering<'a>>,
    reason: Option<&'static str>,
    message: Option<&'a str>,
    funnel: Vec<Step<'a>>,
    binding: Option<&'a str>,
    cheapest_alone: Option<Offering<'a>>,
    hourly_marginal_usd: Option<Usd>,
    runner_up: Option<Offering<'a>>,
    would_fit_if: Option<&'a str>,
    /// Only where there is one.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    dropped_preferences: &'a [String],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExplainedNode<'a> {
    node: &'a str,
    node_pool: &'a str,
    offering: Offering<'a>,
    funnel: Vec<Step<'a>>,
    candidates: usize,
    runner_up: Option<Offering<'a>>,
    binding: Option<&'a str>,
}

/// Builds the element.
pub(super) fn explained<'a>(report: &Report<'_>, explanation: &'a Explanation) -> Explained<'a> {
    match explanation {
        Explanation::Pod(explanation) => Explained::Pod(pod(report, explanation)),
        Explanation::Node(explanation) => Explained::Node(node(report, explanation)),
    }
}

fn pod<'a>(report: &Report<'_>, explanation: &'a PodExplanation) -> ExplainedPod<'a> {
    let (outcome, node, bought, refused) = match &explanation.outcome {
        Outcome::Existing(node) => ("existingNode", Some(node), None, None),
        Outcome::New(node, bought) => ("newNode", Some(node), Some(bought), None),
        Outcome::Unschedulable(reason, message) => ("unschedulable", None, None, Some((reason, message))),
    };
    ExplainedPod {
        pod: Key(&explanation.pod),
        outcome,
        node: node.map(windlass_solver::NodeName::as_str),
        offering: bought.map(|bought| offering(report, bought)),
        reason: refused.map(|(reason, _)| reason.as_str()),
        message: refused.map(|(_, message)| message.as_str()),
        funnel: steps(&explanation.funnel),
        binding: explanation.binding.as_deref(),
        cheapest_alone: explanation.cheapest_alone.as_ref().map(|cheapest| offering(report, cheapest)),
        hourly_marginal_usd: explanation.marginal.map(Usd),
        runner_up: explanation.runner_up.as_ref().map(|next| offering(report, next)),
        would_fit_if: explanation.would_fit_if.as_deref(),
        dropped_preferences: &explanation.dropped_preferences,
    }
}

fn node<'a>(report: &Report<'_>, explanation: &'a NodeExplanation) -> ExplainedNode<'a> {
    ExplainedNode {
        node: explanation.node.as_str(),
        node_pool: explanation.node_pool.as_str(),
        offering: offering(report, &explanation.offering),
        funnel: steps(&explanation.funnel),
        candidates: explanation.candidates,
        runner_up: explanation.runner_up.as_ref().map(|next| offering(report, next)),
        binding: explanation.binding.as_deref(),
    }
}
