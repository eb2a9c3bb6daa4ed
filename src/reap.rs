//! Which nodes go, when, and how their pods leave. Pure: time and objects come in as values.

pub mod budget;
pub mod drain;
pub mod empty;
pub mod expired;
pub mod surplus;
