//! Karpenter's scheduling benchmark (`scheduling_benchmark_test.go`): its diverse pods, its pods with preferences, and the very pods on
//! which real Karpenter was measured.

use super::{MI, Random, beside, pod, shape};
use std::sync::Arc;
use windlass_solver::{
    Labels, Namespaces, NodePolicy, NodePreference, ObjectKey, Pod, PodAffinityTerm, PodSelector, PodShape, Requirement,
    SpreadConstraint, WhenUnsatisfiable,
};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const CPU: [i64; 5] = [100, 250, 500, 1000, 1500];
const MEMORY: [i64; 6] = [100, 256, 512, 1024, 2048, 4096];
const LETTERS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// The kinds of pods of the mix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No rule.
    Generic,
    /// Zone spread with `maxSkew` 1 of pods with a label value that need not be its own.
    ZoneSpread,
    /// The same over hosts.
    HostSpread,
    /// Zone affinity to pods with its own label value.
    ZoneAffinity,
    /// Anti-affinity on one host to all pods of this kind.
    HostAntiAffinity,
}

fn selector(key: &str, value: &str) -> PodSelector {
    PodSelector { namespaces: Namespaces::Only(["bench".into()].into()), labels: Some(vec![Requirement::equals(key, value)]) }
}

fn term(topology_key: &str, selector: PodSelector, weight: Option<i32>) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: topology_key.into(), selector, weight }
}

fn spread(topology_key: &str, value: &str) -> SpreadConstraint {
    SpreadConstraint {
        topology_key: topology_key.into(),
        max_skew: 1,
        when_unsatisfiable: WhenUnsatisfiable::DoNotSchedule,
        min_domains: None,
        node_affinity_policy: NodePolicy::Honor,
        node_taints_policy: NodePolicy::Ignore,
        selector: selector("my-label", value),
    }
}

fn made(index: usize, kind: Kind, (cpu, memory): (i64, i64), own: &str, selected: &str) -> Pod {
    let mut asks: PodShape = shape(cpu, memory * MI);
    let mut label = ("my-label", own);
    match kind {
        Kind::Generic => {}
        Kind::ZoneSpread => asks.topology.spread.push(spread(ZONE, selected)),
        Kind::HostSpread => asks.topology.spread.push(spread(HOST, selected)),
        Kind::ZoneAffinity => {
            label.0 = "my-affinity";
            asks.topology.affinity.push(term(ZONE, selector("my-affinity", own), None));
        }
        Kind::HostAntiAffinity => {
            label = ("app", "nginx");
            asks.topology.anti_affinity.push(term(HOST, selector("app", "nginx"), None));
        }
    }
    let labels = Labels::from([(label.0.into(), label.1.into())]);
    Pod { labels: Arc::new(labels), ..pod(index, asks) }
}

/// `count` pods: a fifth of each kind, the rest generic; CPU, memory and labels are drawn evenly, seed 42.
pub(crate) fn diverse(count: usize) -> Vec<Pod> {
    let mut random = Random::new(42);
    let kinds = [Kind::Generic, Kind::ZoneSpread, Kind::HostSpread, Kind::ZoneAffinity, Kind::HostAntiAffinity];
    let kind = |index: usize| kinds.get(index * kinds.len() / count.max(1)).copied().filter(|_| count >= kinds.len());
    (0..count)
        .map(|index| {
            let size = (random.pick(&CPU), random.pick(&MEMORY));
            let (own, selected) = (random.pick(&LETTERS), random.pick(&LETTERS));
            made(index, kind(index).unwrap_or(Kind::Generic), size, own, selected)
        })
        .collect()
}

/// `count` pods without rules, drawn as those of the mix.
pub(crate) fn generic(count: usize) -> Vec<Pod> {
    let mut random = Random::new(42);
    (0..count)
        .map(|index| {
            let size = (random.pick(&CPU), random.pick(&MEMORY));
            made(index, Kind::Generic, size, random.pick(&LETTERS), "")
        })
        .collect()
}

/// Pods of one size, each of which prefers zone 1, no other of them in its zone (which cannot be), and no other on its host.
pub(crate) fn preferring(count: usize) -> Vec<Pod> {
    let mut random = Random::new(42);
    let mut asks = shape(random.pick(&CPU), random.pick(&MEMORY) * MI);
    let nginx = || selector("app", "nginx");
    asks.node_preferences = vec![NodePreference { weight: 1, requirements: vec![Requirement::equals(ZONE, "test-zone-1")] }];
    asks.topology.anti_affinity = vec![term(ZONE, nginx(), Some(10)), term(HOST, nginx(), Some(1))];
    let (labels, shape) = (Arc::new(Labels::from([("app".into(), "nginx".into())])), Arc::new(asks));
    let key = |index| ObjectKey::new("bench", format!("pod-{index:05}"));
    (0..count).map(|index| Pod { key: key(index), labels: labels.clone(), shape: shape.clone() }).collect()
}

/// What real Karpenter made of the pods of [`recorded`]: core at 226646810 (v1.14.1 and later), Go 1.26, five workers, two shared cores.
pub(crate) struct Measured {
    pub(crate) pods: usize,
    /// Dollars per hour.
    pub(crate) cost: f64,
    pub(crate) seconds: f64,
    /// Peak resident memory in MiB, where it was taken.
    pub(crate) memory: Option<u32>,
}

/// Its runs.
pub(crate) const REAL_KARPENTER: [Measured; 6] = [
    Measured { pods: 50, cost: 15.737, seconds: 0.13, memory: None },
    Measured { pods: 200, cost: 62.635, seconds: 0.69, memory: None },
    Measured { pods: 1_000, cost: 355.98, seconds: 4.4, memory: None },
    Measured { pods: 2_000, cost: 703.15, seconds: 11.5, memory: None },
    Measured { pods: 5_000, cost: 1775.50, seconds: 32.5, memory: Some(189) },
    Measured { pods: 10_000, cost: 3573.65, seconds: 63.7, memory: None },
];

/// The recorded pods of one of its runs; `None` where the file is absent.
pub(crate) fn recorded(count: usize) -> Option<Vec<Pod>> {
    let text = std::fs::read_to_string(beside(&format!("karpenter-mix/pods_{count}.tsv"))).ok()?;
    let pods = text.lines().enumerate().map(|(index, line)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let kind = match cells[2] {
            "gen" => Kind::Generic,
            "ztsc" => Kind::ZoneSpread,
            "htsc" => Kind::HostSpread,
            "zaff" => Kind::ZoneAffinity,
            _ => Kind::HostAntiAffinity,
        };
        let size = (cells[0].parse().unwrap(), cells[1].parse().unwrap());
        made(index, kind, size, cells[3], cells.get(4).copied().unwrap_or_default())
    });
    Some(pods.collect())
}
