//! Programs that follow secrets and parameters: when to act on a change.

pub mod schedule;
