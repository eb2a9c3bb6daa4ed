//! What EC2 had no capacity for lately, so that it is not asked again at once.

use crate::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;
use windlass_solver::{CapacityType, InstanceTypeName, Zone};

/// How long an offering is left alone after the first refusal (Karpenter's unavailable-offerings cache).
const FIRST: Duration = Duration::from_mins(3);
/// The longest time that repeated refusals add up to.
const LONGEST: Duration = Duration::from_hours(1);

/// An instance type in a zone, bought in one way.
pub type OfferingKey = (InstanceTypeName, Zone, CapacityType);

/// Offerings without capacity, each with the time until which it is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scarcity {
    empty: BTreeMap<OfferingKey, Refused>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    until: Time,
    times: u32,
}

impl Scarcity {
    /// EC2 had none. Each refusal after the time has run out doubles it, up to an hour; refusals before are the same event.
    pub fn refused(&mut self, offering: OfferingKey, now: Time) {
        let known = self.empty.entry(offering).or_insert(Refused { until: now, times: 0 });
        if known.until <= now {
            let wait = FIRST.saturating_mul(1 << known.times.min(10)).min(LONGEST);
            *known = Refused { until: now.plus(wait), times: known.times.saturating_add(1) };
        }
    }

    /// EC2 had some.
    pub fn launched(&mut self, offering: &OfferingKey) {
        self.empty.remove(offering);
    }

    /// Whether the offering is to be left alone.
    pub fn is_scarce(&self, offering: &OfferingKey, now: Time) -> bool {
        self.empty.get(offering).is_some_and(|known| now < known.until)
    }

    /// All offerings that are to be left alone.
    pub fn scarce(&self, now: Time) -> impl Iterator<Item = &OfferingKey> {
        self.empty.iter().filter(move |(_, known)| now < known.until).map(|(offering, _)| offering)
    }

    /// When the next one may be asked for again.
    pub fn next_end(&self, now: Time) -> Option<Time> {
        self.empty.values().map(|known| known.until).filter(|until| now < *until).min()
    }

    /// Forgets offerings that have been left in peace for as long as the longest wait.
    pub fn forget(&mut self, now: Time) {
        self.empty.retain(|_, known| now < known.until.plus(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::{OfferingKey, Scarcity};
    use crate::time::Time;
    use std::time::Duration;
    use windlass_solver::{CapacityType, InstanceTypeName, Zone};

    fn offering() -> OfferingKey {
        (InstanceTypeName::from("m5.large"), Zone::from("a"), CapacityType::Spot)
    }

    fn minute(minutes: u64) -> Time {
        Time::from_millis(0).plus(Duration::from_mins(minutes))
    }

    #[test]
    fn waits_longer_after_each_refusal_up_to_an_hour() {
        let mut scarcity = Scarcity::default();
        let mut now = minute(0);
        for wait in [3, 6, 12, 24, 48, 60, 60] {
            scarcity.refused(offering(), now);
            scarcity.refused(offering(), now);
            assert_eq!(scarcity.next_end(now), Some(now.plus(Duration::from_mins(wait))), "a repetition at once counts once");
            assert!(scarcity.is_scarce(&offering(), now));
            now = now.plus(Duration::from_mins(wait));
            assert!(!scarcity.is_scarce(&offering(), now) && scarcity.scarce(now).count() == 0);
        }
    }

    #[test]
    fn success_and_time_forgive() {
        let mut scarcity = Scarcity::default();
        scarcity.refused(offering(), minute(0));
        scarcity.launched(&offering());
        assert!(!scarcity.is_scarce(&offering(), minute(0)));
        scarcity.refused(offering(), minute(0));
        scarcity.forget(minute(64));
        assert_eq!(scarcity, Scarcity::default());
    }
}
