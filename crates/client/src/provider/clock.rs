//! The difference between this machine's clock and AWS's, and how it is corrected.

use std::time::Duration;

use crate::aws::error_response::ServiceError;
use crate::aws::retry::{TimedResponse, within};
use crate::http::{Distrust, Endpoint, Request, TransportError};
use crate::identity::{Identity, IdentityError};
use crate::ports::Ports;
use crate::time::{Deadline, Timestamp};

/// The smallest difference, in seconds, that counts as clock skew. AWS refuses signatures
/// that are five to fifteen minutes off; network latency and rounding make smaller differences.
pub const SKEW: u64 = 240;

/// The largest difference, in seconds, between AWS's clock and the time of an accepted signature:
/// fifteen minutes, and the time of the response.
const ACCEPTED: u64 = 960;

/// The timeout of the request for AWS's time.
const LIMIT: Duration = Duration::from_secs(2);

/// Returns the offset with which `identity` is valid now: `found`, or 0 if the clock was set since.
/// Refuses an identity that is not valid with either.
pub(super) fn usable(
    found: i64,
    identity: &Identity,
    now: Timestamp,
) -> Result<i64, IdentityError> {
    match identity.check_validity(now.after(found)) {
        Ok(()) => Ok(found),
        Err(_) if identity.check_validity(now).is_ok() => Ok(0),
        Err(error) => Err(error),
    }
}

/// As [`skew`], and shows that the request is signed again.
pub(super) fn correction(answer: &TimedResponse, clock_offset: i64, ports: &Ports) -> Option<i64> {
    let found = skew(answer, clock_offset)?;
    let amount = in_words(found);
    ports.trace.show(format_args!(
        "this machine's clock is {amount} AWS's: signing again with AWS's time"
    ));
    Some(found)
}

/// Returns the seconds that this machine's clock is behind AWS's, if that may be why a signature with
/// `clock_offset` was refused; 0 if the clock was set since.
pub(super) fn skew(answer: &TimedResponse, clock_offset: i64) -> Option<i64> {
    if answer.response.is_success() {
        return None;
    }
    let behind = behind(answer)?;
    let is_about_signature = ServiceError::parse(&answer.response, &[]).is_about_signature();
    (is_about_signature && behind.abs_diff(clock_offset) >= SKEW).then_some(zero_if_small(behind))
}

/// Returns the offset by the `Date` of a response to a signature with `clock_offset`, which was
/// accepted; 0 if the clocks agree.
///
/// Returns `None` without a date, or if AWS could not have accepted the signature or `identity` at that
/// date: with such an offset, the next signature would be refused.
pub(super) fn measured(
    answer: &TimedResponse,
    clock_offset: i64,
    identity: &Identity,
) -> Option<i64> {
    let behind = behind(answer)?;
    let found = zero_if_small(behind);
    let is_valid = identity.check_validity(answer.received.after(found)).is_ok();
    (is_valid && behind.abs_diff(clock_offset) <= ACCEPTED).then_some(found)
}

/// Returns the `Date` of a response, if it is near `now`, the time of the accepted signature.
pub(super) fn date(answer: &TimedResponse, now: Timestamp) -> Option<Timestamp> {
    http_date(answer).filter(|date| now.seconds_until(*date).unsigned_abs() <= ACCEPTED)
}

/// Returns the `Date` of a response.
fn http_date(answer: &TimedResponse) -> Option<Timestamp> {
    answer.response.header("date").and_then(Timestamp::from_http_date)
}

fn behind(answer: &TimedResponse) -> Option<i64> {
    http_date(answer).map(|date| answer.received.seconds_until(date))
}

/// Returns `5 s behind` or `5 s ahead of`.
pub(super) fn in_words(seconds_behind: i64) -> String {
    let direction = if seconds_behind < 0 { "ahead of" } else { "behind" };
    format!("{} s {direction}", seconds_behind.unsigned_abs())
}

fn zero_if_small(behind: i64) -> i64 {
    if behind.unsigned_abs() >= SKEW { behind } else { 0 }
}

/// The result of asking AWS for the time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ClockProbe {
    /// This machine's clock is behind by this many seconds.
    Behind(i64),
    /// By this machine's clock, the TLS certificate of the server is not valid either.
    TlsOutOfDate,
    /// There was no response, or it had no date.
    NoDate,
}

/// Asks AWS for the time: the `Date` of the response to an unsigned request.
pub(super) async fn ask(endpoint: &Endpoint, ports: &Ports, deadline: Deadline) -> ClockProbe {
    let request = Request {
        method: "GET",
        endpoint: endpoint.clone(),
        path: "/",
        query: String::new(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let limit = LIMIT.min(deadline.remaining(ports.clock.uptime()));
    let response = match within(ports, limit, ports.transport.send(&request)).await {
        Some(Ok(response)) => response,
        Some(Err(error)) => {
            ports.trace.show(format_args!("cannot ask {endpoint} for the time: {error}"));
            return match error {
                TransportError::Untrusted { distrust: Distrust::Time, .. } => {
                    ClockProbe::TlsOutOfDate
                }
                _ => ClockProbe::NoDate,
            };
        }
        None => {
            ports.trace.show(format_args!("cannot ask {endpoint} for the time: no response"));
            return ClockProbe::NoDate;
        }
    };
    let answer = TimedResponse { response, received: ports.clock.now() };
    match behind(&answer) {
        Some(behind) => {
            let amount = in_words(behind);
            ports.trace.show(format_args!(
                "the certificate is not valid by this machine's clock, which is {amount} AWS's"
            ));
            ClockProbe::Behind(behind)
        }
        None => ClockProbe::NoDate,
    }
}

#[cfg(test)]
mod tests;
