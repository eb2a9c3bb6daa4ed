//! Which AWS region a plan is for, where the user does not say.
//!
//! A zone belongs to the region in its name (`us-west-2b`, `us-west-2-lax-1a`: us-west-2). Where the zones that the input names all
//! belong to one region, it is that one; where it names none, it is that of `windlass catalog`; where they belong to several, the user must choose.
//! Environment and AWS profile are not asked: equal files give equal plans on every machine.

use crate::api::label;
use crate::catalog::Catalog;
use crate::cli::Failure;
use crate::manifest::Inventory;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A region and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// The region.
    pub region: String,
    /// What to tell the user; nothing where it was asked for.
    pub note: Option<String>,
}

/// Chooses by `asked`, else by `zones`.
pub(super) fn choose(asked: Option<&str>, zones: &BTreeSet<String>) -> Result<Choice, Failure> {
    let named: BTreeSet<&str> = zones.iter().filter_map(|zone| region_of(zone)).collect();
    let mut named = named.into_iter();
    match (asked, named.next(), named.next()) {
        (Some(region), _, _) => Ok(Choice { region: region.to_owned(), note: None }),
        (None, Some(region), None) => {
            Ok(Choice { region: region.to_owned(), note: Some(format!("region {region}, from the zones in the input")) })
        }
        (None, None, _) => Ok(Choice {
            region: Catalog::DEFAULT_REGION.to_owned(),
            note: Some(format!("region {}: the input names no zone; --region chooses another", Catalog::DEFAULT_REGION)),
        }),
        (None, Some(first), Some(second)) => {
            Err(format!("the input names zones of several regions, {first} and {second} among them; choose one with --region")
                .into())
        }
    }
}

/// Every zone that a pod, a pool, a node, a volume or a node class of the input names.
pub(super) fn zones(inventory: &Inventory) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for set in &inventory.pods {
        // Thousands of pods share a few specs.
        if seen.insert(Arc::as_ptr(&set.value.spec)) {
            collect(&*set.value.spec, &mut found);
        }
    }
    inventory.nodes.iter().for_each(|node| collect(&node.value.metadata.labels, &mut found));
    inventory.node_pools.iter().for_each(|pool| collect(&pool.value.spec, &mut found));
    inventory.node_classes.iter().for_each(|class| collect(&class.value, &mut found));
    inventory.node_claims.iter().for_each(|claim| collect(&claim.value, &mut found));
    inventory.provisioners.iter().for_each(|provisioner| collect(&provisioner.value.spec, &mut found));
    for volume in inventory.volumes.iter().map(|source| &source.value) {
        collect(&volume.spec, &mut found);
        // `a__b` stands for a volume of both zones.
        let labels = volume.metadata.labels.iter().flatten().filter(|(_, value)| !value.contains("__"));
        collect(&labels.collect::<std::collections::BTreeMap<_, _>>(), &mut found);
    }
    inventory.storage_classes.iter().for_each(|class| collect(&class.value.allowed_topologies, &mut found));
    found
}

/// The zones in one object. What cannot be shown as JSON cannot have been read from YAML.
fn collect(object: &impl Serialize, found: &mut BTreeSet<String>) {
    if let Ok(value) = serde_json::to_value(object) {
        collect_in(&value, found);
    }
}

/// Zones stand in label maps (`topology.kubernetes.io/zone: us-west-2b`), in requirements (`key`, `values`), and in the status of a
/// node class (`subnets[].zone`).
fn collect_in(value: &Value, found: &mut BTreeSet<String>) {
    let is_zone = |key: &str| label::normalize(key) == label::ZONE;
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_in(item, found)),
        Value::Object(fields) => {
            if fields.get("key").and_then(Value::as_str).is_some_and(is_zone) {
                let values = fields.get("values").and_then(Value::as_array).into_iter().flatten();
                found.extend(values.filter_map(Value::as_str).map(str::to_owned));
            }
            for (key, value) in fields {
                match value.as_str() {
                    Some(zone) if key == "zone" || is_zone(key) => drop(found.insert(zone.to_owned())),
                    _ => collect_in(value, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The region of a zone; `None` for what is no name of an AWS zone.
fn region_of(zone: &str) -> Option<&str> {
    let digits = zone.find(|letter: char| letter.is_ascii_digit())?;
    let (words, rest) = zone.split_at(digits);
    let number = rest.find(|letter: char| !letter.is_ascii_digit())?;
    let well_formed = words.ends_with('-')
        && words.matches('-').count() >= 2
        && words.split_terminator('-').all(|word| !word.is_empty() && word.bytes().all(|letter| letter.is_ascii_lowercase()));
    well_formed.then(|| &zone[..digits + number])
}

#[cfg(test)]
mod tests {
    use super::{choose, collect, region_of};
    use std::collections::BTreeSet;

    fn zones(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_zone_names_its_region() {
        for (zone, region) in [
            ("us-west-2b", Some("us-west-2")),
            ("us-west-2-lax-1a", Some("us-west-2")),
            ("us-gov-west-1a", Some("us-gov-west-1")),
            ("ap-southeast-10c", Some("ap-southeast-10")),
            ("us-west-2", None),
            ("zone-1a", None),
            ("rack1", None),
            ("", None),
        ] {
            assert_eq!(region_of(zone), region, "{zone}");
        }
    }

    #[test]
    fn zones_are_found_in_labels_requirements_and_subnets() {
        let mut found = BTreeSet::new();
        let object = serde_json::json!({
            "nodeSelector": { "failure-domain.beta.kubernetes.io/zone": "us-west-2a", "zone-of-trust": "eu-west-1a" },
            "requirements": [{ "key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-west-2b", "us-west-2c"] }],
            "status": { "subnets": [{ "id": "subnet-1", "zone": "us-west-2d" }] },
        });
        collect(&object, &mut found);
        assert_eq!(found, zones(&["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"]));
    }

    #[test]
    fn one_region_decides_and_several_do_not() {
        let choice =
            |asked, names: &[&str]| choose(asked, &zones(names)).map(|choice| choice.region).map_err(|error| error.to_string());
        assert_eq!(choice(None, &["us-west-2a", "us-west-2b", "rack1"]), Ok("us-west-2".into()));
        assert_eq!(choice(None, &[]), Ok(super::Catalog::DEFAULT_REGION.into()));
        assert_eq!(choice(Some("eu-west-1"), &["us-west-2a"]), Ok("eu-west-1".into()));
        assert!(choice(None, &["us-west-2a", "eu-west-1a"]).unwrap_err().contains("eu-west-1 and us-west-2"));
    }
}
