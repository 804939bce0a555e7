//! Requests in, responses out: each rule as rows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http_body_util::{Empty, Full};
use hyper::body::Bytes;
use serde_json::Value;

use super::*;
use crate::test_support::{FakeTokenStore, RecordingLog};
use roles_anywhere_client::aws::error_response::ServiceError;
use roles_anywhere_client::credentials::{Credentials, Session};
use roles_anywhere_client::diagnosis::{Cause, Operation, Refusal};
use roles_anywhere_client::input_source::FileError;
use roles_anywhere_client::provider::ProviderError;
use roles_anywhere_client::provider::fallback::MadeBy;
use roles_anywhere_client::refresh::status::{Refreshes, StatusChannel};
use roles_anywhere_client::region::Region;
use roles_anywhere_client::secret::Secret;
use roles_anywhere_client::time::Timestamp;
use roles_anywhere_test_support::clock::ManualClock;
use roles_anywhere_test_support::entropy::SequenceEntropy;
use roles_anywhere_test_support::ports::FakePorts;

const NOW: Timestamp = Timestamp::from_unix(1_440_938_160);
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/Plant";
const IMDS: [&str; 12] = [
    "/latest",
    "/latest/meta-data/",
    "/latest/meta-data/iam",
    "/latest/meta-data/iam/info",
    "/latest/meta-data/iam/security-credentials/",
    CREDENTIALS,
    "/latest/meta-data/iam/security-credentials/Other",
    "/latest/meta-data/placement/region",
    "/latest/meta-data/placement/availability-zone",
    "/latest/meta-data/instance-id",
    "/latest/dynamic/instance-identity/document",
    "/latest/user-data",
];

struct Fixture {
    clock: ManualClock,
    log: RecordingLog,
    channel: Arc<StatusChannel>,
    file: FakeTokenStore,
    token: Rc<RouteToken>,
    endpoints: Endpoints,
}

impl Fixture {
    /// Has a session of an hour, and a container token.
    fn new() -> Self {
        Self::with(ServePolicy::default())
    }

    fn with(policy: ServePolicy) -> Self {
        let (clock, log) = (ManualClock::at(NOW), RecordingLog::default());
        let channel = Arc::new(StatusChannel::default());
        channel.publish(session_status(3_600));
        let entropy = SequenceEntropy::counting();
        let ports = FakePorts { clock: clock.clone(), entropy, ..FakePorts::default() }.ports();
        let role = "arn:aws:iam::123456789012:role/path/Plant".parse().unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let role = Rc::new(ServedRole::new(None, (&role, &region), Arc::clone(&channel)));
        let file = FakeTokenStore::default();
        let token = Rc::new(RouteToken::new(None, Box::new(file.clone())));
        let container = vec![ContainerRoute { role: Rc::clone(&role), token: Rc::clone(&token) }];
        let roles = ServedRoles { all: vec![Rc::clone(&role)], imds: Some(role), container };
        let endpoints = Endpoints::new(roles, policy, ports, Arc::new(log.clone()));
        let fixture = Self { clock, log, channel, file, token, endpoints };
        fixture.renew().unwrap();
        fixture
    }

    fn renew(&self) -> Result<(), FileError> {
        self.endpoints.renew_token(&self.token)
    }

    fn container_token(&self) -> String {
        String::from_utf8(self.file.contents().unwrap()).unwrap()
    }

    fn try_ask<B: Body>(&self, request: &Request<B>, exposure: Exposure) -> Poll<Response> {
        let end = |text: &str| text.parse().unwrap();
        let peer = end("127.0.0.1:5000");
        let peer = Peer::new(peer, end("127.0.0.1:9911"), exposure, |_, _| Some(1_000));
        let mut answer = std::pin::pin!(self.endpoints.answer(request, &peer));
        answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        self.ask_from(Exposure::Everything, method, path, headers)
    }

    fn ask_from(
        &self,
        exposure: Exposure,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match self.try_ask(&request.body(Empty::<Bytes>::new()).unwrap(), exposure) {
            Poll::Ready(response) => response,
            Poll::Pending => panic!("no answer: {method} {path}"),
        }
    }

    fn token(&self, seconds: &str) -> String {
        let response = self.ask("PUT", "/latest/api/token", &[(TTL, seconds)]);
        assert_eq!(response.status(), 200);
        text(&response)
    }

    fn get(&self, path: &str) -> Response {
        self.ask("GET", path, &[(TOKEN, &self.token("60"))])
    }

    fn get_container(&self) -> Response {
        self.ask("GET", CONTAINER_PATH, &[("authorization", &self.container_token())])
    }
}

fn session_status(lifetime_seconds: i64) -> Status {
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::new("very-secret".to_owned()),
        session_token: Secret::new("very-session".to_owned()),
        expiration: NOW.after(lifetime_seconds),
        account_id: "123456789012".to_owned(),
        role_session_name: None,
    };
    let session = Session { credentials, received: NOW, lifetime_seconds, clock_offset: 0 };
    let trust_anchor = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/a";
    Status {
        session: Some((
            Arc::new(session),
            ClockReading { wall: NOW, uptime: Duration::ZERO, counts_sleep: false },
        )),
        made_by: Some(MadeBy::Fallback(trust_anchor.parse().unwrap())),
        certificate_end: Some(NOW.after(86_400)),
        clock_offset: -300,
        refreshes: Refreshes { succeeded: 3, refused: 2, ..Refreshes::default() },
        ..Status::default()
    }
}

fn failed_status() -> Status {
    let service_error = ServiceError {
        status: 403,
        code: Some("AccessDeniedException".to_owned()),
        message: String::new(),
        request_id: None,
        date: None,
    };
    let refusal = Refusal {
        operation: Operation::CreateSession,
        service_error,
        causes: vec![Cause::Unknown],
    };
    let source = Box::new(refusal);
    let error = Arc::new(ProviderError::Refused { source, retry_after: None });
    Status { last_error: Some(error), ..Status::default() }
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

fn json(response: &Response) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

mod roles;

#[test]
fn token_lifetime_is_1_to_21600_seconds() {
    let fixture = Fixture::new();
    let status = |ttl: &str| {
        let response = fixture.ask("PUT", "/latest/api/token", &[(TTL, ttl)]);
        let echoed = (response.status() == 200).then_some(ttl);
        assert_eq!(header(&response, TTL), echoed);
        response.status().as_u16()
    };
    for ttl in ["1", "60", "21600"] {
        assert_eq!(status(ttl), 200, "{ttl}");
    }
    for ttl in ["", "0", "21601", "-1", "+1", "1.0", " 1", "1e3", "4294967297", "x"] {
        assert_eq!(status(ttl), 400, "{ttl:?}");
    }
    assert_eq!(fixture.ask("PUT", "/latest/api/token", &[]).status(), 400);
}

#[test]
fn no_client_evicts_the_token_of_another() {
    let fixture = Fixture::new();
    // As the SDK for Go asks for one, beside many `aws` commands.
    let first = fixture.token("300");
    for _ in 0..1_100 {
        fixture.token("21600");
    }
    let response = fixture.ask("GET", CREDENTIALS, &[(TOKEN, &first)]);
    assert_eq!((response.status().as_u16(), header(&response, TTL)), (200, Some("300")));
}

#[test]
fn hands_out_credentials_as_ec2_does() {
    let fixture = Fixture::new();
    let response = fixture.get("/latest/meta-data/iam/security-credentials/");
    assert_eq!((response.status().as_u16(), text(&response).as_str()), (200, "Plant"));
    let response = fixture.get(CREDENTIALS);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), Some("text/plain"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(
        text(&response),
        concat!(
            r#"{"Code":"Success","LastUpdated":"2015-08-30T12:36:00Z","Type":"AWS-HMAC","#,
            r#""AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"very-secret","#,
            r#""Token":"very-session","Expiration":"2015-08-30T13:36:00Z"}"#
        )
    );
    let profile = json(&fixture.get("/latest/meta-data/iam/info"));
    assert_eq!(profile["Code"], "Success");
    assert_eq!(profile["InstanceProfileArn"], "arn:aws:iam::123456789012:instance-profile/Plant");
}

#[test]
fn hands_out_credentials_as_ecs_does() {
    let response = Fixture::new().get_container();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(
        text(&response),
        concat!(
            r#"{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"very-secret","#,
            r#""Token":"very-session","Expiration":"2015-08-30T13:36:00Z","#,
            r#""AccountId":"123456789012","RoleArn":"arn:aws:iam::123456789012:role/path/Plant"}"#
        )
    );
}

#[test]
fn metadata_requires_a_valid_token() {
    let fixture = Fixture::new();
    let token = fixture.token("60");
    for path in IMDS {
        let missing = path.ends_with("Other") || path.ends_with("user-data");
        let status = |headers: &[(&str, &str)]| {
            let response = fixture.ask("GET", path, headers);
            let left = header(&response, TTL).map(str::to_owned);
            (response.status().as_u16(), left)
        };
        fixture.clock.set_uptime(Duration::from_secs(0));
        assert_eq!(status(&[]), (401, None), "{path}");
        assert_eq!(status(&[(TOKEN, "")]), (401, None), "{path}");
        assert_eq!(status(&[(TOKEN, &token[1..])]), (401, None), "{path}");
        let container = fixture.container_token();
        assert_eq!(status(&[(TOKEN, &container)]), (401, None), "{path}");
        fixture.clock.set_uptime(Duration::from_secs(59));
        let found = (if missing { 404 } else { 200 }, Some("1".to_owned()));
        assert_eq!(status(&[(TOKEN, &token)]), found, "{path}");
        fixture.clock.set_uptime(Duration::from_secs(60));
        assert_eq!(status(&[(TOKEN, &token)]), (401, None), "{path}");
    }
}

#[test]
fn set_clock_changes_no_token_lifetime() {
    let fixture = Fixture::new();
    let token = fixture.token("60");
    for moved in [-1_000_000, 1_000_000] {
        fixture.clock.set_wall(NOW.after(moved));
        let response = fixture.ask("GET", "/latest", &[(TOKEN, &token)]);
        assert_eq!(header(&response, TTL), Some("60"));
    }
}

#[test]
fn container_credentials_require_the_exact_token() {
    let fixture = Fixture::new();
    let (token, imds) = (fixture.container_token(), fixture.token("60"));
    let bearer = format!("Bearer {token}");
    let wrong: [&[(&str, &str)]; 6] = [
        &[],
        &[("authorization", "")],
        &[("authorization", &bearer)],
        &[("authorization", &imds)],
        &[("authorization", &token[1..])],
        &[("authorization", &token), ("authorization", &token)],
    ];
    for headers in wrong {
        let response = fixture.ask("GET", CONTAINER_PATH, headers);
        assert_eq!(response.status(), 401, "{headers:?}");
        let document = json(&response);
        assert_eq!(document["Code"], document["code"]);
        assert!(document["message"].is_string() && document["Message"].is_string());
    }
}

#[test]
fn container_credentials_require_a_token_file() {
    let fixture = Fixture::new();
    let token = fixture.container_token();
    fixture.endpoints.withdraw_token(&fixture.token);
    let response = fixture.ask("GET", CONTAINER_PATH, &[("authorization", &token)]);
    assert_eq!(response.status(), 404);
    assert_eq!(fixture.ask("GET", CONTAINER_PATH, &[]).status(), 404);
}

#[test]
fn container_token_is_valid_until_the_second_renewal() {
    let fixture = Fixture::new();
    let first = fixture.container_token();
    let status = |token: &str| {
        fixture.ask("GET", CONTAINER_PATH, &[("authorization", token)]).status().as_u16()
    };
    fixture.endpoints.rotate_token(&fixture.token);
    let second = fixture.container_token();
    assert_ne!(first, second);
    assert_eq!((status(&first), status(&second)), (200, 200));
    fixture.file.set_full(true);
    for _ in 0..3 {
        fixture.endpoints.rotate_token(&fixture.token);
        assert_eq!((status(&first), status(&second)), (200, 200));
    }
    let line = fixture
        .log
        .lines()
        .iter()
        .filter(|it| it.contains("container_token_renewal_failed"))
        .count();
    assert_eq!(line, 3);
    fixture.file.set_full(false);
    fixture.renew().unwrap();
    assert_eq!((status(&first), status(&second)), (401, 200));
}

#[test]
fn removed_container_token_is_written_again() {
    let fixture = Fixture::new();
    let token = fixture.container_token();
    fixture.endpoints.restore_token(&fixture.token);
    fixture.file.put(None);
    fixture.file.set_full(true);
    for _ in 0..3 {
        fixture.endpoints.restore_token(&fixture.token);
        assert_eq!(fixture.file.state(token.as_bytes()), TokenState::Missing);
    }
    fixture.file.set_full(false);
    fixture.endpoints.restore_token(&fixture.token);
    assert_eq!(fixture.container_token(), token);
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let lost = &lines[0];
    assert!(lost.starts_with("warning: container_token_lost found=missing reason=cannot write "));
    assert!(lost.ends_with(": no storage space"), "{lost}");
    assert!(lines[1].starts_with("warning: container_token_restored found=missing"));
}

#[test]
fn changed_container_token_is_written_again() {
    let fixture = Fixture::new();
    let token = fixture.container_token();
    for (round, other) in ["", &token[..10], "another's"].into_iter().enumerate() {
        fixture.file.put(Some(other.as_bytes()));
        fixture.endpoints.restore_token(&fixture.token);
        assert_eq!(fixture.container_token(), token);
        let lines = fixture.log.lines();
        assert_eq!(lines.len(), round + 1, "{lines:?}");
        assert!(lines[round].starts_with("warning: container_token_restored found=changed"));
        assert!(!lines.concat().contains(&token[..10]));
    }
}

#[test]
fn token_file_is_removed_unless_it_was_replaced() {
    for (now, left) in [(None, None), (Some("another's"), Some("another's"))] {
        let fixture = Fixture::new();
        let token = fixture.container_token();
        if let Some(now) = now {
            fixture.file.put(Some(now.as_bytes()));
        }
        fixture.endpoints.withdraw_token(&fixture.token);
        assert_eq!(fixture.file.contents().as_deref(), left.map(str::as_bytes));
        assert_eq!(fixture.ask("GET", CONTAINER_PATH, &[("authorization", &token)]).status(), 404);
    }
}

#[test]
fn wrong_method_is_answered_with_the_allowed_one() {
    let fixture = Fixture::new();
    for path in IMDS.into_iter().chain([CONTAINER_PATH, "/healthz", "/readyz", "/metrics"]) {
        for method in ["PUT", "POST", "DELETE", "OPTIONS", "PATCH"] {
            let response = fixture.ask(method, path, &[]);
            assert_eq!(response.status(), 405, "{method} {path}");
            assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
        }
    }
    let response = fixture.ask("GET", "/latest/api/token", &[]);
    assert_eq!((response.status().as_u16(), header(&response, "allow")), (405, Some("PUT")));
    for method in ["GET", "PUT", "POST"] {
        assert_eq!(fixture.ask(method, "/else", &[]).status(), 404);
    }
}

#[test]
fn head_is_answered_like_get() {
    let fixture = Fixture::new();
    let token = fixture.token("60");
    for path in IMDS.into_iter().chain(["/healthz", "/readyz"]) {
        let headers = [(TOKEN, token.as_str())];
        let (head, get) = (fixture.ask("HEAD", path, &headers), fixture.ask("GET", path, &headers));
        assert_eq!((head.status(), head.body()), (get.status(), get.body()), "{path}");
        assert_eq!(head.headers(), get.headers());
    }
    // What has no body is no vend.
    assert_eq!(fixture.log.lines().len(), 1);
}

#[test]
fn every_route_is_guarded_and_none_redirects() {
    let fixture = Fixture::new();
    let token = fixture.token("60");
    let routes =
        IMDS.into_iter().chain([CONTAINER_PATH, "/healthz", "/readyz", "/metrics", "/else"]);
    for path in routes.chain(["/latest/api/token", "//latest//api//token//"]) {
        for name in ["x-forwarded-for", "x-forwarded-host", "forwarded", "via", "origin"] {
            for method in ["GET", "PUT"] {
                let headers = [(name, "x"), (TOKEN, token.as_str()), (TTL, "60")];
                assert_eq!(fixture.ask(method, path, &headers).status(), 403, "{name} {path}");
            }
        }
        let response = fixture.ask("GET", path, &[]);
        assert!(!response.status().is_redirection() && header(&response, "location").is_none());
        let foreign = Request::builder().uri(path).header("host", "a.example");
        let foreign = foreign.body(Empty::<Bytes>::new()).unwrap();
        match fixture.try_ask(&foreign, Exposure::Everything) {
            Poll::Ready(response) => assert_eq!(response.status(), 403),
            Poll::Pending => panic!("no answer"),
        }
    }
}

#[test]
fn refuses_a_body() {
    let fixture = Fixture::new();
    let request = Request::builder().uri("/healthz").header("host", "localhost");
    let request = request.body(Full::<Bytes>::from("x")).unwrap();
    match fixture.try_ask(&request, Exposure::Everything) {
        Poll::Ready(response) => {
            assert_eq!(response.status(), 413);
            assert_eq!(header(&response, "connection"), Some("close"));
        }
        Poll::Pending => panic!("no answer"),
    }
}

#[test]
fn remote_clients_reach_only_exposed_routes() {
    let fixture = Fixture::new();
    let container = fixture.container_token();
    let status = |exposure, path| {
        let headers = [("authorization", container.as_str()), (TOKEN, "x")];
        fixture.ask_from(exposure, "GET", path, &headers).status().as_u16()
    };
    for exposure in [Exposure::Container, Exposure::Imds] {
        for path in [CONTAINER_PATH, "/healthz", "/readyz"] {
            assert_eq!(status(exposure, path), 200, "{path}");
        }
        assert_eq!(status(exposure, "/metrics"), 404);
    }
    for path in IMDS.into_iter().chain(["/latest/api/token"]) {
        assert_eq!(status(Exposure::Container, path), 404, "{path}");
        assert_ne!(status(Exposure::Imds, path), 404, "{path}");
    }
}

#[test]
fn never_returns_an_expired_session() {
    let fixture = Fixture::new();
    fixture.clock.pass_sleeps(Duration::from_millis(400));
    // By whichever clock has gone further: the wall's may be set back, the other sleeps with the
    // machine.
    let rows = [
        (0, 0, 200),
        (3_599, 3_599, 200),
        (3_600, 0, 503),
        (0, 3_600, 503),
        (-99_999, 3_599, 200),
        (-99_999, 3_600, 503),
        (99_999, 1, 503),
    ];
    for (elapsed, awake, status) in rows {
        fixture.clock.set_wall(NOW.after(elapsed));
        fixture.clock.set_uptime(Duration::from_secs(awake));
        for response in [
            fixture.get(CREDENTIALS),
            fixture.get_container(),
            fixture.get("/latest/meta-data/iam/info"),
        ] {
            assert_eq!(response.status(), status, "{elapsed}");
            assert_eq!(
                text(&response).contains("Success") || text(&response).contains("ASIA"),
                status == 200
            );
        }
        let ready = fixture.ask("GET", "/readyz", &[]).status().as_u16();
        assert_eq!(ready, status, "{elapsed}");
        assert_eq!(fixture.ask("GET", "/healthz", &[]).status(), 200);
    }
    assert!(!fixture.endpoints.roles().all[0].is_rendered(), "bodies of what has ended are kept");
}

/// If the other clock counts sleep.
#[test]
fn set_wall_clock_ends_no_session() {
    let fixture = Fixture::new();
    fixture.clock.pass_sleeps(Duration::from_millis(400));
    fixture.clock.set_counts_sleep(true);
    for (elapsed, awake, status) in [(9_999_999_999, 1, 200), (9_999_999_999, 3_600, 503)] {
        fixture.clock.set_wall(NOW.after(elapsed));
        fixture.clock.set_uptime(Duration::from_secs(awake));
        assert_eq!(fixture.get(CREDENTIALS).status(), status, "{elapsed} {awake}");
        assert_eq!(fixture.get_container().status(), status, "{elapsed} {awake}");
        assert_eq!(fixture.ask("GET", "/readyz", &[]).status(), status, "{elapsed} {awake}");
    }
}

#[test]
fn error_text_requires_the_container_token() {
    let fixture = Fixture::new();
    fixture.clock.pass_sleeps(Duration::from_millis(400));
    let starting = "the first session has not been received yet";
    let refused = "no credentials: refused, access_denied; the log of `serve` has the error";
    let rows = [
        (Status::default(), ["starting", "no_session_yet"], starting, starting),
        (
            failed_status(),
            ["refused", "access_denied"],
            refused,
            "AWS refused CreateSession: 403 AccessDeniedException",
        ),
    ];
    for (status, [kind, reason], anyone, holder) in rows {
        fixture.channel.publish(status);
        let from = |exposure| fixture.ask_from(exposure, "GET", "/readyz", &[]);
        let readiness = [Exposure::Everything, Exposure::Container, Exposure::Imds].map(from);
        let metadata = [fixture.get(CREDENTIALS), fixture.get("/latest/meta-data/iam/info")];
        let anyones = readiness.into_iter().chain(metadata).map(|response| (response, anyone));
        for (response, why) in anyones.chain([(fixture.get_container(), holder)]) {
            assert_eq!(response.status(), 503);
            assert_eq!(header(&response, "retry-after"), Some("5"));
            let document = json(&response);
            assert_eq!(document["Code"], "CredentialsUnavailable");
            assert_eq!((&document["Message"], &document["message"]), (&why.into(), &why.into()));
            assert_eq!((&document["kind"], &document["reason"]), (&kind.into(), &reason.into()));
        }
    }
}

#[test]
fn waits_for_the_exchange_in_flight() {
    let fixture = Fixture::new();
    fixture.channel.publish(Status { in_flight: true, ..Status::default() });
    let token = fixture.container_token();
    let request = Request::builder().uri(CONTAINER_PATH).header("host", "localhost");
    let request = request.header("authorization", token).body(Empty::<Bytes>::new()).unwrap();
    let end: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let peer = Peer::new(end, end, Exposure::Everything, |_, _| None);
    let mut answer = std::pin::pin!(fixture.endpoints.answer(&request, &peer));
    let mut context = Context::from_waker(Waker::noop());
    assert!(answer.as_mut().poll(&mut context).is_pending());
    fixture.channel.publish(session_status(3_600));
    match answer.as_mut().poll(&mut context) {
        Poll::Ready(response) => assert_eq!(response.status(), 200),
        Poll::Pending => panic!("not woken"),
    }
}

#[test]
fn returns_the_new_session_at_once() {
    let fixture = Fixture::new();
    let first = text(&fixture.get_container());
    let mut next = session_status(3_600);
    let (session, received) = next.session.take().unwrap();
    let mut session = Session::clone(&session);
    session.credentials.access_key_id = "ASIANEXT".to_owned();
    next.session = Some((Arc::new(session), received));
    fixture.channel.publish(next);
    assert_eq!(text(&fixture.get_container()), first.replace("ASIAEXAMPLE", "ASIANEXT"));
}

#[test]
fn vend_log_names_client_but_no_secret() {
    let fixture = Fixture::new();
    fixture.get(CREDENTIALS);
    fixture.get_container();
    let lines = fixture.log.lines();
    let line = |route: &str| {
        format!(
            "info: credentials_vended route={route} peer=127.0.0.1:5000 uid=1000 \
             role=arn:aws:iam::123456789012:role/path/Plant access_key_id=ASIAEXAMPLE \
             expiration=2015-08-30T13:36:00Z"
        )
    };
    assert_eq!(lines, [line("imds"), line("container")]);
}

#[test]
fn logs_rejected_requests_once_a_second() {
    let fixture = Fixture::new();
    for _ in 0..5 {
        fixture.ask("GET", CONTAINER_PATH, &[("authorization", "very-secret-guess")]);
    }
    fixture.clock.set_uptime(Duration::from_secs(1));
    fixture.ask("GET", CREDENTIALS, &[(TOKEN, "very-secret-guess")]);
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("warning: request_refused route=container status=401 "));
    let why = "reason=the header Authorization must contain the token from the token file peer=";
    assert!(lines[0].contains(why), "{lines:?}");
    assert!(
        lines[0].ends_with(" suppressed=0") && lines[1].ends_with(" suppressed=4"),
        "{lines:?}"
    );
    assert!(!lines.concat().contains("very-secret"));
}

#[test]
fn vend_is_logged_before_its_response() {
    let fixture = Fixture::new();
    let token = fixture.token("60");
    let ways = [
        (CREDENTIALS, (TOKEN, token)),
        (CONTAINER_PATH, ("authorization", fixture.container_token())),
    ];
    for (path, (name, value)) in ways {
        let before = fixture.log.lines().len();
        assert_eq!(fixture.ask("GET", path, &[(name, &value)]).status(), 200);
        assert_eq!(fixture.log.lines().len(), before + 1);
    }
}

#[test]
fn unlogged_vends_are_counted_by_user() {
    let fixture = Fixture::new();
    let keep = fixture.endpoints.keep_audit();
    let mut keep = std::pin::pin!(keep);
    let mut context = Context::from_waker(Waker::noop());
    fixture.log.set_full(true);
    for _ in 0..3 {
        assert_eq!(fixture.get(CREDENTIALS).status(), 200);
        assert_eq!(fixture.get_container().status(), 200);
        assert!(keep.as_mut().poll(&mut context).is_pending());
        fixture.clock.advance(Duration::from_secs(1));
    }
    assert!(fixture.log.lines().is_empty());
    let page = text(&fixture.ask("GET", "/metrics", &[]));
    assert!(page.contains("roles_anywhere_unlogged_vends_total 6\n"), "{page}");
    // Without another request.
    fixture.log.set_full(false);
    assert!(keep.as_mut().poll(&mut context).is_pending());
    assert_eq!(fixture.log.lines(), ["warning: credentials_vended_unlogged uid=1000 count=6"]);
}

#[test]
fn unlogged_count_is_logged_before_the_next_vend() {
    let fixture = Fixture::new();
    fixture.log.set_full(true);
    fixture.get_container();
    fixture.log.set_full(false);
    fixture.get_container();
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].ends_with("credentials_vended_unlogged uid=1000 count=1"), "{lines:?}");
    assert!(lines[1].starts_with("info: credentials_vended route=container"), "{lines:?}");
}

#[test]
fn required_audit_refuses_an_unlogged_vend() {
    let fixture =
        Fixture::with(ServePolicy { audit: AuditPolicy::Required, ..ServePolicy::default() });
    fixture.log.set_full(true);
    for response in [fixture.get(CREDENTIALS), fixture.get_container()] {
        assert_eq!(response.status(), 503);
        assert_eq!(
            (&json(&response)["kind"], &json(&response)["reason"]),
            (&"local".into(), &"audit".into())
        );
        assert!(!text(&response).contains("ASIA") && !text(&response).contains("very-"));
    }
    fixture.log.set_full(false);
    assert_eq!(fixture.get(CREDENTIALS).status(), 200);
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 1, "nothing went out that would have to be counted: {lines:?}");
}

#[test]
fn serves_the_routes_that_are_offered() {
    let status =
        |fixture: &Fixture, response: fn(&Fixture) -> Response| response(fixture).status().as_u16();
    let token: fn(&Fixture) -> Response =
        |fixture| fixture.ask("PUT", "/latest/api/token", &[(TTL, "60")]);
    let rows = [(Offer::Both, 200, 200), (Offer::Imds, 200, 404), (Offer::Container, 404, 200)];
    for (offer, imds, container) in rows {
        let fixture = Fixture::with(ServePolicy { offer, ..ServePolicy::default() });
        assert_eq!(status(&fixture, token), imds, "{offer:?}");
        assert_eq!(
            status(&fixture, |fixture| fixture.ask("GET", "/latest/", &[])) == 404,
            imds == 404
        );
        assert_eq!(status(&fixture, Fixture::get_container), container, "{offer:?}");
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(fixture.ask("GET", path, &[]).status(), 200, "{path}");
        }
    }
}

#[test]
fn log_names_the_refused_host() {
    let fixture = Fixture::with(ServePolicy {
        hosts: vec!["serve:9911".parse().unwrap()],
        ..ServePolicy::default()
    });
    let status = |host: &str| {
        let request = Request::builder().uri("/healthz").header("host", host);
        match fixture.try_ask(&request.body(Empty::<Bytes>::new()).unwrap(), Exposure::Container) {
            Poll::Ready(response) => response.status().as_u16(),
            Poll::Pending => panic!("no answer"),
        }
    };
    assert_eq!((status("serve:9911"), status("other.example:9911")), (200, 403));
    let lines = fixture.log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let said = "reason=this host is not allowed; `--allow-host` adds one host=other.example:9911 peer=127.0.0.1:5000";
    assert!(lines[0].contains(said), "{lines:?}");
}

#[test]
fn counts_in_the_format_of_prometheus() {
    let fixture = Fixture::new();
    fixture.get(CREDENTIALS);
    fixture.get(CREDENTIALS);
    fixture.ask("GET", CONTAINER_PATH, &[]);
    fixture.endpoints.count_unreadable(StatusCode::BAD_REQUEST);
    let response = fixture.ask("GET", "/metrics", &[]);
    assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4"));
    let page = text(&response);
    let wanted = [
        "roles_anywhere_credentials_expiry_seconds 3600",
        "roles_anywhere_session_info{region=\"eu-west-1\",fallback=\"true\"} 1",
        // By AWS's clock, which this machine's is 300 s ahead of.
        "roles_anywhere_certificate_expiry_seconds 86700",
        "roles_anywhere_clock_offset_seconds -300",
        "roles_anywhere_refreshes_total{result=\"succeeded\"} 3",
        "roles_anywhere_refreshes_total{result=\"refused\"} 2",
        "roles_anywhere_refreshes_total{result=\"unreachable\"} 0",
        "roles_anywhere_refreshes_total{result=\"identity\"} 0",
        "roles_anywhere_refreshes_total{result=\"local\"} 0",
        "roles_anywhere_unlogged_vends_total 0",
        "roles_anywhere_requests_total{route=\"container\",status=\"401\"} 1",
        "roles_anywhere_requests_total{route=\"imds\",status=\"200\"} 2",
        "roles_anywhere_requests_total{route=\"token\",status=\"200\"} 2",
        "roles_anywhere_requests_total{route=\"unreadable\",status=\"400\"} 1",
    ];
    let found: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(found, wanted);
    for name in wanted.map(|line| line.split(['{', ' ']).next().unwrap()) {
        let heads = ["HELP", "TYPE"].map(|head| format!("# {head} {name} "));
        let count = |head: &String| page.lines().filter(|line| line.starts_with(head)).count();
        assert_eq!(heads.each_ref().map(count), [1, 1], "{name}");
    }
    assert!(!page.contains("very-"));
}

#[test]
fn metric_labels_do_not_come_from_clients() {
    let fixture = Fixture::new();
    for number in 0..100 {
        fixture.ask("GET", &format!("/latest/{number}"), &[]);
        fixture.ask(&format!("M{number}"), &format!("/{number}"), &[]);
    }
    assert_eq!(text(&fixture.ask("GET", "/metrics", &[])).matches("requests_total{").count(), 2);
}

#[test]
fn shows_no_secret_to_a_debugger() {
    let fixture = Fixture::new();
    fixture.get_container();
    let shown = format!(
        "{:?} {:?} {:?} {:?}",
        fixture.endpoints,
        fixture.endpoints.roles(),
        fixture.endpoints.tokens,
        fixture.endpoints.roles().all[0]
            .render(fixture.channel.status().session.as_ref().map(|it| &it.0)),
    );
    assert!(!shown.contains("very-") && !shown.contains(&fixture.container_token()), "{shown}");
}
