//! Time that this thread spent on a processor: what else runs on the machine does not count. Both algorithms use one thread.

use std::time::{Duration, Instant};

/// The scheduler's own account of this thread in nanoseconds (Linux); `None` elsewhere.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// How long `run` takes; by the wall clock where nothing better is to be had.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let (wall, before) = (Instant::now(), on_processor());
    let result = run();
    let spent = on_processor().zip(before).map(|(after, before)| after.saturating_sub(before));
    (result, spent.unwrap_or_else(|| wall.elapsed()))
}
