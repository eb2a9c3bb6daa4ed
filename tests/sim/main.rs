//! The engine in its simulated world: thousands of stories by seed, every crash of some of them, and mistakes that must be noticed.

mod crash;
mod planted;
mod seeds;
mod standing;
