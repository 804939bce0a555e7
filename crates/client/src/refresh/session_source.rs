//! Where a refresher gets its sessions from.

use futures_util::future::BoxFuture;

use crate::provider::ProviderError;
use crate::provider::fallback::{Fetched, Order};
use crate::time::Timestamp;

/// Fetches sessions from AWS, with an identity read from files.
pub trait SessionSource: Send + Sync {
    /// Reads the identity's files, and uses the new identity if they changed and hold a valid one.
    /// On an error the identity in use stays.
    ///
    /// Files that failed before are read again if they have changed since, after a while, or with
    /// [`Retry::Always`].
    ///
    /// It never waits: the outcome is [`ReloadOutcome::Pending`] while the files are being read. If that
    /// takes too long, it is an error, and if it ends after all, the next outcome.
    fn reload(&self, retry: Retry) -> Result<ReloadOutcome, ProviderError>;

    /// Returns whether the files are being read, and that does not take too long: an outcome is to come.
    fn is_reloading(&self) -> bool;

    /// Completes when the outcome of a reload is no longer pending; never if none is.
    fn reloaded(&self) -> BoxFuture<'_, ()>;

    /// Fetches a session with the identity in use, from the trust anchors in `order`.
    fn fetch(&self, order: Order) -> BoxFuture<'_, Result<Fetched, ProviderError>>;
}

/// Whether [`SessionSource::reload`] reads files again that failed before, or that are being read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Retry {
    /// What failed before: only if it changed, or after a while. What is being read: not again.
    IfChanged,
    /// What failed before: only if it changed, or after a while. What is being read: again after that,
    /// as it may have changed since.
    AfterChange,
    /// Both, whether it changed or not.
    Always,
}

/// The result of [`SessionSource::reload`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReloadOutcome {
    /// The files are being read.
    Pending,
    /// The files hold the identity in use.
    Unchanged,
    /// The files failed before, and were not read again.
    Skipped,
    /// The files changed and hold the identity in use, by its
    /// [`Fingerprint`](crate::identity::Fingerprint): it may be encoded or encrypted in another way.
    SameIdentity {
        /// The option that gave a password although the key needs none.
        unused_password: Option<String>,
    },
    /// Another identity is in use now.
    NewIdentity {
        /// Its serial number, in decimal.
        serial: String,
        /// Its subject.
        subject: String,
        /// Start of its validity (inclusive).
        not_before: Timestamp,
        /// End of its validity (inclusive).
        not_after: Timestamp,
        /// The option that gave a password although the key needs none.
        unused_password: Option<String>,
    },
}
