//! Why AWS refused a request, by its message and by local evidence.
//!
//! The service's messages name no cause. What is known of each is in its row here, and what can be
//! seen locally (the clock, the chain, the leaf) decides between the causes of one message. Causes are
//! data: the program words them, and knows its options.

mod assume_role;
mod cause;
mod chain;
mod create_session;
mod iam;
mod parameter_store;
mod secrets_manager;

use std::fmt;

use crate::arn::RoleArn;
use crate::aws::error_response::ServiceError;
use crate::aws::json_protocol::JsonOperation;
use crate::aws::query_protocol::QueryOperation;
use crate::region::Region;
use crate::time::Timestamp;
use crate::x509::Certificate;
use crate::x509::Chain;

pub use assume_role::{HopEvidence, assume_role};
pub use cause::{
    AccessKeyCause, CaExtensions, Cause, CertificateCause, ClockComparison, ConfigurationCause,
    DeniedAction, HopCause, KeyCaller, ParameterCause, SecretCause, SecretChangeCause,
};
pub use create_session::create_session;
pub use iam::{IamEvidence, IamSigner, iam};
pub use parameter_store::{ParameterSubject, missing_parameter, parameter_store};
pub use secrets_manager::{SecretSubject, secrets_manager};

/// A refusal of AWS, with its likely causes.
#[derive(Debug)]
pub struct Refusal {
    /// The operation that was refused.
    pub operation: Operation,
    /// AWS's answer.
    pub service_error: ServiceError,
    /// The likely causes, the most likely first, and facts that help to find the cause.
    pub causes: Vec<Cause>,
}

/// An operation of AWS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Operation {
    /// `rolesanywhere:CreateSession`.
    CreateSession,
    /// One of Secrets Manager or of Systems Manager.
    Json(JsonOperation),
    /// One of IAM or of STS.
    Query(QueryOperation),
    /// `sts:AssumeRole`, for a hop of a chain of roles.
    AssumeRole {
        /// The number of the hop, from 1.
        hop: usize,
        /// The number of hops of the chain.
        hops: usize,
        /// The role of the hop.
        role: RoleArn,
    },
}

/// Renders the name without the service, and which hop it was of.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateSession => f.write_str("CreateSession"),
            Self::Json(operation) => operation.fmt(f),
            Self::Query(operation) => operation.fmt(f),
            Self::AssumeRole { hop, hops, role } => {
                write!(f, "AssumeRole (hop {hop} of {hops}: {role})")
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceError { status, code, .. } = &self.service_error;
        match code {
            // One of several results in a response that is no error.
            Some(code) if *status < 300 => write!(f, "AWS refused {}: {code}", self.operation),
            Some(code) if *status >= 500 => {
                write!(f, "AWS failed to process {}: {status} {code}", self.operation)
            }
            Some(code) => write!(f, "AWS refused {}: {status} {code}", self.operation),
            None => {
                write!(
                    f,
                    "{} failed with HTTP status {status} and no AWS error code",
                    self.operation
                )
            }
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let ServiceError { message, request_id, .. } = &self.service_error;
        let is_silent = message.is_empty() && request_id.is_none();
        (!is_silent).then_some(&self.service_error)
    }
}

/// The session of a refused call, and the Region of the call.
#[derive(Clone, Copy, Debug)]
pub struct CallEvidence<'a> {
    /// The role of the session.
    pub role: &'a RoleArn,
    /// The Region that made the session.
    pub session_region: &'a Region,
    /// The Region of the call.
    pub region: &'a Region,
    /// When the response was received, by this machine's clock.
    pub received: Timestamp,
}

impl CallEvidence<'_> {
    /// Returns whether the service did not accept the session, and then the cause.
    fn session_not_accepted(&self, service_error: &ServiceError) -> Option<Cause> {
        let codes =
            ["ExpiredTokenException", "InvalidSignatureException", "UnrecognizedClientException"];
        codes.contains(&service_error.code.as_deref()?).then(|| {
            clock_offset(service_error, self.received).unwrap_or_else(|| {
                Cause::SessionNotAccepted {
                    session: self.session_region.clone(),
                    call: self.region.clone(),
                }
            })
        })
    }
}

/// Returns the ARN of the KMS key that AWS's message names.
fn kms_key(service_error: &ServiceError) -> Option<String> {
    let words = service_error.message.split(|c: char| c.is_whitespace() || "\"'(),".contains(c));
    let mut arns = words.filter(|word| word.starts_with("arn:") && word.contains(":kms:"));
    arns.find(|arn| arn.contains(":key/")).map(|arn| arn.trim_end_matches(['.', ':']).to_owned())
}

/// What is known on this side of a refused `CreateSession`.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// When the response was received, by this machine's clock.
    pub received: Timestamp,
    /// The end-entity certificate that was sent.
    pub leaf: &'a Certificate,
    /// The certificates that were sent with it, and those that were left out.
    pub chain: &'a Chain,
}

/// Returns the difference of this machine's clock and AWS's, if it is more than a minute.
fn clock_offset(service_error: &ServiceError, local: Timestamp) -> Option<Cause> {
    let aws = service_error.date?;
    let seconds_behind = local.seconds_until(aws);
    (seconds_behind.abs() > 60).then_some(Cause::ClockOffset { seconds_behind, local, aws })
}

/// Returns the cause for every operation that follows from status and code only.
fn general(service_error: &ServiceError) -> Option<Cause> {
    if service_error.is_throttle() {
        Some(Cause::Throttled)
    } else if service_error.code.is_none() {
        Some(Cause::AnotherServer)
    } else if service_error.is_failure_of_service() {
        Some(Cause::ServiceFailure)
    } else {
        None
    }
}

/// Returns the causes of a refused signature for `region`, whose response came at `received`.
fn invalid_signature(
    service_error: &ServiceError,
    region: &Region,
    received: Timestamp,
) -> Vec<Cause> {
    let altered = |clocks| Cause::AlteredRequest { region: region.clone(), clocks };
    match (clock_offset(service_error, received), service_error.date) {
        // Minutes are tolerated; how many is not documented.
        (Some(offset @ Cause::ClockOffset { seconds_behind, .. }), _)
            if seconds_behind.abs() >= 300 =>
        {
            vec![offset]
        }
        (Some(offset), _) => vec![offset, altered(ClockComparison::Differ)],
        (None, Some(_)) => vec![altered(ClockComparison::Agree)],
        (None, None) => vec![altered(ClockComparison::NotPossible)],
    }
}
