//! From typed objects and a catalogue to the solver's snapshot. Pure: what is not in the arguments does not count.

pub mod daemon_set;
pub mod pod;
