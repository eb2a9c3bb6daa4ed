//! What is asked of a cloud, and by whom: the shell carries the engine's effects out with it and keeps EC2NodeClasses resolved.

use super::{CloudError, Fulfilment, Instance, InstanceId, Launch};
use crate::api::{EC2NodeClass, EC2NodeClassStatus};
use crate::time::Time;
use std::future::Future;
use windlass_solver::InstanceType;

/// A cloud. Every method is at most one attempt to do one thing; who calls decides when to try again.
pub trait Cloud: Send + Sync {
    /// Launches up to `launch.count` instances. `class` is the launch's EC2NodeClass with its status as [`Cloud::resolve`] gave it;
    /// `types` has at least the types of the launch's offerings, as that class makes them (their labels choose the image, their capacity
    /// says how many pods the kubelet takes). A launch with the same token is carried out once, however often it is asked for.
    fn launch(
        &self,
        launch: &Launch,
        class: &EC2NodeClass,
        types: &[InstanceType],
    ) -> impl Future<Output = Result<Fulfilment, CloudError>> + Send;

    /// All instances that carry the cluster's tag, from all pages, those that ended within the last hour included.
    fn describe(&self) -> impl Future<Output = Result<Vec<Instance>, CloudError>> + Send;

    /// Terminates an instance. One that is gone, or on its way, is no error.
    fn terminate(&self, id: &InstanceId) -> impl Future<Output = Result<(), CloudError>> + Send;

    /// What the selectors of a class find, with conditions that say what is missing and what to do. A class that cannot be used is no
    /// error: its condition `Ready` is false. Conditions that hold on keep their time of transition; `now` is that of the others.
    fn resolve(&self, class: &EC2NodeClass, now: Time) -> impl Future<Output = Result<EC2NodeClassStatus, CloudError>> + Send;

    /// Removes what was made for launches and serves none any more. `classes` are all that exist. To be called every few minutes, by the
    /// leader only.
    fn sweep(&self, classes: &[EC2NodeClass], now: Time) -> impl Future<Output = Result<Swept, CloudError>> + Send;
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Names of launch templates.
    pub templates: Vec<String>,
    /// Names of instance profiles.
    pub profiles: Vec<String>,
}
