//! Which failures are outages, and which are refusals of a secret or of a session.

use super::read::{OutageReason, ReadFailure};
use super::upstream::UpstreamFailure;
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::retry::RequestError;
use roles_anywhere_client::diagnosis::{
    Cause, CertificateCause, HopCause, ParameterCause, Refusal, SecretCause,
};
use roles_anywhere_client::http::TransportError;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::secrets_manager::ServiceCallError;

/// Returns that a secret or a parameter is refused.
pub fn refused(failure: ReadFailure) -> UpstreamFailure {
    UpstreamFailure::Refused(failure)
}

/// Returns the failure of a call without a session; `error` is that of the last refresh, and `is_late` says
/// whether its time has passed.
pub fn no_session(error: Option<&ProviderError>, is_late: bool) -> UpstreamFailure {
    let (reason, failure) = match (error, is_late) {
        (Some(error), _) => (of_refresh(error), ReadFailure::NoSession { code: error.code() }),
        (None, true) => (OutageReason::Timeout, ReadFailure::Timeout),
        // The next refresh is not due yet.
        (None, false) => (OutageReason::Session, ReadFailure::NoSession { code: "no_session_yet" }),
    };
    UpstreamFailure::Outage(reason, failure)
}

/// Returns the outage if a refusal may have that cause.
fn fault(cause: &Cause) -> Option<OutageReason> {
    match cause {
        Cause::Throttled => Some(OutageReason::Throttled),
        Cause::ServiceFailure => Some(OutageReason::ServiceFailure),
        Cause::AnotherServer | Cause::AlteredRequest { .. } => Some(OutageReason::Proxy),
        Cause::ClockOffset { .. } => Some(OutageReason::Clock),
        Cause::SessionNotAccepted { .. } | Cause::Hop(HopCause::SessionNotAccepted { .. }) => {
            Some(OutageReason::Session)
        }
        Cause::Certificate(CertificateCause::IntermediateOutOfDate { .. }) => {
            Some(OutageReason::Identity)
        }
        // The others are no outages, see [`Cause::is_outage`].
        _ => None,
    }
}

/// Returns why there is no session, if AWS does not refuse one.
pub fn of_refresh(error: &ProviderError) -> OutageReason {
    match error {
        ProviderError::Identity { clock: Some(_), .. } => OutageReason::Clock,
        ProviderError::Identity { clock: None, .. } | ProviderError::NoIdentity => {
            OutageReason::Identity
        }
        ProviderError::Request(error) => of_request(error).0,
        ProviderError::Refused { source, .. } => {
            source.causes.iter().find_map(fault).unwrap_or(OutageReason::Session)
        }
        ProviderError::Response(_) => OutageReason::Unreadable,
        ProviderError::EveryRegion { primary, .. } => of_refresh(primary),
    }
}

/// Returns the failure of a call.
pub fn of_call(error: &ServiceCallError) -> UpstreamFailure {
    match error {
        ServiceCallError::Request(error) => {
            let (reason, failure) = of_request(error);
            UpstreamFailure::Outage(reason, failure)
        }
        ServiceCallError::SessionRefused(refusal) => {
            let reason = refusal.causes.iter().find_map(fault).unwrap_or(OutageReason::Session);
            UpstreamFailure::Outage(reason, service(&refusal.service_error))
        }
        ServiceCallError::Refused(refusal) => of_refusal(refusal),
        // The last two are of calls that change something or of IAM, which are not made here.
        ServiceCallError::Response(_)
        | ServiceCallError::QueryResponse(_)
        | ServiceCallError::OutcomeUnknown { .. } => {
            UpstreamFailure::Outage(OutageReason::Unreadable, ReadFailure::Unreadable)
        }
    }
}

/// Returns the failure of a call that AWS refused, or of a part of it.
pub fn of_refusal(refusal: &Refusal) -> UpstreamFailure {
    let failure = service(&refusal.service_error);
    if let Some(reason) = refusal.causes.iter().find_map(fault) {
        return UpstreamFailure::Outage(reason, failure);
    }
    let has = |is_it: fn(&Cause) -> bool| refusal.causes.iter().any(is_it);
    match (has(is_of_version), has(is_of_subject)) {
        (true, _) => UpstreamFailure::NoVersion(failure),
        (false, true) => UpstreamFailure::Refused(failure),
        (false, false) => UpstreamFailure::Outage(OutageReason::Answer, failure),
    }
}

/// Returns whether a cause is that what was asked for may not be read, or does not exist.
fn is_of_subject(cause: &Cause) -> bool {
    match cause {
        Cause::Secret(cause) => match cause {
            SecretCause::NoSuchSecret { .. }
            | SecretCause::Denied { .. }
            | SecretCause::OperationDenied { .. }
            | SecretCause::KmsKeyDenied { .. }
            | SecretCause::ScheduledForDeletion { .. } => true,
            SecretCause::NoSuchVersion { .. }
            | SecretCause::VersionsDiffer
            | SecretCause::NotReadable => false,
        },
        Cause::Parameter(
            ParameterCause::NoSuchParameter { .. }
            | ParameterCause::Denied { .. }
            | ParameterCause::KmsKeyDenied { .. },
        ) => true,
        _ => false,
    }
}

/// Returns whether a cause is that the version that was asked for does not exist.
fn is_of_version(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Secret(
            SecretCause::NoSuchVersion { .. }
            // The version that was asked for by its id has lost the label that was asked for.
            | SecretCause::VersionsDiffer
        ) | Cause::Parameter(ParameterCause::NoSuchVersion { .. })
    )
}

fn of_request(error: &RequestError) -> (OutageReason, ReadFailure) {
    let source = match error {
        RequestError::Timeout { .. } => return (OutageReason::Timeout, ReadFailure::Timeout),
        RequestError::Sign(_) => return (OutageReason::Identity, ReadFailure::Internal),
        RequestError::AccessKey(_) => return (OutageReason::Session, ReadFailure::Internal),
        RequestError::Transport { source, .. } => source,
    };
    match source {
        TransportError::Connect { .. } | TransportError::Resolve { .. } => {
            (OutageReason::Connection, ReadFailure::Unreachable)
        }
        TransportError::Untrusted { .. }
        | TransportError::Handshake { .. }
        | TransportError::TrustStore { .. } => (OutageReason::Tls, ReadFailure::Unreachable),
        TransportError::Proxy { .. } => (OutageReason::Proxy, ReadFailure::Unreachable),
        TransportError::Interrupted { .. } => (OutageReason::Connection, ReadFailure::Interrupted),
        TransportError::TooLarge { .. } => (OutageReason::Unreadable, ReadFailure::Unreadable),
    }
}

/// Returns what AWS said. That of another server is not repeated.
fn service(error: &ServiceError) -> ReadFailure {
    let ServiceError { status, code, message, .. } = error;
    let Some(code) = code else { return ReadFailure::Unreadable };
    // One of several results of a call that succeeded.
    let status = if *status < 300 { 400 } else { *status };
    ReadFailure::Service { status, code: code.as_str().into(), message: message.as_str().into() }
}
