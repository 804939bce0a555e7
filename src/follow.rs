//! What follows secrets and parameters while it runs: where their values come from, and when and how to act on a
//! change.

pub mod action;
pub mod cached_references;
pub mod follower;
pub mod program_action;
pub mod schedule;
pub mod served_references;
pub mod source;
