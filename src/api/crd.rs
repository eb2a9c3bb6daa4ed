//! CustomResourceDefinitions, generated from the types.

use super::{AWSNodeTemplate, EC2NodeClass, NodeClaim, NodeOverlay, NodePool, Provisioner};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Map, Value};

/// A CustomResourceDefinition and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// `<plural>.<group>`, such as `nodepools.karpenter.sh`.
    pub name: String,
    /// Kind of its objects, such as `NodePool`.
    pub kind: String,
    /// API version of its objects, such as `karpenter.sh/v1`.
    pub api_version: String,
    /// Short names, plural and singular, for finding it on the command line.
    pub aliases: Vec<String>,
    /// The object to apply.
    pub object: Value,
}

impl Definition {
    /// The schema of the only version.
    pub fn schema(&self) -> &Value {
        &self.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    }
}

/// All definitions, sorted by name.
pub fn definitions() -> Vec<Definition> {
    let mut all: Vec<Definition> =
        [NodePool::crd(), NodeClaim::crd(), NodeOverlay::crd(), EC2NodeClass::crd(), Provisioner::crd(), AWSNodeTemplate::crd()]
            .iter()
            .map(definition)
            .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn definition(crd: &CustomResourceDefinition) -> Definition {
    // A CustomResourceDefinition holds only maps with string keys, so this cannot fail.
    let mut object = serde_json::to_value(crd).unwrap_or_default();
    let names = &crd.spec.names;
    let version = crd.spec.versions.first().map(|version| version.name.clone()).unwrap_or_default();
    if let Some(schema) = object.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        tidy(schema);
    }
    tidy_numbers(&mut object);
    let mut aliases = vec![names.plural.clone()];
    aliases.extend(names.singular.clone());
    aliases.extend(names.short_names.clone().unwrap_or_default());
    Definition {
        name: crd.metadata.name.clone().unwrap_or_default(),
        kind: names.kind.clone(),
        api_version: format!("{}/{version}", crd.spec.group),
        aliases,
        object,
    }
}

/// Makes a generated schema what we want to publish: fields that may be left out are not nullable (the API server drops a null then,
/// as it does for Karpenter's schemas), and formats are those that Kubernetes knows.
fn tidy(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    fields.remove("nullable");
    if fields.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        fields.remove("format");
    }
    drop_null_from_enum(fields);
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(key) {
            tidy(inner);
        }
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(tidy);
    }
}

fn drop_null_from_enum(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = fields.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// Bounds are floats in the definition's type; whole ones read better as integers.
fn tidy_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            // Bounds are far below 2^53, where every integer is an exact float.
            #[allow(clippy::cast_possible_truncation)]
            if let Some(float) = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15) {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy_numbers),
        Value::Object(fields) => fields.values_mut().for_each(tidy_numbers),
        _ => {}
    }
}
