//! Secrets and parameters for programs: references to them, and the values that they stand for.

pub mod reference;
pub mod variables;
