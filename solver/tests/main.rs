//! The solver seen from outside: snapshots in, plans out. One binary, so a new file here needs its `mod` line below.
//!
//! - `baseline`: what Karpenter's algorithm does, rule by rule, and against a plain retelling of it.
//! - `charges`: what is charged beyond prices.
//! - `cases`: the rules of scheduling, one small named case each.
//! - `properties`: what holds for every plan, on random snapshots.
//! - `preferences`: what pods would rather have, on random snapshots.
//! - `neighbours`: `check` finds broken rules about pods that share a host.
//! - `broken_promises`: `check` finds broken rules about domains, company and what pools ask for.
//! - `pool_rules`: `minValues` and static pools on random snapshots.
//! - `optimum`: cost, bound and completeness against exhaustive search on tiny snapshots.
//! - `exact`: which pods find a place, and at which price, against exhaustive search over whole plans.
//! - `milp`: cost and bound against integer programming, for some dozens of pods.
//! - `violations`: `check` finds each kind of broken rule.
//! - `explanations`: `explain` says what the plan shows.
//! - `relaxations`: `wouldFitIf` is true.
//! - `certificates`: what stands behind a lower bound.

#![allow(clippy::unwrap_used, reason = "a test that cannot build its input should fail there")]

mod baseline;
mod broken_promises;
mod cases;
mod certificates;
mod charges;
mod exact;
mod explanations;
mod milp;
mod neighbours;
mod optimum;
mod pool_rules;
mod preferences;
mod properties;
mod relaxations;
mod support;
mod violations;
