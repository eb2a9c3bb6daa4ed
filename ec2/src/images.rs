//! Images, and the parameters that name them.

use crate::Action;
use crate::account::{Account, filter, next, tag_filters};
use crate::fault::{CallError, Fault};
use std::collections::BTreeMap;

/// The most images that EC2 puts on a page.
const PER_PAGE: i32 = 1000;

/// Which images: those that match all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageSelector {
    /// One of these ids.
    pub ids: Vec<String>,
    /// This name; `*` and `?` are wildcards.
    pub name: Option<String>,
    /// One of these owners: account ids, `self`, `amazon`, `aws-marketplace`.
    pub owners: Vec<String>,
    /// All of these tags; `*` is any value.
    pub tags: BTreeMap<String, String>,
}

/// An image. What EC2 does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `x86_64`, `arm64` and others.
    pub architecture: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it is or was deprecated, RFC 3339.
    pub deprecation: Option<String>,
}

impl Account {
    /// Images that can be launched, deprecated ones included.
    pub async fn images(&self, selector: &ImageSelector) -> Result<Vec<ImageRecord>, CallError> {
        let mut filters = tag_filters(&selector.tags);
        filters.push(filter("state", ["available".to_owned()]));
        if !selector.ids.is_empty() {
            filters.push(filter("image-id", selector.ids.iter().cloned()));
        }
        if let Some(name) = &selector.name {
            filters.push(filter("name", [name.clone()]));
        }
        let owners = (!selector.owners.is_empty()).then(|| selector.owners.clone());
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let call = self
                .ec2
                .describe_images()
                .set_filters(Some(filters.clone()))
                .set_owners(owners.clone())
                .include_deprecated(true)
                .max_results(PER_PAGE)
                .set_next_token(token);
            let page = self.ask(Action::DescribeImages, call.send()).await?;
            found.extend(page.images().iter().filter_map(|image| {
                Some(ImageRecord {
                    id: image.image_id()?.to_owned(),
                    name: image.name().map(str::to_owned),
                    architecture: image.architecture()?.as_str().to_owned(),
                    created: image.creation_date().unwrap_or_default().to_owned(),
                    deprecation: image.deprecation_time().map(str::to_owned),
                })
            }));
            token = next(page.next_token());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The value of a parameter; `None` if there is none of that name.
    pub async fn parameter(&self, name: &str) -> Result<Option<String>, CallError> {
        match self.ask(Action::GetParameter, self.ssm.get_parameter().name(name).send()).await {
            Ok(answer) => Ok(answer.parameter().and_then(|parameter| parameter.value()).map(str::to_owned)),
            Err(error) if error.fault == Fault::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
