//! A real cluster: watches that keep a view of it, and calls that change it.
//!
//! ```text
//! API server ─watch─▶ Raw ─store─▶ pod, node, claim ─Event─▶ engine
//!                            └───▶ manifest::Item ─▶ Inventory ─▶ snapshot
//! engine ─Write─▶ write ─▶ API server ─refusal─▶ engine
//! ```

pub mod access;
pub mod claim;
pub mod connect;
pub mod fence;
pub mod kind;
pub mod node;
pub mod pod;
pub mod raw;
pub mod refusal;
pub mod store;
pub mod watch;
pub mod write;

pub use connect::{ConnectError, connect};
pub use fence::Fence;
pub use kind::Kind;
pub use raw::Raw;
pub use store::{Store, Told};
pub use watch::{Change, watch};
pub use write::{Calls, Wrote};
