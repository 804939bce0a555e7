//! Secrets and parameters that are read when the cache starts.

use std::sync::Arc;

use roles_anywhere_client::aws::get_secret_value::SecretId;
use roles_anywhere_client::aws::parameter::ParameterId;

/// What is read when the cache starts, so that its first reader does not wait.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Prefetch {
    /// The role that reads it, as in [`ReadRequest`](crate::secrets_cache::ReadRequest).
    pub role: Option<Arc<str>>,
    /// What is read.
    pub items: PrefetchItems,
}

/// Secrets or parameters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PrefetchItems {
    /// A secret.
    Secret(SecretId),
    /// The secrets with a tag, and with a value of it if one is given.
    Tag {
        /// The key.
        key: String,
        /// The value.
        value: Option<String>,
    },
    /// A parameter.
    Parameter(ParameterId),
    /// The secrets and the parameters below a path, such as `/prod`.
    Path(String),
}
