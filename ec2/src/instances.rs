//! Instances: their list, and their end.

use crate::account::{Account, next, tag_filters};
use crate::{Action, CallError};
use aws_sdk_ec2::types as ec2;
use std::collections::BTreeMap;

/// The most instances that EC2 puts on a page.
const PER_PAGE: i32 = 1000;

/// An instance. What EC2 does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceRecord {
    /// Its id.
    pub id: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    pub state: String,
    /// Whether it is a spot instance.
    pub spot: bool,
    /// The capacity reservation it runs in.
    pub reservation: Option<String>,
    /// Its image.
    pub image: String,
    /// ARN of its instance profile.
    pub profile: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl Account {
    /// All instances that have all of these tags, in any state.
    pub async fn instances(&self, having: &BTreeMap<String, String>) -> Result<Vec<InstanceRecord>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let call =
                self.ec2.describe_instances().set_filters(Some(tag_filters(having))).max_results(PER_PAGE).set_next_token(token);
            let page = self.ask(Action::DescribeInstances, call.send()).await?;
            found.extend(page.reservations().iter().flat_map(ec2::Reservation::instances).filter_map(record));
            token = next(page.next_token());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Ends instances: all of them, or none if one does not exist.
    pub async fn terminate_instances(&self, ids: &[String]) -> Result<(), CallError> {
        let call = self.ec2.terminate_instances().set_instance_ids(Some(ids.to_vec()));
        self.ask(Action::TerminateInstances, call.send()).await.map(drop)
    }
}

/// `None` for an entry without an id.
fn record(instance: &ec2::Instance) -> Option<InstanceRecord> {
    let tags = instance.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())));
    Some(InstanceRecord {
        id: instance.instance_id()?.to_owned(),
        instance_type: instance.instance_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        zone: instance.placement().and_then(|placement| placement.availability_zone()).unwrap_or_default().to_owned(),
        state: instance.state().and_then(|state| state.name()).map(|name| name.as_str().to_owned()).unwrap_or_default(),
        spot: instance.instance_lifecycle() == Some(&ec2::InstanceLifecycleType::Spot),
        reservation: instance.capacity_reservation_id().map(str::to_owned),
        image: instance.image_id().unwrap_or_default().to_owned(),
        profile: instance.iam_instance_profile().and_then(|profile| profile.arn()).map(str::to_owned),
        tags: tags.collect(),
    })
}
