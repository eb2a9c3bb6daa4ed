use super::random::SplitMix64;
use super::*;
use fixedbitset::FixedBitSet;

fn amount(random: &mut SplitMix64, end: usize) -> i64 {
    i64::try_from(random.below(end)).unwrap()
}

fn open(classes: usize) -> FixedBitSet {
    let mut all = FixedBitSet::with_capacity(classes);
    all.insert_range(..);
    all
}

fn problem(classes: &[(&[i64], u32)], bins: &[(&[i64], i64)]) -> Problem {
    Problem {
        width: classes[0].0.len(),
        classes: classes
            .iter()
            .map(|(size, demand)| Class { size: size.to_vec(), demand: *demand, together: u32::MAX })
            .collect(),
        bins: bins
            .iter()
            .map(|(capacity, price)| Bin { capacity: capacity.to_vec(), price: *price, allowed: open(classes.len()) })
            .collect(),
    }
}

fn solve(problem: &Problem, steps: u64) -> Solution {
    minimise(problem, &[], &Effort { steps, seed: 7, cancelled: None }).unwrap()
}

/// Random problems in which every class fits some bin; `pods` bounds the demand of a class.
fn random(random: &mut SplitMix64, classes: usize, pods: usize, bins: usize) -> Problem {
    let width = 1 + random.below(3);
    let mut problem = Problem { width, classes: Vec::new(), bins: Vec::new() };
    for _ in 0..classes {
        let size = (0..width).map(|_| amount(random, 40)).collect();
        let demand = random.below(pods + 1) as u32;
        let together = if random.below(4) == 0 { 1 + random.below(3) as u32 } else { u32::MAX };
        problem.classes.push(Class { size, demand, together });
    }
    for bin in 0..bins {
        let mut allowed = FixedBitSet::with_capacity(classes);
        for class in 0..classes {
            allowed.set(class, bin == 0 || random.below(4) > 0);
        }
        let capacity: Vec<i64> = (0..width).map(|_| if bin == 0 { 60 } else { 20 + amount(random, 120) }).collect();
        let price = capacity.iter().map(|room| room * 60).sum::<i64>() + amount(random, 2_000);
        problem.bins.push(Bin { capacity, price, allowed });
    }
    problem
}

/// The same problem with a dimension of its own for each class that may not share a bin at will.
fn widened(problem: &Problem) -> Problem {
    let mut wide = problem.clone();
    for (index, class) in problem.classes.iter().enumerate().filter(|(_, class)| class.together < u32::MAX) {
        wide.width += 1;
        wide.classes.iter_mut().enumerate().for_each(|(other, class)| class.size.push(i64::from(other == index)));
        wide.bins.iter_mut().for_each(|bin| bin.capacity.push(i64::from(class.together)));
        wide.classes[index].together = u32::MAX;
    }
    wide
}

/// The least cost by trying every placement of pods one after another. Pods of a class stand together, and a bin kind is bought only
/// when a pod opens it.
fn by_force(problem: &Problem) -> i64 {
    fn place(problem: &Problem, pods: &[usize], bins: &mut Vec<(usize, Vec<i64>)>, spent: i64, best: &mut i64) {
        let Some((class, rest)) = pods.split_first() else {
            *best = spent.min(*best);
            return;
        };
        let size = &problem.classes[*class].size;
        let mut seen = Vec::new();
        for at in 0..bins.len() {
            let fits = problem.bins[bins[at].0].allowed.contains(*class)
                && size.iter().zip(&bins[at].1).all(|(need, room)| need <= room);
            if fits && !seen.contains(&bins[at]) {
                seen.push(bins[at].clone());
                bins[at].1.iter_mut().zip(size).for_each(|(room, need)| *room -= need);
                place(problem, rest, bins, spent, best);
                bins[at].1.iter_mut().zip(size).for_each(|(room, need)| *room += need);
            }
        }
        for (number, bin) in problem.bins.iter().enumerate() {
            let fits = bin.allowed.contains(*class) && size.iter().zip(&bin.capacity).all(|(need, room)| need <= room);
            if fits && spent + bin.price < *best {
                bins.push((number, bin.capacity.iter().zip(size).map(|(room, need)| room - need).collect()));
                place(problem, rest, bins, spent + bin.price, best);
                bins.pop();
            }
        }
    }
    let pods: Vec<usize> =
        problem.classes.iter().enumerate().flat_map(|(class, c)| std::iter::repeat_n(class, c.demand as usize)).collect();
    let problem = &widened(problem);
    let mut best = i64::MAX;
    place(problem, &pods, &mut Vec::new(), 0, &mut best);
    best
}

#[test]
fn tiny_problems_are_solved_to_the_optimum() {
    let mut source = SplitMix64::new(1);
    for _ in 0..150 {
        let problem = random(&mut source, 3, 2, 4);
        let solution = solve(&problem, 1_000_000);
        let optimum = by_force(&problem);
        assert_eq!(solution.cost, optimum, "{problem:?}");
        assert_eq!(solution.lower_bound, optimum);
        assert_eq!(problem.cost_of(&solution.patterns), Ok(optimum));
    }
}

/// The same tiny problems through the linear program, with the exact method out of the way.
#[test]
fn certified_bounds_never_exceed_the_optimum() {
    let mut source = SplitMix64::new(2);
    for _ in 0..400 {
        let problem = random(&mut source, 3, 2, 4);
        let optimum = by_force(&problem);
        let mut total = 0;
        for (classes, bins) in component::components(&problem) {
            let instance = instance::Instance::new(&problem, &classes, &bins);
            let mut meter = Meter::new(&Effort { steps: 1_000_000, seed: 0, cancelled: None });
            let hint = bound::resource_prices(&instance, &mut meter);
            let values = bound::priced(&instance, &hint);
            let by_resources = bound::certify(&instance, &values, &hint, 0, &mut meter);
            let pace = column::Pace { rounds: 50, depth: knapsack::Depth { nodes: 1_000, slack: 0.0 }, gap: 0.0, bins: 40 };
            let mix = column::generate(&instance, &[], &hint, pace, &mut meter);
            let by_classes = bound::certify(&instance, &mix.dual, &hint, 1_000, &mut meter);
            // Any prices give a valid bound, sensible or not.
            let wild: Vec<f64> = (0..instance.classes()).map(|_| source.fraction() * 5_000.0).collect();
            let by_chance = bound::certify(&instance, &wild, &hint, 1_000, &mut meter);
            total += by_resources.max(by_classes).max(by_chance);
        }
        assert!(total <= optimum, "{total} > {optimum}: {problem:?}");
    }
}

#[test]
fn larger_problems_are_feasible_within_their_bound_and_repeatable() {
    let mut source = SplitMix64::new(3);
    for round in 0..6 {
        let problem = random(&mut source, 12, 60, 8);
        let first = solve(&problem, 15_000);
        assert_eq!(problem.cost_of(&first.patterns), Ok(first.cost), "round {round}");
        assert!(first.lower_bound <= first.cost);
        assert!(first.lower_bound > 0);
        assert_eq!(first, solve(&problem, 15_000));
    }
}

/// Three places with the same bins, or with dearer ones in the first. Of each of six sizes, a class for each place and one for all.
fn in_places(random: &mut SplitMix64, pods: usize, dearer: i64) -> Problem {
    let mut problem = Problem { width: 2, classes: Vec::new(), bins: Vec::new() };
    for _ in 0..6 {
        let size = vec![1 + amount(random, 30), 1 + amount(random, 30)];
        for _ in 0..4 {
            problem.classes.push(Class { size: size.clone(), demand: random.below(pods) as u32, together: u32::MAX });
        }
    }
    for place in 0..3 {
        for room in [40, 75, 110, 160] {
            let allowed = (0..problem.classes.len()).filter(|class| class % 4 == place || class % 4 == 3).collect();
            let price = 100 + room * 60 + if place == 0 { dearer } else { 0 };
            problem.bins.push(Bin { capacity: vec![room, room + 10], price, allowed });
        }
    }
    problem
}

#[test]
fn places_that_are_alike_cost_little_more_than_one() {
    let mut source = SplitMix64::new(8);
    for dearer in [0, 0, 0, 37] {
        let problem = in_places(&mut source, 60, dearer);
        let (quick, slow) = (solve(&problem, 0), solve(&problem, 20_000));
        for solution in [&quick, &slow] {
            assert_eq!(problem.cost_of(&solution.patterns), Ok(solution.cost));
            assert!(solution.lower_bound <= slow.cost);
        }
        assert!(slow.cost <= quick.cost && slow.cost * 100 <= slow.lower_bound * 104, "{} {}", slow.cost, slow.lower_bound);
        // Nobody is worse off where all bins are open to everyone.
        let mut anywhere = problem.clone();
        anywhere.bins.iter_mut().for_each(|bin| bin.allowed = open(problem.classes.len()));
        assert!(solve(&anywhere, 20_000).lower_bound <= slow.cost);
    }
}

#[test]
fn classes_that_no_bin_tells_apart_are_one() {
    let mut source = SplitMix64::new(9);
    for _ in 0..5 {
        let mut problem = random(&mut source, 6, 20, 5);
        let single = solve(&problem, 5_000);
        // Each class twice, with a part of its demand.
        let classes = problem.classes.clone();
        for (index, class) in classes.iter().enumerate() {
            let part = class.demand / 3;
            problem.classes[index].demand -= part;
            problem.classes.push(Class { demand: part, ..class.clone() });
            if class.together < u32::MAX {
                problem.classes[index].demand += part;
                problem.classes[classes.len() + index].demand = 0;
            }
        }
        for bin in &mut problem.bins {
            let allowed = bin.allowed.clone();
            bin.allowed = (0..2 * classes.len()).filter(|class| allowed.contains(class % classes.len())).collect();
            bin.allowed.grow(2 * classes.len());
        }
        let double = solve(&problem, 5_000);
        assert_eq!((double.cost, double.lower_bound), (single.cost, single.lower_bound));
        assert_eq!(problem.cost_of(&double.patterns), Ok(double.cost));
    }
}

#[test]
fn a_larger_budget_never_costs_more_than_an_incumbent() {
    let mut source = SplitMix64::new(4);
    for _ in 0..10 {
        let problem = random(&mut source, 10, 40, 6);
        let good = solve(&problem, 10_000);
        for steps in [0, 1, 50, 2_000] {
            let effort = Effort { steps, seed: 0, cancelled: None };
            let again = minimise(&problem, &good.patterns, &effort).unwrap();
            assert!(again.cost <= good.cost);
            assert_eq!(problem.cost_of(&again.patterns), Ok(again.cost));
        }
    }
}

#[test]
fn cancelling_gives_a_complete_solution_marked_as_cut() {
    let problem = random(&mut SplitMix64::new(5), 40, 80, 10);
    let effort = Effort { steps: 10_000_000, seed: 0, cancelled: Some(&|| true) };
    let solution = minimise(&problem, &[], &effort).unwrap();
    assert!(solution.cut);
    assert_eq!(problem.cost_of(&solution.patterns), Ok(solution.cost));
    assert!(solution.lower_bound <= solution.cost);
}

#[test]
fn pairs_what_a_cheapest_first_choice_would_part() {
    // A processor-heavy and a memory-heavy shape fill a bin together; alone, each wastes most of one.
    let problem = problem(&[(&[9, 1], 500), (&[1, 9], 500)], &[(&[10, 10], 1_000), (&[9, 1], 950), (&[1, 9], 950)]);
    let solution = solve(&problem, 100_000);
    assert_eq!(solution.cost, 500_000);
    assert_eq!(solution.lower_bound, 500_000);
    assert_eq!(solution.patterns, [Pattern { bin: 0, counts: vec![(0, 1), (1, 1)], uses: 500 }]);
}

#[test]
fn an_exclusive_dimension_forces_bins_of_their_own() {
    let problem = problem(&[(&[1, 1], 30), (&[1, 0], 30)], &[(&[4, 1], 400), (&[2, 1], 210)]);
    let solution = solve(&problem, 200_000);
    // Thirty bins at least; two units in each are enough for all sixty pods.
    assert_eq!(solution.cost, 30 * 210);
    assert!(solution.patterns.iter().all(|pattern| pattern.counts.iter().all(|(class, count)| *class != 0 || *count == 1)));
}

#[test]
fn classes_without_demand_or_size_cause_no_trouble() {
    let problem = problem(&[(&[0, 0], 7), (&[5, 0], 0), (&[3, 0], 2)], &[(&[6, 0], 100)]);
    let solution = solve(&problem, 10_000);
    assert_eq!(problem.cost_of(&solution.patterns), Ok(100));
    let empty = Problem { width: 1, classes: Vec::new(), bins: Vec::new() };
    assert_eq!(solve(&empty, 10).cost, 0);
}

#[test]
fn free_bins_are_used_and_prove_nothing() {
    let problem = problem(&[(&[5], 900), (&[3], 900)], &[(&[10], 0), (&[100], 50)]);
    let solution = solve(&problem, 50_000);
    assert_eq!(solution.cost, 0);
    assert_eq!(solution.lower_bound, 0);
}

#[test]
fn amounts_at_the_end_of_the_range_do_not_overflow() {
    let big = i64::MAX / 4;
    let problem = problem(&[(&[big, 3], 3), (&[big / 2, 1], 50)], &[(&[i64::MAX, 10], i64::MAX / 1_000), (&[big, 3], 5)]);
    let solution = solve(&problem, 50_000);
    assert_eq!(problem.cost_of(&solution.patterns), Ok(solution.cost));
    assert!(solution.lower_bound <= solution.cost);
}

#[test]
fn many_shapes_go_without_the_linear_program() {
    let mut source = SplitMix64::new(6);
    let mut problem = Problem { width: 2, classes: Vec::new(), bins: Vec::new() };
    for _ in 0..400 {
        problem.classes.push(Class {
            size: vec![1 + amount(&mut source, 900), 1 + amount(&mut source, 900)],
            demand: 1,
            together: u32::MAX,
        });
    }
    for bin in 1..9_i64 {
        problem.bins.push(Bin { capacity: vec![1_000 * bin, 1_000 * bin], price: 1_000 * bin + 10, allowed: open(400) });
    }
    let solution = solve(&problem, 12_000);
    assert_eq!(problem.cost_of(&solution.patterns), Ok(solution.cost));
    assert_eq!(solution.bound, Bound::ResourcePrices);
    assert!(solution.cost as f64 <= solution.lower_bound as f64 * 1.1, "{} against {}", solution.cost, solution.lower_bound);
    assert_eq!(solution, solve(&problem, 12_000));
}

#[test]
fn malformed_problems_are_refused_with_the_object_named() {
    let good = problem(&[(&[1], 2)], &[(&[4], 10)]);
    let effort = Effort { steps: 10, seed: 0, cancelled: None };
    let mut wide = good.clone();
    wide.classes[0].size.push(1);
    assert_eq!(minimise(&wide, &[], &effort), Err(ProblemError::Width { what: "class", index: 0, found: 2, width: 1 }));
    let mut negative = good.clone();
    negative.bins[0].price = -1;
    assert_eq!(minimise(&negative, &[], &effort), Err(ProblemError::Negative { what: "bin", index: 0 }));
    let mut huge = good.clone();
    huge.classes[0].size[0] = 5;
    assert_eq!(minimise(&huge, &[], &effort), Err(ProblemError::Unplaceable { class: 0 }));
    let overfull = [Pattern { bin: 0, counts: vec![(0, 5)], uses: 1 }];
    assert!(matches!(minimise(&good, &overfull, &effort), Err(ProblemError::Incumbent { pattern: 0, .. })));
    let short = [Pattern { bin: 0, counts: vec![(0, 1)], uses: 1 }];
    assert!(matches!(minimise(&good, &short, &effort), Err(ProblemError::Incumbent { pattern: 1, .. })));
}

#[test]
fn parts_that_share_no_bin_are_solved_apart() {
    let mut both = problem(&[(&[3], 40), (&[4], 40)], &[(&[9], 30), (&[8], 31)]);
    both.bins[0].allowed.set(1, false);
    both.bins[1].allowed.set(0, false);
    assert_eq!(component::components(&both), [(vec![0], vec![0]), (vec![1], vec![1])]);
    let solution = solve(&both, 10_000);
    assert_eq!(solution.cost, 14 * 30 + 20 * 31);
}
