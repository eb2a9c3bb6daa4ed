//! Amazon Linux 2: a call of `/etc/eks/bootstrap.sh`, the last of a MIME document's parts.
//! Source: <https://github.com/awslabs/amazon-eks-ami>, `bootstrap.sh`.

use super::mime::{self, Part};
use super::{Bootstrap, UserDataError, registration};
use crate::api::QuantityText;
use std::collections::BTreeMap;

const SHELL_SCRIPT: &str = "text/x-shellscript; charset=\"us-ascii\"";

pub(super) fn user_data(bootstrap: &Bootstrap<'_>) -> Result<String, UserDataError> {
    let mut parts = match bootstrap.custom.map(str::trim).filter(|text| !text.is_empty()) {
        None => Vec::new(),
        Some(text) if mime::is_multipart(text) => mime::parts(text)?,
        Some(text) => vec![Part::new(SHELL_SCRIPT, text)],
    };
    parts.push(Part::new(SHELL_SCRIPT, &script(bootstrap)?));
    Ok(mime::document(&parts))
}

fn script(bootstrap: &Bootstrap<'_>) -> Result<String, UserDataError> {
    let server = bootstrap.api_server;
    let mut words = vec![
        "/etc/eks/bootstrap.sh".to_owned(),
        quoted(&server.cluster),
        format!("--apiserver-endpoint {}", quoted(&server.url)),
        format!("--b64-cluster-ca {}", quoted(&server.certificate_authority)),
    ];
    if let Some(cidr) = server.service_cidr.as_ref().filter(|cidr| cidr.contains(':')) {
        words.push(format!("--ip-family ipv6 --service-ipv6-cidr {}", quoted(cidr)));
    }
    if let Some(dns) = bootstrap.dns_servers().first() {
        words.push(format!("--dns-cluster-ip {}", quoted(dns)));
    }
    if bootstrap.max_pods.is_some() {
        words.push("--use-max-pods false".to_owned());
    }
    if bootstrap.raid0 {
        words.push("--local-disks raid0".to_owned());
    }
    words.push(format!("--kubelet-extra-args {}", quoted(&arguments(bootstrap)?.join(" "))));
    let log = "exec > >(tee /var/log/user-data.log | logger -t user-data -s 2>/dev/console) 2>&1";
    Ok(format!("#!/bin/bash -xe\n{log}\n{}\n", words.join(" \\\n  ")))
}

/// Arguments of the kubelet. The script splits them at spaces, so none may contain one.
fn arguments(bootstrap: &Bootstrap<'_>) -> Result<Vec<String>, UserDataError> {
    let kubelet = bootstrap.kubelet;
    if let Some(setting) = kubelet.other.keys().next() {
        return Err(UserDataError::Setting { setting: setting.clone(), family: "AL2" });
    }
    let mut all = vec![format!("--node-labels={}", registration::label_list(&registration::labels(bootstrap)?))];
    let taints: Vec<String> = registration::taints(bootstrap)?
        .iter()
        .map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect.as_str()))
        .collect();
    if !taints.is_empty() {
        all.push(format!("--register-with-taints={}", taints.join(",")));
    }
    let mut add = |flag: &str, value: Option<String>| all.extend(value.map(|value| format!("--{flag}={value}")));
    add("max-pods", bootstrap.max_pods.map(|number| number.to_string()));
    add("pods-per-core", kubelet.pods_per_core.map(|number| number.to_string()));
    add("system-reserved", list(&kubelet.system_reserved, "="));
    add("kube-reserved", list(&kubelet.kube_reserved, "="));
    add("eviction-hard", list(&kubelet.eviction_hard, "<"));
    add("eviction-soft", list(&kubelet.eviction_soft, "<"));
    add("eviction-soft-grace-period", list(&kubelet.eviction_soft_grace_period, "="));
    add("eviction-max-pod-grace-period", kubelet.eviction_max_pod_grace_period.map(|seconds| seconds.to_string()));
    add("image-gc-high-threshold", kubelet.image_gc_high_threshold_percent.map(|percent| percent.to_string()));
    add("image-gc-low-threshold", kubelet.image_gc_low_threshold_percent.map(|percent| percent.to_string()));
    add("cpu-cfs-quota", kubelet.cpu_cfs_quota.map(|quota| quota.to_string()));
    match all.iter().find(|argument| argument.contains([' ', '\t', '\n', '\'', '"', '\\', '$', '`'])) {
        Some(argument) => Err(UserDataError::Invalid(argument.clone())),
        None => Ok(all),
    }
}

trait Text {
    fn text(&self) -> &str;
}

impl Text for QuantityText {
    fn text(&self) -> &str {
        self.as_str()
    }
}

impl Text for String {
    fn text(&self) -> &str {
        self
    }
}

/// `a=1,b=2`; `None` for an empty map.
fn list<T: Text>(map: &BTreeMap<String, T>, sign: &str) -> Option<String> {
    let joined = map.iter().map(|(key, value)| format!("{key}{sign}{}", value.text())).collect::<Vec<_>>().join(",");
    (!map.is_empty()).then_some(joined)
}

/// A word that no shell reads anything into.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
