//! What becomes the NodePool.

use super::{Defaults, Report, defaults};
use crate::api::node_pool::{
    Budget, ConsolidationPolicy, Disruption, DisruptionReason, NodeClaimTemplate, NodeClaimTemplateSpec, TemplateMetadata,
};
use crate::api::period::NEVER;
use crate::api::provisioner::{LegacyRequirement, ProvisionerSpec};
use crate::api::{NodeClassRef, NodePoolSpec, Operator, Requirement, label};

/// The pool; the name of its class is filled in later.
pub(super) fn convert(name: &str, spec: &ProvisionerSpec, era: Defaults, report: &mut Report<'_>) -> NodePoolSpec {
    let mut requirements: Vec<Requirement> =
        spec.requirements.iter().enumerate().map(|(index, old)| requirement(index, old, report)).collect();
    requirements.extend(defaults::added(spec, era, report));
    NodePoolSpec {
        template: NodeClaimTemplate {
            metadata: TemplateMetadata { labels: spec.labels.clone(), annotations: spec.annotations.clone() },
            spec: NodeClaimTemplateSpec {
                node_class_ref: NodeClassRef {
                    group: label::AWS_GROUP.to_owned(),
                    kind: "EC2NodeClass".to_owned(),
                    name: name.to_owned(),
                },
                requirements,
                taints: spec.taints.clone(),
                startup_taints: spec.startup_taints.clone(),
                expire_after: expire_after(spec, report),
                termination_grace_period: None,
            },
        },
        disruption: disruption(spec, report),
        limits: spec.limits.as_ref().map(|limits| limits.resources.clone()).unwrap_or_default(),
        weight: spec.weight,
        replicas: None,
    }
}

fn requirement(index: usize, old: &LegacyRequirement, report: &mut Report<'_>) -> Requirement {
    let key = label::normalize(&old.key).to_owned();
    if key != old.key {
        let message = format!("{} is an old name, written as {key}", old.key);
        report.warn(&format!("spec.requirements[{index}].key"), message, "");
    }
    let takes_values = !matches!(old.operator, Operator::Exists | Operator::DoesNotExist);
    if !takes_values && !old.values.is_empty() {
        let message = format!("values {:?} of {:?} had no effect and were dropped", old.values, old.operator);
        report.warn(&format!("spec.requirements[{index}].values"), message, "use In or NotIn if they were meant");
    }
    let values = if takes_values { old.values.clone() } else { Vec::new() };
    Requirement { key, operator: old.operator, values, min_values: None }
}

/// Seconds as a duration, in the largest units that are whole.
fn duration(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let mut text = String::new();
    for (count, unit) in [(hours, 'h'), (minutes, 'm'), (seconds, 's')].into_iter().filter(|(count, _)| *count > 0) {
        text += &count.to_string();
        text.push(unit);
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn expire_after(spec: &ProvisionerSpec, report: &mut Report<'_>) -> String {
    let Some(seconds) = spec.ttl_seconds_until_expired else { return NEVER.to_owned() };
    if seconds < 0 {
        report.refuse("spec.ttlSecondsUntilExpired", "must not be negative", "remove it if nodes never expire");
    }
    report.warn(
        "spec.ttlSecondsUntilExpired",
        "became expireAfter, which removes a node at that age without waiting for a replacement and regardless of budgets; Karpenter up \
         to v0.13 did so too, but v0.31 launched the replacement first and waited for PodDisruptionBudgets and do-not-evict",
        "set terminationGracePeriod and PodDisruptionBudgets, or expireAfter: Never and replace nodes by drift",
    );
    duration(seconds.max(0))
}

fn disruption(spec: &ProvisionerSpec, report: &mut Report<'_>) -> Disruption {
    let consolidates = spec.consolidation.as_ref().and_then(|consolidation| consolidation.enabled).unwrap_or(false);
    match (consolidates, spec.ttl_seconds_after_empty) {
        (true, None) => Disruption {
            consolidate_after: "0s".to_owned(),
            consolidation_policy: ConsolidationPolicy::WhenEmptyOrUnderutilized,
            ..Disruption::default()
        },
        (false, Some(seconds)) => {
            if seconds < 0 {
                report.refuse("spec.ttlSecondsAfterEmpty", "must not be negative", "remove it if empty nodes stay");
            }
            Disruption {
                consolidate_after: duration(seconds.max(0)),
                consolidation_policy: ConsolidationPolicy::WhenEmpty,
                // Emptiness had no budget in v1alpha5: all empty nodes go at once.
                budgets: vec![
                    budget("100%", &[DisruptionReason::Empty]),
                    budget("10%", &[DisruptionReason::Underutilized, DisruptionReason::Drifted]),
                ],
            }
        }
        (true, Some(_)) => {
            let message = "'ttlSecondsAfterEmpty' and 'consolidation.enabled' are mutually exclusive";
            report.refuse("spec.ttlSecondsAfterEmpty", message, "keep one of them");
            Disruption::default()
        }
        (false, None) => {
            let expiry = if spec.ttl_seconds_until_expired.is_none() { " and expireAfter: Never" } else { "" };
            let message = format!(
                "neither ttlSecondsAfterEmpty nor consolidation is set, so nodes are never removed for being empty or underused: written \
                 as consolidateAfter: Never{expiry}, because a NodePool consolidates at once otherwise; drift, which v0.31 left off, is \
                 always on"
            );
            report.warn("spec.consolidation", message, "remove consolidateAfter: Never to let the NodePool consolidate");
            Disruption {
                consolidate_after: NEVER.to_owned(),
                consolidation_policy: ConsolidationPolicy::WhenEmpty,
                ..Disruption::default()
            }
        }
    }
}

fn budget(nodes: &str, reasons: &[DisruptionReason]) -> Budget {
    Budget { nodes: nodes.to_owned(), reasons: reasons.to_vec(), schedule: None, duration: None }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use crate::api::period::seconds;

    #[test]
    fn durations_read_back() {
        for (given, text) in [(0, "0s"), (30, "30s"), (60, "1m"), (5400, "1h30m"), (2_592_000, "720h"), (3661, "1h1m1s")] {
            assert_eq!(duration(given), text);
            assert_eq!(seconds(text), Ok(Some(u64::try_from(given).unwrap())));
        }
    }
}
