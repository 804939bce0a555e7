//! What readers ask of the cache, and what they get.

use std::rc::Rc;
use std::time::Duration;

use super::value::CachedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretId, SecretRequest};
use roles_anywhere_client::aws::parameter::{Decryption, ParameterId, ParameterRequest};
use roles_anywhere_client::region::Region;

/// A read of a version of a secret or a parameter.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The role that reads it: its ARN, or its name in the configuration file; `None` for the first role.
    pub role: Option<Rc<str>>,
    /// The Region that holds it; `None` for that of its ARN, else that of the role.
    pub region: Option<Region>,
    /// What is read.
    pub item: ReadItem,
    /// How fresh the value has to be.
    pub freshness: RequestedFreshness,
    /// Who waits for it: the calls that one client waits for are limited, if it is told.
    pub client: Option<Rc<str>>,
    /// The uptime at which it fails without a result; [`READER_LIMIT`](super::READER_LIMIT) from now on by
    /// default. It is that of a request that needs several reads.
    pub deadline: Option<Duration>,
}

impl ReadRequest {
    /// Returns the read of `item` from the cache, with the first role.
    pub fn cached(item: ReadItem) -> Self {
        let freshness = RequestedFreshness::Cached;
        Self { role: None, region: None, item, freshness, client: None, deadline: None }
    }
}

/// A version of a secret or a parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReadItem {
    /// A secret.
    Secret(SecretRequest),
    /// A parameter; a SecureString may be read as plaintext or as ciphertext.
    Parameter(ParameterRequest, Decryption),
}

impl ReadItem {
    /// Returns the Region in its ARN, if it is named by one.
    pub fn region(&self) -> Option<&Region> {
        match self {
            Self::Secret(SecretRequest { secret: SecretId::Arn(arn), .. }) => Some(arn.region()),
            Self::Parameter(ParameterRequest { parameter: ParameterId::Arn(arn), .. }, _) => {
                Some(arn.region())
            }
            Self::Secret(_) | Self::Parameter(..) => None,
        }
    }
}

/// How fresh a value has to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestedFreshness {
    /// As the cache has it: within the TTL, or older while AWS cannot be reached.
    Cached,
    /// As AWS has it now (`refreshNow`); never stale.
    Now,
}

/// A value that was read.
#[derive(Clone, Debug)]
pub struct ServedValue {
    /// The value.
    pub value: Rc<CachedValue>,
    /// The time since AWS last confirmed it.
    pub age: Duration,
    /// Set if the TTL has passed, as AWS cannot be reached.
    pub stale: Option<StaleReason>,
    /// Where it is from.
    pub source: ReadSource,
}

/// How stale a value is, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StaleReason {
    /// The time since the TTL has passed.
    pub past_ttl: Duration,
    /// Why AWS did not confirm it.
    pub reason: OutageReason,
}

/// Where a value is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReadSource {
    /// The cache, within the TTL.
    Cache,
    /// AWS: the reader waited for a call.
    Aws,
    /// The cache, after the TTL.
    StaleCache,
    /// A copy on disk, written before the start.
    OfflineCopy,
}

impl ReadSource {
    /// Returns its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Aws => "aws",
            Self::StaleCache => "stale",
            Self::OfflineCopy => "offline",
        }
    }

    /// Returns whether it serves values that AWS has not confirmed within the TTL.
    pub(super) fn is_stale(self) -> bool {
        matches!(self, Self::StaleCache | Self::OfflineCopy)
    }
}

/// Why AWS did not confirm a value, although it did not refuse it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum OutageReason {
    /// AWS throttled the call.
    Throttled,
    /// AWS failed, with a status of 500 or above.
    ServiceFailure,
    /// There was no response in time.
    Timeout,
    /// No connection, or it was lost.
    Connection,
    /// TLS: AWS's certificate is not trusted, or the handshake failed.
    Tls,
    /// A proxy answered instead of AWS, or changed the request.
    Proxy,
    /// AWS does not accept the session any more, and there is no new one.
    Session,
    /// The certificate or the key of this machine cannot be used, e.g. as it has expired.
    Identity,
    /// The clock of this machine is off.
    Clock,
    /// The response cannot be read.
    Unreadable,
    /// AWS answered something else, about this secret or parameter only.
    Answer,
}

impl OutageReason {
    /// All reasons.
    pub const ALL: [Self; 11] = [
        Self::Throttled,
        Self::ServiceFailure,
        Self::Timeout,
        Self::Connection,
        Self::Tls,
        Self::Proxy,
        Self::Session,
        Self::Identity,
        Self::Clock,
        Self::Unreadable,
        Self::Answer,
    ];

    /// Returns its name in headers, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::ServiceFailure => "aws_failure",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Session => "session",
            Self::Identity => "identity",
            Self::Clock => "clock",
            Self::Unreadable => "unreadable",
            Self::Answer => "answer",
        }
    }

    /// Returns whether a copy on disk may be served because of it: whether AWS, or the network to it, fails.
    /// Of a certificate or a key that cannot be used, a process that starts is to say so at once.
    pub fn allows_copies(self) -> bool {
        self != Self::Identity
    }

    /// Returns whether other secrets of the same role and Region fail, too.
    pub(super) fn concerns_all(self) -> bool {
        self != Self::Answer
    }
}

/// Why a read has no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReadFailure {
    /// AWS answered so. Texts are without our secrets, but with characters that do not show.
    #[error("AWS answered with HTTP status {status} ({code}): {message}")]
    Service {
        /// The HTTP status.
        status: u16,
        /// AWS's error code.
        code: Box<str>,
        /// AWS's message.
        message: Box<str>,
    },
    /// AWS did not answer in time.
    #[error("AWS did not answer in time")]
    Timeout,
    /// AWS cannot be reached: no address, no connection, no TLS.
    #[error("AWS cannot be reached")]
    Unreachable,
    /// The connection was lost before the response was complete.
    #[error("the connection was lost before the response was complete")]
    Interrupted,
    /// The response cannot be read, or is of another server.
    #[error("the response cannot be read")]
    Unreadable,
    /// There is no session of the role.
    #[error("there is no session of the role ({code})")]
    NoSession {
        /// The code of the cause, such as `expired` or `access_denied`; of a fixed set.
        code: &'static str,
    },
    /// No role has this name or ARN.
    #[error("no role has this name or ARN")]
    UnknownRole,
    /// Two versions of the secret that were asked for together do not belong together, and AWS could not
    /// be asked again.
    #[error("two versions of the secret do not belong together, and AWS could not be asked again")]
    Inconsistent,
    /// Too many reads wait for AWS, of this client or of all.
    #[error("too many reads wait for AWS")]
    TooManyReads,
    /// A defect of this program.
    #[error("this is a defect of roles-anywhere")]
    Internal,
}

impl ReadFailure {
    /// Returns whether AWS has no such secret, parameter or version.
    pub fn is_missing(&self) -> bool {
        const MISSING: [&str; 3] =
            ["ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"];
        matches!(self, Self::Service { code, .. } if MISSING.contains(&&**code))
    }

    /// Returns its class in logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Service { .. } => "service",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Interrupted => "interrupted",
            Self::Unreadable => "unreadable",
            Self::NoSession { .. } => "no_session",
            Self::UnknownRole => "unknown_role",
            Self::Inconsistent => "inconsistent",
            Self::TooManyReads => "too_many",
            Self::Internal => "internal",
        }
    }
}
