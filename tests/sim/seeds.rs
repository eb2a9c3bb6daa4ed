//! Stories drawn from seeds, with every kind of fault.

use windlass::sim::{Faults, Outcome, Scenario, World};

fn tell(seed: u64) -> Outcome {
    World::new(Scenario::random(seed)).run()
}

fn all_hold(seeds: std::ops::Range<u64>) {
    let (mut launched, mut bound) = (0, 0);
    for seed in seeds {
        let outcome = tell(seed);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
        (launched, bound) = (launched + outcome.launched, bound + outcome.bound);
    }
    assert!(launched > 200 && bound > 100, "the stories must be about something: {launched} machines, {bound} pods");
}

#[test]
fn nothing_forbidden_happens_first_quarter() {
    all_hold(0..500);
}

#[test]
fn nothing_forbidden_happens_second_quarter() {
    all_hold(500..1000);
}

#[test]
fn nothing_forbidden_happens_third_quarter() {
    all_hold(1000..1500);
}

#[test]
fn nothing_forbidden_happens_last_quarter() {
    all_hold(1500..2000);
}

#[test]
fn without_faults_every_pod_gets_its_place() {
    for seed in 0..200 {
        let outcome = World::new(Scenario::random(seed).with_faults(Faults::default())).run();
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
    }
}

#[test]
fn equal_seeds_tell_equal_stories() {
    for seed in 0..20 {
        assert_eq!(tell(seed), tell(seed), "seed {seed}");
    }
    assert_ne!(tell(1).digest, tell(2).digest);
}
