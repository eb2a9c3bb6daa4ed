//! The requirements that a release of Karpenter added to a Provisioner on its own.
//!
//! Sources: v0.13's cloud provider added capacity type and architecture at launch, looking at labels and requirements; v0.31's webhook
//! wrote operating system, architecture, capacity type, and instance category and generation into the object, looking at requirements
//! only.

use super::Report;
use crate::api::provisioner::ProvisionerSpec;
use crate::api::{Operator, Requirement, label};
use std::fmt;

/// Whose defaults a conversion writes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defaults {
    /// On-demand and amd64, as up to about v0.13.
    V0_13,
    /// On-demand, amd64, linux, and categories c, m, r of generation 3 and later, as in v0.31, the last release before NodePools, whose
    /// webhook wrote them into every stored Provisioner.
    #[default]
    V0_31,
    /// Nothing is added.
    None,
}

impl fmt::Display for Defaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V0_13 => "v0.13",
            Self::V0_31 => "v0.31",
            Self::None => "none",
        })
    }
}

const FIELD: &str = "spec.requirements";

/// What the era adds, with warnings where that decides on the nodes.
pub(super) fn added(spec: &ProvisionerSpec, era: Defaults, report: &mut Report<'_>) -> Vec<Requirement> {
    let missing = missing(spec, era);
    overruled_labels(spec, era, report);
    match era {
        Defaults::None => {
            let latest = self::missing(spec, Defaults::V0_31);
            if !latest.is_empty() {
                let message = format!("nothing was added, but Karpenter v0.31 would have added {}", listed(&latest));
                report.warn(FIELD, message, "write them out, or convert with --defaults v0.31");
            }
        }
        Defaults::V0_13 => {
            if !missing.is_empty() {
                report.warn(
                    FIELD,
                    format!("added what Karpenter v0.13 assumed: {}", listed(&missing)),
                    "remove them if they are not meant",
                );
            }
            if narrows(spec) {
                let message = "Karpenter v0.31 would also have added instance-category In [c, m, r] and instance-generation Gt [2]; this \
                               was not added";
                report.warn(FIELD, message, "convert with --defaults v0.31 if the Provisioner was stored by v0.19 or later");
            }
        }
        Defaults::V0_31 => {
            if !missing.is_empty() {
                let hint = if narrows(spec) {
                    "instance category and generation leave out types such as a1 and t4g that Karpenter v0.13 would have used: convert \
                     with --defaults v0.13 to keep those"
                } else {
                    "remove them if they are not meant"
                };
                report.warn(FIELD, format!("added what Karpenter v0.31 added: {}", listed(&missing)), hint);
            }
        }
    }
    missing
}

fn requires(spec: &ProvisionerSpec, key: &str) -> bool {
    spec.requirements.iter().any(|requirement| label::normalize(&requirement.key) == key)
}

fn is_labelled(spec: &ProvisionerSpec, key: &str) -> bool {
    spec.labels.keys().any(|name| label::normalize(name) == key)
}

/// Whether v0.31 would have limited instance categories and generations.
fn narrows(spec: &ProvisionerSpec) -> bool {
    let keys = [label::INSTANCE_TYPE, label::INSTANCE_FAMILY, label::INSTANCE_CATEGORY, label::INSTANCE_GENERATION];
    !keys.iter().any(|key| requires(spec, key) || is_labelled(spec, key))
}

fn missing(spec: &ProvisionerSpec, era: Defaults) -> Vec<Requirement> {
    let mut missing = Vec::new();
    let mut default = |key: &str, operator, values: &[&str]| {
        if !requires(spec, key) && !is_labelled(spec, key) {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            missing.push(Requirement { key: key.to_owned(), operator, values, min_values: None });
        }
    };
    if era == Defaults::V0_31 {
        default(label::OS, Operator::In, &["linux"]);
    }
    if era != Defaults::None {
        default(label::ARCH, Operator::In, &["amd64"]);
        default(label::CAPACITY_TYPE, Operator::In, &[label::ON_DEMAND]);
    }
    if era == Defaults::V0_31 && narrows(spec) {
        default(label::INSTANCE_CATEGORY, Operator::In, &["c", "m", "r"]);
        default(label::INSTANCE_GENERATION, Operator::Gt, &["2"]);
    }
    missing
}

/// v0.31 did not look at labels, so that a label beside its default left nothing to launch.
fn overruled_labels(spec: &ProvisionerSpec, era: Defaults, report: &mut Report<'_>) {
    for (key, default) in [(label::CAPACITY_TYPE, label::ON_DEMAND), (label::ARCH, "amd64"), (label::OS, "linux")] {
        for (name, value) in &spec.labels {
            if label::normalize(name) == key && value != default && !requires(spec, key) {
                let message = format!(
                    "the label decides on {key}; Karpenter v0.31 would have added {key} In [{default}] beside it and launched nothing \
                     (era of this conversion: {era})"
                );
                report.warn(&format!("spec.labels[{name}]"), message, "state it as a requirement too");
            }
        }
    }
}

fn listed(requirements: &[Requirement]) -> String {
    let one = |requirement: &Requirement| {
        let name = requirement.key.rsplit('/').next().unwrap_or_default();
        format!("{name} {:?} [{}]", requirement.operator, requirement.values.join(", "))
    };
    requirements.iter().map(one).collect::<Vec<_>>().join(", ")
}
