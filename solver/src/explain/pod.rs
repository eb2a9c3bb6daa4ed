//! Why a pod is where it is, or nowhere.

use super::diagnosis::funnel;
use super::survey::{LimitsLeft, PoolCount, Survey, survey};
use super::{Outcome, PodExplanation};
use crate::plan::FunnelStep;
use crate::{ObjectKey, Plan, Snapshot};

/// Explains the pod by what one new node for it alone would have to be, with the limits as they were before the plan.
pub(super) fn explain(snapshot: &Snapshot, plan: &Plan, key: &ObjectKey) -> Option<PodExplanation> {
    let pod = snapshot.pods().iter().find(|pod| pod.key == *key)?;
    let outcome = outcome(plan, key)?;
    let left = LimitsLeft::new();
    let found = survey(snapshot, &pod.shape, &left);
    if let Outcome::Unschedulable(..) = outcome {
        let entry = plan.unschedulable.iter().find(|entry| entry.pod == *key)?;
        return Some(PodExplanation {
            pod: key.clone(),
            outcome,
            binding: entry.funnel.iter().find(|step| step.remaining == 0).map(|step| step.step.clone()),
            funnel: entry.funnel.clone(),
            cheapest_alone: found.cheapest,
            would_fit_if: entry.would_fit_if.clone(),
        });
    }
    let funnel = funnel(&pod.shape, &found);
    let binding = tightest(&funnel, &found).map(|step| step.step.clone());
    Some(PodExplanation { pod: key.clone(), outcome, funnel, binding, cheapest_alone: found.cheapest, would_fit_if: None })
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

/// The step that removed the largest share of the offerings that reached it; the first of equals, `None` where nothing was removed.
fn tightest<'f>(steps: &'f [FunnelStep], found: &Survey) -> Option<&'f FunnelStep> {
    // Each pool's taints are asked of all its offerings, its requirements of those that are left; after the pools, all are asked together.
    let of_pool =
        |count: &PoolCount| if count.tolerated > 0 { vec![count.offerings, count.tolerated] } else { vec![count.offerings] };
    let mut before: Vec<usize> = found.pools.iter().flat_map(of_pool).collect();
    let pool_steps = before.len();
    before.push(found.pools.iter().map(|count| count.allowed).sum());
    before.extend(steps.iter().skip(pool_steps).map(|step| step.remaining));
    let mut best: Option<(&FunnelStep, usize)> = None;
    for (step, given) in steps.iter().zip(before) {
        let closer = |(known, known_given): (&FunnelStep, usize)| {
            (step.remaining as u128) * (known_given as u128) < (known.remaining as u128) * (given as u128)
        };
        if step.remaining < given && best.is_none_or(closer) {
            best = Some((step, given));
        }
    }
    best.map(|(step, _)| step)
}
