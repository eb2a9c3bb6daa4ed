//! Kubernetes quantities (`500m`, `2Gi`, `1e3`): exact parsing, and amounts in the solver's integer units.
//!
//! Grammar: `resource.Quantity` of k8s.io/apimachinery. Where Go's parser is laxer than that grammar (it reads a lone sign or suffix
//! as zero) or changes what was written (it caps huge binary amounts), this one refuses.

use std::fmt;

/// An amount in billionths of a unit, exact. Finer input is rounded away from zero, as Kubernetes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i128);

/// Decimal places of the finest amount that Kubernetes keeps (nano).
const NANO_DIGITS: i64 = 9;
const NANOS: i128 = 1_000_000_000;
/// Digits of `i128::MAX`: more never fit.
const MAX_DIGITS: i64 = 39;

/// Why a text is no usable amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not in the grammar.
    #[error("{0} is not a quantity; expected a number with an optional unit, such as 500m, 1.5, 2Gi or 1e3")]
    Malformed(Excerpt),
    /// Beyond what Kubernetes can count (63 bits of the unit in which the resource is counted).
    #[error("{0} is too large to count")]
    TooLarge(Excerpt),
    /// Below zero where an amount of something is meant.
    #[error("{0} is negative; expected zero or more")]
    Negative(Excerpt),
}

/// The beginning of the text at fault, so that a message stays short whatever the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    const LENGTH: usize = 40;

    fn of(text: &str) -> Self {
        let head: String = text.chars().take(Self::LENGTH).collect();
        let more = if head.len() < text.len() { "..." } else { "" };
        Self(format!("{head:?}{more}"))
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What follows the number: powers of ten and of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale {
    ten: i64,
    two: u32,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let decimal = |ten| Some(Self { ten, two: 0 });
        let binary = |two| Some(Self { ten: 0, two });
        match suffix {
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(10),
            "Mi" => binary(20),
            "Gi" => binary(30),
            "Ti" => binary(40),
            "Pi" => binary(50),
            "Ei" => binary(60),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E'])?;
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // Go keeps 32 bits of the exponent and lets it wrap; an exponent beyond them is refused here.
                exponent.parse::<i32>().ok().and_then(|ten| decimal(ten.into()))
            }
        }
    }
}

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// A whole number of units.
    pub fn whole(units: i64) -> Self {
        Self(i128::from(units) * NANOS)
    }

    /// Reads a quantity: `[+-] digits[.digits] suffix`, suffix one of `n u m k M G T P E`, `Ki Mi Gi Ti Pi Ei`, or `e`/`E` with an
    /// integer exponent.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed(Excerpt::of(text));
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(malformed());
        }
        let scale = Scale::parse(suffix).ok_or_else(malformed)?;
        let magnitude = magnitude(whole, fraction, scale).ok_or_else(|| QuantityError::TooLarge(Excerpt::of(text)))?;
        Ok(Self(if negative { -magnitude } else { magnitude }))
    }

    /// The sum, at the end of the range where it does not fit: for comparisons only.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Whether this amount is at most `factor` times `base`. What does not fit is larger than what does.
    pub fn is_at_most(self, base: Self, factor: Self) -> bool {
        match (self.0.checked_mul(NANOS), base.0.checked_mul(factor.0)) {
            (Some(scaled), Some(product)) => scaled <= product,
            (scaled, _) => scaled.is_some(),
        }
    }

    /// Thousandths of a unit, rounded up.
    pub fn milli_ceil(self) -> Result<i64, QuantityError> {
        self.ceil(NANOS / 1000)
    }

    /// Whole units, rounded up.
    pub fn units_ceil(self) -> Result<i64, QuantityError> {
        self.ceil(NANOS)
    }

    fn ceil(self, divisor: i128) -> Result<i64, QuantityError> {
        let floor = self.0.div_euclid(divisor);
        let up = floor + i128::from(self.0.rem_euclid(divisor) != 0);
        i64::try_from(up).map_err(|_| QuantityError::TooLarge(Excerpt(format!("an amount of about {}", self.0 / NANOS))))
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// `whole.fraction` times `scale` in nano units, rounded up; `None` where it does not fit.
fn magnitude(whole: &str, fraction: &str, scale: Scale) -> Option<i128> {
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
    if scale.two > 0 {
        digits = times(&digits, 1 << scale.two);
    }
    let significant = digits.iter().position(|digit| *digit != 0).map_or(&[][..], |first| &digits[first..]);
    if significant.is_empty() {
        return Some(0);
    }
    // The value is the integer `significant` times ten to this power.
    let power = scale.ten + NANO_DIGITS - i64::try_from(fraction.len()).ok()?;
    let kept = i64::try_from(significant.len()).ok()? + power;
    if kept > MAX_DIGITS {
        return None;
    }
    let (head, tail) = significant.split_at(usize::try_from(kept).unwrap_or(0).min(significant.len()));
    let mut value: i128 = 0;
    for digit in head {
        value = value.checked_mul(10)?.checked_add(i128::from(*digit))?;
    }
    if power > 0 {
        value = value.checked_mul(10_i128.checked_pow(u32::try_from(power).ok()?)?)?;
    }
    value.checked_add(i128::from(tail.iter().any(|digit| *digit != 0)))
}

/// Multiplies a decimal number, most significant digit first.
fn times(digits: &[u8], factor: u64) -> Vec<u8> {
    let mut product = Vec::with_capacity(digits.len() + 20);
    let mut carry: u128 = 0;
    let mut push = |carry: &mut u128| {
        #[allow(clippy::cast_possible_truncation, reason = "a remainder of ten")]
        product.push((*carry % 10) as u8);
        *carry /= 10;
    };
    for digit in digits.iter().rev() {
        carry += u128::from(*digit) * u128::from(factor);
        push(&mut carry);
    }
    while carry > 0 {
        push(&mut carry);
    }
    product.reverse();
    product
}

/// An amount of a resource in the solver's units: CPU in millicores, everything else in whole units; both rounded up, as the scheduler
/// does. Negative amounts and amounts beyond 63 bits are errors.
pub fn amount(resource: &str, text: &str) -> Result<i64, QuantityError> {
    let quantity = Quantity::parse(text)?;
    if quantity < Quantity::ZERO {
        return Err(QuantityError::Negative(Excerpt::of(text)));
    }
    let counted = if resource == "cpu" { quantity.milli_ceil() } else { quantity.units_ceil() };
    counted.map_err(|_| QuantityError::TooLarge(Excerpt::of(text)))
}

/// An amount in the solver's units, for people: CPU as `3920m` or `4`, bytes in the largest binary unit that is exact (`6525Mi`), else
/// rounded down to Mi; anything else plain.
pub fn display(resource: &str, amount: i64) -> String {
    match resource {
        "cpu" if amount % 1000 == 0 => (amount / 1000).to_string(),
        "cpu" => format!("{amount}m"),
        _ if is_bytes(resource) => display_bytes(amount),
        _ => amount.to_string(),
    }
}

fn is_bytes(resource: &str) -> bool {
    matches!(resource, "memory" | "ephemeral-storage" | "storage") || resource.starts_with("hugepages-")
}

fn display_bytes(bytes: i64) -> String {
    const UNITS: [(&str, u32); 6] = [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    const MEBI: i64 = 1 << 20;
    if bytes == 0 {
        return "0".into();
    }
    if let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| bytes % (1_i64 << shift) == 0) {
        return format!("{}{unit}", bytes >> shift);
    }
    if bytes > MEBI { format!("{}Mi", bytes / MEBI) } else { bytes.to_string() }
}

#[cfg(test)]
mod tests;
