use super::super::Effort;
use super::*;

fn meter() -> Meter<'static> {
    Meter::new(&Effort { steps: 1_000_000, seed: 0, cancelled: None })
}

#[test]
fn solves_a_covering_program_known_by_hand() {
    // Cover 40 and 30 with columns (2, 1) at 3, (1, 2) at 3, (1, 0) at 2: 50/3 of the first, 20/3 of the second, 70 in all.
    let mut program = Simplex::new(&[40.0, 30.0], &[9.0, 9.0]);
    program.add(vec![(0, 2.0), (1, 1.0)], 3.0);
    program.add(vec![(0, 1.0), (1, 2.0)], 3.0);
    program.add(vec![(0, 1.0)], 2.0);
    assert!(program.solve(&mut meter()));
    assert!((program.value() - 70.0).abs() < 1e-6);
    assert!(program.dual().iter().all(|price| (price - 1.0).abs() < 1e-9));
    let (units, added) = program.levels();
    assert!(units.is_empty());
    let near = |(column, level): &(usize, f64)| {
        [(0, 50.0 / 3.0), (1, 20.0 / 3.0)].iter().any(|(c, l)| c == column && (l - level).abs() < 1e-6)
    };
    assert!(added.len() == 2 && added.iter().all(near), "{added:?}");
}

#[test]
fn over_coverage_makes_a_row_free() {
    let mut program = Simplex::new(&[10.0, 1.0], &[5.0, 5.0]);
    program.add(vec![(0, 1.0), (1, 1.0)], 2.0);
    assert!(program.solve(&mut meter()));
    assert!((program.value() - 20.0).abs() < 1e-6);
    assert!(program.dual()[1].abs() < 1e-9);
}

#[test]
fn columns_join_a_running_program() {
    let mut program = Simplex::new(&[7.0], &[1.0]);
    assert!(program.solve(&mut meter()));
    assert!((program.value() - 7.0).abs() < 1e-9);
    program.add(vec![(0, 7.0)], 2.0);
    assert!(program.solve(&mut meter()));
    assert!((program.value() - 2.0).abs() < 1e-9);
}

/// Strong duality on random programs large enough for several rebuilds of the inverse.
#[test]
fn prices_and_levels_agree_and_no_column_is_worth_more_than_it_costs() {
    let mut random = super::super::random::SplitMix64::new(11);
    let rows = 30;
    let demand: Vec<f64> = (0..rows).map(|_| 1.0 + random.below(90) as f64).collect();
    let mut program = Simplex::new(&demand, &vec![100.0; rows]);
    let mut columns = Vec::new();
    for _ in 0..900 {
        let mut entries: Vec<(u32, f64)> = (0..rows as u32).map(|row| (row, random.below(9) as f64 - 5.0)).collect();
        entries.retain(|(_, entry)| *entry > 0.0);
        let cost = entries.iter().map(|(_, entry)| entry * (5.0 + 10.0 * random.fraction())).sum::<f64>() + 1.0;
        program.add(entries.clone(), cost);
        columns.push((entries, cost));
    }
    assert!(program.solve(&mut meter()));
    for (entries, cost) in &columns {
        let worth: f64 = entries.iter().map(|(row, entry)| program.dual()[*row as usize] * entry).sum();
        assert!(worth <= cost * (1.0 + 1e-6) + 1e-6);
    }
    let (units, added) = program.levels();
    let paid: f64 = added.iter().map(|(column, level)| columns[*column].1 * level).sum::<f64>()
        + units.iter().map(|(_, level)| 100.0 * level).sum::<f64>();
    assert!((paid - program.value()).abs() < 1e-4 * paid, "{paid} against {}", program.value());
}
