//! One exchange with one trust anchor: signed, sent, read.

use crate::aws::create_session::{SessionRequest, SessionResponseError};
use crate::aws::endpoint::Service;
use crate::aws::error_response::ServiceError;
use crate::aws::retry::{self, Repeatable, RequestError, TimedResponse};
use crate::credentials::{Credentials, MAX_LIFETIME_SECONDS, Session};
use crate::diagnosis::{self, Evidence, Operation, Refusal};
use crate::http::Response;
use crate::identity::{Identity, IdentityError};
use crate::key::signer::SignError;
use crate::ports::Ports;
use crate::provider::clock::{self, ClockProbe, SKEW};
use crate::provider::error::{ClockFinding, ProviderError};
use crate::sigv4;
use crate::sigv4::Scope;
use crate::time::{Deadline, Timestamp};

/// An exchange of `identity` for the session of `request`.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) request: &'a SessionRequest,
    pub(super) identity: &'a Identity,
    pub(super) ports: &'a Ports,
    pub(super) deadline: Deadline,
}

impl Exchange<'_> {
    /// Fetches the session: signs, sends, reads. `clock_offset` is the number of seconds that this
    /// machine's clock is behind AWS's; 0 if unknown.
    ///
    /// Refuses an identity that has expired or is not yet valid before anything is signed; AWS is asked
    /// for the time first, because this machine's clock may be wrong. If AWS refuses the signature and the
    /// clocks differ by four minutes or more, the request is signed again with AWS's time, and
    /// [`Session::clock_offset`] holds the difference.
    pub(super) async fn fetch(&self, clock_offset: i64) -> Result<Session, ProviderError> {
        let Self { request, identity, ports, .. } = *self;
        let mut offset = self.offset(clock_offset).await?;
        let mut answer = self.call(offset).await?;
        if let Some(found) = clock::correction(&answer, offset, ports) {
            let received = answer.received;
            identity.check_validity(received.after(found)).map_err(|e| by_date(e, received))?;
            offset = found;
            answer = self.call(offset).await?;
        }
        if !answer.response.is_success() {
            let service_error = ServiceError::parse(&answer.response, &request.hidden());
            let evidence = Evidence {
                received: answer.received,
                leaf: identity.certificate(),
                chain: identity.chain(),
            };
            let causes = diagnosis::create_session(&service_error, request, &evidence);
            return Err(ProviderError::Refused {
                source: Box::new(Refusal {
                    operation: Operation::CreateSession,
                    service_error,
                    causes,
                }),
                retry_after: answer.retry_after(),
            });
        }
        if let Some(found) =
            clock::measured(&answer, offset, identity).filter(|found| *found != offset)
        {
            let amount = clock::in_words(found);
            ports.trace.show(format_args!("this machine's clock is {amount} AWS's"));
            offset = found;
        }
        let session = read(&answer, offset, |response, now| request.parse(response, now))?;
        let Credentials { access_key_id, expiration, .. } = &session.credentials;
        let role = &request.role;
        ports.trace.show(format_args!(
            "session of {role}: access key {access_key_id}, until {expiration}"
        ));
        Ok(session)
    }

    /// Returns the clock offset, in seconds, with which `identity` is valid.
    async fn offset(&self, known: i64) -> Result<i64, ProviderError> {
        let Self { request, identity, ports, deadline } = *self;
        let now = ports.clock.now();
        let error = match clock::usable(known, identity, now) {
            Ok(offset) => return Ok(offset),
            Err(error) => error,
        };
        match clock::ask(&request.endpoint, ports, deadline).await {
            ClockProbe::Behind(behind) => match identity.check_validity(now.after(behind)) {
                Ok(()) => Ok(behind),
                // The clocks agree.
                Err(_) if behind.unsigned_abs() < SKEW => Err(error.into()),
                Err(error) => Err(by_date(error, now)),
            },
            ClockProbe::TlsOutOfDate => Err(ProviderError::Identity {
                source: Box::new(error),
                clock: Some(ClockFinding::TlsOutOfDate { local: now }),
            }),
            ClockProbe::NoDate => Err(error.into()),
        }
    }

    async fn call(&self, clock_offset: i64) -> Result<TimedResponse, RequestError> {
        let Self { request, identity, ports, deadline } = *self;
        retry::send(ports, deadline, Repeatable::Yes, |now| {
            let now = now.after(clock_offset);
            let scope = Scope::new(now, &request.region, Service::RolesAnywhere.name());
            let signed = sigv4::sign(request.to_http(), &scope, now, identity)?;
            ports.trace.show(format_args!(
                "canonical request:\n{}\nstring to sign:\n{}",
                signed.canonical_request.text(),
                signed.string_to_sign
            ));
            Ok::<_, SignError>(signed.request)
        })
        .await
    }
}

/// Reads a session, whose credentials `parse` takes out of the response. Its lifetime is measured by
/// AWS's clock (the `Date` of the response), so a wrong clock of this machine neither shortens nor
/// extends it.
pub(super) fn read(
    answer: &TimedResponse,
    clock_offset: i64,
    parse: impl FnOnce(&Response, Timestamp) -> Result<Credentials, SessionResponseError>,
) -> Result<Session, SessionResponseError> {
    let now = answer.received.after(clock_offset);
    let mut credentials = parse(&answer.response, now)?;
    let date = clock::date(answer, now);
    let by_date = date.map(|date| date.seconds_until(credentials.expiration));
    let by_clock = now.seconds_until(credentials.expiration);
    // Both times are rounded down to seconds, so one second is subtracted.
    let lifetime_seconds = by_date.map_or(by_clock, |by_date| by_date.min(by_clock)) - 1;
    if lifetime_seconds <= 0 {
        let expiration = credentials.expiration;
        return Err(SessionResponseError::Expired { expiration, now: date.unwrap_or(now) });
    }
    // A longer lifetime comes from a wrong expiration or a wrong date.
    if lifetime_seconds > MAX_LIFETIME_SECONDS {
        // SDKs rely on the expiration, so it is corrected, too.
        credentials.expiration = date.unwrap_or(now).after(MAX_LIFETIME_SECONDS);
    }
    let lifetime_seconds = lifetime_seconds.min(MAX_LIFETIME_SECONDS);
    Ok(Session { credentials, received: answer.received, lifetime_seconds, clock_offset })
}

/// Returns the error of an identity that is not valid by AWS's time; `now` is this machine's time.
fn by_date(source: IdentityError, now: Timestamp) -> ProviderError {
    let clock = Some(ClockFinding::OutOfDateByAws { local: now });
    ProviderError::Identity { source: Box::new(source), clock }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;
    use crate::test_support::session::{ANSWER, identity, request};

    #[test]
    fn offset_that_invalidates_the_certificate_is_dropped() {
        let identity = identity();
        let year = 366 * 86_400;
        let now = Timestamp::from_rfc3339("2026-06-01T00:00:00Z").unwrap();
        assert_eq!(clock::usable(7_200, &identity, now).unwrap(), 7_200);
        assert_eq!(clock::usable(50 * year, &identity, now).unwrap(), 0);
        assert_eq!(clock::usable(-50 * year, &identity, now).unwrap(), 0);
        // The clock shows 1970, and its offset is known.
        let behind = Timestamp::from_unix(0);
        assert_eq!(clock::usable(56 * year, &identity, behind).unwrap(), 56 * year);
        assert!(clock::usable(0, &identity, behind).is_err());
        assert!(clock::usable(year, &identity, behind).is_err());
    }

    const DATE: Timestamp = Timestamp::from_unix(1_440_938_160);

    /// Returns a response of [`DATE`], received when this machine's clock was `behind` seconds behind it.
    fn answer(status: u16, body: &str, behind: i64) -> TimedResponse {
        let date = ("date".to_owned(), "Sun, 30 Aug 2015 12:36:00 GMT".to_owned());
        let body = SecretBytes::new(body.as_bytes().to_vec());
        let response = Response { status, headers: vec![date], body };
        TimedResponse { response, received: DATE.after(-behind) }
    }

    #[test]
    fn skew_of_four_minutes_explains_a_refused_signature() {
        let refused = r#"{"code":"InvalidSignatureException"}"#;
        let rows = [
            (403, refused, 239, 0, None),
            (403, refused, 240, 0, Some(240)),
            (403, refused, -239, 0, None),
            (403, refused, -240, 0, Some(-240)),
            // Signed by AWS's clock already; or by an earlier offset that is no longer right.
            (403, refused, 7_200, 7_200, None),
            (403, refused, 7_200, 6_961, None),
            (403, refused, 0, 7_200, Some(0)),
            (403, r#"{"code":"AccessDeniedException"}"#, 7_200, 0, None),
            (201, refused, 7_200, 0, None),
        ];
        for (status, body, behind, offset, found) in rows {
            let answer = answer(status, body, behind);
            assert_eq!(clock::skew(&answer, offset), found, "{status} {body} {behind} {offset}");
        }
    }

    #[test]
    fn lifetime_is_the_shorter_of_both_clocks() {
        // The seconds from the response's date to the expiration, the seconds that the clock is behind,
        // the known offset, and the lifetime.
        let rows = [
            (3_600, 0, 0, Some(3_599)),
            (3_600, 10, 0, Some(3_599)),
            (3_600, -10, 0, Some(3_589)),
            (3_600, 7_200, 7_200, Some(3_599)),
            (2, 0, 0, Some(1)),
            (1, 0, 0, None),
            (1, 10, 0, None),
        ];
        for (seconds, behind, offset, lifetime_seconds) in rows {
            let end = DATE.after(seconds).to_string();
            let body = ANSWER.replace("2015-08-30T12:36:00Z", &end);
            let parse = |response: &Response, now| request().parse(response, now);
            let session = read(&answer(201, &body, behind), offset, parse);
            assert_eq!(
                session.ok().map(|session| session.lifetime_seconds),
                lifetime_seconds,
                "{seconds} {behind}"
            );
        }
    }
}
