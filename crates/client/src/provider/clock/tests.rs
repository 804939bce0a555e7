//! Sessions in a world in which this machine's clock and AWS's differ.

use std::pin::Pin;
use std::sync::Mutex;

use super::*;
use crate::credentials::Session;
use crate::http::{Reason, Response, Transport};
use crate::ports::NoTrace;
use crate::provider::RolesAnywhere;
use crate::provider::{ClockFinding, ErrorKind, ProviderError};
use crate::secret::{Entropy, SecretBytes};
use crate::test_support::offline::Offline;
use crate::test_support::session::{ANSWER, request};
use crate::test_support::session::{identity, source};
use crate::time::{Clock, Timer};

/// How the unsigned request for the time ends.
#[derive(Clone, Copy)]
enum TimeAnswer {
    Date,
    NoDate,
    TlsOutOfDate,
    Silence,
}

/// AWS, and a machine whose clock may be another.
struct Skewed {
    /// The time of this machine.
    here: Timestamp,
    /// The time of AWS, which its answers are dated by.
    there: Timestamp,
    /// The time by which AWS checks signatures.
    judged: Timestamp,
    answer: TimeAnswer,
    /// How long sessions live.
    life: i64,
    uptime: Mutex<Duration>,
    /// What was sent: the method, and how long before or after AWS's time it was signed.
    sent: Mutex<Vec<(&'static str, Option<i64>)>>,
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

impl Skewed {
    /// A world in which both clocks say how late it is.
    fn new(here: &str, there: &str) -> Self {
        Self {
            here: at(here),
            there: at(there),
            judged: at(there),
            answer: TimeAnswer::Date,
            life: 3_600,
            uptime: Mutex::default(),
            sent: Mutex::default(),
        }
    }

    /// Makes a session with an offset that was found before.
    fn exchange(&self, known: i64) -> Result<Session, ProviderError> {
        let provider = RolesAnywhere { source: source(), session: request() };
        let offline = Offline::default();
        let world = World {
            clock: self,
            timer: self,
            entropy: self,
            files: &offline,
            passwords: &offline,
            transport: self,
            trace: &NoTrace,
        };
        let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(provider.exchange(&identity(), known, &world, deadline))
    }

    fn methods(&self) -> Vec<&'static str> {
        self.sent.lock().unwrap().iter().map(|(method, _)| *method).collect()
    }

    fn response(&self, status: u16, body: &str, dated: bool) -> Response {
        let date = time::UtcDateTime::from_unix_timestamp(self.there.unix()).unwrap();
        let form = time::macros::format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        let date = ("date".to_owned(), date.format(form).unwrap());
        let headers = if dated { vec![date] } else { Vec::new() };
        Response { status, headers, body: SecretBytes::new(body.as_bytes().to_vec()) }
    }

    fn time(&self) -> Result<Response, TransportError> {
        let untrusted = || TransportError::Untrusted {
            host: "a".to_owned(),
            presented: None,
            distrust: Distrust::Time,
            source: Reason("it has expired".to_owned()),
        };
        match self.answer {
            TimeAnswer::TlsOutOfDate => Err(untrusted()),
            answer => Ok(self.response(403, "{}", !matches!(answer, TimeAnswer::NoDate))),
        }
    }

    /// Refuses a signature of another time than AWS's, give or take fifteen minutes.
    fn session(&self, request: &Request) -> Response {
        let date = &request.headers.iter().find(|(name, _)| name == "x-amz-date").unwrap().1;
        let [year, rest] = [&date[..4], &date[4..]];
        let signed = at(&format!(
            "{year}-{}-{}T{}:{}:{}Z",
            &rest[..2],
            &rest[2..4],
            &rest[5..7],
            &rest[7..9],
            &rest[9..11]
        ));
        let early = signed.seconds_until(self.judged);
        self.sent.lock().unwrap().push(("POST", Some(early)));
        if early.abs() > 900 {
            return self.response(403, r#"{"code":"InvalidSignatureException"}"#, true);
        }
        let end = self.judged.after(self.life).to_string();
        self.response(201, &ANSWER.replace("2015-08-30T12:36:00Z", &end), true)
    }
}

impl Transport for Skewed {
    fn send<'a>(
        &'a self,
        request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>> {
        Box::pin(async move {
            if request.method == "POST" {
                return Ok(self.session(request));
            }
            assert!(request.headers.is_empty() && request.body.is_empty(), "it is not signed");
            self.sent.lock().unwrap().push((request.method, None));
            match self.answer {
                TimeAnswer::Silence => std::future::pending().await,
                _ => self.time(),
            }
        })
    }
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.here
    }

    fn uptime(&self) -> Duration {
        *self.uptime.lock().unwrap()
    }
}

impl Timer for Skewed {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move { *self.uptime.lock().unwrap() += duration })
    }
}

impl Entropy for Skewed {
    fn bits(&self) -> u64 {
        7
    }
}

const TODAY: &str = "2027-06-01T12:00:00Z";
/// The certificate is valid from 2026 to 2046.
const AFTER: &str = "2050-06-01T12:00:00Z";
const BEFORE: &str = "1970-01-01T00:00:00Z";

#[test]
fn asks_for_the_time_if_the_clock_puts_the_certificate_out_of_date() {
    for here in [AFTER, BEFORE] {
        let world = Skewed::new(here, TODAY);
        let session = world.exchange(0).unwrap();
        assert_eq!(session.clock_offset, at(here).seconds_until(at(TODAY)), "{here}");
        assert_eq!(*world.sent.lock().unwrap(), [("GET", None), ("POST", Some(0))], "{here}");
    }
    // By the next refresh the offset is known.
    let world = Skewed::new(BEFORE, TODAY);
    world.exchange(at(BEFORE).seconds_until(at(TODAY))).unwrap();
    assert_eq!(world.methods(), ["POST"]);
}

#[test]
fn a_certificate_that_was_issued_just_now_is_valid_by_awss_time() {
    let world = Skewed::new(TODAY, TODAY);
    let issued = identity().certificate().not_before();
    let world = Skewed { here: issued.after(-5), there: issued.after(1), judged: issued, ..world };
    assert_eq!(world.exchange(0).unwrap().clock_offset, 6);
}

#[test]
fn does_not_ask_for_the_time_otherwise() {
    let world = Skewed::new(TODAY, TODAY);
    world.exchange(0).unwrap();
    assert_eq!(world.methods(), ["POST"]);
}

#[test]
fn refuses_a_certificate_that_is_out_of_date_by_awss_time_too() {
    for (now, words) in [(AFTER, "expired at 2046"), (BEFORE, "is valid from 2026")] {
        let world = Skewed::new(now, now);
        let error = world.exchange(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(world.methods(), ["GET"], "nothing is signed");
    }
}

fn finding_of(error: &ProviderError) -> Option<ClockFinding> {
    match error {
        ProviderError::Identity { clock, .. } => *clock,
        _ => None,
    }
}

#[test]
fn refuses_by_its_own_clock_if_aws_does_not_tell_the_time() {
    let rows = [
        (TimeAnswer::NoDate, false, 0),
        (TimeAnswer::TlsOutOfDate, true, 0),
        (TimeAnswer::Silence, false, 2),
    ];
    for (answer, names_the_clock, seconds) in rows {
        let world = Skewed { answer, ..Skewed::new(AFTER, TODAY) };
        let error = world.exchange(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        let text = error.to_string();
        assert!(text.contains("it is 2050-06-01T12:00:00Z now"), "{text}");
        let local = at(AFTER);
        let finding = names_the_clock.then_some(ClockFinding::TlsOutOfDate { local });
        assert_eq!(finding_of(&error), finding, "{text}");
        assert_eq!(world.uptime(), Duration::from_secs(seconds));
        assert_eq!(world.methods(), ["GET"]);
    }
}

#[test]
fn a_date_from_outside_makes_no_signature_beyond_the_certificates_validity() {
    for (there, words) in [(AFTER, "expired at 2046"), (BEFORE, "is valid from 2026")] {
        let world = Skewed::new(TODAY, there);
        let error = world.exchange(0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        let finding = ClockFinding::OutOfDateByAws { local: at(TODAY) };
        assert_eq!(finding_of(&error), Some(finding), "{text}");
        assert_eq!(world.methods(), ["POST"], "it is not signed again");
    }
}

#[test]
fn a_date_that_cannot_be_true_is_not_kept() {
    // AWS accepts, so that certificate and signature are of its time, whatever the date says.
    for there in [BEFORE, "2027-06-01T11:43:00Z", "2028-06-01T12:00:00Z"] {
        let world = Skewed { judged: at(TODAY), ..Skewed::new(TODAY, there) };
        let session = world.exchange(0).unwrap();
        assert_eq!((session.clock_offset, session.life), (0, 3_599), "{there}");
    }
}

#[test]
fn takes_the_offset_from_answers_that_succeed() {
    let rows = [(239, 0), (240, 240), (299, 299), (-239, 0), (-240, -240)];
    for (behind, offset) in rows {
        let here = at(TODAY).after(-behind).to_string();
        let world = Skewed::new(&here, TODAY);
        let session = world.exchange(0).unwrap();
        assert_eq!(session.clock_offset, offset, "{behind}");
        assert_eq!(world.methods(), ["POST"], "{behind}");
    }
    // The clock was set by four minutes since the offset was found.
    let world = Skewed::new(TODAY, TODAY);
    assert_eq!(world.exchange(250).unwrap().clock_offset, 0);
}

#[test]
fn a_wrong_clock_makes_no_session_shorter() {
    for ahead in [299, 14 * 60 + 57] {
        let here = at(TODAY).after(ahead).to_string();
        let world = Skewed { life: 900, ..Skewed::new(&here, TODAY) };
        let session = world.exchange(0).unwrap();
        assert_eq!((session.life, session.clock_offset), (899, -ahead));
    }
}

#[test]
fn no_session_lives_longer_than_twelve_hours() {
    for (life, expected) in [(43_200, 43_199), (43_201, 43_200), (86_400, 43_200)] {
        let world = Skewed { life, ..Skewed::new(TODAY, TODAY) };
        let session = world.exchange(0).unwrap();
        assert_eq!(session.life, expected, "{life}");
        let end = at(TODAY).seconds_until(session.credentials.expiration);
        assert_eq!(end, if life > 43_201 { 43_200 } else { life }, "{life}");
    }
}
