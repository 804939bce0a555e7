//! Why AWS refused a request, by its message and by local evidence.
//!
//! The service's messages name no cause. What is known of each is in its row here, and what can be
//! seen locally (the clock, the chain, the leaf) decides between the causes of one message.

mod chain;
mod create_session;
mod get_secret_value;

use std::fmt;

use crate::aws::error_response::ServiceError;
use crate::time::Timestamp;
use crate::x509::Certificate;
use crate::x509::Chain;

pub use create_session::create_session;
pub use get_secret_value::get_secret_value;

/// A refusal of AWS, with hints.
#[derive(Debug)]
pub struct Refusal {
    /// The operation that was refused, e.g. `CreateSession`.
    pub operation: &'static str,
    /// AWS's answer.
    pub service_error: ServiceError,
    /// Likely causes and next steps, the likeliest first, each a sentence.
    pub hints: Vec<String>,
    words: Words,
}

impl Refusal {
    /// Returns a refusal with its diagnosis.
    pub fn new(operation: &'static str, service_error: ServiceError, hints: Vec<String>) -> Self {
        let words = Words {
            message: service_error.message.clone(),
            request_id: service_error.request_id.clone(),
        };
        Self { operation, service_error, hints, words }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceError { status, code, .. } = &self.service_error;
        match code {
            Some(code) => write!(f, "AWS refused {}: {status} {code}", self.operation),
            None => {
                write!(f, "{} was answered by {status} without an AWS error code", self.operation)
            }
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let silent = self.words.message.is_empty() && self.words.request_id.is_none();
        (!silent).then_some(&self.words)
    }
}

/// Renders AWS's message.
#[derive(Debug)]
struct Words {
    message: String,
    request_id: Option<String>,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = if self.message.is_empty() { "no message" } else { &self.message };
        f.write_str(message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request id {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Words {}

/// What is known on this side of a refused `CreateSession`.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// When the response was received, by this machine's clock.
    pub received: Timestamp,
    /// The end-entity certificate that was sent.
    pub leaf: &'a Certificate,
    /// The certificates that were sent with it, and those that were left out.
    pub chain: &'a Chain,
}

/// Returns the seconds that this machine's clock is behind AWS's; negative if it is ahead.
fn seconds_behind(service_error: &ServiceError, received: Timestamp) -> Option<i64> {
    service_error.date.map(|date| received.seconds_until(date))
}

/// Describes the difference of this machine's clock and AWS's, if it is more than a minute.
fn clock_offset(service_error: &ServiceError, received: Timestamp) -> Option<String> {
    let date = service_error.date?;
    let behind = seconds_behind(service_error, received)?;
    if behind.abs() <= 60 {
        return None;
    }
    let direction = if behind > 0 { "behind" } else { "ahead of" };
    let amount = span(behind.unsigned_abs());
    Some(format!(
        "this machine's clock is {amount} {direction} AWS's ({received} here, {date} there): set it, and keep it set by NTP"
    ))
}

/// Renders seconds as people say them, in two units.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Hints for every operation, by status and code only.
fn general(service_error: &ServiceError) -> Option<String> {
    let hint = if service_error.is_throttle() {
        "AWS limits how often it is called; call less often, or ask for a higher quota"
    } else if service_error.code.is_none() {
        "something between here and AWS may have answered instead: a proxy, a gateway, a wrong `--endpoint`"
    } else if service_error.status >= 500 {
        "the service had a failure of its own; try again later, and see the AWS Health Dashboard"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_spans_in_two_units() {
        let rows =
            [(61, "1 min 1 s"), (1_860, "31 min 0 s"), (5_400, "1 h 30 min"), (90_000, "1 d 1 h")];
        for (seconds, text) in rows {
            assert_eq!(span(seconds), text);
        }
    }
}
