//! Whether this process may still write: the lease that it leads by must be young at the moment of each write. A process that was stopped
//! for a while and goes on does not know yet that another leads.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How far a process may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Leave {
    /// It holds no lease.
    #[default]
    None,
    /// It leads without one.
    Always,
    /// It holds one that was asked for at this time, by both clocks.
    Since(Instant, SystemTime),
}

/// Opened by whoever wins the lease, and asked before each write.
#[derive(Debug)]
pub struct Fence {
    leave: Mutex<Leave>,
    longest: Duration,
}

impl Fence {
    /// Closed. Once the lease is held it stays open for `longest` after each renewal.
    pub const fn new(longest: Duration) -> Self {
        Self { leave: Mutex::new(Leave::None), longest }
    }

    /// Always open: nobody else competes.
    pub const fn open() -> Self {
        Self { leave: Mutex::new(Leave::Always), longest: Duration::MAX }
    }

    /// The lease was written after this moment, which [`Fence::moment`] gave.
    pub fn renewed(&self, (since, wall): (Instant, SystemTime)) {
        *self.leave.lock().unwrap_or_else(PoisonError::into_inner) = Leave::Since(since, wall);
    }

    /// Now, by the clock that goes on evenly, and by the one that also counts while the machine sleeps.
    pub fn moment() -> (Instant, SystemTime) {
        (Instant::now(), SystemTime::now())
    }

    /// Whether a write may be made now.
    pub fn is_open(&self) -> bool {
        self.is_open_at(Self::moment())
    }

    fn is_open_at(&self, (now, wall): (Instant, SystemTime)) -> bool {
        match *self.leave.lock().unwrap_or_else(PoisonError::into_inner) {
            Leave::None => false,
            Leave::Always => true,
            Leave::Since(since, known) => {
                // A wall clock that was set back proves nothing; the other one decides then.
                let slept = wall.duration_since(known).unwrap_or_default();
                now.saturating_duration_since(since).max(slept) < self.longest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fence;
    use std::time::Duration;

    #[test]
    fn is_open_only_while_the_lease_is_young_by_both_clocks() {
        let fence = Fence::new(Duration::from_secs(10));
        let (now, wall) = Fence::moment();
        assert!(!fence.is_open_at((now, wall)), "nothing was won yet");
        fence.renewed((now, wall));
        let after =
            |even: u64, slept: u64| fence.is_open_at((now + Duration::from_secs(even), wall + Duration::from_secs(slept)));
        assert!(after(0, 0) && after(9, 9));
        assert!(!after(10, 10), "stopped");
        assert!(!after(1, 3600), "asleep");
        assert!(fence.is_open_at((now + Duration::from_secs(1), wall - Duration::from_hours(1))), "the clock was set");
        fence.renewed((now + Duration::from_secs(10), wall + Duration::from_secs(10)));
        assert!(after(19, 19));
        assert!(Fence::open().is_open());
    }
}
