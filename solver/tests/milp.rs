//! Cost and bound against integer programming: some dozens of pods of a few kinds, every filling of every node listed, and the cheapest
//! cover of the pods found by a solver that shares nothing with ours. Exhaustive search (`optimum`, `exact`) ends at ten pods.

use crate::properties::cases;
use crate::support::oracle::{Place, places};
use crate::support::{GI, PoolExt, ShapeExt, ZONE, kind, pool, port, shape, solved_with, world};
use good_lp::{Expression, ProblemVariables, Solution, SolverModel, microlp, variable};
use proptest::collection::vec;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use windlass_solver::{InstanceType, MicroUsd, Options, Pod, PodShape, Snapshot, Status};

const CASES: u32 = 100;

/// Of all cases together, what plans may cost beyond the optimum, in thousandths.
const EXCESS: i64 = 2;

/// How many pods of each kind are on a node.
type Filling = Vec<usize>;

thread_local! {
    /// What plans and optima of all cases cost.
    static COSTS: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

/// From 2 to 16 cores with 1 to 8 Gi each, and a price that is not quite proportional.
fn instance_type(index: usize) -> impl Strategy<Value = InstanceType> {
    (1..=8_i64, 1..=8_i64, 80..=120_i64).prop_map(move |(pairs, ratio, percent)| {
        let mut made = kind(&format!("k{index}"), pairs * 2, pairs * 2 * ratio);
        for offering in &mut made.offerings {
            offering.price = offering.price.map(|price| MicroUsd(price.0 * percent / 100 + 1_000 * ratio));
        }
        made
    })
}

fn pod_shape() -> impl Strategy<Value = PodShape> {
    (1..=16_i64, 1..=32_i64, 0..8_u8).prop_map(|(quarters, halves, kind)| {
        let plain = shape(quarters * 250, halves * GI / 2);
        match kind {
            0 => plain.selecting(ZONE, "b"),
            1 => plain.on_port(port(80, "")),
            _ => plain,
        }
    })
}

/// Up to 45 pods of at most 3 kinds, and at times a daemonset.
fn snapshots() -> impl Strategy<Value = Snapshot> {
    let kinds = (1..=4_usize).prop_flat_map(|count| (0..count).map(instance_type).collect::<Vec<_>>());
    let daemon = prop::option::of((1..=4_i64).prop_map(|quarters| shape(quarters * 100, quarters * GI / 8).daemon("agent")));
    (kinds, daemon, vec((pod_shape(), 1..=15_usize), 1..=3)).prop_map(|(kinds, daemon, shapes)| {
        let pods = shapes.into_iter().enumerate().flat_map(|(index, (shape, count))| shape.pods(&format!("g{index}"), count));
        world([pool("default").types(kinds)], [], daemon, pods)
    })
}

/// The pods that the plan places, by kind.
fn kinds_of(snapshot: &Snapshot, placed: impl Fn(&Pod) -> bool) -> Vec<Vec<&Pod>> {
    let mut kinds: BTreeMap<&PodShape, Vec<&Pod>> = BTreeMap::new();
    for pod in snapshot.pods().iter().filter(|pod| placed(pod)) {
        kinds.entry(&pod.shape).or_default().push(pod);
    }
    kinds.into_values().collect()
}

/// Every filling that `place` holds, by going on from `filling` with kinds from `from` on.
fn fill(place: &Place<'_>, kinds: &[Vec<&Pod>], from: usize, filling: &mut Filling, found: &mut BTreeMap<Filling, MicroUsd>) {
    let cheapest = found.entry(filling.clone()).or_insert(place.price);
    *cheapest = place.price.min(*cheapest);
    for next in from..kinds.len() {
        filling[next] += 1;
        let pods: Option<Vec<&[&Pod]>> = kinds.iter().zip(&*filling).map(|(pods, count)| pods.get(..*count)).collect();
        if pods.is_some_and(|pods| place.takes(&pods.concat())) {
            fill(place, kinds, next, filling, found);
        }
        filling[next] -= 1;
    }
}

/// The fillings that no other one betters.
fn undominated(found: &BTreeMap<Filling, MicroUsd>) -> Vec<(&Filling, MicroUsd)> {
    let betters = |(other, less): (&Filling, &MicroUsd), (one, price): (&Filling, &MicroUsd)| {
        other != one && less <= price && other.iter().zip(one).all(|(more, few)| more >= few)
    };
    let kept = found.iter().filter(|one| !found.iter().any(|other| betters(other, *one)));
    kept.map(|(filling, price)| (filling, *price)).collect()
}

/// What the cheapest nodes for all of these pods cost.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small integers, and the library counts in floats"
)]
fn optimum(snapshot: &Snapshot, kinds: &[Vec<&Pod>]) -> MicroUsd {
    let mut found = BTreeMap::new();
    for place in &places(snapshot) {
        fill(place, kinds, 0, &mut vec![0; kinds.len()], &mut found);
    }
    let fillings = undominated(&found);
    let mut problem = ProblemVariables::new();
    let nodes = problem.add_vector(variable().integer().min(0).max(45), fillings.len());
    let cost: Expression = nodes.iter().zip(&fillings).map(|(node, (_, price))| *node * price.0 as f64).sum();
    let mut model = problem.minimise(cost).using(microlp);
    for (kind, pods) in kinds.iter().enumerate() {
        let covered: Expression = nodes.iter().zip(&fillings).map(|(node, (filling, _))| *node * filling[kind] as f64).sum();
        model = model.with(covered.geq(pods.len() as f64));
    }
    let solution = model.solve().unwrap();
    let bought = |(node, (_, price)): (_, &(&Filling, MicroUsd))| MicroUsd(price.0 * solution.value(node).round() as i64);
    nodes.iter().copied().zip(&fillings).map(bought).sum()
}

proptest! {
    #![proptest_config(cases(CASES))]

    /// The bound holds, what is called optimal is, and the plans together cost hardly more than the optima.
    #[test]
    fn cost_and_bound_enclose_the_optimum(snapshot in snapshots()) {
        let plan = solved_with(&snapshot, &Options { steps: Some(5_000), ..Options::default() });
        let kinds = kinds_of(&snapshot, |pod| plan.unschedulable.iter().all(|entry| entry.pod != pod.key));
        let best = optimum(&snapshot, &kinds);
        let (cost, bound) = (plan.summary.hourly_cost, plan.summary.lower_bound);
        prop_assert!(bound <= best && best <= cost, "bound {bound}, optimum {best}, cost {cost}: {plan:#?}");
        prop_assert!(plan.summary.status != Status::Optimal || best == cost, "optimum {best}: {plan:#?}");
        let (costs, optima) = COSTS.get();
        COSTS.set((costs + cost.0, optima + best.0));
        // The first few say little about all.
        prop_assert!(optima < 10_000_000 || costs - optima <= optima * EXCESS / 1000, "{costs} for what can be had for {optima}");
    }
}
