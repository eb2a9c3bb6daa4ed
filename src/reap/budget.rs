//! Disruption budgets: how many nodes of a pool may be disrupted at once, now and for this reason.

use crate::api::node_pool::{Budget, DisruptionReason};
use crate::api::period;
use crate::api::schedule::Schedule;
use crate::time::Time;
use jiff::tz::TimeZone;
use std::str::FromStr;
use std::time::Duration;

/// The most nodes of a pool of `nodes` that may be disrupted for `reason` at this time, those that are disrupted already included. The
/// strictest active budget decides; a budget that cannot be read allows none (fail closed).
pub fn allowed(budgets: &[Budget], reason: DisruptionReason, nodes: usize, now: Time) -> usize {
    budgets
        .iter()
        .filter(|budget| budget.reasons.is_empty() || budget.reasons.contains(&reason))
        .filter_map(|budget| match is_active(budget, now) {
            Some(false) => None,
            Some(true) => Some(count(&budget.nodes, nodes).unwrap_or(0)),
            None => Some(0),
        })
        .min()
        .unwrap_or(nodes)
}

/// A number, or a percentage of the nodes, rounded up (Karpenter).
fn count(text: &str, nodes: usize) -> Option<usize> {
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent: usize = percent.parse().ok().filter(|percent| *percent <= 100)?;
            Some(nodes.checked_mul(percent)?.div_ceil(100))
        }
        None => text.parse().ok(),
    }
}

/// Whether the budget counts now; `None` if that cannot be read. A scheduled budget is active for its duration after each hit.
fn is_active(budget: &Budget, now: Time) -> Option<bool> {
    let (schedule, duration) = match (&budget.schedule, &budget.duration) {
        (None, None) => return Some(true),
        (Some(schedule), Some(duration)) => (Schedule::from_str(schedule).ok()?, period::seconds(duration).ok()??),
        _ => return None,
    };
    let Some(hit) = schedule.latest(TimeZone::UTC.to_datetime(now.timestamp())) else { return Some(false) };
    let began = Time::from(TimeZone::UTC.to_timestamp(hit).ok()?);
    Some(now.since(began) < Duration::from_secs(duration))
}

#[cfg(test)]
mod tests {
    use super::allowed;
    use crate::api::node_pool::{Budget, DisruptionReason};
    use crate::time::Time;

    const EMPTY: DisruptionReason = DisruptionReason::Empty;

    fn budget(nodes: &str, reasons: &[DisruptionReason], window: Option<(&str, &str)>) -> Budget {
        Budget {
            nodes: nodes.to_owned(),
            reasons: reasons.to_vec(),
            schedule: window.map(|(schedule, _)| schedule.to_owned()),
            duration: window.map(|(_, duration)| duration.to_owned()),
        }
    }

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn percentages_round_up_and_the_strictest_decides() {
        let now = at("2026-11-22T12:00:00Z");
        for (nodes, of, expected) in [("10%", 1, 1), ("10%", 11, 2), ("0%", 9, 0), ("100%", 9, 9), ("3", 9, 3), ("0", 9, 0)] {
            assert_eq!(allowed(&[budget(nodes, &[], None)], EMPTY, of, now), expected, "{nodes} of {of}");
        }
        assert_eq!(allowed(&[budget("50%", &[], None), budget("2", &[], None)], EMPTY, 10, now), 2);
        assert_eq!(allowed(&[], EMPTY, 10, now), 10, "no budget, no bound");
    }

    #[test]
    fn counts_only_for_its_reasons() {
        let now = at("2026-11-22T12:00:00Z");
        let budgets = [budget("0", &[DisruptionReason::Drifted], None), budget("4", &[EMPTY], None)];
        assert_eq!(allowed(&budgets, EMPTY, 10, now), 4);
        assert_eq!(allowed(&budgets, DisruptionReason::Drifted, 10, now), 0);
        assert_eq!(allowed(&budgets, DisruptionReason::Underutilized, 10, now), 10);
    }

    #[test]
    fn is_active_for_its_duration_after_each_hit() {
        let nightly = [budget("0", &[], Some(("0 22 * * *", "2h30m")))];
        for (time, expected) in [
            ("2026-11-22T21:59:59Z", 10),
            ("2026-11-22T22:00:00Z", 0),
            ("2026-11-23T00:29:59Z", 0),
            ("2026-11-23T00:30:00Z", 10),
            ("2026-11-23T12:00:00Z", 10),
        ] {
            assert_eq!(allowed(&nightly, EMPTY, 10, at(time)), expected, "{time}");
        }
        assert_eq!(allowed(&[budget("1", &[], Some(("@daily", "24h")))], EMPTY, 10, at("2026-11-22T12:00:00Z")), 1);
    }

    #[test]
    fn what_cannot_be_read_allows_nothing() {
        let now = at("2026-11-22T12:00:00Z");
        for bad in [
            budget("many", &[], None),
            budget("101%", &[], None),
            budget("5", &[], Some(("not a schedule", "1h"))),
            budget("5", &[], Some(("@daily", "soon"))),
            Budget { duration: None, ..budget("5", &[], Some(("@daily", "1h"))) },
        ] {
            assert_eq!(allowed(std::slice::from_ref(&bad), EMPTY, 10, now), 0, "{bad:?}");
        }
    }
}
