//! Counts work against a budget and asks the caller now and then whether to go on.

use super::Effort;

/// Units of work, a few hundred machine instructions each, that make a step.
const WORK_PER_STEP: u64 = 4;
/// Work between two questions to the caller.
const ASK_EVERY: u64 = 2_000;

pub(super) struct Meter<'a> {
    limit: u64,
    used: u64,
    ask_at: u64,
    stopped: bool,
    cancelled: Option<&'a dyn Fn() -> bool>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(effort: &Effort<'a>) -> Self {
        Self {
            limit: effort.steps.saturating_mul(WORK_PER_STEP),
            used: 0,
            ask_at: 0,
            stopped: effort.steps == 0,
            cancelled: effort.cancelled,
        }
    }

    /// For what must be done in any case; its work is booked elsewhere afterwards.
    pub(super) fn unlimited() -> Self {
        Self { limit: u64::MAX, used: 0, ask_at: u64::MAX, stopped: false, cancelled: None }
    }

    /// Books `work` and says whether to go on. Once it says no, it says no for good.
    pub(super) fn spend(&mut self, work: u64) -> bool {
        self.used = self.used.saturating_add(work);
        if self.used >= self.limit {
            self.stopped = true;
        } else if !self.stopped && self.used >= self.ask_at {
            self.ask_at = self.used + ASK_EVERY;
            self.stopped = self.cancelled.is_some_and(|ask| ask());
        }
        !self.stopped
    }

    /// Steps used.
    pub(super) fn steps(&self) -> u64 {
        self.used.div_ceil(WORK_PER_STEP)
    }

    /// Work left.
    pub(super) fn left(&self) -> u64 {
        if self.stopped { 0 } else { self.limit - self.used }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// A meter for a part of the work, with `work` of what is left at most.
    pub(super) fn part(&self, work: u64) -> Meter<'a> {
        let limit = work.min(self.left());
        Meter { limit, used: 0, ask_at: 0, stopped: limit == 0, cancelled: self.cancelled }
    }

    /// Books what a part has used; a part that used up its own share does not stop the whole.
    pub(super) fn merge(&mut self, part: &Meter<'a>) {
        let cancelled = part.stopped && part.used < part.limit;
        self.spend(part.used);
        self.stopped |= cancelled;
    }
}
