//! The cloud as plain values: what the engine asks of EC2 and what it learns; and the trait of whoever carries it out.

#[cfg(feature = "aws")]
pub mod aws;
pub mod calls;
pub mod instance;
pub mod launch;
#[cfg(feature = "aws")]
pub mod user_data;

pub use calls::{Cloud, Swept};
pub use instance::{Instance, InstanceId, InstanceState};
pub use launch::{Fulfilment, Launch, Shortage};

/// Why a call of the cloud did not do what it was asked. Lack of capacity is no failure but part of [`Fulfilment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// Too many requests; nothing was done.
    #[error("the cloud takes no more requests at the moment")]
    Throttled,
    /// No answer came, for this reason: the call may or may not have been carried out.
    #[error("no answer came: {0}")]
    Unknown(String),
    /// A launch with this client token and other parameters was accepted before (`IdempotentParameterMismatch`).
    #[error("the client token belongs to another launch")]
    TokenMismatch,
    /// The call is not valid or not allowed; nothing was done.
    #[error("refused: {0}")]
    Refused(String),
    /// The launch was carried out and got nothing, for a reason that is no lack of capacity. Its token is used up.
    #[error("nothing was launched: {0}")]
    Fruitless(String),
}

/// Tag with the client token of the launch, on every instance. With [`cluster_tag`] it says that the instance is ours.
pub const LAUNCH_TAG: &str = "windlass.dev/launch";

/// The tag that says which cluster an instance belongs to; its value is `owned`. Source: Karpenter and the AWS cloud provider.
pub fn cluster_tag(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}
