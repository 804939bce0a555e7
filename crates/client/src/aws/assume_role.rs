//! `sts:AssumeRole`, by the Query protocol: a session of one role assumes the next one.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

mod parameters;

use crate::arn::RoleArn;
use crate::aws::create_session::SessionResponseError;
use crate::aws::endpoint::{RegionalEndpoint, Service};
use crate::aws::issued_credentials::{MemberNames, WireCredentials, session_name};
use crate::aws::query_protocol::{self, Form, MOST_NODES};
use crate::credentials::{Credentials, RoleSessionName};
use crate::http::{Request, Response};
use crate::region::Region;
use crate::secret::Secret;
use crate::time::Timestamp;

pub use parameters::{
    ExternalId, HopDuration, MAX_POLICY, MAX_TAGS, SessionPolicy, SessionTags, SessionTagsError,
};

/// One hop of a chain of roles: a request for a session of the next role.
///
/// It holds no source identity: the one that Roles Anywhere sets is inherited, and may have characters
/// that STS does not accept in a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssumeRole {
    /// The role to assume.
    pub role: RoleArn,
    /// The name of the session; `None` for that of the session before it.
    pub session_name: Option<RoleSessionName>,
    /// What the role's trust policy may require.
    pub external_id: Option<ExternalId>,
    /// The duration of the session.
    pub duration: HopDuration,
    /// The tags of the session, with those that later hops inherit.
    pub tags: SessionTags,
    /// A policy that limits the session.
    pub policy: Option<SessionPolicy>,
    /// Where STS is.
    pub sts: RegionalEndpoint,
    /// Where it is if a fallback made the first session of the chain: in the Regions of the fallbacks,
    /// as the first one may not answer there either. In other Regions, it is `sts`.
    pub fallback_sts: Vec<RegionalEndpoint>,
}

impl AssumeRole {
    /// Returns the request for an hour, at the public endpoint of `region`.
    pub fn new(role: RoleArn, region: Region) -> Self {
        Self {
            role,
            session_name: None,
            external_id: None,
            duration: HopDuration::default(),
            tags: SessionTags::default(),
            policy: None,
            sts: RegionalEndpoint::of(Service::Sts, region),
            fallback_sts: Vec::new(),
        }
    }

    /// Returns the same hop of a chain whose first session was made in `region`.
    #[must_use]
    pub fn in_region(&self, region: &Region) -> Self {
        let sts = self.fallback_sts.iter().find(|sts| sts.region == *region);
        Self { sts: sts.unwrap_or(&self.sts).clone(), ..self.clone() }
    }

    /// Returns the unsigned request, for a session with this name.
    pub fn to_http(&self, session_name: &RoleSessionName) -> Request {
        let mut form = Form::of_sts("AssumeRole");
        form.append("RoleArn", &self.role.to_string());
        form.append("RoleSessionName", session_name.as_str());
        form.append("DurationSeconds", &self.duration.seconds().to_string());
        if let Some(policy) = &self.policy {
            form.append("Policy", policy.as_str());
        }
        // Lists count from 1; an empty one is left out, as `Tags=` would be a list for STS.
        for (number, (key, value)) in (1..).zip(self.tags.tags()) {
            form.append(&format!("Tags.member.{number}.Key"), key);
            form.append(&format!("Tags.member.{number}.Value"), value);
        }
        for (number, key) in (1..).zip(self.tags.transitive()) {
            form.append(&format!("TransitiveTagKeys.member.{number}"), key);
        }
        if let Some(external_id) = &self.external_id {
            form.append("ExternalId", external_id.as_str());
        }
        form.request(&self.sts)
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let external_id = self.external_id.as_ref().map(ExternalId::as_str);
        let policy = self.policy.as_ref().map(SessionPolicy::as_str);
        external_id.into_iter().chain(policy).collect()
    }

    /// Reads the credentials of a 2xx `response`, which have to be for the requested role
    /// and still valid at `now`.
    pub fn parse(
        &self,
        response: &Response,
        now: Timestamp,
    ) -> Result<Credentials, SessionResponseError> {
        let document = query_protocol::document(response.body.expose(), MOST_NODES)
            .ok_or(SessionResponseError::NotXml)?;
        let result =
            query_protocol::result(&document, "AssumeRole").ok_or(SessionResponseError::Empty)?;
        let member = |path: &[&'static str]| {
            let name = path.last().copied().unwrap_or_default();
            result.text(path).ok_or(SessionResponseError::Blank(name))
        };
        let user = member(&["AssumedRoleUser", "Arn"])?;
        if session_name(user, &self.role).is_none() {
            return Err(SessionResponseError::OtherRole { role: None });
        }
        let credentials = WireCredentials {
            access_key_id: member(&["Credentials", MEMBERS.access_key_id])?.to_owned(),
            secret_access_key: secret(member(&["Credentials", MEMBERS.secret_access_key])?),
            session_token: secret(member(&["Credentials", MEMBERS.session_token])?),
            expiration: member(&["Credentials", MEMBERS.expiration])?.to_owned(),
        };
        credentials.check(&MEMBERS, &self.role, Some(user), now)
    }
}

/// The names of the members of the response.
const MEMBERS: MemberNames = MemberNames {
    access_key_id: "AccessKeyId",
    secret_access_key: "SecretAccessKey",
    session_token: "SessionToken",
    expiration: "Expiration",
};

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[cfg(test)]
mod tests;
