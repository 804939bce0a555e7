//! The causes of refusals about access keys.

use crate::arn::RoleArn;
use crate::aws::query_protocol::QueryOperation;

/// A cause in an access key or the permission for it. A user or an id that may not be shown is `None`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccessKeyCause {
    /// The user does not exist, or has no such access key.
    NoSuchEntity {
        /// The user; `None` for the caller's own.
        user: Option<String>,
        /// The id of the access key, if the request is about one.
        key: Option<String>,
    },
    /// The user has as many access keys as it can have: two, unless AWS has changed it.
    LimitExceeded {
        /// The user; `None` for the caller's own.
        user: Option<String>,
    },
    /// A policy does not allow the operation.
    Denied {
        /// The operation.
        operation: QueryOperation,
        /// Who called.
        caller: KeyCaller,
        /// The user that the request is about; `None` for the caller's own.
        user: Option<String>,
    },
    /// AWS does not accept the access key of the caller: it was deleted or deactivated, or was created so
    /// recently that not all of AWS knows it.
    NotAccepted {
        /// Its id.
        key: Option<String>,
    },
    /// The signature of the caller's access key is wrong although the clocks agree: the secret does not
    /// belong to the id, or the request was altered.
    WrongSecret {
        /// Its id.
        key: Option<String>,
    },
}

/// Who made a call of IAM or STS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeyCaller {
    /// A session of a role.
    Role(RoleArn),
    /// The user of an access key, with its id.
    Key(Option<String>),
}
