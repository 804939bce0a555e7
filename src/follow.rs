//! What follows secrets and parameters while it runs: where their values come from, and when to act.

pub mod cached_references;
pub mod schedule;
pub mod source;
