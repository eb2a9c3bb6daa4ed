//! The solve with what surrounds it on a terminal: a deadline, and a sign of life while it lasts.

use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use windlass_solver::{Options, Plan, Snapshot, solve};

/// A search shorter than this shows nothing.
const SHORT: Duration = Duration::from_millis(300);

/// Time between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Solves until done or until `deadline` has passed; returns the plan and the time it took.
pub(super) fn run(snapshot: &Snapshot, options: &Options<'_>, deadline: Option<Duration>, quiet: bool) -> (Plan, Duration) {
    let started = Instant::now();
    let late = || deadline.is_some_and(|deadline| started.elapsed() >= deadline);
    let options = Options { cancelled: Some(&late), ..*options };
    let plan = if !quiet && std::io::stderr().is_terminal() {
        with_spinner(format!("placing {} pods", snapshot.pods().len()), || solve(snapshot, &options))
    } else {
        solve(snapshot, &options)
    };
    (plan, started.elapsed())
}

/// Runs `work` here while another thread shows `message`, from the moment on that it takes long.
fn with_spinner<T>(message: String, work: impl FnOnce() -> T) -> T {
    let (done, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(SHORT) == Err(RecvTimeoutError::Timeout) {
                let spinner = ProgressBar::new_spinner().with_message(message);
                spinner.enable_steady_tick(TICK);
                let _ = wait.recv();
                spinner.finish_and_clear();
            }
        });
        let result = work();
        drop(done);
        result
    })
}
