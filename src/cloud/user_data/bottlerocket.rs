//! Bottlerocket: settings as TOML, ours over those that were written. Source: <https://bottlerocket.dev/en/os/latest/#/api/settings/>
//!
//! `podsPerCore` has no setting there, and the catalogue leaves it out too.

use super::{Bootstrap, UserDataError, registration};
use crate::api::ec2_node_class::KubeletConfiguration;
use std::collections::BTreeMap;
use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

/// A bootstrap command of ours; commands run in the order of their names.
const MOUNT: &str = "000-mount-instance-storage";

pub(super) fn user_data(bootstrap: &Bootstrap<'_>) -> Result<String, UserDataError> {
    let written = bootstrap.custom.unwrap_or_default();
    let mut document: DocumentMut =
        written.parse().map_err(|error| UserDataError::Format(format!("it is no TOML: {error}").trim().to_owned()))?;
    let settings = table(document.as_table_mut(), "settings")?;
    let kubernetes = table(settings, "kubernetes")?;
    join(kubernetes, bootstrap)?;
    set_kubelet(kubernetes, bootstrap.kubelet)?;
    if bootstrap.raid0 {
        mount(table(table(settings, "bootstrap-commands")?, MOUNT)?);
    }
    Ok(document.to_string())
}

/// The table of that name, made if need be.
fn table<'a>(parent: &'a mut Table, name: &str) -> Result<&'a mut Table, UserDataError> {
    let item = parent.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    // Dotted keys and inline tables are tables too.
    if let Item::Value(Value::InlineTable(inline)) = item {
        *item = Item::Table(inline.clone().into_table());
    }
    item.as_table_mut().ok_or_else(|| UserDataError::Format(format!("{name} is no table")))
}

fn join(kubernetes: &mut Table, bootstrap: &Bootstrap<'_>) -> Result<(), UserDataError> {
    let server = bootstrap.api_server;
    kubernetes["cluster-name"] = value(&server.cluster);
    kubernetes["api-server"] = value(&server.url);
    kubernetes["cluster-certificate"] = value(&server.certificate_authority);
    match bootstrap.dns_servers().as_slice() {
        [] => {}
        [one] => kubernetes["cluster-dns-ip"] = value(one),
        several => kubernetes["cluster-dns-ip"] = value(several.iter().collect::<Array>()),
    }
    if let Some(max_pods) = bootstrap.max_pods {
        kubernetes["max-pods"] = value(max_pods);
    }
    let labels = table(kubernetes, "node-labels")?;
    for (key, text) in &registration::labels(bootstrap)? {
        labels[key.as_ref()] = value(text.as_ref());
    }
    let mut by_key: BTreeMap<&str, Array> = BTreeMap::new();
    for taint in registration::taints(bootstrap)? {
        by_key.entry(&taint.key).or_default().push(format!("{}:{}", taint.value, taint.effect.as_str()));
    }
    if !by_key.is_empty() {
        kubernetes.remove("node-taints");
        let taints = table(kubernetes, "node-taints")?;
        for (key, list) in by_key {
            taints[key] = value(list);
        }
    }
    Ok(())
}

fn set_kubelet(kubernetes: &mut Table, kubelet: &KubeletConfiguration) -> Result<(), UserDataError> {
    if let Some(setting) = kubelet.other.keys().next() {
        return Err(UserDataError::Setting { setting: setting.clone(), family: "Bottlerocket" });
    }
    let reserved = |list: &crate::api::ResourceList| texts(list.iter().map(|(key, text)| (key, text.as_str())));
    let thresholds =
        |list: &BTreeMap<String, crate::api::QuantityText>| texts(list.iter().map(|(key, text)| (key, text.as_str())));
    for (name, entries) in [
        ("kube-reserved", reserved(&kubelet.kube_reserved)),
        ("system-reserved", reserved(&kubelet.system_reserved)),
        ("eviction-hard", thresholds(&kubelet.eviction_hard)),
        ("eviction-soft", thresholds(&kubelet.eviction_soft)),
        ("eviction-soft-grace-period", texts(kubelet.eviction_soft_grace_period.iter().map(|(key, text)| (key, text.as_str())))),
    ] {
        if !entries.is_empty() {
            kubernetes[name] = Item::Table(entries);
        }
    }
    if let Some(seconds) = kubelet.eviction_max_pod_grace_period {
        kubernetes["eviction-max-pod-grace-period"] = value(i64::from(seconds));
    }
    if let Some(percent) = kubelet.image_gc_high_threshold_percent {
        kubernetes["image-gc-high-threshold-percent"] = value(percent.to_string());
    }
    if let Some(percent) = kubelet.image_gc_low_threshold_percent {
        kubernetes["image-gc-low-threshold-percent"] = value(percent.to_string());
    }
    if let Some(enforced) = kubelet.cpu_cfs_quota {
        kubernetes["cpu-cfs-quota-enforced"] = value(enforced);
    }
    Ok(())
}

fn texts<'a>(entries: impl Iterator<Item = (&'a String, &'a str)>) -> Table {
    entries.map(|(key, text)| (key.as_str(), value(text))).collect()
}

/// Local disks become one array, mounted where container images and pods' files lie.
fn mount(command: &mut Table) {
    let line = |words: &[&str]| words.iter().copied().collect::<Array>();
    let directories = ["/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods"];
    let bind: Vec<&str> = ["apiclient", "ephemeral-storage", "bind", "--dirs"].into_iter().chain(directories).collect();
    let mut commands = Array::new();
    commands.push(line(&["apiclient", "ephemeral-storage", "init"]));
    commands.push(line(&bind));
    command["commands"] = value(commands);
    command["mode"] = value("always");
    command["essential"] = value(true);
}
