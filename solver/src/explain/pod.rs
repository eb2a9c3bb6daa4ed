//! Why a pod is where it is, or nowhere.

use super::diagnosis::funnel;
use super::survey::{LimitsLeft, Survey, Tight, survey};
use super::{Outcome, PodExplanation, amount, node};
use crate::plan::FunnelStep;
use crate::{ObjectKey, Plan, Snapshot};

/// Explains the pod by what one new node for it alone would have to be, with the limits as they were before the plan.
pub(super) fn explain(snapshot: &Snapshot, plan: &Plan, key: &ObjectKey) -> Option<PodExplanation> {
    let (position, pod) = snapshot.pods().iter().enumerate().find(|(_, pod)| pod.key == *key)?;
    let outcome = outcome(plan, key)?;
    let left = LimitsLeft::new();
    let found = survey(snapshot, &pod.shape, &left);
    if let Outcome::Unschedulable(..) = outcome {
        let entry = plan.unschedulable.iter().find(|entry| entry.pod == *key)?;
        return Some(PodExplanation {
            pod: key.clone(),
            outcome,
            binding: last(&entry.funnel),
            funnel: entry.funnel.clone(),
            cheapest_alone: found.cheapest,
            marginal: None,
            runner_up: None,
            would_fit_if: entry.would_fit_if.clone(),
            dropped_preferences: Vec::new(),
        });
    }
    let funnel = funnel(&pod.shape, &found);
    let binding = tightest(&found, &funnel);
    let dropped = plan.dropped.iter().find(|one| one.pods.contains(key));
    let runner_up = match &outcome {
        Outcome::New(name, _) => node::explain(snapshot, plan, name).and_then(|node| node.runner_up),
        Outcome::Existing(_) | Outcome::Unschedulable(..) => None,
    };
    Some(PodExplanation {
        pod: key.clone(),
        outcome,
        funnel,
        binding,
        cheapest_alone: found.cheapest,
        marginal: plan.certificate.marginal(position),
        runner_up,
        would_fit_if: None,
        dropped_preferences: dropped.map(|one| one.preferences.clone()).unwrap_or_default(),
    })
}

fn outcome(plan: &Plan, key: &ObjectKey) -> Option<Outcome> {
    let existing = plan.existing_nodes.iter().find(|place| place.pods.contains(key));
    let new = plan.nodes.iter().find(|node| node.pods.contains(key));
    let nowhere = plan.unschedulable.iter().find(|entry| entry.pod == *key);
    existing
        .map(|place| Outcome::Existing(place.node.clone()))
        .or_else(|| new.map(|node| Outcome::New(node.name.clone(), node.offering.clone())))
        .or_else(|| nowhere.map(|entry| Outcome::Unschedulable(entry.reason, entry.message.clone())))
}

/// The step that removed the last offerings.
fn last(funnel: &[FunnelStep]) -> Option<String> {
    funnel.last().filter(|step| step.remaining == 0).map(|step| step.step.clone())
}

/// What decides how big a node the pod needs; for a pod that fits on an existing node only, what keeps it from a new one.
fn tightest(found: &Survey, funnel: &[FunnelStep]) -> Option<String> {
    let Some((offering, tight)) = found.cheapest.as_ref().zip(found.tightest.as_ref()) else { return last(funnel) };
    let Tight { resource, asked, room } = tight;
    let asked = amount::exact(resource.as_str(), *asked);
    let room = amount::at_most(resource.as_str(), *room);
    Some(format!("{resource}: it asks for {asked}, and {} leaves {room} beside daemonsets", offering.instance_type))
}
