//! The errors of an exchange.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::aws::create_session::SessionResponseError;
use crate::aws::error_response::ServiceError;
use crate::aws::retry::RequestError;
use crate::diagnosis::{Cause, Refusal};
use crate::http::TransportError;
use crate::identity::IdentityError;
use crate::key::KeyError;
use crate::provider::fallback::FallbackError;
use crate::time::Timestamp;

/// An exchange failed.
#[derive(Debug)]
pub enum ProviderError {
    /// The certificate or the key cannot be used.
    Identity {
        /// The cause. Boxed, as is the refusal: each is larger than all other variants.
        source: Box<IdentityError>,
        /// The result of asking AWS for the time, if it was asked.
        clock: Option<ClockFinding>,
    },
    /// AWS was not reached, or the request could not be signed.
    Request(RequestError),
    /// AWS answered and refused, or failed.
    Refused {
        /// AWS's answer, with its likely causes.
        source: Box<Refusal>,
        /// AWS's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// AWS's response holds no session.
    Response(SessionResponseError),
    /// No trust anchor made a session. It is rendered and classified as the error of the primary one.
    EveryRegion {
        /// The error of the primary trust anchor.
        primary: Box<Self>,
        /// The errors of the fallbacks that were asked.
        fallbacks: Vec<FallbackError>,
        /// The time limit of the whole.
        limit: Duration,
    },
    /// No identity has been loaded yet.
    NoIdentity,
}

impl ProviderError {
    /// Returns the error of the step that failed. `None` for [`ProviderError::NoIdentity`].
    fn inner(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Identity { source, .. } => Some(source.as_ref()),
            Self::Request(source) => Some(source),
            Self::Refused { source, .. } => Some(source.as_ref()),
            Self::Response(source) => Some(source),
            Self::EveryRegion { primary, .. } => primary.inner(),
            Self::NoIdentity => None,
        }
    }
}

/// Renders the error of the step that failed.
impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inner() {
            Some(error) => fmt::Display::fmt(error, f),
            None => {
                f.write_str("internal error: a session was requested before an identity was loaded")
            }
        }
    }
}

/// The sources of the step's error: its own message is the message of this error.
impl Error for ProviderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner()?.source()
    }
}

impl From<RequestError> for ProviderError {
    fn from(source: RequestError) -> Self {
        Self::Request(source)
    }
}

impl From<SessionResponseError> for ProviderError {
    fn from(source: SessionResponseError) -> Self {
        Self::Response(source)
    }
}

/// The result of checking an invalid identity against AWS's time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClockFinding {
    /// It is not valid by AWS's clock.
    OutOfDateByAws {
        /// The time of this machine.
        local: Timestamp,
    },
    /// By this machine's clock, AWS's TLS certificate is not valid either.
    TlsOutOfDate {
        /// The time of this machine.
        local: Timestamp,
    },
}

/// The kind of an error: who can fix it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ErrorKind {
    /// The owner of the certificate and the key.
    Identity,
    /// The owner of the AWS account: AWS answered and refused.
    Refused,
    /// The network, or AWS itself.
    Unreachable,
    /// The owner of this machine.
    Local,
    /// The authors of this program.
    Internal,
}

impl ErrorKind {
    /// Returns its name in responses and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Local => "local",
            Self::Internal => "internal",
        }
    }
}

impl From<IdentityError> for ProviderError {
    fn from(source: IdentityError) -> Self {
        Self::Identity { source: Box::new(source), clock: None }
    }
}

impl ProviderError {
    /// Returns who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Identity { .. } => ErrorKind::Identity,
            Self::Request(error) => error.kind(),
            Self::Refused { source, .. } => source.kind(),
            Self::Response(_) => ErrorKind::Unreachable,
            Self::EveryRegion { primary, .. } => primary.kind(),
            Self::NoIdentity => ErrorKind::Internal,
        }
    }

    /// Returns whether AWS refuses a session to this certificate or this role until something is changed:
    /// with 403 or 404, and no fault of the clock, of a proxy or of AWS explains it. Of several Regions, the
    /// primary one decides, as no other one is asked after its refusal.
    pub fn is_final_refusal(&self) -> bool {
        match self {
            Self::Refused { source, .. } => {
                let ServiceError { status, code, .. } = &source.service_error;
                let is_refusal = matches!(status, 403 | 404) && code.is_some();
                is_refusal && !source.causes.iter().any(Cause::is_outage)
            }
            Self::EveryRegion { primary, .. } => primary.is_final_refusal(),
            Self::Identity { .. } | Self::Request(_) | Self::Response(_) | Self::NoIdentity => {
                false
            }
        }
    }

    /// Returns AWS's `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::EveryRegion { primary, .. } => primary.retry_after(),
            _ => None,
        }
    }

    /// Returns the time that was too short, if that is what failed.
    pub fn time_limit(&self) -> Option<Duration> {
        match self {
            Self::Request(RequestError::Timeout { limit, .. }) => Some(*limit),
            // More time for all of them is more for each.
            Self::EveryRegion { primary, fallbacks, limit } => {
                let mut errors = fallbacks.iter().map(|fallback| &fallback.source);
                let was_too_short = |error: &Self| error.time_limit().is_some();
                (was_too_short(primary) || errors.any(was_too_short)).then_some(*limit)
            }
            _ => None,
        }
    }

    /// Returns a code for the cause, such as `expired` or `dns`. It is one of a fixed set, so it never
    /// contains text of a file, a response, a variable or a library.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity { source, .. } => identity(source),
            Self::Request(error) => request(error),
            Self::Refused { source, .. } => refusal(source),
            Self::Response(_) => "bad_answer",
            Self::EveryRegion { primary, .. } => primary.code(),
            Self::NoIdentity => "defect",
        }
    }
}

impl RequestError {
    /// Returns who can fix it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Sign(_) => ErrorKind::Identity,
            Self::AccessKey(_) => ErrorKind::Internal,
            Self::Transport { source: TransportError::TrustStore { .. }, .. } => ErrorKind::Local,
            Self::Transport { .. } | Self::Timeout { .. } => ErrorKind::Unreachable,
        }
    }
}

impl Refusal {
    /// Returns who can fix it. A response of another server and a temporary failure of AWS are not
    /// refusals.
    pub fn kind(&self) -> ErrorKind {
        match self.service_error.code.is_none() || self.service_error.is_transient() {
            true => ErrorKind::Unreachable,
            false => ErrorKind::Refused,
        }
    }
}

fn identity(error: &IdentityError) -> &'static str {
    match error {
        IdentityError::Unreadable(_) => "unreadable",
        IdentityError::Bundle { .. } => "malformed",
        IdentityError::NoCertificate { .. } => "no_certificate",
        IdentityError::NoKey { .. } => "no_key",
        IdentityError::SeveralKeys { .. } => "several_keys",
        IdentityError::Key { source: KeyError::Password(_) | KeyError::WrongPassword, .. } => {
            "password"
        }
        IdentityError::Key { .. } => "unusable_key",
        IdentityError::Readable { .. } => "permissions",
        IdentityError::TooSlow { .. } => "too_slow",
        IdentityError::KeyMismatch { .. } => "mismatch",
        IdentityError::Sign { .. } => "cannot_sign",
        IdentityError::Expired { .. } => "expired",
        IdentityError::NotYetValid { .. } => "not_yet_valid",
    }
}

fn request(error: &RequestError) -> &'static str {
    match error {
        RequestError::Sign(_) => "cannot_sign",
        RequestError::AccessKey(_) => "defect",
        RequestError::Timeout { .. } => "timeout",
        RequestError::Transport { source, .. } => match source {
            TransportError::Connect { .. } => "connect",
            TransportError::Resolve { .. } => "dns",
            TransportError::Untrusted { .. } | TransportError::Handshake { .. } => "tls",
            TransportError::Proxy { .. } => "proxy",
            TransportError::Interrupted { .. } => "interrupted",
            TransportError::TooLarge { .. } => "bad_answer",
            TransportError::TrustStore { .. } => "trust_store",
        },
    }
}

fn refusal(refusal: &Refusal) -> &'static str {
    let service_error = &refusal.service_error;
    if service_error.is_throttle() {
        return "throttled";
    }
    match service_error.code.as_deref() {
        None => "bad_answer",
        Some(_) if service_error.is_transient() => "aws_failure",
        Some("AccessDeniedException" | "AccessDenied") => "access_denied",
        Some("ResourceNotFoundException") => "not_found",
        Some("ValidationException" | "ValidationError") => "validation",
        Some(_) => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::error_response::ServiceError;
    use crate::diagnosis::Operation;
    use crate::http::SourceMessage;
    use crate::input_source::{Action, FileError, InputSource};

    fn refused(status: u16, code: Option<&str>) -> ProviderError {
        let code = code.map(str::to_owned);
        let message = "-----BEGIN SECRET".to_owned();
        let service_error = ServiceError { status, code, message, request_id: None, date: None };
        let source = Box::new(Refusal {
            operation: Operation::CreateSession,
            service_error,
            causes: Vec::new(),
        });
        ProviderError::Refused { source, retry_after: None }
    }

    #[test]
    fn every_error_has_a_kind_and_a_code_of_ours() {
        let reason = || SourceMessage("-----BEGIN SECRET".to_owned());
        let host = || "-----BEGIN SECRET".to_owned();
        let place = || InputSource::parse("env:-----BEGIN SECRET").name(false);
        let lost = |source| ProviderError::from(RequestError::Transport { source, attempt: 1 });
        let unreadable =
            FileError { action: Action::Read, place: place(), source: std::io::Error::other("x") };
        let rows = [
            (IdentityError::Unreadable(unreadable).into(), "identity unreadable"),
            (
                IdentityError::Key { place: place(), source: KeyError::WrongPassword }.into(),
                "identity password",
            ),
            (
                IdentityError::Key { place: place(), source: KeyError::Label(host()) }.into(),
                "identity unusable_key",
            ),
            (refused(403, Some("AccessDeniedException")), "refused access_denied"),
            (refused(403, Some("-----BEGIN SECRET")), "refused other"),
            (refused(429, Some("x")), "unreachable throttled"),
            (refused(503, Some("x")), "unreachable aws_failure"),
            (refused(403, None), "unreachable bad_answer"),
            (SessionResponseError::Empty.into(), "unreachable bad_answer"),
            (
                lost(TransportError::Resolve { host: host(), for_socks: false, source: reason() }),
                "unreachable dns",
            ),
            (
                lost(TransportError::TrustStore { origin: host(), source: reason() }),
                "local trust_store",
            ),
            (ProviderError::NoIdentity, "internal defect"),
        ];
        for (error, words) in rows {
            assert_eq!(format!("{} {}", error.kind().name(), error.code()), words, "{error}");
        }
    }
}
