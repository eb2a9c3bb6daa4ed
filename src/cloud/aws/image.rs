//! Images: what an alias stands for, what the other terms find, and which one an instance type starts from.

use super::{Aws, api_server, fault, locked};
use crate::api::ec2_node_class::{Ami, AmiFamily, AmiSelectorTerm};
use crate::api::{EC2NodeClassSpec, Operator, Requirement, label};
use crate::cloud::CloudError;
use crate::snapshot::template;
use crate::time::Time;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use windlass_ec2::{CallError, ImageRecord, ImageSelector};
use windlass_solver::{Labels, Requirements};

/// Owners of images that are found by name: the account itself and AWS, so that nobody else can offer one of that name. Source: Karpenter.
const TRUSTED: [&str; 2] = ["self", "amazon"];

/// A parameter of AWS that names an image, and which instances the image fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) parameter: String,
    pub(super) requirements: Vec<Requirement>,
}

/// What kind of accelerator an image has drivers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drivers {
    None,
    Gpu,
    Neuron,
}

/// The parameters of an alias, `family@version`, for a Kubernetes version. Sources: EKS user guide, "Retrieve Amazon Linux AMI IDs" and
/// "Retrieve Bottlerocket AMI IDs".
pub(super) fn published(alias: &str, kubernetes: &str) -> Vec<Published> {
    let (family, release) = alias.split_once('@').unwrap_or((alias, "latest"));
    let is_latest = release == "latest";
    let eks = format!("/aws/service/eks/optimized-ami/{kubernetes}");
    let mut all = Vec::new();
    let mut add = |parameter: String, arch: &str, drivers: Drivers| {
        all.push(Published { parameter, requirements: fits(arch, drivers) });
    };
    match family {
        "al2023" => {
            for (arch, name) in [("x86_64", "amd64"), ("arm64", "arm64")] {
                for (variant, drivers) in [("standard", Drivers::None), ("nvidia", Drivers::Gpu), ("neuron", Drivers::Neuron)] {
                    let pinned = format!("amazon-eks-node-al2023-{arch}-{variant}-{kubernetes}-{release}");
                    let image = if is_latest { "recommended" } else { &pinned };
                    add(format!("{eks}/amazon-linux-2023/{arch}/{variant}/{image}/image_id"), name, drivers);
                }
            }
        }
        "al2" => {
            for (suffix, middle, name, kinds) in [
                ("", "", "amd64", &[Drivers::None][..]),
                ("-arm64", "-arm64", "arm64", &[Drivers::None]),
                ("-gpu", "-gpu", "amd64", &[Drivers::Gpu, Drivers::Neuron]),
            ] {
                let pinned = format!("amazon-eks{middle}-node-{kubernetes}-{release}");
                let image = if is_latest { "recommended" } else { &pinned };
                for drivers in kinds {
                    add(format!("{eks}/amazon-linux-2{suffix}/{image}/image_id"), name, *drivers);
                }
            }
        }
        "bottlerocket" => {
            let image = release.trim_start_matches('v');
            for (arch, name) in [("x86_64", "amd64"), ("arm64", "arm64")] {
                for (variant, kinds) in [("", &[Drivers::None, Drivers::Neuron][..]), ("-nvidia", &[Drivers::Gpu])] {
                    for drivers in kinds {
                        let folder = format!("/aws/service/bottlerocket/aws-k8s-{kubernetes}{variant}");
                        add(format!("{folder}/{arch}/{image}/image_id"), name, *drivers);
                    }
                }
            }
        }
        _ => {}
    }
    all
}

fn fits(arch: &str, drivers: Drivers) -> Vec<Requirement> {
    let there = |key: &str, there: bool| Requirement {
        key: key.to_owned(),
        operator: if there { Operator::Exists } else { Operator::DoesNotExist },
        values: Vec::new(),
        min_values: None,
    };
    let mut all = vec![of_arch(arch)];
    match drivers {
        Drivers::None => {
            all.push(there(label::INSTANCE_GPU_COUNT, false));
            all.push(there(label::INSTANCE_ACCELERATOR_COUNT, false));
        }
        Drivers::Gpu => all.push(there(label::INSTANCE_GPU_COUNT, true)),
        Drivers::Neuron => all.push(there(label::INSTANCE_ACCELERATOR_COUNT, true)),
    }
    all
}

fn of_arch(arch: &str) -> Requirement {
    Requirement { key: label::ARCH.to_owned(), operator: Operator::In, values: vec![arch.to_owned()], min_values: None }
}

/// The image that an instance with these labels starts from: the first of the status that takes it.
pub(super) fn of_type<'a>(images: &'a [Ami], labels: &Labels) -> Option<&'a str> {
    let takes = |image: &&Ami| {
        let mut requirements = Requirements::new();
        for written in &image.requirements {
            match template::requirement(written) {
                Ok(requirement) => requirements.add(requirement),
                Err(_) => return false,
            }
        }
        requirements.allow(labels)
    };
    images.iter().find(takes).map(|image| image.id.as_str())
}

/// Images of the class, those to be preferred first: not deprecated, then newest. `Err` is for the condition.
pub(super) async fn find(aws: &Aws, spec: &EC2NodeClassSpec, now: Time) -> Result<Result<Vec<Ami>, String>, CloudError> {
    if let Some(family) = spec.family().filter(|family| is_windows(*family)) {
        return Ok(Err(format!("amiFamily {} is not supported yet; use AL2023, AL2, Bottlerocket or Custom", family.as_str())));
    }
    let version = api_server::version(aws, now).await;
    match gather(aws, spec, &version).await {
        Ok(found) if found.is_empty() => Ok(Err(missing(aws, spec, &version))),
        Ok(found) => Ok(Ok(sorted(found, now))),
        Err(error) => fault::condition(&error).map(Err),
    }
}

const fn is_windows(family: AmiFamily) -> bool {
    matches!(family, AmiFamily::Windows2019 | AmiFamily::Windows2022 | AmiFamily::Windows2025)
}

fn missing(aws: &Aws, spec: &EC2NodeClassSpec, version: &str) -> String {
    let alias = spec.ami_selector_terms.iter().find_map(|term| term.alias.as_deref());
    match alias {
        Some(alias) if alias.starts_with("al2@") => {
            format!("there is no AL2 image for Kubernetes {version}; EKS ended them with 1.32, use al2023@latest")
        }
        Some(alias) => {
            format!("AWS publishes no image for {alias} and Kubernetes {version}; check the release, or use @latest")
        }
        None => format!("amiSelectorTerms find no available image of amd64 or arm64 in {}; check them", aws.region),
    }
}

/// What SSM said lately, by name of the parameter; `None` is a parameter that does not exist.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    said: BTreeMap<String, (Instant, Option<String>)>,
}

/// How long SSM is believed: a new release may come this much later (Karpenter: 5 min for what may change).
const PARAMETER_FRESH: Duration = Duration::from_mins(5);

async fn parameter(aws: &Aws, name: &str) -> Result<Option<String>, CallError> {
    let said = locked(&aws.parameters).said.get(name).cloned();
    if let Some((_, value)) = said.filter(|(at, _)| at.elapsed() < PARAMETER_FRESH) {
        return Ok(value);
    }
    let value = aws.account.parameter(name).await?;
    let mut parameters = locked(&aws.parameters);
    parameters.said.retain(|_, (at, _)| at.elapsed() < PARAMETER_FRESH);
    parameters.said.insert(name.to_owned(), (Instant::now(), value.clone()));
    Ok(value)
}

type Found = Vec<(ImageRecord, Vec<Requirement>)>;

async fn gather(aws: &Aws, spec: &EC2NodeClassSpec, version: &str) -> Result<Found, CallError> {
    let mut found = Found::new();
    for term in &spec.ami_selector_terms {
        match &term.alias {
            Some(alias) => found.extend(of_alias(aws, alias, version).await?),
            None => found.extend(of_term(aws, term).await?),
        }
    }
    Ok(found)
}

async fn of_alias(aws: &Aws, alias: &str, version: &str) -> Result<Found, CallError> {
    let mut wanted: Vec<(String, Vec<Requirement>)> = Vec::new();
    for published in published(alias, version) {
        let id = parameter(aws, &published.parameter).await?;
        wanted.extend(id.map(|id| (id, published.requirements)));
    }
    let ids: Vec<String> = wanted.iter().map(|(id, _)| id.clone()).collect();
    if ids.is_empty() {
        return Ok(Found::new());
    }
    let records = aws.account.images(&ImageSelector { ids, ..ImageSelector::default() }).await?;
    let record = |id: &str| records.iter().find(|record| record.id == id).cloned();
    Ok(wanted.into_iter().filter_map(|(id, requirements)| Some((record(&id)?, requirements))).collect())
}

async fn of_term(aws: &Aws, term: &AmiSelectorTerm) -> Result<Found, CallError> {
    let mut selector = ImageSelector { name: term.name.clone(), tags: term.tags.clone(), ..ImageSelector::default() };
    selector.ids.extend(term.id.clone());
    if let Some(parameter) = &term.ssm_parameter {
        let Some(id) = self::parameter(aws, parameter).await? else { return Ok(Found::new()) };
        selector.ids.push(id);
    }
    match &term.owner {
        Some(owner) => selector.owners.push(owner.clone()),
        None if selector.ids.is_empty() => selector.owners.extend(TRUSTED.map(str::to_owned)),
        None => {}
    }
    let records = aws.account.images(&selector).await?;
    let fitting = records.into_iter().filter_map(|record| {
        let arch = match record.architecture.as_str() {
            "x86_64" => "amd64",
            "arm64" => "arm64",
            _ => return None,
        };
        Some((record, vec![of_arch(arch)]))
    });
    Ok(fitting.collect())
}

fn sorted(mut found: Found, now: Time) -> Vec<Ami> {
    let is_deprecated =
        |record: &ImageRecord| record.deprecation.as_deref().and_then(Time::parse).is_some_and(|deprecated| deprecated <= now);
    found.sort_by_cached_key(|(record, requirements)| {
        (is_deprecated(record), Reverse(record.created.clone()), record.name.clone(), record.id.clone(), requirements.clone())
    });
    found.dedup();
    let ami = |(record, requirements): (ImageRecord, Vec<Requirement>)| Ami {
        deprecated: is_deprecated(&record).then_some(true),
        id: record.id,
        name: record.name,
        requirements,
    };
    found.into_iter().map(ami).collect()
}

#[cfg(test)]
mod tests;
