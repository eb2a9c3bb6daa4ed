//! Why a pod has no place although its size, labels and taints would let it on a new node: rules about pods on one host.

use super::axis::fits;
use super::budget::Budget;
use super::host::Kind;
use super::problem::{Candidate, Problem};
use crate::explain::Obstacle;
use crate::{DaemonSet, PodShape, Reason, WhenUnsatisfiable, label};

/// The rule that leaves pods of a class no host at all, or none of those within `budget`; `None` where there is no such rule.
pub(super) fn obstacle(problem: &Problem<'_>, budget: Option<&Budget>, class: usize) -> Option<Obstacle> {
    let row = &problem.rows[problem.classes[class].row];
    let within = |one: &Candidate| budget.is_none_or(|budget| budget.affords(problem, one, 1) == 1);
    let mut open =
        problem.candidates.iter().filter(|one| problem.grows(one) && fits(&row.need, problem.free(one)) && within(one));
    if !open.any(|candidate| problem.admits(candidate, row.signature, true)) {
        let mut daemons = problem.snapshot.daemon_sets().iter();
        return daemons.find_map(|daemon| between(problem, class, daemon));
    }
    problem.joins(class).then(|| {
        let shape = &problem.classes[class].shape;
        let terms = shape.topology.affinity.iter().filter(|term| !term.is_preferred());
        let whom = terms.map(|term| term.selector.to_string()).collect::<Vec<_>>().join(" and ");
        let rule = problem.links(class).iter().find(|link| link.owner && link.kind == Kind::With);
        let hint = if rule.is_some_and(|link| link.selected) {
            "they go to one host, and what does not fit there waits"
        } else {
            "no host that has them, or could be bought for them, has room"
        };
        Obstacle {
            reason: Reason::PodAffinity,
            step: "podAffinity on the host".to_owned(),
            message: format!("it must share a host with {whom} (podAffinity): {hint}"),
        }
    })
}

/// Whether no single change of its own is sure to give a pod a place: it needs company, or daemon pods may be in its way.
pub(super) fn needs_others(problem: &Problem<'_>, class: usize) -> bool {
    let company = problem.classes[class].shape.topology.affinity.iter().any(|term| !term.is_preferred());
    company || problem.snapshot.daemon_sets().iter().any(|daemon| between(problem, class, daemon).is_some())
}

/// What keeps pods of a class and the pods of a daemonset apart.
fn between(problem: &Problem<'_>, class: usize, daemon: &DaemonSet) -> Option<Obstacle> {
    let pod = &problem.snapshot.pods()[*problem.classes[class].pods.first()? as usize];
    let on_host = |key: &str| key == label::HOSTNAME;
    let required = |shape: &PodShape| {
        let terms = shape.topology.anti_affinity.iter();
        terms.filter(|term| on_host(&term.topology_key) && !term.is_preferred()).cloned().collect::<Vec<_>>()
    };
    let runs = "which runs on every node that would hold it: exclude its nodes from one of them";
    if let Some(term) = required(&pod.shape).iter().find(|term| term.selector.matches(&daemon.key.namespace, &daemon.labels)) {
        return Some(Obstacle {
            reason: Reason::PodAntiAffinity,
            step: format!("podAntiAffinity and daemonset {}", daemon.key),
            message: format!(
                "it must not be near {} (podAntiAffinity), and so not near daemonset {}, {runs}",
                term.selector, daemon.key
            ),
        });
    }
    if let Some(term) = required(&daemon.shape).iter().find(|term| term.selector.matches(&pod.key.namespace, &pod.labels)) {
        return Some(Obstacle {
            reason: Reason::PodAntiAffinity,
            step: format!("podAntiAffinity of daemonset {}", daemon.key),
            message: format!("daemonset {} must not be near {} (podAntiAffinity), {runs}", daemon.key, term.selector),
        });
    }
    let counts = |shape: &PodShape, namespace: &str, labels: &crate::Labels| {
        let binding = shape.topology.spread.iter().filter(|one| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
        let mut binding = binding.filter(|one| on_host(&one.topology_key));
        binding.find(|one| one.selector.matches(namespace, labels)).map(|one| one.selector.to_string())
    };
    let counted = counts(&pod.shape, &daemon.key.namespace, &daemon.labels)
        .or_else(|| counts(&daemon.shape, &pod.key.namespace, &pod.labels))?;
    Some(Obstacle {
        reason: Reason::TopologySpread,
        step: format!("topologySpreadConstraints and daemonset {}", daemon.key),
        message: format!(
            "its spread over hosts and pods of daemonset {}, {runs}, together exceed the maxSkew for {counted} (topologySpreadConstraints)",
            daemon.key
        ),
    })
}
