//! What the controller tells of itself: logs, metrics, probes.

pub mod health;
pub mod logs;
pub mod metrics;
pub mod names;
pub mod serve;

pub use health::Health;
pub use metrics::Telemetry;
