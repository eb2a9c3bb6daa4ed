//! `windlass.dev/same-zone-as: KEY` on a pod or a pod template: pods of one namespace with the same value of the label KEY share one zone,
//! whichever that is. Kubernetes has no such rule: pod affinity asks for a zone in which a pod is already.

use super::field::{Finding, join};
use std::collections::BTreeMap;

/// The annotation. Its value is the key of a label that the pod has.
pub const SAME_ZONE_AS: &str = "windlass.dev/same-zone-as";

/// The key of the label, for pods with `labels`; `metadata` is where both stand.
pub(super) fn read(
    annotations: Option<&BTreeMap<String, String>>,
    labels: Option<&BTreeMap<String, String>>,
    metadata: &str,
    found: &mut Vec<Finding>,
) -> Option<String> {
    let key = annotations?.get(SAME_ZONE_AS)?;
    if labels.is_some_and(|labels| labels.contains_key(key)) {
        return Some(key.clone());
    }
    let at = join(&format!("{metadata}.annotations"), SAME_ZONE_AS);
    let hint = "name a label whose value is the same on all pods that share a zone, such as spark-app-selector";
    found.push(Finding::error(at, format!("{key:?} is no label of the pod")).hint(hint));
    None
}
