//! Everything an output format may show, in one place.

use super::against::Against;
use super::certificate::Class;
use crate::diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::plan::OfferingRef;
use windlass_solver::{CapacityType, Explanation, MicroUsd, ObjectKey, Plan};

/// Hours of a month in which AWS quotes monthly prices: 8760 hours a year / 12.
pub(crate) const HOURS_PER_MONTH: i64 = 730;

/// A plan with what people want to know around it.
pub(crate) struct Report<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Answers to `--explain`, in the order asked.
    pub explanations: &'a [Explanation],
    /// What is wrong with the input.
    pub findings: &'a [Diagnostic],
    /// What the plan rests on and the input does not say, a sentence each.
    pub notes: &'a [String],
    /// The workload of each pod, as `Kind/namespace/name`; pods without one stand for themselves.
    pub owners: &'a BTreeMap<ObjectKey, Arc<str>>,
    /// Capacity types whose prices are estimates and not quotes.
    pub estimated: &'a [CapacityType],
    /// For `--certificate`: what each kind of pod adds to the cost, those that add most first.
    pub certificate: Option<&'a [Class<'a>]>,
    /// For `--against`: the other plan.
    pub against: Option<&'a Against>,
}

impl Report<'_> {
    /// Whether the price of `capacity_type` is an estimate.
    pub(crate) fn estimated(&self, capacity_type: CapacityType) -> bool {
        self.estimated.contains(&capacity_type)
    }

    /// Whether any node's price is an estimate.
    pub(crate) fn any_estimated(&self) -> bool {
        self.plan.nodes.iter().any(|node| self.estimated(node.offering.capacity_type))
    }

    /// `0.1360`, or `~0.0544` where it is an estimate.
    pub(crate) fn price(&self, offering: &OfferingRef) -> String {
        mark(hourly(offering.price), self.estimated(offering.capacity_type))
    }

    /// `c6g.xlarge in us-west-2b, on-demand, at $0.1360/h`
    pub(crate) fn offering(&self, offering: &OfferingRef) -> String {
        let OfferingRef { instance_type, zone, capacity_type, price } = offering;
        let tilde = if self.estimated(*capacity_type) { "~" } else { "" };
        format!("{instance_type} in {zone}, {capacity_type}, at {tilde}${}/h", hourly(*price))
    }

    /// The workload of `pod`, or the pod itself.
    pub(crate) fn owner(&self, pod: &ObjectKey) -> Arc<str> {
        self.owners.get(pod).cloned().unwrap_or_else(|| format!("Pod/{pod}").into())
    }
}

/// `text`, as an estimate or not.
pub(crate) fn mark(text: String, estimated: bool) -> String {
    if estimated { format!("~{text}") } else { text }
}

/// An hourly price for people, in dollars with four decimals, rounded to the nearest; JSON has all digits.
pub(crate) fn hourly(price: MicroUsd) -> String {
    let rounded = (i128::from(price.0) + 50) / 100;
    format!("{}.{:04}", rounded / 10_000, rounded % 10_000)
}

/// What an hourly price comes to in a month, in dollars and cents, rounded to the nearest cent.
pub(crate) fn monthly(price: MicroUsd) -> String {
    let cents = (i128::from(price.0) * i128::from(HOURS_PER_MONTH) + 5_000) / 10_000;
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// How far the cost is from the bound, in tenths of a percent of the cost, rounded up: a gap is never shown smaller than it is.
pub(crate) fn gap_permille(cost: MicroUsd, bound: MicroUsd) -> u32 {
    let (cost, bound) = (i128::from(cost.0), i128::from(bound.0));
    if cost <= 0 || bound >= cost {
        return 0;
    }
    let gap = ((cost - bound.max(0)) * 1000 + cost - 1) / cost;
    u32::try_from(gap).unwrap_or(1000)
}

/// `1 node`, `2 nodes`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::{count, gap_permille, hourly, monthly};
    use windlass_solver::MicroUsd;

    #[test]
    fn a_month_is_rounded_to_the_cent() {
        for (micros, month) in
            [(272_000, "198.56"), (136_000, "99.28"), (0, "0.00"), (7, "0.01"), (6, "0.00"), (1_000_000, "730.00")]
        {
            assert_eq!(monthly(MicroUsd(micros)), month);
        }
    }

    #[test]
    fn an_hour_is_rounded_to_four_decimals() {
        for (micros, hour) in
            [(136_000, "0.1360"), (26_928, "0.0269"), (26_950, "0.0270"), (0, "0.0000"), (12_345_678, "12.3457")]
        {
            assert_eq!(hourly(MicroUsd(micros)), hour);
        }
    }

    #[test]
    fn a_gap_is_rounded_up() {
        for (cost, bound, gap) in
            [(272_000, 265_000, 26), (272_000, 272_000, 0), (1_000_000, 999_999, 1), (0, 0, 0), (5, 0, 1000), (5, 9, 0)]
        {
            assert_eq!(gap_permille(MicroUsd(cost), MicroUsd(bound)), gap, "{cost} {bound}");
        }
    }

    #[test]
    fn counts_read_like_english() {
        assert_eq!((count(0, "node"), count(1, "node"), count(2, "node")), ("0 nodes".into(), "1 node".into(), "2 nodes".into()));
    }
}
