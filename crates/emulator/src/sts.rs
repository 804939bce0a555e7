//! STS: `AssumeRole` and `GetCallerIdentity` of the Query protocol, answered in XML.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/>

mod assume_role;
mod input;
mod response;

use time::OffsetDateTime;

use crate::account::Resources;
use crate::caller::Caller;
use crate::message::{Reply, Request};
use crate::refusal::Refusal;
use crate::session::Session;

/// The one version that STS ever had.
pub(crate) const VERSION: &str = "2011-06-15";

/// What STS does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    AssumeRole,
    GetCallerIdentity,
}

impl Action {
    pub(crate) const ALL: [Self; 2] = [Self::AssumeRole, Self::GetCallerIdentity];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AssumeRole => "AssumeRole",
            Self::GetCallerIdentity => "GetCallerIdentity",
        }
    }
}

/// What STS does at AWS and not here.
const ABSENT: [&str; 9] = [
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
];

/// Returns the action of a name, or the error message if there is no such action.
pub(crate) fn action(name: &str) -> Result<Action, String> {
    Action::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
        if ABSENT.contains(&name) {
            format!("this emulator has no sts:{name}")
        } else {
            format!("Could not find operation {name} for version {VERSION}")
        }
    })
}

/// A call of an action.
#[derive(Debug)]
pub(crate) struct StsCall<'a> {
    pub(crate) caller: &'a Caller,
    /// The Region that the request is signed for.
    pub(crate) region: String,
    pub(crate) request: &'a Request,
    pub(crate) request_id: &'a str,
    pub(crate) now: OffsetDateTime,
    /// What ends sessions earlier than asked for.
    pub(crate) end_after_seconds: Option<u64>,
}

/// The outcome of a call that is allowed.
#[derive(Debug)]
pub(crate) struct StsAnswer {
    pub(crate) reply: Reply,
    /// A session that was vended, which is the caller's to keep.
    pub(crate) vended: Option<Session>,
    /// What allows it, in a sentence for the log.
    pub(crate) explanation: Option<String>,
}

/// Performs a call.
pub(crate) fn perform(
    resources: &Resources,
    action: Action,
    call: &StsCall<'_>,
) -> Result<StsAnswer, Refusal> {
    match action {
        Action::AssumeRole => assume_role::assume_role(resources, call),
        // No permission is needed, and none can be denied.
        Action::GetCallerIdentity => {
            let reply = response::caller_identity(call.caller, call.request_id);
            Ok(StsAnswer { reply, vended: None, explanation: None })
        }
    }
}
