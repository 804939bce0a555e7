//! `rolesanywhere:CreateSession`.
//!
//! <https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-create-session.html>

use serde::{Deserialize, Serialize};

use crate::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use crate::aws::endpoint::{self, Service, Variant};
use crate::aws::issued_credentials::{MemberNames, WireCredentials};
use crate::credentials::{Credentials, MAX_LIFETIME_SECONDS, RoleSessionName};
use crate::http::{Endpoint, Request, Response};
use crate::region::Region;
use crate::text::disclosure::{is_shown, may_be_repeated};
use crate::time::Timestamp;

/// A request for a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionRequest {
    /// The trust anchor that the certificate chains to.
    pub trust_anchor: TrustAnchorArn,
    /// The profile, whose policies limit the session.
    pub profile: ProfileArn,
    /// The role to assume.
    pub role: RoleArn,
    /// The duration of the session.
    pub duration: SessionDuration,
    /// The name of the session, if the profile accepts one.
    pub role_session_name: Option<RoleSessionName>,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The Region that the request is signed for.
    pub region: Region,
}

impl SessionRequest {
    /// Returns the request for an hour, at the endpoint of the trust anchor's Region.
    pub fn new(trust_anchor: TrustAnchorArn, profile: ProfileArn, role: RoleArn) -> Self {
        let region = trust_anchor.region().clone();
        let endpoint = endpoint::of(Service::RolesAnywhere, &region, Variant::default());
        let duration = SessionDuration::Seconds(3_600);
        Self { trust_anchor, profile, role, duration, role_session_name: None, endpoint, region }
    }

    /// Returns the unsigned request. The ARNs go into the body: in the query, they would have to be
    /// encoded, and signer and service could do that differently.
    pub fn to_http(&self) -> Request {
        let body = CreateSessionBody {
            duration_seconds: self.duration.seconds(),
            profile_arn: self.profile.to_string(),
            role_arn: self.role.to_string(),
            role_session_name: self.role_session_name.as_ref().map(RoleSessionName::as_str),
            trust_anchor_arn: self.trust_anchor.to_string(),
        };
        Request {
            method: "POST",
            endpoint: self.endpoint.clone(),
            path: "/sessions",
            query: String::new(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: serde_json::to_vec(&body).expect("strings and a number serialize"),
        }
    }

    /// Returns the values that must not be shown, even if AWS repeats them.
    pub fn hidden(&self) -> Vec<&str> {
        let name = self.role_session_name.as_ref().map(RoleSessionName::as_str);
        name.into_iter().filter(|name| !may_be_repeated(name)).collect()
    }

    /// Reads the credentials of a 2xx `response`, which have to be for the requested role
    /// and still valid at `now`.
    pub fn parse(
        &self,
        response: &Response,
        now: Timestamp,
    ) -> Result<Credentials, SessionResponseError> {
        let answer: CreateSessionResponse = serde_json::from_slice(response.body.expose())
            .map_err(|error| SessionResponseError::Malformed(error.classify()))?;
        let set = answer.credential_set.into_iter().next().ok_or(SessionResponseError::Empty)?;
        if set.role_arn != self.role.to_string() {
            let role = set.role_arn.parse().ok().filter(|_| is_shown(&set.role_arn));
            return Err(SessionResponseError::OtherRole { role });
        }
        let user = set.assumed_role_user.and_then(|user| user.arn);
        set.credentials.check(&MEMBERS, &self.role, user.as_deref(), now)
    }
}

/// The duration of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionDuration {
    /// The duration of the profile.
    OfProfile,
    /// This many seconds, 900 to 43200; the limits of the profile and the role still apply.
    Seconds(u32),
}

impl SessionDuration {
    /// Returns the duration if the service accepts it.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (900..=MAX_LIFETIME_SECONDS).contains(&i64::from(seconds)).then_some(Self::Seconds(seconds))
    }

    /// Returns the requested seconds; `None` leaves it to the profile.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::OfProfile => None,
            Self::Seconds(seconds) => Some(seconds),
        }
    }
}

/// The names of the members of the response.
const MEMBERS: MemberNames = MemberNames {
    access_key_id: "accessKeyId",
    secret_access_key: "secretAccessKey",
    session_token: "sessionToken",
    expiration: "expiration",
};

/// Why a 2xx response holds no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionResponseError {
    /// It is not the documented JSON. Holds the class of the error of serde, whose text quotes the
    /// input.
    #[error("the response of CreateSession cannot be parsed ({})", class(.0))]
    Malformed(serde_json::error::Category),
    /// It is not XML.
    #[error("the response of AssumeRole cannot be parsed (it is not XML)")]
    NotXml,
    /// It holds no credentials.
    #[error("the response contains no credentials")]
    Empty,
    /// The credentials are for another role.
    #[error("{}", other(role.as_ref()))]
    OtherRole {
        /// The role of the credentials, if it is one.
        role: Option<RoleArn>,
    },
    /// A member is empty or not valid.
    #[error("the member `{0}` of the response is empty or malformed")]
    Blank(&'static str),
    /// The credentials have expired.
    #[error("the credentials in the response have expired (on {expiration}; it is now {now})")]
    Expired {
        /// When they expired.
        expiration: Timestamp,
        /// The time by this machine's clock.
        now: Timestamp,
    },
}

fn other(role: Option<&RoleArn>) -> String {
    match role {
        Some(role) => format!("the response is for the role `{role}`, which was not requested"),
        None => "the response is not for a role: its `roleArn` is not the ARN of one".to_owned(),
    }
}

fn class(category: &serde_json::error::Category) -> &'static str {
    match category {
        serde_json::error::Category::Eof => "it ends unexpectedly",
        serde_json::error::Category::Data => "a member is missing or has the wrong type",
        _ => "it is not JSON",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateSessionBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u32>,
    profile_arn: String,
    role_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_session_name: Option<&'a str>,
    trust_anchor_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateSessionResponse {
    credential_set: Vec<CredentialSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialSet {
    credentials: WireCredentials,
    role_arn: String,
    assumed_role_user: Option<AssumedRoleUser>,
}

#[derive(Deserialize)]
struct AssumedRoleUser {
    arn: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;
    use crate::test_support::session::{ANSWER, request};

    fn parse(body: &str, now: i64) -> Result<Credentials, SessionResponseError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        let response = Response { status: 201, headers: Vec::new(), body };
        request().parse(&response, Timestamp::from_unix(now))
    }

    #[test]
    fn puts_the_arns_into_the_body() {
        let request = request().to_http();
        assert_eq!((request.path, request.query.as_str()), ("/sessions", ""));
        assert_eq!(
            String::from_utf8_lossy(&request.body),
            concat!(
                r#"{"durationSeconds":3600,"#,
                r#""profileArn":"arn:aws:rolesanywhere:us-east-1:123456789012:profile/p","#,
                r#""roleArn":"arn:aws:iam::123456789012:role/path/R","roleSessionName":"me@host","#,
                r#""trustAnchorArn":"arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a"}"#
            )
        );
    }

    #[test]
    fn session_name_that_may_be_a_key_is_hidden() {
        let named = |name: &str| {
            let role_session_name = RoleSessionName::parse(name);
            SessionRequest { role_session_name, ..request() }.hidden().len()
        };
        assert_eq!((named("me@host"), named(&"0123456789abcdef".repeat(4))), (0, 1));
    }

    #[test]
    fn leaves_the_duration_to_the_profile() {
        let request = SessionRequest { duration: SessionDuration::OfProfile, ..request() };
        let body = request.to_http().body.clone();
        assert!(!String::from_utf8_lossy(&body).contains("durationSeconds"));
    }

    #[test]
    fn reads_the_documented_answer() {
        let credentials = parse(ANSWER, 0).unwrap();
        assert_eq!(credentials.access_key_id, "ASIAEXAMPLEEXAMPLE00");
        assert_eq!(credentials.secret_access_key.expose(), "s3");
        assert_eq!(credentials.session_token.expose(), "t0");
        assert_eq!(credentials.expiration, Timestamp::from_unix(1_440_938_160));
        assert_eq!(credentials.account_id, "123456789012");
        assert_eq!(credentials.role_session_name, RoleSessionName::parse("me@host"));
    }

    #[test]
    fn name_of_the_session_is_read_from_its_user() {
        let named = |user: &str| {
            let body = ANSWER.replace("arn:aws:sts::123456789012:assumed-role/R/me@host", user);
            parse(&body, 0).unwrap().role_session_name.map(|name| name.as_str().to_owned())
        };
        assert_eq!(named("arn:aws:sts::123456789012:assumed-role/R/0a").as_deref(), Some("0a"));
        for other in ["", "a", "arn:aws:sts::123456789012:assumed-role/S/0a", "a/b c"] {
            assert_eq!(named(other), None, "{other}");
        }
        let without = ANSWER.replace("assumedRoleUser", "other");
        assert!(parse(&without, 0).unwrap().role_session_name.is_none());
    }

    #[test]
    fn implausible_responses_are_refused() {
        let refused = |from: &str, to: &str| parse(&ANSWER.replace(from, to), 0).unwrap_err();
        assert!(matches!(refused("role/path/R", "role/R"), SessionResponseError::OtherRole { .. }));
        for id in [" ", "short", "wJalrXUtnFEMIK7MDENGbPx", &"A".repeat(129)] {
            let refusal = refused("ASIAEXAMPLEEXAMPLE00", id);
            assert!(matches!(refusal, SessionResponseError::Blank("accessKeyId")), "{id}");
        }
        assert!(matches!(refused("ASIA", " "), SessionResponseError::Blank("accessKeyId")));
        assert!(matches!(refused("s3", ""), SessionResponseError::Blank("secretAccessKey")));
        assert!(matches!(refused("t0", "t\\n0"), SessionResponseError::Blank("sessionToken")));
        assert!(matches!(refused("t0", ""), SessionResponseError::Blank("sessionToken")));
        assert!(matches!(refused("2015-08", "x"), SessionResponseError::Blank("expiration")));
        assert!(matches!(refused("sessionToken", "other"), SessionResponseError::Malformed(_)));
        assert!(matches!(parse(&ANSWER[..200], 0), Err(SessionResponseError::Malformed(_))));
        assert!(matches!(parse(r#"{"credentialSet":[]}"#, 0), Err(SessionResponseError::Empty)));
        assert!(matches!(parse(ANSWER, 1_440_938_160), Err(SessionResponseError::Expired { .. })));
    }

    #[test]
    fn another_role_is_named_only_if_valid() {
        let refused = |to: &str| {
            let body = ANSWER.replace("arn:aws:iam::123456789012:role/path/R", to);
            parse(&body, 0).unwrap_err().to_string()
        };
        let of = "arn:aws:iam::123456789012:role/S";
        assert_eq!(
            refused(of),
            format!("the response is for the role `{of}`, which was not requested")
        );
        for other in ["IQoJb3JpZ2luX2VjEJrBoGcvFxyZ0123456789", "arn:aws:iam::1:role/IQoJb3JpZ2lu"]
        {
            let words = "the response is not for a role: its `roleArn` is not the ARN of one";
            assert_eq!(refused(other), words);
        }
    }

    #[test]
    fn malformed_response_is_not_quoted() {
        let error = parse(&ANSWER.replace(r#""s3""#, r#"{"hunter2":1}"#), 0).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn refuses_durations_and_names_that_the_service_refuses() {
        for seconds in [0, 899, 43_201] {
            assert_eq!(SessionDuration::from_seconds(seconds), None);
        }
        assert!(SessionDuration::from_seconds(900).is_some());
        for name in ["", "a", "a b", "a/b", &"a".repeat(65)] {
            assert_eq!(RoleSessionName::parse(name), None, "{name}");
        }
    }
}
