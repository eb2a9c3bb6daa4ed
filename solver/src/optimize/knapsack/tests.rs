use super::super::random::SplitMix64;
use super::super::{Bin, Class, Problem};
use super::*;
use crate::optimize::bound::branch::{Until, branch};
use crate::optimize::meter::Meter;
use fixedbitset::FixedBitSet;

fn amount(random: &mut SplitMix64, end: usize) -> i64 {
    i64::try_from(random.below(end)).unwrap()
}

fn instance(random: &mut SplitMix64) -> Instance {
    let (classes, width) = (2 + random.below(4), 1 + random.below(3));
    let mut allowed = FixedBitSet::with_capacity(classes);
    allowed.insert_range(..);
    let shape = |random: &mut SplitMix64| Class {
        size: (0..width).map(|_| 1 + amount(random, 12)).collect(),
        demand: 1 + random.below(4) as u32,
        together: u32::MAX,
    };
    let problem = Problem {
        width,
        classes: (0..classes).map(|_| shape(random)).collect(),
        bins: vec![Bin { capacity: (0..width).map(|_| 12 + amount(random, 20)).collect(), price: 1_000, allowed }],
    };
    Instance::new(&problem, &(0..classes).collect::<Vec<_>>(), &[0])
}

/// The most valuable filling by trying all.
fn by_force(instance: &Instance, values: &[f64], class: usize, room: &[i64]) -> f64 {
    if class == instance.classes() {
        return 0.0;
    }
    let mut best = f64::MIN;
    let mut room = room.to_vec();
    for count in 0..=instance.most(0)[class] {
        if room.iter().any(|left| *left < 0) {
            break;
        }
        best = best.max(f64::from(count) * values[class] + by_force(instance, values, class + 1, &room));
        room.iter_mut().zip(instance.size(class)).for_each(|(left, size)| *left -= size);
    }
    best
}

#[test]
fn bounds_hold_and_complete_searches_find_the_best() {
    let mut random = SplitMix64::new(21);
    for _ in 0..500 {
        let instance = instance(&mut random);
        let values: Vec<f64> = (0..instance.classes()).map(|_| 1.0 + random.below(400) as f64).collect();
        let best = by_force(&instance, &values, 0, instance.capacity(0));
        let relaxed = relax(&instance, 0, &values);
        assert!(relaxed.bound >= best - 1e-6, "{} < {best}", relaxed.bound);
        // The relaxation is solved: its own solution is worth what its prices prove.
        let own: f64 = relaxed.amounts.iter().map(|(class, amount)| values[*class as usize] * amount).sum();
        assert!((own - relaxed.bound).abs() < 1e-6 * own, "{own} against {}", relaxed.bound);
        let depth = Depth { nodes: 100_000, slack: 0.0 };
        let (filled, _) = fill(&instance, 0, &values, &relaxed, depth, 0.0);
        assert!((filled.value - best).abs() < best * 2e-4, "{} against {best}", filled.value);
        assert!(super::super::instance::fits(&instance.usage(&filled.counts), instance.capacity(0)));
        let fine = Fine::of(&instance);
        let prices: Vec<i64> = values.iter().map(|value| fine.down(*value)).collect();
        let goal = Goal { above: 0, slack: 0, nodes: 100_000 };
        let found = best_filling(&instance, 0, &prices, &relaxed.prices, goal);
        assert!(found.complete);
        assert_eq!(found.best, fine.down(best));
        // Whoever is content with less still says how far it is from the best.
        for slack in [best * 0.02, best * 0.2] {
            let depth = Depth { nodes: 100_000, slack: slack / instance.cost(0) };
            let (filled, _) = fill(&instance, 0, &values, &relaxed, depth, 0.0);
            assert!(filled.value <= best && best <= filled.value + slack + 1e-6);
            assert!(filled.ceiling.is_none_or(|ceiling| ceiling >= best - 1e-6), "{:?} < {best}", filled.ceiling);
            let found = best_filling(&instance, 0, &prices, &relaxed.prices, Goal { slack: fine.down(slack), ..goal });
            assert!(found.complete && found.best <= fine.down(best) && fine.down(best) <= found.best + fine.down(slack));
        }
    }
}

#[test]
fn branching_on_fractions_ends_at_the_best_and_may_end_before() {
    let mut random = SplitMix64::new(23);
    let mut meter = Meter::unlimited();
    for _ in 0..300 {
        let instance = instance(&mut random);
        let values: Vec<f64> = (0..instance.classes()).map(|_| 1.0 + random.below(400) as f64).collect();
        let fine = Fine::of(&instance);
        let prices: Vec<i64> = values.iter().map(|value| fine.down(*value)).collect();
        let best = i128::from(fine.down(by_force(&instance, &values, 0, instance.capacity(0))));
        let mut last = i128::MAX;
        for programs in [1, 3, 20, 10_000] {
            let until = Until { enough: 0, slack: 0, programs };
            let found = branch(&instance, 0, &prices, fine, until, &mut meter).unwrap();
            assert!(found.worth <= best && best <= found.ceiling && found.ceiling <= last, "{found:?} {best}");
            assert!(super::super::instance::fits(&instance.usage(&found.counts), instance.capacity(0)));
            let worth: i128 =
                found.counts.iter().map(|(class, count)| i128::from(prices[*class as usize]) * i128::from(*count)).sum();
            assert_eq!(worth, found.worth);
            last = found.ceiling;
        }
        // What proves it is computed in floating point and rounded up.
        assert!(last - best <= best / 1_000_000 + 8, "{last} {best}");
    }
}

#[test]
fn a_search_cut_short_claims_nothing() {
    let mut random = SplitMix64::new(22);
    let instance = instance(&mut random);
    let values = vec![1_000_i64; instance.classes()];
    let found = best_filling(&instance, 0, &values, &vec![1.0; instance.width], Goal { above: 0, slack: 0, nodes: 0 });
    assert!(!found.complete);
}
