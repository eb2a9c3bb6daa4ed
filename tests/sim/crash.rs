//! Every effect of some stories, with the controller killed before it is carried out and after.

use windlass::sim::{Crash, Faults, Moment, Scenario, World};

fn survives_every_crash(seeds: std::ops::Range<u64>) {
    let mut crashes = 0;
    for seed in seeds {
        let quiet = World::new(Scenario::random(seed).with_faults(Faults::default())).run();
        assert!(quiet.violations.is_empty(), "seed {seed}: {:?}", quiet.violations);
        for effect in 0..quiet.effects {
            for moment in [Moment::Before, Moment::After] {
                let faults = Faults { crash: Some(Crash { effect, moment }), ..Faults::default() };
                let outcome = World::new(Scenario::random(seed).with_faults(faults)).run();
                assert!(outcome.violations.is_empty(), "seed {seed}, {moment:?} effect {effect}: {:?}", outcome.violations);
                crashes += 1;
            }
        }
    }
    assert!(crashes > 400, "{crashes}");
}

#[test]
fn a_crash_at_any_effect_does_no_harm_first_half() {
    survives_every_crash(0..5);
}

#[test]
fn a_crash_at_any_effect_does_no_harm_second_half() {
    survives_every_crash(5..10);
}
