//! An account in a region: one client per service, each call paced, made once and timed out. Who calls decides whether to try again.

use crate::Action;
use crate::client;
use crate::fault::{CallError, Fault};
use crate::pace::Pace;
use aws_config::retry::RetryConfig;
use aws_credential_types::Credentials;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, Tag};
use std::collections::BTreeMap;
use std::error::Error;

/// Where and as whom. The default is what the environment says, as for every AWS tool (variables, profiles, pod identity, instance role).
#[derive(Clone, Default)]
pub struct Access {
    /// The region.
    pub region: Option<String>,
    /// URL instead of AWS's own, for all services.
    pub endpoint: Option<String>,
    /// Access key id and secret.
    pub keys: Option<(String, String)>,
}

/// The services of a region.
#[derive(Debug)]
pub struct Account {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) eks: aws_sdk_eks::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) ssm: aws_sdk_ssm::Client,
    region: Option<String>,
    reads: Pace,
    writes: Pace,
}

impl Account {
    /// Reads the environment; no service is called yet.
    pub async fn open(access: &Access) -> Self {
        // What failed is tried again by whoever knows what it was for; a second layer of retries would multiply both.
        let mut loader = client::loader().retry_config(RetryConfig::disabled());
        if let Some(region) = &access.region {
            loader = loader.region(aws_config::Region::new(region.clone()));
        }
        if let Some(endpoint) = &access.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some((id, secret)) = &access.keys {
            loader = loader.credentials_provider(Credentials::new(id, secret, None, None, "settings"));
        }
        let shared = loader.load().await;
        Self {
            ec2: aws_sdk_ec2::Client::new(&shared),
            eks: aws_sdk_eks::Client::new(&shared),
            iam: aws_sdk_iam::Client::new(&shared),
            ssm: aws_sdk_ssm::Client::new(&shared),
            region: shared.region().map(ToString::to_string),
            reads: Pace::reads(),
            writes: Pace::writes(),
        }
    }

    /// The region; `None` if neither settings nor environment name one.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Makes a call in its turn.
    pub(crate) async fn ask<T, E: ProvideErrorMetadata + Error + 'static>(
        &self,
        action: Action,
        call: impl Future<Output = Result<T, SdkError<E>>> + Send,
    ) -> Result<T, CallError> {
        let pace = if action.is_write() { &self.writes } else { &self.reads };
        pace.turn().await;
        call.await.map_err(|error| {
            let error = CallError::new(action, &error);
            if error.fault == Fault::Throttled {
                pace.refused();
            }
            error
        })
    }
}

/// Pages end where AWS names no further one.
pub(crate) fn next(token: Option<&str>) -> Option<String> {
    token.filter(|token| !token.is_empty()).map(str::to_owned)
}

/// A filter by one name.
pub(crate) fn filter(name: impl Into<String>, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

/// Filters by tags, all of which must match; `*` is any value.
pub(crate) fn tag_filters(tags: &BTreeMap<String, String>) -> Vec<Filter> {
    let one = |(key, value): (&String, &String)| {
        if value == "*" { filter("tag-key", [key.clone()]) } else { filter(format!("tag:{key}"), [value.clone()]) }
    };
    tags.iter().map(one).collect()
}

/// Tags as EC2 takes them.
pub(crate) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
