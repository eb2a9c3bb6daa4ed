//! What is charged beyond prices: per node, and for the risk of spot.

use crate::optimum::on_new_nodes;
use crate::properties::cases;
use crate::support::oracle::optimum;
use crate::support::random::{Size, snapshots};
use crate::support::{GI, PoolExt, ShapeExt, kind, pool, shape, solved, solved_with, world};
use proptest::prelude::*;
use windlass_solver::{
    CapacityType, Charges, InstanceType, Interruption, MicroUsd, Objective, Options, Snapshot, SnapshotBuilder, Status,
};

fn charging(node: i64, spot_risk_percent: u32) -> Options<'static> {
    Options { charges: Charges { node: MicroUsd(node), spot_risk_percent }, ..Options::default() }
}

/// The snapshot with every instance type changed.
fn with_types(snapshot: &Snapshot, change: impl Fn(&mut InstanceType)) -> Snapshot {
    let mut builder: SnapshotBuilder = Snapshot::builder().pods(snapshot.pods().iter().cloned());
    for daemon in snapshot.daemon_sets() {
        builder = builder.daemon_set(daemon.clone());
    }
    for node in snapshot.nodes() {
        builder = builder.node(node.clone());
    }
    for one in snapshot.node_pools() {
        let mut one = one.clone();
        let mut types = one.instance_types.to_vec();
        types.iter_mut().for_each(&change);
        one.instance_types = types.into();
        builder = builder.node_pool(one);
    }
    builder.build().unwrap()
}

/// Zones differ in how often they take spot nodes back.
fn rated(snapshot: &Snapshot) -> Snapshot {
    with_types(snapshot, |kind| {
        for offering in &mut kind.offerings {
            let calm = offering.zone.as_str() == "b";
            offering.interruption = Some(if calm { Interruption::Below5 } else { Interruption::From15To20 });
        }
    })
}

/// The snapshot in which everything charged is part of the price.
fn all_in(snapshot: &Snapshot, charges: Charges) -> Snapshot {
    with_types(snapshot, |kind| {
        for offering in &mut kind.offerings {
            let charge = charges.of(offering);
            offering.price = offering.price.map(|price| price.plus(charge));
        }
    })
}

proptest! {
    #![proptest_config(cases(700))]

    /// Both bounds hold: the one of prices against the cheapest bill, the other against the least of bill and charges together. Exhaustive
    /// search knows nothing of charges; it is given prices that contain them.
    #[test]
    fn neither_bound_exceeds_its_optimum(
        snapshot in snapshots(Size::TINY), node in 0..30_000_i64, risk in 0..300_u32, nodes in any::<bool>()
    ) {
        let snapshot = rated(&snapshot);
        let objective = if nodes { Objective::Nodes } else { Objective::Cost };
        let options = Options { objective, ..charging(node, risk) };
        let plan = solved_with(&snapshot, &options);
        let least_bill = optimum(&snapshot, &on_new_nodes(&snapshot, &plan));
        prop_assert!(least_bill.is_some_and(|least| plan.summary.lower_bound <= least && least <= plan.summary.hourly_cost));
        let Some(charged) = plan.summary.charged else {
            prop_assert!(options.charges.is_none());
            return Ok(());
        };
        let everything = all_in(&snapshot, options.charges);
        let least = optimum(&everything, &on_new_nodes(&everything, &plan));
        prop_assert!(least.is_some_and(|least| charged.lower_bound <= least && least <= charged.cost), "{least:?} {plan:#?}");
        prop_assert!(plan.summary.status != Status::Optimal || Some(charged.cost) == least);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// To charge for something is to decide as if it were part of the price.
    #[test]
    fn a_charge_decides_like_a_price(snapshot in snapshots(Size::TINY.unlimited()), node in 1..30_000_i64, risk in 0..300_u32) {
        let snapshot = rated(&snapshot);
        let options = charging(node, risk);
        let charged = solved_with(&snapshot, &options);
        let priced = solved(&all_in(&snapshot, options.charges));
        prop_assert_eq!(charged.summary.charged.map(|charged| charged.cost), Some(priced.summary.hourly_cost));
    }
}

/// Eight pods of one core: four nodes of two cores cost as much as one of eight.
fn eight() -> Snapshot {
    let on_demand = |mut kind: InstanceType| {
        kind.offerings.retain(|offering| offering.capacity_type == CapacityType::OnDemand);
        kind
    };
    let types = [on_demand(kind("large", 8, 32)), on_demand(kind("small", 2, 8))];
    world([pool("p").types(types)], [], [], shape(1000, GI).pods("web", 8))
}

#[test]
fn a_charge_per_node_prefers_few_nodes_of_equal_price() {
    let plan = solved_with(&eight(), &charging(1, 0));
    assert_eq!(plan.nodes.len(), 1);
    let charged = plan.summary.charged.unwrap();
    assert_eq!((plan.summary.hourly_cost, charged.cost), (MicroUsd(80_000), MicroUsd(80_001)));
    assert_eq!((plan.summary.lower_bound, charged.lower_bound), (MicroUsd(80_000), MicroUsd(80_001)));
    assert_eq!(plan.summary.status, Status::Optimal);
}

#[test]
fn nothing_is_charged_unless_asked_for() {
    assert!(solved(&eight()).summary.charged.is_none());
}

#[test]
fn the_bill_never_contains_a_charge() {
    let plan = solved_with(&eight(), &charging(5_000, 100));
    assert_eq!(plan.summary.hourly_cost, plan.nodes.iter().map(|node| node.offering.price).sum());
    assert!(plan.nodes.iter().all(|node| node.offering.price == MicroUsd(80_000)));
}

/// One spot offering that costs 0.020 and is often taken back, one on demand that costs 0.024.
fn risky(interruption: Option<Interruption>) -> Snapshot {
    let mut only = kind("only", 4, 8);
    only.offerings.retain(|offering| offering.zone.as_str() == "a");
    for offering in &mut only.offerings {
        offering.price = Some(MicroUsd(if offering.capacity_type == CapacityType::Spot { 20_000 } else { 24_000 }));
        offering.interruption = interruption.filter(|_| offering.capacity_type == CapacityType::Spot);
    }
    world([pool("p").types([only])], [], [], shape(1000, GI).pods("web", 1))
}

#[test]
fn the_risk_of_spot_is_weighed_against_its_saving() {
    for (band, risk, bought) in [
        (Some(Interruption::Above20), 0, CapacityType::Spot),
        (Some(Interruption::Above20), 79, CapacityType::Spot),
        (Some(Interruption::Above20), 81, CapacityType::OnDemand),
        (Some(Interruption::Below5), 81, CapacityType::Spot),
        (Some(Interruption::Below5), 790, CapacityType::Spot),
        (Some(Interruption::Below5), 810, CapacityType::OnDemand),
        // Nobody has rated it: taken for the worst.
        (None, 81, CapacityType::OnDemand),
    ] {
        let plan = solved_with(&risky(band), &charging(0, risk));
        assert_eq!(plan.nodes[0].offering.capacity_type, bought, "{band:?} {risk}");
    }
}

#[test]
fn the_bands_read_as_they_are_written() {
    for band in Interruption::ALL {
        assert_eq!(Interruption::parse(band.as_str()), Some(band));
    }
    assert_eq!(Interruption::parse("5%"), None);
    assert!(Interruption::ALL.is_sorted_by_key(|band| band.per_mille()));
}
