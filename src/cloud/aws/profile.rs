//! The instance profile of a class: the one that it names, or one that is made for its role.

use super::{Aws, fault};
use crate::api::EC2NodeClass;
use crate::cloud::CloudError;
use crate::provision::digest::digest;
use crate::time::Time;
use std::time::Duration;
use windlass_ec2::{CallError, Fault, ProfileRecord};

/// How long EC2 may not know a new instance profile. IAM promises nothing; its documentation and other tools wait 10 to 15 s.
const PROPAGATION: Duration = Duration::from_secs(15);
/// Letters of the hash in a profile's name.
const DIGEST: usize = 20;
/// Characters of the cluster's name in a profile's; IAM allows 128 in all.
const CLUSTER_MAX: usize = 100;

/// Where the instance profiles of a cluster lie.
pub(super) fn folder(aws: &Aws) -> String {
    format!("/windlass/{}/{}/", aws.region, aws.cluster)
}

/// What a condition says when there is no profile to launch with.
pub(super) struct Unready {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The name of the profile, which is made if need be.
pub(super) async fn find(aws: &Aws, class: &EC2NodeClass, now: Time) -> Result<Result<String, Unready>, CloudError> {
    if let Some(given) = &class.spec.instance_profile {
        return Ok(Ok(given.clone()));
    }
    let unready = |reason, message| Ok(Err(Unready { reason, message }));
    let (Some(role), Some(uid)) = (&class.spec.role, &class.metadata.uid) else {
        let message = "neither role nor instanceProfile is set; set one of them".to_owned();
        return unready("InstanceProfileNotFound", message);
    };
    let cluster: String = aws.cluster.chars().take(CLUSTER_MAX).collect();
    let name = format!("{cluster}_{}", digest([aws.cluster.as_str(), aws.region.as_str(), uid.as_str()], DIGEST));
    match provide(aws, &name, &format!("{}{uid}/", folder(aws)), role).await {
        Ok(profile) => {
            let created = Time::from_millis(profile.created_millis);
            if now.since(created) < PROPAGATION {
                return unready("InstanceProfilePropagating", format!("instance profile {name} is new; EC2 may not know it yet"));
            }
            Ok(Ok(name))
        }
        Err(error) => {
            let message = format!("no instance profile can be made for role {role}: {}", fault::condition(&error)?);
            unready("InstanceProfileNotCreated", format!("{message}; make one, and set instanceProfile instead of role"))
        }
    }
}

/// The profile with that role alone.
async fn provide(aws: &Aws, name: &str, path: &str, role: &str) -> Result<ProfileRecord, CallError> {
    // A role may be given with its path or as an ARN; IAM wants the name.
    let role = role.rsplit('/').next().unwrap_or(role);
    let mut profile = aws.account.instance_profile(name).await?;
    if profile.is_none() {
        tolerate(aws.account.create_instance_profile(name, path, &aws.ownership()).await, Fault::Exists)?;
        profile = aws.account.instance_profile(name).await?;
    }
    let profile = profile.unwrap_or_else(|| ProfileRecord {
        name: name.to_owned(),
        path: path.to_owned(),
        roles: Vec::new(),
        // Not listed yet: as new as can be.
        created_millis: i64::MAX,
    });
    for other in profile.roles.iter().filter(|other| *other != role) {
        tolerate(aws.account.remove_role(name, other).await, Fault::NotFound)?;
    }
    if !profile.roles.iter().any(|known| known == role) {
        aws.account.add_role(name, role).await?;
    }
    Ok(profile)
}

/// Removes a profile and takes its roles out before.
pub(super) async fn remove(aws: &Aws, profile: &ProfileRecord) -> Result<(), CallError> {
    for role in &profile.roles {
        tolerate(aws.account.remove_role(&profile.name, role).await, Fault::NotFound)?;
    }
    tolerate(aws.account.delete_instance_profile(&profile.name).await, Fault::NotFound)
}

fn tolerate(result: Result<(), CallError>, fault: Fault) -> Result<(), CallError> {
    match result {
        Err(error) if error.fault != fault => Err(error),
        _ => Ok(()),
    }
}
