//! The three describe calls behind a catalogue: zones, types, and which type is offered where.

use crate::client::client;
use crate::fault::causes;
use crate::machine::Machine;
use aws_sdk_ec2::error::SdkError;
use aws_sdk_ec2::types::LocationType;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

/// The most instance types that EC2 puts on a page.
const TYPES_PER_PAGE: i32 = 100;

/// The most offerings that EC2 puts on a page.
const OFFERINGS_PER_PAGE: i32 = 1000;

/// What EC2 says of a region. Sorted and without repetition, however the pages came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// Availability zones that nodes can run in: no Local Zones, no Wavelength.
    pub zones: Vec<ZoneRecord>,
    /// Instance types, by name.
    pub machines: Vec<Machine>,
    /// Type and zone of each offering.
    pub offerings: BTreeSet<(String, String)>,
}

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneRecord {
    /// The name.
    pub name: String,
    /// The id; empty if EC2 does not tell.
    pub id: String,
}

/// A call that failed, after the SDK's own retries.
#[derive(Debug, thiserror::Error)]
#[error("{call} failed: {why}")]
pub struct DescribeError {
    /// The API call.
    pub call: &'static str,
    /// What the SDK says, with its causes, on one line.
    pub why: String,
}

impl DescribeError {
    fn new<E: Error + 'static, R: std::fmt::Debug + 'static>(call: &'static str, error: &SdkError<E, R>) -> Self {
        Self { call, why: causes(error) }
    }
}

/// Describes a region. `endpoint` replaces EC2's own URL.
pub async fn describe(region: &str, endpoint: Option<&str>) -> Result<Description, DescribeError> {
    let ec2 = client(region, endpoint).await;
    Ok(Description { zones: zones(&ec2).await?, machines: machines(&ec2).await?, offerings: offerings(&ec2).await? })
}

async fn zones(ec2: &aws_sdk_ec2::Client) -> Result<Vec<ZoneRecord>, DescribeError> {
    let call = "DescribeAvailabilityZones";
    let answer = ec2.describe_availability_zones().send().await.map_err(|error| DescribeError::new(call, &error))?;
    let ordinary =
        answer.availability_zones().iter().filter(|zone| zone.zone_type().is_none_or(|kind| kind == "availability-zone"));
    let named = ordinary.filter_map(|zone| {
        Some(ZoneRecord { name: zone.zone_name()?.to_owned(), id: zone.zone_id().unwrap_or_default().to_owned() })
    });
    Ok(named.collect::<BTreeSet<_>>().into_iter().collect())
}

async fn machines(ec2: &aws_sdk_ec2::Client) -> Result<Vec<Machine>, DescribeError> {
    let call = "DescribeInstanceTypes";
    let mut pages = ec2.describe_instance_types().max_results(TYPES_PER_PAGE).into_paginator().send();
    let mut found = BTreeMap::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| DescribeError::new(call, &error))?;
        for machine in page.instance_types().iter().filter_map(Machine::read) {
            found.entry(machine.name.clone()).or_insert(machine);
        }
    }
    Ok(found.into_values().collect())
}

async fn offerings(ec2: &aws_sdk_ec2::Client) -> Result<BTreeSet<(String, String)>, DescribeError> {
    let call = "DescribeInstanceTypeOfferings";
    let asked = ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
    let mut pages = asked.max_results(OFFERINGS_PER_PAGE).into_paginator().send();
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| DescribeError::new(call, &error))?;
        let complete = page
            .instance_type_offerings()
            .iter()
            .filter_map(|offering| Some((offering.instance_type()?.as_str().to_owned(), offering.location()?.to_owned())));
        found.extend(complete);
    }
    Ok(found)
}
