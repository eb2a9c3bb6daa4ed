//! Money. Prices are integers so that sums are exact and plans are reproducible.

use std::fmt;

/// A price in micro US dollars per hour: 1,000,000 is $1/h. AWS list prices have at most ten decimals, of which the first six carry
/// every EC2 instance price; spot estimates are rounded up to the next micro dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MicroUsd(pub i64);

impl MicroUsd {
    /// No cost.
    pub const ZERO: Self = Self(0);

    /// The sum, saturating: a plan that costs nine trillion dollars an hour need not be exact.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The price `count` times.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// Dollars per hour, for display and scores only.
    #[allow(clippy::cast_precision_loss)]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// Reads a plain decimal such as `0.0255`, rounding a seventh and further digits up. `None` for signs, exponents, NaN or overflow.
    pub fn parse_dollars(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let (kept, dropped) = fraction.split_at(fraction.len().min(6));
        let scaled: i64 = format!("{kept:0<6}").parse().ok()?;
        let round_up = i64::from(dropped.bytes().any(|b| b != b'0'));
        whole.checked_mul(1_000_000)?.checked_add(scaled)?.checked_add(round_up).map(Self)
    }
}

impl std::iter::Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for MicroUsd {
    /// Dollars with at least four decimals and no more than six: `0.1360`, `0.025501`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, micros) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        let decimals = format!("{micros:06}");
        let kept = decimals.trim_end_matches('0').len().max(4);
        write!(f, "{sign}{whole}.{}", &decimals[..kept])
    }
}

#[cfg(test)]
mod tests {
    use super::MicroUsd;

    #[test]
    fn reads_and_prints_decimal_dollars() {
        for (text, micros, shown) in [
            ("0.0255", 25_500, "0.0255"),
            ("1", 1_000_000, "1.0000"),
            (".5", 500_000, "0.5000"),
            ("0.1234567", 123_457, "0.123457"),
            ("0.12345600", 123_456, "0.123456"),
        ] {
            assert_eq!(MicroUsd::parse_dollars(text), Some(MicroUsd(micros)), "{text}");
            assert_eq!(MicroUsd(micros).to_string(), shown);
        }
        for bad in ["", ".", "NaN", "-1", "1e3", "+1", "99999999999999999999", "1.2.3", " 1"] {
            assert_eq!(MicroUsd::parse_dollars(bad), None, "{bad}");
        }
    }
}
