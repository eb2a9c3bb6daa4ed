//! The API objects: what a user writes, with the schema and rules the API server would apply.
//!
//! `NodePool`, `NodeClaim` and `EC2NodeClass` are Karpenter's v1 objects, so manifests and dashboards keep working; `Provisioner` and
//! `AWSNodeTemplate` are their predecessors, which are read and converted. The types carry their own schema, defaults, bounds and CEL
//! rules; [`crd`] turns them into CustomResourceDefinitions, [`validate()`] gives the API server's verdict without one, [`convert`] leads
//! from the old objects to the new. Everything here is pure.
// Each printer column of a definition repeats the same attribute names.
#![allow(clippy::duplicated_attributes)]

pub mod aws_node_template;
pub mod condition;
pub mod convert;
pub mod crd;
pub mod ec2_node_class;
pub mod label;
pub mod node_claim;
pub mod node_overlay;
pub mod node_pool;
pub mod period;
pub mod provisioner;
pub mod quantity_text;
pub mod requirement;
mod rule;
pub mod schedule;
pub mod taint;
pub mod validate;

pub use validate::{Admission, FieldError, Reason, admit, check_admitted, validate, validate_update};

pub use aws_node_template::{AWSNodeTemplate, AWSNodeTemplateSpec, Provider};
pub use condition::Condition;
pub use ec2_node_class::{AmiFamily, EC2NodeClass, EC2NodeClassSpec, EC2NodeClassStatus};
pub use node_claim::{NodeClaim, NodeClaimSpec, NodeClaimStatus, NodeClassRef};
pub use node_overlay::{NodeOverlay, NodeOverlaySpec, NodeOverlayStatus};
pub use node_pool::{NodePool, NodePoolSpec, NodePoolStatus};
pub use provisioner::{Provisioner, ProvisionerSpec};
pub use quantity_text::{QuantityText, ResourceList};
pub use requirement::{Operator, Requirement};
pub use taint::{Taint, TaintEffect};

/// API version of NodePool and NodeClaim.
pub const CORE_V1: &str = "karpenter.sh/v1";
/// API version of EC2NodeClass.
pub const AWS_V1: &str = "karpenter.k8s.aws/v1";
/// API version of Provisioner.
pub const CORE_V1ALPHA5: &str = "karpenter.sh/v1alpha5";
/// API version of AWSNodeTemplate.
pub const AWS_V1ALPHA1: &str = "karpenter.k8s.aws/v1alpha1";
