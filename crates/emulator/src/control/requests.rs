//! The log of requests, read, waited for and asserted.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::error::ControlError;
use crate::fields::FieldError;
use crate::log::{Entry, Log, Verdict};
use crate::message::{Reply, Request, form_pairs};
use crate::service;
use crate::state::Shared;

/// The longest that a request waits, in seconds.
const LONGEST_WAIT: f64 = 3600.0;

/// The names of the parameters; the last one is of assertions only.
pub(crate) const PARAMETERS: [&str; 7] =
    ["operation", "verdict", "reason", "status", "count", "wait", "exactly"];

/// Which requests are meant, how many of them, and how long to wait for them.
#[derive(Debug, Default)]
struct Query {
    /// One of these; any if it is empty. So with each of the following.
    operations: Vec<String>,
    verdicts: Vec<Verdict>,
    reasons: Vec<String>,
    statuses: Vec<u16>,
    count: Count,
    wait: Duration,
    /// The same as `operation=GetSecretValue, verdict=refused`.
    description: String,
}

/// How many requests are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    AtLeast(usize),
    Exactly(usize),
}

impl Default for Count {
    fn default() -> Self {
        Self::AtLeast(1)
    }
}

/// What a query is for, which decides the parameters that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Assert,
}

/// Answers `GET /requests` and `GET /requests/assert`.
///
/// Both take `operation`, `verdict` (`accepted`, `refused`, `fault`), `reason` and `status`, each of
/// them more than once to allow any of the values, and `count` and `wait`: how many requests to
/// wait for (1), and for how many seconds (0). `/requests` returns what has come by then.
///
/// `/requests/assert` is 200 if there are `count` requests or more, and 409 with a summary of
/// all requests if there are not. It also takes `exactly`, for so many and no more: as soon as there are more,
/// it fails.
pub(super) async fn answer(
    shared: &Shared,
    request: &Request,
    purpose: Purpose,
) -> Result<Reply, ControlError> {
    let query = Query::parse(&request.query, purpose)?;
    let deadline = Instant::now() + query.wait;
    let mut pushed = shared.lock().log.subscribe();
    loop {
        pushed.mark_unchanged();
        // What comes after this is seen by `changed`.
        if let Some(reply) = query.answer(&shared.lock().log, purpose, false) {
            return Ok(reply);
        }
        let came = timeout_at(deadline, pushed.changed()).await;
        if !matches!(came, Ok(Ok(()))) {
            let reply = query.answer(&shared.lock().log, purpose, true);
            return Ok(reply.unwrap_or_default());
        }
    }
}

impl Query {
    fn parse(query: &str, purpose: Purpose) -> Result<Self, FieldError> {
        let known = match purpose {
            Purpose::Read => &PARAMETERS[..6],
            Purpose::Assert => &PARAMETERS[..],
        };
        let mut parsed = Self::default();
        for (name, value) in form_pairs(query) {
            if PARAMETERS[..4].contains(&&*name) {
                let separator = if parsed.description.is_empty() { "" } else { ", " };
                parsed.description.push_str(&format!("{separator}{name}={value}"));
            }
            match &*name {
                "operation" => parsed.operations.push(operation(value)?),
                "verdict" => parsed.verdicts.push(verdict(&value)?),
                "reason" => parsed.reasons.push(value),
                "status" => parsed.statuses.push(number(&name, &value, "an HTTP status")?),
                "count" => parsed.count = Count::AtLeast(count(&name, &value)?),
                "exactly" if purpose == Purpose::Assert => {
                    parsed.count = Count::Exactly(count(&name, &value)?);
                }
                "wait" => parsed.wait = seconds(&value)?,
                _ => {
                    let known = known.iter().copied();
                    return Err(FieldError::unknown(&*name, "parameter", &name, known));
                }
            }
        }
        Ok(parsed)
    }

    /// Returns the reply, or `None` if it is to be waited for.
    fn answer(&self, log: &Log, purpose: Purpose, is_last: bool) -> Option<Reply> {
        let matching: Vec<_> = log.iter().filter(|entry| self.matches(entry)).collect();
        let found = matching.len();
        let (met, missed) = match self.count {
            Count::AtLeast(count) => (found >= count, false),
            Count::Exactly(count) => (found == count, found > count),
        };
        if !met && !missed && !is_last {
            return None;
        }
        let (status, body) = if met || purpose == Purpose::Read {
            (200, json!(matching))
        } else {
            (409, self.failure(log, found))
        };
        Some(Reply::new(status, "application/json", format!("{body}\n")))
    }

    fn matches(&self, entry: &Entry) -> bool {
        let reason = entry.reason.unwrap_or_default();
        any(&self.operations, |operation| *operation == entry.operation)
            && any(&self.verdicts, |verdict| *verdict == entry.verdict)
            && any(&self.reasons, |known| known == reason)
            && any(&self.statuses, |status| Some(*status) == entry.status)
    }

    /// Returns the body of a failed assertion: what was expected, and how many requests of each kind
    /// there are.
    fn failure(&self, log: &Log, found: usize) -> Value {
        let mut kinds = BTreeMap::<_, (usize, &Entry)>::new();
        for entry in log.iter() {
            let verdict = json!(entry.verdict).to_string();
            let kind = (&entry.operation, verdict, entry.reason, entry.status);
            kinds.entry(kind).or_insert((0, entry)).0 += 1;
        }
        let seen: Vec<_> = kinds
            .into_values()
            .map(|(count, entry)| {
                json!({
                    "count": count,
                    "operation": entry.operation,
                    "verdict": entry.verdict,
                    "reason": entry.reason,
                    "status": entry.status,
                    "explanation": entry.explanation,
                })
            })
            .collect();
        let expected = match self.count {
            Count::AtLeast(count) => format!("at least {count}"),
            Count::Exactly(count) => format!("exactly {count}"),
        };
        let total = log.iter().count();
        let with = if self.description.is_empty() { "" } else { " with " };
        let message = format!(
            "expected {expected}{with}{}; found {found} among {total} requests",
            self.description
        );
        json!({ "message": message, "matched": found, "seen": seen })
    }
}

fn any<T>(values: &[T], matches: impl Fn(&T) -> bool) -> bool {
    values.is_empty() || values.iter().any(matches)
}

/// A misspelt operation would be waited for in vain, and `exactly=0` of it always be met.
fn operation(name: String) -> Result<String, FieldError> {
    let known: Vec<_> = service::operations().collect();
    if known.contains(&&*name) {
        return Ok(name);
    }
    Err(FieldError::unknown("operation", "operation", &name, known.into_iter()))
}

fn verdict(name: &str) -> Result<Verdict, FieldError> {
    serde_json::from_value(json!(name)).map_err(|_| {
        let known = ["accepted", "refused", "fault"];
        FieldError::unknown("verdict", "verdict", name, known.into_iter())
    })
}

fn count(name: &str, text: &str) -> Result<usize, FieldError> {
    number(name, text, "a whole number of requests")
}

fn number<T: std::str::FromStr>(name: &str, text: &str, expected: &str) -> Result<T, FieldError> {
    text.parse().map_err(|_| FieldError::new(name, format!("expected {expected}")))
}

fn seconds(text: &str) -> Result<Duration, FieldError> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| (0.0..=LONGEST_WAIT).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| FieldError::new("wait", "expected a number of seconds from 0 to 3600"))
}
