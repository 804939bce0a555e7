//! What can be wrong with the role or the Region of a reference.

use crate::output::error::Error;
use crate::output::usage::UsageError;

/// A reference names a role, or is in a Region, that it cannot be read with.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReferenceRoleError {
    /// There are no roles.
    #[error("the reference names role `{name}`, and no configuration file is used")]
    NoFile {
        /// The name, as it may be shown.
        name: String,
    },
    /// No role has the name.
    #[error("the configuration file has no role `{name}`")]
    Unknown {
        /// The name, as it may be shown.
        name: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The role cannot be used.
    #[error("role `{name}` cannot be used: {reason}")]
    Unusable {
        /// The name, as it may be shown.
        name: String,
        /// Why.
        reason: UnusableRole,
    },
    /// The Region is in another partition than the role.
    #[error("the Region `{region}` is in the partition `{partition}`, and the role in `{of_role}`")]
    Partition {
        /// The Region.
        region: String,
        /// Its partition.
        partition: &'static str,
        /// The partition of the role.
        of_role: &'static str,
    },
}

/// Why a role of the configuration file cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnusableRole {
    /// The tables that it is made of have mistakes.
    #[error("the configuration file has mistakes in its tables")]
    Tables,
    /// Its options cannot be used together, or with what was typed.
    #[error("{0}")]
    Options(Box<UsageError>),
}

impl From<ReferenceRoleError> for Error {
    fn from(error: ReferenceRoleError) -> Self {
        let hint = match &error {
            ReferenceRoleError::NoFile { .. } => {
                "pass `--config` or `--role`: a command line with a certificate or an ARN uses no file otherwise".to_owned()
            }
            ReferenceRoleError::Unknown { nearest: Some(nearest), .. } => {
                format!("did you mean `{nearest}`?")
            }
            ReferenceRoleError::Unknown { .. } => "`roles-anywhere roles` lists them".to_owned(),
            ReferenceRoleError::Unusable { .. } => {
                "`roles-anywhere config check` shows all mistakes of the file".to_owned()
            }
            ReferenceRoleError::Partition { .. } => {
                "name a role of the same partition with `?role=NAME`".to_owned()
            }
        };
        Self::usage(error, [hint])
    }
}
