//! Amounts for people. The library has no quantity grammar; this only prints.

use crate::ResourceName;

const UNITS: [(&str, i64); 5] = [("Pi", 1 << 50), ("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)];

/// Exact: `4`, `3920m`, `1433Mi`, `1500000000`.
pub(super) fn exact(resource: &str, amount: i64) -> String {
    if resource == ResourceName::CPU {
        return if amount % 1000 == 0 { (amount / 1000).to_string() } else { format!("{amount}m") };
    }
    let unit = if is_bytes(resource) && amount != 0 { UNITS.iter().find(|(_, size)| amount % size == 0) } else { None };
    unit.map_or_else(|| amount.to_string(), |(suffix, size)| format!("{}{suffix}", amount / size))
}

/// An upper bound that loses at most one per mille: exact where that is short, else rounded down to a unit of which there are at
/// least a thousand, so that a request of what it says still fits.
pub(super) fn at_most(resource: &str, amount: i64) -> String {
    match UNITS.iter().find(|(_, size)| amount / size >= 1000) {
        Some((suffix, size)) if is_bytes(resource) => {
            let short = exact(resource, amount);
            let rounded = format!("{}{suffix}", amount / size);
            if short.len() <= rounded.len() { short } else { rounded }
        }
        _ => exact(resource, amount),
    }
}

fn is_bytes(resource: &str) -> bool {
    resource == ResourceName::MEMORY || resource == ResourceName::EPHEMERAL_STORAGE || resource.starts_with("hugepages-")
}

#[cfg(test)]
mod tests {
    use super::{at_most, exact};

    #[test]
    fn amounts_print_in_the_unit_people_write() {
        for (resource, amount, exactly, bound) in [
            ("cpu", 4000, "4", "4"),
            ("cpu", 3920, "3920m", "3920m"),
            ("memory", 1433 << 20, "1433Mi", "1433Mi"),
            ("memory", (1015 << 30) + 12345, "1089847963705", "1015Gi"),
            ("memory", 0, "0", "0"),
            ("hugepages-2Mi", 2 << 20, "2Mi", "2Mi"),
            ("nvidia.com/gpu", 2048, "2048", "2048"),
            ("ephemeral-storage", 1_500_000_000, "1500000000", "1430Mi"),
        ] {
            assert_eq!((exact(resource, amount).as_str(), at_most(resource, amount).as_str()), (exactly, bound));
        }
    }
}
