//! Secrets and parameters for programs: references to them, and the values that they stand for.

pub mod access_key;
pub mod endpoints;
pub mod explain;
pub mod lookup;
pub mod masking;
pub(crate) mod member;
pub mod reference;
pub mod rendered;
pub mod resolver;
pub mod selected_member;
pub mod template;
pub mod value;
pub mod variable_names;
pub mod variables;
