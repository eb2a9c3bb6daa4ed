//! What stands behind the lower bound, from what the purchases proved.

use super::host::Link;
use super::problem::Problem;
use super::standing::stands;
use super::state::State;
use crate::plan::{Certificate, Disregarded, PricedClass};
use crate::{MicroUsd, TaintEffect};
use std::cmp::Reverse;

/// The certificate of the bound of what `state` buys.
/// `dealt` says that rules about domains were decided before packing.
pub(super) fn certificate(problem: &Problem<'_>, state: &State, dealt: bool) -> Certificate {
    let bought = state.bought(problem);
    if bought.is_empty() {
        return Certificate::default();
    }
    // Pods are handed out in key order, existing nodes first, then nodes of static pools.
    let mut first = vec![0; problem.classes.len()];
    for (class, count) in state.existing.iter().flatten() {
        first[*class] += *count as usize;
    }
    for node in state.nodes.iter().filter(|node| stands(problem, node)) {
        node.load.iter().for_each(|(class, count)| first[*class] += (*count * node.copies) as usize);
    }
    let mut classes: Vec<PricedClass> = bought
        .into_iter()
        .map(|(class, count)| PricedClass {
            pods: problem.classes[class].pods.iter().skip(first[class]).take(count as usize).copied().collect(),
            marginal: MicroUsd(state.proof.marginal[problem.classes[class].row].max(0)),
        })
        .collect();
    classes.sort_by(|a, b| (Reverse(a.total()), &a.pods).cmp(&(Reverse(b.total()), &b.pods)));
    Certificate { method: state.proof.method, disregarded: disregarded(problem, state, dealt), classes }
}

/// What of this snapshot the bound takes no notice of.
fn disregarded(problem: &Problem<'_>, state: &State, dealt: bool) -> Vec<Disregarded> {
    let pools = || problem.snapshot.node_pools().iter().filter(|pool| pool.is_launched_from());
    let mut weights: Vec<i32> = pools().map(|pool| pool.weight).collect();
    weights.dedup();
    let soft = pools().flat_map(|pool| &pool.taints).any(|taint| taint.effect == TaintEffect::PreferNoSchedule);
    [
        (Disregarded::ExistingNodes, !problem.snapshot.nodes().is_empty()),
        (Disregarded::StaticPools, problem.snapshot.node_pools().iter().any(|pool| pool.replicas.is_some())),
        (Disregarded::Weights, weights.len() > 1),
        (Disregarded::Limits, pools().any(|pool| !pool.limits.is_empty())),
        (Disregarded::MinValues, pools().any(|pool| !pool.min_values.is_empty())),
        (Disregarded::SpotMinTypes, problem.snapshot.spot_min_types() > 1),
        (Disregarded::SpotPoolShare, problem.snapshot.spot_pool_share().is_some()),
        (Disregarded::SoftTaints, soft),
        (Disregarded::HostRules, host_rules_disregarded(problem, state)),
        (Disregarded::Domains, dealt),
    ]
    .into_iter()
    .filter_map(|(rule, applies)| applies.then_some(rule))
    .collect()
}

/// Whether a rule about hosts is neither a slot nor a bound on how many pods of one row share a node.
fn host_rules_disregarded(problem: &Problem<'_>, state: &State) -> bool {
    let mut concerned = vec![0_u32; problem.manners.rules.len()];
    let all = (0..problem.classes.len()).flat_map(|class| problem.links(class));
    all.for_each(|link| concerned[link.rule as usize] += 1);
    let covered = |class: usize, link: &Link| {
        let alone = problem.rows[problem.classes[class].row].classes.len() == 1 && concerned[link.rule as usize] == 1;
        (alone && link.most().is_some()) || problem.slots.iter().any(|slot| slot.covers(*link))
    };
    state.bought(problem).iter().any(|(class, _)| problem.links(*class).iter().any(|link| !covered(*class, link)))
}
