//! The metrics themselves.

use super::names::{self, Name};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// A label of a series: its name and value.
pub type Label = (&'static str, String);
/// Labels of a series.
pub type Labels = Vec<Label>;
type Amount = Gauge<f64, AtomicU64>;

/// Series of one process.
pub struct Telemetry {
    registry: Registry,
    counters: BTreeMap<&'static str, Family<Labels, Counter>>,
    gauges: BTreeMap<&'static str, Family<Labels, Amount>>,
    planning: Histogram,
    /// Series of each gauge that were set together the last time.
    shown: Mutex<BTreeMap<&'static str, Vec<Labels>>>,
}

const COUNTERS: [Name; 10] = [
    names::NODECLAIMS_CREATED,
    names::NODECLAIMS_TERMINATED,
    names::NODECLAIMS_DISRUPTED,
    names::LAUNCH_FAILURES,
    names::EFFECTS,
    names::PLANS,
    names::INSTANCES_LAUNCHED,
    names::INSTANCES_TERMINATED,
    names::NOTICES,
    names::WATCH_FAILURES,
];

const GAUGES: [Name; 9] = [
    names::STATE_NODES,
    names::STATE_SYNCED,
    names::POOL_USAGE,
    names::POOL_LIMIT,
    names::BUILD_INFO,
    names::LEADER,
    names::OBJECTS,
    names::PODS_IGNORED,
    names::PLAN_PODS_UNSCHEDULABLE,
];

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    /// Without any series but the version.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let (mut counters, mut gauges) = (BTreeMap::new(), BTreeMap::new());
        for name in COUNTERS {
            let family = Family::<Labels, Counter>::default();
            registry.register(name.name, name.help, family.clone());
            counters.insert(name.name, family);
        }
        for name in GAUGES {
            let family = Family::<Labels, Amount>::default();
            registry.register(name.name, name.help, family.clone());
            gauges.insert(name.name, family);
        }
        let planning = Histogram::new(exponential_buckets(0.001, 2.0, 16));
        registry.register(names::SCHEDULING_DURATION.name, names::SCHEDULING_DURATION.help, planning.clone());
        let made = Self { registry, counters, gauges, planning, shown: Mutex::default() };
        made.set(names::BUILD_INFO, &[("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0);
        made
    }

    /// Counts.
    pub fn count(&self, name: Name, labels: &[Label], by: u64) {
        if let Some(family) = self.counters.get(name.name) {
            family.get_or_create(&labels.to_vec()).inc_by(by);
        }
    }

    /// Sets one series of a gauge.
    pub fn set(&self, name: Name, labels: &[Label], value: f64) {
        if let Some(family) = self.gauges.get(name.name) {
            family.get_or_create(&labels.to_vec()).set(value);
        }
    }

    /// Sets all series of a gauge: those that are not among them are gone.
    pub fn set_all(&self, name: Name, series: impl IntoIterator<Item = (Labels, f64)>) {
        let Some(family) = self.gauges.get(name.name) else { return };
        let mut set = Vec::new();
        for (labels, value) in series {
            family.get_or_create(&labels).set(value);
            set.push(labels);
        }
        if let Ok(mut shown) = self.shown.lock() {
            let before = shown.remove(name.name).unwrap_or_default();
            for labels in before.iter().filter(|labels| !set.contains(labels)) {
                family.remove(labels);
            }
            shown.insert(name.name, set);
        }
    }

    /// Notes how long a plan took.
    pub fn planned(&self, took: Duration) {
        self.planning.observe(took.as_secs_f64());
    }

    /// All of it, in the text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNTERS, GAUGES, Telemetry, names};
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn every_name_is_registered_once() {
        let used: BTreeSet<&str> = COUNTERS.iter().chain(&GAUGES).map(|name| name.name).collect();
        assert_eq!(used.len(), COUNTERS.len() + GAUGES.len());
        let table: BTreeSet<&str> = names::ALL.iter().map(|name| name.name).collect();
        let all: BTreeSet<&str> = used.into_iter().chain([names::SCHEDULING_DURATION.name]).collect();
        assert_eq!(all, table);
        for name in names::ALL {
            assert_eq!(name.name.starts_with("karpenter_"), name.karpenter, "{}", name.name);
            assert!(!name.name.ends_with("_total"), "the format adds it");
        }
    }

    #[test]
    fn series_are_shown_and_those_of_what_is_gone_are_not() {
        let telemetry = Telemetry::new();
        telemetry.count(names::NODECLAIMS_CREATED, &[("nodepool", "a".to_owned())], 2);
        telemetry.planned(Duration::from_millis(30));
        let usage = |pool: &str| (vec![("nodepool", pool.to_owned())], 4.0);
        telemetry.set_all(names::POOL_USAGE, [usage("a"), usage("b")]);
        telemetry.set_all(names::POOL_USAGE, [usage("b")]);
        let text = telemetry.text();
        assert!(text.contains("karpenter_nodeclaims_created_total{nodepool=\"a\"} 2"), "{text}");
        assert!(text.contains("karpenter_nodepools_usage{nodepool=\"b\"} 4"), "{text}");
        assert!(!text.contains("usage{nodepool=\"a\"}"), "{text}");
        assert!(text.contains("karpenter_scheduler_scheduling_duration_seconds_count 1"), "{text}");
        assert!(text.contains("karpenter_build_info{version=\""), "{text}");
    }
}
