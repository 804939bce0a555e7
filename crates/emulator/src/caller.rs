//! The caller of a request: a session, or a user by one of its access keys.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::account::{AttachedPolicy, Resources};
use crate::arn::Arn;
use crate::iam::users::user_id;
use crate::message::Request;
use crate::policy::{Context, Principal};
use crate::session::Session;

/// Who signed a request.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    Session(Box<Session>),
    /// The user of a long-term access key, by ARN.
    User(Arn),
}

impl Caller {
    /// Returns the session; a user has none.
    pub(crate) fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::User(_) => None,
        }
    }

    /// Returns the name of the user; a session has none.
    pub(crate) fn user_name(&self) -> Option<&str> {
        match self {
            Self::Session(_) => None,
            Self::User(arn) => Some(arn.name()),
        }
    }

    /// Returns the account of the role or the user.
    pub(crate) fn account(&self) -> &str {
        match self {
            Self::Session(session) => session.role_arn.account(),
            Self::User(arn) => arn.account(),
        }
    }

    /// Returns `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` or `arn:aws:iam::ACCOUNT:user/NAME`.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Session(session) => session.assumed_role_arn(),
            Self::User(arn) => arn.to_string(),
        }
    }

    /// Returns `AROA…:SESSION` or `AIDA…`.
    pub(crate) fn user_id(&self) -> String {
        match self {
            Self::Session(session) => session.assumed_role_id(),
            Self::User(arn) => user_id(arn),
        }
    }

    /// Returns who calls, as policies see it.
    pub(crate) fn principal(&self) -> Principal {
        match self {
            Self::Session(session) => session.principal(),
            Self::User(arn) => Principal::User {
                account: arn.account().to_owned(),
                arn: arn.to_string(),
                name: arn.name().to_owned(),
            },
        }
    }

    /// Returns the permissions of the role or the user.
    pub(crate) fn permissions<'r>(&self, resources: &'r Resources) -> &'r [Arc<AttachedPolicy>] {
        let permissions = match self {
            Self::Session(session) => {
                resources.role(&session.role_arn).map(|role| &role.permissions)
            }
            Self::User(arn) => resources.users.of_arn(arn).map(|user| &user.permissions),
        };
        permissions.map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the policies that limit the session; none if nothing does.
    pub(crate) fn session_policies(&self) -> &[Arc<AttachedPolicy>] {
        self.session().map(|session| session.session_policies.as_slice()).unwrap_or_default()
    }

    /// Returns the condition keys of the caller, and those that each request has.
    pub(crate) fn request_context(
        &self,
        request: &Request,
        region: &str,
        now: OffsetDateTime,
    ) -> Context {
        let own = match self {
            Self::Session(session) => session.context(),
            Self::User(_) => Context::default().with("aws:userid", self.user_id()),
        };
        let ip = request.peer.ip.map(|ip| ip.to_canonical().to_string());
        own.at(now)
            .with("aws:RequestedRegion", region)
            .with("aws:SecureTransport", request.peer.is_tls.to_string())
            .with_all("aws:SourceIp", ip)
            .with_all("aws:UserAgent", request.header("user-agent"))
    }
}

impl From<Session> for Caller {
    fn from(session: Session) -> Self {
        Self::Session(Box::new(session))
    }
}
