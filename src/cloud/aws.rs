//! EC2 as a [`Cloud`]: our plain types to those of `windlass-ec2` and back.
//!
//! ```text
//! Launch + EC2NodeClass ──template──▶ launch templates, made once ──launch──▶ CreateFleet ──▶ Fulfilment
//! EC2NodeClass ──resolve──▶ status: subnets, security groups, images, instance profile, conditions
//! ```
//!
//! What is kept here between calls only saves calls: everything can be forgotten at any time.

mod api_server;
mod fault;
mod image;
mod launch;
pub mod policy;
mod profile;
mod resolve;
mod subnet;
mod sweep;
mod template;
mod terminate;

pub use api_server::Settings;
pub use windlass_ec2::{Access, Action};

use super::user_data::ApiServer;
use super::{Cloud, CloudError, Fulfilment, Instance, InstanceId, InstanceState, Launch, Swept, cluster_tag};
use crate::api::{EC2NodeClass, EC2NodeClassStatus};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use windlass_ec2::{Account, InstanceRecord};
use windlass_solver::{CapacityType, InstanceType, InstanceTypeName, Zone};

/// EC2, and the cluster that instances are launched for.
#[derive(Debug)]
pub struct Aws {
    account: Account,
    cluster: String,
    region: String,
    api_server: ApiServer,
    version: Mutex<api_server::Version>,
    parameters: Mutex<image::Parameters>,
    subnets: Mutex<subnet::Addresses>,
    templates: Mutex<template::Known>,
    outstanding: Mutex<launch::Outstanding>,
    leaving: terminate::Leaving,
}

impl Aws {
    /// Opens the account of the environment, and asks EKS for what the settings leave out.
    pub async fn connect(settings: &Settings) -> Result<Self, CloudError> {
        api_server::connect(settings).await
    }

    /// The region that instances are launched in.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Tags that say that something belongs to the cluster.
    fn ownership(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(cluster_tag(&self.cluster), "owned".to_owned())])
    }
}

impl Cloud for Aws {
    async fn launch(&self, launch: &Launch, class: &EC2NodeClass, types: &[InstanceType]) -> Result<Fulfilment, CloudError> {
        launch::launch(self, launch, class, types).await
    }

    async fn describe(&self) -> Result<Vec<Instance>, CloudError> {
        let listed = self.account.instances(&self.ownership()).await.map_err(|error| fault::read(&error))?;
        Ok(listed.into_iter().map(instance).collect())
    }

    async fn terminate(&self, id: &InstanceId) -> Result<(), CloudError> {
        terminate::terminate(self, id).await
    }

    async fn resolve(&self, class: &EC2NodeClass, now: Time) -> Result<EC2NodeClassStatus, CloudError> {
        resolve::resolve(self, class, now).await
    }

    async fn sweep(&self, classes: &[EC2NodeClass], now: Time) -> Result<Swept, CloudError> {
        sweep::sweep(self, classes, now).await
    }
}

fn instance(record: InstanceRecord) -> Instance {
    let capacity_type = match (record.spot, record.reservation) {
        (true, _) => CapacityType::Spot,
        (false, Some(_)) => CapacityType::Reserved,
        (false, None) => CapacityType::OnDemand,
    };
    let state = match record.state.as_str() {
        "pending" => InstanceState::Pending,
        "shutting-down" => InstanceState::ShuttingDown,
        "terminated" => InstanceState::Terminated,
        _ => InstanceState::Running,
    };
    Instance {
        id: InstanceId::new(record.id),
        instance_type: InstanceTypeName::new(record.instance_type),
        zone: Zone::new(record.zone),
        capacity_type,
        state,
        image: record.image,
        tags: record.tags,
    }
}

/// The content of a lock; what is kept here is whole whenever somebody panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
