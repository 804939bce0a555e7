//! Where the values of references come from that are followed.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use crate::output::error::Error;
use crate::secrets::value::Resolved;
use crate::secrets_cache::StaleReason;

/// The values of all references at one time.
#[derive(Clone, Debug)]
pub struct FollowedValues {
    /// In the order of the references.
    pub values: Vec<FollowedValue>,
}

/// What a reference stands for.
#[derive(Clone, Debug)]
pub struct FollowedValue {
    /// The value.
    pub resolved: Resolved,
    /// The name of the secret or the parameter as AWS has it. If there is none, as the reference has it.
    pub name: String,
    /// The id or the number of the version that was read, also if it has no such member; `None` if there is no
    /// secret or parameter, and a default stands for it.
    pub version: Option<String>,
    /// Set if AWS cannot be reached, and the value is past its TTL.
    pub stale: Option<StaleReason>,
}

/// Reads references again and again.
pub trait ReferenceSource {
    /// Returns the values of all references. The error names all that cannot be read.
    fn read(&self) -> LocalBoxFuture<'_, Result<FollowedValues, Error>>;

    /// Completes when something has another version than [`ReferenceSource::read`] has last seen, whether or not
    /// that could use it, or after `limit`. It may also complete without a change. If something cannot be read,
    /// it completes after a pause.
    fn changed(&self, limit: Duration) -> LocalBoxFuture<'_, ()>;

    /// Returns a number of the references that [`ReferenceSource::read`] has last read: another one if they are
    /// not those that it read before.
    fn generation(&self) -> u64 {
        0
    }
}
