//! NodePools as the solver sees them, with the instance types of their EC2NodeClass.
//!
//! Not read, because it decides nothing about where a pod goes now: annotations of the template, `expireAfter`,
//! `terminationGracePeriod`, and `disruption`.

use super::node_class::{Class, Classes};
use super::template::{self, Amounts, Report};
use crate::api::condition::{self, ConditionStatus};
use crate::api::{self, label};
use crate::diagnostic::Diagnostic;
use crate::manifest::Sourced;
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_solver::{Feature, InstanceType, Labels, MinValues, Offering, Requirement, Requirements};

/// The pools that nodes can be launched for.
pub(super) fn node_pools(
    sourced: &[&Sourced<api::NodePool>],
    classes: &Classes,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<windlass_solver::NodePool> {
    sourced
        .iter()
        .filter_map(|source| {
            let name = source.value.metadata.name.clone().unwrap_or_default();
            let mut report = Report::new(&source.place, format!("NodePool/{name}"), diagnostics);
            let pool = node_pool(&source.value, &name, classes, &mut report)?;
            (!report.refused).then_some(pool)
        })
        .collect()
}

fn node_pool(
    object: &api::NodePool,
    name: &str,
    classes: &Classes,
    report: &mut Report<'_>,
) -> Option<windlass_solver::NodePool> {
    if !is_in_use(object, report) {
        return None;
    }
    let class = class_of(object, classes, report)?;
    let template = &object.spec.template;
    let mut labels = template::labels(&template.metadata.labels);
    labels.insert(label::NODE_CLASS.into(), template.spec.node_class_ref.name.as_str().into());
    let requirements = requirements(object, &labels, report);
    refuse_dedicated_tenancy(&requirements, report);
    warn_if_nothing_matches(&requirements, &class.instance_types, report);
    let min_values = min_values(object);
    Some(windlass_solver::NodePool {
        weight: object.spec.weight.and_then(|weight| i32::try_from(weight).ok()).unwrap_or(0),
        unsupported: unsupported(!min_values.is_empty(), class, &requirements),
        replicas: object.spec.replicas.map(|replicas| u32::try_from(replicas.max(0)).unwrap_or(u32::MAX)),
        labels,
        requirements,
        min_values,
        taints: template::taints(&template.spec.taints),
        startup_taints: template::taints(&template.spec.startup_taints),
        limits: limits(object, report),
        ..windlass_solver::NodePool::new(name, Arc::clone(&class.instance_types))
    })
}

/// What the requirements ask for in `minValues`; of several on one key the most.
fn min_values(object: &api::NodePool) -> Vec<MinValues> {
    let mut most: BTreeMap<&str, u32> = BTreeMap::new();
    for requirement in &object.spec.template.spec.requirements {
        if let Some(count) = requirement.min_values {
            let asked = most.entry(label::normalize(&requirement.key)).or_default();
            *asked = (*asked).max(count);
        }
    }
    most.into_iter().map(|(key, count)| MinValues { key: key.into(), count }).collect()
}

/// Karpenter, too, launches nothing for a pool that is being deleted or is not ready.
fn is_in_use(object: &api::NodePool, report: &mut Report<'_>) -> bool {
    if object.metadata.deletion_timestamp.is_some() {
        report.warning("metadata.deletionTimestamp", "the pool is being deleted, so nothing is launched for it");
        return false;
    }
    let conditions = object.status.as_ref().map_or(&[][..], |status| &status.conditions);
    if condition::status(conditions, "Ready") == Some(ConditionStatus::False) {
        let why = conditions.iter().find(|c| c.type_ == "Ready").map_or("", |c| c.message.as_str());
        report.warning("status.conditions", format!("the pool is not ready, so nothing is launched for it: {why}"));
        return false;
    }
    true
}

fn class_of<'a>(object: &api::NodePool, classes: &'a Classes, report: &mut Report<'_>) -> Option<&'a Class> {
    let wanted = &object.spec.template.spec.node_class_ref;
    let field = "spec.template.spec.nodeClassRef";
    if wanted.group != label::AWS_GROUP || wanted.kind != "EC2NodeClass" {
        let (group, kind) = (&wanted.group, &wanted.kind);
        report.error(
            field,
            format!("{kind} of group {group:?} is not supported; expected EC2NodeClass of group {}", label::AWS_GROUP),
        );
        return None;
    }
    let found = classes.get(&wanted.name);
    match found {
        None => report.error(field, format!("there is no EC2NodeClass named {:?} in the input; add it", wanted.name)),
        Some(Err(why)) => report.error(field, format!("EC2NodeClass/{} cannot be used: {why}", wanted.name)),
        Some(Ok(_)) => {}
    }
    found?.as_ref().ok()
}

fn requirements(object: &api::NodePool, labels: &Labels, report: &mut Report<'_>) -> Requirements {
    let mut all: Requirements = labels.iter().map(|(key, value)| Requirement::equals(key, value)).collect();
    for (index, written) in object.spec.template.spec.requirements.iter().enumerate() {
        match template::requirement(written) {
            Ok(requirement) => all.add(requirement),
            Err(message) => report.error(&format!("spec.template.spec.requirements[{index}]"), message),
        }
    }
    all
}

/// Nodes have default tenancy wherever the pool allows it, as in Karpenter; what dedicated instances cost is not in the catalogue.
fn refuse_dedicated_tenancy(requirements: &Requirements, report: &mut Report<'_>) {
    if requirements.get(label::INSTANCE_TENANCY).is_some_and(|requirement| !requirement.allows(Some("default"))) {
        let message =
            format!("{} other than default is not supported: dedicated instances have other prices", label::INSTANCE_TENANCY);
        report.error("spec.template.spec.requirements", message);
    }
}

fn warn_if_nothing_matches(requirements: &Requirements, instance_types: &[InstanceType], report: &mut Report<'_>) {
    let field = "spec.template.spec.requirements";
    if let Some(requirement) = requirements.contradiction() {
        let message = format!(
            "no value of {} meets labels and requirements together, so nothing is launched for this pool",
            requirement.key()
        );
        report.warning(field, message);
        return;
    }
    let matches = |kind: &InstanceType, offering: &Offering| {
        requirements.iter().filter(|r| defined_by_offerings(r.key())).all(|requirement| {
            let value = match requirement.key() {
                label::ZONE => Some(offering.zone.as_str()),
                label::CAPACITY_TYPE => Some(offering.capacity_type.as_str()),
                label::INSTANCE_TYPE => Some(kind.name.as_str()),
                key => offering.labels.get(key).or_else(|| kind.labels.get(key)).map(AsRef::as_ref),
            };
            requirement.allows(value)
        })
    };
    if !instance_types.iter().any(|kind| kind.offerings.iter().any(|offering| matches(kind, offering))) {
        report.warning(field, "no instance type of this region meets them all, so nothing is launched for this pool");
    }
}

/// Labels whose value comes with the instance type or the offering, and not from the pool.
fn defined_by_offerings(key: &str) -> bool {
    label::is_well_known(key) && key != label::NODE_POOL
}

fn limits(object: &api::NodePool, report: &mut Report<'_>) -> Vec<(windlass_solver::ResourceName, i64)> {
    let written = object.spec.limits.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let Amounts { read: limits, refused } = template::amounts(written);
    for (name, error) in refused {
        report.error(&format!("spec.limits.{name}"), error);
    }
    limits
}

/// What the pool asks for that decides where pods go and that the solver does not know yet.
fn unsupported(varied: bool, class: &Class, requirements: &Requirements) -> Vec<Feature> {
    // A reservation is used only by pools that allow the capacity type. Nodes of bundles of offers are not launched in one.
    let reserved = requirements.get(label::CAPACITY_TYPE).is_none_or(|requirement| requirement.allows(Some(label::RESERVED)));
    let mut features = Vec::new();
    features.extend((varied && reserved && !class.reservations.is_empty()).then_some(Feature::CapacityReservation));
    features
}

#[cfg(test)]
mod tests;
