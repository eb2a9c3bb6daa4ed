//! Points in time as data: nothing that decides reads a clock, it is told.

use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z. Sums saturate: a node that expires in 292 years need not do so to the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// As milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Later by `wait`.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time gone since `earlier`; zero if that is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(Into::into)
    }

    /// The next whole second. The API keeps seconds only, and a clock that is written down must not run early.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        let over = self.0.rem_euclid(1000);
        if over == 0 { self } else { Self(self.0.saturating_add(1000 - over)) }
    }

    /// As the API's type, in whole seconds, rounded down; times beyond the year 9999 are its end.
    pub fn timestamp(self) -> Timestamp {
        let (least, most) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        Timestamp::from_second(self.0.div_euclid(1000).clamp(least, most)).unwrap_or_default()
    }
}

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millisecond())
    }
}

impl fmt::Display for Time {
    /// RFC 3339 in whole seconds, rounded down, as Kubernetes writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::Time;
    use std::time::Duration;

    #[test]
    fn reads_what_it_writes_in_whole_seconds() {
        let time = Time::parse("2026-11-22T19:00:00.250Z").unwrap();
        assert_eq!(time.to_string(), "2026-11-22T19:00:00Z");
        assert_eq!(time.whole_second().to_string(), "2026-11-22T19:00:01Z");
        assert_eq!(Time::parse(&time.whole_second().to_string()), Some(time.whole_second()));
        assert_eq!(Time::parse("yesterday"), None);
    }

    #[test]
    fn never_overflows() {
        let end = Time::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(u64::MAX)), end);
        assert_eq!(end.plus(Duration::ZERO).to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(Time::from_millis(5).since(end), Duration::ZERO);
    }
}
