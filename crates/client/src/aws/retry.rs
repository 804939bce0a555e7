//! One call of an AWS API: signed, sent, and retried within a deadline.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::aws::error_response::ServiceError;
use crate::http::{Request, Response, TransportError};
use crate::key::signer::SignError;
use crate::ports::Ports;
use crate::sigv4::access_key::AccessKeyError;
use crate::time::{Deadline, Timestamp};

/// The most attempts to send a request.
pub const MAX_ATTEMPTS: u32 = 3;

/// Whether a request may be carried out twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Repeatable {
    /// It may: a second time has no further effect, or one that does no harm.
    Yes,
    /// It must not: it is not sent again if AWS may have carried it out.
    No,
}

/// A response of AWS, and when it was received.
#[derive(Debug)]
pub struct TimedResponse {
    /// The response, with any status.
    pub response: Response,
    /// When it was received.
    pub received: Timestamp,
}

impl TimedResponse {
    /// Returns the value of `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.response.header("retry-after")?.trim();
        let seconds = value.parse::<u64>().ok().or_else(|| {
            let date = Timestamp::from_http_date(value)?;
            u64::try_from(self.received.seconds_until(date)).ok()
        })?;
        Some(Duration::from_secs(seconds))
    }
}

/// Sends the request that `prepare` signs, up to three times, until the response is final or the
/// deadline has passed.
///
/// Connection failures, 5xx, 429 and throttling codes are retried, after a backoff with full jitter
/// or as long as `Retry-After` says. A response of this kind to the last attempt is returned. If the
/// request is not `repeatable`, only what AWS has certainly not carried out is retried: a connection that
/// was not made, and throttling.
/// `prepare` is called for each attempt, so that each signature has the current time.
pub async fn send<E: Into<RequestError>>(
    ports: &Ports,
    deadline: Deadline,
    repeatable: Repeatable,
    mut prepare: impl FnMut(Timestamp) -> Result<Request, E>,
) -> Result<TimedResponse, RequestError> {
    let mut attempt = 1;
    loop {
        let request = prepare(ports.clock.now()).map_err(Into::into)?;
        let outcome = attempt_once(ports, deadline, &request, attempt).await?;
        let is_final = repeatable == Repeatable::No && may_be_carried_out(&outcome);
        let random = ports.entropy.bits();
        let backoff = (!is_final).then(|| next_backoff(&outcome, attempt, random)).flatten();
        let remaining = deadline.remaining(ports.clock.uptime());
        match backoff {
            Some(backoff) if backoff < remaining => {
                ports.trace.show(format_args!("trying again in {} ms", backoff.as_millis()));
                ports.timer.sleep(backoff).await;
                attempt += 1;
            }
            _ => return outcome.map_err(|source| RequestError::Transport { source, attempt }),
        }
    }
}

async fn attempt_once(
    ports: &Ports,
    deadline: Deadline,
    request: &Request,
    attempt: u32,
) -> Result<Result<TimedResponse, TransportError>, RequestError> {
    let started = ports.clock.uptime();
    let sending = ports.transport.send(request);
    let Some(outcome) = within(ports, deadline.remaining(started), sending).await else {
        let host = request.endpoint.host().to_owned();
        return Err(RequestError::Timeout { host, limit: deadline.limit(), attempt });
    };
    let took = ports.clock.uptime().saturating_sub(started).as_millis();
    let (endpoint, path) = (&request.endpoint, request.path);
    match &outcome {
        Ok(response) => ports.trace.show(format_args!(
            "attempt {attempt}: POST {endpoint}{path}: {} in {took} ms",
            response.status
        )),
        Err(error) => ports.trace.show(format_args!(
            "attempt {attempt}: POST {endpoint}{path}: {error} after {took} ms"
        )),
    }
    let received = ports.clock.now();
    Ok(outcome.map(|response| TimedResponse { response, received }))
}

/// Waits for `future`, for at most `limit`.
pub(crate) async fn within<T>(
    ports: &Ports,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), ports.timer.sleep(limit)).await {
        Either::Left((value, _)) => Some(value),
        Either::Right(_) => None,
    }
}

/// Returns whether AWS may have carried out a request with this outcome.
fn may_be_carried_out(outcome: &Result<TimedResponse, TransportError>) -> bool {
    match outcome {
        Ok(answer) => {
            let error = ServiceError::parse(&answer.response, &[]);
            answer.response.is_success() || error.is_failure_of_service() && !error.is_throttle()
        }
        Err(error) => error.may_have_been_sent(),
    }
}

/// Returns the time to wait before the next attempt; `None` if there is no other attempt.
fn next_backoff(
    outcome: &Result<TimedResponse, TransportError>,
    attempt: u32,
    random: u64,
) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let jitter = full_jitter(attempt, random);
    match outcome {
        Ok(answer) if answer.response.is_success() => None,
        Ok(answer) => ServiceError::parse(&answer.response, &[])
            .is_transient()
            .then(|| answer.retry_after().map_or(jitter, |asked| asked.max(jitter))),
        Err(error) => error.is_transient().then_some(jitter),
    }
}

/// Returns a random share of half a second, doubled for each attempt after the first.
fn full_jitter(attempt: u32, random: u64) -> Duration {
    let ceiling: u64 = 500 << (attempt - 1).min(5);
    Duration::from_millis(random % (ceiling + 1))
}

/// A call got no response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The private key could not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The access key could not sign.
    #[error(transparent)]
    AccessKey(#[from] AccessKeyError),
    /// The transport failed.
    #[error("{source}{}", attempts(*attempt))]
    Transport {
        /// The last failure.
        #[source]
        source: TransportError,
        /// The number of attempts.
        attempt: u32,
    },
    /// The deadline passed first.
    #[error("no response from {host} within {} s{}", seconds(*limit), attempts(*attempt))]
    Timeout {
        /// The host of the request.
        host: String,
        /// The time limit of the whole command.
        limit: Duration,
        /// The number of attempts.
        attempt: u32,
    },
}

impl RequestError {
    /// Returns whether AWS may have carried out the request.
    pub fn may_have_been_carried_out(&self) -> bool {
        match self {
            Self::Sign(_) | Self::AccessKey(_) => false,
            Self::Transport { source, .. } => source.may_have_been_sent(),
            Self::Timeout { .. } => true,
        }
    }
}

/// Returns seconds with one digit after the point, if that is not 0: a fallback has a share of the time.
fn seconds(limit: Duration) -> String {
    let text = format!("{:.1}", limit.as_secs_f64());
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn attempts(attempt: u32) -> String {
    if attempt > 1 { format!(", tried {attempt} times") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::SourceMessage;
    use crate::secret::SecretBytes;
    use crate::test_support::clock::{ManualClock, START};
    use crate::test_support::entropy::SequenceEntropy;
    use crate::test_support::files::FakeFiles;
    use crate::test_support::password::FixedPassword;
    use crate::test_support::ports::FakePorts;
    use crate::test_support::transport::{Reply, ScriptedTransport};
    use crate::time::Clock as _;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Result<TimedResponse, TransportError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Ok(TimedResponse {
            response: Response {
                status,
                headers: headers.iter().map(owned).collect(),
                body: SecretBytes::default(),
            },
            received: Timestamp::from_unix(1_440_938_160),
        })
    }

    #[test]
    fn retries_transient_failures() {
        let lost =
            TransportError::Connect { peer: "a:1".into(), source: SourceMessage("no".into()) };
        assert!(next_backoff(&Err(lost), 1, 0).is_some());
        for status in [429, 500, 502, 503, 504] {
            assert!(next_backoff(&answer(status, &[]), 1, 0).is_some(), "{status}");
        }
        let throttled = [("x-amzn-errortype", "ThrottlingException")];
        assert!(next_backoff(&answer(400, &throttled), 1, 0).is_some());
    }

    #[test]
    fn refusals_and_successes_are_final() {
        for status in [200, 201, 301, 400, 403, 404] {
            assert_eq!(next_backoff(&answer(status, &[]), 1, 0), None, "{status}");
        }
        let untrusted = TransportError::Untrusted {
            host: "a".into(),
            presented: None,
            distrust: crate::http::Distrust::Issuer,
            source: SourceMessage("no".into()),
        };
        assert_eq!(next_backoff(&Err(untrusted), 1, 0), None);
    }

    #[test]
    fn at_most_three_attempts_are_made() {
        assert!(next_backoff(&answer(503, &[]), 2, 0).is_some());
        assert_eq!(next_backoff(&answer(503, &[]), 3, 0), None);
    }

    #[test]
    fn backoff_has_full_jitter_and_doubles() {
        assert_eq!(full_jitter(1, 0), Duration::ZERO);
        assert_eq!(full_jitter(1, 500), Duration::from_millis(500));
        assert_eq!(full_jitter(1, 501), Duration::ZERO);
        assert_eq!(full_jitter(2, 1000), Duration::from_millis(1000));
        assert!(full_jitter(1, u64::MAX) <= Duration::from_millis(500));
    }

    #[test]
    fn retry_after_is_obeyed() {
        let pause = |value| next_backoff(&answer(503, &[("retry-after", value)]), 1, 3).unwrap();
        assert_eq!(pause("2"), Duration::from_secs(2));
        assert_eq!(pause("Sun, 30 Aug 2015 12:36:05 GMT"), Duration::from_secs(5));
        assert_eq!(pause("Sun, 30 Aug 2015 12:00:00 GMT"), Duration::from_millis(3));
        assert_eq!(pause("soon"), Duration::from_millis(3));
        assert_eq!(pause("0"), Duration::from_millis(3));
    }

    /// Returns ports that do not really wait, and a service with these replies.
    fn ports(replies: impl IntoIterator<Item = Reply>) -> FakePorts {
        let clock = ManualClock::default();
        clock.pass_sleeps(Duration::MAX);
        FakePorts {
            clock,
            entropy: SequenceEntropy::constant(400),
            files: FakeFiles::unused(),
            passwords: FixedPassword::unused(),
            transport: ScriptedTransport::replies(replies),
            ..FakePorts::default()
        }
    }

    /// Makes a call with a limit of 20 seconds; returns its result, and the second at which each attempt
    /// was signed.
    fn call(ports: &FakePorts) -> (Result<TimedResponse, RequestError>, Vec<i64>) {
        call_if(Repeatable::Yes, ports)
    }

    fn call_if(
        repeatable: Repeatable,
        ports: &FakePorts,
    ) -> (Result<TimedResponse, RequestError>, Vec<i64>) {
        let mut signed = Vec::new();
        let prepare = |now: Timestamp| {
            signed.push(START.seconds_until(now));
            Ok::<_, SignError>(request())
        };
        let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ended = runtime.block_on(send(&ports.ports(), deadline, repeatable, prepare));
        (ended, signed)
    }

    fn request() -> Request {
        Request {
            method: "POST",
            endpoint: crate::http::Endpoint::parse("https://a.example").unwrap(),
            path: "/",
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn retry_after(value: &str) -> Reply {
        Reply::status(503, "").with_header("retry-after", value)
    }

    #[test]
    fn each_attempt_is_signed_at_its_time() {
        let ports = ports([retry_after("3"), Reply::lost(), Reply::status(201, "")]);
        let (ended, signed) = call(&ports);
        assert_eq!(ended.unwrap().response.status, 201);
        assert_eq!(signed, [0, 3, 3]);
        assert_eq!(ports.clock.uptime(), Duration::from_millis(3_400));
    }

    #[test]
    fn last_response_is_returned_after_three_attempts() {
        let (ended, signed) =
            call(&ports([Reply::status(500, ""), Reply::lost(), Reply::status(503, "")]));
        assert_eq!(ended.unwrap().response.status, 503);
        assert_eq!(signed.len(), 3);
        let (ended, _) = call(&ports([Reply::lost(), Reply::lost(), Reply::lost()]));
        assert!(matches!(ended, Err(RequestError::Transport { attempt: 3, .. })));
    }

    #[test]
    fn no_backoff_goes_beyond_the_deadline() {
        let ports = ports([retry_after("20")]);
        assert_eq!(call(&ports).0.unwrap().response.status, 503);
        assert_eq!(ports.clock.uptime(), Duration::ZERO);
    }

    #[test]
    fn call_ends_at_the_deadline() {
        let ports = ports([retry_after("15"), Reply::Silence]);
        assert!(matches!(call(&ports).0, Err(RequestError::Timeout { attempt: 2, .. })));
        assert_eq!(ports.clock.uptime(), Duration::from_secs(20));
    }

    fn attempts_if_not_repeatable(replies: impl IntoIterator<Item = Reply>) -> (usize, Ended) {
        let (ended, signed) = call_if(Repeatable::No, &ports(replies));
        (signed.len(), ended)
    }

    type Ended = Result<TimedResponse, RequestError>;

    #[test]
    fn what_may_be_carried_out_is_not_sent_twice() {
        for reply in [
            Reply::lost(),
            Reply::status(500, "<ErrorResponse/>"),
            Reply::status(503, ""),
            Reply::status(504, "<html>"),
            Reply::status(400, r#"{"__type":"InternalServiceError"}"#),
            Reply::status(200, ""),
            Reply::status(403, ""),
            Reply::Silence,
        ] {
            let shown = format!("{reply:?}");
            let (attempts, _) = attempts_if_not_repeatable([reply]);
            assert_eq!(attempts, 1, "{shown}");
        }
        let (_, ended) = attempts_if_not_repeatable([Reply::lost()]);
        assert!(ended.unwrap_err().may_have_been_carried_out());
        let (_, ended) = attempts_if_not_repeatable([Reply::Silence]);
        assert!(ended.unwrap_err().may_have_been_carried_out());
    }

    #[test]
    fn what_was_not_carried_out_is_sent_again() {
        let not_connected = || {
            let source = SourceMessage("no".into());
            Reply::Error(TransportError::Connect { peer: "a:1".into(), source })
        };
        let throttled = Reply::status(
            400,
            "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        );
        let (attempts, ended) =
            attempts_if_not_repeatable([not_connected(), throttled, Reply::status(200, "")]);
        assert_eq!((attempts, ended.unwrap().response.status), (3, 200));
        let busy = |_| Reply::status(503, "").with_header("x-amzn-errortype", "SlowDown");
        let (attempts, _) = attempts_if_not_repeatable((0..3).map(busy));
        assert_eq!(attempts, 3);
        let (_, ended) = attempts_if_not_repeatable((0..3).map(|_| not_connected()));
        assert!(!ended.unwrap_err().may_have_been_carried_out());
    }
}
