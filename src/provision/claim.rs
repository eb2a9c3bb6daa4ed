//! From a planned node to the NodeClaim that asks for it, written as Karpenter writes them.

use super::digest::digest;
use super::market;
use crate::api::node_claim::ResourceRequirements;
use crate::api::{self, NodeClaim, NodeClaimSpec, Operator, label};
use crate::cluster::{Pool, Uid, claim};
use crate::snapshot::template;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::{BTreeMap, BTreeSet};
use windlass_solver::label::is_well_known;
use windlass_solver::{InstanceType, Labels, PlannedNode, Requirements, Zone};

/// Most instance types that a claim names, cheapest first (Karpenter's cut).
const TYPES_MAX: usize = 100;
/// Letters of a name that tell claims of one pool apart: 50 bits.
const NAME_DIGEST: usize = 10;

/// The claim for `planned`, meant for `pods`. Its name derives from pool and pods, so that whoever decides the same again, after a
/// crash or beside us, asks for the same object. `turn` is how many earlier claims for these pods live on with others on their nodes.
/// `types` are the pool's instance types.
pub fn claim(planned: &PlannedNode, pool: &Pool, types: &[InstanceType], pods: &BTreeSet<Uid>, turn: usize) -> NodeClaim {
    named(&name(pool, pods, turn), planned, pool, types, pods)
}

/// The same under a name that is given.
pub fn named(name: &str, planned: &PlannedNode, pool: &Pool, types: &[InstanceType], pods: &BTreeSet<Uid>) -> NodeClaim {
    let spec = &pool.template.spec;
    let requirements = requirements(planned, pool, types);
    let mut annotations = pool.template.metadata.annotations.clone();
    annotations.insert(claim::NOMINATED_PODS.into(), pods.iter().map(Uid::as_str).collect::<Vec<_>>().join(" "));
    let made = NodeClaimSpec {
        node_class_ref: spec.node_class_ref.clone(),
        resources: ResourceRequirements { requests: claim::list(&planned.requested) },
        taints: spec.taints.clone(),
        startup_taints: spec.startup_taints.clone(),
        expire_after: spec.expire_after.clone(),
        termination_grace_period: spec.termination_grace_period.clone(),
        requirements: requirements.clone(),
    };
    let mut object = NodeClaim::new(name, made);
    object.metadata = ObjectMeta {
        labels: Some(labels(planned, pool, &requirements)),
        annotations: Some(annotations),
        finalizers: Some(vec![label::TERMINATION_FINALIZER.to_owned()]),
        owner_references: Some(vec![OwnerReference {
            api_version: api::CORE_V1.to_owned(),
            kind: "NodePool".to_owned(),
            name: pool.name.to_string(),
            uid: pool.uid.to_string(),
            block_owner_deletion: Some(true),
            controller: None,
        }]),
        ..object.metadata
    };
    object
}

/// `<pool>-<digest of its pods>`.
fn name(pool: &Pool, pods: &BTreeSet<Uid>, turn: usize) -> String {
    let turns = std::iter::repeat_n("again", turn);
    let ids = [pool.name.as_str(), pool.uid.as_str()].into_iter().chain(pods.iter().map(Uid::as_str)).chain(turns);
    format!("{}-{}", pool.name, digest(ids, NAME_DIGEST))
}

/// The name of a static pool's claim, by number: whoever decides on one more beside us takes the same name.
pub fn standing_name(pool: &Pool, number: usize) -> String {
    let ids = [pool.name.as_str(), pool.uid.as_str(), "standing", &number.to_string()];
    format!("{}-{}", pool.name, digest(ids, NAME_DIGEST))
}

/// The pool's requirements, narrowed to what holds the pods.
fn requirements(planned: &PlannedNode, pool: &Pool, types: &[InstanceType]) -> Vec<api::Requirement> {
    let choice = Choice::of(planned, pool, types);
    let one_of = |key: &str, values: Vec<String>| api::Requirement {
        key: key.to_owned(),
        operator: Operator::In,
        values,
        min_values: None,
    };
    let mut all = vec![
        one_of(label::CAPACITY_TYPE, vec![planned.offering.capacity_type.to_string()]),
        one_of(label::NODE_POOL, vec![pool.name.to_string()]),
        one_of(label::INSTANCE_TYPE, choice.types),
        one_of(label::ZONE, choice.zones),
    ];
    for written in &pool.template.spec.requirements {
        let key = label::normalize(&written.key);
        if all.iter().take(4).any(|known| known.key == key) {
            continue;
        }
        all.push(match planned.labels.get(key) {
            Some(value) if !is_well_known(key) => one_of(key, vec![value.to_string()]),
            _ => api::Requirement { key: key.to_owned(), min_values: None, ..written.clone() },
        });
    }
    all.sort();
    all.dedup();
    all
}

/// Template labels, what the claim fixes, and the pool's own.
fn labels(planned: &PlannedNode, pool: &Pool, requirements: &[api::Requirement]) -> BTreeMap<String, String> {
    let mut labels = pool.template.metadata.labels.clone();
    for requirement in requirements {
        if let (Operator::In, [only]) = (requirement.operator, requirement.values.as_slice()) {
            labels.insert(requirement.key.clone(), only.clone());
        }
    }
    labels.insert(label::NODE_POOL.into(), planned.node_pool.to_string());
    labels.insert(label::NODE_CLASS.into(), pool.template.spec.node_class_ref.name.clone());
    labels
}

/// Types and zones of which every combination that EC2 sells holds the pods: a claim can only name them apart from each other.
struct Choice {
    types: Vec<String>,
    zones: Vec<String>,
    offerings: usize,
}

impl Choice {
    /// The choice with the most offerings: all zones of the alternatives with the types that hold the pods in each of them, or the
    /// chosen zone alone.
    fn of(planned: &PlannedNode, pool: &Pool, types: &[InstanceType]) -> Self {
        let mut required: Requirements =
            pool.template.spec.requirements.iter().filter_map(|written| template::requirement(written).ok()).collect();
        let fixed: Labels = template::labels(&pool.template.metadata.labels);
        for (key, value) in &fixed {
            required.add(windlass_solver::Requirement::equals(key, value));
        }
        let listed: Vec<_> = std::iter::once(&planned.offering).chain(&planned.alternatives).collect();
        let good: BTreeSet<_> = listed.iter().map(|offering| (&offering.instance_type, &offering.zone)).collect();
        let here = BTreeSet::from([&planned.offering.zone]);
        let everywhere: BTreeSet<&Zone> = listed.iter().map(|offering| &offering.zone).collect();
        // Most types are not even alternatives.
        let names: BTreeSet<_> = listed.iter().map(|offering| &offering.instance_type).collect();
        let sold: BTreeMap<_, BTreeSet<&Zone>> = types
            .iter()
            .filter(|kind| names.contains(&kind.name))
            .map(|kind| {
                let bought = kind.offerings.iter().filter(|offering| {
                    offering.capacity_type == planned.offering.capacity_type && market::holds(&required, kind, offering)
                });
                (&kind.name, bought.map(|offering| &offering.zone).collect())
            })
            .collect();
        let choose = |zones: &BTreeSet<&Zone>| {
            let mut choice = Self { types: Vec::new(), zones: Vec::new(), offerings: 0 };
            for kind in listed.iter().map(|offering| &offering.instance_type) {
                let reached: Vec<_> = sold.get(kind).into_iter().flatten().filter(|zone| zones.contains(*zone)).collect();
                let new = choice.types.iter().all(|known| known != kind.as_str());
                let holds = !reached.is_empty() && reached.iter().all(|zone| good.contains(&(kind, **zone)));
                if new && holds && choice.types.len() < TYPES_MAX {
                    choice.offerings += reached.len();
                    choice.types.push(kind.to_string());
                }
            }
            choice.zones = zones.iter().map(ToString::to_string).collect();
            choice
        };
        let (wide, narrow) = (choose(&everywhere), choose(&here));
        let keeps_first = wide.types.iter().any(|kind| kind == planned.offering.instance_type.as_str());
        let mut best = if keeps_first && wide.offerings >= narrow.offerings { wide } else { narrow };
        if best.types.is_empty() {
            // The chosen offering is not in the catalogue any more: ask for it all the same, EC2 knows best.
            best.types.push(planned.offering.instance_type.to_string());
        }
        best
    }
}

#[cfg(test)]
mod tests;
