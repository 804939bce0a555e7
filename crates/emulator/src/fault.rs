//! Faults: scripted failures of the next requests.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use crate::fields::{FieldError, Fields, text};
use crate::message::Reply;
use crate::refusal::Protocol;
use crate::service;

/// One fault: the requests that it affects, and what it does to them.
///
/// Without `status`, `code`, `body` or `cut` the operation answers, and `delay_ms`, `cut_after` and
/// `skew_seconds` change how its answer comes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Fault {
    /// `CreateSession`, `GetSecretValue` …, or `*` for any.
    operation: String,
    /// The number of the request that it begins with, of those for the operation that are still to
    /// come; 1 is the next one.
    nth: u32,
    /// How many requests it still affects; 0 is for ever.
    times: u32,
    /// The operation is performed before the fault answers instead, or cuts the connection.
    perform: bool,
    /// The status of the answer, 200 to 599; 400 if there is a `code` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The error code, in the form of the operation's protocol; `InjectedFaultException` or, from
    /// 500 on, `InternalServerException` if there is a `status` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The error's message; `injected fault` if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Headers to add to the answer, such as `retry-after`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    /// How long the answer is held back.
    delay_ms: u64,
    /// The connection is closed without an answer.
    cut: bool,
    /// The connection is closed after so many bytes of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_after: Option<usize>,
    /// The whole body of the answer, as it is; of success if there is no `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Moves the `Date` header.
    skew_seconds: i64,
}

/// The names of a fault's fields.
pub(crate) const FIELDS: &[&str] = &[
    "operation",
    "nth",
    "times",
    "perform",
    "status",
    "code",
    "message",
    "headers",
    "delay_ms",
    "cut",
    "cut_after",
    "body",
    "skew_seconds",
];

/// Where the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ending {
    /// It does not.
    #[default]
    Kept,
    /// Before the first byte of an answer.
    Cut,
    /// After so many bytes of the body.
    CutAfter(usize),
}

impl Fault {
    /// Reads a fault that is at a path, and refuses one that no request or answer can have: the
    /// test that sets it would pass without it.
    fn read(value: Value, path: &str) -> Result<Self, FieldError> {
        let fields = Fields::read(value, path, FIELDS)?;
        let operation = fields.optional("operation", "the name of an operation, or `*`", text)?;
        let operation = operation.unwrap_or_else(|| "*".to_owned());
        let known = service::operations().collect::<Vec<_>>();
        if operation != "*" && !known.contains(&&*operation) {
            let path = fields.path_of("operation");
            let known = ["*"].into_iter().chain(known);
            return Err(FieldError::unknown(path, "operation", &operation, known));
        }
        let whole = "a whole number of requests, 0 for no limit";
        let times = fields.optional("times", whole, |value| value.as_u64()?.try_into().ok())?;
        let milliseconds = "a whole number of milliseconds";
        let bytes = "a whole number of bytes";
        Ok(Self {
            operation,
            nth: fields.optional("nth", "a whole number from 1 on", count)?.unwrap_or(1),
            times: times.unwrap_or(1),
            perform: fields.optional("perform", "true or false", Value::as_bool)?.unwrap_or(false),
            status: fields.optional("status", "a status from 200 to 599", status)?,
            code: fields.optional("code", "text", text)?,
            message: fields.optional("message", "text", text)?,
            headers: headers(&fields)?,
            delay_ms: fields.optional("delay_ms", milliseconds, Value::as_u64)?.unwrap_or(0),
            cut: fields.optional("cut", "true or false", Value::as_bool)?.unwrap_or(false),
            cut_after: fields
                .optional("cut_after", bytes, |value| value.as_u64()?.try_into().ok())?,
            body: fields.optional("body", "text", text)?,
            skew_seconds: fields
                .optional("skew_seconds", "a whole number of seconds", Value::as_i64)?
                .unwrap_or(0),
        })
    }

    /// Returns whether the operation is performed although the fault answers.
    pub(crate) fn performs(&self) -> bool {
        self.perform
    }

    /// Returns how long the answer is held back.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Returns how far the `Date` header is off.
    pub(crate) fn skew_seconds(&self) -> i64 {
        self.skew_seconds
    }

    /// Returns where the connection ends.
    pub(crate) fn ending(&self) -> Ending {
        match (self.cut, self.cut_after) {
            (true, _) => Ending::Cut,
            (false, Some(bytes)) => Ending::CutAfter(bytes),
            (false, None) => Ending::Kept,
        }
    }

    /// Returns what the fault answers instead of the operation, or `None` if it lets the request
    /// through.
    pub(crate) fn reply(&self, protocol: Protocol, request_id: &str) -> Option<Reply> {
        let mut reply = if let Some(body) = &self.body {
            let usual = if protocol == Protocol::RestJson { 201 } else { 200 };
            Reply::new(self.status.unwrap_or(usual), "application/json", body.as_bytes())
        } else if self.cut {
            Reply::default()
        } else if self.status.is_some() || self.code.is_some() {
            let status = self.status.unwrap_or(400);
            let message = self.message.as_deref().unwrap_or("injected fault");
            let code = self.code.as_deref().unwrap_or(match status {
                400..500 => "InjectedFaultException",
                _ => "InternalServerException",
            });
            protocol.error(status, code, message, request_id)
        } else {
            return None;
        };
        reply.headers.extend(self.headers.clone());
        Some(reply)
    }
}

fn count(value: &Value) -> Option<u32> {
    value.as_u64()?.try_into().ok().filter(|count| *count > 0)
}

fn status(value: &Value) -> Option<u16> {
    value.as_u64()?.try_into().ok().filter(|status| (200..600).contains(status))
}

fn headers(fields: &Fields) -> Result<BTreeMap<String, String>, FieldError> {
    let expected = "an object of names and values";
    let object = fields.optional("headers", expected, |value| value.as_object().cloned())?;
    let sendable = |name: &str, value: &Value| {
        HeaderName::from_bytes(name.as_bytes()).ok()?;
        HeaderValue::from_str(value.as_str()?).ok()?;
        text(value)
    };
    let mut headers = BTreeMap::new();
    for (name, value) in object.into_iter().flatten() {
        let value = sendable(&name, &value).ok_or_else(|| {
            let path = fields.path_of(&format!("headers.{name}"));
            FieldError::new(path, "expected a header that HTTP allows, with text")
        })?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The faults that are left, in order.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Appends one fault or an array of them.
    pub(crate) fn add(&mut self, script: Value) -> Result<(), FieldError> {
        let mut faults = match script {
            Value::Array(faults) => faults
                .into_iter()
                .enumerate()
                .map(|(index, fault)| Fault::read(fault, &format!("faults[{index}]")))
                .collect::<Result<Vec<_>, _>>()?,
            fault => vec![Fault::read(fault, "")?],
        };
        self.0.append(&mut faults);
        Ok(())
    }

    /// Returns those that are left.
    pub(crate) fn left(&self) -> &[Fault] {
        &self.0
    }

    /// Forgets them all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the first fault for an operation. Every fault counts the requests for its operation,
    /// also those that another fault answers.
    pub(crate) fn take(&mut self, operation: &str) -> Option<Fault> {
        let mut first = None;
        for (position, fault) in self.0.iter_mut().enumerate() {
            if fault.operation != "*" && fault.operation != operation {
                continue;
            }
            if fault.nth > 1 {
                fault.nth -= 1;
            } else {
                first = first.or(Some(position));
            }
        }
        let position = first?;
        let fault = self.0[position].clone();
        match fault.times {
            0 => {}
            1 => drop(self.0.remove(position)),
            times => self.0[position].times = times - 1,
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(script: Value) -> Faults {
        let mut faults = Faults::default();
        faults.add(script).unwrap();
        faults
    }

    #[test]
    fn the_first_match_applies_its_number_of_times() {
        let mut faults = faults(json!([
            {"operation": "GetSecretValue", "status": 500},
            {"times": 2, "status": 503},
            {"operation": "CreateSession", "times": 0, "status": 429},
        ]));
        let mut next = |operation| faults.take(operation).and_then(|fault| fault.status);
        assert_eq!(next("CreateSession"), Some(503));
        assert_eq!(next("GetSecretValue"), Some(500));
        assert_eq!(next("GetSecretValue"), Some(503));
        assert_eq!(next("GetSecretValue"), None);
        assert_eq!(next("CreateSession"), Some(429));
        assert_eq!(next("CreateSession"), Some(429));
        assert_eq!(faults.left().len(), 1);
    }

    #[test]
    fn the_nth_request_is_counted_by_each_fault() {
        let mut faults = faults(json!([
            {"operation": "GetSecretValue", "nth": 2, "status": 500},
            {"nth": 3, "status": 503},
            {"operation": "GetSecretValue", "nth": 4, "times": 2, "status": 429},
        ]));
        let mut next = |operation| faults.take(operation).and_then(|fault| fault.status);
        assert_eq!(next("GetSecretValue"), None);
        assert_eq!(next("GetSecretValue"), Some(500));
        assert_eq!(next("CreateSession"), Some(503));
        assert_eq!(next("GetSecretValue"), None);
        assert_eq!(next("GetSecretValue"), Some(429));
        assert_eq!(next("CreateSession"), None);
        assert_eq!(next("GetSecretValue"), Some(429));
        assert_eq!(next("GetSecretValue"), None);
        assert!(faults.left().is_empty());
        let zero = Faults::default().add(json!({"nth": 0})).unwrap_err().to_string();
        assert_eq!(zero, "nth: expected a whole number from 1 on");
    }

    #[test]
    fn a_delay_or_a_skew_lets_the_request_through() {
        let mut faults =
            faults(json!([{"delay_ms": 5}, {"skew_seconds": -3600}, {"cut_after": 3}]));
        for _ in 0..3 {
            assert!(faults.take("x").unwrap().reply(Protocol::RestJson, "id").is_none());
        }
    }

    #[test]
    fn a_fault_sets_status_message_and_headers() {
        let mut faults = faults(json!({
            "status": 429, "code": "ThrottlingException", "message": "slow down",
            "headers": {"retry-after": "1"}
        }));
        let reply = faults.take("x").unwrap().reply(Protocol::RestJson, "id").unwrap();
        assert_eq!(reply.status, 429);
        assert_eq!(reply.body, br#"{"message":"slow down"}"#);
        assert!(reply.headers.contains(&("retry-after".to_owned(), "1".to_owned())));
    }

    #[test]
    fn a_fault_with_only_a_body_has_a_success_status() {
        let mut faults = faults(json!([{"body": "{"}, {"body": "{"}]));
        let mut status =
            |protocol| faults.take("x").unwrap().reply(protocol, "id").map(|reply| reply.status);
        assert_eq!(status(Protocol::RestJson), Some(201));
        assert_eq!(status(Protocol::Json11), Some(200));
    }

    #[test]
    fn refuses_faults_that_apply_to_nothing_or_cannot_be_sent() {
        let refused = |script: Value| {
            let mut faults = Faults::default();
            let error = faults.add(script).unwrap_err().to_string();
            assert_eq!(faults.left(), []);
            error
        };
        let error = refused(json!({"operation": "CreateSesion"}));
        assert_eq!(error, "operation: unknown operation: did you mean `CreateSession`?");
        for wrong in ["", "createSession", "RotateSecret"] {
            assert!(refused(json!({"operation": wrong})).contains("unknown operation"), "{wrong}");
        }
        assert_eq!(
            refused(json!([{}, {"delay_ms": "1"}])),
            "faults[1].delay_ms: expected a whole number of milliseconds"
        );
        for wrong in [0, 42, 100, 199, 600, 999, 65_535] {
            assert!(refused(json!({"status": wrong})).contains("200 to 599"), "{wrong}");
        }
        for (name, value) in
            [("a b", json!("c")), ("", json!("c")), ("a", json!("b\r\nc: d")), ("a", json!(1))]
        {
            let error = refused(json!({"headers": {name: value}}));
            assert!(error.starts_with(&format!("headers.{name}: ")), "{error}");
        }
        // All or nothing.
        refused(json!([{"status": 503}, {"status": 42}]));
        for operation in service::operations() {
            faults(json!({"operation": operation, "status": 200}));
        }
    }

    #[test]
    fn refuses_a_field_that_it_does_not_know() {
        assert!(Faults::default().add(json!({"stauts": 500})).is_err());
        assert!(Faults::default().add(json!("x")).is_err());
    }
}
