//! An object as it comes over the wire. Reading one never fails: what is wrong inside is judged later, object by object, so that a bad one
//! does not stop the watch of all others.

use super::kind::Kind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use windlass_solver::ObjectKey;

/// An object of any kind, without what never decides anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    /// Name, namespace, uid and version only.
    meta: ObjectMeta,
    /// The object as a whole.
    pub object: Value,
}

/// Who we are among those who write fields.
pub(super) const FIELD_MANAGER: &str = "windlass";

/// Fields that are large and decide nothing.
const HEAVY: [&str; 10] = [
    "/metadata/managedFields",
    "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
    "/status/images",
    "/status/nodeInfo",
    "/status/volumesInUse",
    "/status/volumesAttached",
    "/status/addresses",
    "/status/config",
    "/status/runtimeHandlers",
    "/status/podIPs",
];

const NOMINATED: &str = "/status/nominatedNodeName";

fn is_nominated_by_us(object: &Value) -> bool {
    let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array).into_iter().flatten();
    let ours =
        |entry: &&Value| entry["manager"] == FIELD_MANAGER && entry.pointer("/fieldsV1/f:status/f:nominatedNodeName").is_some();
    object.pointer(NOMINATED).is_some() && managers.filter(ours).count() > 0
}

impl Raw {
    /// From JSON.
    pub fn new(mut object: Value) -> Self {
        if is_nominated_by_us(&object) {
            // The scheduler means preemption by it, we do not.
            remove(&mut object, NOMINATED);
        }
        for path in HEAVY {
            remove(&mut object, path);
        }
        let text = |field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).map(str::to_owned);
        let meta = ObjectMeta {
            name: text("name"),
            namespace: text("namespace"),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ..ObjectMeta::default()
        };
        Self { meta, object }
    }

    /// Namespace and name.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.meta.namespace.as_deref().unwrap_or_default(), self.meta.name.as_deref().unwrap_or_default())
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        self.meta.uid.as_deref().unwrap_or_default()
    }

    /// The object with apiVersion and kind, which items of lists lack.
    pub fn typed(mut self, kind: Kind) -> Value {
        if !self.object.is_object() {
            self.object = Value::Object(Map::new());
        }
        self.object["apiVersion"] = Value::String(kind.api_version());
        self.object["kind"] = Value::String(kind.name().to_owned());
        self.object
    }
}

/// Takes the value at a JSON pointer out.
fn remove(object: &mut Value, path: &str) {
    let Some((parent, field)) = path.rsplit_once('/') else { return };
    if let Some(fields) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.remove(&field.replace("~1", "/"));
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

impl Resource for Raw {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn api_version(resource: &ApiResource) -> Cow<'_, str> {
        resource.api_version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use super::Raw;
    use crate::cluster::live::kind::Kind;
    use serde_json::json;

    #[test]
    fn reads_anything_and_drops_what_is_heavy() {
        let raw: Raw = serde_json::from_value(json!({
            "metadata": {"name": "n", "uid": "u", "resourceVersion": "7", "managedFields": [1],
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}},
            "spec": {"whatever": 1}, "status": {"images": [1, 2], "capacity": {"cpu": "4"}}
        }))
        .unwrap();
        assert_eq!((raw.key().to_string(), raw.uid()), ("/n".to_owned(), "u"));
        assert_eq!(
            raw.typed(Kind::Node),
            json!({"apiVersion": "v1", "kind": "Node",
                "metadata": {"name": "n", "uid": "u", "resourceVersion": "7", "annotations": {"a": "b"}},
                "spec": {"whatever": 1}, "status": {"capacity": {"cpu": "4"}}})
        );
    }

    #[test]
    fn a_nomination_of_ours_is_no_preemption() {
        let nominated = |manager: &str| {
            let fields = json!({"f:status": {"f:nominatedNodeName": {}}});
            let raw = Raw::new(json!({
                "metadata": {"name": "p", "managedFields": [{"manager": manager, "subresource": "status", "fieldsV1": fields}]},
                "status": {"phase": "Pending", "nominatedNodeName": "n"}
            }));
            raw.object["status"].get("nominatedNodeName").cloned()
        };
        assert_eq!(nominated("windlass"), None);
        assert_eq!(nominated("kube-scheduler"), Some(json!("n")));
    }

    #[test]
    fn anything_is_an_object() {
        for odd in [json!(null), json!([1]), json!({"metadata": 3, "status": "x"}), json!({"metadata": {"name": 4}})] {
            let raw: Raw = serde_json::from_value(odd).unwrap();
            assert_eq!(raw.key().to_string(), "/");
        }
    }
}
