//! How fast AWS is asked: a token bucket like the one AWS keeps for every account, so that a burst waits here instead of being refused
//! there, slowed down when AWS refuses all the same (somebody else uses the account too).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// AWS's bucket for calls that read: 100 at once, 20 a second. Source: Amazon EC2 API request throttling, non-mutating actions.
const READS: (f64, f64) = (100.0, 20.0);
/// AWS's bucket for calls that write: 50 at once, 5 a second. Source: as above, mutating actions.
const WRITES: (f64, f64) = (50.0, 5.0);
/// The slowest, in calls a second, however often AWS refuses.
const SLOWEST: f64 = 0.5;
/// After the last refusal the full rate is back within so many seconds.
const RECOVERY: f64 = 60.0;
/// A wait is made longer by up to this share, so that several who wait do not ask together.
const JITTER: f64 = 0.2;

/// A bucket and its clock.
#[derive(Debug)]
pub(crate) struct Pace {
    bucket: Mutex<Bucket>,
}

impl Pace {
    pub(crate) fn reads() -> Self {
        Self::new(READS)
    }

    pub(crate) fn writes() -> Self {
        Self::new(WRITES)
    }

    fn new((burst, rate): (f64, f64)) -> Self {
        let bucket = Bucket { burst, full_rate: rate, rate, tokens: burst, at: Instant::now() };
        Self { bucket: Mutex::new(bucket) }
    }

    /// Waits for the caller's turn.
    pub(crate) async fn turn(&self) {
        let wait = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait.mul_f64(1.0 + JITTER * fastrand::f64())).await;
        }
    }

    /// AWS has refused a call because there were too many.
    pub(crate) fn refused(&self) {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).refused(Instant::now());
    }
}

/// Tokens; fewer than none are calls that wait.
#[derive(Debug)]
struct Bucket {
    burst: f64,
    full_rate: f64,
    rate: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.rate).min(self.burst);
        self.rate = (self.rate + seconds * self.full_rate / RECOVERY).min(self.full_rate);
        self.at = now;
    }

    /// Takes a token, and says how long it takes to come.
    fn take(&mut self, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        if self.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.tokens / self.rate) }
    }

    fn refused(&mut self, now: Instant) {
        self.refill(now);
        self.tokens = self.tokens.min(0.0);
        self.rate = (self.rate / 2.0).max(SLOWEST);
    }
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use std::time::{Duration, Instant};

    fn bucket(at: Instant) -> Bucket {
        Bucket { burst: 3.0, full_rate: 2.0, rate: 2.0, tokens: 3.0, at }
    }

    #[test]
    fn a_burst_passes_and_the_rest_waits_in_line() {
        let start = Instant::now();
        let mut bucket = bucket(start);
        let waits: Vec<u128> = (0..6).map(|_| bucket.take(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1000, 1500]);
        let later = start + Duration::from_secs(2);
        assert_eq!(bucket.take(later), Duration::ZERO, "four tokens came, three were owed");
        assert_eq!(bucket.take(start + Duration::from_hours(1)), Duration::ZERO);
        assert!(bucket.tokens <= 2.0, "never more than the burst");
    }

    #[test]
    fn refusals_slow_down_and_time_forgives() {
        let start = Instant::now();
        let mut bucket = bucket(start);
        bucket.refused(start);
        assert_eq!(bucket.take(start), Duration::from_secs(1), "no burst, and half the rate");
        for _ in 0..10 {
            bucket.refused(start);
        }
        assert_eq!(bucket.take(start), Duration::from_secs(4), "two in line at one in two seconds, the slowest there is");
        bucket.refill(start + Duration::from_mins(1));
        assert!((bucket.rate - 2.0).abs() < f64::EPSILON);
    }
}
