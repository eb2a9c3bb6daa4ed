//! The EC2 side of Windlass: the only crate that links the AWS SDK. What leaves it are plain types.
//!
//! ```text
//! EC2 API ──client──▶ describe (pages, deduplicates) ──machine──▶ Description
//! ```

mod client;
mod describe;
mod machine;

pub use describe::{DescribeError, Description, ZoneRecord, describe};
pub use machine::{Card, Device, Machine, NeuronDevice};
