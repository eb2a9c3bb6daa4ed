//! From where a volume can be used, as terms of node labels under their stable names.

use super::Terms;
use crate::api::label;
use k8s_openapi::api::core::v1::{NodeSelectorTerm, PersistentVolume};
use k8s_openapi::api::storage::v1::StorageClass;
use windlass_solver::{Operator, Requirement};

/// Labels of a volume that bind it to a place (kube-scheduler's plugin VolumeZone); each may list several values.
const PLACES: [&str; 2] = [label::ZONE, label::REGION];
/// Stands between the values of such a label.
const SEPARATOR: &str = "__";

/// The places of a volume, all of which must hold: its node affinity (host names of local disks included), its labels, and for an
/// in-tree EBS volume without either the zone in its id, `aws://us-west-2a/vol-...`.
pub(super) fn of_volume(volume: &PersistentVolume) -> Result<Vec<Terms>, String> {
    let name = volume.metadata.name.as_deref().unwrap_or_default();
    let spec = volume.spec.as_ref();
    let mut all = Vec::new();
    if let Some(required) = spec.and_then(|spec| spec.node_affinity.as_ref()?.required.as_ref()) {
        let terms: Result<Terms, String> = required.node_selector_terms.iter().map(term).collect();
        all.push(terms.map_err(|why| format!("the node affinity of PersistentVolume {name} cannot be read: {why}"))?);
    }
    for (key, value) in volume.metadata.labels.iter().flatten() {
        let key = label::normalize(key);
        if PLACES.contains(&key) {
            let values: Vec<&str> = value.split(SEPARATOR).filter(|value| !value.is_empty()).collect();
            let read = Requirement::new(key, Operator::In, &values);
            all.push(vec![vec![read.map_err(|why| format!("the labels of PersistentVolume {name} cannot be read: {why}"))?]]);
        }
    }
    if all.is_empty() {
        let id = spec.and_then(|spec| spec.aws_elastic_block_store.as_ref()).map(|disk| disk.volume_id.as_str());
        let zone = id.and_then(|id| id.strip_prefix("aws://")?.split('/').next()).filter(|zone| !zone.is_empty());
        all.extend(zone.map(|zone| vec![vec![Requirement::equals(label::ZONE, zone)]]));
    }
    Ok(all)
}

fn term(term: &NodeSelectorTerm) -> Result<Vec<Requirement>, String> {
    if term.match_fields.as_ref().is_some_and(|fields| !fields.is_empty()) {
        return Err("matchFields is not supported; use a label in matchExpressions".to_owned());
    }
    let read = term.match_expressions.iter().flatten().map(|written| {
        let operator = Operator::parse(&written.operator).ok_or_else(|| format!("{:?} is no operator", written.operator))?;
        let values = written.values.as_deref().unwrap_or_default();
        Requirement::new(label::normalize(&written.key), operator, values).map_err(|error| error.to_string())
    });
    let mut all: Vec<Requirement> = read.collect::<Result<_, String>>()?;
    all.sort();
    Ok(all)
}

/// Where a class makes volumes; `None` for everywhere. A term without expressions matches nothing, as in the API.
pub(super) fn of_class(class: &StorageClass) -> Option<Terms> {
    let terms = class.allowed_topologies.as_ref().filter(|terms| !terms.is_empty())?;
    let requirements = |term: &k8s_openapi::api::core::v1::TopologySelectorTerm| {
        let expressions = term.match_label_expressions.iter().flatten();
        // Without values an expression matches no node; a value that no label can have says the same.
        let read = expressions.map(|one| {
            Requirement::new(label::normalize(&one.key), Operator::In, &one.values)
                .unwrap_or_else(|_| Requirement::equals(label::normalize(&one.key), ""))
        });
        read.collect()
    };
    Some(terms.iter().map(requirements).collect())
}
