//! What Karpenter's controllers check once an object is stored, what EC2 would refuse at the first launch, and what is legal but
//! surprising.

use super::structural::{field, key, shown};
use super::{FieldError, Reason};
use crate::api::schedule::Schedule;
use crate::api::{label, period};
use crate::quantity::Quantity;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::OnceLock;

type Findings = Vec<FieldError>;

/// DNS subdomain, RFC 1123: what names of cluster-scoped objects are made of.
fn dns_subdomain() -> Option<&'static Regex> {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    PATTERN.get_or_init(|| Regex::new(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$").ok()).as_ref()
}

fn error(findings: &mut Findings, path: impl Into<String>, message: impl Into<String>) {
    findings.push(FieldError::error(path, Reason::Runtime, message));
}

fn warning(findings: &mut Findings, path: impl Into<String>, message: impl Into<String>) {
    findings.push(FieldError::warning(path, Reason::Runtime, message));
}

/// Name and labels, which every object has.
pub(super) fn metadata(object: &Value, findings: &mut Findings) {
    let Some(metadata) = object.get("metadata").and_then(Value::as_object) else {
        if object.get("metadata").is_none() {
            findings.push(FieldError::error("metadata.name", Reason::Required, "Required value: name is required"));
        }
        return;
    };
    match metadata.get("name") {
        None if metadata.contains_key("generateName") => {}
        None => findings.push(FieldError::error("metadata.name", Reason::Required, "Required value: name is required")),
        Some(Value::String(name)) => {
            let is_valid = name.len() <= 253 && dns_subdomain().is_some_and(|pattern| pattern.is_match(name));
            if !is_valid {
                let message = "must be a lowercase DNS name: letters, digits, '-' and '.', at most 253, beginning and ending with a \
                               letter or digit";
                error(findings, "metadata.name", format!("Invalid value: {}: {message}", shown(&Value::from(name.as_str()))));
            }
        }
        Some(other) => {
            findings.push(FieldError::error(
                "metadata.name",
                Reason::Type,
                format!("Invalid value: {}: must be a string", shown(other)),
            ));
        }
    }
    for map in ["labels", "annotations"] {
        let path = format!("metadata.{map}");
        match metadata.get(map) {
            None | Some(Value::Null) => {}
            Some(Value::Object(entries)) => {
                for (name, value) in entries.iter().filter(|(_, value)| !value.is_string()) {
                    let message = format!("Invalid value: {}: must be a string (put it in quotes?)", shown(value));
                    findings.push(FieldError::error(key(&path, name), Reason::Type, message));
                }
            }
            Some(other) => findings.push(FieldError::error(
                path,
                Reason::Type,
                format!("Invalid value: {}: must be an object", shown(other)),
            )),
        }
    }
}

/// What is special to a kind. The object has the types of its schema.
pub(super) fn check(kind: &str, object: &Value, findings: &mut Findings) {
    let Some(spec) = object.get("spec") else { return };
    match kind {
        "NodePool" => node_pool(object, spec, findings),
        "NodeClaim" => {
            node_template(spec, "spec", findings);
            amounts(&spec["resources"]["requests"], "spec.resources.requests", findings);
        }
        "NodeOverlay" => node_overlay(spec, findings),
        "EC2NodeClass" => node_class(spec, findings),
        "Provisioner" => {
            taints(spec, "spec", findings);
            requirements(spec, "spec", findings);
            amounts(&spec["limits"]["resources"], "spec.limits.resources", findings);
            kubelet(&spec["kubeletConfiguration"], "spec.kubeletConfiguration", findings);
            becomes_label(object, findings);
        }
        _ => {}
    }
}

fn node_pool(object: &Value, spec: &Value, findings: &mut Findings) {
    becomes_label(object, findings);
    amounts(&spec["limits"], "spec.limits", findings);
    node_template(&spec["template"]["spec"], "spec.template.spec", findings);
    let disruption = &spec["disruption"];
    duration(&disruption["consolidateAfter"], "spec.disruption.consolidateAfter", findings);
    for (index, budget) in disruption["budgets"].as_array().into_iter().flatten().enumerate() {
        let path = format!("spec.disruption.budgets[{index}]");
        if let Some(schedule) = budget["schedule"].as_str()
            && let Err(why) = Schedule::from_str(schedule)
        {
            error(
                findings,
                field(&path, "schedule"),
                format!("Invalid value: {}: is no cron schedule: {why}", shown(&Value::from(schedule))),
            );
        }
        duration(&budget["duration"], &field(&path, "duration"), findings);
        let nodes = budget["nodes"].as_str().unwrap_or_default();
        if !nodes.ends_with('%') && nodes.parse::<i32>().is_err() {
            error(
                findings,
                field(&path, "nodes"),
                format!("Invalid value: {}: must be at most {}", shown(&Value::from(nodes)), i32::MAX),
            );
        }
    }
}

/// Resources that an instance type's hardware decides, and that Karpenter's provider for AWS lets nobody overlay.
const OF_HARDWARE: [&str; 5] = [
    "vpc.amazonaws.com/pod-eni",
    "vpc.amazonaws.com/efa",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
    "habana.ai/gaudi",
];

fn node_overlay(spec: &Value, findings: &mut Findings) {
    amounts(&spec["capacity"], "spec.capacity", findings);
    for name in OF_HARDWARE.into_iter().filter(|name| spec["capacity"].get(name).is_some()) {
        error(findings, key("spec.capacity", name), "Invalid value: the hardware decides it; it cannot be overlaid".to_owned());
    }
    for (index, requirement) in spec["requirements"].as_array().into_iter().flatten().enumerate() {
        if requirement.get("minValues").is_some() {
            let at = format!("spec.requirements[{index}].minValues");
            error(findings, at, "Invalid value: an overlay launches nothing, so minValues mean nothing here".to_owned());
        }
    }
}

/// The name of a pool becomes the value of a node's label.
fn becomes_label(object: &Value, findings: &mut Findings) {
    if let Some(name) = object["metadata"]["name"].as_str().filter(|name| name.len() > 63) {
        let message = format!("Too long: {}: becomes a label of its nodes, so at most 63 characters", shown(&Value::from(name)));
        error(findings, "metadata.name", message);
    }
}

/// What NodePool and NodeClaim have in common.
fn node_template(spec: &Value, path: &str, findings: &mut Findings) {
    taints(spec, path, findings);
    requirements(spec, path, findings);
    for name in ["expireAfter", "terminationGracePeriod"] {
        duration(&spec[name], &field(path, name), findings);
    }
    if spec["expireAfter"].as_str().is_some_and(|text| period::seconds(text) == Ok(Some(0))) {
        warning(
            findings,
            field(path, "expireAfter"),
            "0 makes every node expire as soon as it exists; write Never to keep nodes",
        );
    }
    let reference = &spec["nodeClassRef"];
    let names = (reference["group"].as_str().unwrap_or_default(), reference["kind"].as_str().unwrap_or_default());
    if names != (label::AWS_GROUP, "EC2NodeClass") {
        let message = format!("Unsupported value: {}/{}: only karpenter.k8s.aws/EC2NodeClass is supported", names.0, names.1);
        error(findings, field(path, "nodeClassRef"), message);
    }
}

fn duration(value: &Value, path: &str, findings: &mut Findings) {
    if let Some(text) = value.as_str()
        && let Err(why @ period::PeriodError::TooLong(_)) = period::seconds(text)
    {
        error(findings, path, format!("Invalid value: {why}"));
    }
}

/// The same key and effect may not be there twice, in both lists together.
fn taints(spec: &Value, path: &str, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for list in ["taints", "startupTaints"] {
        for (index, taint) in spec[list].as_array().into_iter().flatten().enumerate() {
            let (name, effect) = (taint["key"].as_str().unwrap_or_default(), taint["effect"].as_str().unwrap_or_default());
            if !seen.insert((name, effect)) {
                error(
                    findings,
                    format!("{path}.{list}[{index}]"),
                    format!("Duplicate value: taint {name}:{effect} is there twice"),
                );
            }
        }
    }
}

/// Values of labels whose values are known: one of them at least must be possible.
fn requirements(spec: &Value, path: &str, findings: &mut Findings) {
    for (index, requirement) in spec["requirements"].as_array().into_iter().flatten().enumerate() {
        let name = requirement["key"].as_str().unwrap_or_default();
        let known: &[&str] = match label::normalize(name) {
            label::CAPACITY_TYPE => &[label::ON_DEMAND, label::RESERVED, label::SPOT],
            label::INSTANCE_TENANCY => &["dedicated", "default"],
            label::ARCH => &["amd64", "arm64"],
            label::OS => &["linux", "windows"],
            _ => continue,
        };
        if requirement["operator"] != "In" {
            continue;
        }
        let values: Vec<&str> = requirement["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let possible = values.iter().filter(|value| known.contains(*value)).count();
        let at = format!("{path}.requirements[{index}].values");
        let least = requirement["minValues"].as_u64().and_then(|least| usize::try_from(least).ok()).unwrap_or(1);
        if possible < least {
            error(findings, at, format!("Invalid value: {values:?}: {least} of {known:?} needed for {name}, {possible} found"));
        } else if possible < values.len() {
            let unknown: Vec<&&str> = values.iter().filter(|value| !known.contains(*value)).collect();
            warning(findings, at, format!("{unknown:?} never match {name}, whose values are {known:?}"));
        }
    }
}

/// Amounts must fit our arithmetic and must not be negative.
fn amounts(list: &Value, path: &str, findings: &mut Findings) {
    for (name, value) in list.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Err(why) = crate::quantity::amount(name, &text) {
            error(findings, key(path, name), format!("Invalid value: {why}"));
        }
    }
}

fn kubelet(settings: &Value, path: &str, findings: &mut Findings) {
    for list in ["kubeReserved", "systemReserved"] {
        amounts(&settings[list], &field(path, list), findings);
    }
    for list in ["evictionHard", "evictionSoft"] {
        for (name, value) in settings[list].as_object().into_iter().flatten() {
            if let Err(why) = threshold(value.as_str().unwrap_or_default()) {
                error(findings, key(&field(path, list), name), format!("Invalid value: {why}"));
            }
        }
    }
    for (name, value) in settings["evictionSoftGracePeriod"].as_object().into_iter().flatten() {
        if !value.as_str().is_some_and(|text| matches!(period::seconds(text), Ok(Some(_)))) {
            let message = format!("Invalid value: {}: must be a duration such as 30s or 1m30s", shown(value));
            error(findings, key(&field(path, "evictionSoftGracePeriod"), name), message);
        }
    }
}

/// A quantity, or 0 to 100 percent.
fn threshold(text: &str) -> Result<(), String> {
    let Some(percent) = text.strip_suffix('%') else {
        return Quantity::parse(text).map(drop).map_err(|why| why.to_string());
    };
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_valid = are_digits(whole)
        && are_digits(fraction)
        && whole.parse::<u8>().is_ok_and(|whole| whole < 100 || (whole == 100 && fraction.bytes().all(|byte| byte == b'0')));
    if is_valid { Ok(()) } else { Err(format!("{}: must be between 0% and 100%", shown(&Value::from(text)))) }
}

fn node_class(spec: &Value, findings: &mut Findings) {
    let settings = &spec["kubelet"];
    kubelet(settings, "spec.kubelet", findings);
    for name in settings.as_object().into_iter().flatten().map(|(name, _)| name.as_str()) {
        if name == "registerWithTaints" {
            error(findings, "spec.kubelet.registerWithTaints", "Forbidden: use spec.template.spec.taints of the NodePool");
        } else if !MODELLED_KUBELET.contains(&name) {
            let message = "is not modelled: passed on to AL2023 nodes as it is, and assumed not to change what pods can use";
            warning(findings, key("spec.kubelet", name), message);
        }
    }
    if let Some(data) = spec["userData"].as_str().filter(|data| data.len() > 16_384) {
        error(findings, "spec.userData", format!("Too long: {} bytes: EC2 takes at most 16384", data.len()));
    }
    for (name, value) in spec["tags"].as_object().into_iter().flatten() {
        let has_control = |text: &str| text.chars().any(char::is_control);
        if has_control(name) || value.as_str().is_some_and(has_control) {
            error(
                findings,
                key("spec.tags", &name.escape_debug().to_string()),
                "Invalid value: tags must not have control characters",
            );
        }
    }
}

/// Kubelet settings with a field of their own in the EC2NodeClass.
const MODELLED_KUBELET: [&str; 12] = [
    "clusterDNS",
    "cpuCFSQuota",
    "evictionHard",
    "evictionMaxPodGracePeriod",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "imageGCHighThresholdPercent",
    "imageGCLowThresholdPercent",
    "kubeReserved",
    "maxPods",
    "podsPerCore",
    "systemReserved",
];
