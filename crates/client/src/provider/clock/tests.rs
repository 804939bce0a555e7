//! Sessions if this machine's clock and AWS's differ.

use super::*;
use crate::credentials::Session;
use crate::http::SourceMessage;
use crate::provider::RolesAnywhere;
use crate::provider::fallback::Order;
use crate::provider::{ClockFinding, ErrorKind, ProviderError};
use crate::test_support::clock::ManualClock;
use crate::test_support::ports::FakePorts;
use crate::test_support::session::{ANSWER, identity, request, source};
use crate::test_support::transport::{Reply, ScriptedTransport};
use crate::time::Clock as _;

/// How the unsigned request for the time ends.
#[derive(Clone, Copy)]
enum TimeAnswer {
    Date,
    NoDate,
    TlsOutOfDate,
    Silence,
}

/// A service with a clock, and a machine whose clock may be another.
#[derive(Clone, Copy)]
struct Skew {
    /// The time of this machine.
    here: Timestamp,
    /// The time of AWS, which its answers are dated by.
    there: Timestamp,
    /// The time by which AWS checks signatures.
    judged: Timestamp,
    answer: TimeAnswer,
    /// How long sessions live.
    lifetime_seconds: i64,
}

/// How an exchange ended.
struct Exchanged {
    session: Result<Session, ProviderError>,
    /// What was sent: the method, and how long before or after AWS's time it was signed.
    sent: Vec<(&'static str, Option<i64>)>,
    elapsed: Duration,
}

impl Exchanged {
    fn methods(&self) -> Vec<&'static str> {
        self.sent.iter().map(|(method, _)| *method).collect()
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_rfc3339(text).unwrap()
}

impl Skew {
    /// Both clocks show these times.
    fn new(here: &str, there: &str) -> Self {
        Self {
            here: at(here),
            there: at(there),
            judged: at(there),
            answer: TimeAnswer::Date,
            lifetime_seconds: 3_600,
        }
    }

    /// Makes a session with an offset that was found before.
    fn exchange(self, known: i64) -> Exchanged {
        let provider = RolesAnywhere::new(source(), request());
        let clock = ManualClock::at(self.here);
        clock.pass_sleeps(Duration::MAX);
        let transport = ScriptedTransport::new(move |request, _| self.reply(request));
        let fakes = FakePorts { clock, transport, ..FakePorts::default() };
        let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ports = fakes.ports();
        let (identity, order) = (identity(), Order::PrimaryFirst);
        let fetched = provider.exchange(&identity, (order, known), &ports, deadline);
        let session = runtime.block_on(fetched).map(|fetched| fetched.session);
        let early = |request: &Request| {
            let signed = (request.method == "POST").then(|| signed_at(request))?;
            Some(signed.seconds_until(self.judged))
        };
        let requests = fakes.transport.requests();
        let sent = requests.iter().map(|request| (request.method, early(request))).collect();
        Exchanged { session, sent, elapsed: fakes.clock.uptime() }
    }

    fn reply(self, request: &Request) -> Reply {
        if request.method == "POST" {
            return self.session(request);
        }
        assert!(request.headers.is_empty() && request.body.is_empty(), "it is not signed");
        match self.answer {
            TimeAnswer::Silence => Reply::Silence,
            TimeAnswer::NoDate => Reply::status(403, "{}"),
            TimeAnswer::Date => self.dated(403, "{}"),
            TimeAnswer::TlsOutOfDate => Reply::Error(TransportError::Untrusted {
                host: "a".to_owned(),
                presented: None,
                distrust: Distrust::Time,
                source: SourceMessage("it has expired".to_owned()),
            }),
        }
    }

    /// Refuses a signature of another time than AWS's, give or take fifteen minutes.
    fn session(self, request: &Request) -> Reply {
        if signed_at(request).seconds_until(self.judged).abs() > 900 {
            return self.dated(403, r#"{"code":"InvalidSignatureException"}"#);
        }
        let end = self.judged.after(self.lifetime_seconds).to_string();
        self.dated(201, &ANSWER.replace("2015-08-30T12:36:00Z", &end))
    }

    fn dated(self, status: u16, body: &str) -> Reply {
        let date = time::UtcDateTime::from_unix_timestamp(self.there.unix()).unwrap();
        let form = time::macros::format_description!(
            "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
        );
        Reply::status(status, body).with_header("date", &date.format(form).unwrap())
    }
}

fn signed_at(request: &Request) -> Timestamp {
    let date = &request.headers.iter().find(|(name, _)| name == "x-amz-date").unwrap().1;
    let [year, rest] = [&date[..4], &date[4..]];
    at(&format!(
        "{year}-{}-{}T{}:{}:{}Z",
        &rest[..2],
        &rest[2..4],
        &rest[5..7],
        &rest[7..9],
        &rest[9..11]
    ))
}

const TODAY: &str = "2027-06-01T12:00:00Z";
/// The certificate is valid from 2026 to 2046.
const AFTER: &str = "2050-06-01T12:00:00Z";
const BEFORE: &str = "1970-01-01T00:00:00Z";

#[test]
fn asks_for_the_time_if_the_clock_puts_the_certificate_out_of_date() {
    for here in [AFTER, BEFORE] {
        let ended = Skew::new(here, TODAY).exchange(0);
        let session = ended.session.as_ref().unwrap();
        assert_eq!(session.clock_offset, at(here).seconds_until(at(TODAY)), "{here}");
        assert_eq!(ended.sent, [("GET", None), ("POST", Some(0))], "{here}");
    }
    // By the next refresh the offset is known.
    let ended = Skew::new(BEFORE, TODAY).exchange(at(BEFORE).seconds_until(at(TODAY)));
    assert!(ended.session.is_ok());
    assert_eq!(ended.methods(), ["POST"]);
}

#[test]
fn a_certificate_that_was_issued_just_now_is_valid_by_awss_time() {
    let skew = Skew::new(TODAY, TODAY);
    let issued = identity().certificate().not_before();
    let skew = Skew { here: issued.after(-5), there: issued.after(1), judged: issued, ..skew };
    assert_eq!(skew.exchange(0).session.unwrap().clock_offset, 6);
}

#[test]
fn does_not_ask_for_the_time_otherwise() {
    let ended = Skew::new(TODAY, TODAY).exchange(0);
    assert!(ended.session.is_ok());
    assert_eq!(ended.methods(), ["POST"]);
}

#[test]
fn refuses_a_certificate_that_is_out_of_date_by_awss_time_too() {
    for (now, words) in
        [(AFTER, "has expired (on 2046"), (BEFORE, "is not yet valid (valid from 2026")]
    {
        let ended = Skew::new(now, now).exchange(0);
        let error = ended.session.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(ended.methods(), ["GET"], "nothing is signed");
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
        let skew = Skew { answer, ..Skew::new(AFTER, TODAY) };
        let ended = skew.exchange(0);
        let error = ended.session.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        let text = error.to_string();
        assert!(text.contains("it is now 2050-06-01T12:00:00Z"), "{text}");
        let local = at(AFTER);
        let finding = names_the_clock.then_some(ClockFinding::TlsOutOfDate { local });
        assert_eq!(finding_of(error), finding, "{text}");
        assert_eq!(ended.elapsed, Duration::from_secs(seconds));
        assert_eq!(ended.methods(), ["GET"]);
    }
}

#[test]
fn a_date_from_outside_makes_no_signature_beyond_the_certificates_validity() {
    for (there, words) in
        [(AFTER, "has expired (on 2046"), (BEFORE, "is not yet valid (valid from 2026")]
    {
        let ended = Skew::new(TODAY, there).exchange(0);
        let error = ended.session.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Identity);
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        let finding = ClockFinding::OutOfDateByAws { local: at(TODAY) };
        assert_eq!(finding_of(error), Some(finding), "{text}");
        assert_eq!(ended.methods(), ["POST"], "it is not signed again");
    }
}

#[test]
fn a_date_that_cannot_be_true_is_not_kept() {
    // AWS accepts, so that certificate and signature are of its time, whatever the date says.
    for there in [BEFORE, "2027-06-01T11:43:00Z", "2028-06-01T12:00:00Z"] {
        let skew = Skew { judged: at(TODAY), ..Skew::new(TODAY, there) };
        let ended = skew.exchange(0);
        let session = ended.session.as_ref().unwrap();
        assert_eq!((session.clock_offset, session.lifetime_seconds), (0, 3_599), "{there}");
    }
}

#[test]
fn takes_the_offset_from_answers_that_succeed() {
    let rows = [(239, 0), (240, 240), (299, 299), (-239, 0), (-240, -240)];
    for (behind, offset) in rows {
        let here = at(TODAY).after(-behind).to_string();
        let ended = Skew::new(&here, TODAY).exchange(0);
        let session = ended.session.as_ref().unwrap();
        assert_eq!(session.clock_offset, offset, "{behind}");
        assert_eq!(ended.methods(), ["POST"], "{behind}");
    }
    // The clock was set by four minutes since the offset was found.
    let ended = Skew::new(TODAY, TODAY).exchange(250);
    assert_eq!(ended.session.unwrap().clock_offset, 0);
}

#[test]
fn a_wrong_clock_makes_no_session_shorter() {
    for ahead in [299, 14 * 60 + 57] {
        let here = at(TODAY).after(ahead).to_string();
        let skew = Skew { lifetime_seconds: 900, ..Skew::new(&here, TODAY) };
        let ended = skew.exchange(0);
        let session = ended.session.as_ref().unwrap();
        assert_eq!((session.lifetime_seconds, session.clock_offset), (899, -ahead));
    }
}

#[test]
fn no_session_lives_longer_than_twelve_hours() {
    for (lifetime_seconds, expected) in [(43_200, 43_199), (43_201, 43_200), (86_400, 43_200)] {
        let skew = Skew { lifetime_seconds, ..Skew::new(TODAY, TODAY) };
        let ended = skew.exchange(0);
        let session = ended.session.as_ref().unwrap();
        assert_eq!(session.lifetime_seconds, expected, "{lifetime_seconds}");
        let end = at(TODAY).seconds_until(session.credentials.expiration);
        assert_eq!(
            end,
            if lifetime_seconds > 43_201 { 43_200 } else { lifetime_seconds },
            "{lifetime_seconds}"
        );
    }
}
