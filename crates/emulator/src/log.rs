//! The log of requests, each with its verdict.

mod line;

use std::collections::{BTreeMap, VecDeque};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::message::Request;
use crate::refusal::Refusal;
use crate::session::Session;

pub use line::RequestObserver;

/// Stands for what the log does not hold.
const REDACTED: &str = "(redacted)";
/// The token of a session, as a header and, in another case, as a parameter.
const TOKEN: &str = "x-amz-security-token";
/// The members of a request that are the value of a secret or of a parameter.
const SECRETS: [&str; 3] = ["SecretString", "SecretBinary", "Value"];
/// The parameters of a form that prove who someone is.
const PROOFS: [&str; 4] = [TOKEN, "tokencode", "webidentitytoken", "samlassertion"];

/// The latest requests, the oldest first: at most [`MOST_ENTRIES`], of at most [`MOST_BYTES`].
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    #[serde(skip)]
    bytes: usize,
    /// Notified of each entry, for requests that wait for one.
    #[serde(skip)]
    pushed: watch::Sender<()>,
    #[serde(skip)]
    observer: Option<RequestObserver>,
}

/// More than a test reads; a daemon that runs for days against the emulator stays below it.
const MOST_ENTRIES: usize = 10_000;
/// What clients send counts, not what a session adds to it.
const MOST_BYTES: usize = 64 << 20;

impl Log {
    /// Has each entry passed on.
    pub(crate) fn observe(&mut self, observer: Option<RequestObserver>) {
        self.observer = observer;
    }

    /// Appends an entry, and drops the oldest ones that are too many.
    pub(crate) fn push(&mut self, entry: Entry, now: OffsetDateTime) {
        if let Some(observer) = &self.observer {
            observer.observe(&entry, now);
        }
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        while self.entries.len() > MOST_ENTRIES || self.bytes > MOST_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
        self.pushed.send_replace(());
    }

    /// Returns what changes with each entry.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.pushed.subscribe()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    /// A fault answered, or cut the answer.
    Fault,
}

/// One request as the log shows it: without its signature, its session token and any secret.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Entry {
    /// When it was answered, by the emulator's clock.
    pub(crate) time: String,
    /// What the client finds in `x-amzn-requestid`, and its error messages repeat.
    pub(crate) request_id: String,
    pub(crate) operation: String,
    method: String,
    path: String,
    query: String,
    /// `null` if the connection was cut before an answer.
    pub(crate) status: Option<u16>,
    pub(crate) verdict: Verdict,
    /// Why it was refused, one stable word.
    pub(crate) reason: Option<&'static str>,
    /// What decided, in a plain sentence: a statement of a policy, the lack of one, or what the
    /// client was told.
    pub(crate) explanation: Option<String>,
    /// The session that the request vended, or was signed with.
    pub(crate) session: Option<SessionEntry>,
    /// The ARN of the session that the request was signed with.
    pub(crate) caller: Option<String>,
    /// What production would note in CloudTrail and let through; only with `--lenient`.
    pub(crate) tolerated: Vec<&'static str>,
    user_agent: Option<String>,
    headers: BTreeMap<String, String>,
    body: String,
}

/// A session, without its secrets.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SessionEntry {
    role_session_name: String,
    source_identity: String,
    tags: BTreeMap<String, String>,
    duration_seconds: u32,
    role_arn: String,
    access_key_id: String,
}

impl Verdict {
    /// Returns the word for it.
    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Fault => "fault",
        }
    }
}

impl SessionEntry {
    /// Returns `ROLE/SESSION`.
    fn short_name(&self) -> String {
        let role = self.role_arn.rsplit('/').next().unwrap_or(&self.role_arn);
        format!("{role}/{}", self.role_session_name)
    }
}

impl Entry {
    /// Returns how many bytes of the request are in it.
    fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.path.len() + self.query.len() + self.body.len() + headers
    }

    /// Amends the entry of a request that is refused.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        self.verdict = Verdict::Refused;
        self.reason = Some(refusal.reason);
        let told = Some(&refusal.message).filter(|message| !message.is_empty());
        self.explanation = refusal.explanation.as_ref().or(told).cloned();
    }

    /// Returns the entry of a request that was accepted, for the caller to amend.
    pub(crate) fn new(request: &Request, operation: &str) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "authorization") {
            let value = if name == TOKEN { REDACTED } else { value };
            headers
                .entry(name.clone())
                .and_modify(|values| {
                    values.push_str(", ");
                    values.push_str(value);
                })
                .or_insert_with(|| value.to_owned());
        }
        Self {
            time: String::new(),
            request_id: String::new(),
            operation: operation.to_owned(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: without_proofs(&request.query),
            status: None,
            verdict: Verdict::Accepted,
            reason: None,
            explanation: None,
            session: None,
            caller: None,
            tolerated: Vec::new(),
            user_agent: request.header("user-agent").map(str::to_owned),
            headers,
            body: without_secrets(request),
        }
    }
}

/// The body, without the values of secrets to be stored: what is JSON with such values is written
/// without them, and what should be JSON and is not is left out whole.
fn without_secrets(request: &Request) -> String {
    match serde_json::from_slice::<Map<String, Value>>(&request.body) {
        Ok(mut body) if SECRETS.iter().any(|name| body.contains_key(*name)) => {
            for (_, value) in body.iter_mut().filter(|(name, _)| SECRETS.contains(&name.as_str())) {
                *value = Value::from(REDACTED);
            }
            Value::from(body).to_string()
        }
        Err(_) if request.header("x-amz-target").is_some() => REDACTED.to_owned(),
        _ => {
            let text = String::from_utf8_lossy(&request.body);
            let is_form = request.media_type() == "application/x-www-form-urlencoded";
            if is_form { without_proofs(&text) } else { text.into_owned() }
        }
    }
}

/// A query or a form, without the session token of a presigned request and other [`PROOFS`].
fn without_proofs(form: &str) -> String {
    let pairs = form.split('&').map(|pair| {
        let Some((name, _)) = pair.split_once('=') else { return pair.to_owned() };
        let decoded = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
        if PROOFS.contains(&&*decoded) { format!("{name}={REDACTED}") } else { pair.to_owned() }
    });
    pairs.collect::<Vec<_>>().join("&")
}

impl From<&Session> for SessionEntry {
    fn from(session: &Session) -> Self {
        Self {
            role_session_name: session.role_session_name.clone(),
            source_identity: session.source_identity.clone(),
            tags: session.tags.clone(),
            duration_seconds: session.duration_seconds,
            role_arn: session.role_arn.to_string(),
            access_key_id: session.access_key_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(target: bool, body: &str) -> String {
        let target = target.then(|| ("x-amz-target".to_owned(), "secretsmanager.X".to_owned()));
        let headers = target.into_iter().collect();
        let body = body.as_bytes().to_vec();
        Entry::new(&Request { headers, body, ..Request::default() }, "X").body
    }

    #[test]
    fn a_secret_to_be_stored_is_left_out() {
        assert_eq!(
            body(true, r#"{"SecretString":"hush","Secret\u0042inary":"aHVzaA==","Name":"n"}"#),
            r#"{"Name":"n","SecretBinary":"(redacted)","SecretString":"(redacted)"}"#
        );
        assert_eq!(body(true, r#"{"SecretString":"hush""#), "(redacted)");
        assert_eq!(
            body(true, r#"{"SecretString":"hush","SecretString":{"a":"hush"}}"#).find("hush"),
            None
        );
        assert_eq!(body(true, r#"{ "SecretId": "n" }"#), r#"{ "SecretId": "n" }"#);
        assert_eq!(body(false, r#"{"durationSeconds":900"#), r#"{"durationSeconds":900"#);
    }

    #[test]
    fn the_oldest_entries_are_dropped() {
        let entry = |path: usize, body: usize| {
            let (path, body) = (path.to_string(), vec![b'a'; body]);
            Entry::new(&Request { path, body, ..Request::default() }, "X")
        };
        let mut log = Log::default();
        for n in 0..MOST_ENTRIES + 3 {
            log.push(entry(n, 0), OffsetDateTime::UNIX_EPOCH);
        }
        assert_eq!(log.iter().count(), MOST_ENTRIES);
        assert_eq!(log.iter().next().unwrap().path, "3");
        for n in 0..65 {
            log.push(entry(n, 1 << 20), OffsetDateTime::UNIX_EPOCH);
        }
        assert_eq!(log.iter().count(), 63);
        assert_eq!(log.iter().last().unwrap().path, "64");
        assert_eq!(log.bytes, log.iter().map(Entry::bytes).sum::<usize>());
        log.clear();
        assert_eq!((log.iter().count(), log.bytes), (0, 0));
    }

    #[test]
    fn a_session_token_is_left_out_everywhere() {
        let request = Request {
            query: "X-Amz-Security-Token=hush&a=b".to_owned(),
            headers: vec![
                ("x-amz-security-token".to_owned(), "hush".to_owned()),
                ("authorization".to_owned(), "hush".to_owned()),
                ("accept".to_owned(), "a".to_owned()),
                ("accept".to_owned(), "b".to_owned()),
            ],
            ..Request::default()
        };
        let entry = serde_json::to_value(Entry::new(&request, "X")).unwrap();
        assert_eq!(entry["headers"]["x-amz-security-token"], "(redacted)");
        assert_eq!(entry["headers"]["accept"], "a, b");
        assert_eq!(entry.to_string().find("hush"), None);
    }

    #[test]
    fn a_logged_form_has_no_credentials() {
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let form = "Action=AssumeRole&Token%43ode=123456&SAMLAssertion=hush&a";
        let request = Request {
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: form.as_bytes().to_vec(),
            ..Request::default()
        };
        assert_eq!(
            Entry::new(&request, "AssumeRole").body,
            "Action=AssumeRole&Token%43ode=(redacted)&SAMLAssertion=(redacted)&a"
        );
    }
}
