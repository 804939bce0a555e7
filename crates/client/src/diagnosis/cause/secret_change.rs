//! The causes of refused changes of secrets.

use crate::aws::get_secret_value::SecretId;
use crate::region::Region;

/// A cause that only a change of a secret has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretChangeCause {
    /// The secret cannot be changed: another service manages it, or it is a replica.
    NotWritable {
        /// The secret.
        secret: SecretId,
        /// The Region of the request.
        region: Region,
    },
    /// The secret has a version with this id already, and with another value.
    VersionExists {
        /// The secret.
        secret: SecretId,
        /// The id.
        version: String,
    },
    /// The staging label is not where the request expects it: another process has moved it.
    StageElsewhere {
        /// The secret.
        secret: SecretId,
        /// The label.
        stage: String,
        /// The version that should have it; `None` if none should.
        expected: Option<String>,
    },
}
