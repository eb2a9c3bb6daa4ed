//! Whether the process works, for the kubelet's probes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A control task that did not move for so long hangs.
const HANGING: Duration = Duration::from_mins(1);

/// What probes ask.
#[derive(Debug, Default)]
pub struct Health {
    beat: Mutex<Option<Instant>>,
    ready: AtomicBool,
}

impl Health {
    /// The control task moves.
    pub fn beat(&self, now: Instant) {
        if let Ok(mut beat) = self.beat.lock() {
            *beat = Some(now);
        }
    }

    /// Everything that exists has been seen once.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// Whether the views are complete.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Whether the control task moves. Before its first move it may take its time.
    pub fn is_alive(&self, now: Instant) -> bool {
        self.beat.lock().is_ok_and(|beat| beat.is_none_or(|beat| now.duration_since(beat) < HANGING))
    }
}

#[cfg(test)]
mod tests {
    use super::{HANGING, Health};
    use std::time::Instant;

    #[test]
    fn a_task_that_does_not_move_is_not_alive() {
        let (health, now) = (Health::default(), Instant::now());
        assert!(health.is_alive(now) && !health.is_ready());
        health.beat(now);
        health.set_ready();
        assert!(health.is_alive(now + HANGING / 2) && health.is_ready());
        assert!(!health.is_alive(now + HANGING));
    }
}
