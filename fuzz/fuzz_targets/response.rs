//! What AWS, or whoever is in its place, answers: to CreateSession and to GetSecretValue.
//!
//! Answers ended by a NUL, each a status, header lines, an empty line and a body. They are read one
//! by one, and then by a whole `secret get`, with its tries, its diagnosis and what it prints.

#![no_main]

use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use roles_anywhere::command::credential_process::document::to_json;
use roles_anywhere::command::secret_get::{
    self, SecretDestination, SecretGet, SecretSelection, Stdout,
};
use roles_anywhere::session_cache::SessionCache;
use roles_anywhere_client::aws::create_session::{SessionResponseError, SessionDuration, SessionRequest};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::aws::get_secret_value::{self, SecretId, SecretRequest};
use roles_anywhere_client::aws::retry::Deadline;
use roles_anywhere_client::http::{Endpoint, SourceMessage, Request, Response, Transport, TransportError};
use roles_anywhere_client::identity::{IdentitySource, Permissions};
use roles_anywhere_client::input_source::InputSource;
use roles_anywhere_client::ports::{NoTrace, World};
use roles_anywhere_client::provider::RolesAnywhere;
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::{Entropy, SecretBytes};
use roles_anywhere_client::time::Timer;
use roles_anywhere_fuzz::{NOW, OneFile, OnePassword, StoppedClock, check_error};

/// A leaf, its chain and its key.
const IDENTITY: &str = include_str!("../../certs/forms/combined.pem");

static SESSION: LazyLock<SessionRequest> = LazyLock::new(|| SessionRequest {
    trust_anchor: "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/a".parse().unwrap(),
    profile: "arn:aws:rolesanywhere:eu-central-1:123456789012:profile/p".parse().unwrap(),
    role: "arn:aws:iam::123456789012:role/r".parse().unwrap(),
    duration: SessionDuration::OfProfile,
    role_session_name: None,
    endpoint: Endpoint::parse("https://a.example").unwrap(),
    region: Region::parse("eu-central-1").unwrap(),
});

fuzz_target!(|data: &[u8]| {
    let answers: Vec<Response> = data.split(|byte| *byte == 0).take(4).map(response).collect();
    for answer in &answers {
        read(answer);
    }
    let selections = [
        SecretSelection::Value,
        SecretSelection::Member("password".to_owned()),
        SecretSelection::Document,
    ];
    let random = data.iter().fold(0_usize, |sum, byte| sum.wrapping_add(usize::from(*byte)));
    get(answers, selections[random % 3].clone());
});

/// Makes an answer of its text.
fn response(text: &[u8]) -> Response {
    let split = text.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = split.map_or((text, &[][..]), |at| (&text[..at], &text[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.parse().ok()).unwrap_or(200);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Response { status, headers: headers.collect(), body: SecretBytes::new(body.to_vec()) }
}

fn read(answer: &Response) {
    match SESSION.parse(answer, NOW) {
        Ok(credentials) => {
            assert!(credentials.expiration > NOW);
            let json = to_json(&credentials);
            assert!(serde_json::from_slice::<serde_json::Value>(json.expose()).is_ok());
        }
        Err(error) => {
            assert!(
                !matches!(&error, SessionResponseError::Expired { expiration, .. } if *expiration > NOW)
            );
            check_error(error);
        }
    }
    if let Err(error) = get_secret_value::parse(answer) {
        check_error(error);
    }
    let fault = ServiceError::parse(answer, &[]);
    assert!(fault.message.chars().count() <= 1_000);
}

/// Runs `secret get` against the answers.
fn get(answers: Vec<Response>, selection: SecretSelection) {
    let provider = RolesAnywhere {
        source: IdentitySource {
            certificate: InputSource::parse("-"),
            private_key: InputSource::parse("-"),
            intermediates: None,
            permissions: Permissions::Lenient,
        },
        session: SESSION.clone(),
    };
    let plan = SecretGet {
        request: SecretRequest {
            secret: SecretId::Name("name".to_owned()),
            version_id: None,
            version_stage: None,
            endpoint: SESSION.endpoint.clone(),
            region: SESSION.region.clone(),
        },
        destination: SecretDestination::Stdout(Stdout::Terminal),
        selection: selection.clone(),
    };
    let world = World {
        clock: &StoppedClock,
        timer: &Impatient,
        entropy: &Impatient,
        files: &OneFile(IDENTITY.as_bytes()),
        passwords: &OnePassword { known: false },
        transport: &Answers { answers, sent: AtomicUsize::new(0) },
        trace: &NoTrace,
    };
    let deadline = Deadline::new(Duration::ZERO, Duration::from_secs(20));
    let sessions = SessionCache::disabled(&provider);
    let running = pin!(secret_get::run(&sessions, &plan, deadline, &world));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => panic!("nothing here has to be waited for"),
        Poll::Ready(Err(error)) => check_error(error),
        Poll::Ready(Ok(printed)) if selection == SecretSelection::Document => {
            assert!(serde_json::from_slice::<serde_json::Value>(printed.expose()).is_ok());
        }
        Poll::Ready(Ok(_)) => {}
    }
}

/// Hands out the answers in their order, then fails.
struct Answers {
    answers: Vec<Response>,
    sent: AtomicUsize,
}

impl Transport for Answers {
    fn send<'a>(
        &'a self,
        _request: &'a Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>> {
        let at = self.sent.fetch_add(1, Ordering::Relaxed);
        assert!(at < 6, "three tries a call");
        let lost = || TransportError::Interrupted {
            host: "a.example".to_owned(),
            plain: false,
            source: SourceMessage("lost".to_owned()),
        };
        let answer = self.answers.get(at).cloned().ok_or_else(lost);
        Box::pin(std::future::ready(answer))
    }
}

/// Waits for nothing, and rolls nothing but zeros.
struct Impatient;

impl Timer for Impatient {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::ready(()))
    }
}

impl Entropy for Impatient {
    fn bits(&self) -> u64 {
        0
    }
}
