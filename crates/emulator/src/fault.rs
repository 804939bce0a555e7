//! Faults: what goes wrong next, scripted by a test, a person or a file.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::message::Reply;
use crate::refusal::Protocol;
use crate::service;

/// One fault: the requests that it strikes, and what it does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// `CreateSession`, `GetSecretValue` …, or `*` for any.
    #[serde(default = "any_operation")]
    operation: String,
    /// How many requests it still strikes; 0 is for ever.
    #[serde(default = "once")]
    times: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    delay_ms: u64,
    /// The connection is closed without an answer.
    #[serde(default)]
    cut: bool,
    /// The connection is closed after so many bytes of the answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_after: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Moves the `Date` header.
    #[serde(default)]
    skew_seconds: i64,
}

fn any_operation() -> String {
    "*".to_owned()
}

fn once() -> u32 {
    1
}

/// Why a script of faults is refused, all of it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FaultError {
    /// It is not a fault or an array of faults.
    #[error("not a fault or an array of faults: {0}")]
    Script(serde_json::Error),
    /// No request is of that operation.
    #[error("there is no operation `{0}`: expected `*`, {known}", known = known_operations())]
    Operation(String),
    /// No answer has that status.
    #[error("no answer has the status {0}: expected 200 to 599")]
    Status(u16),
    /// It is not a header of HTTP.
    #[error("`{0}` cannot be sent as a header")]
    Header(String),
}

fn known_operations() -> String {
    let names: Vec<String> = service::operations().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

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
    /// Refuses a fault that would strike no request, or that no server could answer with: the test
    /// that wants it would pass without it.
    fn check(&self) -> Result<(), FaultError> {
        if self.operation != "*" && !service::operations().any(|name| name == self.operation) {
            return Err(FaultError::Operation(self.operation.clone()));
        }
        if let Some(status) = self.status.filter(|status| !(200..600).contains(status)) {
            return Err(FaultError::Status(status));
        }
        let sendable = |(name, value): &(&String, &String)| {
            HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_str(value).is_ok()
        };
        match self.headers.iter().find(|header| !sendable(header)) {
            Some((name, _)) => Err(FaultError::Header(name.clone())),
            None => Ok(()),
        }
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

/// The faults that are left, in order.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Appends one fault or an array of them.
    pub(crate) fn add(&mut self, script: Value) -> Result<(), FaultError> {
        let script = if script.is_array() { script } else { Value::Array(vec![script]) };
        let mut faults: Vec<Fault> = serde_json::from_value(script).map_err(FaultError::Script)?;
        faults.iter().try_for_each(Fault::check)?;
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

    /// Takes the first fault that strikes an operation.
    pub(crate) fn take(&mut self, operation: &str) -> Option<Fault> {
        let strikes = |fault: &Fault| fault.operation == "*" || fault.operation == operation;
        let position = self.0.iter().position(strikes)?;
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
    fn the_first_that_matches_strikes_as_often_as_it_says() {
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
    fn a_delay_or_a_skew_lets_the_request_through() {
        let mut faults =
            faults(json!([{"delay_ms": 5}, {"skew_seconds": -3600}, {"cut_after": 3}]));
        for _ in 0..3 {
            assert!(faults.take("x").unwrap().reply(Protocol::RestJson, "id").is_none());
        }
    }

    #[test]
    fn an_answer_says_what_it_is_told_to() {
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
    fn a_body_alone_comes_with_the_status_of_success() {
        let mut faults = faults(json!([{"body": "{"}, {"body": "{"}]));
        let mut status =
            |protocol| faults.take("x").unwrap().reply(protocol, "id").map(|reply| reply.status);
        assert_eq!(status(Protocol::RestJson), Some(201));
        assert_eq!(status(Protocol::Json11), Some(200));
    }

    #[test]
    fn refuses_what_would_strike_nothing_or_cannot_be_answered() {
        let refused = |script: Value| {
            let mut faults = Faults::default();
            let error = faults.add(script).unwrap_err().to_string();
            assert_eq!(faults.left(), []);
            error
        };
        let error = refused(json!({"operation": "CreateSesion"}));
        assert!(error.contains("`CreateSesion`: expected `*`, `CreateSession`"), "{error}");
        for wrong in ["", "createSession", "AssumeRole"] {
            assert!(refused(json!({"operation": wrong})).contains("no operation"), "{wrong}");
        }
        for wrong in [0, 42, 100, 199, 600, 999, 65_535] {
            assert!(refused(json!({"status": wrong})).contains("200 to 599"), "{wrong}");
        }
        for (name, value) in [("a b", "c"), ("", "c"), ("a", "b\r\nc: d")] {
            assert!(refused(json!({"headers": {name: value}})).contains("header"), "{name}");
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
