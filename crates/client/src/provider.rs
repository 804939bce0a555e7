//! Trades a certificate for a session.

mod clock;
mod error;
pub mod secrets_manager;

use crate::aws::create_session::{SessionRequest, SessionResponseError};
use crate::aws::endpoint::Service;
use crate::aws::error_response::ServiceError;
use crate::aws::retry::{self, RequestError, TimedResponse};
use crate::credentials::{Credentials, MAX_LIFETIME_SECONDS, Session};
use crate::diagnosis::{self, Evidence, Operation, Refusal};
use crate::identity::{Identity, IdentityError, IdentitySource};
use crate::key::signer::SignError;
use crate::ports::Ports;
use crate::provider::clock::ClockProbe;
pub use crate::provider::clock::SKEW;
pub use crate::provider::error::{ClockFinding, ErrorKind, ProviderError};
use crate::sigv4;
use crate::sigv4::Scope;
use crate::text::escape;
use crate::time::{Deadline, Timestamp};
use crate::x509::DistinguishedName;
use crate::x509::Selection;

/// Trades a certificate for credentials at IAM Roles Anywhere.
#[derive(Clone, Debug)]
pub struct RolesAnywhere {
    /// The sources of the certificate and the key.
    pub source: IdentitySource,
    /// The requested session.
    pub session: SessionRequest,
}

/// The message about a password for a key that needs none.
pub const UNUSED_PASSWORD: &str = "the password was not needed to open the private key";

impl RolesAnywhere {
    /// Fetches a session with the current identity files.
    ///
    /// `clock_offset` is the number of seconds that this machine's clock is behind AWS's; 0 if unknown.
    pub async fn fetch(
        &self,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Session, ProviderError> {
        let (identity, _) = self.open(clock_offset, ports)?;
        self.exchange(&identity, clock_offset, ports, deadline).await
    }

    /// Opens the identity. Also returns the option that gives a password although the key needs none.
    /// That is not an error: OpenSSL accepts a password with any key.
    pub fn open(
        &self,
        clock_offset: i64,
        ports: &Ports,
    ) -> Result<(Identity, Option<String>), IdentityError> {
        let now = ports.clock.now().after(clock_offset);
        let identity = self.source.open(&*ports.files, &*ports.passwords, now)?;
        show_identity(ports, &self.source, &identity);
        let unused = ports.passwords.unused();
        if let Some(option) = &unused {
            ports.trace.show(format_args!("{UNUSED_PASSWORD}: {option}"));
        }
        Ok((identity, unused))
    }

    /// Fetches a session with `identity`: signs, sends, reads.
    ///
    /// Refuses an identity that has expired or is not yet valid before anything is signed; AWS is asked
    /// for the time first, because this machine's clock may be wrong. If AWS refuses the signature and the
    /// clocks differ by four minutes or more, the request is signed again with AWS's time, and
    /// [`Session::clock_offset`] holds the difference.
    pub async fn exchange(
        &self,
        identity: &Identity,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<Session, ProviderError> {
        let mut offset = self.offset(identity, clock_offset, ports, deadline).await?;
        let mut answer = self.call(identity, offset, ports, deadline).await?;
        if let Some(found) = clock::skew(&answer, offset) {
            let amount = clock::in_words(found);
            ports.trace.show(format_args!(
                "this machine's clock is {amount} AWS's: signing again with AWS's time"
            ));
            let received = answer.received;
            identity.check_validity(received.after(found)).map_err(|e| by_date(e, received))?;
            offset = found;
            answer = self.call(identity, offset, ports, deadline).await?;
        }
        if !answer.response.is_success() {
            let service_error = ServiceError::parse(&answer.response, &self.session.hidden());
            let evidence = Evidence {
                received: answer.received,
                leaf: identity.certificate(),
                chain: identity.chain(),
            };
            let causes = diagnosis::create_session(&service_error, &self.session, &evidence);
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
        let session = self.session(&answer, offset)?;
        let Credentials { access_key_id, expiration, .. } = &session.credentials;
        let role = &self.session.role;
        ports.trace.show(format_args!(
            "session of {role}: access key {access_key_id}, until {expiration}"
        ));
        Ok(session)
    }

    /// Returns the clock offset, in seconds, with which `identity` is valid.
    async fn offset(
        &self,
        identity: &Identity,
        known: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<i64, ProviderError> {
        let now = ports.clock.now();
        let error = match clock::usable(known, identity, now) {
            Ok(offset) => return Ok(offset),
            Err(error) => error,
        };
        match clock::ask(&self.session.endpoint, ports, deadline).await {
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

    async fn call(
        &self,
        identity: &Identity,
        clock_offset: i64,
        ports: &Ports,
        deadline: Deadline,
    ) -> Result<TimedResponse, RequestError> {
        retry::send(ports, deadline, |now| {
            let now = now.after(clock_offset);
            let scope = Scope::new(now, &self.session.region, Service::RolesAnywhere.name());
            let signed = sigv4::sign(self.session.to_http(), &scope, now, identity)?;
            ports.trace.show(format_args!(
                "canonical request:\n{}\nstring to sign:\n{}",
                signed.canonical_request.text(),
                signed.string_to_sign
            ));
            Ok::<_, SignError>(signed.request)
        })
        .await
    }

    /// Reads a session. Its lifetime is measured by AWS's clock (the `Date` of the response), so a wrong
    /// clock of this machine neither shortens nor extends it.
    fn session(
        &self,
        answer: &TimedResponse,
        clock_offset: i64,
    ) -> Result<Session, SessionResponseError> {
        let now = answer.received.after(clock_offset);
        let mut credentials = self.session.parse(&answer.response, now)?;
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
}

/// Returns the error of an identity that is not valid by AWS's time; `now` is this machine's time.
fn by_date(source: IdentityError, now: Timestamp) -> ProviderError {
    let clock = Some(ClockFinding::OutOfDateByAws { local: now });
    ProviderError::Identity { source: Box::new(source), clock }
}

fn show_identity(ports: &Ports, source: &IdentitySource, identity: &Identity) {
    if let Some(mode) = source.private_key.readable_by_others(&*ports.files) {
        let key = source.private_key.name();
        ports.trace.show(format_args!("{key} is readable by other users (mode {mode:04o})"));
    }
    // The trace keeps line feeds, for the canonical request; a name must not add lines.
    let shown = |name: &DistinguishedName| escape::line(&name.to_string()).into_owned();
    let leaf = identity.certificate();
    ports.trace.show(format_args!(
        "certificate: {}, serial {}, issued by {}, valid from {} to {}",
        shown(leaf.subject()),
        leaf.serial(),
        shown(leaf.issuer()),
        leaf.not_before(),
        leaf.not_after()
    ));
    if identity.chain().selection == Selection::AsGiven && !identity.intermediates().is_empty() {
        ports.trace.show(format_args!(
            "the issuer is not among the given certificates: they are sent as given"
        ));
    }
    for intermediate in identity.intermediates() {
        let (subject, issuer) = (shown(intermediate.subject()), shown(intermediate.issuer()));
        ports.trace.show(format_args!("intermediate sent: {subject}, issued by {issuer}"));
    }
    for (certificate, reason) in &identity.chain().left_out {
        let subject = shown(certificate.subject());
        ports.trace.show(format_args!("not sent: {subject}: {}", reason.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Response;
    use crate::secret::SecretBytes;
    use crate::test_support::session::{ANSWER, identity, request, source};

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
        let provider = RolesAnywhere { source: source(), session: request() };
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
            let session = provider.session(&answer(201, &body, behind), offset);
            assert_eq!(
                session.ok().map(|session| session.lifetime_seconds),
                lifetime_seconds,
                "{seconds} {behind}"
            );
        }
    }
}
