//! AWS, as the cache sees it.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::read::{OutageReason, ReadFailure, ReadItem};
use super::value::FetchedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretVersion};
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::aws::secret_description::SecretDescription;
use roles_anywhere_client::region::Region;

/// A role whose session reads secrets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReadingRole {
    /// What tells it apart from other roles that are served: two may have one ARN.
    pub id: Rc<str>,
    /// Its ARN.
    pub arn: Rc<str>,
    /// Its account, twelve digits.
    pub account: Rc<str>,
    /// The Region of what is read by name.
    pub region: Region,
}

/// A role, and the Region of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallScope {
    /// The role.
    pub role: Rc<ReadingRole>,
    /// The Region.
    pub region: Region,
}

/// The result of a call.
pub type CallResult<T> = Result<T, UpstreamFailure>;

/// The calls of AWS that the cache makes. Each ends within `limit`, and waits for a session of the role.
pub trait Upstream {
    /// Returns the role with an ARN or with a name in the configuration file, or the first one.
    fn role(&self, role: Option<&str>) -> Option<Rc<ReadingRole>>;

    /// Returns whether values that were read with the role may be served.
    fn session(&self, role: &ReadingRole) -> SessionState;

    /// Returns a version of a secret or a parameter.
    fn get<'a>(
        &'a self,
        scope: &'a CallScope,
        item: &'a ReadItem,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<FetchedValue>>;

    /// Returns all about a secret but its value.
    fn describe<'a>(
        &'a self,
        scope: &'a CallScope,
        secret: &'a SecretId,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<SecretDescription>>;

    /// Returns the current versions of 1 to 20 secrets in their order, each or why there is none.
    fn batch_get<'a>(
        &'a self,
        scope: &'a CallScope,
        secrets: &'a [SecretId],
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<CallResult<SecretVersion>>>>;

    /// Returns the secrets whose names start with `prefix`, or all.
    fn list_secrets<'a>(
        &'a self,
        scope: &'a CallScope,
        prefix: Option<&'a str>,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<SecretDescription>>>;

    /// Returns the parameters anywhere below a path, decrypted.
    fn parameters_below<'a>(
        &'a self,
        scope: &'a CallScope,
        path: &'a str,
        limit: Duration,
    ) -> LocalBoxFuture<'a, CallResult<Vec<Parameter>>>;
}

/// Whether values that were read with a role may be served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionState {
    /// The session in use has not ended, or AWS has not refused the next one.
    Usable,
    /// The session in use has ended, and AWS refuses another one for the certificate, the trust anchor, the
    /// profile or the role.
    Refused(ReadFailure),
}

/// Why a call has no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UpstreamFailure {
    /// AWS cannot be reached or does not work for now.
    Outage(OutageReason, ReadFailure),
    /// AWS refuses this secret or parameter, or this operation: it does not exist, is to be deleted, or may
    /// not be read or decrypted by the role.
    Refused(ReadFailure),
    /// AWS has no such version of the secret or parameter; the others may be read.
    NoVersion(ReadFailure),
}
