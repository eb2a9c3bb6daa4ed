//! Lengths of time as manifests write them: `30s`, `1h30m`, or `Never`.

use thiserror::Error;

/// Durations that are counted in seconds, minutes and hours.
pub(crate) const DURATION: &str = "^([0-9]+(s|m|h))+$";
/// The same, or `Never`.
pub(crate) const DURATION_OR_NEVER: &str = "^(([0-9]+(s|m|h))+|Never)$";
/// Durations of budgets: hours and minutes only, because cron knows no seconds; a trailing `0s` is what Go prints.
pub(crate) const BUDGET_DURATION: &str = "^((([0-9]+(h|m))|([0-9]+h[0-9]+m))(0s)?)$";
/// The word for "at no time".
pub const NEVER: &str = "Never";

/// The longest duration that Kubernetes' Go code can hold: 2^63 - 1 nanoseconds, about 292 years.
const SECONDS_MAX: u64 = 9_223_372_036;

/// Why a text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// The grammar does not hold.
    #[error("{0:?} is no duration: write a number and a unit (s, m or h), such as 30s, 5m or 1h30m, or Never")]
    Malformed(String),
    /// It does not fit into a Go duration.
    #[error("{0:?} is longer than 292 years: write Never instead")]
    TooLong(String),
}

/// A length of time in seconds; `None` for `Never`.
pub fn seconds(text: &str) -> Result<Option<u64>, PeriodError> {
    if text == NEVER {
        return Ok(None);
    }
    let malformed = || PeriodError::Malformed(text.to_owned());
    let too_long = || PeriodError::TooLong(text.to_owned());
    let (mut total, mut digits) = (0_u64, String::new());
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(malformed()),
        };
        if digits.is_empty() {
            return Err(malformed());
        }
        let count: u64 = digits.parse().map_err(|_| too_long())?;
        total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(too_long)?;
        digits.clear();
    }
    if text.is_empty() || !digits.is_empty() {
        return Err(malformed());
    }
    if total > SECONDS_MAX { Err(too_long()) } else { Ok(Some(total)) }
}

#[cfg(test)]
mod tests {
    use super::{PeriodError, seconds};

    #[test]
    fn reads_go_durations_of_whole_seconds() {
        assert_eq!(seconds("30s"), Ok(Some(30)));
        assert_eq!(seconds("720h0m0s"), Ok(Some(2_592_000)));
        assert_eq!(seconds("Never"), Ok(None));
        assert_eq!(seconds("0s"), Ok(Some(0)));
        for text in ["", "1hr", "30", "s", "-5s", "1.5h", "1d", "never", "5\u{0}s"] {
            assert_eq!(seconds(text), Err(PeriodError::Malformed(text.to_owned())), "{text:?}");
        }
        for text in ["99999999999999999999h", "18446744073709551615h", "9223372037s"] {
            assert_eq!(seconds(text), Err(PeriodError::TooLong(text.to_owned())), "{text:?}");
        }
    }
}
