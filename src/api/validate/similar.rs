//! "Did you mean": the known word that is closest to an unknown one.

/// The closest candidate, if it is close enough to be a slip: case aside, at most a third of the letters differ.
pub(super) fn to<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let scored = candidates.map(|candidate| (distance(&word, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate));
    scored.min().filter(|(distance, _)| *distance <= length.div_ceil(3)).map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that lead from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, b) in to.iter().enumerate() {
            let above = row[j + 1];
            let next = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            row[j] = left;
            (diagonal, left) = (above, next);
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, to};

    #[test]
    fn finds_slips_but_not_strangers() {
        let known = ["consolidateAfter", "consolidationPolicy", "budgets"];
        assert_eq!(to("consolidateafter", known.into_iter()), Some("consolidateAfter"));
        assert_eq!(to("budget", known.into_iter()), Some("budgets"));
        assert_eq!(to("ttlSecondsAfterEmpty", known.into_iter()), None);
        assert_eq!(to("", known.into_iter()), None);
    }

    #[test]
    fn counts_edits() {
        let count = |a: &str, b: &str| distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(count("kitten", "sitting"), 3);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("abc", ""), 3);
        assert_eq!(count("same", "same"), 0);
    }
}
