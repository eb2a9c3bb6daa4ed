//! What the control task's state says in metrics.

use super::pools::Verdict;
use crate::api::NodePool;
use crate::cluster::live::{Kind, Store};
use crate::engine::{Engine, Notice};
use crate::snapshot::template;
use crate::telemetry::{Telemetry, names};
use std::collections::BTreeMap;
use windlass_solver::{ResourceName, Resources};

/// Reasons of notices that mean the end of a NodeClaim, with Karpenter's words where it has one.
const DISRUPTIONS: [(&str, &str); 10] = [
    ("Empty", "empty"),
    ("Expired", "expired"),
    ("InsufficientCapacity", "insufficient_capacity"),
    ("LaunchTimeout", "launch_timeout"),
    ("RegistrationTimeout", "registration_timeout"),
    ("InstanceGone", "garbage_collected"),
    ("NodeMissing", "node_missing"),
    ("NodeDeleted", "node_deleted"),
    ("LimitExceeded", "limit_exceeded"),
    ("Overprovisioned", "overprovisioned"),
];

/// Counts a notice, and the disruption that it tells of.
pub(super) fn notice(telemetry: &Telemetry, notice: &Notice) {
    telemetry.count(names::NOTICES, &[("reason", notice.reason.to_owned())], 1);
    let disruption = DISRUPTIONS.iter().find(|(reason, _)| *reason == notice.reason && notice.object.starts_with("NodeClaim/"));
    if let Some((_, word)) = disruption {
        telemetry.count(names::NODECLAIMS_DISRUPTED, &[("reason", (*word).to_owned())], 1);
    }
}

/// Sets what the view holds.
pub(super) fn view(telemetry: &Telemetry, store: &Store, engine: &Engine, leading: bool) {
    let number = |count: usize| u32::try_from(count).map_or(f64::INFINITY, f64::from);
    let flag = |set: bool| if set { 1.0 } else { 0.0 };
    telemetry.set(names::LEADER, &[], flag(leading));
    telemetry.set(names::STATE_SYNCED, &[], flag(store.is_complete()));
    telemetry.set(names::STATE_NODES, &[], number(store.count(Kind::Node)));
    let objects = store.watched().map(|kind| (vec![("kind", kind.name().to_owned())], number(store.count(kind))));
    telemetry.set_all(names::OBJECTS, objects);
    let mut ignored: BTreeMap<String, usize> = BTreeMap::new();
    for (_, why) in engine.ignored() {
        *ignored.entry(format!("{why:?}")).or_default() += 1;
    }
    telemetry.set_all(names::PODS_IGNORED, ignored.into_iter().map(|(why, count)| (vec![("reason", why)], number(count))));
}

/// Sets what each pool has and may have.
pub(super) fn pools<'a>(telemetry: &Telemetry, all: impl Iterator<Item = (&'a str, Option<&'a NodePool>, &'a Verdict)>) {
    let (mut usages, mut limits) = (Vec::new(), Vec::new());
    for (name, pool, verdict) in all {
        let usage = verdict.resources();
        usages.extend(series(name, usage));
        if usage.get(ResourceName::NODES) == 0 {
            let labels = vec![("nodepool", name.to_owned()), ("resource_type", ResourceName::NODES.to_owned())];
            usages.push((labels, 0.0));
        }
        let written = pool.iter().flat_map(|pool| &pool.spec.limits).map(|(name, text)| (name.as_str(), text.as_str()));
        limits.extend(series(name, &template::amounts(written).read.into_iter().collect()));
    }
    telemetry.set_all(names::POOL_USAGE, usages);
    telemetry.set_all(names::POOL_LIMIT, limits);
}

fn series(pool: &str, resources: &Resources) -> Vec<(Vec<(&'static str, String)>, f64)> {
    let labels = |name: &ResourceName| vec![("nodepool", pool.to_owned()), ("resource_type", name.to_string())];
    resources.iter().map(|(name, amount)| (labels(name), in_units(name, amount))).collect()
}

/// Metrics have no milli-cores.
#[allow(clippy::cast_precision_loss, reason = "a gauge for people; amounts beyond 2^53 lose their last digits")]
fn in_units(name: &ResourceName, amount: i64) -> f64 {
    if name.as_str() == ResourceName::CPU { amount as f64 / 1000.0 } else { amount as f64 }
}

#[cfg(test)]
mod tests {
    use super::{notice, pools, view};
    use crate::actuate::pools::Verdict;
    use crate::cluster::live::{Change, Kind, Raw, Store};
    use crate::engine::{Engine, Event, Notice, Settings};
    use crate::telemetry::Telemetry;
    use crate::time::Time;
    use crate::{fixture, provision::Ignored};
    use serde_json::json;

    #[test]
    fn disruptions_are_counted_by_reason() {
        let telemetry = Telemetry::new();
        let told = |object: &str| Notice { object: object.to_owned(), reason: "Empty", message: String::new() };
        notice(&telemetry, &told("NodeClaim/a"));
        notice(&telemetry, &told("Pod/a/b"));
        let text = telemetry.text();
        assert!(text.contains("karpenter_nodeclaims_disrupted_total{reason=\"empty\"} 1"), "{text}");
        assert!(text.contains("windlass_notices_total{reason=\"Empty\"} 2"), "{text}");
    }

    #[test]
    fn the_view_and_the_pools_are_shown() {
        let (telemetry, mut store) = (Telemetry::new(), Store::new(Kind::watched(false)));
        let node = Raw::new(json!({"metadata": {"name": "n", "uid": "u"}}));
        store.take(Change::Seen(Kind::Node, Box::new(node)));
        let mut engine = Engine::new(Settings::default(), Time::default());
        let mut gated = fixture::pod("a");
        gated.gated = true;
        engine.step(Time::default(), Event::Pod(Box::new(gated)));
        view(&telemetry, &store, &engine, true);
        let mut object = fixture::pool_object("p");
        object["spec"]["limits"] = json!({"cpu": "1500m"});
        let pool = serde_json::from_value(object).unwrap();
        let verdict = Verdict::of("p", std::iter::empty(), Err(String::new()), None);
        pools(&telemetry, [("p", Some(&pool), &verdict)].into_iter());
        let text = telemetry.text();
        for line in [
            "karpenter_cluster_state_node_count{} 1.0",
            "karpenter_cluster_state_synced{} 0.0",
            "windlass_leader{} 1.0",
            "windlass_objects{kind=\"Node\"} 1",
            "karpenter_nodepools_limit{nodepool=\"p\",resource_type=\"cpu\"} 1.5",
            "karpenter_nodepools_usage{nodepool=\"p\",resource_type=\"nodes\"} 0",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(text.contains(&format!("windlass_pods_ignored{{reason=\"{:?}\"}} 1", Ignored::Gated)), "{text}");
    }
}
