//! Launch templates that have not been used for a while, and instance profiles of classes that are gone.

use super::{Aws, fault, locked, profile, template};
use crate::api::EC2NodeClass;
use crate::cloud::{CloudError, Swept};
use crate::time::Time;
use std::collections::BTreeSet;
use std::time::Duration;
use windlass_ec2::Fault;

/// A template that nobody has used for so long is removed; one that is needed again is made again. Long enough for a launch to be
/// repeated, and for templates that a predecessor made just before it died.
const UNUSED: Duration = Duration::from_mins(10);

pub(super) async fn sweep(aws: &Aws, classes: &[EC2NodeClass], now: Time) -> Result<Swept, CloudError> {
    Ok(Swept { templates: templates(aws, now).await?, profiles: profiles(aws, classes).await? })
}

async fn templates(aws: &Aws, now: Time) -> Result<Vec<String>, CloudError> {
    let mut removed = Vec::new();
    for record in aws.account.templates(template::PREFIX, &aws.ownership()).await.map_err(|error| fault::read(&error))? {
        let is_new = now.since(Time::from_millis(record.created_millis)) < UNUSED;
        if is_new || locked(&aws.templates).is_fresh(&record.name, UNUSED) {
            continue;
        }
        locked(&aws.templates).forget(&record.name);
        match aws.account.delete_template(&record.name).await {
            Err(error) if error.fault != Fault::NotFound => return Err(fault::read(&error)),
            _ => removed.push(record.name),
        }
    }
    Ok(removed)
}

/// A profile goes with its class, but never while an instance uses it: the instance would lose its credentials.
async fn profiles(aws: &Aws, classes: &[EC2NodeClass]) -> Result<Vec<String>, CloudError> {
    let folder = profile::folder(aws);
    let listed = match aws.account.instance_profiles(&folder).await {
        Ok(listed) => listed,
        // Who may not list profiles may not make any either: there are none of ours.
        Err(error) if error.fault == Fault::Refused => return Ok(Vec::new()),
        Err(error) => return Err(fault::read(&error)),
    };
    let needed: BTreeSet<String> = classes
        .iter()
        .filter(|class| class.spec.role.is_some())
        .filter_map(|class| Some(format!("{folder}{}/", class.metadata.uid.as_ref()?)))
        .collect();
    let unneeded: Vec<_> = listed.into_iter().filter(|profile| !needed.contains(&profile.path)).collect();
    if unneeded.is_empty() {
        return Ok(Vec::new());
    }
    let instances = aws.account.instances(&aws.ownership()).await.map_err(|error| fault::read(&error))?;
    let alive = instances.iter().filter(|instance| instance.state != "terminated");
    let used: BTreeSet<&str> = alive.filter_map(|instance| instance.profile.as_deref()?.rsplit('/').next()).collect();
    let mut removed = Vec::new();
    for unneeded in unneeded.into_iter().filter(|unneeded| !used.contains(unneeded.name.as_str())) {
        profile::remove(aws, &unneeded).await.map_err(|error| fault::read(&error))?;
        removed.push(unneeded.name);
    }
    Ok(removed)
}
