//! The cluster as plain values: what the engine knows of it and what it asks of it.
//!
//! Objects are read once, at the edge, into what decides; a write names its object by uid and, where an old view could do harm, by
//! version, so that a write based on an old view fails instead of undoing what another did.

pub mod claim;
#[cfg(feature = "controller")]
pub mod live;
pub mod node;
pub mod pod;
pub mod pool;
pub mod write;

pub use claim::{Claim, LaunchRecord};
pub use node::Node;
pub use pod::{Owner, Phase, Pod, Protection};
pub use pool::Pool;
pub use write::{ClaimChange, NodeChange, PodRef, Refusal, Target, Write};

use std::fmt;
use std::sync::Arc;

/// `metadata.uid`: the identity of an object; its name can be used again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uid(Arc<str>);

impl Uid {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `metadata.resourceVersion` of an object; a later version is a greater number (Kubernetes 1.35, KEP-5504).
pub type Version = u64;
