//! Temporary AWS credentials.

pub mod process;

use crate::secret::Secret;
use crate::time::Timestamp;

/// One set of temporary credentials, as AWS issued it.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Public identifier, safe to log.
    pub access_key_id: String,
    /// The signing secret.
    pub secret_access_key: Secret,
    /// The token that travels with every request.
    pub session_token: Secret,
    /// When AWS stops accepting them.
    pub expiration: Timestamp,
    /// The account of the role, twelve digits.
    pub account_id: String,
}
