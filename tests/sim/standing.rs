//! Stories of static pools: they are asked for more nodes and for fewer, and have exactly so many in the end.

use windlass::sim::{Crash, Faults, Moment, Scenario, World};

#[test]
fn a_static_pool_has_what_it_asks_for_and_never_more() {
    let mut launched = 0;
    for seed in 0..250 {
        let outcome = World::new(Scenario::standing(seed)).run();
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
        launched += outcome.launched;
    }
    assert!(launched > 500, "the stories must be about something: {launched} machines");
}

#[test]
fn a_static_pool_in_a_world_without_faults() {
    for seed in 0..60 {
        let outcome = World::new(Scenario::standing(seed).with_faults(Faults::default())).run();
        assert!(outcome.violations.is_empty(), "seed {seed}: {:?}", outcome.violations);
    }
}

#[test]
fn a_crash_at_any_effect_gives_a_static_pool_no_node_twice() {
    let mut crashes = 0;
    for seed in 0..3 {
        let quiet = World::new(Scenario::standing(seed).with_faults(Faults::default())).run();
        for effect in 0..quiet.effects {
            for moment in [Moment::Before, Moment::After] {
                let faults = Faults { crash: Some(Crash { effect, moment }), ..Faults::default() };
                let outcome = World::new(Scenario::standing(seed).with_faults(faults)).run();
                assert!(outcome.violations.is_empty(), "seed {seed}, {moment:?} effect {effect}: {:?}", outcome.violations);
                crashes += 1;
            }
        }
    }
    assert!(crashes > 200, "{crashes}");
}
