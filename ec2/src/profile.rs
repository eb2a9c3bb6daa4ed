//! Instance profiles: how a role reaches an instance.

use crate::Action;
use crate::account::{Account, next};
use crate::fault::{CallError, Fault};
use aws_sdk_iam::types::{InstanceProfile, Tag};
use std::collections::BTreeMap;

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRecord {
    /// Its name.
    pub name: String,
    /// Its path, which begins and ends with a slash.
    pub path: String,
    /// Names of its roles; IAM allows one.
    pub roles: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_millis: i64,
}

impl Account {
    /// The instance profile of that name, if there is one.
    pub async fn instance_profile(&self, name: &str) -> Result<Option<ProfileRecord>, CallError> {
        let call = self.iam.get_instance_profile().instance_profile_name(name);
        match self.ask(Action::GetInstanceProfile, call.send()).await {
            Ok(answer) => Ok(answer.instance_profile().map(record)),
            Err(error) if error.fault == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The instance profiles whose paths begin so.
    pub async fn instance_profiles(&self, path: &str) -> Result<Vec<ProfileRecord>, CallError> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let call = self.iam.list_instance_profiles().path_prefix(path).set_marker(marker);
            let page = self.ask(Action::ListInstanceProfiles, call.send()).await?;
            found.extend(page.instance_profiles().iter().map(record).filter(|profile| profile.path.starts_with(path)));
            marker = next(page.marker()).filter(|_| page.is_truncated());
            if marker.is_none() {
                return Ok(found);
            }
        }
    }

    /// Makes an instance profile without a role.
    pub async fn create_instance_profile(
        &self,
        name: &str,
        path: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), CallError> {
        let tags = tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect();
        let call = self.iam.create_instance_profile().instance_profile_name(name).path(path).set_tags(Some(tags));
        self.ask(Action::CreateInstanceProfile, call.send()).await.map(drop)
    }

    /// Puts a role in.
    pub async fn add_role(&self, profile: &str, role: &str) -> Result<(), CallError> {
        let call = self.iam.add_role_to_instance_profile().instance_profile_name(profile).role_name(role);
        self.ask(Action::AddRoleToInstanceProfile, call.send()).await.map(drop)
    }

    /// Takes a role out.
    pub async fn remove_role(&self, profile: &str, role: &str) -> Result<(), CallError> {
        let call = self.iam.remove_role_from_instance_profile().instance_profile_name(profile).role_name(role);
        self.ask(Action::RemoveRoleFromInstanceProfile, call.send()).await.map(drop)
    }

    /// Removes an instance profile that has no role.
    pub async fn delete_instance_profile(&self, name: &str) -> Result<(), CallError> {
        let call = self.iam.delete_instance_profile().instance_profile_name(name);
        self.ask(Action::DeleteInstanceProfile, call.send()).await.map(drop)
    }
}

fn record(profile: &InstanceProfile) -> ProfileRecord {
    ProfileRecord {
        name: profile.instance_profile_name().to_owned(),
        path: profile.path().to_owned(),
        roles: profile.roles().iter().map(|role| role.role_name().to_owned()).collect(),
        created_millis: profile.create_date().to_millis().unwrap_or_default(),
    }
}
