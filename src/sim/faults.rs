//! What goes wrong in a world, and how often.

use super::random::Random;
use std::time::Duration;

/// When a controller dies relative to an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before it is carried out.
    Before,
    /// After it is carried out and before its answer comes.
    After,
}

/// A crash of the first controller at its n-th effect, counted from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// The effect.
    pub effect: u64,
    /// Before or after it.
    pub moment: Moment,
}

/// Rates in thousandths, and delays. All zero is a world where everything works at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// A call is lost before it is carried out.
    pub lost_before: u64,
    /// A call is carried out and its answer is lost.
    pub lost_after: u64,
    /// A write is refused as conflicting, or a call as one too many.
    pub refused: u64,
    /// An offering has no capacity when it is first asked for; it recovers after minutes.
    pub empty: u64,
    /// The longest delay of a watch event, in milliseconds.
    pub lag: u64,
    /// The longest time that a new instance is missing from lists.
    pub invisible: Duration,
    /// A machine never joins.
    pub never_joins: u64,
    /// A machine dies some minutes after its launch.
    pub dies: u64,
    /// How many times a controller is killed at a random moment.
    pub kills: u64,
    /// A second controller acts at the same time.
    pub second_leader: bool,
    /// One crash at a chosen effect.
    pub crash: Option<Crash>,
}

impl Faults {
    /// A random subset of all faults, each with a random rate.
    pub fn random(random: &mut Random) -> Self {
        let mut rate = |most: u64| if random.chance(500) { random.below(most) } else { 0 };
        let (lost_before, lost_after, refused, empty) = (rate(120), rate(120), rate(150), rate(700));
        let (lag, invisible, never_joins, dies) = (rate(4_000), rate(60_000), rate(150), rate(150));
        Self {
            lost_before,
            lost_after,
            refused,
            empty,
            lag,
            invisible: Duration::from_millis(invisible),
            never_joins,
            dies,
            kills: if random.chance(400) { random.below(4) } else { 0 },
            second_leader: random.chance(150),
            crash: None,
        }
    }
}
