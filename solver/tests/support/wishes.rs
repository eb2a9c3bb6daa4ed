//! Pods that would rather have something.

use super::random::{Size, pod_selectors, snapshots};
use super::{ARCH, CAPACITY, HOST, ZONE, need, spread};
use crate::properties::rebuilt;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{
    NodePreference, Operator, Pod, PodAffinityTerm, PodSelector, PodShape, Requirement, Snapshot, SpreadConstraint, Topology,
    WhenUnsatisfiable,
};

/// `PodShape` with preferences, in one expression.
pub(crate) trait WishExt: Sized {
    /// Preferred node affinity.
    fn rather(self, weight: i32, requirements: &[Requirement]) -> Self;
    /// Preferred pod affinity.
    fn rather_with(self, weight: i32, topology_key: &str, selector: PodSelector) -> Self;
    /// Preferred pod anti-affinity.
    fn rather_apart(self, weight: i32, topology_key: &str, selector: PodSelector) -> Self;
    /// Spread with `ScheduleAnyway`.
    fn rather_spread(self, max_skew: u32, topology_key: &str, selector: PodSelector) -> Self;
    /// Required pod affinity.
    fn must_with(self, topology_key: &str, selector: PodSelector) -> Self;
    /// Required pod anti-affinity.
    fn must_apart(self, topology_key: &str, selector: PodSelector) -> Self;
    /// Spread with `DoNotSchedule`.
    fn must_spread(self, max_skew: u32, topology_key: &str, selector: PodSelector) -> Self;
}

fn term(topology_key: &str, selector: PodSelector, weight: Option<i32>) -> PodAffinityTerm {
    PodAffinityTerm { topology_key: topology_key.into(), selector, weight }
}

impl WishExt for PodShape {
    fn rather(mut self, weight: i32, requirements: &[Requirement]) -> Self {
        self.node_preferences.push(NodePreference { weight, requirements: requirements.to_vec() });
        self
    }
    fn rather_with(mut self, weight: i32, topology_key: &str, selector: PodSelector) -> Self {
        self.topology.affinity.push(term(topology_key, selector, Some(weight)));
        self
    }
    fn rather_apart(mut self, weight: i32, topology_key: &str, selector: PodSelector) -> Self {
        self.topology.anti_affinity.push(term(topology_key, selector, Some(weight)));
        self
    }
    fn rather_spread(mut self, max_skew: u32, topology_key: &str, selector: PodSelector) -> Self {
        let when_unsatisfiable = WhenUnsatisfiable::ScheduleAnyway;
        let one = SpreadConstraint { topology_key: topology_key.into(), when_unsatisfiable, ..spread(max_skew, selector) };
        self.topology.spread.push(one);
        self
    }
    fn must_with(mut self, topology_key: &str, selector: PodSelector) -> Self {
        self.topology.affinity.push(term(topology_key, selector, None));
        self
    }
    fn must_apart(mut self, topology_key: &str, selector: PodSelector) -> Self {
        self.topology.anti_affinity.push(term(topology_key, selector, None));
        self
    }
    fn must_spread(self, max_skew: u32, topology_key: &str, selector: PodSelector) -> Self {
        let one = SpreadConstraint { topology_key: topology_key.into(), ..spread(max_skew, selector) };
        let spread = self.topology.spread.iter().cloned().chain([one]).collect();
        Self { topology: Topology { spread, ..self.topology }, ..self }
    }
}

/// A preference of any kind, for pods of a shape that already has rules.
fn preference() -> impl Strategy<Value = Wish> {
    let key = || select(vec![HOST, HOST, ZONE, ZONE, CAPACITY, "team"]);
    let weight = || 1..=4_i32;
    let on = vec![
        vec![need(ZONE, Operator::In, &["a"])],
        vec![need(ZONE, Operator::In, &["b"])],
        vec![need(ARCH, Operator::In, &["arm64"])],
        vec![need(CAPACITY, Operator::In, &["on-demand"])],
        vec![need("team", Operator::In, &["x"])],
        vec![need(ZONE, Operator::NotIn, &["a"]), need(ARCH, Operator::In, &["amd64"])],
        vec![need("no.such/label", Operator::Exists, &[])],
        Vec::new(),
    ];
    prop_oneof![
        3 => (weight(), select(on)).prop_map(|(weight, all)| Wish::Node(weight, all)),
        2 => (weight(), key(), pod_selectors()).prop_map(|(weight, key, selector)| Wish::With(weight, key, selector)),
        3 => (weight(), key(), pod_selectors()).prop_map(|(weight, key, selector)| Wish::Apart(weight, key, selector)),
        3 => (1..=2_u32, key(), pod_selectors()).prop_map(|(skew, key, selector)| Wish::Spread(skew, key, selector)),
    ]
}

#[derive(Debug, Clone)]
enum Wish {
    Node(i32, Vec<Requirement>),
    With(i32, &'static str, PodSelector),
    Apart(i32, &'static str, PodSelector),
    Spread(u32, &'static str, PodSelector),
}

fn wish(shape: PodShape, wish: Wish) -> PodShape {
    match wish {
        Wish::Node(weight, all) => shape.rather(weight, &all),
        Wish::With(weight, key, selector) => shape.rather_with(weight, key, selector),
        Wish::Apart(weight, key, selector) => shape.rather_apart(weight, key, selector),
        Wish::Spread(skew, key, selector) => shape.rather_spread(skew, key, selector),
    }
}

/// Snapshots in which most shapes of pods have preferences, too.
pub(crate) fn wishful(size: Size) -> impl Strategy<Value = Snapshot> {
    let wishes = vec(prop_oneof![1 => Just(Vec::new()), 3 => vec(preference(), 1..=3)], size.shapes);
    (snapshots(size), wishes).prop_map(|(snapshot, wishes)| {
        let mut shapes: BTreeMap<Arc<str>, Arc<PodShape>> = BTreeMap::new();
        let pods = snapshot.pods().iter().map(|pod| {
            let group: Arc<str> = pod.key.name.split('-').next().unwrap_or_default().into();
            let number: usize = group[1..].parse().unwrap();
            let made = || Arc::new(wishes[number].iter().cloned().fold(PodShape::clone(&pod.shape), wish));
            Pod { shape: shapes.entry(group).or_insert_with(made).clone(), ..pod.clone() }
        });
        let pods: Vec<Pod> = pods.collect();
        rebuilt(&snapshot, pods, false)
    })
}

/// The same snapshot without any preference.
pub(crate) fn wishless(snapshot: &Snapshot) -> Snapshot {
    let bare = |pod: &Pod| {
        let mut shape = PodShape::clone(&pod.shape);
        shape.node_preferences.clear();
        shape.topology.affinity.retain(|term| term.weight.is_none());
        shape.topology.anti_affinity.retain(|term| term.weight.is_none());
        shape.topology.spread.retain(|one| one.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
        Pod { shape: Arc::new(shape), ..pod.clone() }
    };
    rebuilt(snapshot, snapshot.pods().iter().map(bare), false)
}
