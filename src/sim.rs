//! A deterministic world for the engine: clock, cluster, EC2, scheduler and kubelets, all from one seed, in virtual time.
//!
//! ```text
//! seed ─▶ Scenario ─▶ World ── Event ──▶ Engine (the real one, one or two of them)
//!                       ▲                  │
//!                       └──── Effect ◀─────┘   faults: lost and repeated calls, conflicts, throttling, empty pools,
//!                       │                              late lists, old views, crashes, a second leader
//!                       └──▶ Ledger: after every effect, what must never be
//! ```
//!
//! Nothing here decides anything for the engine: the world only carries out effects and reports what happened, well or badly.

mod cloud;
mod cluster;
mod faults;
mod kubelet;
mod ledger;
mod market;
mod random;
mod replica;
mod scenario;
mod scheduler;
mod survey;
mod world;

pub use faults::{Crash, Faults, Moment};
pub use ledger::Violation;
pub use random::Random;
pub use scenario::Scenario;
pub use world::{Outcome, Tamper, World};
