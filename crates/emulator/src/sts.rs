//! STS: `AssumeRole` and `GetCallerIdentity` of the Query protocol, answered in XML.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/>

mod assume_role;
mod constraints;
mod input;
mod parameters;
mod response;

use time::OffsetDateTime;

use crate::account::Resources;
use crate::message::{Reply, Request};
use crate::refusal::Refusal;
use crate::session::Session;

/// The one version that STS ever had.
const VERSION: &str = "2011-06-15";

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

/// Returns the requested action, from the query or from a form in the body; the error message if
/// there is no such action; `None` if the request is not for STS.
///
/// A request without STS's version is for STS if it is not signed for another service
/// (`signed_for_ours`). Of two values the first counts, as at AWS.
pub(crate) fn action(request: &Request, signed_for_ours: bool) -> Option<Result<Action, String>> {
    let first = |name| request.form_parameters(name).into_iter().next();
    let name = first("Action")?;
    let version = first("Version").unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
    if version != VERSION {
        let message = format!("Could not find operation {name} for version {version}");
        return signed_for_ours.then_some(Err(message));
    }
    Some(Action::ALL.into_iter().find(|action| action.name() == name).ok_or_else(|| {
        if ABSENT.contains(&&*name) {
            format!("this emulator has no sts:{name}")
        } else {
            format!("Could not find operation {name} for version {version}")
        }
    }))
}

/// A call of an action.
#[derive(Debug)]
pub(crate) struct StsCall<'a> {
    /// Who calls.
    pub(crate) session: &'a Session,
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
            let reply = response::caller_identity(call.session, call.request_id);
            Ok(StsAnswer { reply, vended: None, explanation: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(content_type: &str, query: &str, body: &str) -> Request {
        Request {
            query: query.to_owned(),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn actions_are_read_from_form_or_query() {
        const GOOD: &str = "Action=GetCallerIdentity&Version=2011-06-15";
        const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
        let known = Some(Ok(Action::GetCallerIdentity));
        assert_eq!(action(&request(FORM, "", GOOD), true), known);
        assert_eq!(action(&request("", GOOD, ""), true), known);
        assert_eq!(action(&request("", GOOD, ""), false), known);
        assert_eq!(action(&request("application/json", "", GOOD), true), None);
        assert_eq!(action(&request(FORM, "", "Version=2011-06-15"), true), None);
        let first = format!("{GOOD}&Action=AssumeRole");
        assert_eq!(action(&request(FORM, "", &first), true), known);
        for (form, message) in [
            (
                "Action=GetCallerIdentity",
                "Could not find operation GetCallerIdentity for version NO_VERSION_SPECIFIED",
            ),
            ("Action=X&Version=2011-06-15", "Could not find operation X for version 2011-06-15"),
            (
                "Action=AssumeRoleWithSAML&Version=2011-06-15",
                "this emulator has no sts:AssumeRoleWithSAML",
            ),
        ] {
            let refused = action(&request(FORM, "", form), true);
            assert_eq!(refused, Some(Err(message.to_owned())));
        }
        let another = "Action=ListRoles&Version=2010-05-08";
        assert_eq!(action(&request(FORM, "", another), false), None);
    }
}
