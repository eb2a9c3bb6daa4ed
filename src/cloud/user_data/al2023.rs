//! Amazon Linux 2023: a NodeConfig for nodeadm, the last of a MIME document's parts, so that it has the last word.
//! Source: <https://awslabs.github.io/amazon-eks-ami/nodeadm/>

use super::mime::{self, Part};
use super::{Bootstrap, UserDataError, registration};
use serde_json::{Map, Value, json};

const NODE_CONFIG: &str = "application/node.eks.aws";
const SHELL_SCRIPT: &str = "text/x-shellscript; charset=\"us-ascii\"";
const CLOUD_CONFIG: &str = "text/cloud-config; charset=\"us-ascii\"";

pub(super) fn user_data(bootstrap: &Bootstrap<'_>) -> Result<String, UserDataError> {
    let mut parts = match bootstrap.custom.map(str::trim).filter(|text| !text.is_empty()) {
        None => Vec::new(),
        Some(text) if mime::is_multipart(text) => mime::parts(text)?,
        Some(text) => vec![Part::new(content_type(text), text)],
    };
    // JSON is YAML in which nothing can be quoted wrongly.
    let config =
        serde_json::to_string_pretty(&node_config(bootstrap)?).map_err(|error| UserDataError::Format(error.to_string()))?;
    parts.push(Part::new(NODE_CONFIG, &config));
    Ok(mime::document(&parts))
}

/// What a text without headers is.
fn content_type(text: &str) -> &'static str {
    if text.starts_with("#cloud-config") {
        return CLOUD_CONFIG;
    }
    let is_map = || serde_saphyr::from_str::<Value>(text).is_ok_and(|value| value.is_object());
    if !text.starts_with("#!") && is_map() { NODE_CONFIG } else { SHELL_SCRIPT }
}

fn node_config(bootstrap: &Bootstrap<'_>) -> Result<Value, UserDataError> {
    let server = bootstrap.api_server;
    let cidr = server.service_cidr.as_ref().ok_or(UserDataError::NoServiceCidr)?;
    let labels = registration::label_list(&registration::labels(bootstrap)?);
    let mut spec = json!({
        "cluster": {
            "name": server.cluster,
            "apiServerEndpoint": server.url,
            "certificateAuthority": server.certificate_authority,
            "cidr": cidr
        },
        "kubelet": { "config": kubelet(bootstrap)?, "flags": [format!("--node-labels={labels}")] }
    });
    if bootstrap.raid0 {
        spec["instance"] = json!({ "localStorage": { "strategy": "RAID0" } });
    }
    Ok(json!({ "apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec }))
}

/// The kubelet's configuration: what the class says, other settings included, completed.
fn kubelet(bootstrap: &Bootstrap<'_>) -> Result<Map<String, Value>, UserDataError> {
    if bootstrap.kubelet.other.contains_key("registerWithTaints") {
        return Err(UserDataError::Taints);
    }
    let written = serde_json::to_value(bootstrap.kubelet).map_err(|error| UserDataError::Format(error.to_string()))?;
    let Value::Object(mut config) = written else { return Ok(Map::new()) };
    let dns = bootstrap.dns_servers();
    if !dns.is_empty() {
        config.insert("clusterDNS".to_owned(), json!(dns));
    }
    if let Some(max_pods) = bootstrap.max_pods {
        config.insert("maxPods".to_owned(), json!(max_pods));
    }
    let taint = |taint: &windlass_solver::Taint| {
        let mut written =
            Map::from_iter([("key".to_owned(), json!(&*taint.key)), ("effect".to_owned(), json!(taint.effect.as_str()))]);
        if !taint.value.is_empty() {
            written.insert("value".to_owned(), json!(&*taint.value));
        }
        Value::Object(written)
    };
    let taints: Vec<Value> = registration::taints(bootstrap)?.iter().map(taint).collect();
    if !taints.is_empty() {
        config.insert("registerWithTaints".to_owned(), Value::Array(taints));
    }
    Ok(config)
}
