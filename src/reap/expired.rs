//! Nodes that are old enough to go.

use crate::cluster::Claim;
use crate::provision::digest::digest;
use crate::time::Time;
use std::time::Duration;

/// When the claim expires: `expireAfter` after it was made, less a share of that time of at most `jitter_percent` that is drawn from its
/// uid, so that nodes that were made together do not go together. Never for `Never`. Budgets do not apply (Karpenter).
pub fn expires(claim: &Claim, jitter_percent: u32) -> Option<Time> {
    let life = claim.expire_after?;
    // A share in thousandths.
    let drawn = digest([claim.uid.as_str()], 5).bytes().fold(0_u128, |sum, letter| (sum * 31 + u128::from(letter)) % 1000);
    let less = life.as_millis() * drawn * u128::from(jitter_percent.min(100)) / 100_000;
    let less = Duration::from_millis(u64::try_from(less).unwrap_or(u64::MAX));
    Some(claim.created.plus(life.saturating_sub(less)))
}

#[cfg(test)]
mod tests {
    use super::expires;
    use crate::cluster::Uid;
    use crate::fixture::claim;
    use std::time::Duration;

    #[test]
    fn expires_at_its_age_and_never_if_it_says_so() {
        let mut claim = claim("a");
        claim.expire_after = None;
        assert_eq!(expires(&claim, 0), None);
        claim.expire_after = Some(Duration::from_hours(720));
        assert_eq!(expires(&claim, 0), Some(claim.created.plus(Duration::from_hours(720))));
        claim.expire_after = Some(Duration::ZERO);
        assert_eq!(expires(&claim, 50), Some(claim.created));
    }

    #[test]
    fn jitter_spreads_claims_and_only_shortens() {
        let mut claim = claim("a");
        claim.expire_after = Some(Duration::from_secs(1000));
        let ends: std::collections::BTreeSet<_> = (0..50)
            .map(|index| {
                claim.uid = Uid::new(format!("uid-{index}"));
                expires(&claim, 10).unwrap()
            })
            .collect();
        assert!(ends.len() > 30, "{ends:?}");
        let (first, last) = (claim.created.plus(Duration::from_mins(15)), claim.created.plus(Duration::from_secs(1000)));
        assert!(ends.iter().all(|end| (first..=last).contains(end)), "{ends:?}");
    }
}
