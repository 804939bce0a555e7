//! The refusals of IAM, and those of STS for an access key.

use super::cause::{AccessKeyCause, Cause, KeyCaller};
use super::{clock_offset, general, invalid_signature};
use crate::arn::RoleArn;
use crate::aws::error_response::ServiceError;
use crate::aws::query_protocol::QueryOperation;
use crate::credentials::access_key_id;
use crate::region::Region;
use crate::text::disclosure::may_be_repeated;
use crate::time::Timestamp;

/// What is known on this side of a refused call.
#[derive(Clone, Copy, Debug)]
pub struct IamEvidence<'a> {
    /// The operation.
    pub operation: QueryOperation,
    /// The user that the request is about; `None` for the caller's own.
    pub user: Option<&'a str>,
    /// The id of the access key that the request is about, if it is about one.
    pub key: Option<&'a str>,
    /// Who signed it.
    pub signer: IamSigner<'a>,
    /// The Region that it was signed for.
    pub region: &'a Region,
    /// When the response was received, by this machine's clock.
    pub received: Timestamp,
}

/// Who signed a call.
#[derive(Clone, Copy, Debug)]
pub enum IamSigner<'a> {
    /// A session of a role.
    Session {
        /// The role.
        role: &'a RoleArn,
        /// The Region that made the session.
        region: &'a Region,
    },
    /// The access key with this id.
    Key(&'a str),
}

/// Returns the likely causes of `service_error`, the most likely first; at least one.
pub fn iam(service_error: &ServiceError, evidence: &IamEvidence<'_>) -> Vec<Cause> {
    if let Some(cause) = general(service_error) {
        return vec![cause];
    }
    let IamEvidence { operation, signer, region, received, .. } = *evidence;
    let (user, key) = (shown(evidence.user), shown(evidence.key));
    let code = service_error.code.as_deref().unwrap_or_default();
    if service_error.is_about_signature() && code != "AccessDenied" {
        let causes = invalid_signature(service_error, region, received);
        return match (signer, &causes[..]) {
            // The key is from a person or from a secret, so it may be wrong.
            (IamSigner::Key(id), [Cause::AlteredRequest { .. }]) => {
                vec![Cause::AccessKey(AccessKeyCause::WrongSecret { key: shown(Some(id)) })]
            }
            _ => causes,
        };
    }
    if service_error.is_about_credentials() {
        return vec![not_accepted(service_error, evidence)];
    }
    Vec::from([Cause::AccessKey(match code {
        "NoSuchEntity" => AccessKeyCause::NoSuchEntity { user, key },
        "LimitExceeded" => AccessKeyCause::LimitExceeded { user },
        "AccessDenied" | "AccessDeniedException" => {
            let caller = match signer {
                IamSigner::Session { role, .. } => KeyCaller::Role(role.clone()),
                IamSigner::Key(id) => KeyCaller::Key(shown(Some(id))),
            };
            AccessKeyCause::Denied { operation, caller, user }
        }
        "ValidationError" | "InvalidInput" | "MalformedInput" => {
            return vec![Cause::InvalidRequest];
        }
        _ => return vec![Cause::Unknown],
    })])
}

fn not_accepted(service_error: &ServiceError, evidence: &IamEvidence<'_>) -> Cause {
    match evidence.signer {
        IamSigner::Key(id) => {
            Cause::AccessKey(AccessKeyCause::NotAccepted { key: shown(Some(id)) })
        }
        IamSigner::Session { region, .. } => {
            clock_offset(service_error, evidence.received).unwrap_or_else(|| {
                Cause::SessionNotAccepted { session: region.clone(), call: evidence.region.clone() }
            })
        }
    }
}

/// Returns a name or an id if it may be shown: it may be from a secret that holds something else there.
fn shown(text: Option<&str>) -> Option<String> {
    text.filter(|text| access_key_id::is_typical(text) || may_be_repeated(text)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
