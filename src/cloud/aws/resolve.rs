//! What an EC2NodeClass' selectors find, and conditions that say what is missing. Names of conditions are Karpenter's.

use super::{Aws, fault, image, locked, profile};
use crate::api::condition::{self, Condition, ConditionStatus};
use crate::api::ec2_node_class::{
    AmiFamily, KubeletConfiguration, SecurityGroup, SecurityGroupSelectorTerm, Subnet, SubnetSelectorTerm,
};
use crate::api::{EC2NodeClass, EC2NodeClassSpec, EC2NodeClassStatus};
use crate::cloud::CloudError;
use crate::cloud::user_data::{Bootstrap, user_data};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use windlass_ec2::{CallError, SecurityGroupRecord, Selector, SubnetRecord};
use windlass_solver::Labels;

/// Condition about capacity reservations. It does not count for `Ready`.
const RESERVATIONS: &str = "CapacityReservationsReady";

/// Why something of a class cannot be used.
struct Problem {
    reason: &'static str,
    message: String,
}

pub(super) async fn resolve(aws: &Aws, class: &EC2NodeClass, now: Time) -> Result<EC2NodeClassStatus, CloudError> {
    let spec = &class.spec;
    let known = class.status.clone().unwrap_or_default();
    let mut outcomes: Vec<(&str, Option<Problem>)> = Vec::new();
    let (subnets, problem) = parted(subnets(aws, &spec.subnet_selector_terms).await?);
    outcomes.push(("SubnetsReady", problem));
    let (security_groups, problem) = parted(security_groups(aws, &spec.security_group_selector_terms).await?);
    outcomes.push(("SecurityGroupsReady", problem));
    let images = image::find(aws, spec, now).await?;
    let (amis, problem) = parted(images.map_err(|message| Problem { reason: "AMINotFound", message }));
    outcomes.push(("AMIsReady", problem));
    let profile = profile::find(aws, class, now).await?;
    let profile = profile.map(Some).map_err(|unready| Problem { reason: unready.reason, message: unready.message });
    let (instance_profile, problem) = parted(profile);
    outcomes.push(("InstanceProfileReady", problem));
    outcomes.push(("ValidationSucceeded", validate(aws, spec)));
    let mut conditions = conditions(known.conditions, outcomes, class.metadata.generation, now);
    mention_reservations(&mut conditions, spec, class.metadata.generation, now);
    Ok(EC2NodeClassStatus { subnets, security_groups, capacity_reservations: Vec::new(), amis, instance_profile, conditions })
}

/// What was found, or nothing and why.
fn parted<T: Default>(result: Result<T, Problem>) -> (T, Option<Problem>) {
    match result {
        Ok(found) => (found, None),
        Err(problem) => (T::default(), Some(problem)),
    }
}

fn conditions(
    mut conditions: Vec<Condition>,
    outcomes: Vec<(&str, Option<Problem>)>,
    generation: Option<i64>,
    now: Time,
) -> Vec<Condition> {
    let now = now.to_string();
    let mut problems = Vec::new();
    for (name, problem) in outcomes {
        match problem {
            None => condition::set(&mut conditions, name, ConditionStatus::True, (name, ""), &now),
            Some(Problem { reason, message }) => {
                condition::set(&mut conditions, name, ConditionStatus::False, (reason, &message), &now);
                problems.push(format!("{name}=False: {message}"));
            }
        }
    }
    if problems.is_empty() {
        condition::set(&mut conditions, "Ready", ConditionStatus::True, ("Ready", ""), &now);
    } else {
        condition::set(&mut conditions, "Ready", ConditionStatus::False, ("UnhealthyDependents", &problems.join("; ")), &now);
    }
    for condition in &mut conditions {
        condition.observed_generation = generation;
    }
    conditions
}

/// The class can be used without the reservations that it selects, at a price: that must not go unsaid.
fn mention_reservations(conditions: &mut Vec<Condition>, spec: &EC2NodeClassSpec, generation: Option<i64>, now: Time) {
    if spec.capacity_reservation_selector_terms.is_empty() {
        conditions.retain(|condition| condition.type_ != RESERVATIONS);
        return;
    }
    let message = "capacityReservationSelectorTerms are not supported yet: no instance is launched in a reservation";
    condition::set(conditions, RESERVATIONS, ConditionStatus::False, ("NotSupported", message), &now.to_string());
    for condition in conditions.iter_mut().filter(|condition| condition.type_ == RESERVATIONS) {
        condition.observed_generation = generation;
    }
}

async fn subnets(aws: &Aws, terms: &[SubnetSelectorTerm]) -> Result<Result<Vec<Subnet>, Problem>, CloudError> {
    let selectors = selectors(terms.iter().map(|term| (&term.tags, term.id.as_ref(), None)));
    let mut found: BTreeSet<SubnetRecord> = BTreeSet::new();
    for selector in &selectors {
        match aws.account.subnets(selector).await {
            Ok(records) => found.extend(records),
            Err(error) => return Ok(Err(refused("SubnetsNotFound", &error)?)),
        }
    }
    if found.is_empty() {
        let message =
            format!("subnetSelectorTerms find no subnet in {}; check their tags and ids, and the subnets' tags", aws.region);
        return Ok(Err(Problem { reason: "SubnetsNotFound", message }));
    }
    let records: Vec<SubnetRecord> = found.into_iter().collect();
    locked(&aws.subnets).learn(&records);
    let subnet = |record: SubnetRecord| Subnet { id: record.id, zone: record.zone, zone_id: record.zone_id };
    Ok(Ok(records.into_iter().map(subnet).collect()))
}

async fn security_groups(
    aws: &Aws,
    terms: &[SecurityGroupSelectorTerm],
) -> Result<Result<Vec<SecurityGroup>, Problem>, CloudError> {
    let selectors = selectors(terms.iter().map(|term| (&term.tags, term.id.as_ref(), term.name.as_ref())));
    let mut found: BTreeSet<SecurityGroupRecord> = BTreeSet::new();
    for selector in &selectors {
        match aws.account.security_groups(selector).await {
            Ok(records) => found.extend(records),
            Err(error) => return Ok(Err(refused("SecurityGroupsNotFound", &error)?)),
        }
    }
    if found.is_empty() {
        let message =
            format!("securityGroupSelectorTerms find no security group in {}; check their tags, ids and names", aws.region);
        return Ok(Err(Problem { reason: "SecurityGroupsNotFound", message }));
    }
    Ok(Ok(found.into_iter().map(|record| SecurityGroup { id: record.id, name: record.name }).collect()))
}

/// One selector for all ids, one for all names, one for each set of tags.
fn selectors<'a>(
    terms: impl Iterator<Item = (&'a BTreeMap<String, String>, Option<&'a String>, Option<&'a String>)>,
) -> Vec<Selector> {
    let (mut ids, mut names, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for (tags, id, name) in terms {
        ids.extend(id.cloned());
        names.extend(name.cloned());
        if !tags.is_empty() {
            all.push(Selector::Tags(tags.clone()));
        }
    }
    if !ids.is_empty() {
        all.push(Selector::Ids(ids));
    }
    if !names.is_empty() {
        all.push(Selector::Names(names));
    }
    all
}

fn refused(reason: &'static str, error: &CallError) -> Result<Problem, CloudError> {
    fault::condition(error).map(|message| Problem { reason, message })
}

/// What the spec asks for and cannot be done, before anything is launched with it.
fn validate(aws: &Aws, spec: &EC2NodeClassSpec) -> Option<Problem> {
    let problem = |message: String| Some(Problem { reason: "ValidationFailed", message });
    let Some(family) = spec.family() else {
        return problem("amiFamily is not set and no alias names one; set it".to_owned());
    };
    if spec.placement_group_selector.is_some() {
        return problem("placementGroupSelector is not supported yet; remove it".to_owned());
    }
    let no_settings = KubeletConfiguration::default();
    let bootstrap = Bootstrap {
        api_server: &aws.api_server,
        kubelet: spec.kubelet.as_ref().unwrap_or(&no_settings),
        max_pods: (family != AmiFamily::Custom).then_some(110),
        labels: &Labels::new(),
        taints: &[],
        raid0: spec.instance_store_policy.is_some(),
        custom: spec.user_data.as_deref(),
    };
    user_data(family, &bootstrap).err().and_then(|error| problem(error.to_string()))
}
