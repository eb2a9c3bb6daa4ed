//! Mistakes planted between the engine and its world: each invariant notices its own.

use std::time::Duration;
use windlass::cloud::InstanceId;
use windlass::cluster::{Target, Uid, Write};
use windlass::engine::Effect;
use windlass::sim::{Faults, Scenario, Violation, World};

/// Stories that may show a mistake; the first that does is enough.
const SEEDS: u64 = 60;

fn noticed(plant: fn(World) -> World, faults: &Faults, is_it: fn(&Violation) -> bool) -> bool {
    noticed_in(Scenario::random, plant, faults, is_it)
}

fn noticed_in(story: fn(u64) -> Scenario, plant: fn(World) -> World, faults: &Faults, is_it: fn(&Violation) -> bool) -> bool {
    (0..SEEDS).any(|seed| {
        let world = World::new(story(seed).with_faults(faults.clone()));
        plant(world).run().violations.iter().any(is_it)
    })
}

#[test]
fn a_controller_that_misreads_limits_is_noticed() {
    let plant = |world: World| world.misread(|pool| pool.spec.limits.clear());
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::OverLimit(_))));
}

#[test]
fn two_instances_for_one_claim_are_noticed() {
    let faults = Faults { lost_after: 300, ..Faults::default() };
    assert!(noticed(World::forgetful, &faults, |found| matches!(found, Violation::TwoInstances(_))));
}

#[test]
fn a_launch_without_intent_is_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Write(Write::ChangeClaim(change)) => {
                let mut change = change.clone();
                change.annotations.remove(windlass::cluster::claim::LAUNCH);
                vec![Effect::Write(Write::ChangeClaim(change))]
            }
            other => vec![other.clone()],
        })
    };
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::NoIntent(_))));
}

#[test]
fn the_end_of_a_foreign_instance_is_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Terminate(_, proof) => vec![Effect::Terminate(InstanceId::new("i-foreign"), proof.clone())],
            other => vec![other.clone()],
        })
    };
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::ForeignKill(_))));
}

#[test]
fn pods_deleted_past_the_eviction_api_are_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Write(Write::Evict(pod)) => vec![Effect::Write(Write::DeletePod(pod.clone(), Duration::ZERO))],
            other => vec![other.clone()],
        })
    };
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::PastBudget(_))));
}

#[test]
fn an_instance_that_is_never_terminated_is_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Terminate(..) => Vec::new(),
            other => vec![other.clone()],
        })
    };
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::Leak(_))));
}

#[test]
fn writes_that_never_end_are_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Describe => {
                let nobody = Target { name: "nobody".to_owned(), uid: Uid::new("nobody"), version: None };
                vec![Effect::Describe, Effect::Write(Write::DeleteClaim(nobody))]
            }
            other => vec![other.clone()],
        })
    };
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::Restless(_))));
}

#[test]
fn nodes_that_go_too_early_are_noticed() {
    let plant = |world: World| world.misread(|pool| pool.spec.disruption.consolidate_after = "0s".to_owned());
    assert!(noticed(plant, &Faults::default(), |found| matches!(found, Violation::TooEarly(_))));
}

/// Every claim gets a second one under another name.
fn twinned(world: World) -> World {
    world.tampered(|effect| match effect {
        Effect::Write(Write::CreateClaim(object)) => {
            let mut twin = object.clone();
            twin.metadata.name = twin.metadata.name.map(|name| format!("{name}-twin"));
            vec![effect.clone(), Effect::Write(Write::CreateClaim(twin))]
        }
        other => vec![other.clone()],
    })
}

/// No claim is ever created.
fn barren(world: World) -> World {
    world.tampered(|effect| match effect {
        Effect::Write(Write::CreateClaim(_)) => Vec::new(),
        other => vec![other.clone()],
    })
}

#[test]
fn pods_that_are_bought_for_twice_are_noticed() {
    assert!(noticed(twinned, &Faults::default(), |found| matches!(found, Violation::BoughtTwice(_))));
}

#[test]
fn pods_that_are_left_waiting_are_noticed() {
    assert!(noticed(barren, &Faults::default(), |found| matches!(found, Violation::Stranded(_))));
}

#[test]
fn a_static_pool_with_too_many_claims_is_noticed() {
    let too_many = |found: &Violation| matches!(found, Violation::Replicas(what) if what.contains("instead"));
    assert!(noticed_in(Scenario::standing, twinned, &Faults::default(), too_many));
}

#[test]
fn a_static_pool_with_too_many_instances_is_noticed() {
    let plant = |world: World| world.misread(|pool| pool.spec.replicas = Some(9));
    let faults = Faults { second_leader: true, ..Faults::default() };
    let too_many = |found: &Violation| matches!(found, Violation::Replicas(what) if what.contains("instead"));
    assert!(noticed_in(Scenario::standing, plant, &faults, too_many));
}

#[test]
fn a_static_pool_that_lacks_nodes_in_the_end_is_noticed() {
    let too_few = |found: &Violation| matches!(found, Violation::Replicas(what) if what.contains("in the end"));
    assert!(noticed_in(Scenario::standing, barren, &Faults::default(), too_few));
}

#[test]
fn a_static_pool_that_does_not_shrink_is_noticed() {
    let plant = |world: World| {
        world.tampered(|effect| match effect {
            Effect::Write(Write::DeleteClaim(_)) => Vec::new(),
            other => vec![other.clone()],
        })
    };
    let too_many = |found: &Violation| matches!(found, Violation::Replicas(what) if what.contains("in the end"));
    assert!(noticed_in(Scenario::standing, plant, &Faults::default(), too_many));
}

#[test]
fn nodes_of_a_static_pool_that_go_because_they_are_empty_are_noticed() {
    let plant = |world: World| world.misread(|pool| pool.spec.replicas = None);
    assert!(noticed_in(Scenario::standing, plant, &Faults::default(), |found| matches!(found, Violation::TooEarly(_))));
}
