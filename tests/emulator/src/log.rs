//! The log of requests, each with its verdict.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::message::Request;
use crate::session::Session;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    /// A fault answered, or cut the answer.
    Fault,
}

/// One request as the log shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    pub(crate) operation: String,
    method: String,
    path: String,
    query: String,
    /// `null` where the connection was cut before an answer.
    pub(crate) status: Option<u16>,
    pub(crate) verdict: Verdict,
    /// Why it was refused, one stable word.
    pub(crate) reason: Option<&'static str>,
    pub(crate) session: Option<SessionEntry>,
    /// What production would note in CloudTrail and let through; only with `--lenient`.
    pub(crate) tolerated: Vec<&'static str>,
    user_agent: Option<String>,
    headers: BTreeMap<String, String>,
    body: String,
}

/// The session that a request vended, or was signed with.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SessionEntry {
    role_session_name: String,
    source_identity: String,
    tags: BTreeMap<String, String>,
    duration_seconds: u32,
    role_arn: String,
    access_key_id: String,
}

impl Entry {
    /// Returns the entry of a request that was accepted, for the caller to amend.
    pub(crate) fn new(request: &Request, operation: &str) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "authorization") {
            headers
                .entry(name.clone())
                .and_modify(|values| {
                    values.push_str(", ");
                    values.push_str(value);
                })
                .or_insert_with(|| value.clone());
        }
        Self {
            operation: operation.to_owned(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            status: None,
            verdict: Verdict::Accepted,
            reason: None,
            session: None,
            tolerated: Vec::new(),
            user_agent: request.header("user-agent").map(str::to_owned),
            headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
        }
    }
}

impl From<&Session> for SessionEntry {
    fn from(session: &Session) -> Self {
        Self {
            role_session_name: session.role_session_name.clone(),
            source_identity: session.source_identity.clone(),
            tags: session.tags.clone(),
            duration_seconds: session.duration_seconds,
            role_arn: session.role_arn.clone(),
            access_key_id: session.access_key_id.clone(),
        }
    }
}
