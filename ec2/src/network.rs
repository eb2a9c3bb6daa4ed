//! Subnets and security groups.

use crate::account::{Account, filter, next, tag_filters};
use crate::{Action, CallError};
use aws_sdk_ec2::types::Filter;
use std::collections::BTreeMap;

/// The most that EC2 puts on a page of either.
const PER_PAGE: i32 = 1000;

/// Which ones. An id or a name that does not exist is not found, and no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Those with all of these tags; `*` is any value.
    Tags(BTreeMap<String, String>),
    /// Those with one of these ids.
    Ids(Vec<String>),
    /// Those with one of these names (security groups only).
    Names(Vec<String>),
}

/// A subnet. What EC2 does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SubnetRecord {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// Id of the zone.
    pub zone_id: Option<String>,
    /// Addresses that nobody has.
    pub free_addresses: u32,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct SecurityGroupRecord {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

impl Account {
    /// Subnets that the selector finds.
    pub async fn subnets(&self, selector: &Selector) -> Result<Vec<SubnetRecord>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let filters = filters(selector, "subnet-id", "subnet-id");
            let call = self.ec2.describe_subnets().set_filters(Some(filters)).max_results(PER_PAGE).set_next_token(token);
            let page = self.ask(Action::DescribeSubnets, call.send()).await?;
            found.extend(page.subnets().iter().filter_map(|subnet| {
                Some(SubnetRecord {
                    id: subnet.subnet_id()?.to_owned(),
                    zone: subnet.availability_zone()?.to_owned(),
                    zone_id: subnet.availability_zone_id().map(str::to_owned),
                    free_addresses: u32::try_from(subnet.available_ip_address_count().unwrap_or_default()).unwrap_or_default(),
                })
            }));
            token = next(page.next_token());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Security groups that the selector finds.
    pub async fn security_groups(&self, selector: &Selector) -> Result<Vec<SecurityGroupRecord>, CallError> {
        let mut found = Vec::new();
        let mut token = None;
        loop {
            let filters = filters(selector, "group-id", "group-name");
            let call = self.ec2.describe_security_groups().set_filters(Some(filters)).max_results(PER_PAGE).set_next_token(token);
            let page = self.ask(Action::DescribeSecurityGroups, call.send()).await?;
            found.extend(page.security_groups().iter().filter_map(|group| {
                Some(SecurityGroupRecord { id: group.group_id()?.to_owned(), name: group.group_name().map(str::to_owned) })
            }));
            token = next(page.next_token());
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

fn filters(selector: &Selector, id: &str, name: &str) -> Vec<Filter> {
    match selector {
        Selector::Tags(tags) => tag_filters(tags),
        Selector::Ids(ids) => vec![filter(id, ids.iter().cloned())],
        Selector::Names(names) => vec![filter(name, names.iter().cloned())],
    }
}
